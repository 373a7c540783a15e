//! What settings say of an agent program, as it is written: `[engines.claude]`, `[engines.codex]`, `[engines.cli.<name>]`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::spec::Length;

/// How a program is told what to do.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PromptBy {
    #[default]
    Stdin,
    /// The last argument.
    Argument,
}

/// What its standard output is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutputAs {
    /// All of it is the answer.
    #[default]
    Text,
    /// One object.
    Json,
    /// One object a line.
    Jsonl,
}

/// Where things stand in what it prints, as JSON pointers.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldsText {
    /// `POINTER=VALUE`: the event that says that the work has ended.
    pub end: Option<String>,
    /// What it answers.
    pub answer: Option<String>,
    /// The name of its session, so that a repair goes on in it.
    pub session: Option<String>,
    /// Anything but absent, null, false or empty there is a failure.
    pub error: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    /// Tokens that it read.
    pub prompt_tokens: Option<String>,
    /// Tokens that it wrote.
    pub completion_tokens: Option<String>,
    /// What it cost.
    pub cost_usd: Option<String>,
}

/// The keys that every program has.
#[derive(Debug, Default, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProgramFile {
    /// The program, on PATH or by its path; `claude`, `codex`.
    pub command: Option<String>,
    /// Put behind our own arguments.
    pub args: Option<Vec<String>>,
    /// Its server, where it is not its own.
    pub base_url: Option<String>,
    /// The variable that holds its key, where it is set; `ANTHROPIC_API_KEY`, `CODEX_API_KEY`.
    pub api_key_env: Option<String>,
    /// Names of variables that it sees besides those of the step.
    pub env: Option<Vec<String>>,
    /// How long it may say nothing before it is ended as `hung`; `10m`.
    pub idle: Option<Length>,
    /// Names behind the tiers; of Claude Code `haiku`, `sonnet`, `opus`.
    pub models: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CliFile {
    /// The program, on PATH or by its path.
    pub command: String,
    /// Its arguments.
    pub args: Option<Vec<String>>,
    /// How it is told what to do.
    #[serde(default)]
    pub prompt: PromptBy,
    /// What its standard output is.
    #[serde(default)]
    pub output: OutputAs,
    /// Where things stand in what it prints.
    #[serde(default)]
    pub fields: FieldsText,
    /// The flag before a model.
    pub model_flag: Option<String>,
    /// The flag before the name of a session.
    pub resume_flag: Option<String>,
    /// Its server.
    pub base_url: Option<String>,
    /// The variable in which it looks for the server.
    pub base_url_env: Option<String>,
    /// The variable that holds its key.
    pub api_key_env: Option<String>,
    /// Names of variables that it sees besides those of the step.
    pub env: Option<Vec<String>>,
    /// Arguments for `access: observe`; without them such a step is refused.
    pub observe: Option<Vec<String>>,
    /// Arguments that make it print its version.
    pub version: Option<Vec<String>>,
    /// How long it may say nothing before it is ended as `hung`; `10m`.
    pub idle: Option<Length>,
    /// Names behind the tiers.
    pub models: Option<BTreeMap<String, String>>,
}
