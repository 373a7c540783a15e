//! How files of a run go, and how runs go: said first, in a line that is on disk, then done.
//! In: a run that nobody drives, kinds of files. Out: those files gone, or the whole run; `retention.jsonl` says which.
//! Never: a run removed while it is driven or held, a link followed, a file gone that no line names, half a run left under its name.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    id::{Sha256, Time},
    record::{Archived, KeptKind, PrunedFile, RetentionAct, RetentionLine},
    redact::Clean,
};

use super::{
    archive::{archive, digest},
    dir::Dir,
    lock::Lock,
    place::InRun,
    retention::{Keeper, RetentionError, held, note_beside, note_in},
    run_dir::{RunDir, RunsDir},
    shelves::{Item, Walk, What},
    unfinished::sweep_unfinished,
};

/// Who removes, when, and where a copy goes first.
#[derive(Debug, Clone, Copy)]
pub struct Pruning<'p> {
    pub by: &'p Clean<String>,
    pub at: Time,
    pub archive: Option<&'p Path>,
    /// The end of the journal that was looked at.
    pub head: (u64, &'p Sha256),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    pub files: u64,
    pub bytes: u64,
    pub archive: Option<Archived>,
}

/// Files that one line names; a line stays readable.
const FILES_PER_LINE: usize = 500;

/// Removes the files of these kinds; the run stays. Killed half way, the rest goes the next time.
///
/// # Errors
/// `Held`, `Archive`, or what the file system says.
pub fn prune(
    run: &RunDir,
    kinds: &[KeptKind],
    how: Pruning<'_>,
    lock: &Lock,
    _keeper: &Keeper,
) -> Result<Pruned, RetentionError> {
    if let Some(hold) = held(run)? {
        return Err(RetentionError::Held(hold));
    }
    let fail = RetentionError::io("look through");
    sweep_unfinished(run, lock).map_err(&fail)?;
    let mut dir = run.dir().map_err(&fail)?;
    let walk = Walk::of(&mut dir, None).map_err(&fail)?;
    let ours = |item: &Item| KeptKind::of(item.place.as_str()).is_some_and(|kind| kinds.contains(&kind));
    let items: Vec<Item> = walk.items.into_iter().filter(ours).collect();
    let files = named(&mut dir, &items).map_err(&fail)?;
    if files.is_empty() {
        return Ok(Pruned::default());
    }
    let kept = how.archive.map(|into| archive(run, &mut dir, into, &items, &files)).transpose()?;
    let lines: Vec<RetentionLine> = files
        .chunks(FILES_PER_LINE)
        .map(|files| RetentionLine {
            bytes: files.iter().map(|file| file.bytes).sum(),
            files: files.to_vec(),
            ..line(run, RetentionAct::Pruned, how, kept.clone())
        })
        .collect();
    // Said before it is done: a file that is gone has a line that names it, wherever we are killed.
    note_in(run, &lines).map_err(RetentionError::io("write down what goes of"))?;
    for item in &items {
        let gone = if item.what == What::Directory { dir.remove_dir(&item.place) } else { dir.remove(&item.place) };
        match gone {
            Ok(()) => {}
            // Something with an odd name is still in it, or it went by itself.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty) => {}
            Err(source) => return Err(RetentionError::Io { act: "remove files of", source }),
        }
    }
    Ok(Pruned { files: files.len() as u64, bytes: files.iter().map(|file| file.bytes).sum(), archive: kept })
}

/// Removes the run with everything in it. It loses its name first: whoever is killed half way leaves no half run.
///
/// # Errors
/// `Held`, `Archive`, or what the file system says.
pub fn remove(run: &RunDir, how: Pruning<'_>, _lock: Lock, _keeper: &Keeper) -> Result<Pruned, RetentionError> {
    if let Some(hold) = held(run)? {
        return Err(RetentionError::Held(hold));
    }
    let fail = RetentionError::io("remove");
    let mut dir = run.dir().map_err(&fail)?;
    let walk = Walk::of(&mut dir, None).map_err(&fail)?;
    // The lock is ours at this moment, and nobody's afterwards.
    let items: Vec<Item> = walk.items.into_iter().filter(|item| item.place != run.lock()).collect();
    let kept = match how.archive {
        None => None,
        Some(_) if walk.odd > 0 => {
            let why = format!("{} names in the run are none that it can hold", walk.odd);
            return Err(RetentionError::Archive { why, source: None });
        }
        Some(into) => {
            let files = named(&mut dir, &items).map_err(&fail)?;
            Some(archive(run, &mut dir, into, &items, &files)?)
        }
    };
    let gone = Pruned {
        files: items.iter().filter(|item| item.what != What::Directory).count() as u64,
        bytes: items.iter().map(|item| item.bytes).sum(),
        archive: kept.clone(),
    };
    let runs = run.base().parent().ok_or_else(|| fail(io::Error::other("a run lies in a directory")))?;
    note_beside(runs, &RetentionLine { bytes: gone.bytes, ..line(run, RetentionAct::Removed, how, kept) })
        .map_err(RetentionError::io("write down the end of"))?;
    // A leading dot is no run's name.
    let away = runs.join(format!(".{}{REMOVED}{}", run.id(), std::process::id()));
    fs::rename(run.base(), &away).map_err(&fail)?;
    fs::remove_dir_all(&away).map_err(&fail)?;
    Ok(gone)
}

const REMOVED: &str = ".removed-";

/// What a kill left of runs that had lost their names already; removed.
///
/// # Errors
/// What the file system says.
pub fn sweep(runs: &RunsDir, _keeper: &Keeper) -> Result<u64, RetentionError> {
    let fail = RetentionError::io("sweep up what is left of");
    let mut swept = 0;
    let items = match fs::read_dir(runs.path()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        other => other.map_err(&fail)?,
    };
    for item in items {
        let item = item.map_err(&fail)?;
        let name = item.file_name().to_string_lossy().into_owned();
        let ours = name.starts_with('.') && name.rsplit_once(REMOVED).is_some_and(|(_, pid)| pid.parse::<u32>().is_ok());
        if ours && item.file_type().is_ok_and(|kind| kind.is_dir()) {
            let path: PathBuf = item.path();
            fs::remove_dir_all(path).map_err(&fail)?;
            swept += 1;
        }
    }
    Ok(swept)
}

fn line(run: &RunDir, act: RetentionAct, how: Pruning<'_>, archive: Option<Archived>) -> RetentionLine {
    let line = RetentionLine::new(how.at, run.id().clone(), act, how.by.get().clone());
    RetentionLine { journal_seq: Some(how.head.0), journal_head: Some(how.head.1.clone()), archive, ..line }
}

/// Files and links with their digests. A pipe has none that could be taken, and nobody's proof.
fn named(dir: &mut Dir, items: &[Item]) -> io::Result<Vec<PrunedFile>> {
    let mut files = Vec::new();
    for item in items {
        let (sha256, bytes) = match item.what {
            What::File => digest(&mut dir.reader(&item.place)?)?,
            What::Link => {
                let target = dir.target(&item.place)?;
                (Sha256::of(&target), target.len() as u64)
            }
            What::Other => (Sha256::of(b""), 0),
            What::Directory => continue,
        };
        files.push(PrunedFile { path: name(&item.place), bytes, sha256 });
    }
    Ok(files)
}

fn name(place: &InRun) -> String {
    place.as_str().to_owned()
}
