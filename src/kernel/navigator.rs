//! A step that chooses what comes next: its answer held against the graph.
//! In: the handoff of a `route: navigator` step. Out: which of the steps that need it goes on; the others are left out.
//! Never: a step that the author of the flow did not write; an answer that is not one of the candidates.

use std::sync::Arc;

use crate::{
    id::{FramePath, StepRef},
    plan::StepIx,
    record::{Decision, DecisionKind, Fact, Option_, SkipReason},
    spec::Verb,
};

use super::{
    ask::option,
    route::Chosen,
    state::{Frame, Life, Slot},
    turn::Turn,
};

/// Steps that need this one and did not start: what may be chosen from.
pub fn candidates(frame: &Frame, slot: Slot) -> Vec<StepIx> {
    let open = |step: &&StepIx| frame.steps.get(step.at()).is_some_and(|state| matches!(state.life, Life::Idle | Life::Ready));
    frame.plan.step(slot.step).dependents.iter().filter(open).copied().collect()
}

fn names(frame: &Frame, slot: Slot) -> Vec<StepRef> {
    candidates(frame, slot).into_iter().map(|step| StepRef::from(&frame.plan.step(step).spec.id)).collect()
}

pub(super) fn is_candidate(frame: &Frame, slot: Slot, choice: &str) -> bool {
    names(frame, slot).iter().any(|name| name.as_str() == choice)
}

fn said(frame: &Frame, slot: Slot) -> Option<&str> {
    frame.state(slot)?.result.as_deref()?.handoff.as_deref()?.routing.next_step_suggestion.as_deref()
}

/// `None`: the step does not choose.
pub(super) fn chosen(frame: &Frame, slot: Slot) -> Option<Chosen> {
    if !frame.plan.step(slot.step).spec.navigated {
        return None;
    }
    let step = said(frame, slot).filter(|choice| is_candidate(frame, slot, choice)).and_then(|choice| frame.plan.find(choice));
    Some(match step.map(|step| &frame.plan.step(step).spec.verb) {
        None => Chosen::Nothing,
        Some(Verb::Flow { .. }) => Chosen::Flow,
        Some(_) => Chosen::Step,
    })
}

/// What the decision says of a choice: from what, and how sure.
pub(super) fn note(turn: &mut Turn, path: &FramePath, slot: Slot, decision: &mut Decision) {
    let frame = turn.frame(path);
    decision.candidates = names(frame, slot);
    decision.by = "navigator".to_owned();
    let routing = frame.state(slot).and_then(|state| Some(state.result.as_deref()?.handoff.as_deref()?.routing.clone()));
    decision.confidence = routing.as_ref().and_then(|routing| routing.confidence);
    if matches!(decision.decision, DecisionKind::Continue | DecisionKind::InjectFlow) {
        decision.next_step_ids = said(frame, slot).and_then(|choice| StepRef::new(choice).ok()).into_iter().collect();
    }
}

/// What the flow lacks, in the navigator's words: written down for a person, and nothing is done about it.
pub(super) fn propose(turn: &mut Turn, path: &FramePath, slot: Slot, decision: &Decision) {
    let result = turn.step(path, slot).result.as_deref();
    let proposal = result.and_then(|result| result.handoff.as_deref()?.routing.proposal.clone());
    let Some(proposal) = proposal.filter(|text| !text.trim().is_empty()) else { return };
    let proposed = Decision {
        decision: DecisionKind::ExtendGraph,
        next_step_ids: Vec::new(),
        reason: proposal,
        candidates: Vec::new(),
        ..decision.clone()
    };
    turn.emit(Fact::Routed { flow: path.clone(), decision: Arc::new(proposed) });
}

pub(super) fn reason(frame: &Frame, slot: Slot, error: &str) -> String {
    let routing = frame.state(slot).and_then(|state| Some(&state.result.as_deref()?.handoff.as_deref()?.routing));
    let passed = frame.state(slot).and_then(|state| state.result.as_deref()).is_some_and(|result| result.passed);
    match routing.map(|routing| (routing.next_step_suggestion.as_deref(), routing.reason.as_str())) {
        _ if !passed => format!("no choice was made: {error}"),
        Some((Some(choice), why)) if is_candidate(frame, slot, choice) => format!("chose {choice}: {why}"),
        Some((Some(choice), _)) => format!("chose `{choice}`, which is none of {}", listed(frame, slot)),
        Some((None, _)) | None => format!("named no step; {} may come next", listed(frame, slot)),
    }
}

fn listed(frame: &Frame, slot: Slot) -> String {
    names(frame, slot).iter().map(StepRef::as_str).collect::<Vec<_>>().join(", ")
}

/// A person chooses from the same steps.
pub(super) fn options(frame: &Frame, slot: Slot) -> Vec<Option_> {
    let way = |step: StepIx| {
        let spec = &frame.plan.step(step).spec;
        let label = spec.title.clone().unwrap_or_else(|| format!("Go on with {}", spec.id));
        option(spec.id.as_str(), &label, "this step goes on, the other ways are left out")
    };
    let mut all: Vec<Option_> = candidates(frame, slot).into_iter().map(way).collect();
    for (key, label, effect) in [
        ("retry", "Ask the navigator again", "the step runs again, your note goes with it"),
        ("abort", "Stop the flow", "no further step of this flow starts"),
    ] {
        if !all.iter().any(|one| one.key == key) {
            all.push(option(key, label, effect));
        }
    }
    all
}

/// The ways that were not taken.
pub(super) fn leave_out(turn: &mut Turn, path: &FramePath, slot: Slot, chosen: &[StepRef]) {
    let frame = turn.frame(path);
    let others: Vec<StepIx> = candidates(frame, slot)
        .into_iter()
        .filter(|step| !chosen.iter().any(|name| name.as_str() == frame.plan.step(*step).spec.id.as_str()))
        .collect();
    let detail =
        format!("{} went on with {}", frame.name(slot), chosen.iter().map(StepRef::as_str).collect::<Vec<_>>().join(", "));
    for step in others {
        let at = turn.frame(path).at(step.into());
        turn.emit(Fact::StepSkipped { at, why: SkipReason::NotChosen, detail: detail.clone() });
    }
}
