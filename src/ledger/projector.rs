//! Writes everything that follows from the journal, on a thread of its own.
//! In: entries, pieces of output, whole files and manifests, in the order in which they happened. Out: files.
//! Never: a wait for a disk that is full, a failure kept quiet, a projection ahead of its line.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use crate::{
    id::Time,
    record::{At, Call, Entry, Manifest, Stream},
    redact::Clean,
};

use super::{
    beside::Beside,
    journal::JournalError,
    live::Live,
    place::{BadPlace, InRun},
    project::{Past, Projection},
    run_dir::RunDir,
    settle,
};

/// Things waiting to be written. A disk slower than the run makes the run wait here rather than fill the memory.
const QUEUE_MAX: usize = 64;

/// The first failure and how many there were. The journal is not concerned: `resume` or `verify --repair` writes again.
#[derive(Debug, Clone, thiserror::Error)]
#[error("could not write {place}{}", if *.failures > 1 { format!(" and {} more", .failures - 1) } else { String::new() })]
pub struct ProjectError {
    pub place: String,
    pub failures: u64,
    pub source: Arc<io::Error>,
}

pub(super) enum Work {
    Entry(Arc<Entry>),
    Output { at: At, stream: Stream, place: InRun, bytes: Clean<Vec<u8>> },
    File { place: InRun, bytes: Clean<Vec<u8>> },
    Part { place: InRun, first: bool, bytes: Clean<Vec<u8>> },
    Log { at: At, ts: Time, event: Clean<serde_json::Value> },
    Line { place: InRun, bytes: Clean<Vec<u8>> },
    Call { ts: Time, call: Box<Clean<Call>> },
    Manifest(Box<Manifest>),
    Sync { files: Arc<Beside>, reply: SyncSender<io::Result<()>> },
    Flush(SyncSender<Result<(), ProjectError>>),
}

/// The handle of the writing thread. Dropping it writes what is queued, and forgets failures: use `finish`.
pub struct Projector {
    queue: Option<SyncSender<Work>>,
    thread: Option<JoinHandle<()>>,
    failed: Arc<AtomicBool>,
}

impl Projector {
    /// For a run whose journal is new.
    ///
    /// # Errors
    /// When the run's directory cannot be opened or no thread be had.
    pub fn start(run: &RunDir) -> Result<Self, ProjectError> {
        Self::spawn(run, Projection::new(run), |_| Ok(()))
    }

    /// For a run that was replayed. Lines that run.json does not cover are projected again, before anything else is, so
    /// that the files say what they would say had the run never been killed. Nobody waits for it but `flush`.
    ///
    /// # Errors
    /// When the run's directory cannot be opened or no thread be had.
    pub fn resume(run: &RunDir, past: Past) -> Result<Self, ProjectError> {
        let covered = run.manifest().map_err(|error| failed("run.json", error))?.map_or(0, |manifest| manifest.projected_seq);
        let projection = past.projection.clone();
        Self::spawn(run, projection, move |run| {
            if covered >= past.projection.seq() {
                return Ok(());
            }
            settle::catch_up(run, &past, covered).map_err(|error| match error {
                settle::SettleError::File(error) => error,
                settle::SettleError::Journal(JournalError::Io { source, .. }) => failed("journal.jsonl", source),
                settle::SettleError::Journal(other) => failed("journal.jsonl", io::Error::other(other)),
            })
        })
    }

    /// `first` is done on the writing thread, before what is sent.
    fn spawn(
        run: &RunDir,
        projection: Projection,
        first: impl FnOnce(&RunDir) -> Result<(), ProjectError> + Send + 'static,
    ) -> Result<Self, ProjectError> {
        let mut live = Live::new(run, projection).map_err(|error| failed("the run's directory", error))?;
        let (queue, work) = sync_channel(QUEUE_MAX);
        let fell = Arc::new(AtomicBool::new(false));
        let told = fell.clone();
        let run = run.clone();
        let thread = std::thread::Builder::new().name("projector".to_owned()).spawn(move || {
            if let Err(error) = first(&run) {
                live.fail(error);
            }
            serve(live, &work, &told);
        });
        let thread = thread.map_err(|error| failed("anything: no thread", error))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), failed: fell })
    }

    fn put(&self, work: Work) {
        if let Some(queue) = &self.queue {
            // A projector that is gone says so at `flush`.
            drop(queue.send(work));
        }
    }

    /// Projects a committed entry.
    pub fn send(&self, entry: Arc<Entry>) {
        self.put(Work::Entry(entry));
    }

    /// The next bytes of a running step's stream, kept at `path` (relative to RUN_BASE) and as lines of its log.
    ///
    /// # Errors
    /// When the path leads out of the run.
    pub fn output(&self, at: At, stream: Stream, path: &str, bytes: Clean<Vec<u8>>) -> Result<(), BadPlace> {
        self.put(Work::Output { at, stream, place: InRun::new(path)?, bytes });
        Ok(())
    }

    /// A whole file at `path` (relative to RUN_BASE); it replaces the one that is there.
    ///
    /// # Errors
    /// When the path leads out of the run.
    pub fn file(&self, path: &str, bytes: Clean<Vec<u8>>) -> Result<(), BadPlace> {
        self.put(Work::File { place: InRun::new(path)?, bytes });
        Ok(())
    }

    /// The next bytes of a file at `path` (relative to RUN_BASE); the `first` ones replace the file that is there.
    ///
    /// # Errors
    /// When the path leads out of the run.
    pub fn part(&self, path: &str, first: bool, bytes: Clean<Vec<u8>>) -> Result<(), BadPlace> {
        self.put(Work::Part { place: InRun::new(path)?, first, bytes });
        Ok(())
    }

    /// A line in the log of a running step; `event` is an object.
    pub fn log(&self, at: At, ts: Time, event: Clean<serde_json::Value>) {
        self.put(Work::Log { at, ts, event });
    }

    /// A line more at `path` (relative to RUN_BASE); one that a killed process left torn is ended first.
    ///
    /// # Errors
    /// When the path leads out of the run.
    pub fn add_line(&self, path: &str, bytes: Clean<Vec<u8>>) -> Result<(), BadPlace> {
        self.put(Work::Line { place: InRun::new(path)?, bytes });
        Ok(())
    }

    /// One call of a model, with the sum of all calls of the run.
    pub fn call(&self, ts: Time, call: Clean<Call>) {
        self.put(Work::Call { ts, call: Box::new(call) });
    }

    /// Replaces run.json once everything before is written. `projected_seq` is filled in here.
    /// What stands in it was made from entries, which were clean.
    pub fn manifest(&self, manifest: Manifest) {
        self.put(Work::Manifest(Box::new(manifest)));
    }

    /// Helps to sync these; the reply comes when nothing of them is left to take.
    pub(super) fn sync(&self, files: Arc<Beside>) -> Receiver<io::Result<()>> {
        let (reply, answer) = sync_channel(1);
        self.put(Work::Sync { files, reply });
        answer
    }

    /// Whether something could not be written so far; `flush` says what. Costs nothing.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Waits until everything before is written.
    ///
    /// # Errors
    /// The first failure since the start.
    pub fn flush(&self) -> Result<(), ProjectError> {
        let (reply, answer) = sync_channel(1);
        self.put(Work::Flush(reply));
        answer.recv().unwrap_or_else(|_| Err(failed("anything", io::Error::other("the projector is gone"))))
    }

    /// Writes what is queued and ends the thread.
    ///
    /// # Errors
    /// The first failure since the start.
    pub fn finish(mut self) -> Result<(), ProjectError> {
        let flushed = self.flush();
        self.stop();
        flushed
    }

    fn stop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Drop for Projector {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(super) fn failed(place: &str, source: io::Error) -> ProjectError {
    ProjectError { place: place.to_owned(), failures: 1, source: Arc::new(source) }
}

fn serve(mut live: Live, work: &Receiver<Work>, failed: &AtomicBool) {
    for work in work {
        match work {
            Work::Entry(entry) => live.entry(&entry),
            Work::Output { at, stream, place, bytes } => live.output(&at, stream, &place, bytes.get()),
            Work::File { place, bytes } => live.file(&place, bytes.get()),
            Work::Part { place, first, bytes } => live.part(&place, first, bytes.get()),
            Work::Log { at, ts, event } => live.log(&at, ts, event.into_inner()),
            Work::Line { place, bytes } => live.add_line(&place, bytes.get()),
            Work::Call { ts, call } => live.call(ts, call.into_inner()),
            Work::Manifest(manifest) => live.manifest(*manifest),
            // Whoever asked may be gone.
            Work::Sync { files, reply } => drop(reply.send(files.sync())),
            Work::Flush(reply) => drop(reply.send(live.state())),
        }
        if live.has_failed() {
            failed.store(true, Ordering::Relaxed);
        }
    }
}
