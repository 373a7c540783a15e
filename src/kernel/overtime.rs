//! The timeout of a step that opened a flow: how long something of that flow may run.
//! In: the flow, and what runs in it or is about to. Out: the end of what runs, and of the flow; its step fails with it.
//! Never: time during which a person is waited for, a question, or a limit on what takes back.

use std::sync::Arc;

use crate::{
    id::{FramePath, Time},
    record::{At, DecisionKind, Fact, LimitName, Rule},
};

use super::{
    ended, limits,
    state::{Frame, State},
    turn::Turn,
};

/// Flows whose time is over while something of them runs.
pub(super) fn watch(turn: &mut Turn) {
    let due = |path: &&FramePath| turn.state.overtime(path).is_some_and(|due| due <= turn.now);
    for flow in turn.state.open_frames.iter().filter(due).cloned().collect::<Vec<_>>() {
        // A flow around this one may have ended everything already.
        let Some(at) = turn.state.drawing(&flow).next().cloned() else { continue };
        end(turn, &flow, &at);
    }
}

/// The time of this flow, or of one around it, is over, and nothing more starts in it.
pub(super) fn reached(turn: &mut Turn, at: &At) -> bool {
    let spent = |flow: &&FramePath| {
        let frame = turn.frame(flow);
        frame.time_ms_max.is_some_and(|max| frame.active_ms_at(turn.now) >= max)
    };
    // The outermost one: what is inside it ends with it.
    let Some(flow) = turn.state.accounts(&at.flow).iter().rev().find(spent).cloned() else { return false };
    end(turn, &flow, at);
    true
}

fn end(turn: &mut Turn, flow: &FramePath, at: &At) {
    let frame = turn.frame(flow);
    let (used, Some(max)) = (frame.active_ms_at(turn.now), frame.time_ms_max) else { return };
    let fails_anyway = frame.failing.is_some();
    let under_way = limits::step_within(turn, flow, at).and_then(|step| turn.frame(flow).slot(&step));
    let Some(slot) = under_way else { return };
    turn.emit(Fact::LimitReached { flow: flow.clone(), limit: LimitName::Timeout, used, max });
    // What still ran in it is ended all the same.
    if fails_anyway {
        return;
    }
    let mut decision = ended::decision(turn, flow, slot, DecisionKind::Terminate, Rule::Limit);
    decision.reason = words(turn.frame(flow), &format!("{} was under way", at.step));
    turn.emit(Fact::Routed { flow: flow.clone(), decision: Arc::new(decision) });
}

fn words(frame: &Frame, what: &str) -> String {
    let seconds = std::time::Duration::from_millis(frame.time_ms_max.unwrap_or_default()).as_secs_f64();
    format!("flow {} was not done after {seconds} s of running time, the timeout of its step; {what}", frame.path)
}

/// Why an execution was ended when the time of a flow was over.
pub(super) const OVER: &str = "the time of the step that opened the flow was over";

impl Frame {
    /// It ended because the time of the step that opened it was over.
    pub(super) fn is_overdue(&self) -> bool {
        matches!(self.reached, Some((LimitName::Timeout, _)))
    }
}

impl State {
    /// When the time of the step that opened this flow is over, if it goes on as it does now.
    pub(super) fn overtime(&self, flow: &FramePath) -> Option<Time> {
        let frame = self.frame(flow).filter(|frame| frame.is_open())?;
        let (since, max) = (frame.active_since?, frame.time_ms_max?);
        self.drawing(flow).next().map(|_| since.plus(max.saturating_sub(frame.active_ms)))
    }

    /// This flow, or one around it, is over because of that.
    pub(super) fn is_overdue(&self, path: &FramePath) -> bool {
        self.accounts(path).iter().any(|around| self.frame(around).is_some_and(Frame::is_overdue))
    }
}
