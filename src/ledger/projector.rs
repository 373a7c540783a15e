//! Writes everything that follows from the journal: by whoever settles, and where entries come faster than anybody does, by a thread
//! of its own.
//! In: entries, pieces of output, whole files and manifests, in the order in which they happened. Out: files.
//! Never: a wait for a disk that is full, a failure kept quiet, a projection ahead of its line, two things in another order.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use crate::{
    id::Time,
    record::{At, Call, Entry, Manifest, Stream},
    redact::Clean,
};

use super::{
    boot,
    journal::JournalError,
    live::Live,
    place::{BadPlace, InRun},
    project::{Past, Projection},
    run_dir::RunDir,
    settle,
};

/// So many things wait before a thread comes to write them.
const HELP_AT: usize = 16;
/// … and so many before whoever adds one writes as well: a disk slower than the run makes the run wait rather than fill the memory.
const QUEUE_MAX: usize = 64;

/// The first failure and how many there were. The journal is not concerned: `resume` or `verify --repair` writes again.
#[derive(Debug, Clone, thiserror::Error)]
#[error("could not write {place}{}", if *.failures > 1 { format!(" and {} more", .failures - 1) } else { String::new() })]
pub struct ProjectError {
    pub place: String,
    pub failures: u64,
    pub source: Arc<io::Error>,
}

enum Work {
    /// What a process that was killed had not written.
    Rest(Box<dyn FnOnce() -> Result<(), ProjectError> + Send>),
    Entry(Arc<Entry>),
    Output {
        at: At,
        stream: Stream,
        place: InRun,
        bytes: Clean<Vec<u8>>,
    },
    File {
        place: InRun,
        bytes: Clean<Vec<u8>>,
    },
    Part {
        place: InRun,
        first: bool,
        bytes: Clean<Vec<u8>>,
    },
    Aside {
        place: InRun,
        execution: u32,
    },
    Log {
        at: At,
        ts: Time,
        event: Clean<serde_json::Value>,
    },
    Line {
        place: InRun,
        bytes: Clean<Vec<u8>>,
    },
    Call {
        ts: Time,
        call: Box<Clean<Call>>,
    },
    Manifest(Box<Manifest>),
}

/// Dropping it writes what is queued, and forgets failures: use `finish`.
pub struct Projector {
    shared: Arc<Shared>,
    helper: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    queue: Mutex<Queue>,
    /// Something for the helper.
    more: Condvar,
    /// Whoever holds it takes the next thing from the queue, so that all are written in their order.
    live: Mutex<Live>,
    failed: AtomicBool,
}

#[derive(Default)]
struct Queue {
    works: VecDeque<Work>,
    /// So many were ever put in.
    put: u64,
    /// The helper is to write, whatever there is.
    help: bool,
    closed: bool,
}

/// A panic while something was written is told by whoever panicked; the rest is written all the same.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn put(&self, work: Work) -> Queued {
        let mut queue = locked(&self.queue);
        queue.works.push_back(work);
        queue.put += 1;
        Queued { put: queue.put, waiting: queue.works.len() }
    }

    /// Writes until nothing is left of the first `put` things.
    fn write(&self, put: u64) {
        loop {
            // Held while one is written: whoever comes meanwhile finds it done.
            let mut live = locked(&self.live);
            let work = {
                let mut queue = locked(&self.queue);
                if queue.put - queue.works.len() as u64 >= put {
                    return;
                }
                queue.works.pop_front()
            };
            let Some(work) = work else { return };
            match work {
                Work::Rest(rest) => {
                    if let Err(error) = rest() {
                        live.fail(error);
                    }
                }
                Work::Entry(entry) => live.entry(&entry),
                Work::Output { at, stream, place, bytes } => live.output(&at, stream, &place, bytes.get()),
                Work::File { place, bytes } => live.file(&place, bytes.get()),
                Work::Part { place, first, bytes } => live.part(&place, first, bytes.get()),
                Work::Aside { place, execution } => live.aside(&place, execution),
                Work::Log { at, ts, event } => live.log(&at, ts, event.into_inner()),
                Work::Line { place, bytes } => live.add_line(&place, bytes.get()),
                Work::Call { ts, call } => live.call(ts, call.into_inner()),
                Work::Manifest(manifest) => live.manifest(*manifest),
            }
            if live.has_failed() {
                self.failed.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Everything that there is now.
    fn write_all(&self) {
        let put = locked(&self.queue).put;
        self.write(put);
    }

    fn help(&self) {
        loop {
            let mut queue = locked(&self.queue);
            while !queue.help && !queue.closed {
                queue = self.more.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            if queue.closed {
                return;
            }
            queue.help = false;
            let put = queue.put;
            drop(queue);
            self.write(put);
        }
    }
}

/// Where a thing stands.
struct Queued {
    put: u64,
    waiting: usize,
}

impl Projector {
    /// For a run whose journal is new.
    ///
    /// # Errors
    /// When the run's directory cannot be opened.
    pub fn start(run: &RunDir) -> Result<Self, ProjectError> {
        Self::new(run, Projection::new(run))
    }

    /// For a run that was replayed. Lines that run.json does not cover are projected again, before anything else is, so
    /// that the files say what they would say had the run never been killed; all lines where the machine was started again since, and may
    /// have lost what was written last. It begins at once; whoever settles waits for it.
    ///
    /// # Errors
    /// When the run's directory cannot be opened, or run.json not be read.
    pub fn resume(run: &RunDir, past: Past) -> Result<Self, ProjectError> {
        let manifest = run.manifest().map_err(|error| failed("run.json", error))?;
        let covered = manifest.map_or(0, |manifest| boot::covered(&manifest, boot::boot_id()));
        let projector = Self::new(run, past.projection.clone())?;
        if covered < past.projection.seq() {
            let run = run.clone();
            projector.shared.put(Work::Rest(Box::new(move || {
                settle::catch_up(&run, &past, covered).map_err(|error| match error {
                    settle::SettleError::File(error) => error,
                    settle::SettleError::Journal(JournalError::Io { source, .. }) => failed("journal.jsonl", source),
                    settle::SettleError::Journal(other) => failed("journal.jsonl", io::Error::other(other)),
                })
            })));
            projector.call_helper();
        }
        Ok(projector)
    }

    fn new(run: &RunDir, projection: Projection) -> Result<Self, ProjectError> {
        let live = Live::new(run, projection).map_err(|error| failed("the run's directory", error))?;
        let shared =
            Shared { queue: Mutex::default(), more: Condvar::new(), live: Mutex::new(live), failed: AtomicBool::new(false) };
        Ok(Self { shared: Arc::new(shared), helper: Mutex::default() })
    }

    /// Wakes the helper, whom the first call brings.
    fn call_helper(&self) {
        locked(&self.shared.queue).help = true;
        let mut helper = locked(&self.helper);
        if helper.is_some() {
            self.shared.more.notify_one();
            return;
        }
        let shared = self.shared.clone();
        match std::thread::Builder::new().name("projector".to_owned()).spawn(move || shared.help()) {
            Ok(thread) => *helper = Some(thread),
            // Without one, whoever settles has more to do.
            Err(error) => tracing::warn!(%error, "no thread that writes files beside the run"),
        }
    }

    /// To be written before somebody looks: whoever puts it in settles later.
    fn put(&self, work: Work) {
        let queued = self.shared.put(work);
        if queued.waiting >= QUEUE_MAX {
            self.shared.write(queued.put - (QUEUE_MAX as u64) / 2);
        } else if queued.waiting.is_multiple_of(HELP_AT) {
            self.call_helper();
        }
    }

    /// Written when this returns.
    fn put_now(&self, work: Work) {
        let queued = self.shared.put(work);
        self.shared.write(queued.put);
    }

    /// Projects a committed entry, at the latest when somebody settles.
    pub fn send(&self, entry: Arc<Entry>) {
        self.put(Work::Entry(entry));
    }

    /// The next bytes of a running step's stream, kept at `path` (relative to RUN_BASE) and as lines of its log.
    ///
    /// # Errors
    /// When the path leads out of the run.
    pub fn output(&self, at: At, stream: Stream, path: &str, bytes: Clean<Vec<u8>>) -> Result<(), BadPlace> {
        self.put_now(Work::Output { at, stream, place: InRun::new(path)?, bytes });
        Ok(())
    }

    /// A whole file at `path` (relative to RUN_BASE); it replaces the one that is there.
    ///
    /// # Errors
    /// When the path leads out of the run.
    pub fn file(&self, path: &str, bytes: Clean<Vec<u8>>) -> Result<(), BadPlace> {
        self.put_now(Work::File { place: InRun::new(path)?, bytes });
        Ok(())
    }

    /// The next bytes of a file at `path` (relative to RUN_BASE); the `first` ones replace the file that is there.
    ///
    /// # Errors
    /// When the path leads out of the run.
    pub fn part(&self, path: &str, first: bool, bytes: Clean<Vec<u8>>) -> Result<(), BadPlace> {
        self.put_now(Work::Part { place: InRun::new(path)?, first, bytes });
        Ok(())
    }

    /// What an earlier execution than this one left in the directory at `path` (relative to RUN_BASE) goes to `<path>.<its number>`.
    ///
    /// # Errors
    /// When the path leads out of the run.
    pub fn aside(&self, path: &str, execution: u32) -> Result<(), BadPlace> {
        self.put_now(Work::Aside { place: InRun::new(path)?, execution });
        Ok(())
    }

    /// A line in the log of a running step; `event` is an object.
    pub fn log(&self, at: At, ts: Time, event: Clean<serde_json::Value>) {
        self.put_now(Work::Log { at, ts, event });
    }

    /// A line more at `path` (relative to RUN_BASE); one that a killed process left torn is ended first.
    ///
    /// # Errors
    /// When the path leads out of the run.
    pub fn add_line(&self, path: &str, bytes: Clean<Vec<u8>>) -> Result<(), BadPlace> {
        self.put_now(Work::Line { place: InRun::new(path)?, bytes });
        Ok(())
    }

    /// One call of a model, with the sum of all calls of the run.
    pub fn call(&self, ts: Time, call: Clean<Call>) {
        self.put_now(Work::Call { ts, call: Box::new(call) });
    }

    /// Replaces run.json once everything before is written. `projected_seq` and `boot_id` are filled in here.
    /// What stands in it was made from entries, which were clean.
    pub fn manifest(&self, manifest: Manifest) {
        self.put(Work::Manifest(Box::new(manifest)));
    }

    /// Writes everything that was sent so far, for whoever may look at it from now on. Costs nothing where nothing is left.
    pub fn settle(&self) {
        self.shared.write_all();
    }

    /// Whether something could not be written so far; `flush` says what. Costs nothing.
    pub fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Relaxed)
    }

    /// Settles, and says what failed.
    ///
    /// # Errors
    /// The first failure since the start.
    pub fn flush(&self) -> Result<(), ProjectError> {
        self.settle();
        locked(&self.shared.live).state()
    }

    /// Writes what is queued.
    ///
    /// # Errors
    /// The first failure since the start.
    pub fn finish(self) -> Result<(), ProjectError> {
        self.flush()
    }
}

impl Drop for Projector {
    fn drop(&mut self) {
        self.settle();
        locked(&self.shared.queue).closed = true;
        self.shared.more.notify_one();
        if let Some(helper) = locked(&self.helper).take() {
            drop(helper.join());
        }
    }
}

pub(super) fn failed(place: &str, source: io::Error) -> ProjectError {
    ProjectError { place: place.to_owned(), failures: 1, source: Arc::new(source) }
}
