//! What the table of routes looks at, seen at a step that has just ended.
//! In: the state. Out: `Seen`, and which conditions gave no answer. Never: a decision.

use crate::{
    id::FramePath,
    kernel::{
        breaker, navigator,
        rounds::Round,
        route::{LoopSeen, Seen},
        scope::{measured_of_result, scope},
        state::Slot,
        turn::Turn,
    },
    record::{ErrorClass, Status},
    spec::Expr,
};

/// The conditions that could not be evaluated, with the error of each.
pub(super) struct Unevaluated {
    pub(super) escalate: Option<String>,
    pub(super) until: Option<String>,
}

pub(super) fn look(turn: &Turn, path: &FramePath, slot: Slot, detour: bool) -> (Seen, Unevaluated) {
    let frame = turn.frame(path);
    let spec = frame.plan.step(slot.step).spec.clone();
    let result = turn.step(path, slot).result.clone().expect("a step that ended has a result");
    let measured = measured_of_result(&result);
    let holds = |expr: &Expr| {
        expr.eval_bool(&scope(&turn.state, frame, expr.reads(), Some(slot), Some(&measured))).map_err(|wrong| wrong.to_string())
    };
    let when = spec.escalate.as_ref().map(|escalate| (escalate.halt, holds(&escalate.when)));
    let until = spec.ends_loop.as_ref().and_then(|around| around.until.as_ref()).map(holds);
    // A condition that cannot be evaluated fails closed: it asks.
    let escalates = when.as_ref().filter(|(_, when)| *when != Ok(false)).map(|(halt, _)| *halt);
    let verified = result.status == Status::Verified && result.passed;
    let detail = result.proof.as_ref().and_then(|proof| proof.error_detail.clone());
    let standing_high =
        result.high_concerns > 0 || result.proof.as_ref().is_some_and(|proof| proof.checks.iter().any(|check| !check.passed));
    let ends_loop = frame.plan.step(slot.step).ends_loop.zip(spec.ends_loop.as_ref()).map(|(which, around)| {
        let state = &frame.loops[which];
        LoopSeen {
            iteration: state.iteration,
            iterations_max: around.iterations_max + state.granted,
            satisfied: verified && until.as_ref().is_none_or(|until| *until == Ok(true)),
            unevaluated: until.as_ref().is_some_and(Result::is_err),
            can_help: result.can_help,
            stuck: Round::of(&result).stuck(&state.rounds),
            standing_high,
            on_exhausted: around.on_exhausted,
            red_stops: around.red_stops,
        }
    });
    let blocked = result.status == Status::Blocked;
    let settles_group = slot.item.is_none_or(|_| {
        frame
            .state(slot.step.into())
            .and_then(|group| group.group.as_ref())
            .is_some_and(|group| group.settled as usize + 1 == group.items.len())
    });
    let seen = Seen {
        fatal: detail.as_ref().is_some_and(|detail| detail.class == ErrorClass::Fatal),
        failed: !result.passed && !blocked,
        blocked,
        verified,
        escalates,
        detour: detour && (!result.passed || ends_loop.is_some()),
        unserved: detail.as_ref().is_some_and(|detail| detail.class == ErrorClass::Transient)
            && breaker::open(&turn.state, frame, slot.step).is_some(),
        on_failure: spec.on_failure,
        ends_loop,
        navigates: navigator::chosen(&turn.state, frame, slot),
        last: frame.unsettled == 1 && frame.live == 1 && settles_group,
    };
    (seen, Unevaluated { escalate: when.and_then(|(_, when)| when.err()), until: until.and_then(Result::err) })
}
