//! `limits:` of a flow, as it is written.
//! In: nothing (these are values). Out: nothing. Never: a default that a person did not write.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Length;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsText {
    /// Time during which something runs; waiting for a person does not count.
    pub wall: Option<Length>,
    /// Executions of steps.
    #[schemars(range(min = 1))]
    pub steps: Option<u32>,
    /// That models may use.
    #[schemars(range(min = 1))]
    pub tokens: Option<u64>,
    /// That models may cost.
    #[schemars(range(min = 0.0))]
    pub usd: Option<f64>,
    /// Calls of models.
    #[schemars(range(min = 1))]
    pub turns: Option<u64>,
    /// Whether the flow goes on after a call whose cost is not known.
    pub on_unknown_cost: Option<OnUnknownCost>,
}

/// What a call does whose cost is not known: its model has no price, or the server did not say what it used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnUnknownCost {
    /// It is shown as unknown, and `usd` holds for the rest.
    Allow,
    /// The next call is not made; a person is asked.
    Stop,
}
