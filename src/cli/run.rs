//! `run`: starts a flow and drives it until it rests. Also how every driven run is reported at its end.

use std::{mem::ManuallyDrop, path::PathBuf};

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::Error,
    id::{EscalationId, FramePath, RunId, StepRef},
    inspect::{Paste, StepInForce, first_taken_back, in_force, in_force_words, left_standing, looked_at_again},
    kernel::{FramePhase, State},
    record::{Drift, Observed, Outcome, QuestionKind, RunStatus, StopCause},
    runner::Ended,
    spec::text::EngineText,
    workspace::RunRequest,
};

use super::{
    args::{given, pair},
    context::{Context, tell},
    progress::Progress,
};

#[derive(Debug, Args)]
pub struct RunArgs {
    /// The flow: a file's stem in the flows directory
    pub flow: String,
    /// The run's name; a flow that is not in it yet joins a run that exists
    #[arg(long, value_name = "ID")]
    pub run_id: Option<String>,
    /// Refuse a run that is there already
    #[arg(long, requires = "run_id")]
    pub new: bool,
    /// Let a flow that has ended in the run start over there, all of its steps; without it, that is refused
    #[arg(long, requires = "run_id", conflicts_with_all = ["new", "from"])]
    pub again: bool,
    /// A parameter; may be repeated
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = pair)]
    pub params: Vec<(String, String)>,
    /// Parameters from a YAML or JSON file
    #[arg(long = "params", value_name = "FILE")]
    pub params_file: Option<PathBuf>,
    /// Start here; what does not depend on it is taken as given
    #[arg(long, value_name = "STEP")]
    pub from: Option<String>,
    /// Stop after it
    #[arg(long, value_name = "STEP")]
    pub until: Option<String>,
    /// Let this engine perform the agents
    #[arg(long, value_parser = engine)]
    pub engine: Option<EngineText>,
    /// What the stub engine answers
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// What the engine `replay` answers from: a run, or a directory that `record` made
    #[arg(long, value_name = "RUN|DIR")]
    pub recording: Option<String>,
    /// What a difference from the recording is: the end of the step, or a concern of it
    #[arg(long, value_name = "strict|lenient", default_value = "strict", requires = "recording", value_parser = drift)]
    pub replay: Drift,
    /// Steps at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub jobs: Option<u32>,
    /// Show what would run, and in which order; run nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Stay and wait for answers instead of ending with exit code 4
    #[arg(long)]
    pub wait_for_human: bool,
    /// End with 0 when the run waits for a person
    #[arg(long)]
    pub wait_ok: bool,
    /// Run only what changes nothing, and show what the rest would have done
    #[arg(long)]
    pub observe_only: bool,
    /// Run steps that promise `access: observe` or `network: none` also where nothing enforces it; their receipts say so
    #[arg(long)]
    pub allow_unenforced: bool,
    /// Warnings are mistakes
    #[arg(long)]
    pub strict: bool,
}

fn drift(text: &str) -> Result<Drift, String> {
    Drift::ALL
        .iter()
        .copied()
        .find(|drift| drift.as_str() == text)
        .ok_or_else(|| format!("`{text}` is neither strict nor lenient"))
}

fn engine(text: &str) -> Result<EngineText, String> {
    let parsed = serde_json::from_value(serde_json::Value::String(text.to_owned()));
    parsed.map_err(|_| format!("`{text}` is not an engine: openai, claude, codex, cli, stub, replay"))
}

pub(super) fn run(args: &RunArgs, context: &Context) -> Result<u8, Error> {
    let request = RunRequest {
        flow: args.flow.clone(),
        run_id: args.run_id.clone(),
        new: args.new,
        again: args.again,
        params: given(&args.params, args.params_file.as_ref())?,
        from: args.from.clone(),
        until: args.until.clone(),
        engine: args.engine,
        jobs: args.jobs,
        scenario: args.scenario.clone(),
        recording: args.recording.clone(),
        drift: args.replay,
        wait_for_human: args.wait_for_human,
        allow_unenforced: args.allow_unenforced,
        observe_only: args.observe_only,
        strict: args.strict,
    };
    if args.dry_run {
        return super::dry_run::run(&request, context);
    }
    let mut progress = Progress::new(context);
    let ended = context.workspace.run(&request, &mut progress);
    progress.finish();
    let (id, ended) = ended?;
    report_last(&id, ended, args.wait_ok, context)
}

/// How a driven run ended: one object, `schemas/cli/run.schema.json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RunReport {
    pub run_id: RunId,
    pub status: RunStatus,
    pub exit_code: u8,
    pub flows: Vec<FlowReport>,
    pub questions: Vec<QuestionReport>,
    /// In a run that only observes: steps that were passed over, with what they would have done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
    /// What flows that failed or were cancelled did, and nothing took back: steps with an `undo`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub in_force: Vec<StepInForce>,
    /// What to type next.
    pub next: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct FlowReport {
    pub flow: FramePath,
    pub status: String,
    pub reason: Option<String>,
    /// It only observed, and what it passed over is not done; absent of any other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
    pub steps_done: u32,
    pub steps_total: u32,
    pub warnings: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct PassedOver {
    pub flow: FramePath,
    pub step: StepRef,
    pub would: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct QuestionReport {
    pub id: EscalationId,
    pub step: StepRef,
    pub question: String,
    pub options: Vec<String>,
}

/// The last that the process does. What it holds of a thousand steps takes milliseconds to take apart; the system takes it back at once.
pub(super) fn report_last(id: &RunId, ended: Ended, wait_ok: bool, context: &Context) -> Result<u8, Error> {
    report(id, &ManuallyDrop::new(ended), wait_ok, context)
}

pub(super) fn report(id: &RunId, ended: &Ended, wait_ok: bool, context: &Context) -> Result<u8, Error> {
    let exit_code = exit_code(ended, wait_ok);
    let report = RunReport {
        run_id: id.clone(),
        status: ended.status,
        exit_code,
        flows: flows(&ended.state),
        questions: questions(&ended.state),
        passed_over: passed_over(&ended.state),
        in_force: in_force(&ended.state),
        next: next(id, ended, &context.workspace.paste()),
    };
    if context.json {
        context.out(&report, String::new)?;
    } else if !context.quiet {
        tell(&text(&report), context.color);
    }
    Ok(exit_code)
}

fn exit_code(ended: &Ended, wait_ok: bool) -> u8 {
    match (ended.status, ended.signal) {
        (RunStatus::Succeeded, _) => 0,
        (RunStatus::Interrupted, Some(StopCause::Sigterm)) => 143,
        (RunStatus::Interrupted, Some(_)) => 130,
        // Told to stop after a step, and did.
        (RunStatus::Interrupted, None) => 0,
        (RunStatus::Waiting, _) if limited(&ended.state) => 5,
        (RunStatus::Waiting, _) => {
            if wait_ok {
                0
            } else {
                4
            }
        }
        (RunStatus::Failed, _) if refused_by_policy(&ended.state) => 6,
        (RunStatus::Failed | RunStatus::Cancelled | RunStatus::Running, _) => 1,
    }
}

fn limited(state: &State) -> bool {
    state.open_questions.iter().filter_map(|id| state.questions.get(id)).any(|one| one.kind == QuestionKind::Limit)
}

fn refused_by_policy(state: &State) -> bool {
    state.fatal.is_some()
}

fn flows(state: &State) -> Vec<FlowReport> {
    let roots = state.frames.values().filter(|frame| frame.parent.is_none());
    let report = |frame: &crate::kernel::Frame| {
        let total = u32::try_from(frame.steps.len()).unwrap_or(u32::MAX);
        let status = match frame.phase {
            FramePhase::Done(Outcome::Succeeded) => "succeeded",
            FramePhase::Done(Outcome::Failed) => "failed",
            FramePhase::Done(Outcome::Cancelled) => "cancelled",
            FramePhase::Open | FramePhase::Closing => "open",
        };
        FlowReport {
            flow: frame.path.clone(),
            status: status.to_owned(),
            reason: frame.outcome_reason.as_deref().map(str::to_owned),
            observed: state.observed(&frame.path),
            steps_done: total - frame.unsettled.min(total),
            steps_total: total,
            warnings: frame.warnings.iter().map(ToString::to_string).collect(),
        }
    };
    roots.map(|frame| report(frame)).collect()
}

fn passed_over(state: &State) -> Vec<PassedOver> {
    let of = |frame: &crate::kernel::Frame| {
        let all = frame.passed_over().into_iter();
        let path = frame.path.clone();
        all.map(move |(step, would)| PassedOver { flow: path.clone(), step, would: would.to_string() }).collect::<Vec<_>>()
    };
    state.frames.values().flat_map(|frame| of(frame)).collect()
}

fn questions(state: &State) -> Vec<QuestionReport> {
    let open = state.open_questions.iter().filter_map(|id| state.questions.get(id));
    open.map(|one| QuestionReport {
        id: one.id.clone(),
        step: one.step_id.clone(),
        question: one.question.clone(),
        options: one.options.iter().map(|option| option.key.clone()).collect(),
    })
    .collect()
}

fn next(id: &RunId, ended: &Ended, paste: &Paste) -> Vec<String> {
    match ended.status {
        RunStatus::Waiting => {
            let mut next = Vec::new();
            for one in questions(&ended.state) {
                next.push(paste.review(id, &one.id));
                next.push(paste.answer_with_one_of(id, &one.id, &one.options));
            }
            next.push(paste.resume(id));
            next
        }
        RunStatus::Interrupted => vec![paste.resume(id)],
        RunStatus::Failed => {
            let mut roots = ended.state.frames.values().filter(|frame| frame.parent.is_none());
            let failing = roots.find_map(|frame| Some((&frame.path, &frame.failing.as_deref()?.0)));
            let show = |(flow, step): (FramePath, StepRef)| paste.of_step("show", id, flow.as_str(), step.as_str(), " --log");
            let mut next: Vec<String> = left_standing(&ended.state).into_iter().map(show).collect();
            if let Some((flow, step)) = failing {
                next.push(paste.explain(id, flow, step));
                // From a step behind one that was taken back nothing goes on.
                let from = first_taken_back(&ended.state, flow);
                next.push(paste.retry(id, flow, from.as_ref().unwrap_or(step)));
                // Whoever mends the flow and not the world: a retry runs what was frozen.
                if from.is_none() {
                    next.push(paste.refresh(id, flow));
                }
            }
            if next.is_empty() {
                next.push(paste.report(id));
                next.extend(looked_at_again(&ended.state).map(|(flow, step)| paste.retry(id, &flow, &step)));
            }
            next
        }
        RunStatus::Succeeded | RunStatus::Cancelled | RunStatus::Running => Vec::new(),
    }
}

fn text(report: &RunReport) -> String {
    use std::fmt::Write as _;
    let observed = if report.flows.iter().any(|flow| flow.observed.is_some()) { ", observed only" } else { "" };
    let mut text = format!("\nrun {} {}{observed}\n", report.run_id, report.status);
    for flow in &report.flows {
        let reason = flow
            .reason
            .as_deref()
            .filter(|reason| *reason != flow.status && (flow.observed.is_none() || flow.status != "succeeded"))
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        let status = flow.observed.as_ref().map_or_else(|| flow.status.clone(), Observed::words);
        let _ = writeln!(text, "  {} {status} ({} of {} steps ended){reason}", flow.flow, flow.steps_done, flow.steps_total);
        for warning in &flow.warnings {
            let _ = writeln!(text, "    warning  {warning}");
        }
    }
    for one in &report.passed_over {
        let _ = writeln!(text, "  {}/{} {}", one.flow, one.step, one.would.trim_end().replace('\n', "\n      "));
    }
    for question in &report.questions {
        let _ = writeln!(text, "  waits    {}: {}", question.id, question.question);
    }
    if let Some(left) = in_force_words(&report.in_force) {
        let _ = writeln!(text, "  {left}");
    }
    for next in &report.next {
        let _ = writeln!(text, "  next     {next}");
    }
    text
}
