//! What flows that did not succeed left in force, for people and for scripts.
//! In: the state of a run. Out: steps with what would take each back, and one line of them. Never: a word of a run that succeeded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::{FramePath, StepRef},
    kernel::{InForce, State},
};

use super::words::first_line;

/// A step whose work stands though its flow did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepInForce {
    pub flow_path: FramePath,
    pub step_id: StepRef,
    /// The shell text that takes it back.
    pub undo: String,
    /// It did not end well, or its undo did not: nobody knows how much of it stands.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partly: bool,
}

/// Of all flows of a run that failed or were cancelled.
pub fn in_force(state: &State) -> Vec<StepInForce> {
    let roots = state.frames.values().filter(|frame| frame.parent.is_none());
    let told = |InForce { at, undo, partly }| StepInForce { flow_path: at.flow, step_id: at.step, undo, partly };
    roots.flat_map(|frame| state.in_force(&frame.path)).map(told).collect()
}

/// `still in force: apply (undo: ./apply.sh --revert)`. `None` where nothing is.
pub fn in_force_words(steps: &[StepInForce]) -> Option<String> {
    let nested = steps.iter().any(|one| one.flow_path != steps[0].flow_path) || steps.iter().any(|one| one.flow_path.depth() > 0);
    let one = |one: &StepInForce| {
        let name = if nested { format!("{}/{}", one.flow_path, one.step_id) } else { one.step_id.to_string() };
        let more = if one.undo.trim().lines().nth(1).is_some() { " …" } else { "" };
        format!("{name} (undo: {}{more})", first_line(&one.undo))
    };
    let of = |partly: bool| steps.iter().filter(|step| step.partly == partly).map(one).collect::<Vec<_>>().join(", ");
    match (of(false), of(true)) {
        (whole, part) if whole.is_empty() && part.is_empty() => None,
        (whole, part) if part.is_empty() => Some(format!("still in force: {whole}")),
        (whole, part) if whole.is_empty() => Some(format!("perhaps in force, in part: {part}")),
        (whole, part) => Some(format!("still in force: {whole}; perhaps in part: {part}")),
    }
}
