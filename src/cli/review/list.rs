//! What waits for a person, in all runs.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::{Error, Kind},
    id::{EscalationId, RunId, StepRef, Time},
    record::{OpenQuestion, Question},
    spec::{Role, Severity},
    workspace::ReadRun,
};

use super::super::{
    context::Context,
    render::{Ink, Paint, ago, until},
};

/// One line of the inbox.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Waiting {
    pub id: String,
    pub run_id: RunId,
    pub question_id: EscalationId,
    pub step: StepRef,
    pub question: String,
    pub severity: Severity,
    /// Who may answer; empty: anybody.
    pub to: Vec<Role>,
    pub since: Time,
    /// When time answers, by the flow's own word.
    pub deadline: Option<Time>,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Inbox {
    pub waiting: Vec<Waiting>,
    /// Runs that could not be read.
    pub unreadable: Vec<String>,
}

/// `by`: only what this person may answer; `run`: only of this run.
pub(super) fn inbox(by: Option<&str>, run: Option<&str>, context: &Context) -> Result<Inbox, Error> {
    let runs = &context.workspace.runs;
    let mut ids = runs.list().map_err(|error| Error::new(Kind::System, "the runs cannot be listed").because(&error))?;
    if let Some(run) = run {
        context.workspace.read_run(run)?;
        ids.retain(|id| id.as_str() == run);
    }
    let mut inbox = Inbox::default();
    for id in ids {
        // run.json says who waits; only the journal is the truth, and `show` and `answer` read that.
        let manifest = runs.open(&id).ok().map(|run| run.manifest());
        match manifest {
            Some(Ok(Some(manifest))) => inbox.waiting.extend(manifest.waiting_for.into_iter().map(|open| waiting(&id, open))),
            // Lost, or damaged: then the whole journal is read.
            _ => match context.workspace.read_run(id.as_str()) {
                Ok(read) => inbox.waiting.extend(open_questions(&read)),
                Err(_) => inbox.unreadable.push(id.to_string()),
            },
        }
    }
    if let Some(roles) = by.and_then(|name| context.workspace.config.roles(name)) {
        inbox.waiting.retain(|one| one.to.is_empty() || one.to.iter().any(|role| roles.contains(&role.0)));
    }
    inbox.waiting.sort_by(|a, b| (b.severity, a.since, &a.id).cmp(&(a.severity, b.since, &b.id)));
    Ok(inbox)
}

pub(super) fn run(by: Option<&str>, run: Option<&str>, context: &Context) -> Result<u8, Error> {
    let inbox = inbox(by, run, context)?;
    context.out(&inbox, || text(&inbox, context))?;
    Ok(0)
}

fn text(inbox: &Inbox, context: &Context) -> String {
    let unread: String = inbox.unreadable.iter().map(|run| format!("run {run} cannot be read: it may wait too\n")).collect();
    if inbox.waiting.is_empty() {
        return format!("nothing waits for a person\n{unread}");
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

fn waiting(run: &RunId, open: OpenQuestion) -> Waiting {
    Waiting {
        id: format!("{run}/{}", open.id),
        run_id: run.clone(),
        question_id: open.id,
        step: open.step_id,
        question: open.question,
        severity: open.severity,
        to: open.to,
        since: open.raised_at,
        deadline: open.deadline,
    }
}

fn open_questions(read: &ReadRun) -> impl Iterator<Item = Waiting> {
    let open = read.state.open_questions.iter().filter_map(|id| read.state.questions.get(id));
    open.map(|one: &std::sync::Arc<Question>| waiting(&read.id, OpenQuestion::from(&**one)))
}
