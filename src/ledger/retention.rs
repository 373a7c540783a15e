//! Holds: what keeps a run, and who said so. And who may hold or remove at this moment.
//! In: a run, a reason. Out: a note in the run that keeps it, a line in `retention.jsonl`. Never: a hold given while the run is being removed.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, Read as _, Write as _},
};

use crate::{
    id::{RunId, Time},
    record::{Hold, RetentionAct, RetentionLine},
    redact::Clean,
};

use super::{
    place::InRun,
    run_dir::{RunDir, RunsDir},
};

#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    #[error("the run is held: {0}")]
    Held(Hold),
    #[error("could not {act} the run")]
    Io { act: &'static str, source: io::Error },
    #[error("the archive could not be made, so nothing was removed: {why}")]
    Archive { why: String, source: Option<io::Error> },
}

impl RetentionError {
    pub(super) fn io(act: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { act, source }
    }
}

/// A hold's note is a sentence.
const NOTE_BYTES_MAX: u64 = 64 * 1024;
/// Lines of removed runs that are looked through.
const REMOVED_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Beside the runs; no run's name begins with a dot.
const KEEPER: &str = ".retention.lock";
const REMOVED: &str = "retention.jsonl";

/// Whoever holds, releases or removes has this, so that no hold is given for a run that is on its way out. It is had for
/// one run at a time, and goes with its process.
#[derive(Debug)]
pub struct Keeper {
    _file: File,
}

impl Keeper {
    /// Waits for whoever has it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn wait(runs: &RunsDir) -> Result<Self, RetentionError> {
        use rustix::fs::{Mode, OFlags};
        let fail = RetentionError::io("lock");
        fs::create_dir_all(runs.path()).map_err(&fail)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = rustix::fs::open(runs.path().join(KEEPER), flags, Mode::RUSR | Mode::WUSR);
        let file = File::from(file.map_err(io::Error::from).map_err(&fail)?);
        file.lock().map_err(&fail)?;
        Ok(Self { _file: file })
    }
}

/// Why the run is kept, if it is. A note that cannot be read keeps it all the same.
///
/// # Errors
/// What the file system says.
pub fn held(run: &RunDir) -> Result<Option<Hold>, RetentionError> {
    match run.read(&run.hold(), NOTE_BYTES_MAX) {
        Ok(note) => Ok(Some(serde_json::from_slice(&note).unwrap_or_else(|_| Hold {
            reason: String::from_utf8_lossy(&note).trim().chars().take(200).collect(),
            by: "somebody".to_owned(),
            since: None,
        }))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(RetentionError::Io { act: "look at", source }),
    }
}

/// Keeps the run; a second reason replaces the first, and both stand in `retention.jsonl`.
///
/// # Errors
/// What the file system says.
pub fn hold(run: &RunDir, note: &Clean<Hold>, at: Time, _keeper: &Keeper) -> Result<(), RetentionError> {
    let hold = note.get();
    let write = || {
        let mut text = serde_json::to_vec(hold)?;
        text.push(b'\n');
        run.dir()?.write_atomic(&run.hold(), &text)?;
        let line = RetentionLine::new(at, run.id().clone(), RetentionAct::Held, hold.by.clone());
        note_in(run, &[RetentionLine { reason: Some(hold.reason.clone()), ..line }])
    };
    write().map_err(RetentionError::io("hold"))
}

/// Lets the run go the way of the others. `None`: it was not held.
///
/// # Errors
/// What the file system says.
pub fn release(run: &RunDir, by: &Clean<String>, at: Time, _keeper: &Keeper) -> Result<Option<Hold>, RetentionError> {
    let Some(hold) = held(run)? else { return Ok(None) };
    let write = || {
        let line = RetentionLine::new(at, run.id().clone(), RetentionAct::Released, by.get().clone());
        note_in(run, &[RetentionLine { reason: Some(hold.reason.clone()), ..line }])?;
        run.dir()?.remove(&run.hold())
    };
    write().map_err(RetentionError::io("release"))?;
    Ok(Some(hold))
}

/// Adds lines to the run's `retention.jsonl`; on disk when this returns.
pub(super) fn note_in(run: &RunDir, lines: &[RetentionLine]) -> io::Result<()> {
    let mut dir = run.dir()?;
    let place = run.retention();
    let file = dir.update(&place)?;
    add(&file, lines)?;
    for above in dir.above(&[place])? {
        above.sync_all()?;
    }
    Ok(())
}

/// Adds a line to the file beside the runs; on disk when this returns.
pub(super) fn note_beside(runs: &std::path::Path, line: &RetentionLine) -> io::Result<()> {
    let mut dir = super::dir::Dir::open(runs)?;
    let place = InRun::of(REMOVED.to_owned());
    add(&dir.update(&place)?, std::slice::from_ref(line))?;
    File::open(runs)?.sync_all()
}

/// A last line without its newline was never acknowledged: nothing was removed because of it.
fn add(mut file: &File, lines: &[RetentionLine]) -> io::Result<()> {
    use std::os::unix::fs::FileExt as _;
    let mut whole = 0;
    let mut line = Vec::new();
    let mut input = io::BufReader::new(file);
    while input.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
        whole += line.len() as u64;
        line.clear();
    }
    file.set_len(whole)?;
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
    }
    file.write_all_at(&text, whole)?;
    file.flush()?;
    file.sync_all()
}

/// What is known of a run that was removed whole; the last time, if its name was used again.
pub fn removed(runs: &RunsDir, id: &RunId) -> Option<RetentionLine> {
    let file = super::dir::Dir::open(runs.path()).and_then(|mut dir| dir.reader(&InRun::of(REMOVED.to_owned()))).ok()?;
    let lines = io::BufReader::new(file.take(REMOVED_BYTES_MAX)).split(b'\n').map_while(Result::ok);
    lines.filter_map(|line| serde_json::from_slice::<RetentionLine>(&line).ok()).filter(|line| line.run_id == *id).last()
}
