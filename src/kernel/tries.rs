//! Whether a failed attempt is followed by another, and when.

use crate::{
    id::Sha256,
    record::{At, ErrorClass, Fact, Failure, FailureKind, WaitReason},
    spec::{Effects, Verb},
};

use super::{
    breaker,
    signature::signature,
    state::{Running, Slot},
    turn::Turn,
};

/// Attempts of an agent step whose server was busy or out of reach, where the flow says nothing.
const CALL_ATTEMPTS: u32 = 3;
/// A server that wants a longer pause is asked again nevertheless.
const RETRY_AFTER_MS_MAX: u64 = 300_000;

/// Waits for the next attempt, where the flow's `poll` or `retry` and the error's class allow one.
pub(super) fn try_again(
    turn: &mut Turn,
    at: &At,
    slot: Slot,
    running: &Running,
    failure: &Failure,
    retry_after_ms: Option<u64>,
) -> bool {
    let frame = turn.frame(&at.flow);
    let spec = &frame.plan.step(slot.step).spec;
    let state = turn.step(&at.flow, slot);
    let signature = signature(failure.kind, &failure.message);
    // Flows frozen before that was looked at may poll what may run once only.
    let once = spec.effects == Effects::Once;
    let polls = !once && matches!(failure.kind, FailureKind::Exit | FailureKind::Contract);
    let (why, due) = if let Some(poll) = spec.poll.filter(|_| polls) {
        let until = state.poll_until.unwrap_or_else(|| state.started_at.unwrap_or(turn.now).plus(poll.for_ms));
        let due = turn.now.plus(poll.every_ms);
        if due > until {
            return false;
        }
        (WaitReason::Poll, due)
    } else {
        let retry = spec.retry;
        let repeated = state.last_signature.as_deref() == Some(signature.as_str());
        let may = match failure.class {
            ErrorClass::Transient => true,
            // Flaky: the same failure twice is no flake, unless the step's author asked for these tries.
            ErrorClass::Retriable => retry.written || !repeated,
            ErrorClass::Permanent | ErrorClass::Fatal => false,
        };
        // Servers of models are busy every day: a call that may succeed in a moment is tried again without being asked to.
        let calls = failure.class == ErrorClass::Transient && matches!(spec.verb, Verb::Agent(_));
        let attempts_max = if calls && !retry.written { retry.attempts_max.max(CALL_ATTEMPTS) } else { retry.attempts_max };
        if !may || running.attempt >= attempts_max || once {
            return false;
        }
        if breaker::open(&turn.state, frame, slot.step).is_some() {
            return false;
        }
        // The server knows best when it has time again.
        let wait = retry_after_ms.map(|ms| ms.min(RETRY_AFTER_MS_MAX));
        let wait = wait.unwrap_or_else(|| backoff_ms(at, running.attempt, retry.delay_ms, retry.delay_ms_max));
        let due = turn.now.plus(wait);
        (WaitReason::Retry, breaker::paused(&turn.state, frame, slot.step).map_or(due, |until| until.max(due)))
    };
    let attempt = running.attempt;
    turn.emit(Fact::AttemptEnded {
        at: at.clone(),
        execution: running.execution,
        attempt,
        why,
        due,
        error: failure.message.clone(),
        signature,
        failure: Some(failure.kind),
    });
    true
}

/// Doubled each time, with up to a tenth more; the spread comes from the step's own name, so that a replay gives the same.
fn backoff_ms(at: &At, attempt: u32, delay_ms: u64, delay_ms_max: u64) -> u64 {
    let doubled = delay_ms.saturating_mul(1_u64.checked_shl(attempt.saturating_sub(1)).unwrap_or(u64::MAX)).min(delay_ms_max);
    let digest = Sha256::of(format!("{at} {attempt}").as_bytes());
    let luck = u64::from_str_radix(&digest.as_str()[..4], 16).unwrap_or(0) % 100;
    doubled + doubled * luck / 1000
}
