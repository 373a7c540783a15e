//! Where a run stands: per flow what is done, what runs, who is waited for, what failed, and what to do next.
//! In: a view. Out: `StatusReport`, for people and for scripts. Never: a time relative to now.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::{EscalationId, FlowKey, FramePath, ParamName, RunId, Sha256, StepRef, Time},
    kernel::{Frame, FramePhase, Slot},
    record::{At, DecisionKind, Observed, Outcome, Question, QuestionKind, RunStatus, Spent, WaitReason},
    spec::Severity,
};

use super::{
    by_word::{MarkedDone, counts_by_word},
    figures::{executor, receipt_path, verb_word},
    form::answer_with,
    in_force::{StepInForce, in_force},
    next::next,
    paste::Paste,
    rollback::{self, Undo},
    routes::{Proposal, proposals},
    standing::Standing,
    view::{Driver, RunView},
    words::first_line,
};

/// `status --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatusReport {
    #[schemars(extend("const" = "flow-studio/status/v1"))]
    pub schema: String,
    pub run_id: RunId,
    pub status: RunStatus,
    pub created_at: Time,
    /// The time of the last line of the journal.
    pub updated_at: Time,
    pub started_by: String,
    pub workspace: String,
    /// A process drives the run at this moment.
    pub driven: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// What calls of models used, all flows together; absent when there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
    pub flows: Vec<FlowReport>,
    /// This question was answered, and nobody has gone on with the run since: it waits to be resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<EscalationId>,
    pub questions: Vec<WaitingQuestion>,
    /// What flows that failed or were cancelled did, and nothing took back: steps with an `undo`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_force: Vec<StepInForce>,
    /// What to do next, the most useful first.
    pub next: Vec<NextStep>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FlowReport {
    pub flow_path: FramePath,
    pub flow_key: FlowKey,
    pub title: String,
    /// How deep it is nested; 0 is a flow that a person started.
    pub depth: usize,
    pub status: RunStatus,
    /// It only observes, and what it passed over is not done; absent of any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
    pub steps_total: u32,
    pub steps_done: u32,
    pub executions: u32,
    /// Milliseconds during which something of it ran; waiting for a person does not count.
    pub active_ms: u64,
    pub params: BTreeMap<ParamName, serde_json::Value>,
    pub running: Vec<RunningStep>,
    pub retrying: Vec<RetryingStep>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<FailingStep>,
    /// Why it ended, when it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub warnings: Vec<String>,
    /// What its navigators say it lacks; nothing is done about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proposals: Vec<Proposal>,
    pub steps: Vec<StepLine>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepLine {
    pub step_id: StepRef,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `run`, `agent critic`, `ask` …
    pub verb: String,
    pub standing: Standing,
    /// What became of its work when its flow was rolled back: `false` where what undoes it failed. Absent where nothing was undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_back: Option<bool>,
    pub executions: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iteration: Option<u32>,
    /// From the start of the execution to its end, retries and their waits included; absent where a person said that it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// A person's word stands in the place of a measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marked_done: Option<MarkedDone>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionKind>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunningStep {
    pub step_id: StepRef,
    pub execution: u32,
    pub attempt: u32,
    pub since: Time,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RetryingStep {
    pub step_id: StepRef,
    pub execution: u32,
    /// The attempt that is due.
    pub attempt: u32,
    /// `retry` or `poll`.
    pub why: String,
    pub due: Time,
    pub error: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FailingStep {
    pub step_id: StepRef,
    pub reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WaitingQuestion {
    pub id: EscalationId,
    pub flow_path: FramePath,
    pub step_id: StepRef,
    pub kind: QuestionKind,
    pub severity: Severity,
    pub question: String,
    /// Why it is asked.
    pub reason: String,
    pub since: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Time>,
    /// Roles that may answer; empty: anybody.
    pub to: Vec<String>,
    pub shown: Vec<String>,
    pub subject_digest: Sha256,
    pub choices: Vec<ChoiceLine>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChoiceLine {
    pub key: String,
    pub label: String,
    pub effect: String,
    pub command: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NextStep {
    pub why: String,
    pub command: String,
}

impl StatusReport {
    pub const SCHEMA: &'static str = "flow-studio/status/v1";

    /// What flows that a person started, and that only observe, have passed over.
    pub fn observed(&self) -> Option<Observed> {
        let all: Vec<&Observed> =
            self.flows.iter().filter(|flow| flow.depth == 0).filter_map(|flow| flow.observed.as_ref()).collect();
        let passed_over = all.iter().flat_map(|one| one.passed_over.iter().cloned()).collect();
        (!all.is_empty()).then_some(Observed { passed_over })
    }
}

pub fn status(view: &RunView, paste: &Paste) -> StatusReport {
    let run = view.state.run.as_deref();
    let (driven, pid) = match view.driver {
        Driver::Nobody => (false, None),
        Driver::Process { pid } => (true, pid),
    };
    StatusReport {
        schema: StatusReport::SCHEMA.to_owned(),
        run_id: view.run_id.clone(),
        status: view.status(),
        created_at: run.map_or(view.state.now, |run| run.created_at),
        updated_at: view.updated_at(),
        started_by: run.map(|run| run.by.to_string()).unwrap_or_default(),
        workspace: run.map(|run| run.workspace.to_string()).unwrap_or_default(),
        driven,
        pid,
        spent: Some(view.spent.values().copied().sum::<Spent>()).filter(|spent| spent.calls > 0),
        flows: view.frames().map(|frame| flow_report(view, frame)).collect(),
        answered: view.waits_to_be_resumed().map(|one| one.id.clone()),
        questions: view.open_questions().into_iter().map(|question| waiting(view, question, paste)).collect(),
        in_force: in_force(&view.state),
        next: next(view, paste),
    }
}

/// A flow's status: as the run's, for the part of it that is in this flow and below.
pub fn flow_status(view: &RunView, frame: &Frame) -> RunStatus {
    let below = |path: &FramePath| {
        *path == frame.path || path.as_str().strip_prefix(frame.path.as_str()).is_some_and(|rest| rest.starts_with('.'))
    };
    match frame.phase {
        // Its undo steps go on after one that failed, so that it is over all the same.
        FramePhase::Done(Outcome::Succeeded) if rollback::not_undone(frame).is_some() => RunStatus::Failed,
        FramePhase::Done(Outcome::Succeeded) => RunStatus::Succeeded,
        FramePhase::Done(Outcome::Failed) => RunStatus::Failed,
        FramePhase::Done(Outcome::Cancelled) => RunStatus::Cancelled,
        FramePhase::Open | FramePhase::Closing => {
            let asks = view.open_questions().iter().any(|one| below(&one.flow_path));
            let runs =
                view.state.running.keys().any(|at| below(&at.flow)) || view.state.due.iter().any(|(_, at)| below(&at.flow));
            if asks && !runs { RunStatus::Waiting } else { view.status() }
        }
    }
}

fn flow_report(view: &RunView, frame: &Frame) -> FlowReport {
    let undone = rollback::undos(view, &frame.path);
    let total = u32::try_from(frame.steps.len()).unwrap_or(u32::MAX);
    let here = |at: &At| at.flow == frame.path;
    let running = view.state.running.iter().filter(|(at, _)| here(at)).map(|(at, one)| RunningStep {
        step_id: at.step.clone(),
        execution: one.execution,
        attempt: one.attempt,
        since: one.started_at,
    });
    let retrying = view.state.due.iter().filter(|(_, at)| here(at)).filter_map(|(due, at)| {
        let execution = view.executions(at).last()?;
        let last = execution.attempts.last()?;
        Some(RetryingStep {
            step_id: at.step.clone(),
            execution: execution.number,
            attempt: last.attempt + 1,
            why: match last.why {
                WaitReason::Retry => "retry".to_owned(),
                WaitReason::Poll => "poll".to_owned(),
            },
            due: *due,
            error: first_line(&last.error),
        })
    });
    FlowReport {
        flow_path: frame.path.clone(),
        flow_key: frame.key.clone(),
        title: frame.plan.flow.title.clone(),
        depth: frame.path.depth(),
        status: flow_status(view, frame),
        observed: view.state.observed(&frame.path),
        steps_total: total,
        steps_done: total - frame.unsettled.min(total),
        executions: frame.executions,
        active_ms: frame.active_ms_at(view.state.now),
        params: (*frame.params).clone(),
        running: running.collect(),
        retrying: retrying.collect(),
        failing: failing(view, frame),
        reason: match rollback::not_undone(frame) {
            Some(_) => Some(rollback::INCOMPLETE.to_owned()),
            None => frame.outcome_reason.as_deref().map(str::to_owned),
        },
        warnings: frame.warnings.iter().map(ToString::to_string).collect(),
        proposals: proposals(view, frame),
        steps: view.step_names(frame).into_iter().filter_map(|step| step_line(view, frame, step, &undone)).collect(),
    }
}

/// The step that stopped the flow, or the one whose Definition of Done is broken.
pub(super) fn failing(view: &RunView, frame: &Frame) -> Option<FailingStep> {
    let (step, reason, _) = frame.failing.as_deref()?;
    let at = At { flow: frame.path.clone(), step: step.clone() };
    let receipt = view.executions(&at).last().and_then(|one| receipt_path(view, &at, one));
    Some(FailingStep { step_id: step.clone(), reason: first_line(reason), receipt })
}

fn step_line(view: &RunView, frame: &Frame, step: StepRef, undone: &BTreeMap<StepRef, Undo>) -> Option<StepLine> {
    let slot: Slot = frame.slot(&step)?;
    let spec = &frame.plan.step(slot.step).spec;
    let at = At { flow: frame.path.clone(), step: step.clone() };
    let current = view.current(&at);
    let verb = match executor(frame, slot.step) {
        Some(agent) => format!("{} {agent}", verb_word(&spec.verb)),
        None => verb_word(&spec.verb).to_owned(),
    };
    let marked_done = counts_by_word(view, &at);
    Some(StepLine {
        title: spec.title.clone(),
        verb,
        standing: standing(view, frame, slot),
        taken_back: undone.get(&step).map(|undo| undo.whole),
        executions: u32::try_from(view.executions(&at).len()).unwrap_or(u32::MAX),
        iteration: current.and_then(|one| one.iteration),
        duration_ms: current.filter(|_| marked_done.is_none()).and_then(super::view::Execution::duration_ms),
        marked_done,
        decision: current.and_then(|one| one.decision()).map(|decision| decision.decision),
        step_id: step,
    })
}

pub(super) fn standing(view: &RunView, frame: &Frame, slot: Slot) -> Standing {
    Standing::of(frame, slot, |id| view.state.questions.get(id).map(|one| one.kind))
}

impl RunView {
    /// How every step of a flow stands, for a drawing.
    pub fn standings(&self, flow: &FramePath) -> BTreeMap<StepRef, Standing> {
        let Some(frame) = self.state.frame(flow) else { return BTreeMap::new() };
        let slots = self.step_names(frame).into_iter().filter_map(|step| Some((frame.slot(&step)?, step)));
        slots.map(|(slot, step)| (step, standing(self, frame, slot))).collect()
    }
}

pub(super) fn waiting(view: &RunView, question: &Question, paste: &Paste) -> WaitingQuestion {
    WaitingQuestion {
        id: question.id.clone(),
        flow_path: question.flow_path.clone(),
        step_id: question.step_id.clone(),
        kind: question.kind,
        severity: question.severity,
        question: question.question.clone(),
        reason: question.reason.clone(),
        since: question.raised_at,
        deadline: question.deadline,
        to: question.to.iter().map(|role| role.0.clone()).collect(),
        shown: question.shown.iter().map(|one| one.path.clone()).collect(),
        subject_digest: question.subject_digest.clone(),
        choices: question
            .options
            .iter()
            .map(|option| ChoiceLine {
                key: option.key.clone(),
                label: option.label.clone(),
                effect: option.effect.clone(),
                command: answer_with(paste, &view.run_id, question, &option.key),
            })
            .collect(),
    }
}
