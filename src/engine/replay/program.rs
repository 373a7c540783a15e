//! A recorded conversation with an agent program: its words are said again, and what it did with its own tools is not done.
//! In: the conversation. Out: its handoff; files and tests are measured now, so a claim that nothing bears out is taken back.
//! Never: a program started, a file written.

use serde_json::json;

use crate::{
    context::Pack,
    record::{Draft, EngineWord, ErrorClass, Failure, FailureKind},
};

use super::{
    super::{
        Task,
        agent::{AgentWork, Ended, Transcript},
    },
    ended,
    recording::Conversation,
};

pub(super) async fn perform(
    task: &Task<'_>,
    work: &AgentWork,
    program: EngineWord,
    conversation: Conversation,
    pack: &Pack,
    transcript: &mut Transcript<'_>,
) -> Ended {
    transcript.prompt(work, pack).await;
    let said = json!({
        "event": "told_once", "engine": program,
        "message": format!("what `{program}` did with its own tools is not done again; only its answers are"),
    });
    super::say(task, transcript, said).await;
    let form = work.brief.form();
    let mut why = "it said nothing".to_owned();
    for answer in conversation.answers {
        transcript.line(json!({"event": "message", "role": "assistant", "content": answer.text})).await;
        match form.read(&answer.text) {
            Ok(draft) => return over(work, Ok(draft), transcript).await,
            Err(what) => why = what,
        }
    }
    let message = format!("the agent ended without a valid handoff: {why}");
    let failure = conversation.failed.unwrap_or(Failure {
        kind: FailureKind::BadOutput,
        class: ErrorClass::Permanent,
        message,
        exit_code: None,
    });
    over(work, Err(failure), transcript).await
}

async fn over(work: &AgentWork, done: Result<Draft, Failure>, transcript: &mut Transcript<'_>) -> Ended {
    let ended = ended(work, done);
    transcript.ended(&ended.outcome).await;
    ended
}
