//! Which engine performs an agent, and how it is reached.

use crate::{
    plan::StepIx,
    record::{EngineWord, Mode},
    spec::{Verb, flow::AgentStep, text::EngineText},
};

use super::state::Frame;

impl From<EngineText> for EngineWord {
    fn from(engine: EngineText) -> Self {
        match engine {
            EngineText::Openai => Self::Openai,
            EngineText::Claude => Self::Claude,
            EngineText::Codex => Self::Codex,
            EngineText::Cli => Self::Cli,
            EngineText::Stub => Self::Stub,
            EngineText::Replay => Self::Replay,
        }
    }
}

impl Frame {
    /// What performs an agent step: the run's own choice wins over the flow's.
    pub fn engine_of(&self, agent: &AgentStep) -> EngineWord {
        self.options.engine.unwrap_or_else(|| agent.engine.into())
    }

    /// The flow's key word for files of a step that runs commands, agents or asks people.
    pub fn agent_key(&self, step: StepIx) -> String {
        match &self.plan.step(step).spec.verb {
            Verb::Run { .. } | Verb::Exec { .. } => "shell".to_owned(),
            Verb::Agent(agent) => agent.agent.to_string(),
            Verb::Ask(_) => "human".to_owned(),
            Verb::Flow { .. } | Verb::Snapshot { .. } | Verb::Compare { .. } | Verb::Render { .. } | Verb::Scan(_) => {
                "builtin".to_owned()
            }
        }
    }
}

pub(super) fn mode_of(engine: EngineWord) -> Mode {
    match engine {
        EngineWord::Openai => Mode::Api,
        EngineWord::Claude | EngineWord::Codex | EngineWord::Cli => Mode::Cli,
        EngineWord::Stub => Mode::Stub,
        EngineWord::Replay => Mode::Replay,
        EngineWord::Human => Mode::Human,
        EngineWord::Shell | EngineWord::Builtin => Mode::Local,
    }
}
