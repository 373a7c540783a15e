//! Files that only their owner can read: the studio's token, and the digests of its users'.
//! In: a path below the runs directory's `.studio`. Out: text, whole. Never: a file that others can read, a half-written one.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use crate::error::{Error, Kind};

/// Below the directory of the runs.
pub(super) const DIR: &str = ".studio";
/// Far more than a token, or all users of a studio.
const BYTES_MAX: u64 = 1024 * 1024;
const SECRET_BYTES: usize = 32;

/// `None`: it is not there.
///
/// # Errors
/// It cannot be read, or others can.
pub(super) fn read(path: &Path, mend: &str) -> Result<Option<String>, Error> {
    let failed = |error: &io::Error| Error::new(Kind::System, format!("{} cannot be read", path.display())).because(error);
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| failed(&error))?,
    };
    let mode = file.metadata().map_err(|error| failed(&error))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(Error::new(Kind::Refused, format!("others can read {}: mode {:o}", path.display(), mode & 0o777)).hint(mend));
    }
    let mut text = String::new();
    file.take(BYTES_MAX).read_to_string(&mut text).map_err(|error| failed(&error))?;
    Ok(Some(text))
}

/// The directory, which others cannot even look into.
///
/// # Errors
/// What the file system says.
pub(super) fn dir(runs: &Path) -> io::Result<std::path::PathBuf> {
    let dir = runs.join(DIR);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
    Ok(dir)
}

/// A new file, whole under its name or not at all; whoever puts it at the same time keeps the one that was first.
///
/// # Errors
/// What the file system says.
pub(super) fn put_first(dir: &Path, name: &str, text: &str) -> io::Result<()> {
    let fresh = written(dir, name, text)?;
    let put = fs::hard_link(&fresh, dir.join(name));
    fs::remove_file(&fresh)?;
    match put {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// In the place of what was there. Readers see the one or the other.
///
/// # Errors
/// What the file system says.
pub(super) fn put_last(dir: &Path, name: &str, text: &str) -> io::Result<()> {
    let fresh = written(dir, name, text)?;
    fs::rename(&fresh, dir.join(name)).inspect_err(|_| drop(fs::remove_file(&fresh)))?;
    fs::File::open(dir)?.sync_all()
}

/// One at a time, over all processes; the lock ends with whoever holds it.
///
/// # Errors
/// What the file system says.
pub(super) fn locked(dir: &Path) -> io::Result<fs::File> {
    let file = fs::File::open(dir)?;
    file.lock()?;
    Ok(file)
}

fn written(dir: &Path, name: &str, text: &str) -> io::Result<std::path::PathBuf> {
    let fresh = dir.join(format!("{name}.{}", &random()?[..8]));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    let done = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    done.inspect_err(|_| drop(fs::remove_file(&fresh)))?;
    Ok(fresh)
}

/// 256 bits from the system's own source, in hexadecimal.
///
/// # Errors
/// The system has none to give.
pub(super) fn random() -> io::Result<String> {
    let mut bytes = [0; SECRET_BYTES];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
