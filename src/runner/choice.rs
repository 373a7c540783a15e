//! What a navigator is told: the ways that are open, and figures of what happened so far.
//! In: the run as it stands. Out: figures and closed words. Never: a sentence that a step, a tool or a person wrote.

use serde_json::{Map, Value, json};

use crate::{
    context::{Choice, Handed, Offer, PutIn, Said},
    kernel::{Frame, FramePhase, Slot, State, StepResult, measured_of_result, title, ways},
    record::{At, Injection, Outcome, Parent},
    spec::Severity,
};

/// The ways, and what came of what was put in before.
pub(super) fn choice(state: &State, frame: &Frame, slot: Slot) -> Choice {
    let offer = |way| Offer { title: title(frame, &way), way };
    let own = frame.at(slot);
    let put_in = state.frames.values().filter_map(|inner| match inner.parent.as_deref() {
        Some(Parent::Injected { at, what }) if *at == own => {
            let path = format!("{}/routing/decisions.jsonl", inner.path);
            Some(PutIn { what: what.clone(), measured: of_flow(inner), path })
        }
        _ => None,
    });
    Choice { ways: ways(state, frame, slot).into_iter().map(offer).collect(), put_in: put_in.collect() }
}

fn of_flow(frame: &Frame) -> Value {
    let outcome = match frame.phase {
        FramePhase::Done(Outcome::Succeeded) => "succeeded",
        FramePhase::Done(Outcome::Failed) => "failed",
        FramePhase::Done(Outcome::Cancelled) => "cancelled",
        FramePhase::Open | FramePhase::Closing => "running",
    };
    let step = |at: usize| {
        let result = frame.steps.get(at)?.result.as_deref().filter(|result| !result.skipped)?;
        Some((frame.plan.steps.get(at)?.spec.id.to_string(), of_step(result)))
    };
    let steps: Map<String, Value> = (0..frame.plan.steps.len()).filter_map(step).collect();
    json!({"outcome": outcome, "executions": frame.executions, "warnings": frame.warnings.len(), "steps": steps})
}

/// What was measured of the steps before, in the place of what they said.
pub(super) fn figures(frame: &Frame, mut all: Vec<Handed>) -> Vec<Handed> {
    for one in &mut all {
        let result = frame.slot(&one.step).and_then(|slot| frame.state(slot)?.result.as_deref());
        one.said = Said::Measured(result.map_or(Value::Null, of_step));
    }
    all
}

fn of_step(result: &StepResult) -> Value {
    let mut seen = match measured_of_result(result) {
        Value::Object(seen) => seen,
        other => return other,
    };
    seen.retain(|_, value| !value.is_null());
    let mut also = |name: &str, value: Value| {
        if !value.is_null() {
            seen.insert(name.to_owned(), value);
        }
    };
    also("status", json!(result.status));
    also("passed", json!(result.passed));
    also("exit_code", json!(result.exit_code));
    also("iteration", json!(result.iteration));
    also("error_kind", json!(result.proof.as_deref().and_then(|proof| proof.error_detail.as_ref()).map(|detail| detail.kind)));
    // The key of an option, as the flow's author wrote it.
    also("answer", json!(result.choice.as_deref()));
    if let Some(handoff) = result.handoff.as_deref() {
        let count = |severity| handoff.concerns.iter().filter(|one| one.severity == severity).count();
        also("concerns", json!({"HIGH": count(Severity::High), "MEDIUM": count(Severity::Medium), "LOW": count(Severity::Low)}));
        also("claimed", json!(handoff.measured.downgraded_from));
    }
    Value::Object(seen)
}

/// What the steps of a known fix repair: the step that failed; for a fix that was put in, the nearest one that stands red
/// before the step that put it in.
pub(super) fn failed_before(state: &State, frame: &Frame) -> Option<At> {
    match frame.parent.as_deref()? {
        Parent::Detour { at, .. } => Some(at.clone()),
        Parent::Injected { at, what: Injection::Detour(_) } => {
            let above = state.frame(&at.flow)?;
            let own = above.slot(&at.step)?;
            let red = |slot: Slot| {
                let result = above.state(slot).and_then(|state| state.result.as_deref());
                result.is_some_and(|result| !result.passed && !result.skipped)
            };
            let before = above.plan.upstream(own.step).into_iter().rev().filter(|step| *step != own.step);
            before.map(Slot::from).find(|slot| red(*slot)).map(|slot| above.at(slot))
        }
        Parent::Injected { .. } | Parent::SubFlow { .. } | Parent::Rollback { .. } | Parent::Undo { .. } => None,
    }
}
