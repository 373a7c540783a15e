//! The scent trail: decisions, assumptions and concerns so far, `<flow>/scent_trail.json`.
//! In: what a step left and where the kernel went. Out: an entry, if there is something a later agent should know.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::{
    id::{FlowKey, RunId, StepRef},
    record::{Assumption, Concern, Decision, DecisionKind, Envelope, Rule, Status},
};

/// Entries kept per flow: more than an agent can read, and a bound on memory. The oldest go first.
const ENTRIES_MAX: usize = 1000;

/// `flow-studio/scent-trail/v1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScentTrail {
    pub schema: String,
    pub run_id: RunId,
    pub flow_key: FlowKey,
    pub entries: VecDeque<ScentEntry>,
    /// Older entries that are not kept here; the journal has them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScentEntry {
    pub step_id: StepRef,
    pub agent_key: String,
    pub execution: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_decisions: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumptions: Vec<Assumption>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub concerns: Vec<Concern>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl ScentTrail {
    pub const SCHEMA: &'static str = "flow-studio/scent-trail/v1";

    pub(super) fn new(run_id: RunId, flow_key: FlowKey) -> Self {
        Self { schema: Self::SCHEMA.to_owned(), run_id, flow_key, entries: VecDeque::new(), omitted: 0 }
    }

    /// Adds what is noteworthy; says whether anything was.
    pub(super) fn note(&mut self, handoff: Option<&Envelope>, decision: Option<&Decision>) -> bool {
        let decision = decision.filter(|decision| decision.decision != DecisionKind::Continue);
        let says = |handoff: &&Envelope| {
            !(handoff.summary.key_decisions.is_empty() && handoff.assumptions.is_empty() && handoff.concerns.is_empty())
        };
        let (step_id, agent_key, execution) = match (handoff.filter(says), decision, handoff) {
            (Some(handoff), ..) | (None, Some(_), Some(handoff)) => {
                (handoff.meta.step_id.clone(), handoff.meta.agent_key.clone(), handoff.meta.execution)
            }
            (None, Some(decision), None) => (decision.step_id.clone(), decision.agent_key.clone(), decision.execution),
            (None, None, _) => return false,
        };
        if self.entries.len() == ENTRIES_MAX {
            self.entries.pop_front();
            self.omitted += 1;
        }
        self.entries.push_back(ScentEntry {
            step_id,
            agent_key,
            execution,
            status: handoff.map(|handoff| handoff.status),
            key_decisions: handoff.map(|handoff| handoff.summary.key_decisions.clone()).unwrap_or_default(),
            assumptions: handoff.map(|handoff| handoff.assumptions.clone()).unwrap_or_default(),
            concerns: handoff.map(|handoff| handoff.concerns.clone()).unwrap_or_default(),
            decision: decision.map(|decision| decision.decision),
            rule: decision.map(|decision| decision.rule),
            reason: decision.map(|decision| decision.reason.clone()),
            by: decision.map(|decision| decision.by.clone()),
        });
        true
    }
}
