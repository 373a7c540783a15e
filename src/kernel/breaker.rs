//! The circuit breaker: an engine whose calls fail one after another is given a pause, and then a person is asked.
//! In: how attempts of agents ended. Out: until when nothing more is asked of an engine; whether it is asked at all.
//! Never: a failure of the agent's work taken for one of whoever serves it.

use crate::{
    id::Time,
    plan::StepIx,
    record::{EngineWord, ErrorClass, Fact, ReplyOutcome},
    spec::Verb,
};

use super::{
    state::{Frame, Slot, State},
    turn::Turn,
};

/// Failures in a row after which an engine is left alone for a while (design §5).
const PAUSE_AFTER: u32 = 3;
const PAUSE_MS: u64 = 30_000;
/// Failures in a row after which a step is not tried again by itself.
const ASK_AFTER: u32 = 5;

/// What is known of an engine that failed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// In a row, over all steps of the run.
    pub failures: u32,
    /// Nothing is asked of it before.
    pub until: Option<Time>,
}

/// The engine that somebody else serves; what runs here by itself has no breaker.
fn served(frame: &Frame, step: StepIx) -> Option<EngineWord> {
    let Verb::Agent(agent) = &frame.plan.step(step).spec.verb else { return None };
    match frame.engine_of(agent) {
        engine @ (EngineWord::Openai | EngineWord::Claude | EngineWord::Codex | EngineWord::Cli) => Some(engine),
        EngineWord::Shell | EngineWord::Stub | EngineWord::Replay | EngineWord::Builtin | EngineWord::Human => None,
    }
}

/// Counts how an attempt ended. Whoever answers, in whatever words, is there.
pub(super) fn heard(turn: &mut Turn, frame: &crate::id::FramePath, slot: Slot, outcome: &ReplyOutcome) {
    let Some(engine) = served(turn.frame(frame), slot.step) else { return };
    let before = turn.state.breakers.get(&engine).map_or(0, |breaker| breaker.failures);
    match outcome {
        ReplyOutcome::Failed(failure) if failure.class == ErrorClass::Transient => {
            let failures = before + 1;
            let until = (failures >= PAUSE_AFTER).then(|| turn.now.plus(PAUSE_MS));
            turn.emit(Fact::EngineFailed { engine, failures, until });
        }
        ReplyOutcome::Done | ReplyOutcome::Failed(_) if before > 0 => turn.emit(Fact::EngineAnswered { engine }),
        ReplyOutcome::Done | ReplyOutcome::Failed(_) | ReplyOutcome::Blocked { .. } | ReplyOutcome::Interrupted { .. } => {}
    }
}

/// It failed too often in a row to be asked again without a person's word; how often.
pub(super) fn open(state: &State, frame: &Frame, step: StepIx) -> Option<(EngineWord, u32)> {
    let engine = served(frame, step)?;
    let failures = state.breakers.get(&engine)?.failures;
    (failures >= ASK_AFTER).then_some((engine, failures))
}

/// Until when the step has to wait because its engine is left alone.
pub(super) fn paused(state: &State, frame: &Frame, step: StepIx) -> Option<Time> {
    if state.breakers.is_empty() {
        return None;
    }
    let until = state.breakers.get(&served(frame, step)?)?.until?;
    (until > state.now).then_some(until)
}

/// When the first step may start that only waits for its engine.
pub(super) fn next_start(state: &State) -> Option<Time> {
    if state.breakers.is_empty() {
        return None;
    }
    let frames = state.open_frames.iter().filter_map(|path| state.frame(path));
    frames.flat_map(|frame| frame.ready.iter().filter_map(|slot| paused(state, frame, slot.step))).min()
}
