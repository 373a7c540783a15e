//! What a script lets an agent say, key by key: an agent may say more than we read, a script that does is mistaken.
//! In: a scenario. Out: concerns and assumptions as an envelope has them. Never: a key that nobody reads.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    record::{Assumption, Concern},
    spec::Severity,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Concern")]
#[serde(deny_unknown_fields)]
pub struct ScriptedConcern {
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub description: String,
    /// Where, like `src/x.py:12`.
    pub location: Option<String>,
    /// What to do about it.
    pub recommendation: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Assumption")]
#[serde(deny_unknown_fields)]
pub struct ScriptedAssumption {
    /// What was assumed.
    pub assumption: String,
    /// Why.
    #[serde(default)]
    pub why: String,
    /// What is wrong then.
    #[serde(default)]
    pub impact_if_wrong: String,
}

impl ScriptedConcern {
    pub(super) fn said(&self) -> Concern {
        let Self { severity, description, location, recommendation } = self.clone();
        Concern { severity, description, location, recommendation }
    }
}

impl ScriptedAssumption {
    pub(super) fn said(&self) -> Assumption {
        let Self { assumption, why, impact_if_wrong } = self.clone();
        Assumption { assumption, why, impact_if_wrong }
    }
}
