//! A question to a person: what is asked, what is shown, who may answer, and the answer.
//! `escalations/<id>.json`, schema `flow-studio/escalation/v1`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::{EscalationId, FlowKey, FramePath, ParamName, RunId, Sha256, StepRef, Time},
    spec::{Halt, OnTimeout, Role, Severity},
};

use super::{
    envelope::Concern,
    words::{Rule, Status},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QuestionKind {
    /// Before a step: may it run?
    Approval,
    /// The step itself is the question.
    Ask,
    Failed,
    Blocked,
    EscalateWhen,
    StopTheLine,
    LoopExhausted,
    /// The navigator named no step that may come next.
    Navigator,
    /// A once-only step may have half run.
    Lost,
    Limit,
    /// A line of the Definition of Done.
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QuestionStatus {
    Open,
    Answered,
    /// What was shown changed; a new question took its place.
    Voided,
    Expired,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Option_ {
    /// What is typed: `approve`, `retry`, `push-back:<step>` …
    pub key: String,
    pub label: String,
    /// What happens then.
    pub effect: String,
}

/// One file that was put in front of the person. Relative to RUN_BASE when it starts with the flow's directory, else to the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shown {
    pub path: String,
    pub exists: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// How a file that follows from the journal differed from it when it was looked at: somebody else wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs: Option<String>,
}

impl Shown {
    /// A file that nobody has looked at yet, or that is not there.
    pub fn absent(path: &str) -> Self {
        Self { path: path.to_owned(), exists: false, sha256: None, bytes: None, differs: None }
    }
}

/// What a step before the question said of its work, beside what was measured of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Told {
    pub step: StepRef,
    pub status: Status,
    /// What it found, in its own words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub found: String,
    /// Why it recommends what it recommends.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Question {
    #[schemars(extend("const" = "flow-studio/escalation/v1"))]
    pub schema: String,
    pub id: EscalationId,
    pub run_id: RunId,
    pub flow_key: FlowKey,
    pub flow_path: FramePath,
    pub step_id: StepRef,
    pub execution: u32,
    pub kind: QuestionKind,
    pub severity: Severity,
    pub rule: Rule,
    pub reason: String,
    pub question: String,
    pub options: Vec<Option_>,
    /// Empty: anybody.
    pub to: Vec<Role>,
    /// The exact action that an approval allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    pub shown: Vec<Shown>,
    /// What the steps before it said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<Told>,
    /// What stands open.
    #[serde(default)]
    pub concerns: Vec<Concern>,
    /// Steps that the work can be sent back to, with `push-back:<step>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub push_back: Vec<StepRef>,
    /// JSON Schema of the values that an answer brings along; `reject` and `push-back` bring none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_schema: Option<serde_json::Value>,
    pub params: BTreeMap<ParamName, serde_json::Value>,
    pub step_sha256: Sha256,
    /// Over question, options, evidence, step definition and parameters: what an answer covers.
    pub subject_digest: Sha256,
    /// What models have cost the run so far; absent: unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    pub raised_at: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Time>,
    pub on_timeout: OnTimeout,
    pub halt: Halt,
    pub status: QuestionStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<EscalationId>,
}

impl Question {
    pub const SCHEMA: &'static str = "flow-studio/escalation/v1";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    Cli,
    Inbox,
    Http,
    Mcp,
    Scenario,
    Timeout,
}

/// How the name under an answer was known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// The login name on this machine.
    Login,
    /// The person said so, and nobody checked.
    #[default]
    Named,
    /// Signed in at the web page.
    Token,
    /// Nobody: a script, or time.
    Program,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    pub choose: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The name the person gave, or the login name.
    pub by: String,
    #[serde(default)]
    pub identity: Identity,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    pub channel: Channel,
    pub at: Time,
    /// The digest that was on the screen when the person decided.
    pub subject_digest: Sha256,
    /// The person who started the run answered it.
    #[serde(default)]
    pub self_approved: bool,
    /// Files that prove a `mark-done`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// These files as they stood when the answer was taken; filled in by us, not by whoever answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proof: Vec<Shown>,
    /// What the question's form asks for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<ParamName, serde_json::Value>,
    /// Tells it from another answer of the same person in the same moment; chosen by the program that took it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Box<str>>,
}

impl Answer {
    /// Whether this is the same answer, met once more. Answers without a nonce are told apart by what they say.
    pub fn is_again(&self, other: &Self) -> bool {
        let said = |one: &Self| (one.choose.clone(), one.note.clone(), one.evidence.clone());
        (&self.by, self.at, &self.nonce) == (&other.by, other.at, &other.nonce)
            && (self.nonce.is_some() || said(self) == said(other))
    }

    /// An answer without a note, evidence or values, by a name that nobody checked.
    pub fn new(choose: impl Into<String>, by: impl Into<String>, channel: Channel, at: Time, subject_digest: Sha256) -> Self {
        Self {
            choose: choose.into(),
            note: None,
            by: by.into(),
            identity: Identity::Named,
            role: None,
            channel,
            at,
            subject_digest,
            self_approved: false,
            evidence: Vec::new(),
            proof: Vec::new(),
            values: BTreeMap::new(),
            nonce: None,
        }
    }
}

/// One changed parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    pub name: ParamName,
    pub from: serde_json::Value,
    pub to: serde_json::Value,
}

/// What an answer covers. The same parts give the same digest, whoever asks and whenever.
pub fn subject_digest(
    question: &str,
    options: &[Option_],
    shown: &[Shown],
    step_sha256: &Sha256,
    params: &BTreeMap<ParamName, serde_json::Value>,
    action: Option<&str>,
) -> Sha256 {
    let parts = serde_json::json!([question, options, shown, step_sha256, params, action]);
    Sha256::of(parts.to_string().as_bytes())
}
