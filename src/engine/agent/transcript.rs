//! The conversation of an agent, kept as it goes: `<flow>/llm/<step>-<agent>-<engine>.jsonl`.
//! In: what was said, by whom. Out: one JSON object a line, with the time, the execution and the attempt.
//! Never: a line that no redactor has seen, a line held back until the end: a kill leaves what was said before.

use serde_json::{Map, Value, json};

use crate::{
    context::Pack,
    engine::{Piece, Task},
    record::ReplyOutcome,
};

use super::AgentWork;

/// One line's text; a longer one is cut with a mark, so that one answer cannot fill the disk.
const LINE_BYTES_MAX: usize = 512 * 1024;
/// Of one attempt; what comes after it is counted in the log.
const TRANSCRIPT_BYTES_MAX: usize = 64 * 1024 * 1024;

pub(crate) struct Transcript<'t> {
    task: &'t Task<'t>,
    path: &'t str,
    bytes: usize,
}

impl<'t> Transcript<'t> {
    pub fn new(task: &'t Task<'t>, work: &'t AgentWork) -> Self {
        Self { task, path: &work.transcript, bytes: 0 }
    }

    /// What is sent before the agent has said anything: `show --prompt` prints exactly these.
    pub async fn prompt(&mut self, work: &AgentWork, pack: &Pack) {
        let about = json!({"event": "started", "engine": work.engine.word(), "model": work.model.name, "agent": work.agent});
        self.line(about).await;
        for (role, content) in [("system", &pack.system), ("user", &pack.prompt)] {
            self.line(json!({"event": "prompt", "role": role, "content": content})).await;
        }
    }

    /// How the work came out: with this line an execution came to its end, and can be replayed.
    pub async fn ended(&mut self, outcome: &ReplyOutcome) {
        let end = match outcome {
            ReplyOutcome::Done | ReplyOutcome::Blocked { .. } => json!({"event": "done"}),
            ReplyOutcome::Failed(one) => {
                json!({"event": "failed", "kind": one.kind, "class": one.class, "message": one.message})
            }
            ReplyOutcome::Interrupted { why } => json!({"event": "interrupted", "message": why}),
        };
        self.line(end).await;
    }

    /// Adds a line. `said` is an object.
    pub async fn line(&mut self, said: Value) {
        let job = self.task.job;
        let mut line = Map::new();
        line.insert("ts".to_owned(), self.task.now().to_string().into());
        line.insert("execution".to_owned(), job.execution.into());
        line.insert("attempt".to_owned(), job.attempt.into());
        if let Value::Object(said) = self.task.redactor.json(said).into_inner() {
            let long = said.values().any(is_long);
            line.extend(said.into_iter().map(|(key, value)| (key, clipped(value))));
            if long {
                // Whoever wants to do it again has to know that this is not all.
                line.insert("clipped".to_owned(), true.into());
            }
        }
        if self.bytes > TRANSCRIPT_BYTES_MAX {
            return;
        }
        let mut text = Value::Object(line).to_string();
        self.bytes += text.len();
        if self.bytes > TRANSCRIPT_BYTES_MAX {
            text =
                json!({"execution": job.execution, "attempt": job.attempt, "event": "capped", "bytes_max": TRANSCRIPT_BYTES_MAX})
                    .to_string();
        }
        text.push('\n');
        let bytes = self.task.redactor.bytes(text.into_bytes());
        self.task.outlet.send(Piece::Line { path: self.path.to_owned(), bytes }).await;
    }
}

/// It holds a text of more than a line's limit.
fn is_long(value: &Value) -> bool {
    match value {
        Value::String(text) => text.len() > LINE_BYTES_MAX,
        Value::Array(items) => items.iter().any(is_long),
        Value::Object(map) => map.values().any(is_long),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Texts of more than a line's limit, cut.
fn clipped(value: Value) -> Value {
    match value {
        Value::String(text) if text.len() > LINE_BYTES_MAX => {
            let cut = text.floor_char_boundary(LINE_BYTES_MAX);
            format!("{}[TRUNCATED: {cut} of {} bytes]", &text[..cut], text.len()).into()
        }
        Value::Array(items) => items.into_iter().map(clipped).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, clipped(value))).collect(),
        other => other,
    }
}
