//! Limits of a flow: looked at before each step, at each tick, and when an engine stops before a call. Reached, they ask.

use crate::{
    id::FramePath,
    plan::StepIx,
    record::{At, Fact, LimitHit, LimitName, QuestionKind, Rule},
    spec::Severity,
};

use super::{
    advance::{self, chain},
    ask::{Asked, option, raise},
    state::{Slot, State},
    turn::Turn,
};

pub(super) fn reached(turn: &mut Turn, path: &FramePath, slot: Slot) -> bool {
    for flow in chain(turn, path) {
        let frame = turn.frame(&flow);
        if frame.limited.is_some() {
            return true;
        }
        let steps = frame
            .steps_max
            .filter(|max| frame.executions >= *max)
            .map(|max| (LimitName::Steps, u64::from(frame.executions), u64::from(max)));
        let active = frame.active_ms_at(turn.now);
        let wall = frame.wall_ms_max.filter(|max| active >= *max).map(|max| (LimitName::Wall, active, max));
        if let Some((limit, used, max)) = steps.or(wall) {
            ask(turn, &flow, path, slot, limit, used, max);
            return true;
        }
    }
    false
}

pub(super) fn ask(turn: &mut Turn, flow: &FramePath, path: &FramePath, slot: Slot, limit: LimitName, used: u64, max: u64) {
    let step = turn.frame(path).name(slot);
    turn.emit(Fact::LimitReached { flow: flow.clone(), limit, used, max });
    let figures = match limit {
        LimitName::Steps => format!("{used} of {max} step executions are used"),
        LimitName::Wall => format!("{:.1} s of {:.1} s of running time are used", seconds(used), seconds(max)),
        LimitName::Tokens => format!("{used} of {max} tokens are used, and the next call would pass the limit"),
        LimitName::Usd => {
            format!("{:.4} of {:.4} USD are used, and the next call would pass the limit", usd(used), usd(max))
        }
    };
    let options = vec![
        option("raise", "Double the limit", "the flow goes on until the new limit"),
        option("abort", "Stop the flow", "no further step of this flow starts"),
    ];
    let question = format!("Flow {flow} has reached its limit: {figures}. Go on?");
    let mut asked = Asked::new(QuestionKind::Limit, Rule::Limit, format!("{figures}; next would be {step}"), question, options);
    asked.severity = Severity::High;
    let sha256 = turn.frame(flow).plan.flow.sha256.clone();
    // The question belongs to the flow whose limit it is.
    let first = turn.frame(flow).plan.steps.first().map(|planned| crate::id::StepRef::from(&planned.spec.id));
    let own = if flow == path { Some(step) } else { first };
    if let Some(step) = own {
        raise(turn, flow, &step, sha256, asked);
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds for a sentence")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "dollars for a sentence")]
fn usd(millionths: u64) -> f64 {
    millionths as f64 / 1_000_000.0
}

/// An engine stopped before a call that would have passed a limit. Steps side by side may all stop at the same one.
pub(super) fn hit(turn: &mut Turn, path: &FramePath, slot: Slot, hit: &LimitHit) {
    if turn.state.frames.get(&hit.flow).is_some_and(|frame| frame.limited.is_none() && frame.is_open()) {
        ask(turn, &hit.flow, path, slot, hit.limit, hit.used, hit.max);
    }
}

pub(super) fn wall(turn: &mut Turn) {
    let spent = |path: &FramePath| {
        let frame = turn.frame(path);
        let max = frame.wall_ms_max?;
        let used = frame.active_ms_at(turn.now);
        (used >= max && frame.limited.is_none() && frame.is_open()).then_some((used, max))
    };
    let found: Vec<(FramePath, u64, u64)> =
        turn.state.open_frames.iter().filter_map(|path| spent(path).map(|(used, max)| (path.clone(), used, max))).collect();
    for (path, used, max) in found {
        let own: Option<At> = turn.state.running.keys().find(|at| at.flow == path).cloned();
        let slot = own.and_then(|at| advance::slot_at(turn, &at)).unwrap_or(Slot::from(StepIx(0)));
        ask(turn, &path, &path, slot, LimitName::Wall, used, max);
    }
}

pub(super) fn note_reached(state: &mut State, flow: &FramePath, limit: LimitName, max: u64) {
    if let Some(frame) = state.frames.get_mut(flow) {
        frame.reached = Some((limit, max));
    }
}

/// A person raised a limit.
pub(super) fn raise_to(state: &mut State, flow: &FramePath, limit: LimitName, max: u64) {
    let Some(frame) = state.frames.get_mut(flow) else { return };
    frame.limited = None;
    match limit {
        LimitName::Steps => frame.steps_max = u32::try_from(max).ok(),
        LimitName::Wall => frame.wall_ms_max = Some(max),
        LimitName::Tokens => frame.tokens_max = Some(max),
        LimitName::Usd => frame.usd_millionths_max = Some(max),
    }
}
