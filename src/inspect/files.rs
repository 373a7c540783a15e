//! The files of one execution: which there are, and what stands in them.
//! In: a view, a run's directory, what is asked for. Out: paths and content, or the sentence why there is none.
//! Never: a path that a step made up, a receipt or handoff taken from the disk, more than `FILE_BYTES_MAX` in memory.

use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    id::{FramePath, RunId, StepRef, Time},
    kernel::Slot,
    ledger::{InRun, RunDir, Tombstones},
    record::{At, DecisionKind, ReceiptStatus, Status},
    spec::Verb,
};

use super::{
    by_word::{MarkedDone, marked_done},
    figures::{path_in, receipt_path},
    view::{Execution, RunView},
    words::count,
};

mod made;
mod text;

/// More of one file than anybody reads on a terminal.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    Receipt,
    Handoff,
    Log,
    Transcript,
    Prompt,
}

/// `show RUN STEP --json`: all executions of a step and their files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepFiles {
    pub run_id: RunId,
    pub flow_path: FramePath,
    pub step_id: StepRef,
    pub executions: Vec<ExecutionFiles>,
    /// Of a `for_each` step: its items, each of which has executions of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<StepRef>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExecutionFiles {
    pub execution: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iteration: Option<u32>,
    pub started_at: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_status: Option<ReceiptStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoff_status: Option<Status>,
    /// A person's word stands in the place of a measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marked_done: Option<MarkedDone>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionKind>,
    /// Its result counts now.
    pub counts: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoff: Option<String>,
    pub log: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<String>,
    /// Whole output of its commands.
    pub output: Vec<String>,
}

/// `show RUN STEP --receipt --json` and the like: one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShownFile {
    pub run_id: RunId,
    pub flow_path: FramePath,
    pub step_id: StepRef,
    pub execution: u32,
    pub kind: FileKind,
    /// Relative to RUN_BASE; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Its content: an object for a receipt or handoff, a list of objects for a log, transcript or prompt.
    pub content: Value,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<String>,
    /// What stands on disk is not what the journal says, in a sentence. A receipt or handoff is shown as the journal has it all the same;
    /// the lines of a log as they stand there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    #[error("step {step} has not run yet")]
    NotRun { step: StepRef },
    #[error("step {step} has no execution {execution}; it has {has}")]
    NoExecution { step: StepRef, execution: u32, has: String },
    #[error("{path} is recorded but not on disk; `flow-studio verify --repair` makes anew what the journal has")]
    Gone { path: String },
    #[error("{path} is not there any longer: retention removed it ({by}), as retention.jsonl says")]
    Pruned { path: String, by: String },
    #[error("{path} could not be read")]
    Io { path: String, source: io::Error },
}

pub fn step_files(view: &RunView, at: &At) -> StepFiles {
    let of = |one: &Execution| ExecutionFiles {
        execution: one.number,
        iteration: one.iteration,
        started_at: one.started_at,
        ended_at: one.ended_at(),
        receipt_status: one.proof().map(|proof| proof.status).or(one.lost_at.map(|_| ReceiptStatus::Interrupted)),
        handoff_status: one.handoff().map(|handoff| handoff.status),
        marked_done: marked_done(view, one),
        decision: one.decision().map(|decision| decision.decision),
        counts: one.set_aside.is_none(),
        receipt: receipt_path(view, at, one),
        handoff: path_in(view, at, one, "handoffs"),
        log: log_path(at),
        transcript: one.proof().and_then(|proof| proof.transcript_path.clone()),
        output: output(one),
    };
    StepFiles {
        run_id: view.run_id.clone(),
        flow_path: at.flow.clone(),
        step_id: at.step.clone(),
        executions: view.executions(at).iter().map(of).collect(),
        items: items(view, at),
    }
}

fn items(view: &RunView, at: &At) -> Vec<StepRef> {
    let Some(frame) = view.state.frame(&at.flow) else { return Vec::new() };
    let Some(slot) = frame.slot(&at.step).filter(|slot| slot.item.is_none()) else { return Vec::new() };
    let group = frame.state(slot).and_then(|state| state.group.as_ref());
    let count = group.map_or(0, |group| u32::try_from(group.items.len()).unwrap_or(u32::MAX));
    (0..count).map(|item| frame.name(Slot { item: Some(item), ..slot })).collect()
}

fn output(execution: &Execution) -> Vec<String> {
    let commands = execution.proof().map_or(&[][..], |proof| proof.commands.as_slice());
    commands.iter().flat_map(|command| command.stdout_path.iter().chain(&command.stderr_path)).cloned().collect()
}

fn log_path(at: &At) -> String {
    format!("{}/logs/{}.jsonl", at.flow, at.step)
}

/// One file of an execution; without a number, of the last one.
///
/// # Errors
/// There is no such execution, or the file that should be there is not.
pub fn shown_file(view: &RunView, run: &RunDir, at: &At, kind: FileKind, number: Option<u32>) -> Result<ShownFile, FilesError> {
    let execution = chosen(view, at, number)?;
    let mut shown = ShownFile {
        run_id: view.run_id.clone(),
        flow_path: at.flow.clone(),
        step_id: at.step.clone(),
        execution: execution.number,
        kind,
        path: None,
        content: Value::Null,
        absent: None,
        differs: None,
    };
    let path = match kind {
        FileKind::Receipt => receipt_path(view, at, execution),
        FileKind::Handoff => path_in(view, at, execution, "handoffs"),
        FileKind::Log => Some(log_path(at)),
        FileKind::Transcript | FileKind::Prompt => transcript(view, run, at, execution),
    };
    let Some(path) = path else {
        shown.absent = Some(why_absent(view, at, execution, kind));
        return Ok(shown);
    };
    let of_disk = || Ok(of_execution(lines(&read(run, &path)?), execution.number));
    (shown.content, shown.differs) = match kind {
        FileKind::Receipt | FileKind::Handoff => made::whole(view, run, at, execution, kind, &path)?,
        FileKind::Log => {
            let lines = of_disk()?;
            let differs = made::log_differs(view, run, at, execution, &path, &lines);
            (Value::Array(lines), differs)
        }
        FileKind::Transcript => (Value::Array(of_disk()?), None),
        FileKind::Prompt => (Value::Array(of_disk()?.into_iter().filter(is_prompt).collect()), None),
    };
    if kind == FileKind::Prompt && shown.content.as_array().is_some_and(Vec::is_empty) {
        shown.absent = Some(format!("the transcript {path} holds no prompt"));
    }
    shown.path = Some(path);
    Ok(shown)
}

/// The receipt names it; an execution that runs, or whose process is gone, has left it under the name of its engine.
fn transcript(view: &RunView, run: &RunDir, at: &At, execution: &Execution) -> Option<String> {
    if let Some(proof) = execution.proof() {
        return proof.transcript_path.clone();
    }
    let frame = view.state.frame(&at.flow)?;
    let Verb::Agent(agent) = &frame.plan.step(frame.slot(&at.step)?.step).spec.verb else { return None };
    let place = run.transcript(&at.flow, &at.step, &agent.agent, frame.engine_of(agent));
    run.path(&place).is_file().then(|| place.as_str().to_owned())
}

fn chosen<'a>(view: &'a RunView, at: &At, number: Option<u32>) -> Result<&'a Execution, FilesError> {
    let all = view.executions(at);
    let step = || at.step.clone();
    let last = all.last().ok_or_else(|| FilesError::NotRun { step: step() })?;
    let Some(number) = number else { return Ok(last) };
    all.iter().rfind(|one| one.number == number).ok_or_else(|| FilesError::NoExecution {
        step: step(),
        execution: number,
        has: format!("{}, the last is {}", count(all.len(), "execution"), last.number),
    })
}

fn why_absent(view: &RunView, at: &At, execution: &Execution, kind: FileKind) -> String {
    let number = execution.number;
    if execution.ended_at().is_none() {
        return format!("execution {number} of {} is still running: {} is written when it ends", at.step, kind_words(kind));
    }
    let speaks = view.state.frame(&at.flow).and_then(|frame| {
        let slot = frame.slot(&at.step)?;
        Some(matches!(frame.plan.step(slot.step).spec.verb, Verb::Agent(_)))
    });
    match kind {
        FileKind::Transcript | FileKind::Prompt if speaks == Some(false) => {
            format!("{} is not performed by an agent: it has no {}", at.step, kind_words(kind))
        }
        FileKind::Transcript | FileKind::Prompt => format!("execution {number} of {} left no transcript", at.step),
        FileKind::Receipt | FileKind::Handoff | FileKind::Log => {
            format!("execution {number} of {} left no {}", at.step, kind_words(kind))
        }
    }
}

fn kind_words(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Receipt => "receipt",
        FileKind::Handoff => "handoff",
        FileKind::Log => "log",
        FileKind::Transcript => "transcript",
        FileKind::Prompt => "prompt",
    }
}

fn place_of(path: &str) -> Result<InRun, FilesError> {
    InRun::new(path).map_err(|bad| FilesError::Io {
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidData, bad.to_string()),
    })
}

fn read(run: &RunDir, path: &str) -> Result<Vec<u8>, FilesError> {
    let place = place_of(path)?;
    run.read(&place, FILE_BYTES_MAX).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => match Tombstones::read(run).unwrap_or_default().of(path) {
            Some(tombstone) => FilesError::Pruned { path: path.to_owned(), by: tombstone.by.clone() },
            None => FilesError::Gone { path: path.to_owned() },
        },
        _ => FilesError::Io { path: path.to_owned(), source },
    })
}

/// A line that is not JSON (a torn tail) is kept as text.
fn lines(text: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(text);
    let filled = text.lines().filter(|line| !line.trim().is_empty());
    filled.map(|line| serde_json::from_str(line).unwrap_or_else(|_| Value::String(line.to_owned()))).collect()
}

/// Lines from this execution's start to the next one's; lines of output, and torn ones, name no execution.
fn of_execution(lines: Vec<Value>, number: u32) -> Vec<Value> {
    let mut current = None;
    let mut found = Vec::new();
    for line in lines {
        if let Some(execution) = line.get("execution").and_then(Value::as_u64) {
            current = Some(execution);
        }
        if current == Some(u64::from(number)) {
            found.push(line);
        }
    }
    found
}

/// What was put before the model at the beginning of an attempt.
fn is_prompt(line: &Value) -> bool {
    line.get("event").and_then(Value::as_str) == Some("prompt")
}
