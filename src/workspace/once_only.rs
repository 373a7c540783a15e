//! Once-only steps that ran, and that what a person asks for runs again.
//! In: a run as it stands, and what is about to be told to it. Out: their names, to be said before anything begins.
//! Never: a step that the kernel asks about anyway; a no to what a person named.

use crate::{
    id::{FramePath, StepRef, Time},
    kernel::{Frame, Input, Retry, Slot, State, decide},
    plan::StepIx,
    record::{Fact, Parent},
    spec::Effects,
};

/// Of a flow and those below it.
pub(super) fn that_ran(state: &State, flow: &FramePath) -> Vec<String> {
    let frames = state.frames.values().filter(|frame| frame.path.root() == flow.root() && !takes_back(state, frame));
    // What was taken back did not happen.
    let stands = |frame: &Frame, slot: &Slot| !state.taken_back(&frame.path).contains(&slot.step);
    frames
        .flat_map(|frame| ran(frame).filter(|slot| stands(frame, slot)).map(|slot| named(frame, slot, flow)).collect::<Vec<_>>())
        .collect()
}

/// What is told before a person's word makes them run again; `None` where it does not.
pub(super) fn run_again(state: &State, input: &Input, flow: &FramePath, now: Time) -> Option<String> {
    // What is refused says so itself.
    let facts = decide(state, input, now).ok()?.facts;
    let redone = facts.iter().filter_map(|fact| match fact {
        Fact::Superseded { flow, steps, .. } | Fact::Reopened { flow, dependents: steps, .. } => Some((flow, steps)),
        _ => None,
    });
    let redone: Vec<(&FramePath, &Vec<StepRef>)> = redone.collect();
    let asked = |path: &FramePath, step: &StepRef| {
        facts.iter().any(|fact| match fact {
            Fact::EscalationRequested { question } | Fact::EscalationRaised { question } => {
                question.flow_path == *path && question.step_id == *step
            }
            _ => false,
        })
    };
    let of = |frame: &Frame| {
        let whole = redone.iter().any(|(flow, steps)| state.is_below(&frame.path, flow, steps));
        let own = |slot: &Slot| {
            let name = frame.name(*slot);
            let among = |steps: &[StepRef]| steps.iter().any(|step| *step == name || step.as_str() == name.base());
            let runs = whole || redone.iter().any(|(flow, steps)| **flow == frame.path && among(steps));
            runs && !asked(&frame.path, &name)
        };
        // What was taken back did not happen.
        let undone = state.taken_back(&frame.path);
        let own = |slot: &Slot| own(slot) && !undone.contains(&slot.step);
        ran(frame).filter(own).map(|slot| named(frame, slot, flow)).collect::<Vec<_>>()
    };
    let frames = state.frames.values().filter(|frame| !takes_back(state, frame));
    let all: Vec<String> = frames.flat_map(|frame| of(frame)).collect();
    let later = match input {
        Input::Retried(Retry { step, only: true, .. }) if all.iter().any(|one| one != step.as_str()) => {
            format!(" (those behind {step} when the run goes on)")
        }
        _ => String::new(),
    };
    match all.as_slice() {
        [] => None,
        [one] => Some(format!("a once-only step that was done runs again: {one}{later}")),
        more => Some(format!("once-only steps that were done run again: {}{later}", more.join(", "))),
    }
}

/// Nobody would be asked about them before they run again.
/// What takes back is not done over: there is another rollback then, if it is wanted.
fn takes_back(state: &State, frame: &Frame) -> bool {
    match frame.parent.as_deref() {
        Some(Parent::Rollback { .. } | Parent::Undo { .. }) => true,
        Some(Parent::SubFlow { at } | Parent::Detour { at, .. } | Parent::Injected { at, .. }) => {
            state.frame(&at.flow).is_some_and(|around| takes_back(state, around))
        }
        None => false,
    }
}

fn ran(frame: &Frame) -> impl Iterator<Item = Slot> {
    let steps = (0..).map(StepIx).take(frame.steps.len()).map(Slot::from);
    let items = frame.items.keys().map(|(step, item)| Slot { step: *step, item: Some(*item) });
    steps.chain(items).filter(|slot| {
        let once = frame.plan.step(slot.step).spec.effects == Effects::Once;
        let asks = frame.doubts.contains_key(&frame.name(*slot));
        once && !asks && frame.state(*slot).is_some_and(|state| state.execution > 0 && state.group.is_none())
    })
}

/// As somebody in that flow would call it.
fn named(frame: &Frame, slot: Slot, flow: &FramePath) -> String {
    let within = frame.path.as_str().strip_prefix(flow.root().as_str()).unwrap_or(frame.path.as_str());
    match within.trim_start_matches('.') {
        "" => frame.name(slot).to_string(),
        within => format!("{within}.{}", frame.name(slot)),
    }
}
