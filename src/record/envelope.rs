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
    /// The format and its version.
    #[schemars(extend("const" = "flow-studio/handoff/v1"))]
    pub schema: String,
    /// Whose handoff it is.
    pub meta: EnvelopeMeta,
    /// `VERIFIED`, `UNVERIFIED` or `BLOCKED`, after measuring.
    pub status: Status,
    /// What was done and found.
    pub summary: Summary,
    /// What stands open, by severity.
    pub concerns: Vec<Concern>,
    /// What was taken for granted.
    pub assumptions: Vec<Assumption>,
    /// What the step recommends; the kernel decides.
    pub routing: EnvelopeRouting,
    /// Filled in by us, never by an agent.
    pub measured: Measured,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnvelopeMeta {
    /// The run.
    pub run_id: RunId,
    /// The flow.
    pub flow_key: FlowKey,
    /// The step.
    pub step_id: StepRef,
    /// The agent, or the word of the engine.
    pub agent_key: String,
    /// Which execution.
    pub execution: u32,
    /// The round of the loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iteration: Option<u32>,
    /// When it was handed over.
    pub timestamp: Time,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// In a few sentences.
    #[serde(default)]
    pub what_i_did: String,
    /// In a few sentences.
    #[serde(default)]
    pub what_i_found: String,
    /// Each as `subject: what was decided`.
    #[serde(default)]
    pub key_decisions: Vec<String>,
    /// What shows it.
    #[serde(default)]
    pub evidence: Evidence,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Files that were made.
    #[serde(default)]
    pub artifacts_produced: Vec<String>,
    /// Commands, with how they ended.
    #[serde(default)]
    pub commands_run: Vec<String>,
    /// Figures by name; held against what was measured.
    #[serde(default)]
    pub measurements: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Concern {
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub description: String,
    /// Where, like `src/x.py:12`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommendation: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Assumption {
    /// What was assumed.
    pub assumption: String,
    /// Why.
    #[serde(default)]
    pub why: String,
    /// What is wrong then.
    #[serde(default)]
    pub impact_if_wrong: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnvelopeRouting {
    /// What should come next.
    pub recommendation: DecisionKind,
    /// Which step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_step_suggestion: Option<String>,
    /// `false` leaves the loop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub can_further_iteration_help: Option<bool>,
    /// The same failure has the same one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_signature: Option<String>,
    /// Why.
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
    /// What the agent said, where measures say otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downgraded_from: Option<Status>,
    /// Why it was downgraded.
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
