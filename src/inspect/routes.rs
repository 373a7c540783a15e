//! Choices of navigators, in words: from what, how sure, what was left out; and what they say a flow lacks.
//! In: decisions. Out: a clause, a list. Never: a proposal taken for something that was done.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::{StepId, StepRef},
    kernel::Frame,
    record::{At, Decision, DecisionKind, Way},
};

use super::{
    view::RunView,
    words::{first_line, listed},
};

/// A step that a navigator says is missing. Nothing is done about it before a person writes it into the flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proposal {
    pub step_id: StepRef,
    pub execution: u32,
    pub text: String,
    /// Relative to RUN_BASE.
    pub path: String,
}

/// What the flow's navigators proposed, in the order of its steps.
pub(super) fn proposals(view: &RunView, frame: &Frame) -> Vec<Proposal> {
    let mut found = Vec::new();
    for step in view.step_names(frame) {
        let at = At { flow: frame.path.clone(), step };
        let decisions = view.executions(&at).iter().flat_map(|one| &one.decisions);
        for decision in decisions.filter(|one| one.decision == DecisionKind::ExtendGraph) {
            found.push(Proposal {
                step_id: decision.step_id.clone(),
                execution: decision.execution,
                text: first_line(&decision.reason),
                path: format!("{}/routing/proposals/{}-{}.json", frame.path, decision.step_id, decision.execution),
            });
        }
    }
    found
}

/// From what it was chosen, how sure it is, and what was left out; `None` where nothing was chosen from.
pub(super) fn choice(decision: &Decision) -> Option<String> {
    if decision.candidates.is_empty() {
        return None;
    }
    let mut text = format!("from {}", listed(&decision.candidates));
    if let Some(sure) = decision.confidence {
        text.push_str(&format!(", {:.0} % sure", sure * 100.0));
    }
    let taken = |step: &StepId| decision.next_step_ids.iter().any(|next| next.base() == step.as_str());
    let left = decision.candidates.iter().filter(|way| matches!(way, Way::Step(step) if !taken(step)));
    let left: Vec<&Way> = left.filter(|_| decision.decision == DecisionKind::Continue).collect();
    if !left.is_empty() {
        text.push_str(&format!("; {} left out", listed(&left)));
    }
    Some(text)
}
