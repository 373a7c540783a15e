//! How runs go: removed whole, unless somebody holds them.
//! In: a run nobody drives. Out: its directory gone, or a note that keeps it.
//! Never: a run removed while it is driven or held, half a run left under its name.

use std::{fs, io};

use crate::redact::Clean;

use super::{lock::Lock, run_dir::RunDir};

#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    #[error("the run is held: {0}")]
    Held(String),
    #[error("could not {act} the run")]
    Io { act: &'static str, source: io::Error },
}

/// A hold's note is a sentence.
const NOTE_BYTES_MAX: u64 = 64 * 1024;

/// Why the run is kept, if it is.
///
/// # Errors
/// What the file system says.
pub fn held(run: &RunDir) -> Result<Option<String>, RetentionError> {
    match run.read(&run.hold(), NOTE_BYTES_MAX) {
        Ok(note) => Ok(Some(String::from_utf8_lossy(&note).trim_end().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(RetentionError::Io { act: "look at", source }),
    }
}

/// Keeps the run; a second note replaces the first.
///
/// # Errors
/// What the file system says.
pub fn hold(run: &RunDir, note: &Clean<String>) -> Result<(), RetentionError> {
    let written = run.dir().and_then(|mut dir| dir.write_atomic(&run.hold(), format!("{}\n", note.get()).as_bytes()));
    written.map_err(|source| RetentionError::Io { act: "hold", source })
}

/// Lets the run go the way of the others.
///
/// # Errors
/// What the file system says.
pub fn release(run: &RunDir) -> Result<(), RetentionError> {
    match run.dir().and_then(|mut dir| dir.remove(&run.hold())) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(RetentionError::Io { act: "release", source }),
        _ => Ok(()),
    }
}

/// Removes the run with everything in it. It loses its name first: whoever is killed half way leaves no half run.
///
/// # Errors
/// `Held`, or what the file system says.
pub fn remove(run: &RunDir, _lock: Lock) -> Result<(), RetentionError> {
    if let Some(note) = held(run)? {
        return Err(RetentionError::Held(note));
    }
    let fail = |source| RetentionError::Io { act: "remove", source };
    // A leading dot is no run's name.
    let gone = run.base().with_file_name(format!(".{}.removed-{}", run.id(), std::process::id()));
    fs::rename(run.base(), &gone).map_err(fail)?;
    fs::remove_dir_all(&gone).map_err(fail)
}
