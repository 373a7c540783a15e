//! Opens a run for driving: a new one, or one that has a journal, which is replayed into the state.

use std::{sync::Arc, time::Duration};

use crate::{
    engine::end_orphans,
    id::{FramePath, RunId, Sha256, StepRef, Time},
    kernel::{Decided, State},
    ledger::{
        Holder, Journal, JournalError, Lock, LockError, Past, ProjectError, Projector, Replayed, RunDir, RunDirError, RunsDir,
        sweep_unfinished,
    },
    plan::Book,
    record::Fact,
};

/// Finds the definition that a journal names: (run, flow, digest).
pub type Books<'b> = dyn FnMut(&RunDir, &FramePath, &Sha256) -> Result<Arc<Book>, String> + 'b;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Dir(#[from] RunDirError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error("the frozen definition of `{flow}` cannot be used: {why}")]
    Definition { flow: FramePath, why: String },
}

/// A run that this process drives: its lock is held as long as this lives.
pub struct Opened {
    pub run: RunDir,
    pub state: State,
    pub journal: Journal,
    pub projector: Arc<Projector>,
    pub replayed: Option<Replayed>,
    /// When the driver before this one was there last.
    pub seen: Option<Time>,
    /// Steps of which something was still running, left there by a driver that was killed; it was ended.
    pub left_running: Vec<StepRef>,
    // Dropped last: whoever waits for the lock finds everything written.
    pub(super) lock: Lock,
}

/// Creates a run's directory and takes its lock.
///
/// # Errors
/// The run exists, is held, or the disk says no.
pub fn create(runs: &RunsDir, id: &RunId, host: &str, now: Time) -> Result<Opened, OpenError> {
    let run = runs.create(id)?;
    let lock = Lock::take(&run, &Holder { pid: std::process::id(), host: host.to_owned(), since: now })?;
    let journal = Journal::create(&run, &lock)?;
    let projector = Arc::new(Projector::start(&run)?);
    Ok(Opened { run, state: State::new(), journal, projector, replayed: None, seen: None, left_running: Vec::new(), lock })
}

/// Takes the lock of an existing run, replays its journal, and ends what a killed driver of it left running: TERM, and
/// KILL after `grace_ms`.
///
/// # Errors
/// The run is held by another process; its journal is broken; a definition that it names is gone.
pub fn open(
    runs: &RunsDir,
    id: &RunId,
    host: &str,
    now: Time,
    grace_ms: u64,
    books: &mut Books<'_>,
) -> Result<Opened, OpenError> {
    let run = runs.open(id)?;
    let lock = Lock::take(&run, &Holder { pid: std::process::id(), host: host.to_owned(), since: now })?;
    if !run.has_journal() {
        // Killed between making the directory and the first line: nothing has happened yet.
        let journal = Journal::create(&run, &lock)?;
        let projector = Arc::new(Projector::start(&run)?);
        return Ok(Opened {
            run,
            state: State::new(),
            journal,
            projector,
            replayed: None,
            seen: None,
            left_running: Vec::new(),
            lock,
        });
    }
    let mut replay = Journal::open(&run, &lock)?;
    let mut state = State::new();
    let mut past = Past::new(&run);
    for entry in &mut replay {
        let entry = entry?;
        for fact in &entry.facts {
            // A copy under another name: what was approved for that run, or must not be repeated, is not done here again.
            if let Fact::RunCreated { run_id, .. } = fact
                && run_id != id
            {
                let why = format!("it was written for run `{run_id}`");
                return Err(JournalError::Broken { line: entry.seq, why }.into());
            }
            let (Fact::FlowStarted { flow, definition, .. } | Fact::DefinitionRefreshed { flow, definition, .. }) = fact else {
                continue;
            };
            if !state.knows(definition) {
                let book = books(&run, flow, definition).map_err(|why| OpenError::Definition { flow: flow.clone(), why })?;
                state.know(book);
            }
        }
        state.apply(&entry);
        past.note(&entry);
    }
    let (journal, replayed) = replay.finish(&lock)?;
    if lock.is_after_a_kill()
        && let Err(error) = sweep_unfinished(&run, &lock)
    {
        // They are in nobody's way.
        tracing::warn!(%error, "what a killed process was writing stays");
    }
    let under_way: Vec<_> = state.running.iter().map(|(at, running)| (at.step.clone(), running.execution)).collect();
    // Its files need nobody but the journal: they are written while the processes are looked for.
    let projector = Projector::resume(&run, past);
    // Before anything is said of these steps: their effects are over when they are looked at, or run again.
    let left_running = end_orphans(run.base(), &under_way, Duration::from_millis(grace_ms));
    let projector = Arc::new(projector?);
    Ok(Opened { run, state, journal, projector, replayed: Some(replayed), seen: lock.seen(), left_running, lock })
}

/// Saves what follows from one input, without carrying anything out: whatever it allows starts when the run is driven again.
///
/// # Errors
/// The journal or a file of the run could not be written. The inner error is the kernel's refusal.
pub fn note(
    opened: &mut Opened,
    input: &crate::kernel::Input,
    redactor: &crate::redact::Redactor,
) -> Result<Result<Arc<crate::record::Entry>, crate::kernel::Refused>, super::DriveError> {
    let now = super::Clock::after(opened.state.now).now();
    let Decided { note, facts, next } = match crate::kernel::decide_parked(&opened.state, input, now) {
        Ok(decided) => decided,
        Err(refused) => return Ok(Err(refused)),
    };
    let entry = opened.journal.push(now, redactor.vouch((note, facts))?)?;
    opened.journal.commit()?;
    opened.state = next.after(&entry);
    opened.projector.send(entry.clone());
    opened.journal.trim()?;
    if let Some(mut manifest) = super::manifest::manifest(&opened.state, opened.journal.head(), None) {
        manifest.answered = opened.state.waits_to_be_resumed(&entry.input).cloned();
        opened.projector.manifest(manifest);
    }
    opened.projector.flush()?;
    Ok(Ok(entry))
}
