//! The proof and the handoff of an execution.
//! In: an engine's reply. Out: what was measured, and what the step said beside it. Never: a claim that stands against a measure.

use std::collections::BTreeMap;

use crate::{
    kernel::{
        counts, limits,
        signature::signature,
        state::{Running, Slot},
        trail,
        turn::Turn,
    },
    record::{
        At, Check, Concern, DecisionKind, Draft, Envelope, EnvelopeMeta, EnvelopeRouting, ErrorClass, ErrorDetail, Evidence,
        Failure, FailureKind, Measured, Proof, ReceiptStatus, Reply, ReplyOutcome, Status, Summary,
    },
    spec::Severity,
};

/// Concerns of one envelope that we write ourselves.
pub(super) const CONCERNS_MAX: usize = 20;

/// The proof and the handoff of an execution: what was measured, and what the step said beside it.
pub(super) fn written(turn: &Turn, at: &At, slot: Slot, running: &Running, reply: &Reply) -> (Proof, Envelope) {
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
    let mut proof = Proof {
        engine: reply.engine,
        mode: reply.mode,
        agent_key: agent_key.clone(),
        provider: reply.provider.clone(),
        model: reply.model.clone(),
        attempt: running.attempt,
        iteration: running.iteration,
        started_at: turn.step(&at.flow, slot).started_at.unwrap_or(reply.started_at),
        completed_at: reply.completed_at.max(reply.started_at),
        status,
        tokens: reply.tokens,
        cost_usd: reply.cost_usd,
        switches: reply.switches.clone(),
        error,
        error_detail,
        commands: reply.commands.clone(),
        inputs: reply.inputs.clone(),
        outputs: reply.outputs.clone(),
        checks: reply.checks.clone(),
        tests: reply.tests.clone(),
        lint: reply.lint.clone(),
        security: reply.security.clone(),
        coverage: reply.coverage.clone(),
        changes: reply.changes.clone(),
        claims: reply.claims.clone(),
        transcript_path: reply.transcript_path.clone(),
        context: reply.context.clone(),
        approved_by: turn.step(&at.flow, slot).approved.clone(),
        definition_sha256: spec.sha256.clone(),
        sandbox: reply.sandbox.clone(),
        tool_versions: reply.tool_versions.clone(),
        git: None,
        tree: reply.tree.clone(),
    };
    if let Some(figures) = proof.tests.as_mut().and_then(|tests| tests.figures.as_mut()) {
        counts::beside(&turn.state, frame, at, figures);
    }
    let envelope = envelope(turn, at, &proof, reply);
    (proof, envelope)
}

/// Names of files are listed; a command says in a sentence what it misses.
pub(super) fn missing_words(missing: &[String]) -> String {
    if missing.iter().any(|one| one.contains(' ')) {
        format!("blocked: {}", missing.join("; "))
    } else {
        format!("missing: {}", missing.join(", "))
    }
}

pub(super) fn envelope(turn: &Turn, at: &At, proof: &Proof, reply: &Reply) -> Envelope {
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
    let mut concerns = counts::concerns(proof, reply.draft.as_ref().map(|draft| draft.status));
    concerns.extend(said.concerns);
    if reply.draft.is_some() && failed {
        concerns.extend(failed_concerns(proof));
    }
    if reply.draft.is_some() {
        concerns.extend(trail::conflicts(&turn.state, at, &said.summary.key_decisions));
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
            confidence: said.routing.confidence,
            proposal: said.routing.proposal,
        },
        measured,
    }
}

pub(super) fn check_words(check: &Check) -> String {
    format!("{}: expected {}, found {}", check.name, check.expected, check.actual)
}

pub(super) fn failed_concerns(proof: &Proof) -> Vec<Concern> {
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
pub(super) fn own_words(proof: &Proof, reply: &Reply) -> Draft {
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
