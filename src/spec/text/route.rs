//! Who chooses what comes next, and what may be put in for it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{DetourId, FlowKey};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RouteText {
    Navigator,
}

/// Work that a navigator may put in before it chooses: nothing but what stands here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InjectText {
    /// Flows, run as a part of this one; they get the parameters that they share with it by name.
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub flows: Vec<FlowKey>,
    /// Entries of `flows/detours.yaml`: their steps run, whatever their `when` says.
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub detours: Vec<DetourId>,
    /// How often in all, before the step must choose; left out, 1.
    #[schemars(range(min = 1, max = 10))]
    pub max: Option<u32>,
}
