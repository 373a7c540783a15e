//! Recordings of runs, kept outside of RUN_BASE: transcripts and an index beside them.
//! In: a directory, clean bytes. Out: files. Never: a file replaced, a directory that holds something already.

use std::{fs, io, path::Path};

use crate::{record::RecordingIndex, redact::Clean};

use super::{dir::Dir, place::InRun};

/// Writes a recording into a directory that is not there yet, or is empty. The index comes last: without it, the directory
/// is no recording.
///
/// # Errors
/// What the file system says; something is there already.
pub fn keep(to: &Path, index: &Clean<RecordingIndex>, files: &[(String, Clean<Vec<u8>>)]) -> io::Result<()> {
    fs::create_dir_all(to)?;
    if fs::read_dir(to)?.next().is_some() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it holds something already"));
    }
    let mut dir = Dir::open(to)?;
    let place = |path: &str| InRun::new(path).map_err(io::Error::other);
    for (path, bytes) in files {
        dir.write(&place(path)?, bytes.get())?;
    }
    let mut text = serde_json::to_vec_pretty(index.get()).map_err(io::Error::other)?;
    text.push(b'\n');
    dir.write(&place(RecordingIndex::FILE)?, &text)
}
