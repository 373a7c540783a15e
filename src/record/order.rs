//! What somebody asked the studio to do with a run. It lies in the queue, on disk, until it is done.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{FlowKey, FramePath, ParamName, RunId, StepId, StepRef, Time};

use super::options::{ResumeOptions, RunOptions};

/// `flow-studio/order/v1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    pub schema: String,
    /// Its place: orders are taken in this order.
    pub number: u64,
    pub run_id: RunId,
    /// In whose name the run goes on.
    pub by: String,
    pub at: Time,
    /// Where steps run, absolute.
    pub workspace: String,
    pub errand: Errand,
    pub state: OrderState,
    /// Processes that were started for it.
    #[serde(default)]
    pub tries: u32,
    /// What was asked for stands in the journal: what is left is to go on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken: bool,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Errand {
    Start {
        flow: FlowKey,
        /// What was given, each with its type; defaults are taken when the flow starts.
        params: BTreeMap<ParamName, serde_json::Value>,
        options: RunOptions,
        /// The run is there, and the flow joins it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        join: bool,
        /// And starts over, if it has ended there.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        again: bool,
    },
    Resume {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        flow: Option<FramePath>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<StepId>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        refresh: bool,
        #[serde(default, skip_serializing_if = "ResumeOptions::is_none")]
        options: ResumeOptions,
    },
    Retry {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        flow: Option<FramePath>,
        step: StepRef,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        only: bool,
        #[serde(default)]
        set: BTreeMap<ParamName, serde_json::Value>,
        #[serde(default, skip_serializing_if = "ResumeOptions::is_none")]
        options: ResumeOptions,
    },
    /// Nobody asked: the run waited for an answer, or for a time, that came while nobody drove it.
    Continue,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum OrderState {
    Waiting,
    Begun(Begun),
    Refused(Refusal),
}

/// A process was started for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begun {
    pub at: Time,
    /// The run's last line before that: what follows it shows whether the process has begun.
    pub seq: u64,
}

/// Why it came to nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    pub at: Time,
    pub message: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

impl Order {
    pub const SCHEMA: &'static str = "flow-studio/order/v1";
}

impl Errand {
    pub fn word(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Resume { .. } => "resume",
            Self::Retry { .. } => "retry",
            Self::Continue => "continue",
        }
    }
}
