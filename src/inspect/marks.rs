//! How steps stand, as a picture of the flow tells it.
//! In: a view and one of its flows. Out: marks. Never: a mark for what is still to come.

use std::collections::BTreeMap;

use crate::{
    id::StepId,
    kernel::Frame,
    plan::draw::{Mark, Marks},
    record::{Parent, RunStatus},
};

use super::{Standing, status::flow_status, view::RunView};

/// Instances of a `for_each` step are drawn as their step.
pub fn marks(view: &RunView, frame: &Frame) -> Marks {
    let standings = view.standings(&frame.path);
    let whole = standings.iter().filter(|(step, _)| step.item().is_none());
    let steps = whole.filter_map(|(step, standing)| Some((StepId::new(step.as_str()).ok()?, mark(*standing)?))).collect();
    let rounds = frame.plan.loops.iter().zip(&frame.loops).filter(|(_, state)| state.iteration > 0);
    let rounds = rounds.map(|(one, state)| (frame.plan.step(one.last).spec.id.clone(), state.iteration)).collect();
    let mut inside: BTreeMap<StepId, Vec<String>> = BTreeMap::new();
    for child in view.children(&frame.path) {
        let Some((step, what)) = opened_by(child) else { continue };
        let sign = match flow_status(view, child) {
            RunStatus::Running => "▸",
            RunStatus::Waiting => "?",
            RunStatus::Succeeded => "✓",
            RunStatus::Failed => "✗",
            RunStatus::Interrupted => "‖",
            RunStatus::Cancelled => "–",
        };
        inside.entry(step).or_default().push(format!("{what} {sign}"));
    }
    Marks { steps, rounds, inside }
}

/// The step that a flow was opened for, and in what way: `detour lint-fix`.
pub fn opened_by(child: &Frame) -> Option<(StepId, String)> {
    let (step, what) = match child.parent.as_deref()? {
        Parent::SubFlow { at } => (&at.step, format!("flow {}", child.key)),
        Parent::Detour { at, detour } => (&at.step, format!("detour {detour}")),
        Parent::Injected { at, what } => (&at.step, format!("put in {what}")),
        Parent::Undo { at, of, .. } => (&at.step, format!("rollback of {of}")),
        Parent::Rollback { failed, .. } => (failed, "rollback".to_owned()),
    };
    Some((StepId::new(step.base()).ok()?, what))
}

fn mark(standing: Standing) -> Option<Mark> {
    match standing {
        Standing::Pending | Standing::Ready | Standing::Stopped => None,
        Standing::Running | Standing::Retrying | Standing::InFlow | Standing::InDetour => Some(Mark::Running),
        Standing::Waiting | Standing::Blocked => Some(Mark::Waiting),
        Standing::Succeeded => Some(Mark::Succeeded),
        Standing::Concerns => Some(Mark::Concerns),
        Standing::Failed => Some(Mark::Failed),
        Standing::Skipped => Some(Mark::Skipped),
    }
}
