//! Questions that are asked and closed, and the steps that wait for them.
//! In: a question. Out: who waits for it, and what an answer's note reaches.

use std::sync::Arc;

use crate::{
    id::{EscalationId, StepId},
    kernel::state::{DoneState, Frame, Life, Slot, State},
    record::{Answer, Question, QuestionKind, QuestionStatus},
};

use super::lives::{make_ready, set_life};

pub(super) fn hold(state: &mut State, question: &Question) {
    let id = question.id.clone();
    let Some(frame) = state.frame_mut(&question.flow_path) else { return };
    let asked = frame.asked.entry(question.step_id.clone()).or_insert(0);
    // The name ends in its number; a question that was first requested and then raised counts once.
    let number = id.as_str().rsplit('-').next().and_then(|n| n.parse::<u32>().ok()).unwrap_or(*asked + 1);
    *asked = (*asked).max(number);
    match question.kind {
        QuestionKind::Done => {
            if let Ok(done) = StepId::new(question.step_id.as_str()) {
                frame.done.insert(done, DoneState::Asking(id));
            }
        }
        QuestionKind::Limit => frame.limited = Some(id),
        QuestionKind::Approval
        | QuestionKind::Ask
        | QuestionKind::Failed
        | QuestionKind::Blocked
        | QuestionKind::EscalateWhen
        | QuestionKind::StopTheLine
        | QuestionKind::LoopExhausted
        | QuestionKind::Navigator
        | QuestionKind::Lost => {
            let Some(slot) = frame.slot(&question.step_id) else { return };
            let life = match question.kind {
                QuestionKind::Approval => Life::Gated(id),
                QuestionKind::Ask => Life::Asking(id),
                _ => Life::Held(id),
            };
            set_life(frame, slot, life);
        }
    }
}

pub(super) fn close_question(state: &mut State, id: &EscalationId, change: impl FnOnce(&mut Question)) {
    state.open_questions.remove(id);
    state.requested.remove(id);
    if let Some(question) = state.questions.get_mut(id) {
        change(Arc::make_mut(question));
    }
}

/// What a person wrote reaches the step that runs next by it.
pub(super) fn pass_note(frame: &mut Frame, question: &Question, answer: &Answer) {
    let Some(note) = &answer.note else { return };
    let own = frame.slot(&question.step_id);
    let target = match answer.choose.strip_prefix("push-back:") {
        Some(back) => frame.plan.find(back).map(Slot::from),
        None if goes_past(question.kind, &answer.choose) => {
            let next = own.map(|slot| frame.plan.step(slot.step).dependents.clone()).unwrap_or_default();
            for step in next {
                // One of two answers that lead to the same step does not take the place of the other.
                let before = frame.state_mut(step.into()).note.take();
                let both = before.map_or_else(|| note.clone(), |before| format!("{before}\n{note}"));
                frame.state_mut(step.into()).note = Some(both.into());
            }
            // What was skipped has no other words.
            own.filter(|_| answer.choose == "skip" && question.kind != QuestionKind::LoopExhausted)
        }
        None if question.kind == QuestionKind::LoopExhausted => {
            let around = own.and_then(|slot| frame.plan.step(slot.step).ends_loop);
            around.map(|which| frame.plan.loops[which].first.into())
        }
        None => own,
    };
    if let Some(slot) = target {
        frame.state_mut(slot).note = Some(note.as_str().into());
    }
}

/// The step itself does not run again by this answer: those that need it come next.
fn goes_past(kind: QuestionKind, choose: &str) -> bool {
    match kind {
        // The first starts its own step, the answer to the second is a result that later steps are told of.
        QuestionKind::Approval | QuestionKind::Ask | QuestionKind::Limit | QuestionKind::Done => false,
        QuestionKind::Failed
        | QuestionKind::Blocked
        | QuestionKind::EscalateWhen
        | QuestionKind::StopTheLine
        | QuestionKind::LoopExhausted
        | QuestionKind::Navigator
        | QuestionKind::Lost => !matches!(choose, "retry" | "mark-done" | "abort" | "rollback"),
    }
}

/// A question that nobody answers any more: what waited for it is asked again when its flow goes on.
pub(super) fn voided(state: &mut State, id: &EscalationId) {
    let question = state.questions.get(id).or_else(|| state.requested.get(id)).cloned();
    close_question(state, id, |question| question.status = QuestionStatus::Voided);
    let Some(question) = question else { return };
    let Some(frame) = state.frame_mut(&question.flow_path) else { return };
    if frame.limited.as_ref() == Some(id) {
        frame.limited = None;
    }
    if let Some(asked) =
        frame.done.iter().find(|(_, done)| **done == DoneState::Asking(id.clone())).map(|(asked, _)| asked.clone())
    {
        frame.done.remove(&asked);
    }
    let Some(slot) = frame.slot(&question.step_id) else { return };
    let life = frame.state_mut(slot).life.clone();
    if frame.state(slot).is_some_and(|step| step.approved.as_ref() == Some(id)) {
        // Answered, and not used yet.
        frame.state_mut(slot).approved = None;
    }
    if life == Life::Gated(id.clone()) || life == Life::Asking(id.clone()) {
        set_life(frame, slot, Life::Idle);
        make_ready(frame, slot);
    }
}
