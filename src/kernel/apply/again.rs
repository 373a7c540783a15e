//! Steps whose results no longer count, and the flows that were opened below them.
//! In: names of steps. Out: the same steps, as if they had not happened. Never: an execution that goes on below them;
//! that was refused before.

use std::sync::Arc;

use crate::{
    id::{FramePath, StepRef, Time},
    kernel::state::{Frame, FramePhase, Life, LoopState, Settled, Slot, State, StepState},
    plan::StepIx,
    record::{LimitName, Outcome, Parent},
};

use super::{
    clock::calm,
    flows::timeout_of,
    lives::{locate, make_ready, once_began, ready_again, reset, set_life},
    routed::warned,
};

/// A step waits for its inner flow again, and what needs it for the step.
pub(super) fn reopened(state: &mut State, flow: &FramePath, step: &StepRef, into: &FramePath, dependents: &[StepRef], now: Time) {
    if matches!(state.frame(into).and_then(|frame| frame.parent.as_deref()), Some(Parent::Rollback { .. })) {
        // It has failed, and is over again when what it did is taken back.
        if let Some(frame) = state.frame_mut(flow) {
            frame.phase = FramePhase::Open;
            frame.outcome_reason = None;
        }
        state.open_frames.insert(flow.clone());
        return;
    }
    // Its known fixes, if one was being tried, are not waited for any more.
    let opened = std::slice::from_ref(step);
    let beside = state.open_frames.iter().filter(|path| state.is_below(path, flow, opened) && !state.is_in(path, into));
    for path in beside.cloned().collect::<Vec<_>>() {
        dropped(state, &path, now);
    }
    calm(state, flow, now, |waiting| waiting == step);
    let parent = state.frame(into).and_then(|frame| frame.parent.as_deref());
    let fixes = matches!(parent, Some(Parent::Detour { .. } | Parent::Injected { .. }));
    let once = state.frame(into).is_some_and(once_began);
    // First the step waits, then those that need it: they must not find it done.
    if let Some((frame, slot)) = locate(state, flow, step) {
        frame.doomed.remove(&slot.step);
        if slot.item.is_some() {
            item_again(frame, slot);
        }
        // How it ended before does not stand: it has not ended.
        frame.warnings.retain(|warning| warned(warning) != step.base());
        frame.state_mut(slot).once_inside |= once;
        set_life(frame, slot, if fixes { Life::InDetour(into.clone()) } else { Life::InFlow(into.clone()) });
        if frame.failing.as_ref().is_some_and(|failing| failing.0 == *step) {
            frame.failing = None;
            frame.rolled_back = false;
        }
    }
    superseded(state, flow, dependents, now);
}

/// A flow that nothing waits for any more.
pub(super) fn dropped(state: &mut State, path: &FramePath, now: Time) {
    calm(state, path, now, |_| true);
    state.open_frames.remove(path);
    let Some(frame) = state.frame_mut(path).filter(|frame| frame.is_open()) else { return };
    frame.phase = FramePhase::Done(Outcome::Cancelled);
    // What it waited for is dropped with it. If a person ever goes on in it, these steps start anew.
    let inner = |state: &StepState| matches!(state.life, Life::InFlow(_) | Life::InDetour(_));
    let whole = (0..frame.plan.steps.len()).map(|at| Slot::from(StepIx(u32::try_from(at).unwrap_or(u32::MAX))));
    let items = frame.items.keys().map(|(step, item)| Slot { step: *step, item: Some(*item) });
    let waiting = whole.chain(items).filter(|slot| frame.state(*slot).is_some_and(inner)).collect::<Vec<_>>();
    for slot in waiting {
        set_life(frame, slot, Life::Idle);
    }
}

/// One item of a group is not over any more, and the group is open again with it.
pub(super) fn item_again(frame: &mut Frame, slot: Slot) {
    let group_slot = Slot::from(slot.step);
    if let Life::Settled(how) = frame.state_mut(slot).life
        && let Some(group) = frame.state_mut(group_slot).group.as_mut().map(Arc::make_mut)
    {
        group.settled -= 1;
        group.standing -= u32::from(how != Settled::Passed);
    }
    set_life(frame, group_slot, Life::Fanned);
}

pub(super) fn superseded(state: &mut State, flow: &FramePath, steps: &[StepRef], now: Time) {
    let below: Vec<FramePath> = state.frames.keys().filter(|path| state.is_below(path, flow, steps)).cloned().collect();
    for path in below {
        dropped(state, &path, now);
    }
    calm(state, flow, now, |waiting| steps.iter().any(|step| step == waiting || step.as_str() == waiting.base()));
    let timeout = timeout_of(state, state.frame(flow).and_then(|frame| frame.parent.as_deref()));
    let Some(frame) = state.frame_mut(flow) else { return };
    let was_done = !frame.is_open();
    // A flow that was over has its step's whole time again.
    if was_done || frame.is_overdue() {
        frame.time_ms_max = timeout.map(|timeout| frame.active_ms_at(now).saturating_add(timeout));
        frame.reached = frame.reached.filter(|(limit, _)| *limit != LimitName::Timeout);
    }
    frame.phase = FramePhase::Open;
    // Another step's failure stands, whatever becomes of these.
    let again = |failed: &StepRef| steps.iter().any(|step| step == failed || step.as_str() == failed.base());
    if was_done || frame.failing.as_ref().is_some_and(|failing| again(&failing.0)) {
        frame.failing = None;
        frame.rolled_back = false;
    }
    frame.outcome_reason = None;
    frame.done = imbl::OrdMap::new();
    let mut whole: Vec<StepIx> = Vec::new();
    for step in steps {
        let Some(slot) = frame.slot(step) else { continue };
        match slot.item {
            None => whole.push(slot.step),
            Some(_) => {
                item_again(frame, slot);
                set_life(frame, slot, Life::Idle);
                let old = frame.state_mut(slot);
                *old = old.again();
                make_ready(frame, slot);
            }
        }
    }
    let plan = frame.plan.clone();
    for (at, around) in plan.loops.iter().enumerate() {
        if whole.contains(&around.first) && whole.contains(&around.last) {
            frame.loops.set(at, LoopState { iteration: 1, ..LoopState::default() });
        }
    }
    whole.sort_unstable();
    whole.dedup();
    reset(frame, &whole);
    frame.warnings.retain(|warning| !steps.iter().any(|step| step.base() == warned(warning)));
    // Whoever sends a step round again by hand gives it its known fixes again as well, and its injections.
    for step in &whole {
        let state = frame.state_mut((*step).into());
        (state.detours, state.injections) = (None, 0);
    }
    if was_done {
        ready_again(frame);
    }
    state.open_frames.insert(flow.clone());
}
