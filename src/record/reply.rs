//! What an engine says when it is done with one attempt. An engine reports; it decides nothing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{FramePath, Sha256, Time};

use super::{
    entry::LimitName,
    envelope::Draft,
    figures::{ChangeFigures, CoverageFigures, Figures, FindingFigures},
    proof::{Check, Claim, CommandRun, ContextManifest, InputFile, OutputFile, Sandbox, Switch, Tokens},
    words::{EngineWord, ErrorClass, FailureKind, Mode},
};

/// One of a command's two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    Stdout,
    Stderr,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    pub kind: FailureKind,
    pub class: ErrorClass,
    /// One or a few lines; already redacted.
    pub message: String,
    pub exit_code: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ReplyOutcome {
    /// The work ended; `checks` say whether the contract holds.
    Done,
    Failed(Failure),
    /// What the step needs is not there.
    Blocked {
        missing: Vec<String>,
    },
    /// Stopped on our own wish (shutdown, cancel); its effects may be half there.
    Interrupted {
        why: String,
    },
}

/// A limit of a flow that the next call of a model would have passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitHit {
    /// Whose limit it is: the step's flow, or one around it.
    pub flow: FramePath,
    pub limit: LimitName,
    /// In the limit's own unit.
    pub used: u64,
    pub max: u64,
}

/// Limits of a flow on the calls of its models; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallLimits {
    pub tokens_max: Option<u64>,
    pub usd_millionths_max: Option<u64>,
    pub turns_max: Option<u64>,
    /// Calls whose cost is not known.
    pub unknown_max: Option<u64>,
}

/// Text of the output that expressions and templates ask for, cut to `KEPT_BYTES_MAX`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Kept {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<serde_json::Value>,
}

impl Kept {
    /// 64 KiB: an expression looks at a figure or a line; whoever wants more reads the file.
    pub const BYTES_MAX: usize = 64 * 1024;

    /// How a text ends that was cut.
    pub fn mark(bytes: u64, path: &str) -> String {
        format!("\n[TRUNCATED: {bytes} bytes, full at {path}]")
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    pub outcome: ReplyOutcome,
    pub engine: EngineWord,
    pub mode: Mode,
    pub started_at: Time,
    pub completed_at: Time,
    pub exit_code: Option<i32>,
    pub commands: Vec<CommandRun>,
    pub inputs: Vec<InputFile>,
    pub outputs: Vec<OutputFile>,
    pub checks: Vec<Check>,
    pub tests: Option<Figures>,
    pub lint: Option<Box<Figures<FindingFigures>>>,
    pub security: Option<Box<Figures<FindingFigures>>>,
    pub coverage: Option<Box<Figures<CoverageFigures>>>,
    pub changes: Option<Box<Figures<ChangeFigures>>>,
    pub claims: Vec<Claim>,
    /// What the step says of itself; commands say nothing.
    pub draft: Option<Draft>,
    pub kept: Kept,
    /// The last lines of standard error, for people and for failure signatures; at most 4 KiB.
    pub stderr_tail: String,
    /// Whose model it was, and which.
    pub provider: Option<String>,
    pub model: Option<String>,
    pub tokens: Option<Tokens>,
    /// `None`: not known. Never 0 for want of a price.
    pub cost_usd: Option<f64>,
    /// Models that were left for the next one of their list.
    pub switches: Vec<Switch>,
    pub transcript_path: Option<String>,
    /// What an agent was told.
    pub context: Option<Box<ContextManifest>>,
    /// Programs that did the work, with their versions.
    pub tool_versions: BTreeMap<String, String>,
    /// A server said how long to wait before the next attempt.
    pub retry_after_ms: Option<u64>,
    /// Why it was interrupted, where a limit was the reason.
    pub limit: Option<LimitHit>,
    pub sandbox: Option<Sandbox>,
    /// Of the work tree, where the step judges a loop.
    pub tree: Option<Sha256>,
}

impl Reply {
    /// A reply with nothing in it but how it ended.
    pub fn new(outcome: ReplyOutcome, engine: EngineWord, mode: Mode, started_at: Time, completed_at: Time) -> Self {
        Self {
            outcome,
            engine,
            mode,
            started_at,
            completed_at,
            exit_code: None,
            commands: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            checks: Vec::new(),
            tests: None,
            lint: None,
            security: None,
            coverage: None,
            changes: None,
            claims: Vec::new(),
            draft: None,
            kept: Kept::default(),
            stderr_tail: String::new(),
            provider: None,
            model: None,
            tokens: None,
            cost_usd: None,
            switches: Vec::new(),
            transcript_path: None,
            context: None,
            tool_versions: BTreeMap::new(),
            retry_after_ms: None,
            limit: None,
            sandbox: None,
            tree: None,
        }
    }
}
