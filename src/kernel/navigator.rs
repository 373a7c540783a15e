//! A step that chooses what comes next: its answer held against the graph, and against what its author lets it put in.
//! In: the handoff of a `route: navigator` step. Out: the step that goes on, or work put in before it chooses again.
//! Never: a way that the author of the flow did not write; an answer that is not one of the ways taken for one that is.

mod ways;

use std::sync::Arc;

use crate::{
    id::{FramePath, StepId, StepRef},
    record::{
        Answer, At, Decision, DecisionKind, Fact, Injected, Injection, Option_, Outcome, Question, QuestionKind, Rule, Way,
    },
};

use super::{
    answer::words,
    ask::option,
    ended, offer,
    route::Chosen,
    state::{Frame, Slot, State, StepResult},
    turn::Turn,
};

pub use ways::{title, ways};

fn result(frame: &Frame, slot: Slot) -> Option<&StepResult> {
    frame.state(slot)?.result.as_deref()
}

fn said(frame: &Frame, slot: Slot) -> Option<&str> {
    result(frame, slot)?.handoff.as_deref()?.routing.next_step_suggestion.as_deref()
}

/// The way of this name, if it may be taken now.
pub(super) fn way(state: &State, frame: &Frame, slot: Slot, name: &str) -> Option<Way> {
    let way: Way = name.parse().ok()?;
    ways(state, frame, slot).contains(&way).then_some(way)
}

/// What was chosen; where one way is left, that one.
fn pick(state: &State, frame: &Frame, slot: Slot) -> Option<Way> {
    match said(frame, slot) {
        Some(name) => way(state, frame, slot, name),
        None => only(ways(state, frame, slot)),
    }
}

fn only(mut ways: Vec<Way>) -> Option<Way> {
    if ways.len() == 1 { ways.pop() } else { None }
}

/// `None`: the step does not choose, or there is nothing left to choose from.
pub(super) fn chosen(state: &State, frame: &Frame, slot: Slot) -> Option<Chosen> {
    if ways(state, frame, slot).is_empty() {
        return None;
    }
    Some(match pick(state, frame, slot) {
        Some(Way::Step(_)) => Chosen::Step,
        Some(Way::Inject(Injection::Flow(_))) => Chosen::Flow,
        Some(Way::Inject(Injection::Detour(_))) => Chosen::Nodes,
        None => Chosen::Nothing,
    })
}

/// Why nobody has to be asked: one way is open, or none.
pub(super) fn forced(state: &State, frame: &Frame, slot: Slot) -> Option<String> {
    frame.plan.step(slot.step).spec.navigates.as_ref()?;
    match ways(state, frame, slot).as_slice() {
        [] => Some("none of the steps that need it may come next".to_owned()),
        [way] => Some(format!("only {way} may come next")),
        _ => None,
    }
}

/// What the decision says of a choice: from what, how sure, and what goes on.
pub(super) fn note(turn: &Turn, path: &FramePath, slot: Slot, decision: &mut Decision) {
    let frame = turn.frame(path);
    let decides = decision.rule == Rule::Navigator && decision.decision != DecisionKind::Escalate;
    let picked = pick(&turn.state, frame, slot).filter(|_| decides);
    if decides && said(frame, slot).is_some() {
        decision.by = "navigator".to_owned();
    }
    decision.confidence = result(frame, slot).and_then(|result| result.handoff.as_deref()?.routing.confidence);
    goes_on(turn, path, slot, picked, decision);
}

fn goes_on(turn: &Turn, path: &FramePath, slot: Slot, way: Option<Way>, decision: &mut Decision) {
    let frame = turn.frame(path);
    decision.candidates = ways(&turn.state, frame, slot);
    decision.next_step_ids = Vec::new();
    match way {
        None => {}
        Some(Way::Step(step)) => decision.next_step_ids = vec![StepRef::from(&step)],
        Some(Way::Inject(what)) => {
            let into = ways::into(frame, slot, &what);
            let nodes = ways::nodes(frame, &what);
            let number = frame.injections + 1;
            decision.injected = into.map(|into| Injected { what, number, into, nodes });
        }
    }
}

const fn kind_of(way: &Way) -> DecisionKind {
    match way {
        Way::Step(_) => DecisionKind::Continue,
        Way::Inject(Injection::Flow(_)) => DecisionKind::InjectFlow,
        Way::Inject(Injection::Detour(_)) => DecisionKind::InjectNodes,
    }
}

/// What the flow lacks, in the navigator's words: written down for a person, and nothing is done about it.
pub(super) fn propose(turn: &mut Turn, path: &FramePath, slot: Slot, decision: &Decision) {
    let handoff = turn.step(path, slot).result.as_deref().and_then(|result| result.handoff.as_deref());
    let Some(proposal) = handoff.and_then(|handoff| handoff.routing.proposal.clone()) else { return };
    if proposal.trim().is_empty() {
        return;
    }
    let proposed = Decision {
        decision: DecisionKind::ExtendGraph,
        next_step_ids: Vec::new(),
        reason: proposal,
        candidates: Vec::new(),
        injected: None,
        by: "navigator".to_owned(),
        ..decision.clone()
    };
    turn.emit(Fact::Routed { flow: path.clone(), decision: Arc::new(proposed) });
}

pub(super) fn reason(state: &State, frame: &Frame, slot: Slot, error: &str) -> String {
    let why = result(frame, slot).and_then(|result| Some(result.handoff.as_deref()?.routing.reason.as_str())).unwrap_or_default();
    let ways = listed(state, frame, slot);
    if !result(frame, slot).is_some_and(|result| result.passed) {
        return format!("no choice was made: {error}");
    }
    match (said(frame, slot), pick(state, frame, slot)) {
        (Some(_), Some(way)) => format!("chose {way}: {why}"),
        (Some(name), None) => format!("chose `{name}`, which is none of {ways}"),
        (None, Some(way)) => format!("only {way} may come next"),
        (None, None) if why.is_empty() => format!("named no way; there is {ways}"),
        (None, None) => format!("named no way: {why}; there is {ways}"),
    }
}

fn listed(state: &State, frame: &Frame, slot: Slot) -> String {
    ways(state, frame, slot).iter().map(Way::to_string).collect::<Vec<_>>().join(", ")
}

/// A person chooses from the same ways.
pub(super) fn options(state: &State, frame: &Frame, slot: Slot) -> Vec<Option_> {
    let offered = |way: Way| {
        let title = title(frame, &way);
        let (label, effect) = match &way {
            Way::Step(step) => (format!("Go on with {step}"), "this step goes on, the other ways are left out"),
            Way::Inject(what) => {
                (format!("Put in the steps of {}", what.name()), "they run inside this flow, then it is chosen again")
            }
        };
        option(&way.to_string(), &title.unwrap_or(label), effect)
    };
    let mut all: Vec<Option_> = ways(state, frame, slot).into_iter().map(offered).collect();
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

/// A way that was open when the question was asked, and is not any more: what is open instead.
pub(super) fn closed(turn: &Turn, question: &Question, choice: &str) -> Option<String> {
    let frame = turn.state.frame(&question.flow_path)?;
    let slot = frame.slot(&question.step_id).filter(|_| question.kind == QuestionKind::Navigator)?;
    let gone = !matches!(choice, "retry" | "abort" | offer::ROLLBACK) && way(&turn.state, frame, slot, choice).is_none();
    gone.then(|| format!("{}, retry, abort", listed(&turn.state, frame, slot)))
}

/// A person has chosen.
pub(super) fn sent(turn: &mut Turn, path: &FramePath, slot: Slot, way: Way, answer: &Answer) {
    let kind = kind_of(&way);
    let mut decision = ended::decision(turn, path, slot, kind, Rule::Answered);
    decision.reason = words(answer);
    decision.by = format!("human:{}", answer.by);
    goes_on(turn, path, slot, Some(way), &mut decision);
    ended::carry_out(turn, path, slot, Rule::Answered, decision);
}

/// What was put in is over: it is chosen again, by the navigator or, where it did not take, by a person.
pub(super) fn returned(turn: &mut Turn, at: &At, slot: Slot, what: &Injection, outcome: Outcome, reason: &str) {
    if outcome == Outcome::Succeeded {
        let mut decision = ended::decision(turn, &at.flow, slot, DecisionKind::Continue, Rule::InjectionDone);
        decision.reason = format!("{what} is done: {} chooses again", at.step);
        decision.next_step_ids = vec![at.step.clone()];
        turn.emit(Fact::Routed { flow: at.flow.clone(), decision: Arc::new(decision) });
        return;
    }
    let mut decision = ended::decision(turn, &at.flow, slot, DecisionKind::Escalate, Rule::Navigator);
    decision.reason = format!("{what} did not take: {reason}");
    goes_on(turn, &at.flow, slot, None, &mut decision);
    ended::carry_out(turn, &at.flow, slot, Rule::Navigator, decision);
}

/// The step that a decision about a chooser sends the flow to.
pub(super) fn sends_to(decision: &Decision) -> Option<StepId> {
    let chose = decision.decision == DecisionKind::Continue && matches!(decision.rule, Rule::Navigator | Rule::Answered);
    decision.next_step_ids.first().filter(|_| chose).and_then(|step| StepId::new(step.base()).ok())
}
