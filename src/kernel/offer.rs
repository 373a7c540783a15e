//! The answer `rollback`: a person takes back what a flow did, as `on_failure: rollback` does.
//! In: a question, and the flow that it is asked in. Out: whether that is offered, what it would take back, and why not now.
//! Never: the answer where nothing would be taken back, or in place of one that the author of the flow wrote by that name.

use crate::{
    id::StepRef,
    record::{Option_, Parent, Question, QuestionKind, StopCause},
    spec::flow::DoneTest,
};

use super::{
    ask, navigator,
    state::{Frame, State},
    undo,
};

pub(super) const ROLLBACK: &str = "rollback";

/// The answers to a question with this one as things stand, before that which only stops.
pub(super) fn with_rollback(
    state: &State,
    frame: &Frame,
    step: &StepRef,
    kind: QuestionKind,
    mut options: Vec<Option_>,
) -> Vec<Option_> {
    if !has_it(state, frame, step, kind) {
        return options;
    }
    options.retain(|option| option.key != ROLLBACK);
    if let Some(effect) = effect(state, frame, step) {
        let at = options.iter().position(|option| option.key == "abort").unwrap_or(options.len());
        options.insert(at, ask::option(ROLLBACK, "Take back what was done", &effect));
    }
    options
}

/// This answer to the question is the kernel's, and none that a flow's author wrote.
pub(super) fn is_ours(state: &State, question: &Question) -> bool {
    state.frame(&question.flow_path).is_some_and(|frame| has_it(state, frame, &question.step_id, question.kind))
}

fn has_it(state: &State, frame: &Frame, step: &StepRef, kind: QuestionKind) -> bool {
    match kind {
        // They stop nothing: a rejected step fails, and its `on_failure` says what comes of that.
        QuestionKind::Approval | QuestionKind::Ask => false,
        QuestionKind::Navigator => frame.slot(step).is_none_or(|slot| navigator::way(state, frame, slot, ROLLBACK).is_none()),
        QuestionKind::Done => !frame.plan.flow.done.iter().any(|done| match &done.test {
            DoneTest::Ask(ask) => done.id.as_str() == step.as_str() && ask.options.iter().any(|one| one.key == ROLLBACK),
            DoneTest::That(_) => false,
        }),
        QuestionKind::Failed
        | QuestionKind::Blocked
        | QuestionKind::EscalateWhen
        | QuestionKind::StopTheLine
        | QuestionKind::LoopExhausted
        | QuestionKind::Lost
        | QuestionKind::Limit => true,
    }
}

/// What was read is what would happen now.
pub(super) fn still_says(state: &State, question: &Question) -> bool {
    let shown = question.options.iter().find(|option| option.key == ROLLBACK).map(|option| option.effect.as_str());
    let now = state.frame(&question.flow_path).and_then(|frame| effect(state, frame, &question.step_id));
    now.as_deref() == shown
}

/// Why the flow of a question takes nothing back, though it may have been offered.
pub(super) fn not_now(state: &State, question: &Question) -> Option<String> {
    let frame = state.frame(&question.flow_path)?;
    let flow = &question.flow_path;
    if let Some(reason) = &state.fatal {
        return Some(format!("the run was stopped ({reason})"));
    }
    if state.stop == Some(StopCause::Cancel) {
        return Some("the run is being cancelled".to_owned());
    }
    match frame.failing.as_deref() {
        Some((step, _, true)) => Some(format!("flow {flow} fails by {step}, and what it did is being taken back")),
        Some((step, _, false)) => Some(format!("flow {flow} fails by {step}, and ends when nothing of it runs any more")),
        None => None,
    }
}

fn effect(state: &State, frame: &Frame, step: &StepRef) -> Option<String> {
    let rolls = frame.parent.as_deref().is_some_and(Parent::takes_back);
    if rolls || frame.failing.is_some() || frame.rolled_back {
        return None;
    }
    let steps = undo::told(state, frame, step);
    if steps.is_empty() {
        return None;
    }
    let what = if let [only] = steps.as_slice() {
        format!("takes back 1 step: {only}")
    } else {
        format!("takes back {} steps in reverse: {}", steps.len(), listed(&steps))
    };
    let ends = if frame.path.depth() == 0 { "the flow".to_owned() } else { format!("flow {}", frame.path) };
    let runs: Vec<String> = undo::under_way(frame).into_iter().filter(|one| !steps.contains(one)).collect();
    let waits = match runs.as_slice() {
        [] => String::new(),
        [one] => format!("; {one} still runs: it is waited for, and taken back first"),
        all => format!("; {} still run: they are waited for, and taken back first", listed(all)),
    };
    Some(format!("{what}; then {ends} ends failed{waits}"))
}

/// Steps that an answer names.
const STEPS_TOLD: usize = 12;

fn listed(steps: &[String]) -> String {
    let told = steps.iter().take(STEPS_TOLD).map(String::as_str).collect::<Vec<_>>().join(", ");
    if steps.len() > STEPS_TOLD { format!("{told} and {} more", steps.len() - STEPS_TOLD) } else { told }
}
