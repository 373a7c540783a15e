//! What differs between two runs: where they went, what was measured, what agents were told, what they were given.
//! In: two views with their directories. Out: `RunDiff`. Never: times and durations counted as differences.

mod parts;
mod steps;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::{FramePath, RunId, Sha256, StepRef},
    ledger::RunDir,
    record::{Observed, RunStatus},
};

use super::view::RunView;

/// Something that has two values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Differs {
    pub what: String,
    /// Absent: it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub b: Option<String>,
}

/// A text that differs, as a unified diff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TextDiffers {
    pub what: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a_sha256: Option<Sha256>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub b_sha256: Option<Sha256>,
    pub diff: String,
    /// The diff is longer than what stands here.
    #[serde(default)]
    pub cut: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepDiffers {
    pub step_id: StepRef,
    /// Status, error, executions, engine, model.
    pub receipt: Vec<Differs>,
    /// Tests, checks, outputs, tokens, cost.
    pub measures: Vec<Differs>,
    /// What its agent was told in its last execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<TextDiffers>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FlowDiffers {
    pub flow_path: FramePath,
    /// `a` or `b`, where only that run has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_in: Option<String>,
    /// Status and generation.
    pub state: Vec<Differs>,
    pub params: Vec<Differs>,
    /// Frozen files.
    pub definition: Vec<TextDiffers>,
    /// Steps in the order in which they were decided on, with decision and rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<TextDiffers>,
    pub steps: Vec<StepDiffers>,
}

/// `diff --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunDiff {
    #[schemars(extend("const" = "flow-studio/diff/v1"))]
    pub schema: String,
    pub a: RunId,
    pub b: RunId,
    pub a_status: RunStatus,
    pub b_status: RunStatus,
    /// Run a only observed, and what it passed over is not done; absent of any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a_observed: Option<Observed>,
    /// Run b only observed, and what it passed over is not done; absent of any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub b_observed: Option<Observed>,
    /// Nothing differs but names, times and durations.
    pub same: bool,
    /// Workspace and program.
    pub run: Vec<Differs>,
    pub flows: Vec<FlowDiffers>,
}

impl RunDiff {
    pub const SCHEMA: &'static str = "flow-studio/diff/v1";
}

/// A run to be compared.
#[derive(Clone, Copy)]
pub struct Side<'r> {
    pub view: &'r RunView,
    pub dir: &'r RunDir,
}

/// The differences of two runs, or of one flow in both.
pub fn diff(a: Side<'_>, b: Side<'_>, flow: Option<&FramePath>) -> RunDiff {
    let run = parts::run(a.view, b.view);
    let flows = parts::flows(a, b, flow);
    let (a_status, b_status) = (a.view.status(), b.view.status());
    RunDiff {
        schema: RunDiff::SCHEMA.to_owned(),
        a: a.view.run_id.clone(),
        b: b.view.run_id.clone(),
        a_status,
        b_status,
        a_observed: a.view.observed(),
        b_observed: b.view.observed(),
        same: run.is_empty() && flows.is_empty() && a_status == b_status,
        run,
        flows,
    }
}
