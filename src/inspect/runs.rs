//! Which runs there are: one line each, from `run.json` alone, so that ten thousand are listed at once.
//! In: the runs directory. Out: lines, the newest first; a damaged run is a line too.
//! Never: a journal read, but a short one of a run whose `run.json` is not there or cannot be read.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::{EscalationId, FramePath, RunId, Time},
    ledger::{RunDir, RunsDir},
    record::{Manifest, Observed, RunStatus},
};

use super::{
    load::{ViewError, driver},
    status::flow_status,
    view::{Driver, RunView},
};

/// Reads a run from its journal.
pub type Reads = fn(&RunDir) -> Result<Arc<RunView>, ViewError>;

/// Of a longer journal nothing is told without `run.json`: nobody waits for a list.
const JOURNAL_BYTES_MAX: u64 = 256 * 1024;

/// `list --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunList {
    #[schemars(extend("const" = "flow-studio/list/v1"))]
    pub schema: String,
    pub runs: Vec<RunLine>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunLine {
    pub run_id: RunId,
    /// Absent when the run is damaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RunStatus>,
    pub flows: Vec<RunFlow>,
    /// Questions that wait for a person.
    pub questions: u32,
    /// This question was answered, and nobody has gone on with the run since: it waits to be resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<EscalationId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_by: Option<String>,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damaged: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunFlow {
    pub flow_path: FramePath,
    pub status: RunStatus,
    pub steps_done: u32,
    pub steps_total: u32,
    /// It only observed, and what it passed over is not done; absent of any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
}

impl RunLine {
    /// A person is to do something: answer, or resume what was answered.
    pub fn needs_somebody(&self) -> bool {
        self.questions > 0 || self.answered.is_some()
    }

    /// What all its flows passed over, where one of them only observed.
    pub fn observed(&self) -> Option<Observed> {
        let all: Vec<&Observed> = self.flows.iter().filter_map(|flow| flow.observed.as_ref()).collect();
        let passed_over = all.iter().flat_map(|one| one.passed_over.iter().cloned()).collect();
        (!all.is_empty()).then_some(Observed { passed_over })
    }
}

impl RunList {
    pub const SCHEMA: &'static str = "flow-studio/list/v1";

    /// The newest first.
    pub(super) fn of(mut lines: Vec<RunLine>) -> Self {
        // Damaged runs have no date; they come first, so that nobody scrolls past them.
        lines.sort_by(|a, b| {
            (b.created_at.is_none(), b.created_at)
                .cmp(&(a.created_at.is_none(), a.created_at))
                .then_with(|| a.run_id.cmp(&b.run_id))
        });
        Self { schema: Self::SCHEMA.to_owned(), runs: lines }
    }
}

pub(super) fn line(runs: &RunsDir, id: RunId, reads: Reads) -> RunLine {
    let run = match runs.open(&id) {
        Ok(run) => run,
        Err(error) => return damaged(id, error.to_string()),
    };
    match run.manifest() {
        Ok(Some(manifest)) => whole(&run, id, &manifest),
        Ok(None) if run.has_journal() => {
            unwritten(&run, reads).unwrap_or_else(|| damaged(id, "run.json is missing or cannot be read".to_owned()))
        }
        Ok(None) => damaged(id, "nothing has happened in it: it has no journal".to_owned()),
        Err(error) => damaged(id, format!("run.json cannot be read: {error}")),
    }
}

fn whole(run: &RunDir, run_id: RunId, manifest: &Manifest) -> RunLine {
    // Only a run that says it is running is asked whether somebody drives it.
    let gone = manifest.status == RunStatus::Running && driver(run) == Driver::Nobody;
    let alive = |status: RunStatus| if gone && status == RunStatus::Running { RunStatus::Interrupted } else { status };
    let flows = manifest.flows.iter().map(|flow| RunFlow {
        flow_path: flow.flow_path.clone(),
        status: alive(flow.status),
        steps_done: flow.steps_done,
        steps_total: flow.steps_total,
        observed: flow.observed.clone(),
    });
    RunLine {
        run_id,
        status: Some(alive(manifest.status)),
        flows: flows.collect(),
        questions: u32::try_from(manifest.waiting_for.len()).unwrap_or(u32::MAX),
        answered: manifest.answered.clone().filter(|_| alive(manifest.status) == RunStatus::Interrupted),
        created_at: Some(manifest.created_at),
        updated_at: Some(manifest.updated_at),
        started_by: Some(manifest.started_by.clone()),
        damaged: None,
    }
}

/// A run without `run.json`, from its journal if that is short.
fn unwritten(run: &RunDir, reads: Reads) -> Option<RunLine> {
    let journal = run.stamp(&run.journal()).ok()??;
    let view = if journal.bytes() <= JOURNAL_BYTES_MAX { reads(run).ok()? } else { return None };
    let begun = view.state.run.as_deref()?;
    let flows = view.roots().map(|frame| {
        let total = u32::try_from(frame.steps.len()).unwrap_or(u32::MAX);
        RunFlow {
            flow_path: frame.path.clone(),
            status: flow_status(&view, frame),
            steps_done: total - frame.unsettled.min(total),
            steps_total: total,
            observed: view.state.observed(&frame.path),
        }
    });
    Some(RunLine {
        run_id: run.id().clone(),
        status: Some(view.status()),
        flows: flows.collect(),
        questions: u32::try_from(view.state.open_questions.len()).unwrap_or(u32::MAX),
        answered: view.waits_to_be_resumed().map(|question| question.id.clone()),
        created_at: Some(begun.created_at),
        updated_at: Some(view.updated_at()),
        started_by: Some(begun.by.to_string()),
        damaged: None,
    })
}

fn damaged(run_id: RunId, why: String) -> RunLine {
    RunLine {
        run_id,
        status: None,
        flows: Vec::new(),
        questions: 0,
        answered: None,
        created_at: None,
        updated_at: None,
        started_by: None,
        damaged: Some(why),
    }
}
