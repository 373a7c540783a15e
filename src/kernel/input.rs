//! What the world can tell the kernel.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    id::{EscalationId, FlowKey, FramePath, ParamName, RunId, Sha256, StepId, StepRef, Time},
    plan::Book,
    record::{Answer, At, Git, Reply, ResumeOptions, RunOptions, Shown, StopCause},
};

/// A flow is to be run, in a run that may exist already.
#[derive(Debug, Clone)]
pub struct Request {
    pub run_id: RunId,
    pub flow: FlowKey,
    pub book: Arc<Book>,
    pub params: BTreeMap<ParamName, serde_json::Value>,
    pub options: RunOptions,
    pub workspace: String,
    pub host: String,
    pub version: String,
    pub by: String,
    pub git: Option<Git>,
}

#[derive(Debug, Clone)]
pub struct Resume {
    pub by: String,
    /// Where to start anew: a step of this flow, and all that depends on it.
    pub from: Option<(FramePath, StepId)>,
    pub options: ResumeOptions,
}

#[derive(Debug, Clone)]
pub struct Retry {
    pub by: String,
    pub flow: FramePath,
    /// A step, or one item of a `for_each` step.
    pub step: StepRef,
    /// Stop after it.
    pub only: bool,
    pub set: BTreeMap<ParamName, serde_json::Value>,
    pub options: ResumeOptions,
}

/// The flow as it stands on disk today takes the place of the frozen one.
#[derive(Debug, Clone)]
pub struct RefreshPlan {
    pub by: String,
    pub flow: FramePath,
    pub book: Arc<Book>,
    /// It runs again from here, as the new definition has it: in the same turn, before what was changed starts by itself.
    pub from: Option<StepId>,
    /// What starts by itself after it starts as it is wanted now.
    pub options: ResumeOptions,
}

#[derive(Debug, Clone)]
pub enum Input {
    RunRequested(Box<Request>),
    Replied {
        at: At,
        execution: u32,
        attempt: u32,
        reply: Box<Reply>,
    },
    /// The evidence of a question was looked at; also again, of an approval that was given and that no step has used yet.
    Shown {
        id: EscalationId,
        shown: Vec<Shown>,
    },
    /// `shown_now` is the evidence as it stands at this moment.
    Answered {
        id: EscalationId,
        answer: Answer,
        shown_now: Vec<Shown>,
        roles: Roles,
    },
    /// Time has passed; `now` says how much.
    Ticked,
    /// Whatever was running is gone with its process, which was last `seen` then, as far as anybody knows.
    Lost {
        seen: Option<Time>,
    },
    Resumed(Resume),
    Retried(Retry),
    Refreshed(RefreshPlan),
    StopRequested {
        cause: StopCause,
        by: String,
    },
    /// Nothing runs and nothing can: rest.
    Rest,
}

/// Who may answer: the roles that the answering name has by config, and whether self-approval is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    /// `None`: config lists no reviewers, so everybody has every role.
    pub has: Option<Vec<String>>,
    pub self_approval: bool,
}

/// The input is not for this state. The world repeats itself, so this is ordinary.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("{at} execution {execution} attempt {attempt} is not running: the reply is late or doubled")]
    Late { at: At, execution: u32, attempt: u32 },
    #[error("there is no question `{id}` in this run")]
    NoQuestion { id: EscalationId },
    #[error("question `{id}` is closed ({status}): nothing ran")]
    Closed { id: EscalationId, status: String },
    #[error("`{choice}` is not an answer to `{id}`; the answers are: {options}")]
    UnknownChoice { id: EscalationId, choice: String, options: String },
    #[error("question `{id}` may be answered by {allowed}, and {by} is none of these")]
    NotYours { id: EscalationId, by: String, allowed: String },
    #[error("{by} started the flow, and config says self_approval = false: somebody else has to answer `{id}`")]
    SelfApproval { id: EscalationId, by: String },
    #[error("the answer to `{id}` does not fit its form: {why}")]
    BadValues { id: EscalationId, why: String },
    #[error("`mark-done` for `{id}` needs a file as evidence, or a note that says how you know: {why}")]
    NoEvidence { id: EscalationId, why: String },
    #[error("`rollback` is no answer to `{id}` any more: {why}")]
    NoRollback { id: EscalationId, why: String },
    #[error("an agent may not answer a question to a person")]
    AgentAnswer,
    #[error("the answer to `{id}` covers digest {seen}, but what is asked has digest {now}: read it again")]
    Changed { id: EscalationId, seen: Sha256, now: Sha256 },
    #[error("this run has no flow `{flow}`; it has: {known}")]
    NoFlow { flow: String, known: String },
    #[error("flow `{flow}` has no step `{step}`{hint}")]
    NoStep { flow: String, step: String, hint: String },
    #[error("flow `{flow}` of this run has not ended: use resume, or another run id")]
    StillOpen { flow: String },
    #[error("the run has ended, {status}: there is nothing to resume")]
    NothingToResume { status: String },
    #[error("the run is over ({status}): there is nothing to cancel")]
    NothingToCancel { status: String },
    #[error("{what} is still running: stop the run first")]
    Busy { what: String },
    #[error("`{gone}` was taken back by the rollback, so `{step}` cannot go on from there: start at `{gone}`")]
    TakenBack { gone: String, step: String },
    #[error("{what} was approved with the parameters as they are, and goes on with its next attempt: let it end first")]
    Approved { what: String },
    #[error("{what} is still running, and would run again: answer when it has ended")]
    StillRunning { what: String },
    #[error("nothing waits for flow `{flow}` any more: {why}")]
    Abandoned { flow: String, why: String },
    #[error("the flow changed in a way that cannot be adopted: {why}")]
    CannotRefresh { why: String },
    #[error("there is nothing to do")]
    Nothing,
}
