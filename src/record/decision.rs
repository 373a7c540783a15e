//! One line of `<flow>/routing/decisions.jsonl`: where the kernel went after a step, and by which rule.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{DetourId, EscalationId, FlowKey, RunId, StepRef, Time};

use super::{
    way::{Injected, Way},
    words::{DecisionKind, Rule},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IterationOf {
    /// The round that has ended.
    pub current: u32,
    /// How many there may be.
    pub max: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// When it was decided.
    pub timestamp: Time,
    /// The run.
    pub run_id: RunId,
    /// The flow.
    pub flow_key: FlowKey,
    /// The step that ended.
    pub step_id: StepRef,
    /// Its agent, or the word of its engine.
    pub agent_key: String,
    /// Which execution of it.
    pub execution: u32,
    /// What comes of it.
    pub decision: DecisionKind,
    /// The steps that may start now.
    pub next_step_ids: Vec<StepRef>,
    /// The rule that fired; the first that fits decides.
    pub rule: Rule,
    /// Why, in a sentence.
    pub reason: String,
    /// The round of the loop that the step ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iteration: Option<IterationOf>,
    /// Of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// The known fix that is entered, or was left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detour_id: Option<DetourId>,
    /// The question that is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation_id: Option<EscalationId>,
    /// What the rule saw: exit code, status, failed checks, HIGH concerns.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub forensic_summary: BTreeMap<String, serde_json::Value>,
    /// What a navigator could choose from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Way>,
    /// Of a navigator: how sure it said it is, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// INJECT_FLOW and INJECT_NODES: what was put in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub injected: Option<Injected>,
    /// `kernel`, `navigator` or `human:<name>`.
    pub by: String,
}
