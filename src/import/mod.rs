//! A Markdown runbook as the draft of a flow.
//! In: the bytes of a runbook. Out: YAML, and what of the runbook is not in it. Never: a secret of the runbook, a file written.

mod blanks;
mod branches;
mod document;
mod draft;
mod hints;
mod mend;
mod names;
mod params;
mod read;
mod sections;
mod shell;
mod understand;
mod yaml;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{rails::assigned_secrets, redact::shapes_in};

pub use draft::Kept;

/// A larger file is no runbook, and would be no flow.
pub const RUNBOOK_BYTES_MAX: usize = 256 * 1024;
/// A flow's file may have so many; a runbook within the limit above seldom gives half of it.
const FLOW_BYTES_MAX: usize = 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRunbook {
    #[error("it has {0} bytes; at most {RUNBOOK_BYTES_MAX} are read")]
    TooBig(usize),
    #[error("line {0} is not UTF-8")]
    NotText(usize),
    #[error("line {0} has a NUL byte, so it is no Markdown")]
    Nul(usize),
    #[error("nothing in it is something to do: no commands, no lists")]
    NothingToDo,
    #[error("it has more than {max} {what}, which is more than one flow: import its parts one by one")]
    TooMany { what: &'static str, max: usize },
    #[error("its flow would have {0} bytes, and at most {FLOW_BYTES_MAX} are read: import its parts one by one")]
    FlowTooBig(usize),
    #[error("a secret ({0}) would be in the flow: take it out of the runbook, and name a variable there")]
    SecretLeft(String),
}

/// A step that was drafted.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Drafted {
    pub id: String,
    /// Of the runbook.
    pub line: u32,
    /// `run` or `ask`.
    pub verb: String,
    /// A person is asked before it, because of this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<String>,
}

/// A secret that stood in the runbook.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HeldBack {
    pub line: u32,
    /// What it looked like.
    pub shape: String,
    /// The environment variable that stands in its place.
    pub variable: String,
}

pub struct Imported {
    pub yaml: String,
    pub steps: Vec<Drafted>,
    pub params: Vec<String>,
    pub secrets: Vec<String>,
    pub held_back: Vec<HeldBack>,
    pub kept: Vec<Kept>,
}

/// The flow's key that a name of a file, or any other text, gives.
pub fn key_of(name: &str) -> String {
    names::kebab(name, "runbook")
}

/// # Errors
/// The bytes are no runbook.
pub fn import(bytes: &[u8], key: &str, source: &str) -> Result<Imported, NoRunbook> {
    if bytes.len() > RUNBOOK_BYTES_MAX {
        return Err(NoRunbook::TooBig(bytes.len()));
    }
    let line_at = |at: usize| memchr::memchr_iter(b'\n', &bytes[..at]).count() + 1;
    if let Some(at) = memchr::memchr(0, bytes) {
        return Err(NoRunbook::Nul(line_at(at)));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| NoRunbook::NotText(line_at(error.valid_up_to())))?;
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    let (text, held_back) = hold_back(&text);
    let mut draft = understand::from_text(&text);
    if let Some((what, max)) = draft.over {
        return Err(NoRunbook::TooMany { what, max });
    }
    if draft.steps.is_empty() {
        return Err(NoRunbook::NothingToDo);
    }
    if draft.title.is_empty() {
        draft.title = key.to_owned();
    }
    let steps = draft.steps.iter().map(|step| {
        let (verb, changes) = match &step.verb {
            draft::Verb::Run(run) => ("run", run.changes.clone()),
            draft::Verb::Ask(_) => ("ask", None),
        };
        Drafted { id: step.id.clone(), line: step.line, verb: verb.to_owned(), changes }
    });
    draft.kept.sort_by_key(|kept| kept.line);
    let yaml = yaml::write(&draft, key, source);
    if yaml.len() > FLOW_BYTES_MAX {
        return Err(NoRunbook::FlowTooBig(yaml.len()));
    }
    // The runbook had its secrets taken out; pieces of it that now stand side by side may look like one.
    if let Some(found) = shapes_in(yaml.as_bytes()).first() {
        return Err(NoRunbook::SecretLeft(found.name.to_owned()));
    }
    Ok(Imported {
        steps: steps.collect(),
        params: draft.params.iter().map(|param| param.name.clone()).collect(),
        secrets: draft.secrets.iter().cloned().collect(),
        held_back,
        yaml,
        kept: draft.kept,
    })
}

/// Every secret by its shape or by the name it is given to becomes a variable; lines stay where they are.
fn hold_back(text: &str) -> (String, Vec<HeldBack>) {
    let shapes = shapes_in(text.as_bytes()).into_iter().map(|found| (found.start, found.end, found.name.to_owned()));
    let assigned = assigned_secrets(text).into_iter().map(|(start, end)| (start, end, "assigned secret".to_owned()));
    let mut places: Vec<(usize, usize, String)> = shapes.chain(assigned).collect();
    places.sort();
    let (mut out, mut held, mut done, mut line) = (String::new(), Vec::new(), 0, 1);
    for (start, end, shape) in places {
        let (Some(before), Some(secret)) = (text.get(done..start), text.get(start..end)) else { continue };
        out.push_str(before);
        line += u32::try_from(before.matches('\n').count()).unwrap_or(0);
        let variable = format!("RUNBOOK_SECRET_{}", held.len() + 1);
        out.push_str(&format!("${{{variable}}}"));
        let lines = secret.matches('\n').count();
        out.push_str(&"\n".repeat(lines));
        held.push(HeldBack { line, shape, variable });
        line += u32::try_from(lines).unwrap_or(0);
        done = end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    (out, held)
}
