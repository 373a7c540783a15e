//! What a reply becomes: a retry, or the proof, the handoff and the decision.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use crate::{
    id::{FramePath, Sha256, StepRef},
    plan::StepIx,
    record::{
        At, Check, Concern, Decision, DecisionKind, Draft, EngineWord, Envelope, EnvelopeMeta, EnvelopeRouting, ErrorClass,
        ErrorDetail, Evidence, Fact, Failure, FailureKind, InputNote, IterationOf, Kept, Measured, Mode, Proof, QuestionKind,
        ReceiptStatus, Reply, ReplyOutcome, Rule, Status, StopCause, Summary, WaitReason,
    },
    spec::{Effects, OnFailure, Severity},
};

use super::{
    ask::{Asked, option, raise, repair_options},
    detour,
    input::Refused,
    limits, open,
    route::{LoopSeen, Route, Seen, route},
    scope::{measured_of, scope, scope_value},
    signature::signature,
    state::{Running, Slot, StepResult},
    turn::Turn,
};

/// Concerns of one envelope that we write ourselves.
const CONCERNS_MAX: usize = 20;

/// An engine's reply to one attempt.
pub(super) fn replied(turn: &mut Turn, at: &At, execution: u32, attempt: u32, reply: &Reply) -> Result<InputNote, Refused> {
    let late = || Refused::Late { at: at.clone(), execution, attempt };
    let running = turn.state.running.get(at).cloned().ok_or_else(late)?;
    if running.execution != execution || running.attempt != attempt {
        return Err(late());
    }
    let slot = turn.frame(&at.flow).slot(&at.step).ok_or_else(late)?;
    let note = InputNote::Replied { at: at.clone(), execution, attempt };
    if let ReplyOutcome::Failed(failure) = &reply.outcome
        && !running.unwanted
        && turn.state.stop != Some(StopCause::Cancel)
        && turn.state.fatal.is_none()
        && turn.frame(&at.flow).failing.is_none()
        && try_again(turn, at, slot, &running, failure)
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
    Ok(note)
}

/// Waits for the next attempt, where the flow's `poll` or `retry` and the error's class allow one.
fn try_again(turn: &mut Turn, at: &At, slot: Slot, running: &Running, failure: &Failure) -> bool {
    let frame = turn.frame(&at.flow);
    let spec = &frame.plan.step(slot.step).spec;
    let state = turn.step(&at.flow, slot);
    let signature = signature(failure.kind, &failure.message);
    let (why, due) = if let Some(poll) = spec.poll.filter(|_| matches!(failure.kind, FailureKind::Exit | FailureKind::Contract)) {
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
        if !may || running.attempt >= retry.attempts_max || spec.effects == Effects::Once {
            return false;
        }
        (WaitReason::Retry, turn.now.plus(backoff_ms(at, running.attempt, retry.delay_ms, retry.delay_ms_max)))
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

fn kept(turn: &Turn, path: &FramePath, step: StepIx, kept: &Kept) -> Option<Box<Kept>> {
    let keep = turn.frame(path).plan.step(step).keep;
    let kept = Kept {
        stdout: kept.stdout.clone().filter(|_| keep.stdout),
        stderr: kept.stderr.clone().filter(|_| keep.stderr),
        json: kept.json.clone().filter(|_| keep.json),
    };
    (kept != Kept::default()).then(|| Box::new(kept))
}

/// The proof and the handoff of an execution: what was measured, and what the step said beside it.
fn written(turn: &Turn, at: &At, slot: Slot, running: &Running, reply: &Reply) -> (Proof, Envelope) {
    let frame = turn.frame(&at.flow);
    let spec = &frame.plan.step(slot.step).spec;
    let agent_key = frame.agent_key(slot.step);
    let speaks = matches!(spec.verb, crate::spec::Verb::Agent(_));
    let silent = Failure {
        kind: FailureKind::BadOutput,
        class: ErrorClass::Retriable,
        message: "the agent ended without a handoff".to_owned(),
        exit_code: None,
    };
    let failure = match &reply.outcome {
        ReplyOutcome::Done if speaks && reply.draft.is_none() => Some(silent),
        ReplyOutcome::Done => None,
        ReplyOutcome::Failed(failure) => Some(failure.clone()),
        ReplyOutcome::Blocked { missing } => Some(Failure {
            kind: FailureKind::Missing,
            class: ErrorClass::Permanent,
            message: missing_words(missing),
            exit_code: None,
        }),
        ReplyOutcome::Interrupted { why } => {
            let limit = limits::reason(turn, &at.flow, running.unwanted);
            let (kind, message) = limit.unwrap_or_else(|| (FailureKind::Cancelled, why.clone()));
            Some(Failure { kind, class: ErrorClass::Transient, message, exit_code: None })
        }
    };
    let status = match &reply.outcome {
        ReplyOutcome::Interrupted { .. } => ReceiptStatus::Interrupted,
        _ if failure.is_some() => ReceiptStatus::Failed,
        _ => ReceiptStatus::Succeeded,
    };
    let error_detail = failure.as_ref().map(|failure| ErrorDetail {
        kind: failure.kind,
        class: failure.class,
        signature: signature(failure.kind, &failure.message),
        exit_code: failure.exit_code,
    });
    let error = failure.as_ref().map(|failure| {
        let tail = reply.stderr_tail.trim_end();
        if tail.is_empty() || failure.message.contains(tail) {
            failure.message.clone()
        } else {
            format!("{}\n{tail}", failure.message)
        }
    });
    let proof = Proof {
        engine: reply.engine,
        mode: reply.mode,
        agent_key: agent_key.clone(),
        model: None,
        attempt: running.attempt,
        iteration: running.iteration,
        started_at: turn.step(&at.flow, slot).started_at.unwrap_or(reply.started_at),
        completed_at: reply.completed_at.max(reply.started_at),
        status,
        tokens: reply.tokens,
        cost_usd: reply.cost_usd,
        error,
        error_detail,
        commands: reply.commands.clone(),
        inputs: reply.inputs.clone(),
        outputs: reply.outputs.clone(),
        checks: reply.checks.clone(),
        tests: reply.tests.clone(),
        claims: reply.claims.clone(),
        transcript_path: reply.transcript_path.clone(),
        approved_by: turn.step(&at.flow, slot).approved.clone(),
        definition_sha256: spec.sha256.clone(),
        sandbox: reply.sandbox.clone(),
        tool_versions: BTreeMap::new(),
        git: None,
    };
    let envelope = envelope(turn, at, &proof, reply);
    (proof, envelope)
}

/// Names of files are listed; a command says in a sentence what it misses.
fn missing_words(missing: &[String]) -> String {
    if missing.iter().any(|one| one.contains(' ')) {
        format!("blocked: {}", missing.join("; "))
    } else {
        format!("missing: {}", missing.join(", "))
    }
}

fn envelope(turn: &Turn, at: &At, proof: &Proof, reply: &Reply) -> Envelope {
    let frame = turn.frame(&at.flow);
    let execution = frame.slot(&at.step).and_then(|slot| frame.state(slot)).map_or(0, |state| state.execution);
    let blocked = matches!(reply.outcome, ReplyOutcome::Blocked { .. });
    let failed = proof.status != ReceiptStatus::Succeeded;
    let said = reply.draft.clone().unwrap_or_else(|| own_words(proof, reply));
    let disagreeing: Vec<String> = proof
        .claims
        .iter()
        .filter(|claim| !claim.agrees)
        .map(|claim| format!("claimed: {}; measured: {}", claim.claim, claim.measured))
        .chain(proof.checks.iter().filter(|check| !check.passed).map(check_words))
        .collect();
    let (status, measured) = match said.status {
        _ if blocked => (Status::Blocked, Measured::default()),
        Status::Verified if failed || !disagreeing.is_empty() => {
            let reasons = if disagreeing.is_empty() { proof.error.clone().into_iter().collect() } else { disagreeing };
            (Status::Unverified, Measured { downgraded_from: reply.draft.as_ref().map(|_| Status::Verified), reasons })
        }
        status => (status, Measured::default()),
    };
    let mut concerns = said.concerns;
    if reply.draft.is_some() && failed {
        concerns.extend(failed_concerns(proof));
    }
    concerns.truncate(CONCERNS_MAX);
    let recommendation = said.routing.recommendation.unwrap_or(match status {
        Status::Verified | Status::Unverified => DecisionKind::Continue,
        Status::Blocked => DecisionKind::Escalate,
    });
    let run_id = turn.state.run.as_ref().expect("a step runs only in a run").id.clone();
    Envelope {
        schema: Envelope::SCHEMA.to_owned(),
        meta: EnvelopeMeta {
            run_id,
            flow_key: frame.key.clone(),
            step_id: at.step.clone(),
            agent_key: proof.agent_key.clone(),
            execution,
            iteration: proof.iteration,
            timestamp: proof.completed_at,
        },
        status,
        summary: said.summary,
        concerns,
        assumptions: said.assumptions,
        routing: EnvelopeRouting {
            recommendation,
            next_step_suggestion: said.routing.next_step_suggestion,
            can_further_iteration_help: said.routing.can_further_iteration_help,
            failure_signature: said
                .routing
                .failure_signature
                .or_else(|| proof.error_detail.as_ref().map(|detail| detail.signature.clone())),
            reason: said.routing.reason,
        },
        measured,
    }
}

fn check_words(check: &Check) -> String {
    format!("{}: expected {}, found {}", check.name, check.expected, check.actual)
}

fn failed_concerns(proof: &Proof) -> Vec<Concern> {
    let high = |description: String, location: Option<String>| Concern {
        severity: Severity::High,
        description,
        location,
        recommendation: None,
    };
    let failed: Vec<Concern> = proof
        .checks
        .iter()
        .filter(|check| !check.passed)
        .map(|check| high(check_words(check), check.evidence_path.clone()))
        .collect();
    if !failed.is_empty() {
        return failed;
    }
    proof.error.iter().map(|error| high(error.lines().next().unwrap_or_default().to_owned(), None)).collect()
}

/// What we write for a step that cannot speak: a command, a built-in verb.
fn own_words(proof: &Proof, reply: &Reply) -> Draft {
    let ran = |command: &crate::record::CommandRun| {
        let text = command.run.clone().or_else(|| command.argv.as_ref().map(|argv| argv.join(" "))).unwrap_or_default();
        let first = text.trim().lines().next().unwrap_or_default();
        let mut cut = first.len().min(120);
        while !first.is_char_boundary(cut) {
            cut -= 1;
        }
        first[..cut].to_owned()
    };
    let passed = proof.checks.iter().filter(|check| check.passed).count();
    let found = match (&proof.error, proof.checks.len()) {
        (Some(error), _) => error.lines().next().unwrap_or_default().to_owned(),
        (None, 0) => reply.exit_code.map(|code| format!("exit code {code}")).unwrap_or_default(),
        (None, all) => format!("{passed} of {all} checks passed"),
    };
    let evidence = Evidence {
        artifacts_produced: proof.outputs.iter().filter(|output| output.exists).map(|output| output.path.clone()).collect(),
        commands_run: proof.commands.iter().map(ran).collect(),
        measurements: BTreeMap::new(),
    };
    let status = if proof.status == ReceiptStatus::Succeeded { Status::Verified } else { Status::Unverified };
    Draft {
        status,
        summary: Summary {
            what_i_did: proof.commands.first().map(ran).unwrap_or_default(),
            what_i_found: found,
            key_decisions: Vec::new(),
            evidence,
        },
        concerns: if status == Status::Verified { Vec::new() } else { failed_concerns(proof) },
        assumptions: Vec::new(),
        routing: crate::record::DraftRouting::default(),
    }
}

/// Routes a step that has just ended (or whose detour did not take), and does what was decided.
pub(super) fn decide_after(turn: &mut Turn, path: &FramePath, slot: Slot, forensic: &BTreeMap<String, Value>, detours: bool) {
    let found = if detours { detour::matching(turn, path, slot) } else { None };
    let (seen, escalation_error) = look(turn, path, slot, found.is_some());
    let routed = route(&seen);
    let mut decision = decision(turn, path, slot, routed.decision, routed.rule);
    decision.reason = reason(turn, path, slot, &seen, routed, found.as_ref().map(AsRef::as_ref));
    if let Some(error) = escalation_error {
        decision.reason = format!("{}; a condition could not be evaluated: {error}", decision.reason);
    }
    if let Some(note) = forensic.get("detour").and_then(Value::as_str) {
        decision.reason = format!("{} ({note})", decision.reason);
    }
    decision.forensic_summary.extend(forensic.clone());
    if routed.rollback {
        decision.forensic_summary.insert("rollback".to_owned(), json!(true));
    }
    decision.detour_id = found.filter(|_| routed.decision == DecisionKind::Detour);
    decision.next_step_ids = next_steps(turn, path, slot, routed);
    carry_out(turn, path, slot, routed, decision);
}

pub(super) fn route_failed_detour(turn: &mut Turn, path: &FramePath, slot: Slot, note: &BTreeMap<String, Value>) {
    decide_after(turn, path, slot, note, false);
}

fn look(turn: &Turn, path: &FramePath, slot: Slot, detour: bool) -> (Seen, Option<String>) {
    let frame = turn.frame(path);
    let spec = frame.plan.step(slot.step).spec.clone();
    let result = turn.step(path, slot).result.clone().expect("a step that ended has a result");
    let measured = result
        .proof
        .as_deref()
        .map_or_else(|| json!({"passed": result.passed, "exit_code": result.exit_code, "checks_failed": []}), measured_of);
    let mut error = None;
    let mut holds = |expr: &crate::spec::Expr, otherwise: bool| {
        expr.eval_bool(&scope(&turn.state, frame, expr.reads(), Some(slot), Some(&measured))).unwrap_or_else(|wrong| {
            error = Some(wrong.to_string());
            otherwise
        })
    };
    // A condition that cannot be evaluated fails closed: it asks.
    let escalates = spec.escalate.as_ref().filter(|escalate| holds(&escalate.when, true)).map(|escalate| escalate.halt);
    let verified = result.status == Status::Verified && result.passed;
    let detail = result.proof.as_ref().and_then(|proof| proof.error_detail.clone());
    let standing_high =
        result.high_concerns > 0 || result.proof.as_ref().is_some_and(|proof| proof.checks.iter().any(|check| !check.passed));
    let ends_loop = frame.plan.step(slot.step).ends_loop.zip(spec.ends_loop.as_ref()).map(|(which, around)| {
        let state = &frame.loops[which];
        let until = around.until.as_ref().is_none_or(|until| holds(until, false));
        let signature = loop_signature(&result);
        LoopSeen {
            iteration: state.iteration,
            iterations_max: around.iterations_max + state.granted,
            satisfied: verified && until,
            can_help: result.can_help,
            // From five errors to three is a round that helped, although both failed alike.
            same_signature: signature.is_some()
                && signature.as_deref() == state.last_signature.as_deref()
                && result.figures().as_deref() == state.last_figures.as_deref(),
            standing_high,
            on_exhausted: around.on_exhausted,
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
        on_failure: spec.on_failure,
        ends_loop,
        last: frame.unsettled == 1 && frame.live == 1 && settles_group,
    };
    (seen, error)
}

fn loop_signature(result: &StepResult) -> Option<String> {
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
        by: "kernel".to_owned(),
    }
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
        Rule::Blocked => error,
        Rule::LoopVerified => format!("VERIFIED in {rounds}"),
        Rule::LoopNoFurtherHelp => format!("{rounds}: the step says that another round cannot help"),
        Rule::LoopSameSignature => format!("{rounds} failed as the round before, with the same figures"),
        Rule::LoopExhausted => format!("{rounds} is over and it still says {}", result.status),
        Rule::LoopAgain => format!("{rounds}: {} ({error})", result.status),
        Rule::Verified => "VERIFIED".to_owned(),
        Rule::UnverifiedForward => "UNVERIFIED, and nothing forbids to go on; its concerns travel with the handoff".to_owned(),
        Rule::Terminal => format!("{}; nothing is left in this flow", result.status),
        Rule::Navigator
        | Rule::Approval
        | Rule::Ask
        | Rule::Lost
        | Rule::Limit
        | Rule::Answered
        | Rule::DetourDone
        | Rule::DetourFailed
        | Rule::DoneCheck
        | Rule::Cancelled
        | Rule::RollbackDone => String::new(),
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

fn carry_out(turn: &mut Turn, path: &FramePath, slot: Slot, routed: Route, mut decision: Decision) {
    let at = turn.frame(path).at(slot);
    match routed.decision {
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
            let id = escalate(&mut trial, path, slot, routed.rule, &reason);
            decision.escalation_id = Some(id.clone());
            turn.emit(Fact::Routed { flow: path.clone(), decision: Arc::new(decision) });
            escalate(turn, path, slot, routed.rule, &reason);
            if routed.rule == Rule::StopTheLine {
                turn.emit(Fact::LineStopped { by: id });
            }
        }
        DecisionKind::InjectFlow | DecisionKind::InjectNodes | DecisionKind::ExtendGraph => {
            unreachable!("the routing table never gives what only a navigator proposes")
        }
    }
}

fn escalate(turn: &mut Turn, path: &FramePath, slot: Slot, rule: Rule, reason: &str) -> crate::id::EscalationId {
    let frame = turn.frame(path);
    let spec = frame.plan.step(slot.step).spec.clone();
    let step = frame.name(slot);
    let result = turn.step(path, slot).result.clone().expect("a step that ended has a result");
    let concerns = result.proof.as_deref().map(failed_concerns).unwrap_or_default();
    let loops = matches!(rule, Rule::LoopExhausted | Rule::LoopNoFurtherHelp | Rule::LoopSameSignature);
    let by_flow = matches!(rule, Rule::StopTheLine | Rule::EscalateWhen);
    let kind = match rule {
        Rule::StopTheLine => QuestionKind::StopTheLine,
        Rule::EscalateWhen => QuestionKind::EscalateWhen,
        Rule::Blocked => QuestionKind::Blocked,
        _ if loops => QuestionKind::LoopExhausted,
        _ => QuestionKind::Failed,
    };
    let options = if loops {
        vec![
            option("retry", "One more round", "the loop's body runs once more, your note goes with it"),
            option("skip", "Go on as it is", "what stands open stays on the report as a warning"),
            option("abort", "Stop the flow", "no further step of this flow starts"),
        ]
    } else if by_flow {
        vec![
            option("approve", "Go on", "the step counts as it ended and the flow goes on"),
            option("retry", "Run it again", "the step runs again, your note goes with it"),
            option("abort", "Stop the flow", "no further step of this flow starts"),
        ]
    } else {
        repair_options()
    };
    let written = spec.escalate.as_ref().filter(|_| by_flow);
    let question = written.and_then(|escalate| escalate.question.as_ref()).map(|template| {
        let value = scope_value(scope(&turn.state, frame, template.reads(), Some(slot), None));
        template
            .render(&value)
            .unwrap_or_else(|error| format!("{} (the flow's question could not be filled in: {error})", template.text()))
    });
    let question = question.unwrap_or_else(|| match kind {
        QuestionKind::Blocked => format!("{step} is blocked: {reason}. How to go on?"),
        QuestionKind::LoopExhausted => format!("{step}: {reason}. How to go on?"),
        QuestionKind::StopTheLine | QuestionKind::EscalateWhen => format!("{step}: {reason}. Go on?"),
        _ => format!("{step} failed: {reason}. How to go on?"),
    });
    let mut asked = Asked::new(kind, rule, reason, question, options);
    asked.severity = written.map_or(if loops { Severity::High } else { Severity::Medium }, |escalate| escalate.severity);
    asked.to = written.map(|escalate| escalate.to.clone()).unwrap_or_default();
    asked.halt = written.map_or(crate::spec::Halt::Branch, |escalate| escalate.halt);
    asked.concerns = concerns;
    raise(turn, path, &step, spec.sha256.clone(), asked)
}

/// A step that could not even be started: it has an execution, so that its failure has a receipt.
pub(super) fn fail_unstarted(turn: &mut Turn, path: &FramePath, slot: Slot, kind: FailureKind, message: &str) {
    let frame = turn.frame(path);
    let state = turn.step(path, slot);
    let fact = Fact::StepStarted {
        at: frame.at(slot),
        execution: state.execution + 1,
        iteration: frame.iteration(slot.step),
        timeout_ms: None,
        approved_by: None,
    };
    turn.emit(fact);
    fail_started(turn, path, slot, kind, message);
}

/// A started step that no engine performs any more, and that failed.
pub(super) fn fail_started(turn: &mut Turn, path: &FramePath, slot: Slot, kind: FailureKind, message: &str) {
    let failure = Failure { kind, class: ErrorClass::Permanent, message: message.to_owned(), exit_code: None };
    end_without_engine(turn, path, slot, ReplyOutcome::Failed(failure), EngineWord::Builtin, None, Kept::default());
}

/// A started step that is done without an engine: a sub-flow.
pub(super) fn end_builtin(
    turn: &mut Turn,
    path: &FramePath,
    slot: Slot,
    status: Status,
    found: &str,
    measurements: &BTreeMap<String, Value>,
) {
    let evidence = Evidence { measurements: measurements.clone(), ..Evidence::default() };
    let summary = Summary { what_i_found: found.to_owned(), evidence, ..Summary::default() };
    let draft =
        Draft { status, summary, concerns: Vec::new(), assumptions: Vec::new(), routing: crate::record::DraftRouting::default() };
    end_without_engine(turn, path, slot, ReplyOutcome::Done, EngineWord::Builtin, Some(draft), Kept::default());
}

/// A step that waits for its next attempt starts anew, when it may.
pub(super) fn interrupt_waiting(turn: &mut Turn, path: &FramePath, slot: Slot, why: &str) {
    let outcome = ReplyOutcome::Interrupted { why: why.to_owned() };
    record_end(turn, path, slot, outcome, EngineWord::Builtin, None, Kept::default());
}

/// Steps that wait for their next attempt in a flow that is over: there will be none.
pub(super) fn end_waiting(turn: &mut Turn, path: &FramePath) {
    let waiting: Vec<At> = turn.state.due.iter().filter(|(_, at)| at.flow == *path).map(|(_, at)| at.clone()).collect();
    for at in waiting {
        let Some(slot) = turn.frame(path).slot(&at.step) else { continue };
        let message = "the flow stopped before the next attempt".to_owned();
        let failure =
            Failure { kind: FailureKind::Cancelled, class: ErrorClass::Permanent, message: message.clone(), exit_code: None };
        record_end(turn, path, slot, ReplyOutcome::Failed(failure), EngineWord::Builtin, None, Kept::default());
        let mut decision = decision(turn, path, slot, DecisionKind::Terminate, Rule::Cancelled);
        decision.reason = message;
        turn.emit(Fact::Routed { flow: path.clone(), decision: Arc::new(decision) });
    }
}

pub(super) fn end_without_engine(
    turn: &mut Turn,
    path: &FramePath,
    slot: Slot,
    outcome: ReplyOutcome,
    engine: EngineWord,
    draft: Option<Draft>,
    kept: Kept,
) {
    record_end(turn, path, slot, outcome, engine, draft, kept);
    decide_after(turn, path, slot, &BTreeMap::new(), true);
}

fn record_end(
    turn: &mut Turn,
    path: &FramePath,
    slot: Slot,
    outcome: ReplyOutcome,
    engine: EngineWord,
    draft: Option<Draft>,
    kept: Kept,
) {
    let at = turn.frame(path).at(slot);
    let state = turn.step(path, slot);
    let started_at = state.started_at.unwrap_or(turn.now);
    let running = Running {
        execution: state.execution,
        attempt: state.attempt.max(1),
        started_at,
        timeout_ms: None,
        iteration: turn.frame(path).iteration(slot.step),
        unwanted: false,
    };
    let mode = if engine == EngineWord::Human { Mode::Human } else { Mode::Local };
    let mut reply = Reply::new(outcome, engine, mode, started_at, turn.now);
    reply.draft = draft;
    reply.kept = kept;
    let (proof, handoff) = written(turn, &at, slot, &running, &reply);
    let execution = running.execution;
    let kept = (reply.kept != Kept::default()).then(|| Box::new(reply.kept));
    turn.emit(Fact::StepEnded { at, execution, proof: Arc::new(proof), handoff: Arc::new(handoff), kept });
}
