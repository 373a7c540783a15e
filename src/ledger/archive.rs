//! An archive of what is about to go: a tar.gz, read back and compared before anything is removed.
//! In: items of a run with their digests. Out: a file that was not there before. Never: one replaced, a link followed, an archive taken on trust.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use sha2::Digest as _;

use crate::{
    id::Sha256,
    record::{Archived, PrunedFile},
};

use super::{
    dir::Dir,
    retention::RetentionError,
    run_dir::RunDir,
    shelves::{Item, What},
};

/// Archives of one run beside each other.
const NUMBER_MAX: u32 = 10_000;

fn refused(why: impl Into<String>) -> RetentionError {
    RetentionError::Archive { why: why.into(), source: None }
}

fn failed(source: io::Error) -> RetentionError {
    RetentionError::Archive { why: "the archive could not be written".to_owned(), source: Some(source) }
}

pub(super) fn archive(
    run: &RunDir,
    dir: &mut Dir,
    into: &Path,
    items: &[Item],
    files: &[PrunedFile],
) -> Result<Archived, RetentionError> {
    std::fs::create_dir_all(into).map_err(failed)?;
    let into = std::fs::canonicalize(into).map_err(failed)?;
    if run.base().parent().is_some_and(|runs| into.starts_with(runs)) {
        return Err(refused(format!("{} lies among the runs", into.display())));
    }
    if let Some(item) = items.iter().find(|item| item.what == What::Other) {
        return Err(refused(format!("{} is a pipe, a socket or a device, which an archive cannot hold", item.place)));
    }
    let mut tmp = tempfile::Builder::new().prefix(".archive-").tempfile_in(&into).map_err(failed)?;
    write(run, dir, tmp.as_file_mut(), items).map_err(failed)?;
    tmp.as_file().sync_all().map_err(failed)?;
    let sha256 = check(run, tmp.path(), files)?;
    let path = named(tmp, &into, run.id().as_str())?;
    File::open(&into).and_then(|into| into.sync_all()).map_err(failed)?;
    Ok(Archived { path: path.to_string_lossy().into_owned(), sha256 })
}

/// The first free name: `<run>.tar.gz`, `<run>.2.tar.gz` …
fn named(mut tmp: tempfile::NamedTempFile, into: &Path, run: &str) -> Result<PathBuf, RetentionError> {
    for number in 1..=NUMBER_MAX {
        let name = if number == 1 { format!("{run}.tar.gz") } else { format!("{run}.{number}.tar.gz") };
        let path = into.join(name);
        match tmp.persist_noclobber(&path) {
            Ok(_) => return Ok(path),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => tmp = error.file,
            Err(error) => return Err(failed(error.error)),
        }
    }
    Err(refused(format!("{} holds too many archives of this run", into.display())))
}

fn write(run: &RunDir, dir: &mut Dir, file: &mut File, items: &[Item]) -> io::Result<()> {
    let mut tar = tar::Builder::new(GzEncoder::new(file, Compression::default()));
    for item in items {
        let name = format!("{}/{}", run.id(), item.place);
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_mtime(0);
        match item.what {
            What::File => {
                let file = dir.reader(&item.place)?;
                let bytes = file.metadata()?.len();
                header.set_size(bytes);
                tar.append_data(&mut header, name, file.take(bytes))?;
            }
            What::Link => {
                use std::os::unix::ffi::OsStrExt as _;
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_size(0);
                let target = dir.target(&item.place)?;
                tar.append_link(&mut header, name, Path::new(std::ffi::OsStr::from_bytes(&target)))?;
            }
            What::Directory | What::Other => {}
        }
    }
    tar.into_inner()?.finish()?.flush()
}

/// Reads it back from the disk: every file is in it, and is what it was.
fn check(run: &RunDir, path: &Path, files: &[PrunedFile]) -> Result<Sha256, RetentionError> {
    let unreadable = |source| RetentionError::Archive { why: "it cannot be read back".to_owned(), source: Some(source) };
    let mut wanted: BTreeMap<String, &PrunedFile> =
        files.iter().map(|file| (format!("{}/{}", run.id(), file.path), file)).collect();
    let mut tar = tar::Archive::new(GzDecoder::new(File::open(path).map_err(unreadable)?));
    for entry in tar.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let linked = entry.link_name_bytes().map(|target| Sha256::of(&target));
        let digest = match linked {
            Some(digest) => digest,
            None => digest(&mut entry).map_err(unreadable)?.0,
        };
        match wanted.remove(&name) {
            Some(file) if file.sha256 == digest => {}
            _ => return Err(refused(format!("{name} in it is not what stands in the run"))),
        }
    }
    match wanted.into_keys().next() {
        Some(name) => Err(refused(format!("{name} is not in it"))),
        None => Ok(digest(&mut File::open(path).map_err(unreadable)?).map_err(unreadable)?.0),
    }
}

/// Of all that a reader gives, with its length.
pub(super) fn digest(input: &mut impl Read) -> io::Result<(Sha256, u64)> {
    let (mut hasher, mut bytes, mut chunk) = (sha2::Sha256::new(), 0, vec![0; 64 * 1024]);
    loop {
        match input.read(&mut chunk)? {
            0 => return Ok((Sha256::from_raw(&hasher.finalize()), bytes)),
            read => {
                hasher.update(&chunk[..read]);
                bytes += read as u64;
            }
        }
    }
}
