//! A flow's definition of today in the place of the frozen one.
//! In: the new book. Out: a frame in which what is over and unchanged stays over, what is under way goes on where it stands, flows inside
//! with their definition of today, and everything else starts anew.
//! Never: a step that stands on something else than it did taken for done.

use std::sync::Arc;

use crate::{
    id::{FramePath, Sha256, Time},
    kernel::{
        again::slots,
        state::{Frame, Group, Life, Settled, Slot, State, StepState},
    },
    plan::{Book, Plan, StepIx},
    record::Parent,
    spec::Verb,
};

use super::{
    again::dropped,
    clock::calm,
    flows::{new_frame, written_plan},
    lives::{count_needs, make_ready, reset, set_life},
    routed::warned,
};

pub(super) fn refreshed(state: &mut State, flow: &FramePath, definition: &Sha256, keeps: bool, now: Time) {
    let Some(book) = state.books.get(definition).cloned() else { return };
    let Some(plan) = state.frame(flow).and_then(|frame| plan_of(&book, frame)) else { return };
    adopt(state, flow, &book, plan, keeps, now);
}

fn plan_of(book: &Book, frame: &Frame) -> Option<Arc<Plan>> {
    written_plan(book, &frame.key, frame.parent.as_deref())
}

/// A step that stays where it is.
struct Carried {
    state: StepState,
    items: Vec<StepState>,
    /// Flows that it, or an item of it, waits for.
    inside: Vec<FramePath>,
}

fn adopt(state: &mut State, flow: &FramePath, book: &Arc<Book>, plan: Arc<Plan>, keeps: bool, now: Time) {
    // Before the flow's time is looked at: what is between two attempts counts.
    for path in state.open_frames.iter().filter(|path| state.is_in(path, flow)).cloned().collect::<Vec<_>>() {
        calm(state, &path, now, |_| true);
    }
    let Some(old) = state.frames.get(flow).cloned() else { return };
    let mut fresh = successor(&old, book, &plan, keeps);
    let mut shaken = if keeps { shaken(state, &old, &plan) } else { vec![false; plan.steps.len()] };
    let (mut anew, mut inside) = (Vec::new(), Vec::new());
    for at in 0..plan.steps.len() {
        let step = ix(at);
        let stands = !shaken[at] && plan.steps[at].needs.iter().all(|need| !shaken[need.at()]);
        let carried = same(&old, &plan, step).filter(|_| stands).and_then(|ix| carried(state, &old, ix, book, keeps));
        let Some(carried) = carried else {
            // Where nothing goes on, what needs a step that starts anew does so, too.
            shaken[at] |= !keeps;
            anew.push(step);
            continue;
        };
        shaken[at] |= !keeps && matches!(carried.state.life, Life::Held(_));
        inside.extend(carried.inside.iter().cloned());
        put(&mut fresh, step, carried);
    }
    fresh.finished = old.finished.iter().filter(|name| plan.find(name.base()).is_some()).cloned().collect();
    reset(&mut fresh, &anew);
    if keeps {
        for step in (0..plan.steps.len()).map(ix).filter(|step| anew.binary_search(step).is_err()) {
            count_needs(&mut fresh, &plan, step);
        }
        let again = |warning: &str| plan.find(warned(warning)).is_none_or(|step| anew.binary_search(&step).is_ok());
        fresh.warnings.retain(|warning| !again(warning));
        granted(&old, &mut fresh, &shaken);
    }
    // What was opened below steps that start anew is over.
    let goes_on = |path: &FramePath| inside.iter().any(|one| state.is_in(path, one));
    let below = state.open_frames.iter().filter(|path| *path != flow && state.is_in(path, flow) && !goes_on(path));
    for path in below.cloned().collect::<Vec<_>>() {
        dropped(state, &path, now);
    }
    state.frames.insert(flow.clone(), Arc::new(fresh));
    state.open_frames.insert(flow.clone());
    for path in inside {
        if let Some(plan) = state.frame(&path).and_then(|frame| plan_of(book, frame)) {
            adopt(state, &path, book, plan, keeps, now);
        }
    }
}

fn ix(at: usize) -> StepIx {
    StepIx(u32::try_from(at).expect("the loader takes at most 20,000 steps"))
}

fn successor(old: &Frame, book: &Arc<Book>, plan: &Arc<Plan>, keeps: bool) -> Frame {
    let mut fresh = new_frame(old.path.clone(), book.clone(), plan.clone(), Some(old));
    fresh.generation = old.generation;
    fresh.params = old.params.clone();
    fresh.options = old.options.clone();
    fresh.parent = old.parent.clone();
    fresh.git = old.git.clone();
    fresh.by.clone_from(&old.by);
    fresh.executions = old.executions;
    fresh.active_ms = old.active_ms;
    fresh.warnings = old.warnings.clone();
    let (was, now) = (&old.plan.flow.limits, &plan.flow.limits);
    if keeps {
        // What a person raised stays, unless the file says something else than it did.
        let same = |was, now, raised, written| if was == now { raised } else { written };
        let (calls, raised) = (&mut fresh.calls, &old.calls);
        calls.tokens_max = same(was.tokens_max, now.tokens_max, raised.tokens_max, calls.tokens_max);
        calls.turns_max = same(was.turns_max, now.turns_max, raised.turns_max, calls.turns_max);
        let usd = (raised.usd_millionths_max, calls.usd_millionths_max);
        calls.usd_millionths_max = same(was.usd_millionths(), now.usd_millionths(), usd.0, usd.1);
        if was.on_unknown_cost == now.on_unknown_cost {
            calls.unknown_max = raised.unknown_max;
        }
        fresh.wall_ms_max = same(was.wall_ms_max, now.wall_ms_max, old.wall_ms_max, fresh.wall_ms_max);
        if was.steps_max == now.steps_max {
            fresh.steps_max = old.steps_max;
        }
    }
    fresh
}

/// Rounds of a loop whose body is as it was are counted on.
fn granted(old: &Frame, fresh: &mut Frame, shaken: &[bool]) {
    let ends = |plan: &Plan, at: usize| {
        let around = &plan.loops[at];
        (plan.step(around.first).spec.id.clone(), plan.step(around.last).spec.id.clone())
    };
    let plan = fresh.plan.clone();
    for (at, _) in plan.loops.iter().enumerate().filter(|(_, around)| !around.body.iter().any(|step| shaken[step.at()])) {
        let before = (0..old.plan.loops.len()).find(|before| ends(&old.plan, *before) == ends(&plan, at));
        if let Some(before) = before.and_then(|before| old.loops.get(before)) {
            fresh.loops.set(at, before.clone());
        }
    }
}

fn same(old: &Frame, plan: &Plan, step: StepIx) -> Option<StepIx> {
    let spec = &plan.step(step).spec;
    old.plan.find(spec.id.as_str()).filter(|ix| old.plan.step(*ix).spec.sha256 == spec.sha256)
}

/// Steps of the new plan that are new or changed, or that need others than before, or that a rollback took back; and all that depends on
/// one of these.
fn shaken(state: &State, old: &Frame, plan: &Plan) -> Vec<bool> {
    let gone: Vec<StepIx> = state.taken_back(&old.path).into_iter().flat_map(|step| old.plan.downstream(step)).collect();
    let other = |step: StepIx| {
        let Some(before) = same(old, plan, step).filter(|before| !gone.contains(before)) else { return true };
        // A need that it did not have, and that is not done.
        let needed = |need: &StepIx| old.plan.step(before).needs.contains(need);
        plan.step(step).needs.iter().any(|need| {
            let need = old.plan.find(plan.step(*need).spec.id.as_str());
            let open = |need: &StepIx| !matches!(old.steps.get(need.at()).map(|one| &one.life), Some(Life::Settled(_)));
            need.is_none_or(|need| !needed(&need) && open(&need))
        })
    };
    let mut shaken = vec![false; plan.steps.len()];
    let mut next: Vec<StepIx> = (0..plan.steps.len()).map(ix).filter(|step| other(*step)).collect();
    while let Some(step) = next.pop() {
        if !std::mem::replace(&mut shaken[step.at()], true) {
            next.extend(&plan.step(step).dependents);
        }
    }
    shaken
}

/// The step as it stands, if it stays there. What failed is not over: the flow goes on only if it runs again.
fn carried(state: &State, old: &Frame, step: StepIx, book: &Book, keeps: bool) -> Option<Carried> {
    let one = old.steps.get(step.at())?;
    let group = one.group.clone();
    let items = group.iter().flat_map(|group| 0..u32::try_from(group.items.len()).unwrap_or(0));
    let items: Vec<(Slot, StepState)> = items
        .map(|item| Slot { step, item: Some(item) })
        .map(|slot| (slot, old.state(slot).cloned().unwrap_or_default()))
        .collect();
    let broken = items.iter().any(|(_, item)| item.life == Life::Settled(Settled::Failed));
    let over = matches!(one.life, Life::Settled(_));
    let Some(group) = group.filter(|_| keeps && (broken && over || one.life == Life::Fanned)) else {
        let (life, inside) = stays(state, old, step.into(), one, book, keeps).filter(|_| keeps || !broken)?;
        let items = items.into_iter().map(|(_, item)| item).collect();
        return Some(Carried { state: StepState { life, ..(**one).clone() }, items, inside: inside.into_iter().collect() });
    };
    // Of its items those go on that can.
    let (mut inside, mut settled, mut standing) = (Vec::new(), 0, 0);
    let goes_on = |(slot, mut item): (Slot, StepState)| match stays(state, old, slot, &item, book, keeps) {
        Some((life, opened)) => {
            settled += u32::from(matches!(life, Life::Settled(_)));
            standing += u32::from(matches!(life, Life::Settled(how) if how != Settled::Passed));
            inside.extend(opened);
            StepState { life, ..item }
        }
        None => StepState { life: Life::Ready, ..item.again() },
    };
    let items = items.into_iter().map(goes_on).collect();
    let group = Some(Arc::new(Group { settled, standing, ..(*group).clone() }));
    Some(Carried { state: StepState { life: Life::Fanned, group, result: None, ..(**one).clone() }, items, inside })
}

/// Where a step or an item stays, and the flow that it waits for there.
fn stays(state: &State, old: &Frame, slot: Slot, one: &StepState, book: &Book, keeps: bool) -> Option<(Life, Option<FramePath>)> {
    let asked = |id| state.open_questions.contains(id) || state.requested.contains_key(id);
    let there = |path: &FramePath| state.frame(path).is_some_and(|frame| plan_of(book, frame).is_some());
    match &one.life {
        Life::Settled(Settled::Failed) => {
            let path = failed_inside(state, old, slot, one).filter(|path| keeps && there(path))?;
            Some((Life::InFlow(path.clone()), Some(path)))
        }
        Life::Settled(Settled::Passed | Settled::Standing | Settled::Skipped) | Life::Held(_) => Some((one.life.clone(), None)),
        Life::Gated(id) | Life::Asking(id) => (keeps && asked(id)).then(|| (one.life.clone(), None)),
        Life::InFlow(path) | Life::InDetour(path) => (keeps && there(path)).then(|| (one.life.clone(), Some(path.clone()))),
        Life::Idle | Life::Ready | Life::Running | Life::Waiting { .. } | Life::Ended | Life::Fanned => None,
    }
}

/// The flow inside that a step failed by: it goes on at what failed in it.
fn failed_inside(state: &State, old: &Frame, slot: Slot, one: &StepState) -> Option<FramePath> {
    if !matches!(old.plan.step(slot.step).spec.verb, Verb::Flow { .. }) {
        return None;
    }
    let path = old.path.child(old.name(slot).as_str()).ok()?;
    let frame = state.frame(&path).filter(|frame| !frame.is_open())?;
    let own = matches!(frame.parent.as_deref(), Some(Parent::SubFlow { at }) if at.flow == old.path);
    // Where it could not be opened this time, what is there is of a time before.
    let began = slots(frame).any(|(_, inner)| inner.started_at.is_some() && inner.started_at >= one.started_at);
    (own && began).then_some(path)
}

fn put(fresh: &mut Frame, step: StepIx, carried: Carried) {
    let Carried { state, items, inside: _ } = carried;
    let slots = (0..u32::try_from(items.len()).unwrap_or(0)).map(|item| Slot { step, item: Some(item) }).zip(items);
    for (slot, state) in std::iter::once((Slot::from(step), state)).chain(slots) {
        let life = state.life.clone();
        *fresh.state_mut(slot) = StepState { life: Life::Idle, ..state };
        if life == Life::Ready {
            make_ready(fresh, slot);
        } else {
            set_life(fresh, slot, life);
        }
    }
}
