//! What a person is told when something went wrong: a kind, the chain of causes, and hints to paste.
//! In: errors of every layer. Out: text on standard error, or JSON, and an exit code. Never: a secret, a backtrace.

use schemars::JsonSchema;
use serde::Serialize;

/// What kind of wrong it is; each has one exit code (design §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The machine did not let us: disk, permissions, processes.
    System,
    /// The command line.
    Usage,
    /// A flow, agent, config or preflight mistake.
    Invalid,
    /// A person has to answer first.
    Waiting,
    /// A limit was reached.
    Limit,
    /// Not allowed: the lock is held, the answer is not yours.
    Refused,
    /// What is on disk is not what was written.
    Integrity,
}

impl Kind {
    pub fn exit_code(self) -> u8 {
        match self {
            Self::System => 1,
            Self::Usage => 2,
            Self::Invalid => 3,
            Self::Waiting => 4,
            Self::Limit => 5,
            Self::Refused => 6,
            Self::Integrity => 7,
        }
    }
}

/// Every exit code of the program, with what it means. Where steps are concerned it is the run's end, not a command's.
pub const EXIT_CODES: &[(&str, &str)] = &[
    ("0", "done"),
    ("1", "the run failed, or the machine did not let us"),
    ("2", "the command line"),
    ("3", "an invalid flow, agent or config, or something the flow needs is missing"),
    ("4", "waits for a person (`--wait-ok` makes it 0)"),
    ("5", "a limit was reached"),
    ("6", "refused: not allowed, held by another process"),
    ("7", "what is on disk is not what was written"),
    ("130, 143", "interrupted; it can be resumed"),
];

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Error {
    pub kind: Kind,
    pub message: String,
    pub because: Vec<String>,
    pub hints: Vec<String>,
    /// Mistakes in files, each with its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diagnostics: Option<crate::spec::Diagnostics>,
}

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), because: Vec::new(), hints: Vec::new(), diagnostics: None }
    }
    /// A cause with all its sources.
    pub fn because(mut self, cause: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(cause);
        while let Some(cause) = next {
            self.because.push(cause.to_string());
            next = cause.source();
        }
        self
    }
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "error: {}", self.message)?;
        for cause in &self.because {
            write!(f, "\n  because  {}", cause.replace('\n', "\n           "))?;
        }
        for hint in &self.hints {
            write!(f, "\n  hint     {}", hint.replace('\n', "\n           "))?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
