//! The small closed vocabularies of the flow language.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($(#[$vdoc:meta])* $variant:ident),+ $(,)? } default $default:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $type { $($(#[$vdoc])* $variant),+ }
        impl Default for $type {
            fn default() -> Self {
                Self::$default
            }
        }
    };
}

words!(/// What a step may touch.
    Access { /// Reads only: may not write outside its own directory and tmp.
        Observe, Change } default Change);
words!(/// Whom a step may talk to.
    Network { /// Nobody: its processes have no sockets.
        None, Open } default Open);
words!(/// What a finding of `scan` does.
    OnFinding { /// Stops the run, all its branches.
        Fatal, /// Fails the step; `on_failure` says what then.
        Fail } default Fatal);
words!(/// What happens if a step runs twice.
    Effects { None, Idempotent, /// Must not be repeated without a person's word.
        Once } default Idempotent);
words!(/// What a failed step does to its flow.
    OnFailure { Stop, Escalate, Continue, Rollback } default Stop);
words!(/// How far an escalation stops the run.
    Halt { Branch, Run } default Branch);
words!(/// What a loop does when its rounds are spent.
    OnExhausted { Escalate, Continue, Stop } default Escalate);
words!(/// What a question does when its time is up.
    OnTimeout { /// Keep waiting.
        Wait, Fail, Reject, Escalate, /// Loud in the receipt, and refused unless `expires` is written too.
        Approve } default Wait);
words!(/// How the output of a `verify` command is read.
    ParseAs { Exit, CargoTest, /// `cargo nextest run`, which prints on standard error.
        Nextest, Pytest, /// `go test -json`.
        GoTest, Junit, Tap, Sarif, /// `cargo clippy --message-format=json`, and `cargo check` alike.
        Clippy, /// `eslint -f json`.
        Eslint, /// `ruff check --output-format json`.
        Ruff, Cobertura, Lcov, /// `llvm-cov export`, `cargo llvm-cov --json`.
        LlvmCov, /// `coverage-summary.json` of istanbul, nyc, c8, jest, vitest.
        Istanbul } default Exit);
words!(/// Which figures of the receipt findings become.
    CountsAs { Lint, Security } default Lint);
words!(/// What is measured of a step besides its contract.
    Measure { /// What it changes in the repository around the workspace; agent steps are measured so anyway.
        Changes } default Changes);

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    Nothing,
    Tests,
    Findings,
    Coverage,
}

impl ParseAs {
    pub const fn about(self) -> About {
        match self {
            Self::Exit => About::Nothing,
            Self::CargoTest | Self::Nextest | Self::Pytest | Self::GoTest | Self::Junit | Self::Tap => About::Tests,
            Self::Sarif | Self::Clippy | Self::Eslint | Self::Ruff => About::Findings,
            Self::Cobertura | Self::Lcov | Self::LlvmCov | Self::Istanbul => About::Coverage,
        }
    }
}

/// The engines an agent step can be given to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EngineText {
    Openai,
    /// Claude Code, as a program on this machine.
    Claude,
    /// Codex, as a program on this machine.
    Codex,
    /// A program that settings describe: `[engines.cli.<name>]`.
    Cli,
    Stub,
    Replay,
}

/// How bad it is; `HIGH` in files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    Low,
    #[default]
    Medium,
    High,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
        })
    }
}

/// A role that a person can have, as config's `reviewers` lists them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Role(pub String);

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
