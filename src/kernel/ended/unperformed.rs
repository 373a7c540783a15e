//! Executions that end without an engine: they could not start, were a sub-flow, or waited when their flow was over.
//! In: why. Out: a proof and a decision like any other's.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::{
    id::FramePath,
    kernel::{
        state::{Running, Slot},
        turn::Turn,
    },
    record::{
        At, DecisionKind, Draft, DraftRouting, EngineWord, ErrorClass, Evidence, Fact, Failure, FailureKind, Kept, Mode, Reply,
        ReplyOutcome, Rule, Status, Summary,
    },
};

use super::{decide_after, decision, written::written};

/// A step that could not even be started: it has an execution, so that its failure has a receipt.
pub(in crate::kernel) fn fail_unstarted(turn: &mut Turn, path: &FramePath, slot: Slot, kind: FailureKind, message: &str) {
    let frame = turn.frame(path);
    let fact = Fact::StepStarted {
        at: frame.at(slot),
        execution: frame.next_execution(slot),
        iteration: frame.iteration(slot.step),
        timeout_ms: None,
        approved_by: None,
    };
    turn.emit(fact);
    fail_started(turn, path, slot, kind, message);
}

/// A started step that no engine performs any more, and that failed.
pub(in crate::kernel) fn fail_started(turn: &mut Turn, path: &FramePath, slot: Slot, kind: FailureKind, message: &str) {
    let failure = Failure { kind, class: ErrorClass::Permanent, message: message.to_owned(), exit_code: None };
    end_without_engine(turn, path, slot, ReplyOutcome::Failed(failure), EngineWord::Builtin, None, Kept::default());
}

/// A started step that is done without an engine: a sub-flow.
pub(in crate::kernel) fn end_builtin(
    turn: &mut Turn,
    path: &FramePath,
    slot: Slot,
    status: Status,
    found: &str,
    measurements: &BTreeMap<String, Value>,
) {
    let evidence = Evidence { measurements: measurements.clone(), ..Evidence::default() };
    let summary = Summary { what_i_found: found.to_owned(), evidence, ..Summary::default() };
    let draft = Draft { status, summary, concerns: Vec::new(), assumptions: Vec::new(), routing: DraftRouting::default() };
    end_without_engine(turn, path, slot, ReplyOutcome::Done, EngineWord::Builtin, Some(draft), Kept::default());
}

/// A step that waits for its next attempt starts anew, when it may.
pub(in crate::kernel) fn interrupt_waiting(turn: &mut Turn, path: &FramePath, slot: Slot, why: &str) {
    let outcome = ReplyOutcome::Interrupted { why: why.to_owned() };
    record_end(turn, path, slot, outcome, EngineWord::Builtin, None, Kept::default());
}

/// Steps that wait for their next attempt in a flow that is over: there will be none.
pub(in crate::kernel) fn end_waiting(turn: &mut Turn, path: &FramePath) {
    let waiting: Vec<At> = turn.state.due.iter().filter(|(_, at)| at.flow == *path).map(|(_, at)| at.clone()).collect();
    for at in waiting {
        let Some(slot) = turn.frame(path).slot(&at.step) else { continue };
        let message = "the flow stopped before the next attempt".to_owned();
        let failure =
            Failure { kind: FailureKind::Cancelled, class: ErrorClass::Permanent, message: message.clone(), exit_code: None };
        record_end(turn, path, slot, ReplyOutcome::Failed(failure), EngineWord::Builtin, None, Kept::default());
        let mut decision = decision(turn, path, slot, DecisionKind::Terminate, Rule::Cancelled);
        decision.reason = message;
        turn.emit(Fact::Routed { flow: path.clone(), decision: Arc::new(decision) });
    }
}

pub(in crate::kernel) fn end_without_engine(
    turn: &mut Turn,
    path: &FramePath,
    slot: Slot,
    outcome: ReplyOutcome,
    engine: EngineWord,
    draft: Option<Draft>,
    kept: Kept,
) {
    record_end(turn, path, slot, outcome, engine, draft, kept);
    decide_after(turn, path, slot, &BTreeMap::new(), true);
}

pub(super) fn record_end(
    turn: &mut Turn,
    path: &FramePath,
    slot: Slot,
    outcome: ReplyOutcome,
    engine: EngineWord,
    draft: Option<Draft>,
    kept: Kept,
) {
    let at = turn.frame(path).at(slot);
    let state = turn.step(path, slot);
    let started_at = state.started_at.unwrap_or(turn.now);
    let running = Running {
        execution: state.execution,
        attempt: state.attempt.max(1),
        started_at,
        timeout_ms: None,
        iteration: turn.frame(path).iteration(slot.step),
        unwanted: false,
    };
    let mode = if engine == EngineWord::Human { Mode::Human } else { Mode::Local };
    let mut reply = Reply::new(outcome, engine, mode, started_at, turn.now);
    reply.draft = draft;
    reply.kept = kept;
    let (proof, handoff) = written(turn, &at, slot, &running, &reply);
    let execution = running.execution;
    let kept = (reply.kept != Kept::default()).then(|| Box::new(reply.kept));
    turn.emit(Fact::StepEnded { at, execution, proof: Arc::new(proof), handoff: Arc::new(handoff), kept });
}
