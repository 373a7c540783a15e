//! Which recorded conversation an execution goes through again.
//! In: a step, which execution and attempt of it, what it is told. Out: the conversation. Never: one that was broken off.

use std::path::PathBuf;

use crate::{
    context::steady,
    id::{AgentKey, FramePath, StepRef},
};

use super::recording::{Conversation, Execution, Recording};

pub(super) struct Found {
    /// As it was counted in the recorded run.
    pub execution: u32,
    pub conversation: Conversation,
}

/// The nth execution goes through the nth that came to an end then; what was told alike wins, so that a replay that was
/// killed and resumed goes on where it stood.
pub(super) fn find(
    recording: &Recording,
    wanted: &(FramePath, StepRef, AgentKey, u32, u32),
    places: &(PathBuf, PathBuf),
    told: &str,
) -> Result<Found, String> {
    let (flow, step, agent, execution, attempt) = wanted;
    let shown = recording.shown();
    let mut executions = recording.executions(flow, step, agent, places).map_err(|why| why.to_string())?;
    if executions.is_empty() {
        return Err(format!("in {shown}, step `{step}` of flow `{flow}` came to no end that could be replayed"));
    }
    let attempt = usize::try_from(*attempt).unwrap_or(usize::MAX).max(1) - 1;
    let nth = usize::try_from(*execution).unwrap_or(usize::MAX).max(1) - 1;
    let alike = |one: &Execution| one.conversations.get(attempt).is_some_and(|talk| steady(&talk.prompt) == told);
    let at = Some(nth).filter(|nth| executions.get(*nth).is_some_and(alike));
    let at = at.or_else(|| executions.iter().position(alike)).or_else(|| Some(nth).filter(|nth| *nth < executions.len()));
    let Some(at) = at else {
        return Err(format!(
            "{shown} holds {} executions of step `{step}` of flow `{flow}`, and this is execution {execution}",
            executions.len()
        ));
    };
    let mut one = executions.swap_remove(at);
    if attempt >= one.conversations.len() {
        return Err(format!(
            "in {shown}, execution {} of step `{step}` took {} attempts, and this is attempt {}",
            one.number,
            one.conversations.len(),
            attempt + 1
        ));
    }
    let conversation = one.conversations.swap_remove(attempt);
    match conversation.unusable {
        Some(why) => Err(format!("in {shown}, execution {} of step `{step}` cannot be replayed: {why}", one.number)),
        None => Ok(Found { execution: one.number, conversation }),
    }
}
