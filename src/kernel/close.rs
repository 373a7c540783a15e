//! How a flow ends: the Definition of Done, rollback, and what the flow around it learns.

use std::collections::BTreeMap;

use crate::{
    id::{EscalationId, FramePath},
    record::{Fact, FailureKind, InputNote, Outcome, Parent, RunStatus, Status},
    spec::flow::DoneTest,
};

use super::{
    advance::{ask_done, holds},
    ended,
    input::Refused,
    state::{DoneState, FramePhase, Life, Slot},
    turn::Turn,
    undo,
};

/// All steps are settled: check what "done" means, ask what has to be asked, and complete when all is known.
pub(super) fn close(turn: &mut Turn, path: &FramePath) {
    if turn.frame(path).phase == FramePhase::Open {
        if turn.state.stop.is_some() {
            return;
        }
        turn.emit(Fact::FlowClosing { flow: path.clone() });
    }
    let plan = turn.frame(path).plan.clone();
    if turn.frame(path).options.observe_only {
        let over = turn.frame(path).passed_over().len();
        let reason = format!("observed: {over} steps were passed over, and the Definition of Done was not looked at");
        return complete(turn, path, Outcome::Succeeded, reason);
    }
    for done in &plan.flow.done {
        if turn.frame(path).done.contains_key(&done.id) {
            continue;
        }
        let applies = done.when.as_ref().map_or(Ok(true), |when| holds(turn, path, when, None));
        let result = applies.and_then(|applies| match &done.test {
            _ if !applies => Ok(Some((true, "it does not apply".to_owned()))),
            DoneTest::That(expr) => {
                let passed = holds(turn, path, expr, None)?;
                Ok(Some((passed, format!("`{}` is {passed}", expr.text()))))
            }
            DoneTest::Ask(ask) => ask_done(turn, path, &done.id, ask).map(|()| None),
        });
        let (passed, detail) = match result {
            Ok(None) => continue,
            Ok(Some(found)) => found,
            Err(error) => (false, error),
        };
        turn.emit(Fact::DoneChecked { flow: path.clone(), id: done.id.clone(), passed, detail, rollback: false });
    }
    let frame = turn.frame(path);
    if frame.done.values().any(|state| matches!(state, DoneState::Asking(_))) {
        return;
    }
    let broken: Vec<String> = frame
        .done
        .iter()
        .filter_map(|(id, state)| match state {
            DoneState::Broken(detail) => Some(format!("{id}: {detail}")),
            DoneState::Holds | DoneState::Asking(_) => None,
        })
        .collect();
    if broken.is_empty() {
        complete(turn, path, Outcome::Succeeded, "all steps are done".to_owned());
    } else {
        complete(turn, path, Outcome::Failed, format!("not done: {}", broken.join("; ")));
    }
}

/// Nothing runs any more in a flow around which another one failed. What was done before that is done, and not done again with what failed
/// beside it, unless a person would have to say so.
pub(super) fn abandoned(turn: &mut Turn, path: &FramePath) {
    let frame = turn.frame(path);
    let asks = frame.plan.flow.done.iter().any(|done| matches!(done.test, DoneTest::Ask(_)));
    if frame.unsettled == 0 && turn.state.stop.is_none() && !asks {
        return close(turn, path);
    }
    void_questions(turn, path, "the flow around it failed");
    complete(turn, path, Outcome::Cancelled, "the flow around it failed".to_owned());
}

/// A flow in which TERMINATE was decided, and in which nothing runs any more.
pub(super) fn failed(turn: &mut Turn, path: &FramePath) {
    let Some(failing) = turn.frame(path).failing.clone() else { return };
    if turn.state.stop.is_some() && failing.2 && !turn.frame(path).rolled_back {
        return;
    }
    if undo::rollback(turn, path) {
        return;
    }
    let child = path.child("rollback").ok().and_then(|child| turn.state.frame(&child)).filter(|_| turn.frame(path).rolled_back);
    let mut reason = format!("{}: {}", failing.0, failing.1);
    if let Some(rollback) = child {
        if rollback.is_open() {
            return;
        }
        let steps = undo::count(&turn.state, rollback);
        reason = if rollback.warnings.is_empty() {
            format!("{reason}; rolled back ({steps} undone)")
        } else {
            format!(
                "{reason}; ROLLBACK INCOMPLETE: {}",
                rollback.warnings.iter().map(AsRef::as_ref).collect::<Vec<_>>().join("; ")
            )
        };
    } else if failing.2 {
        reason = format!("{reason}; nothing to roll back");
    }
    void_questions(turn, path, "the flow failed");
    complete(turn, path, Outcome::Failed, reason);
}

pub(super) fn void_questions(turn: &mut Turn, path: &FramePath, why: &str) {
    let open =
        turn.state.open_questions.iter().filter(|id| turn.state.questions.get(*id).is_some_and(|one| one.flow_path == *path));
    let requested = turn.state.requested.iter().filter(|(_, one)| one.flow_path == *path).map(|(id, _)| id);
    let ids: Vec<EscalationId> = open.chain(requested).cloned().collect();
    for id in ids {
        if turn.state.line_stops.contains(&id) {
            turn.emit(Fact::LineReleased { by: id.clone() });
        }
        turn.emit(Fact::EscalationVoided { id, why: why.to_owned() });
    }
}

pub(super) fn complete(turn: &mut Turn, path: &FramePath, outcome: Outcome, reason: String) {
    void_questions(turn, path, "the flow is over");
    let frame = turn.frame(path);
    let warnings: Vec<String> = frame.warnings.iter().map(ToString::to_string).collect();
    let parent = frame.parent.clone();
    turn.emit(Fact::FlowCompleted { flow: path.clone(), outcome, reason: reason.clone(), warnings });
    match parent.as_deref() {
        None | Some(Parent::Rollback { .. }) => {}
        Some(Parent::SubFlow { at }) => {
            let Some(slot) = super::advance::slot_at(turn, at) else { return };
            if turn.step(&at.flow, slot).life == Life::Ended {
                sub_flow_ended(turn, &at.flow.clone(), slot, path, outcome, &reason);
            }
        }
        Some(Parent::Injected { at, what }) => {
            let Some(slot) = super::advance::slot_at(turn, at) else { return };
            if turn.step(&at.flow, slot).life == Life::Ended {
                super::navigator::returned(turn, at, slot, what, outcome, &reason);
            }
        }
        Some(Parent::Undo { at, .. }) => {
            let Some(slot) = super::advance::slot_at(turn, at) else { return };
            if turn.step(&at.flow, slot).life == Life::Ended {
                undo::ended(turn, at, slot, path, outcome, &reason);
            }
        }
        Some(Parent::Detour { at, detour }) => {
            let Some(slot) = super::advance::slot_at(turn, at) else { return };
            if turn.step(&at.flow, slot).life == Life::Ended {
                super::detour::left(turn, at, slot, detour, outcome, &reason);
            }
        }
    }
}

fn sub_flow_ended(turn: &mut Turn, above: &FramePath, slot: Slot, child: &FramePath, outcome: Outcome, reason: &str) {
    let standing = !turn.frame(child).warnings.is_empty();
    match outcome {
        Outcome::Succeeded => {
            let status = if standing { Status::Unverified } else { Status::Verified };
            ended::end_builtin(turn, above, slot, status, &format!("flow {child} is complete"), &BTreeMap::new());
        }
        Outcome::Failed | Outcome::Cancelled => {
            let kind = if turn.frame(child).is_overdue() { FailureKind::Timeout } else { FailureKind::SubFlow };
            ended::fail_started(turn, above, slot, kind, reason);
        }
    }
}

/// Nothing runs and nothing can: the run rests.
pub(super) fn rest(turn: &mut Turn) -> Result<InputNote, Refused> {
    if turn.state.rested.is_some() || !super::commands(&turn.state).contains(&super::Command::Rest) {
        return Err(Refused::Nothing);
    }
    let status: RunStatus = turn.state.resting_status();
    turn.emit(Fact::RunRested { status });
    Ok(InputNote::Rested)
}
