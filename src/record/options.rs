//! How a flow is run this time, as far as the command line decides it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::StepId;

use super::{recording::Replaying, words::EngineWord};

/// How a flow is run this time; part of `flow_started`, so a replay needs nothing else.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunOptions {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobs: Option<u32>,
    /// Start here: everything that does not depend on it is taken as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<StepId>,
    /// Stop after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<StepId>,
    /// Agents are performed by this engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineWord>,
    /// What a step promises may go unenforced, where the machine cannot do better.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_unenforced: bool,
    /// Only what changes nothing is run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub observe_only: bool,
    /// What the engine `replay` answers from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replaying>,
}

/// What whoever goes on with a run wants done in another way from here on, by all its flows; part of `resumed`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeOptions {
    /// Steps at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobs: Option<u32>,
    /// What a step promises may go unenforced, where the machine cannot do better. What was allowed before stays allowed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_unenforced: bool,
}

impl ResumeOptions {
    /// Nothing is another way.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl RunOptions {
    /// These, as somebody changed them who went on with the run.
    pub fn changed(&self, by: ResumeOptions) -> Self {
        let Self { jobs, allow_unenforced, .. } = *self;
        Self { jobs: by.jobs.or(jobs), allow_unenforced: allow_unenforced || by.allow_unenforced, ..self.clone() }
    }
    /// What holds for flows inside of the flow, too.
    pub fn inherited(&self) -> Self {
        let Self { engine, allow_unenforced, observe_only, ref replay, .. } = *self;
        Self { engine, allow_unenforced, observe_only, replay: replay.clone(), ..Self::default() }
    }
}
