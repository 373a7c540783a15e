//! What a reply becomes: a retry, or the proof, the handoff and the decision.

mod escalate;
mod look;
mod unperformed;
mod written;

pub(super) use unperformed::{end_builtin, end_waiting, end_without_engine, fail_started, fail_unstarted, interrupt_waiting};

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use crate::{
    id::{FramePath, StepRef},
    plan::StepIx,
    record::{
        At, Decision, DecisionKind, EngineWord, Fact, InputNote, IterationOf, Kept, ReceiptStatus, Reply, ReplyOutcome, Rule,
        StopCause,
    },
    spec::{Effects, OnFailure, Step},
};

use self::{
    escalate::escalate,
    look::look,
    written::{failed_concerns, written},
};
use super::{
    breaker, detour,
    input::Refused,
    limits, navigator, open,
    rounds::{Stuck, open_findings},
    route::{Route, Seen, route},
    state::{Slot, StepResult},
    tries::try_again,
    turn::Turn,
};

/// What a blocked step misses is a line; the handoff has all of it.
const MISSING_CHARS_MAX: usize = 300;
/// Claims that a decision names; the receipt has them all.
const REASONS_MAX: usize = 5;

/// In the forensic summary of a decision: the condition of the loop that ends here gave no answer.
pub(super) const UNEVALUATED: &str = "until_unevaluated";

/// An engine's reply to one attempt.
pub(super) fn replied(turn: &mut Turn, at: &At, execution: u32, attempt: u32, reply: &Reply) -> Result<InputNote, Refused> {
    let late = || Refused::Late { at: at.clone(), execution, attempt };
    let running = turn.state.running.get(at).cloned().ok_or_else(late)?;
    if running.execution != execution || running.attempt != attempt {
        return Err(late());
    }
    let slot = turn.frame(&at.flow).slot(&at.step).ok_or_else(late)?;
    let note = InputNote::Replied { at: at.clone(), execution, attempt };
    breaker::heard(turn, &at.flow, slot, &reply.outcome);
    if let ReplyOutcome::Failed(failure) = &reply.outcome
        && !running.unwanted
        && turn.state.stop != Some(StopCause::Cancel)
        && turn.state.fatal.is_none()
        && turn.frame(&at.flow).failing.is_none()
        && try_again(turn, at, slot, &running, failure, reply.retry_after_ms)
    {
        return Ok(note);
    }
    let (proof, envelope) = written(turn, at, slot, &running, reply);
    let interrupted = proof.status == ReceiptStatus::Interrupted;
    let kept = kept(turn, &at.flow, slot.step, &reply.kept);
    turn.emit(Fact::StepEnded { at: at.clone(), execution, proof: Arc::new(proof), handoff: Arc::new(envelope), kept });
    if !interrupted {
        decide_after(turn, &at.flow, slot, &BTreeMap::new(), true);
    } else if turn.frame(&at.flow).plan.step(slot.step).spec.effects == Effects::Once {
        super::recover::ask_lost(turn, &at.flow, slot, "it was interrupted while it ran");
    }
    if let Some(hit) = &reply.limit {
        limits::hit(turn, at, hit);
    }
    Ok(note)
}

fn kept(turn: &Turn, path: &FramePath, step: StepIx, kept: &Kept) -> Option<Box<Kept>> {
    let keep = turn.frame(path).plan.step(step).keep;
    let kept = Kept {
        stdout: kept.stdout.clone().filter(|_| keep.stdout),
        stderr: kept.stderr.clone().filter(|_| keep.stderr),
        json: kept.json.clone().filter(|_| keep.json),
    };
    (kept != Kept::default()).then(|| Box::new(kept))
}

/// Routes a step that has just ended (or whose detour did not take), and does what was decided.
pub(super) fn decide_after(turn: &mut Turn, path: &FramePath, slot: Slot, forensic: &BTreeMap<String, Value>, detours: bool) {
    let found = if detours { detour::matching(turn, path, slot) } else { None };
    let (seen, unevaluated) = look(turn, path, slot, found.is_some());
    let routed = route(&seen);
    let mut decision = decision(turn, path, slot, routed.decision, routed.rule);
    let asks = matches!(routed.rule, Rule::StopTheLine | Rule::EscalateWhen);
    decision.reason = match unevaluated.escalate.as_ref().filter(|_| asks) {
        Some(error) => format!("a condition could not be evaluated, so a person is asked: {error}"),
        None => reason(turn, path, slot, &seen, routed, found.as_ref().map(AsRef::as_ref)),
    };
    for error in unevaluated.until.iter().chain(unevaluated.escalate.iter().filter(|_| !asks)) {
        decision.reason = format!("{}; a condition could not be evaluated: {error}", decision.reason);
    }
    if let Some(note) = forensic.get("detour").and_then(Value::as_str) {
        decision.reason = format!("{} ({note})", decision.reason);
    }
    decision.forensic_summary.extend(forensic.clone());
    if matches!(routed.rule, Rule::LoopSameSignature | Rule::LoopExhausted | Rule::LoopNoFurtherHelp) {
        let open = turn.step(path, slot).result.as_deref().map(open_findings).unwrap_or_default();
        if !open.is_empty() {
            decision.forensic_summary.insert("open_findings".to_owned(), json!(open));
        }
    }
    if seen.ends_loop.as_ref().is_some_and(|around| around.unevaluated) {
        decision.forensic_summary.insert(UNEVALUATED.to_owned(), json!(true));
    }
    if routed.rollback {
        decision.forensic_summary.insert("rollback".to_owned(), json!(true));
    }
    decision.detour_id = found.filter(|_| routed.decision == DecisionKind::Detour);
    decision.next_step_ids = next_steps(turn, path, slot, routed);
    if seen.navigates.is_some() && routed.decision != DecisionKind::Detour {
        navigator::note(turn, path, slot, &mut decision);
    }
    if routed.rule == Rule::Navigator {
        navigator::propose(turn, path, slot, &decision);
    }
    carry_out(turn, path, slot, routed.rule, decision);
}

pub(super) fn route_failed_detour(turn: &mut Turn, path: &FramePath, slot: Slot, note: &BTreeMap<String, Value>) {
    decide_after(turn, path, slot, note, false);
}

pub(super) fn loop_signature(result: &StepResult) -> Option<String> {
    let said = result.handoff.as_ref().and_then(|handoff| handoff.routing.failure_signature.clone());
    said.or_else(|| result.proof.as_ref()?.error_detail.as_ref().map(|detail| detail.signature.clone()))
}

/// A decision with everything but its reason and its next steps.
pub(super) fn decision(turn: &Turn, path: &FramePath, slot: Slot, kind: DecisionKind, rule: Rule) -> Decision {
    let frame = turn.frame(path);
    let state = turn.step(path, slot);
    let mut forensic = BTreeMap::new();
    let mut signature = None;
    if let Some(result) = &state.result {
        forensic.insert("status".to_owned(), json!(result.status));
        if let Some(code) = result.exit_code {
            forensic.insert("exit_code".to_owned(), json!(code));
        }
        if result.high_concerns > 0 {
            forensic.insert("high_concerns".to_owned(), json!(result.high_concerns));
        }
        if let Some(handoff) = result.handoff.as_deref().filter(|handoff| handoff.measured.downgraded_from.is_some()) {
            forensic.insert("downgraded_from".to_owned(), json!(handoff.measured.downgraded_from));
            let reasons: Vec<&String> = handoff.measured.reasons.iter().take(REASONS_MAX).collect();
            forensic.insert("claimed_otherwise".to_owned(), json!(reasons));
        }
        let fewer = result.measured.as_deref().and_then(|measured| measured["tests"]["fewer"].as_u64()).unwrap_or(0);
        if fewer > 0 {
            forensic.insert("tests_fewer".to_owned(), json!(fewer));
        }
        if let Some(proof) = &result.proof {
            let failed: Vec<&str> = proof.checks.iter().filter(|check| !check.passed).map(|check| check.name.as_str()).collect();
            if !failed.is_empty() {
                forensic.insert("failed_checks".to_owned(), json!(failed));
            }
            if let Some(detail) = &proof.error_detail {
                forensic.insert("error_kind".to_owned(), json!(detail.kind));
            }
        }
        signature = loop_signature(result);
    }
    let iteration = frame.plan.step(slot.step).ends_loop.map(|which| IterationOf {
        current: frame.loops[which].iteration,
        max: frame.plan.loops[which].iterations_max + frame.loops[which].granted,
    });
    Decision {
        timestamp: turn.now,
        run_id: turn.state.run.as_ref().expect("a step runs only in a run").id.clone(),
        flow_key: frame.key.clone(),
        step_id: frame.name(slot),
        agent_key: frame.agent_key(slot.step),
        execution: state.execution,
        decision: kind,
        next_step_ids: Vec::new(),
        rule,
        reason: String::new(),
        iteration,
        signature,
        detour_id: None,
        escalation_id: None,
        forensic_summary: forensic,
        candidates: Vec::new(),
        confidence: None,
        injected: None,
        by: "kernel".to_owned(),
    }
}

/// What a blocked step misses: the worst that the agent says of it, or what its engine says.
fn missing(result: &StepResult) -> String {
    // That nothing was done is seen too, and is not why.
    let unmet: Vec<String> =
        result.proof.iter().flat_map(|proof| failed_concerns(proof)).map(|concern| concern.description).collect();
    let concerns = result.handoff.iter().flat_map(|handoff| &handoff.concerns);
    let own: Vec<_> = concerns.filter(|concern| !unmet.contains(&concern.description)).collect();
    // The first of the worst.
    let worst = own.iter().rev().max_by_key(|concern| concern.severity).map(|concern| concern.description.as_str());
    let said = worst.or(result.error.as_deref()).and_then(|text| text.lines().map(str::trim).find(|line| !line.is_empty()));
    let said = said.map(|line| line.chars().take(MISSING_CHARS_MAX).collect());
    said.unwrap_or_else(|| "it does not say what is missing".to_owned())
}

fn reason(turn: &Turn, path: &FramePath, slot: Slot, seen: &Seen, routed: Route, detour: Option<&str>) -> String {
    let frame = turn.frame(path);
    let spec = &frame.plan.step(slot.step).spec;
    let result = turn.step(path, slot).result.clone().expect("a step that ended has a result");
    let error = result.error.as_deref().and_then(|error| error.lines().next()).unwrap_or("no error").to_owned();
    let rounds = seen
        .ends_loop
        .as_ref()
        .map(|around| format!("round {} of {}", around.iteration, around.iterations_max))
        .unwrap_or_default();
    match routed.rule {
        Rule::Fatal => format!("{error}: this stops the run"),
        Rule::StopTheLine | Rule::EscalateWhen => {
            let when = spec.escalate.as_ref().map(|escalate| escalate.when.text().to_owned()).unwrap_or_default();
            format!("`{when}` holds")
        }
        Rule::FailedDetour => format!("{error}: detour {} is for that", detour.unwrap_or_default()),
        Rule::CircuitOpen => {
            let (engine, failures) = breaker::open(&turn.state, frame, slot.step).unwrap_or((EngineWord::Openai, 0));
            format!("{error}; calls of {engine} failed {failures} times in a row, and no more are made without your word")
        }
        Rule::FailedPolicy => {
            let used = detour::used_up(frame, slot);
            let tried = if used.is_empty() { String::new() } else { format!(" (detours tried: {})", used.join(", ")) };
            let policy = match spec.on_failure {
                OnFailure::Stop => "stop",
                OnFailure::Escalate => "escalate",
                OnFailure::Continue => "continue",
                OnFailure::Rollback => "rollback",
            };
            format!("{error}{tried}; on_failure is {policy}")
        }
        Rule::Blocked => missing(&result),
        Rule::LoopVerified => format!("VERIFIED in {rounds}"),
        Rule::LoopNoFurtherHelp => format!("{rounds}: the step says that another round cannot help"),
        Rule::LoopSameSignature => {
            let stuck = seen.ends_loop.as_ref().and_then(|around| around.stuck).unwrap_or(Stuck::SameFailure);
            format!("{rounds} {stuck}")
        }
        Rule::LoopExhausted => format!("{rounds} is over and it still says {}", said(spec, &result, seen)),
        Rule::LoopAgain => match &result.error {
            Some(_) => format!("{rounds}: {} ({error})", result.status),
            None => format!("{rounds}: {}", said(spec, &result, seen)),
        },
        Rule::Verified => "VERIFIED".to_owned(),
        Rule::UnverifiedForward => "UNVERIFIED, and nothing forbids to go on; its concerns travel with the handoff".to_owned(),
        Rule::Terminal => format!("{}; nothing is left in this flow", result.status),
        Rule::Navigator => navigator::reason(&turn.state, frame, slot, &error),
        Rule::Approval
        | Rule::Ask
        | Rule::Lost
        | Rule::Limit
        | Rule::Answered
        | Rule::DetourDone
        | Rule::InjectionDone
        | Rule::DetourFailed
        | Rule::DoneCheck
        | Rule::Cancelled
        | Rule::RollbackDone
        | Rule::Retry
        | Rule::PushBack
        | Rule::MarkDone => String::new(),
    }
}

/// What the last step of a loop said; where it is content and the loop is not, the condition that does not hold.
fn said(spec: &Step, result: &StepResult, seen: &Seen) -> String {
    match spec.ends_loop.as_ref().and_then(|around| around.until.as_ref()) {
        Some(until) if seen.verified && !seen.ends_loop.as_ref().is_some_and(|around| around.unevaluated) => {
            format!("{}, and `{}` does not hold", result.status, until.text())
        }
        _ => result.status.to_string(),
    }
}

/// Which steps this decision makes ready, as far as it alone decides.
fn next_steps(turn: &Turn, path: &FramePath, slot: Slot, routed: Route) -> Vec<StepRef> {
    let frame = turn.frame(path);
    match routed.decision {
        DecisionKind::Continue => after(turn, path, slot),
        DecisionKind::Loop => {
            let which = frame.plan.step(slot.step).ends_loop;
            which.map(|which| StepRef::from(&frame.plan.step(frame.plan.loops[which].first).spec.id)).into_iter().collect()
        }
        // A navigator's are worked out with its choice.
        DecisionKind::Detour | DecisionKind::InjectFlow | DecisionKind::InjectNodes | DecisionKind::ExtendGraph => Vec::new(),
        DecisionKind::Terminate | DecisionKind::Escalate => Vec::new(),
    }
}

pub(super) fn after(turn: &Turn, path: &FramePath, slot: Slot) -> Vec<StepRef> {
    let frame = turn.frame(path);
    if slot.item.is_some() {
        let group = frame.state(slot.step.into()).and_then(|state| state.group.clone());
        if group.is_none_or(|group| group.settled as usize + 1 < group.items.len()) {
            return Vec::new();
        }
    }
    let ready = |step: &&StepIx| {
        frame
            .steps
            .get(step.at())
            .is_some_and(|state| state.life == super::state::Life::Idle && state.met + 1 >= frame.plan.step(**step).required)
    };
    let dependents = frame.plan.step(slot.step).dependents.iter();
    dependents.filter(ready).map(|step| StepRef::from(&frame.plan.step(*step).spec.id)).collect()
}

pub(super) fn carry_out(turn: &mut Turn, path: &FramePath, slot: Slot, rule: Rule, mut decision: Decision) {
    let at = turn.frame(path).at(slot);
    match decision.decision {
        DecisionKind::Continue | DecisionKind::Terminate => {
            turn.emit(Fact::Routed { flow: path.clone(), decision: Arc::new(decision) });
        }
        DecisionKind::Loop => {
            let iteration = decision.iteration.map_or(1, |of| of.current) + 1;
            turn.emit(Fact::Routed { flow: path.clone(), decision: Arc::new(decision) });
            turn.emit(Fact::LoopAgain { at, iteration });
        }
        DecisionKind::Detour => {
            let entered = decision.detour_id.clone();
            turn.emit(Fact::Routed { flow: path.clone(), decision: Arc::new(decision) });
            let entered = entered.is_some_and(|id| open::detour(turn, &at, &id));
            if !entered {
                decide_after(turn, path, slot, &BTreeMap::from([("detour".to_owned(), json!("could not be entered"))]), false);
            }
        }
        DecisionKind::Escalate => {
            let reason = decision.reason.clone();
            // The question's name is worked out first, so that the decision can carry it.
            let mut trial = Turn { state: turn.state.clone(), facts: Vec::new(), now: turn.now, driven: turn.driven };
            let id = escalate(&mut trial, path, slot, rule, &reason);
            decision.escalation_id = Some(id.clone());
            turn.emit(Fact::Routed { flow: path.clone(), decision: Arc::new(decision) });
            escalate(turn, path, slot, rule, &reason);
            if rule == Rule::StopTheLine {
                turn.emit(Fact::LineStopped { by: id });
            }
        }
        DecisionKind::InjectFlow | DecisionKind::InjectNodes => {
            let injected = decision.injected.clone();
            turn.emit(Fact::Routed { flow: path.clone(), decision: Arc::new(decision) });
            if let Some(injected) = injected {
                open::injection(turn, &at, injected);
            }
        }
        DecisionKind::ExtendGraph => unreachable!("a proposal decides nothing"),
    }
}
