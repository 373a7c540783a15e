//! The last words of a run on the terminal: how it stands, where to look, the most likely cause, the next command.
//! In: a view. Out: `RunSummary`, a screenful at most. Never: a cause that no file shows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::RunId,
    kernel::{Frame, FramePhase},
    record::{At, FailureKind, Outcome, Parent, Rule, RunStatus},
};

use super::{
    figures::{path_in, receipt_path},
    next::next,
    paste::Paste,
    status::NextStep,
    view::{Execution, RunView},
    words::{count, first_line},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    Failed,
    /// It stopped without an end: nobody drives it, or what it needs is not there.
    Stuck,
    /// A person is asked.
    Waiting,
    Cancelled,
    Healthy,
}

/// One place to look, and what stands there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrailItem {
    /// Relative to RUN_BASE.
    pub path: String,
    pub found: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunSummary {
    #[schemars(extend("const" = "flow-studio/summary/v1"))]
    pub schema: String,
    pub run_id: RunId,
    pub health: Health,
    /// One sentence.
    pub headline: String,
    pub trail: Vec<TrailItem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    pub warnings: Vec<String>,
    pub next: Vec<NextStep>,
}

impl RunSummary {
    pub const SCHEMA: &'static str = "flow-studio/summary/v1";
}

/// Places that are listed; a trail is to be walked.
const TRAIL_MAX: usize = 8;

pub fn summary(view: &RunView, paste: &Paste) -> RunSummary {
    let status = view.status();
    let blocked = view.open_questions().iter().any(|one| one.rule == Rule::Blocked);
    let health = match status {
        RunStatus::Failed => Health::Failed,
        RunStatus::Waiting if blocked => Health::Stuck,
        RunStatus::Waiting => Health::Waiting,
        RunStatus::Interrupted => Health::Stuck,
        RunStatus::Cancelled => Health::Cancelled,
        RunStatus::Running | RunStatus::Succeeded => Health::Healthy,
    };
    let (trail, cause) = match health {
        Health::Failed => failed(view),
        Health::Waiting | Health::Stuck if status == RunStatus::Waiting => asked(view),
        Health::Stuck => interrupted(view),
        Health::Waiting | Health::Cancelled | Health::Healthy => (Vec::new(), None),
    };
    RunSummary {
        schema: RunSummary::SCHEMA.to_owned(),
        run_id: view.run_id.clone(),
        health,
        headline: headline(view, status),
        trail: trail.into_iter().take(TRAIL_MAX).collect(),
        cause,
        warnings: view.roots().flat_map(|frame| frame.warnings.iter().map(|one| first_line(one))).collect(),
        next: next(view, paste),
    }
}

fn headline(view: &RunView, status: RunStatus) -> String {
    let flows: Vec<String> = view.roots().map(|frame| frame.path.to_string()).collect();
    let flows = flows.join(", ");
    let reasons = || {
        let of = |frame: &Frame| frame.outcome_reason.as_deref().map(first_line);
        view.roots().filter(|frame| frame.phase != FramePhase::Done(Outcome::Succeeded)).find_map(of)
    };
    let observed = observed(view);
    match status {
        RunStatus::Succeeded if observed.is_some() => format!("{flows} {}", observed.unwrap_or_default()),
        RunStatus::Succeeded => {
            let executions: usize = view.frames().map(|frame| frame.executions as usize).sum();
            let warnings: usize = view.roots().map(|frame| frame.warnings.len()).sum();
            let standing = if warnings == 0 { String::new() } else { format!(", {} standing", count(warnings, "warning")) };
            format!("{flows} succeeded: {} ran{standing}", count(executions, "execution"))
        }
        RunStatus::Failed => format!("{flows} failed: {}", reasons().unwrap_or_else(|| "no reason is recorded".to_owned())),
        RunStatus::Waiting => format!("{flows} waits for an answer to {}", count(view.open_questions().len(), "question")),
        RunStatus::Cancelled => format!("{flows} was cancelled"),
        RunStatus::Interrupted => match view.waits_to_be_resumed() {
            Some(question) => format!("{flows} waits to be resumed: {} is answered", question.id),
            None => format!("{flows} stopped before it was done"),
        },
        RunStatus::Running => format!("{flows} is running: {} now", count(view.state.running.len(), "step")),
    }
}

/// What flows that only observe have passed over, of all that a person started.
pub(super) fn observed(view: &RunView) -> Option<String> {
    let all: Vec<String> = view.roots().filter_map(|frame| Some(view.state.observed(&frame.path)?.words())).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// Receipt, log, handoff, decision of the step that failed; then of what failed inside it.
fn failed(view: &RunView) -> (Vec<TrailItem>, Option<String>) {
    let mut trail = Vec::new();
    let mut cause = None;
    for frame in view.frames().filter(|frame| frame.phase == FramePhase::Done(Outcome::Failed)) {
        // A detour or an injection that did not take is part of its step's story.
        if matches!(frame.parent.as_deref(), Some(Parent::Detour { .. } | Parent::Injected { .. })) {
            continue;
        }
        let Some(failing) = frame.failing.as_deref() else {
            cause = cause.or_else(|| frame.outcome_reason.as_deref().map(first_line));
            continue;
        };
        let at = At { flow: frame.path.clone(), step: failing.0.clone() };
        let Some(execution) = view.executions(&at).last() else { continue };
        trail.extend(proof_trail(view, &at, execution));
        // The innermost failure is the cause of those around it, and stands later in the list.
        cause = likely(execution).or(cause);
    }
    (trail, cause)
}

fn proof_trail(view: &RunView, at: &At, execution: &Execution) -> Vec<TrailItem> {
    let mut trail = Vec::new();
    let Some(proof) = execution.proof() else { return trail };
    if let Some(path) = receipt_path(view, at, execution) {
        let error = proof.error.as_deref().map(first_line).unwrap_or_default();
        trail.push(TrailItem { path, found: format!("{} {}: {error}", at.step, proof.status) });
    }
    for check in proof.checks.iter().filter(|check| !check.passed) {
        let path = check.evidence_path.clone().unwrap_or_else(|| format!("{}/logs/{}.jsonl", at.flow, at.step));
        trail.push(TrailItem {
            path,
            found: first_line(&format!("check {}: expected {}, found {}", check.name, check.expected, check.actual)),
        });
    }
    if let Some(path) =
        proof.commands.first().and_then(|command| command.stderr_path.clone().or_else(|| command.stdout_path.clone()))
    {
        trail.push(TrailItem { path, found: "what the command printed".to_owned() });
    }
    if let Some(path) = &proof.transcript_path {
        trail.push(TrailItem { path: path.clone(), found: "the agent's conversation".to_owned() });
    }
    if let (Some(path), Some(handoff)) = (path_in(view, at, execution, "handoffs"), execution.handoff()) {
        let concern = handoff.concerns.iter().max_by_key(|one| one.severity).map(|one| first_line(&one.description));
        let found = concern.map_or_else(|| handoff.status.to_string(), |concern| format!("{}: {concern}", handoff.status));
        trail.push(TrailItem { path, found });
    }
    if let Some(decision) = execution.decision() {
        trail.push(TrailItem {
            path: format!("{}/routing/decisions.jsonl", at.flow),
            found: first_line(&format!("{} by rule {}: {}", decision.decision, decision.rule, decision.reason)),
        });
    }
    trail
}

fn likely(execution: &Execution) -> Option<String> {
    let proof = execution.proof()?;
    let check = proof.checks.iter().find(|check| !check.passed);
    let from_check = || check.map(|check| format!("check {} expected {}, found {}", check.name, check.expected, check.actual));
    // The last line of an error is where most programs say what is wrong.
    let from_error = || {
        let error = proof.error.as_deref()?;
        let mut lines = error.trim().lines();
        let first = lines.next()?.to_owned();
        Some(match lines.next_back() {
            Some(last) => format!("{first}; its last words: {}", last.trim()),
            None => first,
        })
    };
    // A broken contract is named by its check; any other failure by what it said.
    let contract = proof.error_detail.as_ref().is_none_or(|detail| detail.kind == FailureKind::Contract);
    let said = if contract { from_check().or_else(from_error) } else { from_error().or_else(from_check) };
    said.map(|text| first_line(&text))
}

fn asked(view: &RunView) -> (Vec<TrailItem>, Option<String>) {
    let questions = view.open_questions();
    let trail = questions.iter().map(|question| TrailItem {
        path: format!("{}/escalations/{}.json", question.flow_path, question.id),
        found: first_line(&question.question),
    });
    let cause = questions.first().map(|question| first_line(&question.reason));
    (trail.collect(), cause)
}

fn interrupted(view: &RunView) -> (Vec<TrailItem>, Option<String>) {
    let log = |at: &At, number: u32| TrailItem {
        path: format!("{}/logs/{}.jsonl", at.flow, at.step),
        found: format!("execution {number} of {} did not end", at.step),
    };
    let trail: Vec<TrailItem> = view.state.running.iter().map(|(at, one)| log(at, one.execution)).collect();
    let cause = match (view.state.stop, view.state.rested) {
        (Some(_), _) => "it was told to stop".to_owned(),
        (None, None) => "the process that drove it is gone".to_owned(),
        (None, Some(_)) => "nothing more was allowed to start (--until or --only)".to_owned(),
    };
    (trail, Some(cause))
}
