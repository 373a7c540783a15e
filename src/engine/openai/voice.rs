//! Who answers: a server, or a recording of one.
//! In: a request. Out: an answer. Never: a recorded answer paid for.

use std::collections::VecDeque;

use serde_json::json;

use crate::{
    engine::agent::{Broken, OpenAi},
    record::{ErrorClass, Failure, FailureKind},
};

use super::{Shared, answer::Answer, converse::Talk, host};

pub(crate) enum Voice<'t> {
    Server(&'t OpenAi),
    Tape(Box<Tape>),
}

impl Voice<'_> {
    pub fn shared(&self) -> &Shared {
        match self {
            Self::Server(server) => &server.shared,
            Self::Tape(tape) => &tape.shared,
        }
    }

    /// What receipts call the provider.
    pub fn provider(&self) -> &str {
        match self {
            Self::Server(server) => host(&server.base_url),
            Self::Tape(_) => "recording",
        }
    }

    /// Where a replayed conversation is not the recorded one.
    pub fn drift(self) -> Vec<String> {
        match self {
            Self::Server(_) => Vec::new(),
            Self::Tape(tape) => tape.drift,
        }
    }

    /// Holds what a tool told now against what it told when this was recorded. Returns the difference.
    pub fn hold(&mut self, tool: &str, text: &str) -> Option<String> {
        match self {
            Self::Server(_) => None,
            Self::Tape(tape) => tape.hold(tool, text),
        }
    }
}

impl Talk<'_, '_, '_> {
    /// A replay took another way than the recording: it ends there, or says so.
    pub(super) async fn drift(&mut self, how: String) -> Result<(), Broken> {
        let line = json!({"event": "drift", "message": how});
        self.transcript.line(line.clone()).await;
        self.log(line).await;
        match &mut self.voice {
            Voice::Server(_) => Ok(()),
            Voice::Tape(tape) if tape.lenient => {
                tape.drift.push(how);
                Ok(())
            }
            Voice::Tape(_) => Err(Broken::failed(FailureKind::Drift, ErrorClass::Permanent, how)),
        }
    }
}

/// One recorded conversation, from its beginning.
pub(crate) struct Tape {
    pub shared: Shared,
    /// Answers of the model, in order.
    pub answers: VecDeque<Answer>,
    /// What its tools told it, in order.
    pub results: VecDeque<Told>,
    /// Tools were called in words, because the server had none.
    pub tools_in_words: bool,
    /// How it ended, if it did without a handoff.
    pub failed: Option<Failure>,
    pub lenient: bool,
    /// Where this conversation is not the recorded one.
    pub drift: Vec<String>,
}

/// The result of a tool, as it was told to the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub tool: String,
    pub text: String,
}

impl Tape {
    /// # Errors
    /// The recording ends here: as it did then, or because this conversation took another way.
    pub fn next(&mut self) -> Result<Answer, Failure> {
        self.answers.pop_front().ok_or_else(|| {
            self.failed.clone().unwrap_or_else(|| Failure {
                kind: FailureKind::Drift,
                class: ErrorClass::Permanent,
                message: "the recording has no further answer: this conversation is longer than the recorded one".to_owned(),
                exit_code: None,
            })
        })
    }

    /// Holds what a tool told now against what it told then. Only how it came out counts: times, paths and sizes in a text
    /// are seldom the same twice. Returns the difference.
    pub fn hold(&mut self, tool: &str, text: &str) -> Option<String> {
        let then = self.results.pop_front()?;
        if then.tool == tool && outcome(tool, &then.text) == outcome(tool, text) {
            return None;
        }
        Some(format!(
            "{tool} told `{}`, and in the recording {} told `{}`",
            outcome(tool, text),
            then.tool,
            outcome(&then.tool, &then.text)
        ))
    }
}

/// How a call came out, in a few words.
fn outcome<'t>(tool: &str, text: &'t str) -> &'t str {
    let first = text.lines().next().unwrap_or_default();
    if first.starts_with("error: ") {
        "an error"
    } else if tool == "run_command" {
        first
    } else {
        "a result"
    }
}
