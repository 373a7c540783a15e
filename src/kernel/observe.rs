//! A run that only observes: which steps it passes over, and what they would have done.
//! In: the state and a step. Out: the words for the fact. Never: a step that changes something started, a person asked.

use std::sync::Arc;

use crate::{
    id::{FramePath, StepRef},
    plan::StepIx,
    record::Observed,
    spec::{Access, Reads, StepField, Verb, flow::Step},
};

use super::{
    action::action,
    advance::holds,
    ask::written,
    state::{Frame, Slot, State},
    turn::Turn,
};

/// Why the step is passed over; `None`: it only looks, and starts like any other.
pub(super) fn passed_over(turn: &Turn, path: &FramePath, slot: Slot) -> Option<String> {
    let frame = turn.frame(path);
    if !frame.options.observe_only {
        return None;
    }
    let spec = &frame.plan.step(slot.step).spec;
    let Some(would) = would(turn, path, slot) else {
        let unread = missing(frame, &spec.reads()).map(|name| format!("it reads what `{name}` leaves, which did not run"));
        let unmade = || unmade(frame, spec).map(|(file, name)| format!("it needs {file} of `{name}`, which did not run"));
        return unread.or_else(unmade);
    };
    // A step whose own condition is known to be false would have done nothing.
    let when = spec.when.as_ref().filter(|when| slot.item.is_none() && missing(frame, when.reads()).is_none());
    match when.map(|when| holds(turn, path, when, None)) {
        Some(Ok(false)) => None,
        Some(Ok(true) | Err(_)) | None => Some(would),
    }
}

/// What the step would change, or whom it would ask, in the words of the flow.
pub(super) fn would(turn: &Turn, path: &FramePath, slot: Slot) -> Option<String> {
    let spec = turn.frame(path).plan.step(slot.step).spec.clone();
    if !changes(&spec) {
        return None;
    }
    let each = spec.for_each.as_ref().map(|each| format!(", for each of {}", each.list.text())).unwrap_or_default();
    let asks = spec.approve.as_ref().map(|ask| format!(", after asking {}", people(&ask.to))).unwrap_or_default();
    Some(match &spec.verb {
        Verb::Ask(ask) => {
            let question = written(turn, path, Some(slot), ask).map_or_else(|_| ask.question.text().to_owned(), |(text, _)| text);
            format!("would ask {}: {question}", people(&ask.to))
        }
        Verb::Run { .. } => format!("would run{each}{asks}: {}", action(turn, path, slot, &spec)),
        Verb::Exec { .. } => format!("would execute{each}{asks}: {}", action(turn, path, slot, &spec)),
        Verb::Agent(_)
        | Verb::Flow { .. }
        | Verb::Snapshot { .. }
        | Verb::Compare { .. }
        | Verb::Render { .. }
        | Verb::Scan(_) => format!("would do{each}{asks}: {}", action(turn, path, slot, &spec)),
    })
}

fn changes(spec: &Step) -> bool {
    match &spec.verb {
        Verb::Run { .. } | Verb::Exec { .. } | Verb::Agent(_) => spec.access == Access::Change,
        Verb::Ask(_) => true,
        Verb::Render { to, .. } => !to.starts_with("artifacts/") || !spec.verify.is_empty(),
        // A sub-flow is looked into; a snapshot's commands stand behind the fence.
        Verb::Flow { .. } | Verb::Snapshot { .. } | Verb::Compare { .. } | Verb::Scan(_) => false,
    }
}

fn people(to: &[crate::spec::Role]) -> String {
    if to.is_empty() {
        return "a person".to_owned();
    }
    to.iter().map(|role| role.0.as_str()).collect::<Vec<_>>().join(", ")
}

/// A step that was passed over and whose result is read.
fn missing(frame: &Frame, reads: &Reads) -> Option<String> {
    let mut asked = reads.steps.iter().filter(|(_, fields)| fields.iter().any(|field| *field != StepField::Skipped));
    let over = |name: &str| frame.plan.find(name).is_some_and(|step| is_over(frame, step));
    asked.find(|(name, _)| over(name)).map(|(name, _)| name.clone())
}

fn is_over(frame: &Frame, step: StepIx) -> bool {
    frame.steps.get(step.at()).is_some_and(|state| state.passed_over.is_some())
}

/// A file that a step which was passed over would have made, and that this one needs: an older one in its place would be another's.
fn unmade(frame: &Frame, spec: &Step) -> Option<(String, String)> {
    let over = frame.steps.iter().zip(&frame.plan.steps).filter(|(state, _)| state.passed_over.is_some());
    let made = over.flat_map(|(_, planned)| planned.spec.outputs.iter().map(move |output| (&planned.spec.id, output)));
    let mut found = made.filter(|(_, output)| spec.inputs.contains(*output));
    found.next().map(|(step, output)| (output.clone(), step.to_string()))
}

impl State {
    /// What a flow with all inside it has passed over; `None`: it does whatever it has to.
    pub fn observed(&self, flow: &FramePath) -> Option<Observed> {
        self.frame(flow).filter(|frame| frame.options.observe_only)?;
        let named = |frame: &Frame| {
            let inside = frame.path.as_str().strip_prefix(flow.as_str()).unwrap_or_default().trim_start_matches('.').to_owned();
            let name = move |(step, _)| if inside.is_empty() { format!("{step}") } else { format!("{inside}.{step}") };
            frame.passed_over().into_iter().map(name).collect::<Vec<_>>()
        };
        let within = self.frames.values().filter(|frame| self.is_in(&frame.path, flow));
        Some(Observed { passed_over: within.flat_map(|frame| named(frame)).collect() })
    }
}

impl Frame {
    /// The steps that were passed over, with what they would have done.
    pub fn passed_over(&self) -> Vec<(StepRef, Arc<str>)> {
        let steps = (0..).map(StepIx).zip(self.steps.iter());
        steps.filter_map(|(step, state)| Some((self.name(step.into()), state.passed_over.clone()?))).collect()
    }
}
