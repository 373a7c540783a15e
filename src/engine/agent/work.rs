//! An agent step with everything resolved: which engine, which model, what it is told, what it may do.

use std::{collections::BTreeSet, time::Duration};

use secrecy::SecretString;

use crate::{
    context::Brief,
    engine::{cli_agent::Program, replay::Replay},
    id::AgentKey,
    record::{EngineWord, Mode},
    spec::Access,
};

use super::Budget;

/// What an engine needs to perform an agent. The same for every engine.
#[derive(Debug, Clone)]
pub struct AgentWork {
    pub agent: AgentKey,
    pub engine: AgentEngine,
    /// The one to use in this attempt.
    pub model: Model,
    /// Those that take over, in this order, where the server does not have it.
    pub fallbacks: Vec<Model>,
    pub brief: Brief,
    pub tools: Tools,
    /// Answers of the model in one execution, the handoff not counted.
    pub turns_max: u32,
    pub access: Access,
    /// What its calls draw on.
    pub budget: Budget,
    /// Where the conversation is kept, relative to RUN_BASE: `<flow>/llm/<step>-<agent>-<engine>.jsonl`.
    pub transcript: String,
    /// Where the handoff is kept as the agent wrote it, relative to RUN_BASE.
    pub draft: String,
}

/// Who drives the model.
#[derive(Debug, Clone)]
pub enum AgentEngine {
    OpenAi(OpenAi),
    /// A program on this machine that drives a model by itself.
    Program(Box<Program>),
    Replay(Replay),
}

impl AgentEngine {
    pub const fn word(&self) -> EngineWord {
        match self {
            Self::OpenAi(_) => EngineWord::Openai,
            Self::Program(program) => program.word(),
            Self::Replay(_) => EngineWord::Replay,
        }
    }
    pub const fn mode(&self) -> Mode {
        match self {
            Self::OpenAi(_) => Mode::Api,
            Self::Program(_) => Mode::Cli,
            Self::Replay(_) => Mode::Replay,
        }
    }
}

/// A server that speaks the chat completions API. The key is never printed: `SecretString` hides it in `Debug`.
#[derive(Debug, Clone)]
pub struct OpenAi {
    /// Like `https://api.openai.com/v1`, without a slash at its end.
    pub base_url: String,
    /// `None`: the server wants none.
    pub api_key: Option<SecretString>,
    /// For one call, from the request to the last byte of the answer.
    pub call_timeout: Duration,
    /// Connections, and what the server was found to lack.
    pub shared: super::super::openai::Shared,
}

/// A model's name, and what it costs where that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub name: String,
    pub price: Option<Price>,
}

impl Model {
    /// What a program calls its own choice.
    const OWN: &str = "default";

    /// The program chooses.
    pub fn own() -> Self {
        Self { name: Self::OWN.to_owned(), price: None }
    }
    /// The name, unless the program chooses.
    pub fn named(&self) -> Option<&str> {
        Some(self.name.as_str()).filter(|name| *name != Self::OWN)
    }
}

/// US dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    pub input_usd: f64,
    pub output_usd: f64,
}

impl Price {
    /// US dollars for so many tokens.
    #[expect(clippy::cast_precision_loss, reason = "no call has 2^52 tokens")]
    pub fn cost_usd(self, prompt: u64, completion: u64) -> f64 {
        (prompt as f64 * self.input_usd + completion as f64 * self.output_usd) / 1_000_000.0
    }

    /// Tokens of an answer that so many millionths of a dollar buy; `None`: they cost nothing.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, and no price is less than 0"
    )]
    pub(crate) fn answer_tokens(self, usd_millionths: u64) -> Option<u64> {
        // A dollar a million tokens is a millionth a token.
        (self.output_usd > 0.0).then(|| (usd_millionths as f64 / self.output_usd) as u64)
    }
}

/// Something an agent can do besides speaking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tool {
    ReadFile,
    ListFiles,
    Search,
    WriteFile,
    EditFile,
    RunCommand,
}

impl Tool {
    pub const ALL: [Self; 6] = [Self::ReadFile, Self::ListFiles, Self::Search, Self::WriteFile, Self::EditFile, Self::RunCommand];

    /// The name that a model calls it by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadFile => "read_file",
            Self::ListFiles => "list_files",
            Self::Search => "search",
            Self::WriteFile => "write_file",
            Self::EditFile => "edit_file",
            Self::RunCommand => "run_command",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// It can change something outside the conversation.
    pub const fn changes(self) -> bool {
        match self {
            Self::ReadFile | Self::ListFiles | Self::Search => false,
            Self::WriteFile | Self::EditFile | Self::RunCommand => true,
        }
    }

    /// What Claude Code calls it.
    pub const fn in_claude(self) -> &'static str {
        match self {
            Self::ReadFile => "Read",
            Self::ListFiles => "Glob",
            Self::Search => "Grep",
            Self::WriteFile => "Write",
            Self::EditFile => "Edit",
            Self::RunCommand => "Bash",
        }
    }

    /// What it is by Claude Code's name. A rule in parentheses, as in `Bash(git *)`, is not taken for the bare tool.
    fn of_claude(name: &str) -> &'static [Self] {
        match name {
            "Read" | "NotebookRead" => &[Self::ReadFile],
            "Glob" | "LS" => &[Self::ListFiles],
            "Grep" => &[Self::Search],
            "Write" => &[Self::WriteFile],
            "Edit" | "MultiEdit" => &[Self::EditFile],
            "Bash" => &[Self::RunCommand],
            _ => &[],
        }
    }
}

/// What an agent may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tools {
    /// Ours.
    pub ours: BTreeSet<Tool>,
    /// The front matter's own words, for engines that read them as they are; `None`: all.
    pub written: Option<Vec<String>>,
    pub disallowed: Vec<String>,
}

impl Tools {
    /// From an agent's front matter and the step's access: names of Claude Code and our own are understood, others give
    /// nothing. `access: observe` takes away whatever could change something; commands stay where they are `fenced`.
    pub fn new(written: Option<&[String]>, disallowed: &[String], access: Access, fenced: bool) -> Self {
        let of =
            |name: &String| -> Vec<Tool> { Tool::named(name).map_or_else(|| Tool::of_claude(name).to_vec(), |tool| vec![tool]) };
        // A rule narrows a tool when it allows, and cannot be honoured in part when it forbids: the whole tool goes.
        let bare = |name: &String| name.split('(').next().unwrap_or_default().to_owned();
        let mut ours: BTreeSet<Tool> = match written {
            None => Tool::ALL.into(),
            Some(names) => names.iter().flat_map(of).collect(),
        };
        for tool in disallowed.iter().map(bare).flat_map(|name| of(&name)) {
            ours.remove(&tool);
        }
        if access == Access::Observe {
            ours.retain(|tool| !tool.changes() || fenced && *tool == Tool::RunCommand);
        }
        Self { ours, written: written.map(<[String]>::to_vec), disallowed: disallowed.to_vec() }
    }

    /// None of them changes anything.
    pub fn only_look(&self) -> bool {
        !self.ours.iter().any(|tool| tool.changes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn ours(written: Option<&[&str]>, disallowed: &[&str], access: Access) -> Vec<&'static str> {
        let written = written.map(names);
        let tools = Tools::new(written.as_deref(), &names(disallowed), access, false);
        tools.ours.into_iter().map(Tool::name).collect()
    }

    #[test]
    fn front_matter_names_the_tools_as_claude_code_does() {
        assert_eq!(ours(None, &[], Access::Change).len(), 6);
        assert_eq!(ours(Some(&["Read", "Grep", "WebSearch"]), &[], Access::Change), ["read_file", "search"]);
        assert_eq!(ours(None, &["Bash", "Write"], Access::Change), ["read_file", "list_files", "search", "edit_file"]);
        assert_eq!(ours(Some(&["read_file"]), &[], Access::Change), ["read_file"]);
        assert_eq!(ours(Some(&[]), &[], Access::Change), [""; 0]);
    }

    #[test]
    fn a_rule_never_gives_more_than_it_says() {
        assert_eq!(ours(Some(&["Bash(git diff *)", "Read"]), &[], Access::Change), ["read_file"]);
        assert!(!ours(None, &["Bash(rm *)"], Access::Change).contains(&"run_command"));
    }

    #[test]
    fn an_observer_changes_nothing() {
        assert_eq!(ours(None, &[], Access::Observe), ["read_file", "list_files", "search"]);
        let fenced = Tools::new(None, &[], Access::Observe, true);
        assert!(fenced.ours.contains(&Tool::RunCommand) && !fenced.ours.contains(&Tool::WriteFile));
    }

    #[test]
    fn a_key_is_never_printed() {
        let engine = AgentEngine::OpenAi(OpenAi {
            base_url: "http://127.0.0.1:1".to_owned(),
            api_key: Some("sk-very-secret".to_owned().into()),
            call_timeout: Duration::from_secs(1),
            shared: crate::engine::openai::Shared::default(),
        });
        assert!(!format!("{engine:?}").contains("very"));
    }

    #[test]
    fn a_price_is_per_million_tokens() {
        let price = Price { input_usd: 2.0, output_usd: 8.0 };
        assert!((price.cost_usd(1_000_000, 500_000) - 6.0).abs() < 1e-9);
    }
}
