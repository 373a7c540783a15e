//! One writer per run: an advisory lock on RUN_BASE/.lock and on RUN_BASE itself, held as long as the `Lock` lives.
//! In: who asks. Out: the lock, or who holds it. The kernel frees it when the holder dies, also by kill -9;
//! the text in the file is for people and may be stale.

use std::{
    fs::{File, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use crate::id::Time;

use super::run_dir::RunDir;

/// Who drives a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub pid: u32,
    pub host: String,
    pub since: Time,
}

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// `None`: the holder has not written its name yet.
    #[error("another process drives this run{}", match .0 { Some(holder) => format!(": pid {} on {}, since {}", holder.pid, holder.host, holder.since), None => String::new() })]
    Held(Option<Holder>),
    #[error("could not lock the run")]
    Io(#[from] io::Error),
}

/// `holder` looks by taking the lock for an instant; whoever comes just then tries again.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub struct Lock {
    file: File,
    /// When the holder before was there last.
    seen: Option<Time>,
    /// The holder before left its name: it was killed.
    after_a_kill: bool,
    /// It said that it is there itself.
    lively: bool,
    /// The run's directory, locked as well: a step may remove the file, and the lock with it.
    _dir: File,
}

impl Lock {
    /// # Errors
    /// `Held` if another process drives the run; `Io` if the lock cannot be asked for.
    pub fn take(run: &RunDir, holder: &Holder) -> Result<Self, LockError> {
        let dir = File::open(run.base())?;
        let mut file = match run.dir()?.update(&run.lock()) {
            Ok(file) if file.metadata()?.is_file() => file,
            Ok(_) => freed(run, &dir, io::Error::other("it is no file"))?,
            Err(met) => freed(run, &dir, met)?,
        };
        patiently(|| file.try_lock()).map_err(|error| held(error, &mut file))?;
        // Where a directory cannot be locked, the file alone has to do.
        match patiently(|| dir.try_lock()) {
            Err(TryLockError::WouldBlock) => return Err(LockError::Held(None)),
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        let seen = file.metadata().and_then(|about| about.modified()).ok().and_then(time_of);
        let after_a_kill = file.metadata().is_ok_and(|about| about.len() > 0);
        let mut text = serde_json::to_vec(holder).map_err(io::Error::from)?;
        text.push(b'\n');
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(&text)?;
        Ok(Self { file, seen, after_a_kill, lively: false, _dir: dir })
    }

    /// When the holder before this one was there last, as its file says; a file that nobody held before was there since it was made.
    pub fn seen(&self) -> Option<Time> {
        self.seen
    }

    /// When the lock's file was written last: as it was taken, or its holder was there.
    pub(super) fn written(&self) -> io::Result<SystemTime> {
        self.file.metadata()?.modified()
    }

    /// Whether the holder before this one came to no orderly end.
    pub fn is_after_a_kill(&self) -> bool {
        self.after_a_kill
    }

    /// Leaves word that the holder is still there: the file's time. A hint; where the disk does not take it, nothing is lost.
    pub fn alive(&mut self, now: Time) {
        self.lively = true;
        self.date(now);
    }

    fn date(&self, at: Time) {
        let Ok(ms) = u64::try_from(at.as_ms()) else { return };
        if let Err(error) = self.file.set_modified(UNIX_EPOCH + Duration::from_millis(ms)) {
            tracing::debug!(%error, "the lock's file keeps its time");
        }
    }

    /// Whether somebody drives the run now, also one who has not written its name yet. A hint, as `holder`.
    pub fn is_held(run: &RunDir) -> bool {
        matches!(Self::holder(run), Ok(Some(_)) | Err(LockError::Held(_)))
    }

    /// Who drives the run now; `None` if nobody does. A hint: it may change at once.
    ///
    /// # Errors
    /// What the file system says.
    pub fn holder(run: &RunDir) -> Result<Option<Holder>, LockError> {
        let mut file = match run.dir()?.reader(&run.lock()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return nameless(run),
            Err(_) if run.dir()?.is_no_file(&run.lock()) => return nameless(run),
            other => other?,
        };
        match file.try_lock_shared() {
            Ok(()) => nameless(run),
            Err(TryLockError::WouldBlock) => match read(&mut file) {
                Some(holder) => Ok(Some(holder)),
                None => Err(LockError::Held(None)),
            },
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

fn time_of(at: SystemTime) -> Option<Time> {
    let ms = at.duration_since(UNIX_EPOCH).ok()?.as_millis();
    i64::try_from(ms).ok().map(Time::from_ms)
}

impl Drop for Lock {
    fn drop(&mut self) {
        // So that no stale name stays after an orderly end; the lock itself goes with the file.
        drop(self.file.set_len(0));
        // Whoever only wrote something down did not drive the run: its driver was there until it was seen.
        if let Some(seen) = self.seen.filter(|_| !self.lively) {
            self.date(seen);
        }
        drop(self.file.unlock());
    }
}

/// The lock's file, in place of what stands there: the directory's lock says that nobody drives the run.
fn freed(run: &RunDir, base: &File, met: io::Error) -> Result<File, LockError> {
    let mut dir = run.dir()?;
    if !dir.is_no_file(&run.lock()) {
        return Err(met.into());
    }
    match patiently(|| base.try_lock()) {
        Err(TryLockError::WouldBlock) => return Err(LockError::Held(None)),
        locked => locked.map_err(|error| LockError::Io(error.into()))?,
    }
    dir.clear(&run.lock())?;
    Ok(dir.update(&run.lock())?)
}

/// Whether somebody drives a run whose lock's file was taken away.
fn nameless(run: &RunDir) -> Result<Option<Holder>, LockError> {
    match File::open(run.base())?.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Err(LockError::Held(None)),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(None),
    }
}

#[expect(clippy::disallowed_methods, reason = "an instant before anything runs: no other task is on this thread")]
fn patiently(lock: impl Fn() -> Result<(), TryLockError>) -> Result<(), TryLockError> {
    for _ in 0..TRIES {
        match lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            other => return other,
        }
    }
    lock()
}

fn held(error: TryLockError, file: &mut File) -> LockError {
    match error {
        TryLockError::WouldBlock => LockError::Held(read(file)),
        TryLockError::Error(error) => error.into(),
    }
}

fn read(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(4096).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}
