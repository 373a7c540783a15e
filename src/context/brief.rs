//! What the run knows when an agent step starts, before it is put into words.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::Value;

use crate::{
    id::{AgentKey, FlowKey, FramePath, RunId, StepRef, Time},
    record::{Concern, Envelope, Status},
    spec::{Access, Role, text::CharterText},
};

use super::choice::{Choice, Form};

/// Everything that an agent may be told. Texts are final: templates of the flow are filled in, and what came from
/// agents, commands and parameters stands as it is.
#[derive(Debug, Clone)]
pub struct Brief {
    pub run_id: RunId,
    pub run_started_at: Time,
    pub flow: FlowKey,
    pub flow_path: FramePath,
    pub flow_title: String,
    pub step: StepRef,
    pub step_title: Option<String>,
    pub agent: AgentKey,
    /// The body of the agent's file: the system prompt.
    pub body: String,
    pub execution: u32,
    pub round: Option<Round>,
    pub role: Option<Role>,
    pub charter: CharterText,
    pub teaching: Teaching,
    pub params: BTreeMap<String, Value>,
    /// The item of a `for_each`, by the name that the flow gives it.
    pub item: Option<(String, Value)>,
    pub read_first: Vec<String>,
    pub include: Vec<String>,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    /// What will be run to check the work: id and shell text.
    pub verify: Vec<(String, String)>,
    /// What the steps before handed over, the nearest first.
    pub handed: Vec<Handed>,
    /// What agents decided and assumed elsewhere in the run: in other flows, in other branches.
    pub trail: Vec<Decided>,
    /// In a later round of a loop: what its last step found in the round before, and what was measured of this step's own work
    /// then, where it failed.
    pub findings: Vec<Findings>,
    /// What this step chooses from.
    pub choice: Option<Choice>,
    /// What a person wrote for this execution.
    pub note: Option<String>,
    /// In a detour: what failed.
    pub fixes: Option<Fixes>,
    pub access: Access,
    /// Tokens that both prompts may have together. `None`: the default.
    pub budget_tokens: Option<u32>,
    pub workspace: PathBuf,
    pub run_base: PathBuf,
    /// RUN_BASE/<flow>.
    pub flow_dir: PathBuf,
}

/// Which round of a loop, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    pub iteration: u32,
    pub iterations_max: u32,
}

/// The failure that a detour's step repairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixes {
    pub step: StepRef,
    pub error: String,
}

/// The teaching note, filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Teaching {
    pub objective: Option<String>,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub behavior: Vec<String>,
    pub success: Vec<String>,
    pub when_stuck: Vec<String>,
}

/// What one earlier step left.
#[derive(Debug, Clone, PartialEq)]
pub struct Handed {
    pub step: StepRef,
    /// The step is named in `needs`, or stands right above; others lie further back.
    pub direct: bool,
    pub status: Status,
    pub passed: bool,
    pub said: Said,
    /// Where its handoff lies, relative to RUN_BASE.
    pub path: String,
}

impl Brief {
    /// What the agent is asked for at the end.
    pub fn form(&self) -> Form {
        match &self.choice {
            None => Form::Handoff,
            Some(choice) => Form::Choice(choice.ways.iter().map(|offer| offer.way.clone()).collect()),
        }
    }
}

/// What a step left on the scent trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// `<flow>/<step>`.
    pub by: String,
    pub decisions: Vec<String>,
    pub assumptions: Vec<String>,
}

/// How an earlier step spoke.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// An agent, in its handoff.
    Agent(Box<Envelope>),
    /// To a navigator: what was measured of any step, and no words.
    Measured(Value),
    /// A command, a person, a built-in verb: what is known of how it ended.
    Result { exit_code: Option<i32>, error: Option<String>, answer: Option<String>, note: Option<String> },
}

/// What a critic, or a measure, had against the last round's work.
#[derive(Debug, Clone, PartialEq)]
pub struct Findings {
    pub step: StepRef,
    /// Of the step itself that is told of them.
    pub own: bool,
    pub status: Status,
    pub concerns: Vec<Concern>,
    pub error: Option<String>,
    pub path: String,
}
