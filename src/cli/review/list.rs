//! What waits for a person, in all runs, as lines.

use crate::{
    error::Error,
    id::Time,
    spec::Severity,
    workspace::{OpenQuestions, Waiting},
};

use super::super::{
    context::Context,
    render::{Ink, Paint, ago, until},
};

pub(super) fn run(by: Option<&str>, run: Option<&str>, context: &Context) -> Result<u8, Error> {
    let inbox = context.workspace.questions(by, run)?;
    context.out(&inbox, || text(&inbox, context))?;
    Ok(0)
}

fn text(inbox: &OpenQuestions, context: &Context) -> String {
    let unread: String = inbox.unreadable.iter().map(|run| format!("run {run} cannot be read: it may wait too\n")).collect();
    if inbox.waiting.is_empty() {
        return format!("nothing waits for a person{}\n{unread}", context.workspace.in_runs());
    }
    let now = context.workspace.now();
    inbox.waiting.iter().map(|one| line(one, now, Paint { color: context.color })).collect::<String>() + &unread
}

/// Two lines: what is asked where, and since when, of whom.
pub(super) fn line(one: &Waiting, now: Time, paint: Paint) -> String {
    let ink = match one.severity {
        Severity::High => Ink::Bad,
        Severity::Medium => Ink::Care,
        Severity::Low => Ink::Faint,
    };
    let mut facts = vec![ago(one.since, now)];
    if !one.to.is_empty() {
        facts.push(format!("for {}", one.to.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")));
    }
    facts.extend(one.deadline.map(|deadline| format!("time is up {}", until(deadline, now))));
    let question = one.question.lines().next().unwrap_or_default();
    format!(
        "{}  {}  {}\n  {question}\n",
        paint.ink(Ink::Strong, &one.id),
        paint.ink(ink, &one.severity.to_string()),
        facts.join(", ")
    )
}
