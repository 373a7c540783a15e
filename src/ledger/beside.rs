//! Files that have to be synced, by two threads at a time: a disk that is asked for two has them in little more time than one.
//! In: files that were written. Out: that they survive a power failure, or why not. Never: success before the last of them is done.

use std::{
    fs::File,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::Receiver,
    },
};

/// Whoever has time takes the next one.
#[derive(Debug)]
pub(super) struct Beside {
    files: Vec<File>,
    next: AtomicUsize,
}

impl Beside {
    pub fn new(files: Vec<File>) -> Self {
        Self { files, next: AtomicUsize::new(0) }
    }

    /// Syncs what nobody else has taken.
    ///
    /// # Errors
    /// The first that the file system gives; what is left then stays where it is.
    pub fn sync(&self) -> io::Result<()> {
        while let Some(file) = self.files.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            file.sync_all()?;
        }
        Ok(())
    }
}

/// What another thread works on as well.
#[derive(Debug)]
pub(super) struct Syncing {
    pub files: Arc<Beside>,
    pub theirs: Receiver<io::Result<()>>,
}

impl Syncing {
    /// Helps, and waits for the other.
    ///
    /// # Errors
    /// The first that the file system gave either of the two; that the other is gone with files that it took.
    pub fn finish(self) -> io::Result<()> {
        let own = self.files.sync();
        let theirs = self.theirs.recv().unwrap_or_else(|_| Err(io::Error::other("whoever synced it is gone")));
        own.and(theirs)
    }
}
