//! What is known of a step that ended.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::{
    id::Sha256,
    record::{CommandRun, Envelope, Kept, Proof, Status},
};

use super::signature::figures;

/// What later steps may ask about a step that ended.
#[derive(Debug, Clone, PartialEq)]
pub struct StepResult {
    pub status: Status,
    pub passed: bool,
    pub skipped: bool,
    pub exit_code: Option<i32>,
    pub iteration: Option<u32>,
    pub error: Option<Arc<str>>,
    pub choice: Option<Arc<str>>,
    pub note: Option<Arc<str>>,
    pub stdout: Option<Arc<str>>,
    pub stderr: Option<Arc<str>>,
    pub json: Option<Arc<Value>>,
    /// What of its output was too long for expressions.
    pub cut: Cut,
    /// Of steps that speak for themselves.
    pub handoff: Option<Arc<Envelope>>,
    /// Of one that does not, where an expression asks for it.
    pub envelope: Option<Arc<Envelope>>,
    /// Kept while the kernel may still have to route on it.
    pub proof: Option<Arc<Proof>>,
    pub high_concerns: u32,
    pub can_help: Option<bool>,
    /// The work tree that a judge saw.
    pub tree: Option<Sha256>,
    /// How many checks were made of it.
    pub checks: u32,
    /// Its figures, as expressions see them, where there are any.
    pub measured: Option<Arc<Value>>,
}

/// How many bytes a command printed, where that is more than is kept of it. The journal always told how much it was, so
/// runs of before know it too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cut {
    pub stdout: Option<u64>,
    pub stderr: Option<u64>,
}

impl Cut {
    pub(super) fn of(command: &CommandRun, kept: Option<&Kept>) -> Self {
        let cut = |bytes: u64, path: &Option<String>, text: Option<&String>| {
            // Bytes that are no text grow when they are read as one.
            let marked = text.zip(path.as_ref()).is_some_and(|(text, path)| text.ends_with(&Kept::mark(bytes, path)));
            (bytes > Kept::BYTES_MAX as u64 || marked).then_some(bytes)
        };
        Self {
            stdout: cut(command.stdout_bytes, &command.stdout_path, kept.and_then(|kept| kept.stdout.as_ref())),
            stderr: cut(command.stderr_bytes, &command.stderr_path, kept.and_then(|kept| kept.stderr.as_ref())),
        }
    }

    /// Why these fields of the step have no value, by their names; `None`: they have.
    pub(super) fn sentences(self) -> Option<Value> {
        let stream = |name: &str, bytes: u64, instead: &str| {
            let max = Kept::BYTES_MAX;
            json!(format!(
                "has no value: the step printed {bytes} bytes on standard {name}, and at most {max} (64 KiB) are kept for conditions; \
                 filter it in the step, or look at it there with {instead}"
            ))
        };
        let mut fields = Map::new();
        if let Some(bytes) = self.stdout {
            fields.insert("stdout".to_owned(), stream("output", bytes, "`expect.stdout`, which sees all of it"));
            fields.insert("json".to_owned(), stream("output", bytes, "`expect.json`, which reads up to 1 MiB"));
        }
        if let Some(bytes) = self.stderr {
            fields.insert("stderr".to_owned(), stream("error", bytes, "`expect.stderr`, which sees all of it"));
        }
        (!fields.is_empty()).then_some(Value::Object(fields))
    }
}

impl StepResult {
    /// What its failure counts: the numbers that a signature leaves out.
    pub(super) fn figures(&self) -> Option<String> {
        self.error.as_deref().map(figures)
    }
}
