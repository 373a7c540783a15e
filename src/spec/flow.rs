//! A flow after it was checked: every name a type, every default filled in, exactly one verb per step.
//! In: nothing (these are values). Out: nothing. Never: a state that the loader should have refused.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::id::{AgentKey, DetourId, FlowKey, ParamName, ProgramName, Sha256, SnapshotName, StepId};

use super::{
    Access, CountsAs, Effects, Expr, Halt, Network, OnExhausted, OnFailure, OnFinding, OnTimeout, ParseAs, Places, Role,
    Severity, Template,
    text::{CharterText, ContextText, EngineText, OnUnknownCost, ParamText, RequiresText},
};

/// A checked flow, ready to be planned. Times are milliseconds.
#[derive(Debug, Clone)]
pub struct Flow {
    pub key: FlowKey,
    pub title: String,
    pub charter: CharterText,
    pub role: Option<Role>,
    pub params: BTreeMap<ParamName, ParamText>,
    pub requires: RequiresText,
    pub read_first: Vec<String>,
    pub limits: Limits,
    pub jobs: Option<u32>,
    pub secrets: Vec<String>,
    pub steps: Vec<Arc<Step>>,
    pub done: Vec<Done>,
    /// The file's bytes as they were read.
    pub source: String,
    pub sha256: Sha256,
    /// Where everything stands in the file: `/steps/3/loop/to`.
    pub places: Places,
}

/// `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    pub wall_ms_max: Option<u64>,
    pub steps_max: Option<u32>,
    pub tokens_max: Option<u64>,
    pub usd_max: Option<f64>,
    pub turns_max: Option<u64>,
    pub on_unknown_cost: Option<OnUnknownCost>,
}

impl Limits {
    /// `usd_max` in millionths of a dollar: a figure that can be compared.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, and the schema refuses less than 0"
    )]
    pub fn usd_millionths(&self) -> Option<u64> {
        self.usd_max.map(|usd| (usd * 1_000_000.0).round() as u64)
    }
}

#[derive(Debug, Clone)]
pub struct Step {
    pub id: StepId,
    pub title: Option<String>,
    pub needs: Needs,
    pub when: Option<Expr>,
    pub for_each: Option<ForEach>,
    pub verb: Verb,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub expect: Expect,
    pub verify: Vec<Verify>,
    /// Its changes of the repository are measured, as those of an agent step are anyway.
    pub measures_changes: bool,
    pub access: Access,
    pub network: Network,
    pub effects: Effects,
    pub timeout_ms: Option<u64>,
    pub retry: Retry,
    pub poll: Option<Poll>,
    pub env: BTreeMap<String, String>,
    pub secrets: Vec<String>,
    pub undo: Option<String>,
    pub on_failure: OnFailure,
    pub escalate: Option<Escalate>,
    pub approve: Option<Ask>,
    pub ends_loop: Option<Loop>,
    /// It chooses which of the steps that need it comes next.
    pub navigates: Option<Navigates>,
    /// Digest of the step as it was written.
    pub sha256: Sha256,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Needs {
    pub steps: Vec<StepId>,
    /// The step above, because the flow named none.
    pub implied: bool,
    pub skipped_ok: bool,
    pub join: Join,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    All,
    AtLeast(u32),
}

#[derive(Debug, Clone)]
pub struct ForEach {
    pub list: Expr,
    pub name: String,
}

#[derive(Debug, Clone)]
pub enum Verb {
    Run {
        script: String,
    },
    Exec {
        argv: Vec<Template>,
    },
    Agent(AgentStep),
    Ask(Ask),
    Flow {
        flow: FlowKey,
        with: BTreeMap<ParamName, WithValue>,
    },
    Snapshot {
        name: SnapshotName,
        files: Vec<String>,
        commands: BTreeMap<SnapshotName, String>,
    },
    Compare {
        before: SnapshotName,
        after: SnapshotName,
        changed_only: Option<Vec<String>>,
        identical: Vec<String>,
        changed: Vec<String>,
    },
    Render {
        /// The file's path as the flow writes it.
        path: String,
        template: Template,
        to: String,
    },
    Scan(Scan),
}

/// What `scan` looks at; as words, the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    pub paths: Vec<String>,
    pub diff: Option<String>,
    pub run: bool,
    pub allow: Option<String>,
    pub on_finding: OnFinding,
}

impl std::fmt::Display for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let run = self.run.then(|| "the run".to_owned());
        let parts = self.paths.iter().cloned().chain(self.diff.iter().map(|rev| format!("the diff since {rev}"))).chain(run);
        f.write_str(&parts.collect::<Vec<_>>().join(", "))
    }
}

#[derive(Debug, Clone)]
pub struct AgentStep {
    pub agent: AgentKey,
    pub engine: EngineText,
    /// Of `engine: cli`.
    pub program: Option<ProgramName>,
    pub model: Option<String>,
    pub max_turns: Option<u32>,
    pub teach: Teach,
    pub context: ContextText,
    pub agent_sha256: Sha256,
}

/// The teaching note of an agent step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Teach {
    pub objective: Option<Template>,
    pub inputs: Vec<Template>,
    pub outputs: Vec<Template>,
    pub behavior: Vec<Template>,
    pub success: Vec<Template>,
    pub when_stuck: Vec<Template>,
}

/// A value given to a sub-flow: a text is a template, anything else is itself.
#[derive(Debug, Clone)]
pub enum WithValue {
    Template(Template),
    Value(serde_json::Value),
}

/// A question to a person: as a verb, as an approval before a step, or in the Definition of Done.
#[derive(Debug, Clone)]
pub struct Ask {
    pub when: Option<Expr>,
    pub to: Vec<Role>,
    pub question: Template,
    /// Empty: approve or reject; with a form, answer or reject. In `done` one of them is a yes.
    pub options: Vec<Choice>,
    /// What an answer must bring along. Empty: nothing, and nothing is taken.
    pub form: BTreeMap<ParamName, ParamText>,
    pub evidence: Vec<Template>,
    pub severity: Severity,
    pub expires_ms: Option<u64>,
    pub on_timeout: OnTimeout,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub key: String,
    pub label: String,
    pub effect: String,
}

/// Whether an answer says yes where yes is asked for, in the Definition of Done: `approve`, or an option `yes`.
pub fn is_yes(key: &str) -> bool {
    matches!(key, "approve" | "yes")
}

#[derive(Debug, Clone, Default)]
pub struct Expect {
    pub exit: i32,
    pub stdout: Option<Matcher>,
    pub not_stdout: Option<Matcher>,
    pub stderr: Option<Matcher>,
    pub json: Option<Expr>,
    /// The flow wrote an `expect`.
    pub written: bool,
}

/// Text to be found: literally, or by the regular expression between slashes.
#[derive(Debug, Clone)]
pub enum Matcher {
    Holds(String),
    Matches(regex::Regex),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Verify {
    pub id: StepId,
    pub run: String,
    pub parse: ParseAs,
    pub report: Option<String>,
    pub counts_as: CountsAs,
    pub warnings_max: Option<u64>,
    /// Percent of lines.
    pub coverage_min: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Tries in all; 1 is no retry.
    pub attempts_max: u32,
    pub delay_ms: u64,
    pub delay_ms_max: u64,
    /// The step itself wrote `retry`: its author says that failing again is worth it.
    pub written: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Poll {
    pub every_ms: u64,
    pub for_ms: u64,
}

#[derive(Debug, Clone)]
pub struct Escalate {
    pub when: Expr,
    pub severity: Severity,
    pub question: Option<Template>,
    pub to: Vec<Role>,
    pub halt: Halt,
}

#[derive(Debug, Clone)]
pub struct Loop {
    pub to: StepId,
    pub iterations_max: u32,
    pub until: Option<Expr>,
    pub on_exhausted: Option<OnExhausted>,
    /// `on_failure: stop` is written at the step itself: its red ends the flow, and is no verdict for the loop to answer.
    pub red_stops: bool,
}

/// What a navigator may put in before it chooses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Navigates {
    pub flows: Vec<FlowKey>,
    pub detours: Vec<DetourId>,
    /// In all.
    pub injections_max: u32,
}

#[derive(Debug, Clone)]
pub struct Done {
    pub id: StepId,
    pub when: Option<Expr>,
    pub test: DoneTest,
}

#[derive(Debug, Clone)]
pub enum DoneTest {
    That(Expr),
    Ask(Ask),
}

/// One known fix of `flows/detours.yaml`. Its steps form a chain.
#[derive(Debug, Clone)]
pub struct Detour {
    pub id: DetourId,
    pub title: String,
    pub when: DetourWhen,
    pub steps: Vec<Arc<Step>>,
    pub verify: String,
    pub entries_max: u32,
    pub sha256: Sha256,
}

#[derive(Debug, Clone)]
pub enum DetourWhen {
    Signature(String),
    Error(regex::Regex),
    Measured(Expr),
}

/// An agent file: front matter and prompt.
#[derive(Debug, Clone)]
pub struct Agent {
    pub key: AgentKey,
    /// Below the agents directory: `critic.md`, `critic.md.hbs` or `critic/SKILL.md`.
    pub file: String,
    pub description: String,
    /// `None`: all tools.
    pub tools: Option<Vec<String>>,
    pub disallowed_tools: Vec<String>,
    pub model: Option<String>,
    pub turns_max: Option<u32>,
    /// Front-matter keys that are not ours, kept as they are.
    pub other: BTreeMap<String, serde_json::Value>,
    /// Literal, unless the file is a template.
    pub prompt: Template,
    /// Only a file named `*.md.hbs` is a template.
    pub templated: bool,
    pub source: String,
    pub sha256: Sha256,
}

/// Everything a run needs of what people wrote: the flow, its sub-flows, the detours, the agents.
#[derive(Debug, Clone)]
pub struct Library {
    /// The flow that was asked for; the others are its sub-flows.
    pub main: FlowKey,
    pub flows: BTreeMap<FlowKey, Arc<Flow>>,
    pub detours: Vec<Arc<Detour>>,
    pub detours_source: Option<String>,
    pub agents: BTreeMap<AgentKey, Arc<Agent>>,
}
