//! How work is done: one attempt of one step, performed.
//! In: a `Job`, everything resolved. Out: a `Reply` that reports, and `Piece`s of output while it works.
//! Never: a decision, a file written under RUN_BASE, the wall clock asked, the environment read.

mod agent;
mod builtin;
mod changes;
mod cli_agent;
mod contract;
mod group;
pub mod openai;
mod orphans;
mod outlet;
mod prestart;
mod process;
mod reading;
mod replay;
mod scan;
mod shell;
mod stop;
mod stub;
mod tap;
mod task;
mod watchdog;

use std::{collections::BTreeMap, path::PathBuf};

use shell::Line;
use task::Task;

pub use agent::{Account, AgentEngine, AgentWork, Budget, FlowLimit, Model, Models, OpenAi, Price, Tool, Tools};
pub use cli_agent::{ApiKey, Dialect, Fields, Other, OutputForm, Program, PromptWay, Shared as ProgramShared};
pub use orphans::{end_orphans, living};
pub use outlet::Outlet;
pub use prestart::Prestarted;
pub use replay::{Recording, RecordingError, Replay, Summed};
pub use stop::{Stop, StopLevel, StopSwitch};
pub use stub::{Asked, Said, Scenario, ScenarioExpect, Scripted, perform_scripted, stub_reply};
pub use tap::{OUTPUT_FILE_BYTES_MAX, TAIL_BYTES_MAX};

use crate::{
    id::{FramePath, SnapshotName, StepRef, Time},
    rails::Rail,
    record::{Call, Reply, Stream},
    redact::{Clean, Redactor},
    spec::{
        expr::Scope,
        flow::{Expect, Scan, Verify},
    },
};

/// One attempt of one step. All paths are absolute; all text is final.
#[derive(Debug, Clone)]
pub struct Job {
    pub flow: FramePath,
    pub step: StepRef,
    pub execution: u32,
    pub attempt: u32,
    /// Stamped by the runner; the reply's end is this plus the time measured.
    pub started_at: Time,
    pub work: Work,
    pub workspace: PathBuf,
    /// RUN_BASE.
    pub run_base: PathBuf,
    /// RUN_BASE/<flow>: where paths that start with `artifacts/` belong.
    pub flow_dir: PathBuf,
    /// The whole environment of the step's processes.
    pub env: BTreeMap<String, String>,
    pub timeout_ms: Option<u64>,
    /// Between TERM and KILL.
    pub grace_ms: u64,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub expect: Expect,
    pub verify: Vec<Verify>,
    /// What `expect.json` can see besides the step's own output.
    pub scope: Scope,
    pub keep: Keep,
    pub watched: Watched,
    /// What its processes are held to.
    pub rail: Rail,
}

/// What is measured of a job besides its contract.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Watched {
    /// Of the repository around the workspace.
    pub changes: bool,
    pub artifacts: bool,
    /// The digest of the work tree, before the work: the step judges a loop.
    pub tree: bool,
}

impl Job {
    /// STEP_DIR.
    pub fn step_dir(&self) -> PathBuf {
        self.flow_dir.join("work").join(self.step.as_str())
    }

    /// The step's text names STEP_DIR (or could hand it on), so the directory has to be there.
    pub fn names_its_directory(&self) -> bool {
        if self.rail.observes() {
            return true;
        }
        let names = |text: &str| text.contains("STEP_DIR");
        match &self.work {
            Work::Shell { script } => names(script),
            // An agent may want it, or a command that it runs.
            Work::Exec { .. } | Work::Agent(_) => true,
            Work::Snapshot { commands, .. } => commands.values().any(|text| names(text)),
            Work::Compare { .. } | Work::Render { .. } | Work::Scan(_) => false,
        }
    }
}

/// Which texts expressions and templates ask for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    pub stdout: bool,
    pub stderr: bool,
    pub json: bool,
}

#[derive(Debug, Clone)]
pub enum Work {
    /// Shell text for `sh -eu`.
    Shell {
        script: String,
    },
    Exec {
        argv: Vec<String>,
    },
    /// An agent, performed by an engine that drives a model.
    Agent(Box<AgentWork>),
    Snapshot {
        name: SnapshotName,
        files: Vec<String>,
        commands: BTreeMap<SnapshotName, String>,
    },
    Compare {
        before: SnapshotName,
        after: SnapshotName,
        changed_only: Option<Vec<String>>,
        identical: Vec<String>,
        changed: Vec<String>,
    },
    /// Text already rendered, and where it goes.
    Render {
        text: String,
        to: String,
    },
    Scan(Scan),
}

/// What a step hands over while it works. The runner passes it to the ledger.
#[derive(Debug)]
pub enum Piece {
    /// The next bytes of a stream that is kept at `path` (relative to RUN_BASE), and as lines of the step's log.
    Output { flow: FramePath, step: StepRef, stream: Stream, path: String, bytes: Clean<Vec<u8>> },
    /// A whole file to be kept at `path` (relative to RUN_BASE).
    File { path: String, bytes: Clean<Vec<u8>> },
    /// The next bytes of a file too large for one piece. The one with `at` 0 comes first and begins the file anew.
    Part { path: String, at: u64, bytes: Clean<Vec<u8>> },
    /// What an execution before this one left in the directory `path` goes to `<path>.<its number>`: it is what its receipt tells of.
    Aside { path: String, execution: u32 },
    /// A line more in a file that is never begun anew, whatever became of the last process that wrote it: a transcript.
    /// The bytes end with a newline, and hold no other.
    Line { path: String, bytes: Clean<Vec<u8>> },
    /// One call of a model, for `cost.jsonl`.
    Call(Clean<Call>),
    /// Answered when everything before it is in the files, so that the step itself can read it.
    Written(tokio::sync::oneshot::Sender<()>),
    /// Answered when everything before it is in its files.
    Barrier(tokio::sync::oneshot::Sender<()>),
    /// Something worth a line in `logs/<step>.jsonl`.
    Log { flow: FramePath, step: StepRef, event: Clean<serde_json::Value> },
}

/// Performs one attempt of one step, to its end. Dropping the future kills what it started.
pub async fn perform(job: Job, redactor: &Redactor, outlet: Outlet, stop: Stop) -> Reply {
    perform_prestarted(job, None, redactor, outlet, stop).await
}

/// The same for a step whose shell may have been started already: it is let in now.
pub async fn perform_prestarted(
    job: Job,
    prestarted: Option<Prestarted>,
    redactor: &Redactor,
    outlet: Outlet,
    stop: Stop,
) -> Reply {
    let task = Task::new(&job, redactor, &outlet, stop).with(prestarted);
    let inputs = match contract::open(&task).await {
        Ok(inputs) => inputs,
        Err(reply) => return *reply,
    };
    let mut tree = None;
    let before = changes::before(&task, &mut tree).await;
    let mut reply = match &job.work {
        Work::Shell { script } => shell::perform(&task, Line::Script(script)).await,
        Work::Exec { argv } => shell::perform(&task, Line::Argv(argv)).await,
        // Boxed, so that a command's step does not carry the room that these would need.
        Work::Agent(work) => Box::pin(agent::perform(&task, work)).await,
        Work::Snapshot { .. } | Work::Compare { .. } | Work::Render { .. } | Work::Scan(_) => {
            Box::pin(builtin::perform(&task)).await
        }
    };
    reply.inputs = inputs;
    reply.tree = tree;
    let changed = before.after(&task, &mut reply).await;
    if reply.sandbox.is_none() {
        reply.sandbox = job.rail.sandbox().cloned();
    }
    contract::close(&task, &mut reply).await;
    if let Work::Agent(work) = &job.work {
        Box::pin(agent::hold(&task, work, &changed, &mut reply)).await;
    }
    reply.completed_at = task.now();
    reply
}

#[cfg(test)]
pub(crate) mod tests;
