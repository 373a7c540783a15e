//! The keys of the verbs that are ours, as they are written: snapshot, compare, render, scan.
//! In: nothing (these are values). Out: nothing. Never: a word that `check` has not read.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::SnapshotName;

use super::OnFinding;

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
    /// What may, must and must not differ; else the step has failed.
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
    /// Files and directories, relative to the workspace; `artifacts/…` in the run.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub paths: Vec<String>,
    /// Lines that were added since this revision of git, in the workspace.
    pub diff: Option<String>,
    /// Everything that the run has written so far.
    #[serde(default)]
    pub run: bool,
    /// The allow-list; left out, `scan-allow.toml` of the workspace, where there is one.
    pub allow: Option<String>,
    /// What a finding does; left out, it stops the run.
    #[serde(default)]
    pub on_finding: OnFinding,
}
