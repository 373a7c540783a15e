//! `run.json`: where a run stands, for readers. Derived from the journal; never read back to decide anything.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::{EscalationId, FlowKey, FramePath, RunId, Sha256, StepRef, Time},
    spec::{Role, Severity},
};

use super::{question::Question, words::RunStatus};

/// `flow-studio/run/v1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    #[schemars(extend("const" = "flow-studio/run/v1"))]
    pub schema: String,
    pub run_id: RunId,
    pub status: RunStatus,
    pub created_at: Time,
    pub updated_at: Time,
    pub workspace: String,
    pub host: String,
    pub version: String,
    pub started_by: String,
    /// The process that drives it; absent when none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The chain's head: the sequence number and digest of the last line that is covered here.
    pub journal_seq: u64,
    pub journal_head: Sha256,
    /// All projections up to this line are on disk.
    pub projected_seq: u64,
    /// Which start of the machine that was: after another one, files that were not synced are looked at again. Absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    pub flows: Vec<FlowStatus>,
    pub running: Vec<StepRef>,
    pub waiting_for: Vec<OpenQuestion>,
    /// The question whose answer was the last that happened, of a run that only waits to be resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<EscalationId>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FlowStatus {
    pub flow_key: FlowKey,
    pub flow_path: FramePath,
    pub status: RunStatus,
    pub steps_total: u32,
    pub steps_done: u32,
    pub executions: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// It was told to observe only; absent of any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
}

/// What a flow that only observes has passed over: none of it is done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Observed {
    /// Steps by name, those of a flow inside with its path before them.
    pub passed_over: Vec<String>,
}

/// Names that are told; the others are counted.
const NAMES_MAX: usize = 5;

impl Observed {
    /// So that nobody takes the run for a change that was made.
    pub fn words(&self) -> String {
        let steps = match self.passed_over.len() {
            0 => return "observed only: no step had to be passed over".to_owned(),
            1 => "1 step was".to_owned(),
            many => format!("{many} steps were"),
        };
        let names = self.passed_over.iter().take(NAMES_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if self.passed_over.len() > NAMES_MAX { ", …" } else { "" };
        format!("observed only: {steps} passed over, not done ({names}{more})")
    }

    /// In place of the word for how it ended.
    pub fn short(&self, status: RunStatus) -> String {
        match status {
            RunStatus::Succeeded => format!("observed only, {} passed over", self.passed_over.len()),
            other => format!("{other}, observed only"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OpenQuestion {
    pub id: EscalationId,
    pub step_id: StepRef,
    pub question: String,
    #[serde(default)]
    pub severity: Severity,
    /// Who may answer; empty: anybody.
    #[serde(default)]
    pub to: Vec<Role>,
    pub raised_at: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Time>,
}

impl From<&Question> for OpenQuestion {
    fn from(question: &Question) -> Self {
        Self {
            id: question.id.clone(),
            step_id: question.step_id.clone(),
            question: question.question.clone(),
            severity: question.severity,
            to: question.to.clone(),
            raised_at: question.raised_at,
            deadline: question.deadline,
        }
    }
}

impl Manifest {
    pub const SCHEMA: &'static str = "flow-studio/run/v1";
}
