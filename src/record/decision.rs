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
    pub current: u32,
    pub max: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    pub timestamp: Time,
    pub run_id: RunId,
    pub flow_key: FlowKey,
    pub step_id: StepRef,
    pub agent_key: String,
    pub execution: u32,
    pub decision: DecisionKind,
    pub next_step_ids: Vec<StepRef>,
    pub rule: Rule,
    pub reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iteration: Option<IterationOf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detour_id: Option<DetourId>,
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
