//! `list`: which runs there are, the newest first, and which of them need you.

use clap::Args;

use crate::{
    error::Error,
    id::Time,
    inspect::{RunFlow, RunLine, RunList, length},
    record::RunStatus,
};

use super::{
    context::Context,
    render::{Ink, Paint, Table, ago, run_ink},
};

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only runs that wait for a person, or to be resumed after an answer
    #[arg(long)]
    pub needs_you: bool,
    /// Only the newest so many
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}

pub(super) fn run(args: &ListArgs, context: &Context) -> Result<u8, Error> {
    let mut list = context.workspace.list_runs()?;
    if args.needs_you {
        list.runs.retain(RunLine::needs_somebody);
    }
    list.runs.truncate(args.limit.unwrap_or(usize::MAX));
    let now = context.workspace.now();
    let none = || format!("no runs{}\n", context.workspace.in_runs());
    context.out(&list, || if list.runs.is_empty() { none() } else { render(&list, now, context.color) })?;
    Ok(0)
}

pub(super) fn render(list: &RunList, now: Time, color: bool) -> String {
    let paint = Paint { color };
    let mut table = Table::new(paint, "").head(&["RUN", "FLOWS", "STATUS", "NEEDS YOU", "STARTED", "TOOK"]);
    for run in &list.runs {
        let id = (run.run_id.to_string(), Ink::Strong);
        let Some(status) = run.status else {
            let why = run.damaged.clone().unwrap_or_default();
            let nothing = || (String::new(), Ink::Plain);
            table.row([id, nothing(), ("damaged".to_owned(), Ink::Bad), (why, Ink::Bad)]);
            continue;
        };
        table.row([
            id,
            (run.flows.iter().map(flow).collect::<Vec<_>>().join(", "), Ink::Plain),
            match run.observed() {
                Some(observed) => (observed.short(status), Ink::Care),
                None if run.answered.is_some() => ("answered".to_owned(), run_ink(status)),
                None => (status.to_string(), run_ink(status)),
            },
            (needs(run), Ink::Person),
            (run.created_at.map(|at| ago(at, now)).unwrap_or_default(), Ink::Plain),
            (took(run, status, now), Ink::Plain),
        ]);
    }
    table.render()
}

fn flow(flow: &RunFlow) -> String {
    format!("{} {}/{}", flow.flow_path, flow.steps_done, flow.steps_total)
}

fn needs(run: &RunLine) -> String {
    match run.questions {
        0 if run.answered.is_some() => "● resume".to_owned(),
        0 => String::new(),
        1 => "● 1 question".to_owned(),
        many => format!("● {many} questions"),
    }
}

/// Until now while something happens, else until the last thing that happened.
fn took(run: &RunLine, status: RunStatus, now: Time) -> String {
    let (Some(began), Some(updated)) = (run.created_at, run.updated_at) else { return String::new() };
    let end = if status == RunStatus::Running { now } else { updated };
    length(end.since(began))
}
