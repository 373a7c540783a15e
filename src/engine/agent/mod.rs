//! Agent steps: what all engines that drive a model have in common.
//! In: `AgentWork`, everything resolved. Out: a `Reply` whose draft is valid, with what was claimed beside what was seen.
//! Never: a key printed, a handoff taken from loose prose without validation, a word of the agent believed.

mod work;

pub use work::{AgentEngine, AgentWork, Model, OpenAi, Price, Tool, Tools};

use std::collections::BTreeMap;

use crate::record::{CommandRun, Draft, Reply, ReplyOutcome, Tokens};

use super::Task;

/// What an engine tells of its work: the part of a reply that only it knows. An adapter for another program fills this in
/// and nothing else; prompts, transcript, claims and contract are the same for all.
#[derive(Debug)]
pub(crate) struct Ended {
    pub outcome: ReplyOutcome,
    /// Validated against the schema; `None` only where the outcome is not `Done`.
    pub draft: Option<Draft>,
    /// Like `api.openai.com`.
    pub provider: String,
    /// As the server names it.
    pub model: String,
    /// Of all calls; `None`: some call did not say.
    pub tokens: Option<Tokens>,
    /// Of all calls; `None`: some call's is not known.
    pub cost_usd: Option<f64>,
    /// What the agent ran.
    pub commands: Vec<CommandRun>,
    pub tool_versions: BTreeMap<String, String>,
    pub retry_after_ms: Option<u64>,
}

/// Packs what the agent is told, lets its engine work, and makes a reply of what came back.
pub(crate) async fn perform(task: &Task<'_>, work: &AgentWork) -> Reply {
    let (engine, mode) = (work.engine.word(), work.engine.mode());
    match &work.engine {
        AgentEngine::OpenAi(_) => {}
    }
    let failure = crate::record::Failure {
        kind: crate::record::FailureKind::Unknown,
        class: crate::record::ErrorClass::Permanent,
        message: "no engine performs agents yet".to_owned(),
        exit_code: None,
    };
    task.reply(ReplyOutcome::Failed(failure), engine, mode)
}
