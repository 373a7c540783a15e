//! Small facts about one step that several views share: where its proof lies, what its verb is called.

use crate::{id::AgentKey, kernel::Frame, plan::StepIx, record::At, spec::Verb};

use super::view::{Execution, RunView};

/// The word of the flow language.
pub fn verb_word(verb: &Verb) -> &'static str {
    match verb {
        Verb::Run { .. } => "run",
        Verb::Exec { .. } => "exec",
        Verb::Agent(_) => "agent",
        Verb::Ask(_) => "ask",
        Verb::Flow { .. } => "flow",
        Verb::Snapshot { .. } => "snapshot",
        Verb::Compare { .. } => "compare",
        Verb::Render { .. } => "render",
        Verb::Scan(_) => "scan",
    }
}

/// The name beside the verb: which agent, which flow.
pub(super) fn executor(frame: &Frame, step: StepIx) -> Option<String> {
    match &frame.plan.step(step).spec.verb {
        Verb::Agent(agent) => Some(agent.agent.to_string()),
        Verb::Flow { flow, .. } => Some(flow.to_string()),
        Verb::Run { .. }
        | Verb::Exec { .. }
        | Verb::Ask(_)
        | Verb::Snapshot { .. }
        | Verb::Compare { .. }
        | Verb::Render { .. }
        | Verb::Scan(_) => None,
    }
}

/// The agent key of an execution's files.
pub(super) fn agent_key(view: &RunView, at: &At, execution: &Execution) -> Option<AgentKey> {
    let word = match execution.proof() {
        Some(proof) => proof.agent_key.clone(),
        None => {
            let frame = view.state.frame(&at.flow)?;
            frame.agent_key(frame.slot(&at.step)?.step)
        }
    };
    AgentKey::new(&word).ok()
}

/// Which execution of a step owns the unnumbered files: the last one that left any.
pub(super) fn is_latest(view: &RunView, at: &At, execution: &Execution) -> bool {
    view.executions(at).iter().rfind(|one| one.ended_at().is_some()).is_some_and(|last| last.number == execution.number)
}

/// Where an execution's receipt lies, relative to RUN_BASE.
pub(super) fn receipt_path(view: &RunView, at: &At, execution: &Execution) -> Option<String> {
    path_in(view, at, execution, "receipts")
}

pub(super) fn path_in(view: &RunView, at: &At, execution: &Execution, kind: &str) -> Option<String> {
    execution.ended_at()?;
    let agent = agent_key(view, at, execution)?;
    let number = if is_latest(view, at, execution) { String::new() } else { format!(".{}", execution.number) };
    Some(format!("{}/{kind}/{}-{agent}{number}.json", at.flow, at.step))
}
