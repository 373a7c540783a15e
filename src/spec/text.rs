//! A flow as people write it: one Rust type per YAML mapping, from which the JSON Schema is generated.
//! In: a YAML document that the schema accepts. Out: the same, typed. Never: a default filled in, a name resolved.

mod ask;
mod catalog;
mod route;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{AgentKey, FlowKey, ParamName, ProgramName, StepId};

use super::{Access, Effects, Halt, Length, Measure, Network, OnExhausted, OnFailure, Role, Severity};

pub use super::EngineText;
pub use super::{
    built_in::{CompareExpectText, CompareText, RenderText, ScanText, SnapshotText},
    limits::{LimitsText, OnUnknownCost},
    verify_text::VerifyText,
};
pub use ask::{ApproveText, AskText, OptionText};
pub use catalog::{AgentText, DetourText, DetourWhenText, DetoursText, ToolsText};
pub use route::{InjectText, RouteText};

/// A runbook flow: `flows/<flow>.yaml`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlowText {
    /// The flow's key; the same as the file's stem.
    pub flow: FlowKey,
    /// One line that says what it is for.
    pub title: Option<String>,
    /// Goal, question and non-goals; agents and routing are held to it.
    pub charter: Option<CharterText>,
    /// In whose name it runs; shown to agents and reviewers.
    pub role: Option<Role>,
    /// What must be given when the flow is started. Steps see each one as `PARAM_<NAME>`.
    #[serde(default)]
    pub params: BTreeMap<ParamName, ParamText>,
    /// What the machine must have; everything missing is reported at once, before the first step.
    #[serde(default)]
    pub requires: RequiresText,
    /// Files handed to every agent; a missing one stops the flow before it starts.
    #[serde(default)]
    pub read_first: Vec<String>,
    /// What steps use when they say nothing of their own.
    #[serde(default)]
    pub defaults: DefaultsText,
    /// Bounds on the whole flow; reaching one asks a person.
    #[serde(default)]
    pub limits: LimitsText,
    /// Steps at once.
    #[schemars(range(min = 1, max = 256))]
    pub jobs: Option<u32>,
    /// Environment names whose values are redacted everywhere and reach only the steps that name them.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub secrets: Vec<String>,
    /// What is done, in order unless a step says `needs`.
    #[schemars(length(min = 1, max = 20000))]
    pub steps: Vec<StepText>,
    /// Definition of Done: the flow is complete only when all of these hold.
    #[serde(default)]
    pub done: Vec<DoneText>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CharterText {
    /// What is to be reached.
    pub goal: Option<String>,
    /// The question that the flow answers.
    pub question: Option<String>,
    /// What it must not become.
    #[serde(default)]
    pub non_goals: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ParamType {
    String,
    Integer,
    Number,
    Boolean,
    Enum,
    /// A list of strings.
    List,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParamText {
    /// What kind of value.
    pub r#type: ParamType,
    /// Must be given.
    #[serde(default)]
    pub required: bool,
    /// Taken where nothing is given.
    pub default: Option<serde_json::Value>,
    /// The choices of an `enum`.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub values: Vec<String>,
    /// A regular expression that the whole text of a `string` must match.
    pub pattern: Option<String>,
    /// For whoever starts the flow.
    pub description: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequiresText {
    /// Programs that must be on PATH.
    #[serde(default)]
    pub commands: Vec<String>,
    /// Environment variables that must be set.
    #[serde(default)]
    pub env: Vec<String>,
    /// Files that must exist, relative to the workspace.
    #[serde(default)]
    pub files: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DefaultsText {
    /// Of each step but `flow` ones, whose steps have the defaults of their own flow.
    pub timeout: Option<Length>,
    pub engine: Option<EngineText>,
    /// Of agents: a name or a tier.
    pub model: Option<String>,
    /// How failures are tried again.
    pub retry: Option<RetryText>,
    pub on_failure: Option<OnFailure>,
    pub access: Option<Access>,
    pub network: Option<Network>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryText {
    /// Tries in all, the first one included.
    #[schemars(range(min = 1, max = 20))]
    pub attempts: Option<u32>,
    /// Wait before the second try; doubled each time.
    pub delay: Option<Length>,
    pub max_delay: Option<Length>,
}

/// One step: an id, exactly one verb, and how it behaves.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepText {
    pub id: StepId,
    /// One line on what it is for.
    pub title: Option<String>,
    /// The steps that must come before; left out, the step above; `[]`, none.
    pub needs: Option<Vec<StepId>>,
    /// Run although a step named in `needs` was skipped.
    pub needs_skipped: Option<NeedsSkipped>,
    /// CEL; false skips the step.
    pub when: Option<String>,
    /// CEL that gives a list; the step runs once per item.
    pub for_each: Option<String>,
    /// The name of the item in expressions and templates; steps see it as `ITEM`.
    pub r#as: Option<String>,
    /// How many of `needs` must be done: `all`, `any` or a number.
    pub join: Option<JoinText>,

    /// Verb: shell text, run by `sh -eu`, never templated.
    pub run: Option<String>,
    /// Verb: a program and its arguments; each may be a template, and no shell sees them.
    #[schemars(length(min = 1))]
    pub exec: Option<Vec<String>>,
    /// Verb: an agent from `agents/`.
    pub agent: Option<AgentKey>,
    /// Verb: a question to a person.
    pub ask: Option<Box<AskText>>,
    /// Verb: another flow, as a part of this one.
    pub flow: Option<FlowKey>,
    /// Parameters of the sub-flow; texts may be templates.
    pub with: Option<BTreeMap<ParamName, serde_json::Value>>,
    /// Verb: keep the state of files and commands.
    pub snapshot: Option<Box<SnapshotText>>,
    /// Verb: two snapshots held against each other.
    pub compare: Option<Box<CompareText>>,
    /// Verb: a file from a template.
    pub render: Option<Box<RenderText>>,
    /// Verb: look for secrets and boundary violations.
    pub scan: Option<Box<ScanText>>,

    /// Files that must be there before the step starts.
    #[serde(default)]
    pub inputs: Vec<String>,
    /// Files that must be there after it ended.
    #[serde(default)]
    pub outputs: Vec<String>,
    /// What has to be seen of its command; else it has failed.
    pub expect: Option<Box<ExpectText>>,
    /// Commands that measure its work afterwards; all have to hold.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub verify: Vec<VerifyText>,
    /// What else is measured of a `run` or `exec` step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub measure: Vec<Measure>,

    pub access: Option<Access>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    pub effects: Option<Effects>,
    /// For one attempt; of a `flow` step, the running time of all that is inside. Waiting for a person never counts.
    pub timeout: Option<Length>,
    /// How its failures are tried again.
    pub retry: Option<RetryText>,
    /// Tried until it holds, or the time is up.
    pub poll: Option<PollText>,
    /// Environment variables set for the step.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Which of the flow's secrets this step sees.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub secrets: Vec<String>,
    /// Shell text that takes the step back; used by `on_failure: rollback`. Without it, what a `flow:` step did is taken back by the undos
    /// of that flow.
    pub undo: Option<String>,
    pub on_failure: Option<OnFailure>,
    /// When a person is asked how to go on.
    pub escalate: Option<Box<EscalateText>>,
    /// Asked before it starts; covers exactly what was shown.
    pub approve: Option<Box<ApproveText>>,
    /// Back to an earlier step, a bounded number of times.
    pub r#loop: Option<Box<LoopText>>,
    /// `navigator`: this agent step chooses which of the steps that need it comes next.
    pub route: Option<RouteText>,
    /// What it may put in before it chooses; only with `route: navigator`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inject: Option<Box<InjectText>>,
    pub engine: Option<EngineText>,
    /// Of `engine: cli`: which one of `[engines.cli.<name>]`; left out, the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<ProgramName>,
    /// Of an agent: a name or a tier.
    pub model: Option<String>,
    /// Of an agent: answers in one execution.
    #[schemars(range(min = 1, max = 1000))]
    pub max_turns: Option<u32>,
    /// Of an agent: its task.
    pub teach: Option<Box<TeachText>>,
    /// Of an agent: what else it is told.
    pub context: Option<Box<ContextText>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NeedsSkipped {
    Ok,
}

/// `all`, `any`, or how many.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JoinText(pub serde_json::Value);

impl JsonSchema for JoinText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "JoinText".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "`all`, `any`, or how many of the needs must be done.",
            "anyOf": [{"enum": ["all", "any"]}, {"type": "integer", "minimum": 1}]
        })
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectText {
    /// The exit code; left out, 0.
    pub exit: Option<i32>,
    /// Text that standard output must hold; `/…/` is a regular expression.
    pub stdout: Option<String>,
    /// Text that standard output must not hold; `/…/` is a regular expression.
    pub not_stdout: Option<String>,
    /// Text that standard error must hold; `/…/` is a regular expression.
    pub stderr: Option<String>,
    /// CEL over `json`, the standard output read as JSON.
    pub json: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PollText {
    pub every: Length,
    pub r#for: Length,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EscalateText {
    /// CEL over the step just ended.
    pub when: String,
    pub severity: Option<Severity>,
    /// What is asked; a template.
    pub question: Option<String>,
    /// Roles that may answer; left out, everybody.
    #[serde(default)]
    pub to: Vec<Role>,
    /// `branch` (the default) or `run`: stop the line.
    pub halt: Option<Halt>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoopText {
    /// The first step of the body; this step is its last.
    pub to: StepId,
    /// Times the body runs at most.
    #[schemars(range(min = 1, max = 1000))]
    pub max: u32,
    /// CEL that must hold besides VERIFIED.
    pub until: Option<String>,
    pub on_exhausted: Option<OnExhausted>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TeachText {
    /// What is to be done; a template, like all of these.
    pub objective: Option<String>,
    /// What to begin from.
    #[serde(default)]
    pub inputs: Vec<String>,
    /// What is to be there in the end.
    #[serde(default)]
    pub outputs: Vec<String>,
    /// How to go about it.
    #[serde(default)]
    pub behavior: Vec<String>,
    /// How anybody can tell that it is done.
    #[serde(default)]
    pub success: Vec<String>,
    /// What to do instead of guessing.
    #[serde(default)]
    pub when_stuck: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContextText {
    /// Files that it is told besides `read_first` and its inputs.
    #[serde(default)]
    pub include: Vec<String>,
    /// Tokens.
    #[schemars(range(min = 256))]
    pub budget: Option<u32>,
}

/// One line of the Definition of Done: `that` (CEL) or `ask` (a person).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DoneText {
    pub id: StepId,
    /// CEL that has to hold.
    pub that: Option<String>,
    /// A question that has to be answered with yes: `approve`, or an option with the key `yes`. Any other answer is a no.
    pub ask: Option<AskText>,
    /// CEL; false: this line does not apply.
    pub when: Option<String>,
}
