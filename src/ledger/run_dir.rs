//! Where everything of a run lies (design §3): every path is a method here, and nothing else joins strings into paths.
//! In: names as newtypes. Out: places inside the run.
//! Never: a run directory that is a symlink, two processes that both made the same run.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::{
    id::{AgentKey, EscalationId, FramePath, RunId, SnapshotName, StepRef},
    record::{EngineWord, Manifest},
    redact::Clean,
};

use super::{
    dir::Dir,
    place::{BadPlace, InRun},
};

#[derive(Debug, thiserror::Error)]
pub enum RunDirError {
    #[error("there is no run `{0}`")]
    Missing(RunId),
    #[error("run `{0}` exists already")]
    Exists(RunId),
    #[error("run `{0}` is a symlink or a file; a run is a directory of its own")]
    NotADirectory(RunId),
    #[error("could not {act} {}", path.display())]
    Io { act: &'static str, path: PathBuf, source: io::Error },
}

/// The directory that holds the runs: `run_base/`.
#[derive(Debug, Clone)]
pub struct RunsDir {
    path: PathBuf,
}

impl RunsDir {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All runs, sorted by name; a directory that is not there holds none.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn list(&self) -> Result<Vec<RunId>, RunDirError> {
        let fail = |source| RunDirError::Io { act: "read", path: self.path.clone(), source };
        let items = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(fail)?,
        };
        let mut runs = Vec::new();
        for item in items {
            let item = item.map_err(fail)?;
            let is_dir = item.file_type().is_ok_and(|kind| kind.is_dir());
            if let Some(id) = item.file_name().to_str().and_then(|name| RunId::new(name).ok())
                && is_dir
            {
                runs.push(id);
            }
        }
        runs.sort();
        Ok(runs)
    }

    /// When a run's journal was written to last, and how long it is; `None` where there is none. Two of these that are alike say
    /// that nothing has happened in between.
    pub fn written(&self, id: &RunId) -> Option<(SystemTime, u64)> {
        let about = fs::symlink_metadata(self.path.join(id.as_str()).join("journal.jsonl")).ok()?;
        Some((about.modified().ok()?, about.len()))
    }

    /// A new run. Of several processes that try, one gets it.
    ///
    /// # Errors
    /// `Exists`, or what the file system says.
    pub fn create(&self, id: &RunId) -> Result<RunDir, RunDirError> {
        let fail = |act, path: &Path| {
            let path = path.to_owned();
            move |source| RunDirError::Io { act, path, source }
        };
        fs::create_dir_all(&self.path).map_err(fail("create", &self.path))?;
        let base = self.path.join(id.as_str());
        match fs::create_dir(&base) {
            Ok(()) => self.open(id),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(RunDirError::Exists(id.clone())),
            Err(error) => Err(fail("create", &base)(error)),
        }
    }

    /// An existing run. It may have no journal yet, if its maker was killed at once.
    ///
    /// # Errors
    /// `Missing`, `NotADirectory`, or what the file system says.
    pub fn open(&self, id: &RunId) -> Result<RunDir, RunDirError> {
        let base = self.path.join(id.as_str());
        match fs::symlink_metadata(&base) {
            Ok(meta) if meta.is_dir() => {
                let base = fs::canonicalize(&base).map_err(|source| RunDirError::Io { act: "find", path: base, source })?;
                Ok(RunDir { base, id: id.clone() })
            }
            Ok(_) => Err(RunDirError::NotADirectory(id.clone())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(RunDirError::Missing(id.clone())),
            Err(source) => Err(RunDirError::Io { act: "find", path: base, source }),
        }
    }

    /// The run, made if it is not there: for `run --run-id X` after another flow of the same run.
    ///
    /// # Errors
    /// As `open`.
    pub fn open_or_create(&self, id: &RunId) -> Result<RunDir, RunDirError> {
        match self.create(id) {
            Err(RunDirError::Exists(_)) => self.open(id),
            other => other,
        }
    }
}

/// RUN_BASE: one run's directory, an absolute path.
#[derive(Debug, Clone)]
pub struct RunDir {
    base: PathBuf,
    id: RunId,
}

/// Largest `run.json` that is read.
const MANIFEST_BYTES_MAX: u64 = 16 * 1024 * 1024;

impl RunDir {
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// RUN_BASE itself, absolute.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The absolute path of a place.
    pub fn path(&self, place: &InRun) -> PathBuf {
        self.base.join(place.as_str())
    }

    pub(super) fn dir(&self) -> io::Result<Dir> {
        Dir::open(&self.base)
    }

    /// Whether anything ever happened here: there is a journal, or a run.json that names lines of one that is gone.
    pub fn has_journal(&self) -> bool {
        let there = fs::symlink_metadata(self.path(&self.journal())).is_ok();
        there || self.manifest().is_ok_and(|manifest| manifest.is_some_and(|manifest| manifest.journal_seq > 0))
    }

    /// Reads a file of the run; symlinks are not followed.
    ///
    /// # Errors
    /// What the file system says; `FileTooLarge` above `bytes_max`.
    pub fn read(&self, place: &InRun, bytes_max: u64) -> io::Result<Vec<u8>> {
        self.dir()?.read(place, bytes_max)
    }

    /// For whoever reads many: what is open stays open.
    ///
    /// # Errors
    /// What the file system says.
    pub fn files(&self) -> io::Result<Files> {
        self.dir().map(Files)
    }

    /// A file to be read in pieces, and how long it is now; symlinks are not followed.
    ///
    /// # Errors
    /// It is no file, or what the file system says.
    pub fn opened(&self, place: &InRun) -> io::Result<(fs::File, u64)> {
        let file = self.dir()?.reader(place)?;
        let meta = file.metadata()?;
        if meta.is_file() { Ok((file, meta.len())) } else { Err(io::Error::other("it is no file")) }
    }

    /// The beginning of a file, and how long all of it is.
    ///
    /// # Errors
    /// What the file system says.
    pub fn head(&self, place: &InRun, bytes_max: usize) -> io::Result<(Vec<u8>, u64)> {
        let file = self.dir()?.reader(place)?;
        let whole = file.metadata()?.len();
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(file, bytes_max as u64), &mut bytes)?;
        Ok((bytes, whole))
    }

    /// Writes a file that is not derived from the journal alone: a report, a proposal. Readers see it whole or not at all. A directory
    /// that stands there is put aside.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, place: &InRun, bytes: &Clean<Vec<u8>>) -> io::Result<()> {
        self.dir()?.write_anyway(place, bytes.get())
    }

    /// Adds a line to a file that is never begun anew; the bytes end with a newline.
    ///
    /// # Errors
    /// What the file system says.
    pub fn append(&self, place: &InRun, line: &Clean<Vec<u8>>) -> io::Result<()> {
        self.dir()?.append(place)?.write_all(line.get())
    }

    /// A directory for what steps make themselves; one that is there is left as it is.
    ///
    /// # Errors
    /// What the file system says; a symlink on the way is refused.
    pub fn make(&self, place: &InRun) -> io::Result<()> {
        self.dir()?.make(place)
    }

    /// `run.json`, if it is there and whole. It is derived: a run without one is still a run, and so is one with something else there.
    ///
    /// # Errors
    /// What the file system says.
    pub fn manifest(&self) -> io::Result<Option<Manifest>> {
        let (mut dir, place) = (self.dir()?, self.run_json());
        match dir.read(&place, MANIFEST_BYTES_MAX) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound || dir.is_no_file(&place) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub fn run_json(&self) -> InRun {
        InRun::of("run.json".to_owned())
    }
    pub fn journal(&self) -> InRun {
        InRun::of("journal.jsonl".to_owned())
    }
    pub fn lock(&self) -> InRun {
        InRun::of(".lock".to_owned())
    }
    /// Keeps the run from being pruned; its text says why.
    pub fn hold(&self) -> InRun {
        InRun::of(".hold".to_owned())
    }
    /// What was held, released and removed.
    pub fn retention(&self) -> InRun {
        InRun::of("retention.jsonl".to_owned())
    }
    pub fn inbox(&self) -> InRun {
        InRun::of("inbox".to_owned())
    }
    pub fn inbox_refused(&self) -> InRun {
        InRun::of("inbox/refused".to_owned())
    }
    /// Who was told of what, and what came of it.
    pub fn notices(&self) -> InRun {
        InRun::of("notices.jsonl".to_owned())
    }
    pub fn cost(&self) -> InRun {
        InRun::of("cost.jsonl".to_owned())
    }
    /// What defined the flows, one line each time one was frozen.
    pub fn frozen_lines(&self) -> InRun {
        InRun::of("frozen.jsonl".to_owned())
    }
    /// All definitions of all flows, as files.
    pub(super) fn frozen_dir(&self) -> InRun {
        InRun::of("frozen".to_owned())
    }
    /// One definition of a flow: what it was started with, and later ones (`--refresh`, a start over) beside the first. Which is
    /// which, their digests say.
    pub fn frozen(&self, flow: &FramePath, generation: u32) -> InRun {
        InRun::of(if generation <= 1 { format!("frozen/{flow}") } else { format!("frozen/{flow}@{generation}") })
    }
    pub fn flow(&self, flow: &FramePath) -> InRun {
        InRun::of(flow.to_string())
    }
    pub fn receipt(&self, flow: &FramePath, step: &StepRef, agent: &AgentKey) -> InRun {
        InRun::of(format!("{flow}/receipts/{step}-{agent}.json"))
    }
    pub fn receipt_superseded(&self, flow: &FramePath, step: &StepRef, agent: &AgentKey, execution: u32) -> InRun {
        InRun::of(format!("{flow}/receipts/{step}-{agent}.{execution}.json"))
    }
    pub fn handoff(&self, flow: &FramePath, step: &StepRef, agent: &AgentKey) -> InRun {
        InRun::of(format!("{flow}/handoffs/{step}-{agent}.json"))
    }
    pub fn handoff_superseded(&self, flow: &FramePath, step: &StepRef, agent: &AgentKey, execution: u32) -> InRun {
        InRun::of(format!("{flow}/handoffs/{step}-{agent}.{execution}.json"))
    }
    pub fn handoff_draft(&self, flow: &FramePath, step: &StepRef, agent: &AgentKey) -> InRun {
        InRun::of(format!("{flow}/handoffs/{step}-{agent}.draft.json"))
    }
    pub fn transcript(&self, flow: &FramePath, step: &StepRef, agent: &AgentKey, engine: EngineWord) -> InRun {
        InRun::of(format!("{flow}/llm/{step}-{agent}-{engine}.jsonl"))
    }
    pub fn log(&self, flow: &FramePath, step: &StepRef) -> InRun {
        InRun::of(format!("{flow}/logs/{step}.jsonl"))
    }
    pub fn decisions(&self, flow: &FramePath) -> InRun {
        InRun::of(format!("{flow}/routing/decisions.jsonl"))
    }
    /// What was put in, numbered within its flow.
    pub fn injection(&self, flow: &FramePath, number: u32, step: &StepRef) -> InRun {
        InRun::of(format!("{flow}/routing/injections/{number}-{step}.json"))
    }
    /// What a navigator says the flow lacks.
    pub fn proposal(&self, flow: &FramePath, step: &StepRef, execution: u32) -> InRun {
        InRun::of(format!("{flow}/routing/proposals/{step}-{execution}.json"))
    }
    pub fn escalation(&self, flow: &FramePath, id: &EscalationId) -> InRun {
        InRun::of(format!("{flow}/escalations/{id}.json"))
    }
    pub fn snapshot(&self, flow: &FramePath, name: &SnapshotName) -> InRun {
        InRun::of(format!("{flow}/snapshots/{name}"))
    }
    pub fn artifacts(&self, flow: &FramePath) -> InRun {
        InRun::of(format!("{flow}/artifacts"))
    }
    /// One of them, by a name that somebody gave.
    ///
    /// # Errors
    /// The rule that the name breaks: it leads out, or is no name.
    pub fn artifact(&self, flow: &FramePath, name: &str) -> Result<InRun, BadPlace> {
        self.artifacts(flow).child(name)
    }
    /// A step's own directory.
    pub fn step_dir(&self, flow: &FramePath, step: &StepRef) -> InRun {
        InRun::of(format!("{flow}/work/{step}"))
    }
    pub fn scent_trail(&self, flow: &FramePath) -> InRun {
        InRun::of(format!("{flow}/scent_trail.json"))
    }
    pub fn boundary_scan(&self, flow: &FramePath) -> InRun {
        InRun::of(format!("{flow}/boundary_scan.log"))
    }
    pub fn timeouts(&self, flow: &FramePath) -> InRun {
        InRun::of(format!("{flow}/timeouts.jsonl"))
    }
    pub fn report(&self, flow: &FramePath) -> InRun {
        InRun::of(format!("{flow}/report.md"))
    }
}

/// The files of a run, one after the other.
pub struct Files(Dir);

impl Files {
    /// As [`RunDir::read`].
    ///
    /// # Errors
    /// What the file system says; `FileTooLarge` above `bytes_max`.
    pub fn read(&mut self, place: &InRun, bytes_max: u64) -> io::Result<Vec<u8>> {
        self.0.read(place, bytes_max)
    }
}
