//! The work of an agent in a program: one run that works and answers, and one that repairs the answer.
//! In: packed prompts, a program. Out: what an engine tells of its work. Never: a run begun anew where the session can go on.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::json;

use crate::{
    context::Pack,
    engine::{
        Task,
        agent::{AgentWork, Broken, Ended, Parked, Transcript},
    },
    record::{CommandRun, Draft, ErrorClass, FailureKind, ReplyOutcome, Tokens},
};

use super::{program::Program, version::version};

/// A session of the program, and what it had counted when it was last asked; `None`: it did not say.
#[derive(Debug)]
pub(super) struct Session {
    pub id: Option<String>,
    pub counted: Option<Tokens>,
}

impl Session {
    fn new() -> Self {
        Self { id: None, counted: Some(Tokens::default()) }
    }
}

pub(super) struct Talk<'t, 'b, 'w> {
    pub task: &'t Task<'t>,
    pub work: &'t AgentWork,
    pub program: &'t Program,
    pub system: &'t str,
    pub transcript: &'b mut Transcript<'w>,
    pub session: Session,
    /// Outside of the workspace.
    pub writable: Vec<PathBuf>,
    /// As the program names it.
    pub model: String,
    pub tokens: Option<Tokens>,
    pub cost_usd: Option<f64>,
    pub commands: Vec<CommandRun>,
    /// The model has answered in this session.
    pub answered: bool,
}

const GO_ON: &str = "You were broken off, because the service did not answer. What you did before stands. Go on where you were, \
                     and end with your handoff.";

pub(crate) async fn perform(
    task: &Task<'_>,
    work: &AgentWork,
    program: &Program,
    pack: &Pack,
    transcript: &mut Transcript<'_>,
) -> Ended {
    let parking = &program.shared.0.parking;
    let before = parking.take(task.job).unwrap_or_else(Parked::nothing);
    let tool_versions: BTreeMap<String, String> =
        version(task, program).await.map(|version| (program.name().to_owned(), version)).into_iter().collect();
    let mut talk = Talk {
        task,
        work,
        program,
        system: &pack.system,
        transcript,
        session: Session::new(),
        writable: writable(task).await,
        model: work.model.name.clone(),
        tokens: before.tokens,
        cost_usd: before.cost_usd,
        commands: before.commands,
        answered: false,
    };
    let done = match program.can_hold(&work.agent, &work.tools) {
        // Boxed: most of the room that a conversation needs is needed in it.
        Ok(()) => Box::pin(talk.whole(pack, before.talk)).await,
        Err(why) => Err(Broken::failed(FailureKind::PermissionDenied, ErrorClass::Permanent, why)),
    };
    let (outcome, draft, retry_after_ms, limit) = match done {
        Ok(draft) => (ReplyOutcome::Done, Some(draft), None, None),
        Err(broken) => (broken.outcome, None, broken.retry_after_ms, broken.limit),
    };
    talk.park(&outcome);
    talk.transcript.ended(&outcome).await;
    Ended {
        outcome,
        draft,
        provider: program.provider(),
        model: talk.model,
        tokens: talk.tokens,
        cost_usd: talk.cost_usd,
        commands: talk.commands,
        switches: Vec::new(),
        drift: Vec::new(),
        tool_versions,
        retry_after_ms,
        limit,
    }
}

/// Directories of the step that are there and lie outside of the workspace.
async fn writable(task: &Task<'_>) -> Vec<PathBuf> {
    let job = task.job;
    let dirs = [job.flow_dir.join("artifacts"), job.flow_dir.join("work").join(job.step.as_str())];
    let mut found = Vec::new();
    for dir in dirs {
        if !dir.starts_with(&job.workspace) && tokio::fs::metadata(&dir).await.is_ok_and(|meta| meta.is_dir()) {
            found.push(dir);
        }
    }
    found
}

impl Talk<'_, '_, '_> {
    async fn whole(&mut self, pack: &Pack, before: Option<Session>) -> Result<Draft, Broken> {
        let mut heard = match before {
            Some(session) => {
                self.session = session;
                self.transcript
                    .line(json!({"event": "resumed", "engine": self.program.word(), "session": self.session.id}))
                    .await;
                self.tell(GO_ON).await;
                self.call("agent", GO_ON).await?
            }
            None => {
                self.transcript.prompt(self.work, pack).await;
                self.call("agent", &pack.prompt).await?
            }
        };
        let form = self.work.brief.form();
        let why = match form.read(&heard.handoff()) {
            Ok(draft) => return Ok(draft),
            Err(why) => why,
        };
        let bad = |why: &str| {
            let message = format!("the agent ended without a valid handoff: {why}");
            Broken::failed(FailureKind::BadOutput, ErrorClass::Retriable, message)
        };
        if self.session.id.is_none() || !self.program.resumes() {
            return Err(bad(&why));
        }
        let question = form.repair(&why);
        self.tell(&question).await;
        heard = self.call("repair", &question).await?;
        form.read(&heard.handoff()).map_err(|why| bad(&why))
    }

    /// Something that we say to the agent.
    async fn tell(&mut self, text: &str) {
        self.transcript.line(json!({"event": "message", "role": "user", "content": text})).await;
    }

    /// Leaves to the next attempt what it can use: what was spent, and a session that broke off in its work.
    fn park(&mut self, outcome: &ReplyOutcome) {
        let ReplyOutcome::Failed(failure) = outcome else { return };
        let goes_on =
            failure.class == ErrorClass::Transient && self.answered && self.program.resumes() && self.session.id.is_some();
        let parked = Parked {
            execution: self.task.job.execution,
            talk: goes_on.then(|| std::mem::replace(&mut self.session, Session::new())),
            tokens: self.tokens,
            cost_usd: self.cost_usd,
            commands: self.commands.clone(),
            switches: Vec::new(),
            left: None,
        };
        self.program.shared.0.parking.put(self.task.job, parked);
    }
}
