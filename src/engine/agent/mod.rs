//! Agent steps: what all engines that drive a model have in common.
//! In: `AgentWork`, everything resolved. Out: a `Reply` whose draft is valid, with what was claimed beside what was seen.
//! Never: a key printed, a handoff taken from loose prose without validation, a word of the agent believed.

mod account;
mod broken;
mod claims;
mod gather;
mod models;
mod parked;
mod transcript;
mod work;

use std::collections::BTreeMap;

use crate::{
    context::{Pack, Tokenizer, pack},
    record::{CommandRun, Concern, Draft, LimitHit, Reply, ReplyOutcome, Sandbox, Switch, Tokens},
    spec::{Access, Severity},
};

use super::{
    Piece, Task,
    changes::Changed,
    cli_agent,
    contract::{blocking, roots},
    openai, replay,
};

pub(crate) use account::Room;
pub use account::{Account, Budget, FlowLimit};
pub(crate) use broken::Broken;
pub use models::Models;
pub(crate) use parked::{Parked, Parking};
pub(crate) use transcript::Transcript;
pub use work::{AgentEngine, AgentWork, Model, OpenAi, Price, Tool, Tools};

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
    /// Models that were left for the next one.
    pub switches: Vec<Switch>,
    /// Where a replay is not what was recorded.
    pub drift: Vec<String>,
    /// What the agent ran.
    pub commands: Vec<CommandRun>,
    pub tool_versions: BTreeMap<String, String>,
    pub retry_after_ms: Option<u64>,
    /// It stopped before a call that would have passed this limit; the outcome is `Interrupted`.
    pub limit: Option<LimitHit>,
}

/// Packs what the agent is told, lets its engine work, and makes a reply of what came back.
pub(crate) async fn perform(task: &Task<'_>, work: &AgentWork) -> Reply {
    let ending = match &work.engine {
        AgentEngine::OpenAi(_) => work.brief.form().ending(),
        AgentEngine::Replay(one) if !replay::is_told_once(task, work, one).await => work.brief.form().ending(),
        AgentEngine::Replay(_) | AgentEngine::Program(_) => work.brief.form().ending_at_once(&artifacts(task)),
    };
    let pack = packed(task, work, ending).await;
    let mut transcript = Transcript::new(task, work);
    let ended = match &work.engine {
        AgentEngine::OpenAi(server) => openai::perform(task, work, openai::Voice::Server(server), &pack, &mut transcript).await,
        AgentEngine::Replay(one) => replay::perform(task, work, one, &pack, &mut transcript).await,
        AgentEngine::Program(program) => Box::pin(cli_agent::perform(task, work, program, &pack, &mut transcript)).await,
    };
    if let Some(draft) = &ended.draft {
        keep_draft(task, work, draft).await;
    }
    let mut reply = task.reply(ended.outcome, work.engine.word(), work.engine.mode());
    reply.draft = ended.draft.map(|draft| with_drift(draft, &ended.drift));
    reply.provider = Some(ended.provider);
    reply.model = Some(ended.model);
    reply.tokens = ended.tokens;
    reply.cost_usd = ended.cost_usd;
    reply.switches = ended.switches;
    reply.commands = ended.commands;
    reply.tool_versions = ended.tool_versions;
    reply.retry_after_ms = ended.retry_after_ms;
    reply.limit = ended.limit;
    reply.transcript_path = Some(work.transcript.clone());
    reply.context = Some(Box::new(pack.manifest));
    let requested = match work.access {
        Access::Observe => "observe",
        Access::Change => "change",
    };
    reply.sandbox = Some(match (&work.engine, task.job.rail.sandbox()) {
        // What it runs stands behind the fence; beside that, no tool that writes is offered to it.
        (AgentEngine::OpenAi(_) | AgentEngine::Replay(_), Some(Sandbox { requested, enforced })) => {
            Sandbox { requested: requested.clone(), enforced: format!("tools, {enforced}") }
        }
        (AgentEngine::OpenAi(_) | AgentEngine::Replay(_), None) => {
            Sandbox { requested: requested.to_owned(), enforced: "tools".to_owned() }
        }
        // It has to reach its service and keep its sessions, so it holds itself, and what it runs.
        (AgentEngine::Program(program), _) => {
            Sandbox { requested: requested.to_owned(), enforced: program.enforces().to_owned() }
        }
    });
    reply
}

/// The directory of the flow's artifacts as a program finds it: from the workspace, where it lies in there.
fn artifacts(task: &Task<'_>) -> String {
    let dir = task.job.flow_dir.join("artifacts");
    dir.strip_prefix(&task.job.workspace).unwrap_or(&dir).to_string_lossy().into_owned()
}

/// What differed from the recording is no word of the agent, and stands among its concerns all the same.
fn with_drift(mut draft: Draft, drift: &[String]) -> Draft {
    let concern = |how: &String| Concern {
        severity: Severity::Medium,
        description: format!("replayed, but {how}"),
        location: None,
        recommendation: Some("record it again".to_owned()),
    };
    draft.concerns.splice(0..0, drift.iter().map(concern));
    draft
}

/// The prompts, redacted: they are sent, and kept, in the same words.
async fn packed(task: &Task<'_>, work: &AgentWork, ending: String) -> Pack {
    let (brief, roots, redactor, model) = (work.brief.clone(), roots(task), task.redactor.clone(), work.model.name.clone());
    blocking(move || {
        let files = gather::files(&brief, &roots);
        let told = pack(&brief, &files, &gather::artifacts(&roots), &ending, Tokenizer::of(&model));
        Pack {
            system: redactor.text(&told.system).into_inner(),
            prompt: redactor.text(&told.prompt).into_inner(),
            manifest: told.manifest,
        }
    })
    .await
}

/// What the agent said, before it was held against what was measured.
async fn keep_draft(task: &Task<'_>, work: &AgentWork, draft: &Draft) {
    let mut bytes = serde_json::to_vec_pretty(draft).unwrap_or_else(|error| unreachable!("plain data with string keys: {error}"));
    bytes.push(b'\n');
    let bytes = task.redactor.bytes(bytes);
    task.outlet.send(Piece::File { path: work.draft.clone(), bytes }).await;
}

/// Holds what the agent claims against what was measured, once outputs and verify commands were looked at.
pub(crate) async fn hold(task: &Task<'_>, work: &AgentWork, changed: &Changed, reply: &mut Reply) {
    if let AgentEngine::Replay(one) = &work.engine {
        replay::settle(task, work, one, reply).await;
    }
    let Some(draft) = reply.draft.clone() else { return };
    reply.claims = claims::held(task, &draft, reply, changed, roots(task), work.brief.run_started_at).await;
}
