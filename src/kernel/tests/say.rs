//! Replies from a script: how a step ends, and what it says of itself; and by which names a script knows a step.

use crate::{
    id::{Sha256, Time},
    record::{
        At, CommandRun, Concern, Draft, DraftRouting, EngineWord, ErrorClass, Failure, FailureKind, Kept, Mode, Reply,
        ReplyOutcome, Status, Summary,
    },
    spec::Severity,
};

/// One scripted reply.
#[derive(Clone)]
pub(super) struct Say {
    outcome: ReplyOutcome,
    draft: Option<Draft>,
    kept: Kept,
    stderr: String,
    tree: Option<Sha256>,
    /// How much its command printed, standard output and error.
    printed: Option<(u64, u64)>,
}

fn draft(status: Status) -> Draft {
    Draft { status, summary: Summary::default(), concerns: Vec::new(), assumptions: Vec::new(), routing: DraftRouting::default() }
}

impl Say {
    fn new(outcome: ReplyOutcome) -> Self {
        Self { outcome, draft: None, kept: Kept::default(), stderr: String::new(), tree: None, printed: None }
    }
    pub(super) fn failing(kind: FailureKind, class: ErrorClass, message: &str) -> Self {
        Self::new(ReplyOutcome::Failed(Failure { kind, class, message: message.to_owned(), exit_code: Some(1) }))
    }
    pub(super) fn said(mut self, change: impl FnOnce(&mut Draft)) -> Self {
        change(self.draft.get_or_insert_with(|| draft(Status::Unverified)));
        self
    }
    /// The work tree that the step saw.
    pub(super) fn tree(self, tree: Option<Sha256>) -> Self {
        Self { tree, ..self }
    }
    /// "Another round cannot help", or can.
    pub(super) fn can_help(self, yes: bool) -> Self {
        self.said(|draft| draft.routing.can_further_iteration_help = Some(yes))
    }
    pub(super) fn high(self, description: &str) -> Self {
        let concern =
            Concern { severity: Severity::High, description: description.to_owned(), location: None, recommendation: None };
        self.said(|draft| draft.concerns.push(concern))
    }
    pub(super) fn reply(&self, now: Time) -> Box<Reply> {
        let mut reply = Reply::new(self.outcome.clone(), EngineWord::Stub, Mode::Stub, now, now);
        reply.draft.clone_from(&self.draft);
        reply.kept = self.kept.clone();
        reply.stderr_tail.clone_from(&self.stderr);
        reply.tree.clone_from(&self.tree);
        reply.commands.extend(self.printed.map(|(stdout_bytes, stderr_bytes)| command(stdout_bytes, stderr_bytes)));
        Box::new(reply)
    }
    /// Its command printed so much.
    pub(super) fn printed(self, stdout_bytes: u64, stderr_bytes: u64) -> Self {
        Self { printed: Some((stdout_bytes, stderr_bytes)), ..self }
    }
    pub(super) fn prints(mut self, stdout: &str) -> Self {
        self.kept.json = serde_json::from_str(stdout).ok();
        self.kept.stdout = Some(stdout.to_owned());
        self
    }
}

fn command(stdout_bytes: u64, stderr_bytes: u64) -> CommandRun {
    CommandRun {
        run: Some("x".to_owned()),
        argv: None,
        cwd: ".".to_owned(),
        exit_code: Some(0),
        signal: None,
        duration_ms: 0,
        stdout_path: None,
        stderr_path: None,
        stdout_sha256: None,
        stderr_sha256: None,
        stdout_bytes,
        stderr_bytes,
        truncated: false,
    }
}

pub(super) fn ok() -> Say {
    Say::new(ReplyOutcome::Done)
}
pub(super) fn verified() -> Say {
    ok().said(|draft| draft.status = Status::Verified)
}
pub(super) fn unverified() -> Say {
    ok().said(|draft| draft.status = Status::Unverified)
}
/// UNVERIFIED with a HIGH concern.
pub(super) fn high(concern: &str) -> Say {
    unverified().high(concern)
}
/// An exit code, as commands fail.
pub(super) fn fails(message: &str) -> Say {
    Say::failing(FailureKind::Exit, ErrorClass::Retriable, message)
}
pub(super) fn flaky(message: &str) -> Say {
    Say::failing(FailureKind::Hung, ErrorClass::Retriable, message)
}
pub(super) fn transient(message: &str) -> Say {
    Say::failing(FailureKind::Overloaded, ErrorClass::Transient, message)
}
pub(super) fn permanent(message: &str) -> Say {
    Say::failing(FailureKind::Auth, ErrorClass::Permanent, message)
}
pub(super) fn fatal(message: &str) -> Say {
    Say::failing(FailureKind::Boundary, ErrorClass::Fatal, message)
}
pub(super) fn blocked(missing: &str) -> Say {
    Say::new(ReplyOutcome::Blocked { missing: vec![missing.to_owned()] })
}
pub(super) fn interrupted() -> Say {
    Say::new(ReplyOutcome::Interrupted { why: "stopped".to_owned() })
}

/// `step`, or `inner/step` for a step of an inner flow.
pub(super) fn short(at: &At) -> String {
    let flow = at.flow.as_str();
    match flow.split_once('.') {
        None if flow == "main" => at.step.to_string(),
        None => format!("{flow}/{}", at.step),
        Some((_, inner)) => format!("{inner}/{}", at.step),
    }
}

pub(super) fn names(at: &At) -> [String; 3] {
    [short(at), at.step.to_string(), at.step.base().to_owned()]
}
