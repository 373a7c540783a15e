//! What was measured of one execution: the part of a receipt that differs from step to step.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{EscalationId, FramePath, Sha256, StepRef, Time};

use super::figures::{ChangeFigures, CoverageFigures, Figures, FindingFigures};
use super::words::{DecisionKind, EngineWord, ErrorClass, FailureKind, Mode, ReceiptStatus, Rule};

/// One command that ran. Paths are relative to RUN_BASE; a stream that printed nothing has no file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommandRun {
    /// Shell text, for `run`, `verify` and `undo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Program and arguments, for `exec`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argv: Option<Vec<String>>,
    /// Relative to the workspace; `.` is the workspace itself.
    pub cwd: String,
    /// Absent when a signal ended it or it never started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// How long it ran.
    pub duration_ms: u64,
    /// Where its standard output is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout_path: Option<String>,
    /// Where its error output is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr_path: Option<String>,
    /// Digest of the redacted standard output, whole, also of the part that was not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout_sha256: Option<Sha256>,
    /// The same of its error output; absent where it printed none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr_sha256: Option<Sha256>,
    /// How much it printed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stdout_bytes: u64,
    /// How much it printed as errors.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stderr_bytes: u64,
    /// The files hold less than was printed.
    pub truncated: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InputFile {
    /// As the flow writes it.
    pub path: String,
    /// Digest when the step began.
    pub sha256: Sha256,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OutputFile {
    /// As the flow writes it.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Digest when the step ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// Whether it is there.
    pub exists: bool,
}

/// One thing that was looked at, and what was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// What was looked at: `exit`, `stdout`, `output <path>`, `verify <id>` …
    pub name: String,
    /// Whether it held.
    pub passed: bool,
    /// What had to be.
    pub expected: String,
    /// What was.
    pub actual: String,
    /// The file that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence_path: Option<String>,
}

/// What the step said of itself, beside what we saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// What the agent said.
    pub claim: String,
    /// What was measured.
    pub measured: String,
    /// `false` makes VERIFIED into UNVERIFIED.
    pub agrees: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorDetail {
    /// What went wrong, out of a closed list.
    pub kind: FailureKind,
    /// Whether trying again can help.
    pub class: ErrorClass,
    /// The same cause has the same one.
    pub signature: String,
    /// Of the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tokens {
    /// What models read.
    pub prompt: u64,
    /// What they wrote.
    pub completion: u64,
    /// Both.
    pub total: u64,
}

impl Tokens {
    /// A million times what one call can have: beyond it stands a mistake of whoever counted, and no count.
    const COUNTED_MAX: u64 = 1 << 40;

    /// What a server or a program says that it counted; `None`: a figure is missing, or cannot be meant.
    pub fn counted(prompt: Option<u64>, completion: Option<u64>) -> Option<Self> {
        let (prompt, completion) = (prompt?, completion?);
        let meant = prompt <= Self::COUNTED_MAX && completion <= Self::COUNTED_MAX;
        meant.then(|| Self { prompt, completion, total: prompt + completion })
    }

    /// A total may hold what is not told apart, so it may be more than its parts, and is never less.
    #[must_use]
    pub fn with_total(self, total: u64) -> Option<Self> {
        (total <= 2 * Self::COUNTED_MAX).then_some(Self { total: self.total.max(total), ..self })
    }

    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            prompt: self.prompt.saturating_add(other.prompt),
            completion: self.completion.saturating_add(other.completion),
            total: self.total.saturating_add(other.total),
        }
    }
}

/// A model was left for the next one of its list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Switch {
    /// The attempt in which the next one began.
    pub attempt: u32,
    /// The model that was left.
    pub from: String,
    /// The one that took its place.
    pub to: String,
    /// What went wrong.
    pub why: String,
}

/// One call of a model, as it is counted when its answer is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Call {
    pub flow: FramePath,
    pub step_id: StepRef,
    pub agent_key: String,
    pub execution: u32,
    pub attempt: u32,
    pub engine: EngineWord,
    pub provider: String,
    pub model: String,
    /// Absent when the server did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
    /// Absent when tokens or price are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    pub duration_ms: u64,
}

/// A line of `cost.jsonl`: a call, and all calls of the run up to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CostLine {
    pub ts: Time,
    pub call: Call,
    pub total: Spent,
}

/// What the calls of a run used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spent {
    pub calls: u64,
    pub tokens: Tokens,
    /// Of the calls whose cost is known.
    pub cost_usd: f64,
    /// Calls whose tokens or cost are not known, and are therefore missing above.
    pub unknown: u64,
}

impl Spent {
    pub fn add(&mut self, call: &Call) {
        self.calls += 1;
        self.tokens = self.tokens.plus(call.tokens.unwrap_or_default());
        self.cost_usd += call.cost_usd.unwrap_or_default();
        self.unknown += u64::from(call.tokens.is_none() || call.cost_usd.is_none());
    }
}

impl std::iter::Sum for Spent {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, one| {
            sum.calls += one.calls;
            sum.tokens = sum.tokens.plus(one.tokens);
            sum.cost_usd += one.cost_usd;
            sum.unknown += one.unknown;
            sum
        })
    }
}

/// What an agent was told, part by part, and what did not fit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContextManifest {
    /// What the flow allows, or the default.
    pub budget_tokens: u64,
    /// What both prompts have together.
    pub tokens: u64,
    /// Tokens are an upper estimate from the text's letters, not a count by the model's own tokenizer.
    pub estimated: bool,
    /// Part by part, in the order in which they were told.
    pub parts: Vec<ContextPart>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContextPart {
    /// What it is: `teaching`, `handoff plan`, `file docs/safety.md` …
    pub part: String,
    /// Where all of it can be read, relative to RUN_BASE or to the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// As told.
    pub tokens: u64,
    /// Left out, with a mark in the prompt.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cut_tokens: u64,
}

/// What was promised of a step, and what held its processes to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sandbox {
    /// What the step promised: `observe`, `network: none`, or nothing.
    pub requested: String,
    /// What held it to that, or that nothing did.
    pub enforced: String,
}

/// The repository the workspace stands in, when it was last asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Git {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dirty: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RoutingSignal {
    /// What was decided after it.
    pub decision: DecisionKind,
    /// The steps that could start then.
    pub next_step_ids: Vec<StepRef>,
    /// Why, in a sentence.
    pub reason: String,
    /// The rule that fired.
    pub rule: Rule,
}

/// What the journal keeps of one execution; with the run's header it is the receipt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Proof {
    pub engine: EngineWord,
    pub mode: Mode,
    pub agent_key: String,
    /// Whose model it was; absent for what ran here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    pub attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iteration: Option<u32>,
    pub started_at: Time,
    pub completed_at: Time,
    pub status: ReceiptStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub switches: Vec<Switch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_detail: Option<ErrorDetail>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<CommandRun>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<InputFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OutputFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tests: Option<Figures>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lint: Option<Box<Figures<FindingFigures>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<Box<Figures<FindingFigures>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Box<Figures<CoverageFigures>>>,
    /// What it changed in the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Box<Figures<ChangeFigures>>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcript_path: Option<String>,
    /// What an agent was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Box<ContextManifest>>,
    /// The question whose answer allowed this execution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<EscalationId>,
    pub definition_sha256: Sha256,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<Sandbox>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tool_versions: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<Git>,
    /// Of the work tree as the judge of a loop saw it: what is committed, changed and new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<Sha256>,
}
