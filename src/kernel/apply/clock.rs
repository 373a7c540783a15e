//! Accounts of a run: executions that were started, time during which something ran, attempts that are due.
//! In: where something began or ended. Out: the same in every flow around it. Never: the time asked; it comes with the entry.

use crate::{
    id::{FramePath, StepRef, Time},
    kernel::state::{Life, State},
    record::{At, LimitName, Parent},
};

use super::lives::{locate, set_life};

/// One account: what a sub-flow or a detour executes counts in the flows around it, too.
pub(super) fn count_execution(state: &mut State, path: &FramePath) {
    let mut path = Some(path.clone());
    while let Some(frame) = path.as_ref().and_then(|path| state.frame_mut(path)) {
        frame.executions += 1;
        path = match frame.parent.as_deref() {
            Some(Parent::SubFlow { at } | Parent::Detour { at, .. } | Parent::Injected { at, .. }) => Some(at.flow.clone()),
            Some(Parent::Rollback { .. } | Parent::Undo { .. }) | None => None,
        };
    }
}

/// Attempts of these steps that are due are not wanted any more.
pub(super) fn calm(state: &mut State, flow: &FramePath, now: Time, concerns: impl Fn(&StepRef) -> bool) {
    let waiting: Vec<(Time, At)> = state.due.iter().filter(|(_, at)| at.flow == *flow && concerns(&at.step)).cloned().collect();
    for one in waiting {
        if let Some((frame, slot)) = locate(state, flow, &one.1.step) {
            set_life(frame, slot, Life::Idle);
        }
        state.due.remove(&one);
        busy(state, flow, false, now);
    }
}

/// One more or one less execution runs in this flow and in all above it.
pub(super) fn busy(state: &mut State, path: &FramePath, more: bool, now: Time) {
    let mut path = Some(path.clone());
    while let Some(frame) = path.as_ref().and_then(|path| state.frame_mut(path)) {
        if more {
            frame.busy += 1;
            frame.active_since.get_or_insert(now);
        } else {
            frame.busy = frame.busy.saturating_sub(1);
            if frame.busy == 0
                && let Some(since) = frame.active_since.take()
            {
                frame.active_ms += now.since(since);
            }
        }
        path = frame.parent.as_deref().map(|parent| match parent {
            Parent::SubFlow { at } | Parent::Detour { at, .. } | Parent::Injected { at, .. } | Parent::Undo { at, .. } => {
                at.flow.clone()
            }
            Parent::Rollback { of, .. } => of.clone(),
        });
    }
}

/// A run that rests runs for nobody, whoever writes into its journal meanwhile.
pub(super) fn rests(state: &mut State, now: Time) {
    for path in state.open_frames.clone() {
        if let Some(frame) = state.frame_mut(&path)
            && let Some(since) = frame.active_since.take()
        {
            frame.active_ms += now.since(since);
        }
    }
}

/// What was under way when the run rested, attempts that are due, counts again.
pub(super) fn goes_on(state: &mut State, now: Time) {
    for path in state.open_frames.clone() {
        if let Some(frame) = state.frame_mut(&path).filter(|frame| frame.busy > 0) {
            frame.active_since.get_or_insert(now);
        }
    }
}

/// Since it was `seen` last, there was no process: that is nobody's running time.
pub(super) fn nobody_ran(state: &mut State, seen: Time, now: Time) {
    for path in state.open_frames.clone() {
        if let Some(frame) = state.frame_mut(&path)
            && let Some(since) = frame.active_since.filter(|since| *since < now)
        {
            frame.active_ms += seen.since(since);
            frame.active_since = Some(now);
        }
    }
}

/// What ran on time that is used up is ended; what a call of a model would have passed has stopped by itself.
pub(super) fn limit_reached(state: &mut State, flow: &FramePath, limit: LimitName, used: u64, max: u64) {
    if matches!(limit, LimitName::Wall | LimitName::Timeout) {
        let ends: Vec<At> = state.drawing(flow).cloned().collect();
        for at in ends {
            if let Some(running) = state.running.get_mut(&at) {
                running.unwanted = true;
            }
        }
    }
    if let Some(frame) = state.frame_mut(flow) {
        // A limit that was passed is doubled from where it stands.
        frame.reached = Some((limit, max.max(used)));
    }
}

pub(super) fn limit_raised(state: &mut State, flow: &FramePath, limit: LimitName, max: u64) {
    let Some(frame) = state.frame_mut(flow) else { return };
    frame.limited = None;
    match limit {
        LimitName::Steps => frame.steps_max = u32::try_from(max).ok(),
        LimitName::Wall => frame.wall_ms_max = Some(max),
        LimitName::Timeout => frame.time_ms_max = Some(max),
        LimitName::Tokens => frame.calls.tokens_max = Some(max),
        LimitName::Usd => frame.calls.usd_millionths_max = Some(max),
        LimitName::Turns => frame.calls.turns_max = Some(max),
        LimitName::UnknownCost => frame.calls.unknown_max = Some(max),
    }
}
