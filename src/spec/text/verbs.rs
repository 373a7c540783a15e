//! What the verbs of a step hold: questions, snapshots, comparisons, templates, scans.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::{ParamName, SnapshotName, StepId},
    spec::{Length, OnTimeout, Role, Severity},
};

use super::ParamText;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskText {
    #[serde(default)]
    pub to: Vec<Role>,
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
    pub label: Option<String>,
    /// What happens then, in a person's words.
    pub effect: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveText {
    /// CEL; false starts the step without asking.
    pub when: Option<String>,
    #[serde(default)]
    pub to: Vec<Role>,
    pub question: Option<String>,
    #[serde(default)]
    pub evidence: Vec<String>,
    pub expires: Option<Length>,
    pub on_timeout: Option<OnTimeout>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SnapshotText {
    pub name: SnapshotName,
    /// Paths and globs, relative to the workspace.
    #[serde(default)]
    pub files: Vec<String>,
    /// Name → shell text whose standard output is kept.
    #[serde(default)]
    pub commands: BTreeMap<SnapshotName, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompareText {
    pub before: SnapshotName,
    pub after: SnapshotName,
    #[serde(default)]
    pub expect: CompareExpectText,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompareExpectText {
    /// Only these may differ (globs); `[]` means nothing may.
    pub changed_only: Option<Vec<String>>,
    /// These must be byte for byte the same (globs).
    #[serde(default)]
    pub identical: Vec<String>,
    /// At least one of these must differ (globs).
    #[serde(default)]
    pub changed: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenderText {
    /// The template file, relative to the workspace or the flow's directory.
    pub template: String,
    /// Where the result goes: `artifacts/…` in the run, else the workspace.
    pub to: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScanText {
    #[serde(default)]
    pub paths: Vec<String>,
}
