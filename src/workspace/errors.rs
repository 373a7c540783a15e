//! What a refusal or a failure is called towards a person, and what to type next.
//! In: the errors of the parts. Out: kinds with hints. Never: a failure without a word about what stands.

use crate::{
    error::{Error, Kind},
    id::{FlowKey, RunId},
    kernel::Refused,
    ledger::{JournalError, LockError, Queue, RunsDir},
    record::{OrderState, Question, QuestionStatus},
    runner::{DriveError, OpenError},
    spec::{Diagnostics, diagnostic::did_you_mean},
};

pub(super) fn closed(question: &Question) -> Error {
    let how = match (&question.answer, question.status) {
        (Some(answer), _) => format!("{} answered `{}`", answer.by, answer.choose),
        (None, QuestionStatus::Voided) => "it was voided".to_owned(),
        (None, QuestionStatus::Expired) => "its time was up".to_owned(),
        (None, QuestionStatus::Open | QuestionStatus::Answered) => "it is not open".to_owned(),
    };
    Error::new(Kind::Refused, format!("question `{}` is no longer open: {how}; nothing ran", question.id))
}

pub(super) fn invalid(flow: &str, found: Diagnostics) -> Error {
    let count = found.iter().filter(|one| one.is_error()).count();
    let things = if count == 1 { "mistake" } else { "mistakes" };
    let mut error = Error::new(Kind::Invalid, format!("flow `{flow}` has {count} {things}"));
    error.because = found.iter().map(|one| one.message.clone()).collect();
    error.diagnostics = Some(found);
    error
}

pub(super) fn no_flow(flow: &FlowKey) -> Error {
    Error::new(Kind::Invalid, format!("there is no flow `{flow}`"))
}

pub(super) fn never_started() -> Error {
    Error::new(Kind::Refused, "nothing was ever started in this run")
}

pub(super) fn not_ended(flow: &FlowKey, id: &RunId) -> Error {
    Error::new(Kind::Refused, format!("flow `{flow}` of run `{id}` has not ended"))
        .hint(format!("flow-studio resume {id}"))
        .hint(format!("flow-studio run {flow}            (a new run)"))
}

pub(super) fn refused(refused: &Refused) -> Error {
    let unknown = matches!(refused, Refused::NoStep { .. } | Refused::NoFlow { .. });
    Error::new(if unknown { Kind::Usage } else { Kind::Refused }, refused.to_string())
}

pub(super) fn taken(id: &RunId) -> Error {
    Error::new(Kind::Refused, format!("run `{id}` is there already")).hint("give the new run another name, or none")
}

pub(super) fn no_run(runs: &RunsDir, id: &RunId) -> Error {
    let known = runs.list().unwrap_or_default();
    let error = Error::new(Kind::Usage, format!("there is no run `{id}` in {}", runs.path().display()));
    if let Some(line) = crate::ledger::removed(runs, id) {
        let archive = line.archive.map(|archive| format!("; a copy is in {}", archive.path)).unwrap_or_default();
        let mut gone = Error::new(Kind::Usage, format!("run `{id}` was removed by retention"));
        gone.because.push(format!("{} removed it at {}{archive}", line.by, line.at));
        return gone.hint("flow-studio retention status");
    }
    let queued = Queue::new(runs).orders().unwrap_or_default().into_iter().find(|order| order.run_id == *id);
    if let Some(order) = queued {
        let (word, hint) = match order.state {
            OrderState::Refused(_) => ("was not started", "its reason stands in the studio's list of runs"),
            OrderState::Waiting | OrderState::Begun(_) => ("has not begun", "it is in the studio's queue"),
        };
        return Error::new(Kind::Usage, format!("run `{id}` {word}: {hint}")).hint("flow-studio serve --link");
    }
    let near = did_you_mean(id.as_str(), known.iter().map(RunId::as_str));
    error.hint(near.unwrap_or_else(|| "flow-studio list".to_owned()))
}

pub(super) fn open_error(id: &RunId, error: &OpenError) -> Error {
    let base = |kind, message: String| Error::new(kind, message).because(error);
    match error {
        OpenError::Lock(LockError::Held(_)) => {
            base(Kind::Refused, format!("run `{id}` is driven by another process")).hint(format!("flow-studio status {id}"))
        }
        OpenError::Journal(JournalError::Broken { .. }) => {
            base(Kind::Integrity, format!("the journal of run `{id}` is not what was written; nothing was run"))
                .hint(format!("flow-studio verify {id}"))
        }
        OpenError::Definition { .. } => {
            base(Kind::Integrity, format!("the frozen flow of run `{id}` is not what was started; nothing was run"))
                .hint(format!("flow-studio verify {id}"))
        }
        OpenError::Dir(_) | OpenError::Lock(LockError::Io(_)) | OpenError::Journal(_) | OpenError::Project(_) => {
            base(Kind::System, format!("run `{id}` cannot be opened"))
        }
    }
}

pub(super) fn drive_error(id: &RunId, error: &DriveError) -> Error {
    let message = match error {
        DriveError::Journal(JournalError::Io { source, .. }) if source.kind() == std::io::ErrorKind::Other => {
            let stopped = Error::new(
                Kind::System,
                format!("run `{id}` was stopped: its journal could not be kept, it was changed under it"),
            );
            return stopped.because(error).hint(format!("flow-studio verify {id}"));
        }
        DriveError::Journal(_) => format!("run `{id}` was stopped: its journal could not be written"),
        DriveError::Leak(_) => {
            return Error::new(Kind::Refused, format!("run `{id}` was stopped: a secret would have reached the disk"))
                .because(error);
        }
        DriveError::Project(_) => format!("run `{id}` was stopped: its files could not be written"),
        DriveError::Threads(_) | DriveError::Inbox(_) => format!("run `{id}` was stopped"),
    };
    Error::new(Kind::System, message).because(error).hint(format!("flow-studio resume {id}        (when there is room again)"))
}
