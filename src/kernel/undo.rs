//! What a rollback takes back, and in which order: also inside flows that steps opened.
//! In: a flow that failed, or a step of a rollback. Out: the flow whose steps are the undos. Never: an undo of what did not happen, or
//! of what was taken back already.

use std::collections::BTreeMap;

use crate::{
    id::{FlowKey, FramePath, StepRef},
    plan::undone,
    record::{At, Fact, FailureKind, Outcome, Parent, Status},
    spec::Verb,
};

use super::{
    again::slots,
    ended,
    state::{Frame, Life, Settled, Slot, State, StepResult, StepState},
    turn::Turn,
};

/// Steps in the order in which they are taken back, and those of them that are taken back inside the flow that they opened.
type Undos = (Vec<StepRef>, Vec<StepRef>);

/// Starts the undos of what a failed flow did, last done first; those of the failed step come before them.
pub(super) fn rollback(turn: &mut Turn, path: &FramePath) -> bool {
    let frame = turn.frame(path);
    let Some(failing) = frame.failing.clone() else { return false };
    let (failed, _, wanted) = &*failing;
    if !wanted || frame.rolled_back {
        return false;
    }
    let (steps, inside) = to_take_back(&turn.state, frame, Some(failed));
    if steps.is_empty() {
        return false;
    }
    open(turn, path, Parent::Rollback { of: path.clone(), failed: failed.clone(), steps, inside })
}

/// A step of a rollback: the same for the flow that one of the steps opened.
pub(super) fn inner(turn: &mut Turn, at: &At, slot: Slot) -> Result<(), String> {
    let of = opened_by_undone(turn.frame(&at.flow), slot).ok_or_else(|| format!("{at} takes back no step that is known"))?;
    let (steps, inside) = turn.state.frame(&of).map(|frame| all_of(&turn.state, frame)).unwrap_or_default();
    if steps.is_empty() {
        ended::end_builtin(turn, &at.flow, slot, Status::Verified, "nothing is left to take back", &BTreeMap::new());
        return Ok(());
    }
    let parent = Parent::Undo { at: at.clone(), of: of.clone(), steps, inside };
    if open(turn, &of, parent) { Ok(()) } else { Err(format!("the undos of {of} have no name")) }
}

fn open(turn: &mut Turn, of: &FramePath, parent: Parent) -> bool {
    let Ok(flow) = of.child("rollback") else { return false };
    let frame = turn.frame(of);
    let fact = Fact::FlowStarted {
        key: FlowKey::new("rollback").expect("a constant name"),
        definition: frame.definition.clone(),
        generation: turn.state.frame(&flow).map_or(1, |old| old.generation + 1),
        flow,
        parent: Some(parent),
        params: (*frame.params).clone(),
        options: frame.options.inherited(),
        git: frame.git.clone(),
        by: None,
    };
    turn.emit(fact);
    true
}

/// The undos of a flow inside are over: what it could not take back is a failure of the step around them.
pub(super) fn ended(turn: &mut Turn, at: &At, slot: Slot, flow: &FramePath, outcome: Outcome, reason: &str) {
    let left: Vec<&str> = turn.frame(flow).warnings.iter().map(AsRef::as_ref).collect();
    if outcome == Outcome::Succeeded && left.is_empty() {
        let said = format!("flow {flow} is complete");
        return ended::end_builtin(turn, &at.flow, slot, Status::Verified, &said, &BTreeMap::new());
    }
    let why = if left.is_empty() { reason.to_owned() } else { left.join("; ") };
    ended::fail_started(turn, &at.flow, slot, FailureKind::SubFlow, &why);
}

/// How many undos there were, inside flows too.
pub(super) fn count(state: &State, rollback: &Frame) -> usize {
    let inner = |slot: Slot| state.frame(&opened_by_undone(rollback, slot)?.child("rollback").ok()?);
    let of = |slot: Slot| match &rollback.plan.step(slot.step).spec.verb {
        Verb::Flow { .. } => inner(slot).map_or(0, |frame| count(state, frame)),
        _ => 1,
    };
    slots(rollback).map(|(slot, _)| of(slot)).sum()
}

/// The flow that the step opened which this step of a rollback takes back.
fn opened_by_undone(rollback: &Frame, slot: Slot) -> Option<FramePath> {
    let (of, step) = undone_by(rollback, slot)?;
    of.child(step.as_str()).ok()
}

fn undone_by(rollback: &Frame, slot: Slot) -> Option<(&FramePath, &StepRef)> {
    let (Parent::Rollback { of, steps, .. } | Parent::Undo { of, steps, .. }) = rollback.parent.as_deref()? else { return None };
    Some((of, undone(steps, rollback.name(slot).as_str())?))
}

/// What is to be taken back of a flow, whatever failed in it.
fn all_of(state: &State, frame: &Frame) -> Undos {
    to_take_back(state, frame, frame.failing.as_ref().map(|failing| &failing.0))
}

/// What failed comes first, and what is half done or a person would still decide about, then what was done, last done first.
fn to_take_back(state: &State, frame: &Frame, failed: Option<&StepRef>) -> Undos {
    let over = |step: &StepRef| frame.slot(step).and_then(|slot| frame.state(slot)).is_some_and(|step| is_over(&step.life));
    let first = failed.filter(|step| !over(step)).cloned();
    let half = slots(frame).filter(|(slot, step)| match step.life {
        Life::Settled(Settled::Failed) | Life::Held(_) => true,
        // It was interrupted, and did not come to begin again.
        Life::Idle | Life::Ready | Life::Gated(_) => step.started_at.is_some() && !frame.finished.contains(&frame.name(*slot)),
        Life::Running
        | Life::Waiting { .. }
        | Life::Asking(_)
        | Life::InFlow(_)
        | Life::InDetour(_)
        | Life::Ended
        | Life::Fanned
        | Life::Settled(Settled::Passed | Settled::Standing | Settled::Skipped) => false,
    });
    let half = half.map(|(slot, _)| frame.name(slot));
    let mut order: Vec<StepRef> = Vec::new();
    for step in first.into_iter().chain(half).chain(frame.finished.iter().rev().cloned()) {
        if !order.contains(&step) {
            order.push(step);
        }
    }
    let mut found = Undos::default();
    for step in order {
        let Some(slot) = frame.slot(&step) else { continue };
        let spec = &frame.plan.step(slot.step).spec;
        if spec.undo.is_some() {
            let happened = frame.finished.contains(&step) || frame.state(slot).is_some_and(began);
            found.0.extend(happened.then_some(step));
        } else if matches!(spec.verb, Verb::Flow { .. })
            && let Some(inner) = frame.path.child(step.as_str()).ok().and_then(|path| state.frame(&path))
            && !all_of(state, inner).0.is_empty()
        {
            found.0.push(step.clone());
            found.1.push(step);
        }
    }
    found
}

/// What would be taken back, if the flow failed by this step now, in that order: also inside the flows that its steps opened.
pub(super) fn told(state: &State, frame: &Frame, failed: &StepRef) -> Vec<String> {
    names_of(state, frame, &to_take_back(state, frame, Some(failed)))
}

fn names_of(state: &State, frame: &Frame, (steps, inside): &Undos) -> Vec<String> {
    let mut found = Vec::new();
    for step in steps {
        let inner = inside.contains(step).then(|| state.frame(&frame.path.child(step.as_str()).ok()?)).flatten();
        match inner {
            Some(inner) => {
                found.extend(names_of(state, inner, &all_of(state, inner)).into_iter().map(|one| format!("{step}/{one}")));
            }
            None => found.push(step.to_string()),
        }
    }
    found
}

/// Steps with something to take back that run now.
pub(super) fn under_way(frame: &Frame) -> Vec<String> {
    let changes = |slot: Slot| {
        let spec = &frame.plan.step(slot.step).spec;
        spec.undo.is_some() || matches!(spec.verb, Verb::Flow { .. })
    };
    let runs = |life: &Life| matches!(life, Life::Running | Life::Waiting { .. } | Life::InFlow(_) | Life::InDetour(_));
    let found = slots(frame).filter(|(slot, state)| runs(&state.life) && changes(*slot));
    found.map(|(slot, _)| frame.name(slot).to_string()).collect()
}

/// It is done, and nothing failed by it: where it is named as what failed, a line of "done" has its name.
fn is_over(life: &Life) -> bool {
    matches!(life, Life::Settled(Settled::Passed | Settled::Standing | Settled::Skipped))
}

/// It may have half done what it does, and that was not taken back. There is a receipt also of what a person did not let start, and of
/// what nobody approved any more: nothing of that is to be taken back.
pub(super) fn began(state: &StepState) -> bool {
    let rejected = state.result.as_deref().is_some_and(is_rejected);
    state.execution.saturating_sub(u32::from(rejected)) > state.undone
}

fn is_rejected(result: &StepResult) -> bool {
    let detail = result.proof.as_deref().and_then(|proof| proof.error_detail.as_ref());
    detail.is_some_and(|detail| matches!(detail.kind, FailureKind::Rejected | FailureKind::Outdated))
}

impl Frame {
    /// The round of its loop in which a step did what its undo takes back. It may be an earlier one: where the loop came to its end
    /// before the step began again, or nobody let it.
    pub fn round_done(&self, slot: Slot) -> Option<u32> {
        let now = self.iteration(slot.step)?;
        let state = self.state(slot)?;
        let over = matches!(state.life, Life::Held(_) | Life::Settled(_));
        if state.result.is_none() && over {
            // It was lost, so nobody heard of its round.
            return Some(now);
        }
        let mut results = state.result.iter().chain(&state.before);
        let done = results.find(|result| !result.skipped && !is_rejected(result));
        Some(done.and_then(|done| done.iteration).unwrap_or(now))
    }
}

impl State {
    /// The steps of a flow that its rollback took back, all or part of it, in the order of the plan, while nothing of it was done again.
    pub fn taken_back(&self, flow: &FramePath) -> Vec<crate::plan::StepIx> {
        let Some((frame, rollback)) = self.frame(flow).filter(|frame| frame.rolled_back).and_then(|frame| {
            let rollback = self.frame(&flow.child("rollback").ok()?)?;
            Some((frame, rollback))
        }) else {
            return Vec::new();
        };
        let opened = |slot| opened_by_undone(rollback, slot).is_some_and(|inner| !self.taken_back(&inner).is_empty());
        let done = slots(rollback).filter(|(slot, state)| state.life == Life::Settled(Settled::Passed) || opened(*slot));
        let steps = done.filter_map(|(slot, _)| Some(frame.slot(undone_by(rollback, slot)?.1)?.step));
        let mut steps: Vec<_> = steps.collect();
        steps.sort_unstable();
        steps.dedup();
        steps
    }
}
