//! Who performs agents on this machine: a server, programs, their models and what they cost.
//! In: values that `workspace` makes of the settings. Out: the engine of a step, or the sentence why there is none.
//! Never: one engine taken for another.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    engine::{Account, Model, Models, OpenAi, Program, Recording, Replay},
    id::ProgramName,
    record::{Drift, EngineWord, Replaying},
};

/// How agents are performed on this machine.
#[derive(Debug, Clone)]
pub struct Agents {
    /// Why there is none, where there is none.
    pub openai: Result<OpenAi, String>,
    pub models: Models,
    pub programs: Programs,
    /// What all of the run's calls draw on.
    pub account: Account,
    /// By directory, as runs name them; or why one cannot be used.
    pub recordings: BTreeMap<String, Result<Arc<Recording>, String>>,
}

/// Agent programs of this machine, each with its own models, or why it is not used.
#[derive(Debug, Clone, Default)]
pub struct Programs {
    pub claude: Option<Result<Programmed, String>>,
    pub codex: Option<Result<Programmed, String>>,
    pub cli: BTreeMap<ProgramName, Result<Programmed, String>>,
}

#[derive(Debug, Clone)]
pub struct Programmed {
    pub program: Program,
    /// Prices of the names that it may be given.
    pub prices: Models,
    /// `fast`, `standard`, `strong` → its own name; a tier that is not here is the program's own choice.
    pub tiers: BTreeMap<String, String>,
}

impl Agents {
    /// # Errors
    /// Why there is nothing to replay; a sentence.
    pub(super) fn replay(&self, replaying: Option<&Replaying>) -> Result<Replay, String> {
        let one = replaying.ok_or("there is no recording to replay: the flow was started without --recording")?;
        let recording = self.recordings.get(&one.recording).ok_or("the recording was not looked for")?.clone()?;
        let shared = self.openai.as_ref().map(|server| server.shared.clone()).unwrap_or_default();
        Ok(Replay { recording, lenient: one.drift == Drift::Lenient, shared })
    }

    /// What performs an agent: its engine, or the sentence why there is none.
    ///
    /// # Errors
    /// The sentence.
    pub fn programmed(&self, engine: EngineWord, name: Option<&ProgramName>) -> Result<&Programmed, String> {
        let programs = &self.programs;
        let found = match (engine, name) {
            (EngineWord::Claude, _) => programs.claude.as_ref(),
            (EngineWord::Codex, _) => programs.codex.as_ref(),
            (EngineWord::Cli, Some(name)) => match programs.cli.get(name) {
                None => return Err(format!("there is no `[engines.cli.{name}]` in the settings{}", self.named())),
                found @ Some(_) => found,
            },
            (EngineWord::Cli, None) if programs.cli.len() == 1 => programs.cli.values().next(),
            (EngineWord::Cli, None) if programs.cli.is_empty() => {
                return Err("`engine: cli` needs a program: describe it as `[engines.cli.<name>]` in the settings".to_owned());
            }
            (EngineWord::Cli, None) => return Err(format!("`engine: cli` needs `program: NAME`{}", self.named())),
            (
                EngineWord::Openai
                | EngineWord::Shell
                | EngineWord::Stub
                | EngineWord::Replay
                | EngineWord::Builtin
                | EngineWord::Human,
                _,
            ) => None,
        };
        match found {
            Some(found) => found.as_ref().map_err(Clone::clone),
            None => Err(format!("the engine `{engine}` is not available in this version")),
        }
    }

    fn named(&self) -> String {
        let names: Vec<&str> = self.programs.cli.keys().map(ProgramName::as_str).collect();
        if names.is_empty() { String::new() } else { format!("; there are: {}", names.join(", ")) }
    }
}

impl Programmed {
    /// The model for a word of a flow or an agent; Claude Code's words for sizes are tiers.
    pub fn model(&self, word: Option<&str>) -> Model {
        let tier = match word.filter(|word| *word != "inherit").unwrap_or("standard") {
            "fast" | "haiku" => "fast",
            "standard" | "sonnet" => "standard",
            "strong" | "opus" => "strong",
            name => return Model { name: name.to_owned(), price: self.prices.price(name) },
        };
        match self.tiers.get(tier) {
            Some(name) => Model { name: name.clone(), price: self.prices.price(name) },
            None => Model::own(),
        }
    }
}
