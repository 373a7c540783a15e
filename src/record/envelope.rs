//! The handoff envelope: what the next step needs to know, `<flow>/handoffs/<step>-<agent>.json`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::{FlowKey, RunId, StepRef, Time},
    spec::Severity,
};

use super::words::{DecisionKind, Status};

/// `flow-studio/handoff/v1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Envelope {
    #[schemars(extend("const" = "flow-studio/handoff/v1"))]
    pub schema: String,
    pub meta: EnvelopeMeta,
    pub status: Status,
    pub summary: Summary,
    pub concerns: Vec<Concern>,
    pub assumptions: Vec<Assumption>,
    pub routing: EnvelopeRouting,
    /// Filled in by us, never by an agent.
    pub measured: Measured,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnvelopeMeta {
    pub run_id: RunId,
    pub flow_key: FlowKey,
    pub step_id: StepRef,
    pub agent_key: String,
    pub execution: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iteration: Option<u32>,
    pub timestamp: Time,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    #[serde(default)]
    pub what_i_did: String,
    #[serde(default)]
    pub what_i_found: String,
    #[serde(default)]
    pub key_decisions: Vec<String>,
    #[serde(default)]
    pub evidence: Evidence,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    #[serde(default)]
    pub artifacts_produced: Vec<String>,
    #[serde(default)]
    pub commands_run: Vec<String>,
    #[serde(default)]
    pub measurements: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Concern {
    pub severity: Severity,
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommendation: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Assumption {
    pub assumption: String,
    #[serde(default)]
    pub why: String,
    #[serde(default)]
    pub impact_if_wrong: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnvelopeRouting {
    pub recommendation: DecisionKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_step_suggestion: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub can_further_iteration_help: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_signature: Option<String>,
    #[serde(default)]
    pub reason: String,
    /// Of a navigator: how sure it is, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Of a navigator: what the flow lacks, in its words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downgraded_from: Option<Status>,
    #[serde(default)]
    pub reasons: Vec<String>,
}

/// What a step says of itself: the envelope without the parts that are ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    pub status: Status,
    #[serde(default)]
    pub summary: Summary,
    #[serde(default)]
    pub concerns: Vec<Concern>,
    #[serde(default)]
    pub assumptions: Vec<Assumption>,
    #[serde(default)]
    pub routing: DraftRouting,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftRouting {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommendation: Option<DecisionKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_step_suggestion: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub can_further_iteration_help: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_signature: Option<String>,
    #[serde(default)]
    pub reason: String,
    /// A navigator's; nobody else is asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub confidence: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub proposal: Option<String>,
}

impl Envelope {
    pub const SCHEMA: &'static str = "flow-studio/handoff/v1";
}
