//! People are told that something waits for them: by a command, or by a signed message to a web address.
//! In: notices, each about something that stands in the journal already. Out: what became of each, for the run's `notices.jsonl`.
//! Never: a step held up, a decision taken, a message that could answer the question, an address or a key written down.

mod post;
mod program;
mod send;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::{
    id::{EscalationId, FramePath, RunId, StepRef, Time},
    record::{Outcome, Question},
    spec::{Role, Severity},
};

pub use send::{Around, Notifier};

/// Where notices go, and how hard it is tried.
#[derive(Debug, Clone)]
pub struct Hooks {
    /// A program and its arguments; it reads the notice as JSON on its standard input.
    pub command: Option<Vec<String>>,
    pub webhooks: Vec<Webhook>,
    /// Questions are told of; so are flows that ended, where this says so.
    pub ended: bool,
    /// Times that one notice is sent to one hook at most.
    pub tries_max: u32,
    /// Before the second try; doubled each time.
    pub delay_ms: u64,
    /// For one try.
    pub timeout_ms: u64,
}

impl Hooks {
    pub fn is_empty(&self) -> bool {
        self.command.is_none() && self.webhooks.is_empty()
    }
}

/// An address that takes a POST. It may hold a key in its path, so it is never printed whole.
#[derive(Debug, Clone)]
pub struct Webhook {
    pub url: SecretString,
    /// Signs what is sent, so that the other side knows who it is from.
    pub secret: Option<SecretString>,
}

/// What is told. The same thing has the same id, however often it is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    #[schemars(extend("const" = "flow-studio/notice/v1"))]
    pub schema: String,
    pub id: String,
    pub kind: NoticeKind,
    pub run_id: RunId,
    pub flow: FramePath,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<EscalationId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Who may answer; empty: anybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<Role>,
    /// One or two lines for a person.
    pub text: String,
    /// The command that shows everything. Nothing here decides: who wants to answer goes there.
    pub next: String,
    pub at: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Time>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// Something waits for a person.
    Question,
    /// A flow is over.
    Ended,
}

impl Notice {
    pub const SCHEMA: &'static str = "flow-studio/notice/v1";

    pub fn question(question: &Question, next: String) -> Self {
        Self {
            schema: Self::SCHEMA.to_owned(),
            id: format!("{}/{}", question.run_id, question.id),
            kind: NoticeKind::Question,
            run_id: question.run_id.clone(),
            flow: question.flow_path.clone(),
            step: Some(question.step_id.clone()),
            question: Some(question.id.clone()),
            severity: Some(question.severity),
            to: question.to.clone(),
            text: question.question.clone(),
            next,
            at: question.raised_at,
            deadline: question.deadline,
        }
    }

    /// `generation`: a flow that starts over in its run ends again.
    pub fn ended(run: &RunId, flow: &FramePath, generation: u32, outcome: Outcome, reason: &str, at: Time, next: String) -> Self {
        let how = match outcome {
            Outcome::Succeeded => "succeeded",
            Outcome::Failed => "failed",
            Outcome::Cancelled => "was cancelled",
        };
        Self {
            schema: Self::SCHEMA.to_owned(),
            id: format!("{run}/{flow}:{generation}:ended"),
            kind: NoticeKind::Ended,
            run_id: run.clone(),
            flow: flow.clone(),
            step: None,
            question: None,
            severity: None,
            to: Vec::new(),
            text: format!("{flow} {how}: {reason}"),
            next,
            at,
            deadline: None,
        }
    }
}

/// One line of `notices.jsonl`: what became of a notice at one hook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    pub timestamp: Time,
    pub notice: String,
    /// `command`, or `webhook:<host>`.
    pub hook: String,
    pub delivered: bool,
    pub tries: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
