//! Known fixes: which one matches a failure, and what happens when it is over.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    id::{DetourId, FramePath},
    record::{At, DecisionKind, ErrorClass, Fact, FailureKind, Outcome, Rule},
    spec::{Effects, flow::DetourWhen},
};

use super::{
    ended,
    open::DEPTH_MAX,
    scope::{measured_of, scope},
    state::{Frame, Slot},
    turn::Turn,
};

/// The first detour of the catalog that matches the step's failure and has entries left for it.
pub(super) fn matching(turn: &Turn, path: &FramePath, slot: Slot) -> Option<DetourId> {
    let frame = turn.frame(path);
    // A fix changes something.
    if frame.options.observe_only {
        return None;
    }
    // After a fix the step runs again, with all that is inside it, and this one may not without a person's word.
    if frame.plan.step(slot.step).spec.effects == Effects::Once || frame.state(slot)?.once_inside {
        return None;
    }
    // A fix is not fixed by a fix of its own kind: the stack is bounded, and no detour is entered inside itself.
    if path.depth() + 2 >= DEPTH_MAX {
        return None;
    }
    let state = frame.state(slot)?;
    let proof = state.result.as_ref()?.proof.clone()?;
    let detail = proof.error_detail.as_ref()?;
    if detail.class == ErrorClass::Fatal
        || matches!(detail.kind, FailureKind::Rejected | FailureKind::Outdated | FailureKind::Cancelled | FailureKind::Limit)
    {
        return None;
    }
    let error = proof.error.as_deref().unwrap_or_default();
    let seen = measured_of(&proof);
    let fits = |detour: &crate::spec::Detour| match &detour.when {
        DetourWhen::Signature(signature) => *signature == detail.signature,
        DetourWhen::Error(pattern) => pattern.is_match(error),
        DetourWhen::Measured(expr) => {
            expr.eval_bool(&scope(&turn.state, frame, expr.reads(), Some(slot), Some(&seen))).unwrap_or(false)
        }
    };
    let used = |id: &DetourId| state.detours.as_ref().and_then(|used| used.get(id)).copied().unwrap_or(0);
    let inside = |id: &DetourId| path.as_str().split('.').any(|part| part == id.as_str());
    // The catalog's order decides, so that a more special fix can stand before a more general one.
    let catalog = frame.book.library.detours.iter();
    catalog.filter(|one| used(&one.id) < one.entries_max && !inside(&one.id) && fits(one)).map(|one| one.id.clone()).next()
}

/// A detour is over: the step is tried again, or its failure stands.
pub(super) fn left(turn: &mut Turn, at: &At, slot: Slot, detour: &DetourId, outcome: Outcome, reason: &str) {
    if outcome == Outcome::Succeeded {
        let mut decision = ended::decision(turn, &at.flow, slot, DecisionKind::Continue, Rule::DetourDone);
        decision.reason = format!("detour {detour} took: {} runs again", at.step);
        decision.next_step_ids = vec![at.step.clone()];
        decision.detour_id = Some(detour.clone());
        turn.emit(Fact::Routed { flow: at.flow.clone(), decision: Arc::new(decision) });
        return;
    }
    let note = BTreeMap::from([("detour".to_owned(), serde_json::json!(format!("{detour} did not take: {reason}")))]);
    ended::route_failed_detour(turn, &at.flow, slot, &note);
}

/// Why no detour was entered, for `explain`.
pub(super) fn used_up(frame: &Frame, slot: Slot) -> Vec<String> {
    let used = frame.state(slot).and_then(|state| state.detours.clone());
    used.map(|used| used.iter().map(|(id, times)| format!("{id} ×{times}")).collect()).unwrap_or_default()
}
