//! `status`: where one run stands, who is waited for, and what to type next.

use std::fmt::Write as _;

use clap::Args;

use crate::{
    error::Error,
    id::Time,
    inspect::{
        FlowReport, MarkedDone, Standing, StatusReport, StepLine, WaitingQuestion, in_force_words, length, spent_words, status,
        taken_back_words,
    },
    record::RunStatus,
};

use super::{
    context::Context,
    render::{Ink, Paint, Table, ago, run_ink, standing_ink, standing_mark, status_words, until, wrapped},
};

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The run, as `list` names it
    pub run_id: String,
}

/// A flow with more steps shows only those that are neither done nor still to come.
const STEPS_MAX: usize = 60;
const WIDTH: usize = 100;

pub(super) fn run(args: &StatusArgs, context: &Context) -> Result<u8, Error> {
    let (view, _) = context.workspace.view(&args.run_id)?;
    let report = status(&view, &context.workspace.paste());
    let now = context.workspace.now();
    context.out(&report, || render(&shown(&report, context), now, context.color))?;
    Ok(0)
}

/// With what a person is to look at named so that it can be pasted; other readers get it as the question has it.
pub(super) fn shown(report: &StatusReport, context: &Context) -> StatusReport {
    let mut report = report.clone();
    for question in &mut report.questions {
        for path in &mut question.shown {
            *path = context.named(&context.workspace.evidence(&report.run_id, &question.flow_path, path));
        }
    }
    report
}

pub(super) fn render(report: &StatusReport, now: Time, color: bool) -> String {
    let paint = Paint { color };
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} {}",
        paint.ink(Ink::Strong, report.run_id.as_str()),
        paint.ink(run_ink(report.status), &status_words(report.status, report.observed().as_ref()))
    );
    if let Some(observed) = report.observed() {
        let _ = writeln!(out, "{}", paint.ink(Ink::Care, wrapped(&observed.words(), "", WIDTH).trim_end()));
    }
    let _ = writeln!(out, "started {} by {} in {}", ago(report.created_at, now), report.started_by, report.workspace);
    match (report.driven, report.pid, report.status) {
        (true, Some(pid), _) => out.push_str(&format!("driven by process {pid}\n")),
        (true, None, _) => out.push_str("driven by a process\n"),
        (false, _, RunStatus::Interrupted) if report.answered.is_some() => {
            let answered = report.answered.as_ref().map(ToString::to_string).unwrap_or_default();
            out.push_str(&format!("{answered} was answered {}; the run waits to be resumed\n", ago(report.updated_at, now)));
        }
        (false, _, RunStatus::Interrupted) => {
            out.push_str(&format!("no process drives it; it stopped {}\n", ago(report.updated_at, now)));
        }
        (false, _, _) => {}
    }
    if let Some(spent) = &report.spent {
        let _ = writeln!(out, "models: {}", spent_words(spent));
    }
    out.push_str(&render_flows(report, now, color));
    if let Some(left) = in_force_words(&report.in_force) {
        let _ = writeln!(out, "\n{}", paint.ink(Ink::Care, &left));
    }
    if !report.next.is_empty() {
        let _ = writeln!(out, "\n{}", paint.ink(Ink::Strong, "next"));
        for next in &report.next {
            let _ = writeln!(out, "  {}\n    {}", next.why, paint.ink(Ink::Strong, &next.command));
        }
    }
    out
}

/// Every flow with its steps, and every open question.
pub(super) fn render_flows(report: &StatusReport, now: Time, color: bool) -> String {
    let paint = Paint { color };
    let mut out = String::new();
    for flow in &report.flows {
        out.push('\n');
        out.push_str(&flow_text(flow, paint, now));
    }
    if !report.questions.is_empty() {
        let _ = writeln!(out, "\n{}", paint.ink(Ink::Person, "waits for a person"));
        for question in &report.questions {
            out.push_str(&question_text(question, paint, now));
        }
    }
    out
}

/// What ran when the process ended that drove the run, is said to run by nobody but its journal.
fn word(flow: &FlowReport, step: &StepLine) -> String {
    match (flow.status, step.standing) {
        (RunStatus::Interrupted, Standing::Running) => "was running".to_owned(),
        (_, standing) => standing.to_string(),
    }
}

fn flow_text(flow: &FlowReport, paint: Paint, now: Time) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} — {}: {}, {} of {} steps ended, {} of work",
        paint.ink(Ink::Strong, flow.flow_path.as_str()),
        flow.title,
        paint.ink(run_ink(flow.status), &status_words(flow.status, flow.observed.as_ref())),
        flow.steps_done,
        flow.steps_total,
        length(flow.active_ms)
    );
    if let Some(failing) = &flow.failing {
        let receipt = failing.receipt.as_deref().map(|path| format!(" ({path})")).unwrap_or_default();
        let _ = writeln!(out, "  {} {}: {}{receipt}", paint.ink(Ink::Bad, "failed at"), failing.step_id, failing.reason);
    } else if let Some(reason) =
        flow.reason.as_deref().filter(|reason| flow.status != RunStatus::Succeeded && *reason != flow.status.as_str())
    {
        let _ = writeln!(out, "  {reason}");
    }
    for warning in &flow.warnings {
        let _ = writeln!(out, "  {} {warning}", paint.ink(Ink::Care, "warning"));
    }
    for proposal in &flow.proposals {
        let _ = writeln!(
            out,
            "  {} by {}: {} ({})",
            paint.ink(Ink::Care, "proposed"),
            proposal.step_id,
            proposal.text,
            proposal.path
        );
    }
    let many = flow.steps.len() > STEPS_MAX;
    let mut table = Table::new(paint, "  ");
    let quiet = |step: &StepLine| {
        use Standing::{Pending, Ready, Skipped, Stopped, Succeeded};
        matches!(step.standing, Pending | Ready | Succeeded | Skipped | Stopped) && step.taken_back.is_none()
    };
    for step in flow.steps.iter().filter(|step| !many || !quiet(step)) {
        // A word is no measure.
        let ink = if step.marked_done.is_some() { Ink::Person } else { standing_ink(step.standing) };
        table.row([
            (standing_mark(step.standing).to_owned(), ink),
            (step.step_id.to_string(), Ink::Plain),
            (step.verb.clone(), Ink::Faint),
            (step.marked_done.as_ref().map_or_else(|| word(flow, step), MarkedDone::words), ink),
            (detail(flow, step, now), if step.taken_back == Some(false) { Ink::Care } else { Ink::Faint }),
        ]);
    }
    out.push_str(&table.render());
    if many {
        let left = flow.steps.iter().filter(|step| quiet(step)).count();
        let _ = writeln!(out, "  … and {left} that are done, skipped or still to come");
    }
    out
}

/// What a reader wants to know beside the word.
fn detail(flow: &FlowReport, step: &StepLine, now: Time) -> String {
    let mut parts: Vec<String> = step.taken_back.map(|whole| taken_back_words(whole).to_owned()).into_iter().collect();
    if let Some(running) = flow.running.iter().find(|one| one.step_id == step.step_id) {
        parts.push(format!("since {}", length(now.since(running.since) / 1000 * 1000)));
        if running.attempt > 1 {
            parts.push(format!("attempt {}", running.attempt));
        }
    }
    if let Some(retrying) = flow.retrying.iter().find(|one| one.step_id == step.step_id) {
        parts.push(format!("attempt {} {} ({})", retrying.attempt, until(retrying.due, now), retrying.error));
    }
    parts.extend(step.duration_ms.map(length));
    parts.extend(step.iteration.map(|round| format!("round {round}")));
    if step.executions > 1 {
        parts.push(format!("{} executions", step.executions));
    }
    parts.join(", ")
}

pub(super) fn question_text(question: &WaitingQuestion, paint: Paint, now: Time) -> String {
    let mut out = String::new();
    let to = if question.to.is_empty() { "anybody".to_owned() } else { question.to.join(", ") };
    let deadline = question.deadline.map(|deadline| format!(", due {}", until(deadline, now))).unwrap_or_default();
    let _ = writeln!(
        out,
        "  {} {}, asked {}, for {to}{deadline}",
        paint.ink(Ink::Strong, question.id.as_str()),
        question.severity,
        ago(question.since, now)
    );
    out.push_str(&wrapped(&question.question, "    ", WIDTH));
    out.push_str(&wrapped(&format!("because {}", question.reason), "    ", WIDTH));
    if !question.shown.is_empty() {
        let _ = writeln!(out, "    look at {}", question.shown.join(", "));
    }
    let mut table = Table::new(paint, "    ");
    for choice in &question.choices {
        table.row([(choice.key.clone(), Ink::Strong), (format!("{}: {}", choice.label, choice.effect), Ink::Plain)]);
        table.row([(String::new(), Ink::Plain), (choice.command.clone(), Ink::Faint)]);
    }
    out.push_str(&table.render());
    out
}
