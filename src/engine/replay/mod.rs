//! The engine `replay`: an agent that says again what it said when it was recorded, at no cost.
//! In: a recording, and what the agent would be told now. Out: the recorded conversation gone through once more: its tools
//! work again, under the rails of this step, and all measures are of now.
//! Never: a call of a model, a result of a tool taken from the recording, a prompt that differs and nobody says so.

mod find;
mod program;
mod recording;
mod swap;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;

use crate::{
    context::{Pack, steady},
    id::Sha256,
    record::{Draft, ErrorClass, Failure, FailureKind, Reply, ReplyOutcome},
};

use super::{
    Piece, Task,
    agent::{AgentWork, Ended, Transcript},
    contract::blocking,
    openai::{self, Shared, Tape, Voice},
};

use find::{Found, find};
use recording::Conversation;

pub use recording::{Recording, RecordingError, Summed};

/// A recording that answers for an agent.
#[derive(Debug, Clone)]
pub struct Replay {
    pub recording: Arc<Recording>,
    /// Where it differs from now, it goes on and says so.
    pub lenient: bool,
    pub shared: Shared,
}

/// Whether the agent was told once, as programs are; `perform` holds its prompt against what it was told then.
pub(crate) async fn is_told_once(task: &Task<'_>, work: &AgentWork, replay: &Replay) -> bool {
    let (recording, job) = (replay.recording.clone(), task.job);
    let (flow, step, agent) = (job.flow.clone(), job.step.clone(), work.agent.clone());
    blocking(move || recording.program(&flow, &step, &agent)).await.is_some()
}

pub(crate) async fn perform(
    task: &Task<'_>,
    work: &AgentWork,
    replay: &Replay,
    pack: &Pack,
    transcript: &mut Transcript<'_>,
) -> Ended {
    let (recording, job) = (replay.recording.clone(), task.job);
    let wanted = (job.flow.clone(), job.step.clone(), work.agent.clone(), job.execution, job.attempt);
    let places = (job.workspace.clone(), job.run_base.clone());
    let told = steady(&pack.prompt);
    let found = blocking(move || find(&recording, &wanted, &places, &told)).await;
    let Found { execution, conversation } = match found {
        Ok(found) => found,
        Err(message) => return failed(work, FailureKind::Missing, message),
    };
    say(task, transcript, json!({"event": "replays", "execution": execution})).await;
    let mut drift = Vec::new();
    if let Some(how) = differs(&conversation, pack) {
        say(task, transcript, json!({"event": "drift", "message": how})).await;
        if !replay.lenient {
            return failed(work, FailureKind::Drift, format!("{how}; {HINT}"));
        }
        drift.push(how);
    }
    if let Some(program) = conversation.program {
        return program::perform(task, work, program, conversation, pack, transcript).await;
    }
    drift.extend(conversation.blacked_out());
    let tape = Tape {
        shared: replay.shared.clone(),
        answers: conversation.answers.into(),
        results: conversation.results.into(),
        tools_in_words: conversation.tools_in_words,
        failed: conversation.failed,
        lenient: replay.lenient,
        drift,
    };
    let mut ended = openai::perform(task, work, Voice::Tape(Box::new(tape)), pack, transcript).await;
    if let ReplyOutcome::Failed(Failure { kind: FailureKind::Drift, message, .. }) = &mut ended.outcome {
        *message = format!("{message}; {HINT}");
    }
    ended
}

/// A failure that the recording has no other attempt for is not tried again: it would come out the same.
pub(crate) async fn settle(task: &Task<'_>, work: &AgentWork, replay: &Replay, reply: &mut Reply) {
    let ReplyOutcome::Failed(failure) = &mut reply.outcome else { return };
    if failure.class != ErrorClass::Retriable {
        return;
    }
    let (recording, job) = (replay.recording.clone(), task.job);
    let wanted = (job.flow.clone(), job.step.clone(), work.agent.clone(), job.execution, job.attempt + 1);
    let places = (job.workspace.clone(), job.run_base.clone());
    if blocking(move || find(&recording, &wanted, &places, "")).await.is_err() {
        failure.class = ErrorClass::Permanent;
    }
}

const HINT: &str = "record it again (flow-studio record RUN --to DIR), or go on in spite of it (--replay lenient)";

async fn say(task: &Task<'_>, transcript: &mut Transcript<'_>, event: serde_json::Value) {
    transcript.line(event.clone()).await;
    let event = task.redactor.json(event);
    task.outlet.send(Piece::Log { flow: task.job.flow.clone(), step: task.job.step.clone(), event }).await;
}

fn failed(work: &AgentWork, kind: FailureKind, message: String) -> Ended {
    ended(work, Err(Failure { kind, class: ErrorClass::Permanent, message, exit_code: None }))
}

/// Nothing was paid, and nothing was done but talk.
fn ended(work: &AgentWork, done: Result<Draft, Failure>) -> Ended {
    let (outcome, draft) = match done {
        Ok(draft) => (ReplyOutcome::Done, Some(draft)),
        Err(failure) => (ReplyOutcome::Failed(failure), None),
    };
    Ended {
        outcome,
        draft,
        provider: "recording".to_owned(),
        model: work.model.name.clone(),
        tokens: Some(crate::record::Tokens::default()),
        cost_usd: Some(0.0),
        switches: Vec::new(),
        drift: Vec::new(),
        commands: Vec::new(),
        tool_versions: BTreeMap::new(),
        retry_after_ms: None,
        limit: None,
    }
}

/// Where the prompts of now are not the recorded ones, at the first line.
fn differs(then: &Conversation, now: &Pack) -> Option<String> {
    for (what, then, now) in [("system prompt", &then.system, &now.system), ("prompt", &then.prompt, &now.prompt)] {
        let (then, now) = (steady(then), steady(now));
        let digests = [Sha256::of(then.as_bytes()), Sha256::of(now.as_bytes())];
        if digests[0] != digests[1] {
            return Some(format!(
                "the {what} is not the recorded one ({} instead of {}); {}",
                short(&digests[1]),
                short(&digests[0]),
                first_difference(&then, &now)
            ));
        }
    }
    None
}

fn short(digest: &Sha256) -> &str {
    &digest.as_str()[..12]
}

fn first_difference(then: &str, now: &str) -> String {
    let (mut then, mut now, mut line) = (then.lines(), now.lines(), 0);
    loop {
        line += 1;
        let (then, now) = (then.next(), now.next());
        if then != now || then.is_none() {
            return format!("line {line} was {}, and is {}", quoted(then), quoted(now));
        }
    }
}

fn quoted(line: Option<&str>) -> String {
    const CHARS_MAX: usize = 120;
    match line {
        None => "nothing".to_owned(),
        Some(line) if line.chars().count() > CHARS_MAX => format!("`{}…`", line.chars().take(CHARS_MAX).collect::<String>()),
        Some(line) => format!("`{line}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_shown() {
        assert_eq!(first_difference("a\nb\nc", "a\nx\nc"), "line 2 was `b`, and is `x`");
        assert_eq!(first_difference("a", "a\nb"), "line 2 was nothing, and is `b`");
        assert!(first_difference(&"x".repeat(500), "y").len() < 200);
    }
}
