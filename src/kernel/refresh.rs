//! `resume --refresh`: today's definition of a flow, and of the flows under way in it, is adopted.
//! In: the new book. Out: the fact that says what changed, questions closed and asked again, and one about each once-only step that
//! would run again by it. Never: once-only work repeated unasked.

use std::collections::BTreeMap;

use crate::{
    id::{EscalationId, FramePath, StepId, StepRef},
    plan::Plan,
    record::{At, Fact, InputNote, Parent, Question, QuestionKind, ReceiptStatus, Rule, SupersedeReason},
    spec::{Effects, Severity, Verb},
};

use super::{
    again::{again, ask_orphans, is_half_run, rolling_back, slots},
    ask::{Asked, raise, repair_options},
    input::{RefreshPlan, Refused},
    recover::{ask_lost, find_in},
    state::{DoneState, Frame, Life, Settled, Slot, State, StepResult, StepState},
    turn::Turn,
};

pub(super) fn refreshed(turn: &mut Turn, refresh: &RefreshPlan) -> Result<InputNote, Refused> {
    let known = super::open::known_flows(turn);
    let Some(frame) = turn.state.frame(&refresh.flow) else {
        return Err(Refused::NoFlow { flow: refresh.flow.to_string(), known });
    };
    if frame.parent.is_some() {
        return Err(Refused::CannotRefresh { why: "it is part of another flow; refresh that one".to_owned() });
    }
    if let Some(at) = turn.state.running.keys().find(|at| super::open::root(&at.flow) == refresh.flow) {
        return Err(Refused::Busy { what: at.to_string() });
    }
    let all: Vec<StepRef> = frame.plan.steps.iter().map(|planned| StepRef::from(&planned.spec.id)).collect();
    if let Some(rollback) = rolling_back(turn, &refresh.flow, &all) {
        return Err(Refused::CannotRefresh { why: format!("{rollback} is taking back what was done; let that end first") });
    }
    let Some(fresh) = refresh.book.flows.get(&frame.key) else {
        return Err(Refused::CannotRefresh { why: "the flow is gone".to_owned() });
    };
    let from = match &refresh.from {
        None => None,
        Some(step) => Some(find_in(fresh, &refresh.flow, step)?),
    };
    let ids =
        |plan: &Plan| plan.steps.iter().map(|one| (one.spec.id.clone(), one.spec.sha256.clone())).collect::<BTreeMap<_, _>>();
    let (old, new) = (ids(&frame.plan), ids(fresh));
    let added = new.keys().filter(|id| !old.contains_key(*id)).cloned().collect();
    let removed: Vec<StepId> = old.keys().filter(|id| !new.contains_key(*id)).cloned().collect();
    let changed: Vec<StepId> =
        new.iter().filter(|(id, sha)| old.get(*id).is_some_and(|before| before != *sha)).map(|(id, _)| id.clone()).collect();
    let once = once_only(turn, &refresh.flow);
    turn.state.know(refresh.book.clone());
    if !refresh.options.is_none() {
        turn.emit(Fact::Resumed { by: refresh.by.clone(), options: refresh.options });
    }
    turn.emit(Fact::DefinitionRefreshed {
        flow: refresh.flow.clone(),
        definition: refresh.book.definition.clone(),
        added,
        removed,
        changed,
        keeps: true,
    });
    void_stale(turn, &refresh.flow);
    let open = turn.state.open_frames.iter().filter(|path| turn.state.is_in(path, &refresh.flow));
    for path in open.cloned().collect::<Vec<_>>() {
        ask_orphans(turn, &path);
    }
    let asked_for = from.map(|step| turn.frame(&refresh.flow).plan.downstream(step)).unwrap_or_default();
    for one in once {
        let Some((path, slot)) = starts_anew(&turn.state, &one) else { continue };
        // Who named it, or a step before it, has said that it runs again; of what may have half run that says nothing.
        let named = path == refresh.flow && asked_for.binary_search(&slot.step).is_ok();
        if !named || one.half {
            ask_once_only(turn, &one, &path, slot);
        }
    }
    if let Some(step) = from {
        again(turn, &refresh.flow, step.into(), SupersedeReason::From)?;
    }
    Ok(InputNote::RefreshRequested { by: refresh.by.clone() })
}

/// Once-only work that was begun, and that nobody set aside.
struct OnceOnly {
    /// The step, and those around it that opened its flow, the outermost first.
    places: Vec<At>,
    execution: u32,
    half: bool,
}

fn once_only(turn: &Turn, flow: &FramePath) -> Vec<OnceOnly> {
    let mut found = Vec::new();
    once_only_in(turn, flow, &[], &mut found);
    found
}

fn once_only_in(turn: &Turn, flow: &FramePath, around: &[At], found: &mut Vec<OnceOnly>) {
    let Some(frame) = turn.state.frame(flow) else { return };
    let gone = turn.state.taken_back(flow);
    for (slot, one) in slots(frame) {
        let once = frame.plan.step(slot.step).spec.effects == Effects::Once;
        let counts = once && was_begun(one) && !gone.contains(&slot.step);
        let inner = opened_by(&turn.state, frame, slot, one);
        if !counts && inner.is_none() {
            continue;
        }
        let places: Vec<At> = around.iter().cloned().chain([frame.at(slot)]).collect();
        if let Some(inner) = inner {
            once_only_in(turn, &inner, &places, found);
        }
        if counts {
            found.push(OnceOnly { places, execution: one.execution, half: is_half_run(turn, &one.life) });
        }
    }
}

/// What it did stands, or may stand. What failed by itself runs again without a question: that is what the flow was mended for.
fn was_begun(one: &StepState) -> bool {
    let failed =
        |result: &StepResult| !result.passed && result.proof.as_ref().is_none_or(|proof| proof.status == ReceiptStatus::Failed);
    let stands = match &one.life {
        // A person stopped the flow there: it was done, or nobody knows.
        Life::Settled(Settled::Failed) => !one.result.as_deref().is_some_and(failed),
        Life::Settled(Settled::Passed | Settled::Standing) | Life::Held(_) => true,
        Life::Running | Life::Waiting { .. } | Life::Ended | Life::Asking(_) | Life::InFlow(_) | Life::InDetour(_) => true,
        Life::Settled(Settled::Skipped) | Life::Idle | Life::Ready | Life::Gated(_) | Life::Fanned => false,
    };
    stands && one.execution > 0
}

/// The flow that a step opened, as far as what was done in it is the step's.
fn opened_by(state: &State, frame: &Frame, slot: Slot, one: &StepState) -> Option<FramePath> {
    match &one.life {
        Life::InFlow(path) | Life::InDetour(path) => Some(path.clone()),
        Life::Settled(Settled::Passed | Settled::Standing | Settled::Failed) | Life::Held(_) => {
            if !matches!(frame.plan.step(slot.step).spec.verb, Verb::Flow { .. }) {
                return None;
            }
            let path = frame.path.child(frame.name(slot).as_str()).ok()?;
            let parent = state.frame(&path)?.parent.as_deref();
            matches!(parent, Some(Parent::SubFlow { at }) if at.flow == frame.path).then_some(path)
        }
        Life::Settled(Settled::Skipped) | Life::Idle | Life::Ready | Life::Gated(_) | Life::Asking(_) | Life::Fanned => None,
        Life::Running | Life::Waiting { .. } | Life::Ended => None,
    }
}

/// The step that would start anew, and this work with it: itself, or one around it.
fn starts_anew(state: &State, one: &OnceOnly) -> Option<(FramePath, Slot)> {
    for at in &one.places {
        let frame = state.frame(&at.flow)?;
        // Where the items are worked out anew, it is the step.
        let slot = frame.slot(&at.step).or_else(|| frame.plan.find(at.step.base()).map(Slot::from))?;
        match &frame.state(slot)?.life {
            Life::Idle | Life::Ready => return Some((at.flow.clone(), slot)),
            Life::InFlow(_) | Life::InDetour(_) => {}
            Life::Settled(_) | Life::Held(_) | Life::Gated(_) | Life::Asking(_) | Life::Fanned => return None,
            Life::Running | Life::Waiting { .. } | Life::Ended => return None,
        }
    }
    None
}

fn ask_once_only(turn: &mut Turn, one: &OnceOnly, path: &FramePath, slot: Slot) {
    let (Some(own), here) = (one.places.last(), turn.frame(path).at(slot)) else { return };
    let inside = own.flow != here.flow;
    if one.half && !inside {
        return ask_lost(turn, path, slot, "its definition was changed since");
    }
    let what = if inside { format!("{own} inside {}", here.step) } else { own.step.to_string() };
    let ran = if one.half { "may have half run" } else { "has run" };
    let question = format!(
        "{what} {ran}, and it must not be repeated without your word: the flow was changed, and {} would start anew. How to go on?",
        here.step
    );
    let reason = format!("the flow was changed after execution {} of the once-only step {own}", one.execution);
    let mut asked = Asked::new(QuestionKind::Lost, Rule::Lost, reason, question, repair_options());
    asked.severity = Severity::High;
    let sha256 = turn.frame(path).plan.step(slot.step).spec.sha256.clone();
    raise(turn, path, &here.step, sha256, asked);
}

/// Closes the questions of a flow that nothing waits for any more.
fn void_stale(turn: &mut Turn, flow: &FramePath) {
    let waits = |one: &Question| {
        let Some(frame) = turn.state.frame(&one.flow_path).filter(|frame| frame.is_open()) else { return false };
        match one.kind {
            QuestionKind::Limit => frame.limited.as_ref() == Some(&one.id),
            QuestionKind::Done => frame.done.values().any(|done| *done == DoneState::Asking(one.id.clone())),
            QuestionKind::Approval
            | QuestionKind::Ask
            | QuestionKind::Failed
            | QuestionKind::Blocked
            | QuestionKind::EscalateWhen
            | QuestionKind::StopTheLine
            | QuestionKind::LoopExhausted
            | QuestionKind::Navigator
            | QuestionKind::Lost => {
                let step = frame.slot(&one.step_id).and_then(|slot| frame.state(slot));
                matches!(step.map(|step| &step.life), Some(Life::Gated(id) | Life::Asking(id) | Life::Held(id)) if *id == one.id)
            }
        }
    };
    let open =
        turn.state.open_questions.iter().filter_map(|id| turn.state.questions.get(id)).chain(turn.state.requested.values());
    let stale: Vec<EscalationId> =
        open.filter(|one| turn.state.is_in(&one.flow_path, flow) && !waits(one)).map(|one| one.id.clone()).collect();
    for id in stale {
        if turn.state.line_stops.contains(&id) {
            turn.emit(Fact::LineReleased { by: id.clone() });
        }
        turn.emit(Fact::EscalationVoided { id, why: "the flow was changed".to_owned() });
    }
}
