//! Which engine performs an agent, and how it is reached.

use crate::{
    record::{EngineWord, Mode},
    spec::{flow::AgentStep, text::EngineText},
};

use super::state::Frame;

impl From<EngineText> for EngineWord {
    fn from(engine: EngineText) -> Self {
        match engine {
            EngineText::Openai => Self::Openai,
            EngineText::Claude => Self::Claude,
            EngineText::Codex => Self::Codex,
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
}

pub(super) fn mode_of(engine: EngineWord) -> Mode {
    match engine {
        EngineWord::Openai => Mode::Api,
        EngineWord::Claude | EngineWord::Codex => Mode::Cli,
        EngineWord::Stub => Mode::Stub,
        EngineWord::Replay => Mode::Replay,
        EngineWord::Human => Mode::Human,
        EngineWord::Shell | EngineWord::Builtin => Mode::Local,
    }
}
