//! `report.md`: the story of one flow for a person: done, blocked, decided, measured, next.
//! In: a view and a flow. Out: Markdown, the same bytes for the same journal and the same calls. Never: a clock, a text of a step taken for markup.

use std::{fmt::Write as _, sync::Arc};

use crate::{
    id::{FramePath, StepRef},
    kernel::{Frame, FramePhase},
    record::{Fact, Outcome, RunStatus},
};

use super::{
    in_force::{in_force, in_force_words},
    next::next,
    paste::Paste,
    report_parts::{artifacts, cell, decided, done, measured, open_points, proposed, steps, switches, waiting},
    status::flow_status,
    view::RunView,
    words::{clean, first_line, length, spent_words},
};

/// `None` when the flow is not in the run.
pub fn report(view: &RunView, flow: &FramePath, paste: &Paste) -> Option<String> {
    let frame = view.state.frame(flow)?;
    let mut out = String::new();
    head(&mut out, view, frame);
    section(&mut out, "Parameters", &params(frame));
    section(&mut out, "Steps", &steps(view, frame));
    section(&mut out, "Done", &done(view, frame));
    section(&mut out, "Passed over", &passed_over(view, frame));
    section(&mut out, "Waiting and blocked", &waiting(view, frame, paste));
    section(&mut out, "Decided", &decided(view, frame));
    section(&mut out, "Proposed", &proposed(view, frame));
    section(&mut out, "Measured", &measured(view, frame));
    section(&mut out, "Standing", &open_points(view, frame));
    section(&mut out, "Artifacts", &artifacts(view, frame));
    // Whoever reads this has no need to be sent here.
    let next = next(view, paste).into_iter().filter(|one| one.command != paste.report(&view.run_id));
    let commands: String = next.map(|one| format!("- {}: `{}`\n", cell(&one.why), one.command)).collect();
    section(&mut out, "Next", &commands);
    Some(out)
}

fn section(out: &mut String, title: &str, body: &str) {
    if !body.is_empty() {
        let _ = write!(out, "\n## {title}\n\n{body}");
    }
}

/// How it ended, in a word or three.
pub(super) fn headline(view: &RunView, frame: &Frame) -> String {
    match flow_status(view, frame) {
        status if frame.options.observe_only => match status {
            RunStatus::Succeeded => "observed only".to_owned(),
            other => format!("{other}, observed only"),
        },
        RunStatus::Succeeded if !frame.warnings.is_empty() => "succeeded, with warnings".to_owned(),
        other => other.to_string(),
    }
}

fn head(out: &mut String, view: &RunView, frame: &Frame) {
    let flow = &frame.plan.flow;
    let status = flow_status(view, frame);
    let word = headline(view, frame);
    let _ = writeln!(out, "# {}: {word}\n", cell(&flow.title));
    if let Some(reason) = frame.outcome_reason.as_deref().filter(|_| status != RunStatus::Succeeded) {
        let _ = writeln!(out, "{}\n", cell(reason));
    }
    let own = |path: &FramePath| {
        *path == frame.path || path.as_str().strip_prefix(frame.path.as_str()).is_some_and(|rest| rest.starts_with('.'))
    };
    let mut left = in_force(&view.state);
    left.retain(|one| own(&one.flow_path));
    if let Some(left) = in_force_words(&left) {
        let _ = writeln!(out, "{}\n", cell(&left));
    }
    if let Some(observed) = view.state.observed(&frame.path) {
        let _ = writeln!(out, "{}\n", cell(&observed.words()));
    }
    if let Some(goal) = &flow.charter.goal {
        let _ = writeln!(out, "Goal: {}\n", cell(goal));
    }
    let _ = writeln!(out, "- run `{}`, flow `{}`", view.run_id, frame.path);
    let others = view.roots().filter(|other| other.path != frame.path && frame.parent.is_none());
    for other in others {
        let _ = writeln!(
            out,
            "- beside it in this run: `{}`, {}; see [its own report](../{}/report.md)",
            other.path,
            headline(view, other),
            other.path
        );
    }
    let by = view.state.run.as_deref().map(|run| run.by.to_string()).unwrap_or_default();
    let role = flow.role.as_ref().map(|role| format!(", in the name of {}", cell(&role.0))).unwrap_or_default();
    let _ = writeln!(out, "- started by {}{role}", cell(&by));
    if let Some((began, ended)) = times(view, frame) {
        let end = ended.map_or_else(String::new, |ended| format!(", ended {ended}, {} later", length(ended.since(began))));
        let _ = writeln!(out, "- started {began}{end}; {} of work", length(frame.active_ms_at(view.state.now)));
    }
    if frame.generation > 1 {
        let _ = writeln!(out, "- generation {}: the flow was started before in this run", frame.generation);
    }
    if let Some(git) = &frame.git {
        let sha = git.sha.as_deref().unwrap_or("no commit");
        let branch = git.branch.as_deref().map(|branch| format!(" on {}", cell(branch))).unwrap_or_default();
        let dirty = if git.dirty == Some(true) { ", with uncommitted changes" } else { "" };
        let _ = writeln!(out, "- git {sha}{branch}{dirty}");
    }
    if let Some(spent) = view.spent_by(&frame.path) {
        let _ = writeln!(out, "- models: {}", spent_words(&spent));
    }
    out.push_str(&switches(view, frame));
    let _ = writeln!(out, "- definition sha256 `{}`", frame.definition);
}

/// Start of the flow as it counts now, and its end.
fn times(view: &RunView, frame: &Frame) -> Option<(crate::id::Time, Option<crate::id::Time>)> {
    let mut began = None;
    let mut ended = None;
    for moment in view.flow_moments(&frame.path) {
        match moment.fact.as_ref() {
            Fact::FlowStarted { .. } => (began, ended) = (Some(moment.ts), None),
            Fact::FlowCompleted { .. } => ended = Some(moment.ts),
            _ => {}
        }
    }
    let over = matches!(frame.phase, FramePhase::Done(Outcome::Succeeded | Outcome::Failed | Outcome::Cancelled));
    began.map(|began| (began, ended.filter(|_| over)))
}

/// What a flow that only observes, and the flows inside it, would do.
fn passed_over(view: &RunView, frame: &Frame) -> String {
    let inside = view.frames().filter(|inner| view.state.is_in(&inner.path, &frame.path));
    let line = |inner: &Frame| {
        let of = if inner.path == frame.path { String::new() } else { format!(" of {}", inner.path) };
        let one = move |(step, would): (StepRef, Arc<str>)| format!("- **{}**{of}: {}\n", cell(step.as_str()), cell(&would));
        inner.passed_over().into_iter().map(one).collect::<String>()
    };
    inside.map(line).collect()
}

fn params(frame: &Frame) -> String {
    let line = |(name, value): (&crate::id::ParamName, &serde_json::Value)| {
        let value = clean(&value.to_string());
        format!("- {name}: `{}`\n", first_line(&value).replace('`', "'"))
    };
    frame.params.iter().map(line).collect()
}
