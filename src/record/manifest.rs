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
