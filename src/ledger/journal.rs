//! The truth: journal.jsonl, one line per decision, chained by digests, only ever appended to.
//! In: a clean input note with its facts. Out: the entry, and its line on disk once `commit` returns.
//! Never: a line changed, a line after a failed write, a fact acknowledged before it is synced.

use std::{
    collections::BTreeSet,
    fs::File,
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    sync::Arc,
};

use crate::{
    id::{Sha256, Time},
    record::{Entry, Fact, InputNote},
    redact::Clean,
};

use super::{
    dir::Dir,
    frozen::Unsynced,
    lock::Lock,
    reader::{Replay, Replayed},
    run_dir::RunDir,
};

/// Longest line. The largest fact is a proof with its texts, all of which have limits of their own well below.
pub(super) const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The file grows in steps, filled with zeros: a sync into space that is there costs less than one that also has to
/// record a new length. The first step keeps short runs small, the last keeps the steps of long runs rare.
const GROW_BYTES_MIN: u64 = 16 * 1024;
const GROW_BYTES_MAX: u64 = 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("the run has no journal")]
    Missing,
    #[error("the run has a journal already")]
    Exists,
    #[error("line {line} of the journal is broken: {why}")]
    Broken { line: u64, why: String },
    #[error("a line of {bytes} bytes is too long for the journal")]
    TooLong { bytes: usize },
    #[error("could not {act} the journal")]
    Io { act: &'static str, source: io::Error },
    /// An earlier write failed; what is on disk has to be read anew first.
    #[error("the journal was stopped by an earlier failed write")]
    Stopped,
}

impl JournalError {
    pub(super) fn opening(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::AlreadyExists => Self::Exists,
            _ => Self::Io { act: "open", source },
        }
    }
    pub(super) fn reading(source: io::Error) -> Self {
        Self::Io { act: "read", source }
    }
}

/// A line's number and the digest of its bytes: what the next line names as `prev`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub seq: u64,
    pub digest: Sha256,
}

impl Head {
    /// Before the first line.
    pub fn start() -> Self {
        Self { seq: 0, digest: Sha256::from_raw(&[0; 32]) }
    }
}

/// The journal, open for writing. Lines are pushed, then committed together with one write and one sync.
#[derive(Debug)]
pub struct Journal {
    file: File,
    pending: Vec<u8>,
    pushed: Head,
    committed: Head,
    /// Logical length: everything before is synced.
    bytes: u64,
    /// Length of the file, with the zeros kept for later.
    reserved: u64,
    /// What has to survive a power failure together with the next commit: a new journal's directories, frozen files.
    beside: Vec<File>,
    /// There was no room for more than the lines: no space is kept any more.
    tight: bool,
    failed: bool,
}

impl Journal {
    /// The journal of a new run. Nothing is on disk for good before the first `commit`.
    ///
    /// # Errors
    /// `Exists`, or what the file system says.
    pub fn create(run: &RunDir, _lock: &Lock) -> Result<Self, JournalError> {
        let file = run.dir().and_then(|mut dir: Dir| dir.create_new(&run.journal())).map_err(JournalError::opening)?;
        let here = File::open(run.base()).map_err(JournalError::opening)?;
        let runs = File::open(run.base().parent().unwrap_or(run.base())).map_err(JournalError::opening)?;
        let mut journal = Self::continued(file, &Replayed::nothing());
        journal.beside = vec![here, runs];
        Ok(journal)
    }

    /// Reads and checks the journal of an existing run.
    ///
    /// ```text
    /// let mut replay = Journal::open(&run, &lock)?;
    /// for entry in &mut replay { state.apply(&entry?); }
    /// let (journal, replayed) = replay.finish(&lock)?;
    /// ```
    ///
    /// # Errors
    /// `Missing`, or what the file system says.
    pub fn open(run: &RunDir, _lock: &Lock) -> Result<Replay, JournalError> {
        Replay::open(run)
    }

    pub(super) fn continued(file: File, replayed: &Replayed) -> Self {
        Self {
            file,
            pending: Vec::new(),
            pushed: replayed.head.clone(),
            committed: replayed.head.clone(),
            bytes: replayed.bytes,
            reserved: replayed.bytes,
            beside: Vec::new(),
            tight: false,
            failed: false,
        }
    }

    /// The last line that is synced: what run.json repeats.
    pub fn head(&self) -> &Head {
        &self.committed
    }

    /// Adds one line to the next commit. Nothing that it allows may be done before `commit` has returned.
    ///
    /// # Errors
    /// `TooLong`; `Stopped` after a failed commit.
    pub fn push(&mut self, ts: Time, line: Clean<(InputNote, Vec<Fact>)>) -> Result<Arc<Entry>, JournalError> {
        if self.failed {
            return Err(JournalError::Stopped);
        }
        let (input, facts) = line.into_inner();
        let entry = Entry { seq: self.pushed.seq + 1, ts, prev: self.pushed.digest.clone(), input, facts };
        let from = self.pending.len();
        let written = serde_json::to_writer(&mut self.pending, &entry);
        let bytes = self.pending.len() - from;
        if written.is_err() || bytes >= LINE_BYTES_MAX {
            self.pending.truncate(from);
            written.map_err(|error| JournalError::Io { act: "write a line for", source: error.into() })?;
            return Err(JournalError::TooLong { bytes });
        }
        self.pushed = Head { seq: entry.seq, digest: Sha256::of(&self.pending[from..]) };
        self.pending.push(b'\n');
        Ok(Arc::new(entry))
    }

    /// Writes and syncs all pushed lines. After an error the journal takes nothing more; what is on disk then is the
    /// committed lines and at worst a torn tail, which the next `open` cuts.
    ///
    /// # Errors
    /// What the file system says; `Stopped` after an earlier failure.
    pub fn commit(&mut self) -> Result<(), JournalError> {
        if self.failed {
            return Err(JournalError::Stopped);
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        self.write().inspect_err(|_| {
            self.failed = true;
            // Lines that were refused should not look as if they happened. If this fails too, they do, and as no deed
            // followed them a resume finds their steps lost.
            drop(self.file.set_len(self.bytes));
        })
    }

    /// Whether what is about to be written will be found: an editor, a copy or a step may have put another file in its place.
    fn look(&self) -> Result<(), JournalError> {
        let why = match links_and_bytes(&self.file).map_err(JournalError::reading)? {
            (0, _) => "journal.jsonl was removed, or another file put in its place",
            (_, bytes) if bytes < self.bytes => "journal.jsonl was cut",
            _ => return Ok(()),
        };
        Err(JournalError::Io { act: "write", source: io::Error::other(why) })
    }

    fn write(&mut self) -> Result<(), JournalError> {
        self.look()?;
        let end = self.bytes + self.pending.len() as u64;
        let mut reserved = if self.tight { self.reserved.max(end) } else { reserve(self.reserved, end) };
        let mut written = self.file.write_all_at(&self.pending, self.bytes);
        if written.is_ok() && reserved > self.reserved.max(end) {
            written = self.fill(end, reserved);
            if written.as_ref().is_err_and(is_full) {
                // No room for the zeros; there was room for the lines.
                written = self.file.set_len(end);
                (self.tight, reserved) = (true, end);
            }
        }
        written.map_err(|source| JournalError::Io { act: "write", source })?;
        self.sync().map_err(|source| JournalError::Io { act: "sync", source })?;
        self.bytes = end;
        self.reserved = reserved;
        self.committed = self.pushed.clone();
        self.pending.clear();
        self.pending.shrink_to(PENDING_BYTES_KEPT);
        Ok(())
    }

    fn fill(&self, from: u64, until: u64) -> io::Result<()> {
        const ZEROS: &[u8] = &[0; 64 * 1024];
        let mut at = from;
        while at < until {
            let bytes = usize::try_from(until - at).unwrap_or(ZEROS.len()).min(ZEROS.len());
            self.file.write_all_at(&ZEROS[..bytes], at)?;
            at += bytes as u64;
        }
        Ok(())
    }

    /// These survive a power failure once the next commit has returned, as its lines do.
    pub fn beside(&mut self, written: Unsynced) {
        self.beside.extend(written.0);
        let mut seen = BTreeSet::new();
        self.beside.retain(|file| file.metadata().map_or(true, |meta| seen.insert((meta.dev(), meta.ino()))));
    }

    /// One after the other: the thread that would sync some of them meanwhile costs a run of ten steps 2 % of its processor time, and
    /// saves it nothing (benches/README.md).
    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        std::mem::take(&mut self.beside).iter().try_for_each(File::sync_all)
    }

    /// Gives back the space kept for later lines: when the run rests. The journal can still be written to.
    ///
    /// # Errors
    /// What the file system says.
    pub fn trim(&mut self) -> Result<(), JournalError> {
        if self.reserved > self.bytes && !self.failed {
            self.file.set_len(self.bytes).map_err(|source| JournalError::Io { act: "trim", source })?;
            self.reserved = self.bytes;
        }
        Ok(())
    }
}

/// Memory kept between commits; a rare long line gives back the rest.
const PENDING_BYTES_KEPT: usize = 64 * 1024;

impl Drop for Journal {
    fn drop(&mut self) {
        // Lines that were never committed are dropped; space that is left is only space.
        drop(self.trim());
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge)
}

/// The file's length that has room for `end`: it grows by half its length to twice its length, within bounds.
fn reserve(reserved: u64, end: u64) -> u64 {
    let mut next = reserved;
    while next < end {
        next += next.clamp(GROW_BYTES_MIN, GROW_BYTES_MAX);
    }
    next
}

/// How many names a file has, and its length. Its times are not asked for: a kernel that was asked (Linux 6.13 and later) writes
/// the inode anew with the next write, and a synced append costs 40 % more.
fn links_and_bytes(file: &File) -> io::Result<(u64, u64)> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{AtFlags, StatxFlags, statx};
        // Where a container does not let it through, the usual question has the answer too.
        if let Ok(told) = statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::NLINK | StatxFlags::SIZE) {
            return Ok((u64::from(told.stx_nlink), told.stx_size));
        }
    }
    let meta = file.metadata()?;
    Ok((meta.nlink(), meta.len()))
}
