//! A verify command as people write it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::StepId;

use super::{CountsAs, ParseAs};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyText {
    pub id: StepId,
    /// Shell text, run after the step's work.
    pub run: String,
    /// How its output is read; left out, only the exit code counts.
    pub parse: Option<ParseAs>,
    /// The report file that is parsed, where the tool writes one; left out, standard output.
    pub report: Option<String>,
    /// Of findings: whether they are lint or security.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts_as: Option<CountsAs>,
    /// Of findings: more warnings than these fail the check; left out, any number is fine. Errors always fail it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_warnings: Option<u64>,
    /// Of coverage: the percentage of lines below which the check fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub min_coverage: Option<f64>,
}
