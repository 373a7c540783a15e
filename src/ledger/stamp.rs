//! Whether a file is the one that was read: what the file system says of it, without opening it.
//! In: a place. Out: a value to compare. Never: a link followed, a promise about what the file holds.

use std::{fs, io, os::unix::fs::MetadataExt as _, path::Path};

use crate::id::RunId;

use super::{
    place::InRun,
    run_dir::{RunDir, RunsDir},
};

/// Every write changes it, as far as the clock of the file system is fine enough to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    file: u64,
    bytes: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// Length of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The same file, and not shorter than what was read of it.
    pub fn may_have_grown_from(&self, before: &Self, bytes: u64) -> bool {
        self.file == before.file && self.bytes >= bytes
    }
}

/// `None`: nothing is there.
fn stamp(path: &Path) -> io::Result<Option<Stamp>> {
    match fs::symlink_metadata(path) {
        Ok(about) => Ok(Some(Stamp {
            file: about.ino(),
            bytes: about.len(),
            written: (about.mtime(), about.mtime_nsec()),
            changed: (about.ctime(), about.ctime_nsec()),
        })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl RunDir {
    /// # Errors
    /// What the file system says.
    pub fn stamp(&self, place: &InRun) -> io::Result<Option<Stamp>> {
        stamp(&self.path(place))
    }
}

impl RunsDir {
    /// Of the directory: another one when a run came or went.
    ///
    /// # Errors
    /// What the file system says.
    pub fn stamp(&self) -> io::Result<Option<Stamp>> {
        stamp(self.path())
    }

    /// Of a run's `run.json`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn manifest_stamp(&self, id: &RunId) -> io::Result<Option<Stamp>> {
        stamp(&self.path().join(id.as_str()).join("run.json"))
    }
}
