//! A program that performs agents, with everything that is known of it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use secrecy::SecretString;
use tokio::sync::OnceCell;

use crate::{
    engine::agent::{AgentWork, Parking, Tools},
    id::{AgentKey, ProgramName},
    record::EngineWord,
    spec::Network,
};

use super::{
    claude, codex,
    converse::Session,
    heard::Heard,
    other::{self, Fields, OutputForm, PromptWay},
    trouble::Trouble,
};

/// Which program, and how it is talked to.
#[derive(Debug, Clone)]
pub enum Dialect {
    Claude,
    Codex,
    Other(Box<Other>),
}

/// A program that only settings know.
#[derive(Debug, Clone)]
pub struct Other {
    pub name: ProgramName,
    pub prompt: PromptWay,
    pub output: OutputForm,
    pub fields: Fields,
    pub model_flag: Option<String>,
    pub resume_flag: Option<String>,
    pub base_url_env: Option<String>,
    /// Arguments with which it only reads.
    pub observe: Option<Vec<String>>,
    pub version: Option<Vec<String>>,
}

/// A key, and the variable that holds it. Never printed: `SecretString` hides it in `Debug`.
#[derive(Debug, Clone)]
pub struct ApiKey {
    pub variable: String,
    pub value: SecretString,
}

#[derive(Debug, Clone)]
pub struct Program {
    pub dialect: Dialect,
    /// A name on PATH, or a path.
    pub command: String,
    /// Put behind ours.
    pub args: Vec<String>,
    /// `None`: its own server.
    pub base_url: Option<String>,
    pub key: Option<ApiKey>,
    /// Besides the step's own environment.
    pub env: BTreeMap<String, String>,
    pub idle: Duration,
    pub shared: Shared,
}

/// What all steps of a run know of one program.
#[derive(Clone, Default)]
pub struct Shared(pub(super) Arc<Inner>);

#[derive(Default)]
pub(super) struct Inner {
    pub version: OnceCell<Option<String>>,
    pub parking: Parking<Session>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

/// One run of the program.
pub(super) struct Order<'o> {
    pub work: &'o AgentWork,
    pub system: &'o str,
    pub prompt: &'o str,
    /// To be gone on with.
    pub session: Option<&'o str>,
    /// For files that it is told of; gone when it has ended.
    pub scratch: &'o Path,
    /// Directories outside of the workspace that the step may write in.
    pub writable: &'o [PathBuf],
    pub usd_max: Option<f64>,
}

/// How it is started.
pub(super) struct Line {
    pub args: Vec<String>,
    pub stdin: String,
    pub env: BTreeMap<String, String>,
}

impl Program {
    pub const fn word(&self) -> EngineWord {
        match self.dialect {
            Dialect::Claude => EngineWord::Claude,
            Dialect::Codex => EngineWord::Codex,
            Dialect::Other(_) => EngineWord::Cli,
        }
    }

    /// As people call it.
    pub fn name(&self) -> &str {
        match &self.dialect {
            Dialect::Claude => "claude",
            Dialect::Codex => "codex",
            Dialect::Other(other) => other.name.as_str(),
        }
    }

    /// Whose models they are, as far as that is known.
    pub fn provider(&self) -> String {
        let usual = match &self.dialect {
            Dialect::Claude => "api.anthropic.com",
            Dialect::Codex => "api.openai.com",
            Dialect::Other(other) => other.name.as_str(),
        };
        self.base_url.as_deref().map_or(usual, crate::engine::openai::host).to_owned()
    }

    /// Why this agent cannot be held to its tools by this program.
    ///
    /// # Errors
    /// A sentence.
    pub fn can_hold(&self, agent: &AgentKey, tools: &Tools) -> Result<(), String> {
        match &self.dialect {
            Dialect::Claude => Ok(()),
            Dialect::Codex => codex::can_hold(agent, tools),
            Dialect::Other(other) => other::can_hold(other, agent, tools),
        }
    }

    /// It has to reach its service, and starts its commands itself.
    ///
    /// # Errors
    /// A sentence.
    pub fn can_be_silent(&self, network: Network) -> Result<(), String> {
        match network {
            Network::Open => Ok(()),
            Network::None => Err(format!(
                "`network: none` cannot hold `{}`, which needs the network itself; remove it, or use `engine: openai`",
                self.name()
            )),
        }
    }

    /// It says what its runs cost, or at least how many tokens they took.
    pub fn tells_cost(&self) -> bool {
        match &self.dialect {
            Dialect::Claude => true,
            Dialect::Codex => false,
            Dialect::Other(other) => other.fields.cost_usd.is_some(),
        }
    }

    /// It can be held to a number of turns.
    pub const fn counts_turns(&self) -> bool {
        match &self.dialect {
            Dialect::Claude | Dialect::Codex => true,
            Dialect::Other(_) => false,
        }
    }

    /// With what an agent is kept to what it may do.
    pub const fn enforces(&self) -> &'static str {
        match self.dialect {
            Dialect::Claude => "tools",
            Dialect::Codex => "sandbox of codex",
            Dialect::Other(_) => "arguments of the program",
        }
    }

    /// It can be told to go on with what it did before.
    pub(super) fn resumes(&self) -> bool {
        match &self.dialect {
            Dialect::Claude | Dialect::Codex => true,
            Dialect::Other(other) => other.resume_flag.is_some(),
        }
    }

    /// Its figures are of the whole session, not of one run.
    pub(super) const fn counts_sessions(&self) -> bool {
        match &self.dialect {
            Dialect::Codex => true,
            Dialect::Claude | Dialect::Other(_) => false,
        }
    }

    /// # Errors
    /// A file of the scratch directory that cannot be written.
    pub(super) fn line(&self, order: &Order<'_>) -> std::io::Result<Line> {
        let mut line = match &self.dialect {
            Dialect::Claude => claude::line(self, order)?,
            Dialect::Codex => codex::line(self, order)?,
            Dialect::Other(other) => other::line(other, self, order),
        };
        line.env.extend(self.env.clone());
        Ok(line)
    }

    /// Arguments with which it says its version.
    pub(super) fn version_args(&self) -> Option<Vec<String>> {
        match &self.dialect {
            Dialect::Claude | Dialect::Codex => Some(vec!["--version".to_owned()]),
            Dialect::Other(other) => other.version.clone(),
        }
    }

    /// Takes one line of its output in.
    pub(super) fn hear(&self, line: &serde_json::Value, heard: &mut Heard) {
        match &self.dialect {
            Dialect::Claude => claude::hear(line, heard),
            Dialect::Codex => codex::hear(line, heard),
            Dialect::Other(other) => other::hear(other, line, heard),
        }
    }

    /// Its output is read line by line, each a JSON object.
    pub(super) fn speaks_lines(&self) -> bool {
        match &self.dialect {
            Dialect::Claude | Dialect::Codex => true,
            Dialect::Other(other) => matches!(other.output, OutputForm::Jsonl),
        }
    }

    /// Takes the whole of its output in, where that is no list of lines.
    pub(super) fn hear_whole(&self, text: &str, heard: &mut Heard) {
        match &self.dialect {
            Dialect::Claude | Dialect::Codex => {}
            Dialect::Other(other) => other::hear_whole(other, text, heard),
        }
    }

    /// What an old or a new version does not know.
    pub(super) fn unknown_option(&self, said: &str) -> Option<Trouble> {
        let lower = said.to_lowercase();
        let unknown = ["unknown option", "unexpected argument", "unrecognized option"].iter().any(|word| lower.contains(word));
        let version = self.shared.0.version.get().and_then(Option::as_deref).map(|version| format!(" ({version})"));
        let version = version.unwrap_or_default();
        unknown.then(|| {
            Trouble::spawn(format!("this version of {}{version} does not know how it is called here: {said}", self.name()))
        })
    }
}

/// Strings of a list, for a vector of arguments.
pub(super) fn words<const N: usize>(list: [&str; N]) -> Vec<String> {
    list.map(str::to_owned).to_vec()
}
