//! What is left of a run on disk, whoever made it and whatever became of it since: the ground that evidence and diagnosis stand on.
//! In: a run's directory, the time, what the machine says of its processes. Out: `Remains`, plain data.
//! Never: a byte written, a damaged file taken for a missing one, a directory refused because it is not ours.

mod disk;
mod foreign;
mod ran;

use std::collections::BTreeMap;

use crate::{
    id::{EscalationId, FramePath, RunId, StepRef, Time},
    ledger::{RunDir, VerifyReport},
    record::Manifest,
};

use super::{
    load::{BookError, Wanted},
    view::RunView,
};

pub use disk::Machine;
pub use ran::{Ran, number, real, whole};

/// How much of the journal there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalSeen {
    Missing,
    /// The file is there, and no line in it.
    Empty,
    Whole,
    /// The chain ends before the file does; what stands before this line can be believed.
    Broken {
        line: u64,
        why: String,
    },
    /// The lines are fine; the definition that they name is not there, or is another.
    Undefined {
        flow: FramePath,
        generation: u32,
        why: String,
    },
    Unreadable(String),
}

/// A file of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSeen {
    /// Relative to RUN_BASE.
    pub path: String,
    pub bytes: u64,
}

/// Text in a file of the run that has the shape of a secret. Where, never what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeakSeen {
    pub path: String,
    pub line: usize,
    /// What kind of secret it looks like, as a redactor names it.
    pub shape: String,
}

/// A file that was measured once, as it stands now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Now {
    Same,
    Differs,
    Gone,
    /// It lies outside of what may be read, or could not be.
    Unknown,
}

/// A letter that nobody has taken yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterSeen {
    pub path: String,
    /// The question that it answers; `None`: a cancel, or a letter that cannot be read.
    pub answers: Option<EscalationId>,
}

/// A routing decision, from the journal or from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionSeen {
    pub flow: String,
    pub step: String,
    pub decision: String,
    pub rule: String,
    pub reason: String,
    pub path: String,
}

/// What another program left in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// Its log of events, where it has one.
    pub events: Option<String>,
    pub flows: Vec<String>,
    pub last_event: Option<Time>,
    pub last_kind: Option<String>,
    /// Files that should be JSON and are not.
    pub damaged: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Remains {
    pub run_id: RunId,
    pub now: Time,
    pub workspace: Option<std::path::PathBuf>,
    pub journal: JournalSeen,
    pub manifest: Option<Manifest>,
    /// `run.json` is there and cannot be read.
    pub manifest_damaged: bool,
    /// The kernel's fold of the lines that can be believed.
    pub view: Option<RunView>,
    /// What is on disk held against the journal; `None` where there is no journal to hold it against.
    pub verified: Option<VerifyReport>,
    pub foreign: Option<Foreign>,
    /// Every execution that ended, in its order.
    pub rans: Vec<Ran>,
    pub decisions: Vec<DecisionSeen>,
    pub files: Vec<FileSeen>,
    /// Files that were not looked at, because there are too many.
    pub files_omitted: bool,
    pub leaks: Vec<LeakSeen>,
    /// Files too large to be looked through for secrets.
    pub unscanned: Vec<String>,
    /// By flow and path: the outputs that count, as they stand now.
    pub outputs_now: BTreeMap<(String, String), Now>,
    /// Evidence of open questions that is not what was shown: the question, and the file.
    pub shown_changed: Vec<(EscalationId, String)>,
    /// What blocked steps missed and what is there now: the question, and the path.
    pub arrived: Vec<(EscalationId, String)>,
    pub letters: Vec<LetterSeen>,
    pub refused_letters: Vec<String>,
    /// Steps of which processes still run although nobody drives the run.
    pub orphans: Vec<StepRef>,
    /// Flows whose definition is another today.
    pub drifted: Vec<FramePath>,
    /// By flow and path: lines of `boundary_scan.log` that are findings; an empty list is a clean scan.
    pub scans: BTreeMap<String, Vec<String>>,
}

impl Remains {
    /// Looks at everything.
    pub fn look(
        run: &RunDir,
        now: Time,
        machine: &Machine,
        books: impl FnMut(&RunDir, Wanted<'_>) -> Result<std::sync::Arc<crate::plan::Book>, BookError>,
    ) -> Self {
        disk::look(run, now, machine, books)
    }

    /// Executions whose result counts.
    pub fn counting(&self) -> impl Iterator<Item = &Ran> {
        self.rans.iter().filter(|ran| ran.counts)
    }

    /// Steps at which flows failed, the innermost first.
    pub fn failing(&self) -> impl Iterator<Item = &Ran> {
        self.rans.iter().filter(|ran| ran.failing)
    }

    pub fn has(&self, path: &str) -> bool {
        self.files.iter().any(|file| file.path == path)
    }
}
