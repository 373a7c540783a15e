//! Recordings of agents: `recording.json` beside the transcripts, and how a run names the one that it replays.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{RunId, Sha256};

use super::words::Drift;

/// Which recording answers for the agents of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replaying {
    /// A directory: one that `record` made, or a run's own.
    pub recording: String,
    /// Of all transcripts in it, when the flow started.
    pub sha256: Sha256,
    pub drift: Drift,
}

/// `flow-studio/recording/v1`: what `record` took from a run. The transcripts lie beside it, under the names that they
/// have in the run; paths of the workspace and of the run in them are `[WORKSPACE]` and `[RUN_BASE]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecordingIndex {
    #[schemars(extend("const" = "flow-studio/recording/v1"))]
    pub schema: String,
    /// The run that it was taken from.
    pub run_id: RunId,
    pub version: String,
    pub transcripts: Vec<RecordedFile>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedFile {
    /// `<flow>/llm/<step>-<agent>-<engine>.jsonl`
    pub path: String,
    pub sha256: Sha256,
    /// Executions that came to an end; others are not recorded.
    pub executions: Vec<u32>,
    /// Answers of the model in them.
    pub answers: u64,
}

impl RecordingIndex {
    pub const SCHEMA: &'static str = "flow-studio/recording/v1";
    /// Its name in a recording's directory.
    pub const FILE: &'static str = "recording.json";
    /// Stands for the workspace's path.
    pub const WORKSPACE: &'static str = "[WORKSPACE]";
    /// Stands for the run's path.
    pub const RUN_BASE: &'static str = "[RUN_BASE]";
}
