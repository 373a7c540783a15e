//! Questions to people, as they are written: as a step, and before one.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::{ParamName, StepId},
    spec::{Length, OnTimeout, Role, Severity},
};

use super::ParamText;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskText {
    /// Roles that may answer; left out, everybody.
    #[serde(default)]
    pub to: Vec<Role>,
    /// What is asked; a template.
    pub question: String,
    /// The answers; left out: approve or reject.
    #[serde(default)]
    #[schemars(length(max = 50))]
    pub options: Vec<OptionText>,
    /// What an answer must bring along, like `params`; later steps read it as `steps.<id>.json.values.<name>`.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 50))]
    pub form: BTreeMap<ParamName, ParamText>,
    /// Files shown with the question; its digest covers them.
    #[serde(default)]
    pub evidence: Vec<String>,
    pub severity: Option<Severity>,
    /// Time to answer; left out, for ever.
    pub expires: Option<Length>,
    pub on_timeout: Option<OnTimeout>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OptionText {
    pub key: StepId,
    /// What a person reads; left out, the key.
    pub label: Option<String>,
    /// What happens then, in a person's words.
    pub effect: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveText {
    /// CEL; false starts the step without asking.
    pub when: Option<String>,
    /// Roles that may answer; left out, everybody.
    #[serde(default)]
    pub to: Vec<Role>,
    /// What is asked; a template.
    pub question: Option<String>,
    /// Files that are shown; the answer covers them as they are then.
    #[serde(default)]
    pub evidence: Vec<String>,
    pub expires: Option<Length>,
    pub on_timeout: Option<OnTimeout>,
}
