//! What a model can do besides speaking: six tools, each under the step's rails.
//! In: a tool's name and arguments as the model wrote them. Out: text for the model, capped and redacted.
//! Never: a path outside of the workspace and the flow's artifacts, a tool that the step does not have, an error that
//! stops the conversation: whatever goes wrong is told to the model.

mod command;
mod files;
mod place;
mod search;

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    engine::{Task, agent::Tool, contract::roots},
    measure::Roots,
    record::CommandRun,
};

/// Text of one result. A model reads a page at a time; more would fill its window.
pub(super) const RESULT_BYTES_MAX: usize = 32 * 1024;

/// The tools of one step.
pub(super) struct Toolbox<'t> {
    task: &'t Task<'t>,
    roots: Roots,
    allowed: BTreeSet<Tool>,
    /// What was run, for the receipt.
    pub commands: Vec<CommandRun>,
}

/// What came of one call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// Text for the model.
    Told(String),
    /// The arguments cannot be read; why, for the model.
    Malformed(String),
    /// The step was stopped, or its time is up, while the tool worked.
    Stopped,
}

impl<'t> Toolbox<'t> {
    pub fn new(task: &'t Task<'t>, allowed: &BTreeSet<Tool>) -> Self {
        Self { task, roots: roots(task), allowed: allowed.clone(), commands: Vec::new() }
    }

    /// Their descriptions for a server, as functions.
    pub fn described(&self) -> Vec<Value> {
        self.allowed.iter().map(|tool| json!({"type": "function", "function": described(*tool)})).collect()
    }

    /// Does what a model asked for.
    pub async fn call(&mut self, name: &str, arguments: &str) -> Done {
        let Some(tool) = Tool::named(name) else {
            return Done::Malformed(format!("there is no tool `{name}`; there is: {}", self.names()));
        };
        if !self.allowed.contains(&tool) {
            return Done::Malformed(format!("this step may not use `{name}`; it may use: {}", self.names()));
        }
        let done = match tool {
            Tool::ReadFile => match read(arguments) {
                Ok(asked) => files::read(&self.roots, asked).await,
                Err(why) => return Done::Malformed(why),
            },
            Tool::ListFiles => match read(arguments) {
                Ok(asked) => search::list(&self.roots, asked).await,
                Err(why) => return Done::Malformed(why),
            },
            Tool::Search => match read(arguments) {
                Ok(asked) => search::search(&self.roots, asked).await,
                Err(why) => return Done::Malformed(why),
            },
            Tool::WriteFile => match read(arguments) {
                Ok(asked) => files::write(self.task, &self.roots, asked).await,
                Err(why) => return Done::Malformed(why),
            },
            Tool::EditFile => match read(arguments) {
                Ok(asked) => files::edit(self.task, &self.roots, asked).await,
                Err(why) => return Done::Malformed(why),
            },
            Tool::RunCommand => match read(arguments) {
                Ok(asked) => match command::run(self.task, asked, &mut self.commands).await {
                    Some(told) => Ok(told),
                    None => return Done::Stopped,
                },
                Err(why) => return Done::Malformed(why),
            },
        };
        let text = done.unwrap_or_else(|why| format!("error: {why}"));
        // Redacted before it is sent: what the model never saw, it cannot repeat.
        Done::Told(capped(self.task.redactor.text(&text).into_inner()))
    }

    fn names(&self) -> String {
        if self.allowed.is_empty() {
            return "none".to_owned();
        }
        self.allowed.iter().map(|tool| tool.name()).collect::<Vec<_>>().join(", ")
    }
}

fn read<T: DeserializeOwned>(arguments: &str) -> Result<T, String> {
    let text = if arguments.trim().is_empty() { "{}" } else { arguments };
    serde_json::from_str(text).map_err(|error| format!("the arguments are not what the tool takes: {error}"))
}

/// The beginning of a result, with a mark of what was cut.
fn capped(text: String) -> String {
    if text.len() <= RESULT_BYTES_MAX {
        return text;
    }
    let cut = text.floor_char_boundary(RESULT_BYTES_MAX);
    format!("{}\n[TRUNCATED: {} of {} bytes shown]", &text[..cut], cut, text.len())
}

fn described(tool: Tool) -> Value {
    let text = |what: &str| json!({"type": "string", "description": what});
    let number = |what: &str| json!({"type": "integer", "minimum": 1, "description": what});
    let path = || text("Relative to the workspace; `artifacts/…` is this flow's artifacts");
    let (what, properties, required) = match tool {
        Tool::ReadFile => (
            "Reads a text file, whole or some of its lines. Lines are numbered in the answer.",
            json!({"path": path(), "from_line": number("First line, from 1"), "lines": number("How many lines")}),
            json!(["path"]),
        ),
        Tool::ListFiles => (
            "Lists files below a directory, with their sizes.",
            json!({"path": text("The directory; left out, the workspace"), "glob": text("Only these, like `src/**/*.py`")}),
            json!([]),
        ),
        Tool::Search => (
            "Finds lines that match a regular expression, in all text files below a path.",
            json!({"pattern": text("Regular expression, as in Rust or RE2"), "path": text("A directory or file; left out, the workspace"),
                   "glob": text("Only in these files, like `*.py`")}),
            json!(["pattern"]),
        ),
        Tool::WriteFile => (
            "Writes a whole file; directories on the way are made. A file that is there is replaced.",
            json!({"path": path(), "content": text("The whole text")}),
            json!(["path", "content"]),
        ),
        Tool::EditFile => (
            "Replaces text in a file. `old` must stand in it exactly once, unless `all` is true.",
            json!({"path": path(), "old": text("Text as it stands there, without line numbers"), "new": text("What takes its place"),
                   "all": {"type": "boolean", "description": "Replace every place"}}),
            json!(["path", "old", "new"]),
        ),
        Tool::RunCommand => (
            "Runs shell text (sh -eu) in the workspace and gives exit code and output. It has no standard input.",
            json!({"command": text("Shell text"), "timeout_s": {"type": "number", "description": "Seconds until it is ended; left out, 120"}}),
            json!(["command"]),
        ),
    };
    let parameters = json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
    json!({"name": tool.name(), "description": what, "parameters": parameters})
}

#[cfg(test)]
mod tests;
