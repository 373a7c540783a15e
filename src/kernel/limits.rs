//! Budgets of a flow: how many executions, how long something of it may run. Reached, they ask with the figures.
//! In: the flow, and what is about to start or runs. Out: the question, raised once, and the end of what runs on used-up time.
//! Never: a failure. What was ended by a limit is interrupted, and runs again when the limit is raised.

use std::sync::Arc;

use crate::{
    id::{FramePath, StepRef},
    record::{Answer, At, DecisionKind, Fact, FailureKind, LimitHit, LimitName, Parent, Question, QuestionKind, Rule},
    spec::{Effects, Severity},
};

use super::{
    answer, ask, ended, overtime, recover,
    state::{Frame, Slot},
    turn::Turn,
};

/// A limit of the flow, or of one around it, forbids that this step starts.
pub(super) fn reached(turn: &mut Turn, path: &FramePath, slot: Slot) -> bool {
    for flow in turn.state.accounts(path) {
        let frame = turn.frame(&flow);
        if frame.limited.is_some() {
            return true;
        }
        let steps = frame
            .steps_max
            .filter(|max| frame.executions >= *max)
            .map(|max| (LimitName::Steps, u64::from(frame.executions), u64::from(max)));
        let wall = spent(turn, frame).map(|(used, max)| (LimitName::Wall, used, max));
        if let Some((limit, used, max)) = steps.or(wall) {
            let at = turn.frame(path).at(slot);
            let next = format!("next would be {}", at.step);
            let reached = Reached { limit, used, max };
            reach(turn, &flow, Some(&at), &reached, &next);
            return true;
        }
    }
    false
}

/// Flows whose running time is used up while something of them runs.
pub(super) fn wall(turn: &mut Turn) {
    let due = |path: &&FramePath| turn.state.wall_due(path).is_some_and(|due| due <= turn.now);
    for flow in turn.state.open_frames.iter().filter(due).cloned().collect::<Vec<_>>() {
        // A flow around this one may have ended everything already.
        let Some(at) = turn.state.drawing(&flow).next().cloned() else { continue };
        let Some((used, max)) = spent(turn, turn.frame(&flow)) else { continue };
        let reached = Reached { limit: LimitName::Wall, used, max };
        reach(turn, &flow, Some(&at), &reached, &format!("{} was under way", at.step));
    }
}

fn spent(turn: &Turn, frame: &Frame) -> Option<(u64, u64)> {
    let used = frame.active_ms_at(turn.now);
    frame.wall_ms_max.filter(|max| used >= *max).map(|max| (used, max))
}

struct Reached {
    limit: LimitName,
    used: u64,
    max: u64,
}

fn reach(turn: &mut Turn, flow: &FramePath, at: Option<&At>, reached: &Reached, what: &str) {
    let Reached { limit, used, max } = *reached;
    turn.emit(Fact::LimitReached { flow: flow.clone(), limit, used, max });
    // A flow that fails anyway asks nobody; what ran on its time is ended all the same.
    if turn.frame(flow).failing.is_some() {
        return;
    }
    ask_limit(turn, flow, at, reached, what);
    if limit == LimitName::Wall {
        end_waiting(turn, flow);
    }
}

/// Steps between two attempts, whose flow has no time left: they start anew when it has.
fn end_waiting(turn: &mut Turn, flow: &FramePath) {
    let draws = |at: &&At| turn.state.accounts(&at.flow).contains(flow);
    let waiting: Vec<At> = turn.state.due.iter().map(|(_, at)| at).filter(draws).cloned().collect();
    for at in waiting {
        let Some(slot) = turn.frame(&at.flow).slot(&at.step) else { continue };
        ended::interrupt_waiting(turn, &at.flow, slot, USED_UP);
        if turn.frame(&at.flow).plan.step(slot.step).spec.effects == Effects::Once {
            recover::ask_lost(turn, &at.flow, slot, USED_UP);
        }
    }
}

/// Why an execution was ended whose flow's time is over.
pub(super) const USED_UP: &str = "the flow's running time was used up";

fn ask_limit(turn: &mut Turn, flow: &FramePath, at: Option<&At>, reached: &Reached, what: &str) {
    let Reached { limit, used, max } = *reached;
    let figures = match limit {
        LimitName::Steps => format!("{used} of {max} step executions are used"),
        LimitName::Wall | LimitName::Timeout => {
            format!("{:.1} s of {:.1} s of running time are used", seconds(used), seconds(max))
        }
        LimitName::Turns => format!("{used} of {max} calls of models are used"),
        LimitName::UnknownCost => format!("the cost of {used} calls of models is not known, and {max} such calls are allowed"),
        LimitName::Tokens => format!("{used} of {max} tokens are used, and the next call would pass the limit"),
        LimitName::Usd => {
            format!("{:.4} of {:.4} USD are used, and the next call would pass the limit", usd(used), usd(max))
        }
    };
    let options = vec![
        ask::option("raise", "Double the limit", "the flow goes on until the new limit; what was ended runs again"),
        ask::option("abort", "Stop the flow", "no further step of this flow starts"),
    ];
    let question = format!("Flow {flow} has reached its limit: {figures}. Go on?");
    let mut asked = ask::Asked::new(QuestionKind::Limit, Rule::Limit, format!("{figures}; {what}"), question, options);
    asked.severity = Severity::High;
    let sha256 = turn.frame(flow).plan.flow.sha256.clone();
    // The question belongs to the flow whose limit it is, at the step through which it was reached.
    let own = at.and_then(|at| step_within(turn, flow, at));
    let first = || turn.frame(flow).plan.steps.first().map(|planned| StepRef::from(&planned.spec.id));
    if let Some(step) = own.or_else(first) {
        ask::raise(turn, flow, &step, sha256, asked);
    }
}

/// The step of this flow that is, or that opened, what stands at this place.
pub(super) fn step_within(turn: &Turn, flow: &FramePath, at: &At) -> Option<StepRef> {
    let mut at = at.clone();
    while at.flow != *flow {
        let Some(Parent::SubFlow { at: above } | Parent::Detour { at: above, .. } | Parent::Injected { at: above, .. }) =
            turn.frame(&at.flow).parent.as_deref()
        else {
            return None;
        };
        at = above.clone();
    }
    Some(at.step)
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
pub(super) fn hit(turn: &mut Turn, at: &At, hit: &LimitHit) {
    if turn.state.frame(&hit.flow).is_some_and(|frame| frame.limited.is_none() && frame.is_open()) {
        let reached = Reached { limit: hit.limit, used: hit.used, max: hit.max };
        reach(turn, &hit.flow, Some(at), &reached, &format!("{} was under way", at.step));
    }
}

/// `raise`, `rollback` or `abort`.
pub(super) fn answered(turn: &mut Turn, question: &Question, answer: &Answer) {
    let path = question.flow_path.clone();
    let frame = turn.frame(&path);
    if answer.choose == "raise" {
        // What ran while it was being ended counts as well, and the new limit is beyond it.
        let (limit, max) = match frame.reached {
            Some((LimitName::Wall, max)) => (LimitName::Wall, frame.active_ms_at(turn.now).max(max).saturating_mul(2)),
            Some((limit, max)) => (limit, max.saturating_mul(2)),
            None => (LimitName::Steps, u64::from(frame.steps_max.unwrap_or(1)) * 2),
        };
        return turn.emit(Fact::LimitRaised { flow: path, limit, max });
    }
    let Some(slot) = turn.frame(&path).slot(&question.step_id) else { return };
    let mut decision = answer::decided_by(turn, &path, slot, answer, DecisionKind::Terminate);
    decision.escalation_id = Some(question.id.clone());
    turn.emit(Fact::Routed { flow: path, decision: Arc::new(decision) });
}

/// The words for an interruption that a limit is the reason of.
pub(super) fn reason(turn: &Turn, path: &FramePath, unwanted: bool) -> Option<(FailureKind, String)> {
    if unwanted && turn.state.is_overdue(path) {
        return Some((FailureKind::Timeout, overtime::OVER.to_owned()));
    }
    let used_up = || turn.state.accounts(path).iter().any(|flow| spent(turn, turn.frame(flow)).is_some());
    (turn.state.is_limited(path) || unwanted && used_up()).then(|| (FailureKind::Limit, USED_UP.to_owned()))
}
