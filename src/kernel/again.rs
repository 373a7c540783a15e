//! Steps that run again, with all that depends on them: in their own flow, and in the flows around it.
//! In: a flow and steps of it. Out: facts for every flow concerned, or `Busy` where one of these steps is under way.
//! Never: a step that is taken back while an execution of it, or of a flow below it, runs.

use crate::{
    id::{EscalationId, FramePath, StepRef},
    plan::StepIx,
    record::{Fact, Parent, Question, QuestionKind, QuestionStatus, SupersedeReason},
};

use super::{
    input::Refused,
    state::{Frame, Life, Settled, Slot, StepState},
    turn::Turn,
};

/// One flow around the one that goes on: its step waits for the inner flow again.
struct Around {
    flow: FramePath,
    step: StepRef,
    into: FramePath,
    /// What runs again in it: all that needs the step, and whatever failed.
    dependents: Vec<StepRef>,
}

/// The step, or one item of it, and all that depends on it, run again. Everything is looked at before anything is changed.
pub(super) fn again(turn: &mut Turn, flow: &FramePath, slot: Slot, why: SupersedeReason) -> Result<(), Refused> {
    let (frame, step) = (turn.frame(flow), slot.step);
    // A flow goes on only if what failed in it runs again, too: of the items of a step those that failed.
    let below = |step: StepIx| frame.plan.downstream(step);
    let needs = |slot: &Slot| {
        let Slot { step, item } = *slot;
        below(step).into_iter().filter(move |one| item.is_none() || *one != step)
    };
    let failed = || slots(frame).filter(|(_, state)| is_failed(&state.life)).map(|(slot, _)| slot);
    let all: Vec<Slot> = std::iter::once(slot).chain(failed()).collect();
    let mut steps: Vec<StepIx> = all.iter().flat_map(needs).collect();
    // What was taken back did not happen: nothing goes on as if it had.
    let undone = turn.state.taken_back(flow);
    if undone.first() == Some(&step) && slot.item.is_none() {
        steps.extend(undone.iter().copied().flat_map(below));
    } else if undone.iter().any(|gone| !steps.contains(gone)) {
        let gone = frame.plan.step(undone[0]).spec.id.to_string();
        return Err(Refused::TakenBack { gone, step: frame.name(slot).to_string() });
    }
    let mut names = names_of(frame, steps);
    let items = all.iter().filter(|slot| slot.item.is_some()).map(|slot| frame.name(*slot));
    for item in items.collect::<std::collections::BTreeSet<_>>() {
        if !names.iter().any(|name| name.as_str() == item.base()) {
            names.push(item);
        }
    }
    let around = flows_around(turn, flow)?;
    // The same holds in the flows around it.
    for one in &around {
        let gone = turn.state.taken_back(&one.flow);
        let frame = turn.frame(&one.flow);
        let runs = |gone: &StepIx| {
            let name = StepRef::from(&frame.plan.step(*gone).spec.id);
            one.dependents.contains(&name) || one.step.base() == name.as_str()
        };
        if !one.is_rollback(turn) && gone.iter().any(|gone| !runs(gone)) {
            let id = |step: StepIx| format!("{}/{}", one.flow, frame.plan.step(step).spec.id);
            let step = format!("{flow}/{}", turn.frame(flow).plan.step(step).spec.id);
            return Err(Refused::TakenBack { gone: id(gone[0]), step });
        }
    }
    let busy = still_running(turn, flow, &names).or_else(|| around.iter().find_map(|one| one.busy(turn)));
    if let Some(what) = busy {
        return Err(Refused::Busy { what });
    }
    for one in &around {
        one.void(turn);
    }
    set_aside(turn, flow, names, why, Some(slot), "the step runs again");
    ask_orphans(turn, flow);
    for Around { flow, step, into, dependents } in around {
        let half = half_run(turn, &flow, &dependents);
        turn.emit(Fact::Reopened { flow: flow.clone(), step, into, dependents });
        ask_orphans(turn, &flow);
        ask_half_run(turn, &flow, &half);
    }
    Ok(())
}

/// Takes back what these steps did and asked. `named` is the one that a person spoke of.
pub(super) fn set_aside(
    turn: &mut Turn,
    flow: &FramePath,
    steps: Vec<StepRef>,
    reason: SupersedeReason,
    named: Option<Slot>,
    why: &str,
) {
    let mut half = half_run(turn, flow, &steps);
    half.retain(|step| named.is_none_or(|named| named.step != *step));
    let named = named.map(|named| turn.frame(flow).name(named));
    void_for(turn, flow, &steps, why);
    turn.emit(Fact::Superseded { flow: flow.clone(), steps, why: reason, named });
    ask_half_run(turn, flow, &half);
}

/// Those of these steps that may have half run, and of which nobody has said how to go on: also where the question was
/// closed unanswered.
pub(super) fn half_run(turn: &Turn, flow: &FramePath, steps: &[StepRef]) -> Vec<StepIx> {
    let frame = turn.frame(flow);
    let among = |slot: Slot| names(steps, &frame.name(slot));
    let mut found: Vec<StepIx> =
        slots(frame).filter(|(slot, state)| is_half_run(turn, &state.life) && among(*slot)).map(|(slot, _)| slot.step).collect();
    found.sort_unstable();
    found.dedup();
    found
}

pub(super) fn is_half_run(turn: &Turn, life: &Life) -> bool {
    let Life::Held(id) = life else { return false };
    let question = turn.state.questions.get(id).or_else(|| turn.state.requested.get(id));
    question.is_some_and(|one| one.kind == QuestionKind::Lost && one.status != QuestionStatus::Answered)
}

/// A once-only step that may have half run is not repeated without a word, whatever else runs again.
fn ask_half_run(turn: &mut Turn, flow: &FramePath, steps: &[StepIx]) {
    for step in steps {
        super::recover::ask_lost(turn, flow, (*step).into(), "and now it would run again with the steps before it");
    }
}

fn names_of(frame: &Frame, mut steps: Vec<StepIx>) -> Vec<StepRef> {
    steps.sort_unstable();
    steps.dedup();
    steps.iter().map(|step| StepRef::from(&frame.plan.step(*step).spec.id)).collect()
}

fn is_failed(life: &Life) -> bool {
    *life == Life::Settled(Settled::Failed)
}

/// Every step and every item, with where it stands.
pub(super) fn slots(frame: &Frame) -> impl Iterator<Item = (Slot, &StepState)> {
    let ix = |at: usize| StepIx(u32::try_from(at).expect("the loader takes at most 20,000 steps"));
    let whole = frame.steps.iter().enumerate().map(move |(at, state)| (Slot::from(ix(at)), state.as_ref()));
    let items = frame.items.iter().map(|((step, item), state)| (Slot { step: *step, item: Some(*item) }, state));
    whole.chain(items)
}

fn failed_steps(frame: &Frame) -> Vec<StepIx> {
    slots(frame).filter(|(_, state)| is_failed(&state.life)).map(|(slot, _)| slot.step).collect()
}

/// The flows around this one that do not wait for it any more, or that are failing, from the inside out.
fn flows_around(turn: &Turn, flow: &FramePath) -> Result<Vec<Around>, Refused> {
    let mut found = Vec::new();
    let mut into = flow.clone();
    while let Some(parent) = turn.frame(&into).parent.as_deref() {
        let (at, fixes) = match parent {
            Parent::SubFlow { at } | Parent::Undo { at, .. } => (at, false),
            Parent::Detour { at, .. } | Parent::Injected { at, .. } => (at, true),
            Parent::Rollback { of, failed, .. } => {
                let frame = turn.frame(of);
                if frame.failing.is_none() || !frame.rolled_back {
                    return Err(Refused::Abandoned { flow: into.to_string(), why: format!("{of} went on without it") });
                }
                let outer = std::mem::replace(&mut into, of.clone());
                if !frame.is_open() {
                    found.push(Around { flow: of.clone(), step: failed.clone(), into: outer, dependents: Vec::new() });
                }
                continue;
            }
        };
        let frame = turn.frame(&at.flow);
        let step = frame.slot(&at.step).and_then(|slot| Some((slot, frame.state(slot)?)));
        // An item of a group that is worked out anew; a failure that was set aside, and its fix with it.
        let Some((slot, step)) = step.filter(|(_, step)| !fixes || step.result.is_some()) else {
            return Err(Refused::Abandoned { flow: into.to_string(), why: format!("{at} starts anew") });
        };
        if !half_run(turn, &at.flow, std::slice::from_ref(&at.step)).is_empty() {
            let why = format!("{at} may have half run: say first how to go on with it");
            return Err(Refused::Abandoned { flow: into.to_string(), why });
        }
        let planned = frame.plan.step(slot.step);
        if frame.steps.get(slot.step.at()).is_none_or(|step| step.met < planned.required) {
            return Err(Refused::Abandoned { flow: into.to_string(), why: format!("{at} starts anew when its needs are done") });
        }
        let above = frame.plan.upstream(slot.step);
        if let Some(failed) = failed_steps(frame).into_iter().find(|one| *one != slot.step && above.contains(one)) {
            let failed = &frame.plan.step(failed).spec.id;
            let why = format!("{at} needs `{failed}`, which failed and runs first: start there");
            return Err(Refused::Abandoned { flow: into.to_string(), why });
        }
        let waits = matches!(&step.life, Life::InFlow(path) | Life::InDetour(path) if *path == into);
        if waits && frame.is_open() && frame.failing.is_none() {
            break;
        }
        let dependents = dependents(frame, slot);
        found.push(Around { flow: at.flow.clone(), step: at.step.clone(), into, dependents });
        into = at.flow.clone();
    }
    Ok(found)
}

/// Everything that needs the step, and whatever failed beside it. The step itself goes on, and so do its other items.
fn dependents(frame: &Frame, own: Slot) -> Vec<StepRef> {
    let again = std::iter::once(own.step).chain(failed_steps(frame)).flat_map(|step| frame.plan.downstream(step));
    let mut names = names_of(frame, again.filter(|step| *step != own.step).collect());
    let beside =
        frame.items.iter().filter(|((step, item), state)| *step == own.step && Some(*item) != own.item && is_failed(&state.life));
    names.extend(beside.map(|((step, item), _)| frame.name(Slot { step: *step, item: Some(*item) })));
    names
}

impl Around {
    /// What runs of the step beside the inner flow, or of its dependents.
    fn busy(&self, turn: &Turn) -> Option<String> {
        if self.is_rollback(turn) {
            return None;
        }
        let own = |path: &FramePath, step: &StepRef| *path == self.flow && *step == self.step;
        let beside = |path: &FramePath| self.is_beside(turn, path);
        let mut running = turn.state.running.keys();
        let found = running.find(|at| own(&at.flow, &at.step) || beside(&at.flow)).map(ToString::to_string);
        found.or_else(|| still_running(turn, &self.flow, &self.dependents))
    }

    /// The inner flow takes back what the outer one did: no step of that runs again.
    fn is_rollback(&self, turn: &Turn) -> bool {
        matches!(turn.frame(&self.into).parent.as_deref(), Some(Parent::Rollback { .. }))
    }

    /// A flow that the step opened, and that is neither the inner one nor part of it: a detour.
    fn is_beside(&self, turn: &Turn, path: &FramePath) -> bool {
        let step = std::slice::from_ref(&self.step);
        turn.state.is_below(path, &self.flow, step) && !turn.state.is_in(path, &self.into)
    }

    fn void(&self, turn: &mut Turn) {
        if self.is_rollback(turn) {
            return;
        }
        void_for(turn, &self.flow, &self.dependents, "the step runs again");
        let own = |one: &Question| one.flow_path == self.flow && one.step_id == self.step;
        let ids = questions(turn, |one| own(one) || self.is_beside(turn, &one.flow_path));
        void(turn, ids, "the step runs again");
    }
}

/// Closes the questions about steps that are going to run again.
pub(super) fn void_for(turn: &mut Turn, flow: &FramePath, steps: &[StepRef], why: &str) {
    let ids = questions(turn, |one| {
        let own = one.flow_path == *flow && names(steps, &one.step_id);
        // What "done" means is asked when the flow is done again.
        let done = one.flow_path == *flow && one.kind == QuestionKind::Done;
        own || done || turn.state.is_below(&one.flow_path, flow, steps)
    });
    void(turn, ids, why);
}

/// A step, or the step that it is an item of, is among these.
fn names(steps: &[StepRef], step: &StepRef) -> bool {
    steps.iter().any(|one| one == step || one.as_str() == step.base())
}

fn questions(turn: &Turn, concerns: impl Fn(&Question) -> bool) -> Vec<EscalationId> {
    let open = turn.state.open_questions.iter().filter_map(|id| turn.state.questions.get(id));
    let all = open.chain(turn.state.requested.values());
    all.filter(|one| concerns(one)).map(|one| one.id.clone()).collect()
}

fn void(turn: &mut Turn, ids: Vec<EscalationId>, why: &str) {
    for id in ids {
        if turn.state.line_stops.contains(&id) {
            turn.emit(Fact::LineReleased { by: id.clone() });
        }
        turn.emit(Fact::EscalationVoided { id, why: why.to_owned() });
    }
}

/// An execution of one of these steps, or of a flow below one; or a rollback in which they would get into each other's way.
pub(super) fn still_running(turn: &Turn, flow: &FramePath, steps: &[StepRef]) -> Option<String> {
    let mut running = turn.state.running.keys();
    let found = running.find(|at| at.flow == *flow && names(steps, &at.step) || turn.state.is_below(&at.flow, flow, steps));
    found.map(ToString::to_string).or_else(|| rolling_back(turn, flow, steps).map(|path| path.to_string()))
}

pub(super) fn rolling_back(turn: &Turn, flow: &FramePath, steps: &[StepRef]) -> Option<FramePath> {
    let rolls = |path: &&FramePath| match turn.state.frame(path).and_then(|frame| frame.parent.as_deref()) {
        Some(Parent::Rollback { of, .. } | Parent::Undo { of, .. }) => of == flow || turn.state.is_below(of, flow, steps),
        Some(Parent::SubFlow { .. } | Parent::Detour { .. } | Parent::Injected { .. }) | None => false,
    };
    turn.state.open_frames.iter().find(rolls).cloned()
}

/// A flow goes on in which questions were closed unanswered: what a person has to decide is asked again.
pub(super) fn ask_orphans(turn: &mut Turn, flow: &FramePath) {
    let frame = turn.frame(flow);
    let held = frame.steps.iter().map(AsRef::as_ref).chain(frame.items.values()).filter_map(|state| match &state.life {
        Life::Held(id) => turn.state.questions.get(id).filter(|one| one.status == QuestionStatus::Voided),
        _ => None,
    });
    for old in held.cloned().collect::<Vec<_>>() {
        super::answer::ask_the_same(turn, &old, old.shown.iter().map(|one| one.path.clone()).collect());
    }
}
