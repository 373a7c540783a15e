//! `review`: what waits for a person, everything about one question, and answers.

use clap::{Args, Subcommand};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::{Error, Kind},
    id::{EscalationId, RunId, StepRef, Time},
    inspect::Paste,
    record::{Question, QuestionStatus},
    workspace::{AnswerRequest, Answered, ReadRun},
};

use super::{context::Context, progress::Progress};

#[derive(Debug, Args)]
pub struct ReviewArgs {
    #[command(subcommand)]
    pub what: Option<What>,
}

#[derive(Debug, Subcommand)]
pub enum What {
    /// Every open question of every run, oldest first
    List,
    /// Everything about one question
    Show {
        /// RUN/QUESTION, as `list` shows it
        id: String,
    },
    /// Answer a question
    Answer {
        /// RUN/QUESTION, as `list` shows it
        id: String,
        /// One of its options
        #[arg(long, value_name = "KEY")]
        choose: String,
        /// A word on why; it reaches the step that comes next
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        /// Who answers [default: the login name]
        #[arg(long = "as", value_name = "NAME")]
        by: Option<String>,
        /// The digest that you have seen; another one is refused
        #[arg(long, value_name = "SHA256")]
        digest: Option<String>,
        /// A file that proves a `mark-done`; may be repeated
        #[arg(long, value_name = "PATH")]
        evidence: Vec<String>,
    },
}

/// One line of the inbox.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Waiting {
    pub id: String,
    pub run_id: RunId,
    pub question_id: EscalationId,
    pub step: StepRef,
    pub question: String,
    pub since: Time,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Inbox {
    pub waiting: Vec<Waiting>,
    /// Runs that could not be read.
    pub unreadable: Vec<String>,
}

pub(super) fn run(args: &ReviewArgs, context: &Context) -> Result<u8, Error> {
    match &args.what {
        None | Some(What::List) => list(context),
        Some(What::Show { id }) => show(id, context),
        Some(What::Answer { id, choose, note, by, digest, evidence }) => {
            let (run_id, question) = split(id)?;
            let request = AnswerRequest {
                run_id,
                question,
                choose: choose.clone(),
                note: note.clone(),
                by: by.clone(),
                digest: digest.clone(),
                evidence: evidence.clone(),
            };
            answer(&request, context)
        }
    }
}

fn split(id: &str) -> Result<(String, String), Error> {
    let (run, question) = id
        .split_once('/')
        .ok_or_else(|| Error::new(Kind::Usage, format!("`{id}` is not RUN/QUESTION")).hint("flow-studio review list"))?;
    Ok((run.to_owned(), question.to_owned()))
}

fn list(context: &Context) -> Result<u8, Error> {
    let runs = &context.workspace.runs;
    let ids = runs.list().map_err(|error| Error::new(Kind::System, "the runs cannot be listed").because(&error))?;
    let mut inbox = Inbox { waiting: Vec::new(), unreadable: Vec::new() };
    for id in ids {
        // run.json says who waits; only the journal is the truth, and `show` and `answer` read that.
        let manifest = runs.open(&id).ok().map(|run| run.manifest());
        match manifest {
            Some(Ok(Some(manifest))) => inbox.waiting.extend(manifest.waiting_for.into_iter().map(|open| Waiting {
                id: format!("{id}/{}", open.id),
                run_id: id.clone(),
                question_id: open.id,
                step: open.step_id,
                question: open.question,
                since: open.raised_at,
            })),
            // Lost, or damaged: then the whole journal is read.
            _ => match context.workspace.read_run(id.as_str()) {
                Ok(read) => inbox.waiting.extend(open_questions(&read)),
                Err(_) => inbox.unreadable.push(id.to_string()),
            },
        }
    }
    inbox.waiting.sort_by(|a, b| (a.since, &a.id).cmp(&(b.since, &b.id)));
    context.out(&inbox, || {
        let unread: String = inbox.unreadable.iter().map(|run| format!("run {run} cannot be read: it may wait too\n")).collect();
        if inbox.waiting.is_empty() {
            return format!("nothing waits for a person\n{unread}");
        }
        let line = |one: &Waiting| format!("{}\n  since {}  {}\n", one.id, one.since, one.question);
        inbox.waiting.iter().map(line).collect::<String>() + &unread
    })?;
    Ok(0)
}

fn open_questions(read: &ReadRun) -> impl Iterator<Item = Waiting> {
    let open = read.state.open_questions.iter().filter_map(|id| read.state.questions.get(id));
    open.map(|one| Waiting {
        id: format!("{}/{}", read.id, one.id),
        run_id: read.id.clone(),
        question_id: one.id.clone(),
        step: one.step_id.clone(),
        question: one.question.clone(),
        since: one.raised_at,
    })
}

fn show(id: &str, context: &Context) -> Result<u8, Error> {
    let (run, question) = split(id)?;
    let read = context.workspace.read_run(&run)?;
    let question = read.question(&question)?;
    let found = |path: &str| context.named(&context.workspace.evidence(&read.id, &question.flow_path, path));
    context.out(&question, || text(&read.id, &question, &context.workspace.paste(), found))?;
    Ok(0)
}

fn text(run: &RunId, question: &Question, paste: &Paste, found: impl Fn(&str) -> String) -> String {
    use std::fmt::Write as _;
    let mut text = format!("{}\n\n", question.question);
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<9} {}", value.replace('\n', "\n            "));
    };
    let nth = if question.execution == 0 { String::new() } else { format!(" (execution {})", question.execution) };
    row("run", &format!("{run}, flow {}, step {}{nth}", question.flow_path, question.step_id));
    row("why", &format!("{} — {}", question.rule, question.reason));
    row("severity", &question.severity.to_string());
    if let Some(action) = &question.action {
        row("action", action);
    }
    if !question.to.is_empty() {
        row("may answer", &question.to.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    }
    for (name, value) in &question.params {
        row("param", &format!("{name} = {value}"));
    }
    for shown in &question.shown {
        let digest = shown.sha256.as_ref().map_or("it is not there", |sha| &sha.as_str()[..12]);
        row("evidence", &format!("{}  {digest}", found(&shown.path)));
    }
    for concern in &question.concerns {
        row("concern", &format!("{} {}", concern.severity, concern.description));
    }
    row("since", &question.raised_at.to_string());
    if let Some(deadline) = question.deadline {
        row("until", &deadline.to_string());
    }
    row("digest", question.subject_digest.as_str());
    match (&question.status, &question.answer) {
        (QuestionStatus::Open, _) => {
            text.push('\n');
            for option in &question.options {
                let _ = writeln!(text, "  {:<10} {} — {}", option.key, option.label, option.effect);
            }
            let keys: Vec<&str> = question.options.iter().map(|option| option.key.as_str()).collect();
            let _ = writeln!(
                text,
                "\n{}\n{}",
                paste.explain(run, &question.step_id),
                paste.answer_with_one_of(run, &question.id, &keys)
            );
        }
        (_, Some(answer)) => row("answered", &format!("{} by {} at {}", answer.choose, answer.by, answer.at)),
        (status, None) => row("closed", &format!("{status:?}").to_lowercase()),
    }
    text
}

fn answer(request: &AnswerRequest, context: &Context) -> Result<u8, Error> {
    let mut progress = Progress::new(context);
    let answered = context.workspace.answer(request, &mut progress);
    progress.finish();
    let answered = answered?;
    let delivered = answered == Answered::Delivered;
    let id = RunId::new(&request.run_id).expect("the workspace has just opened it");
    let value = serde_json::json!({"run_id": request.run_id, "question": request.question, "choose": request.choose, "delivered": delivered});
    context.out(&value, || {
        if delivered {
            format!("answer delivered to the process that drives {}", request.run_id)
        } else {
            match answered {
                Answered::Recorded(status) if status != crate::record::RunStatus::Waiting => {
                    format!("answer recorded; run {} {status}", request.run_id)
                }
                _ => format!("answer recorded; go on with: {}", context.workspace.paste().resume(&id)),
            }
        }
    })?;
    Ok(0)
}
