//! Files that cannot be derived, only held against the digest that was taken when they were written: what commands printed, and what
//! snapshots copied.
//! In: entries, and indexes of snapshots. Out: findings. Never: a whole file in memory.

use std::{fs::File, io};

use rustix::fs::FileType;
use serde::Deserialize;
use sha2::Digest as _;

use crate::{
    id::Sha256,
    record::{At, Entry, Fact},
};

use super::{
    dir::Dir,
    findings::{Finding, FindingKind},
    place::InRun,
    project::Past,
    run_dir::RunDir,
    settle::Settle,
};

pub(super) struct Streams {
    dir: Dir,
    pub checked: u64,
}

impl Streams {
    pub(super) fn new(run: &RunDir) -> io::Result<Self> {
        Ok(Self { dir: run.dir()?, checked: 0 })
    }

    pub(super) fn check(&mut self, entry: &Entry, settle: &mut Settle<'_>) -> io::Result<()> {
        for fact in &entry.facts {
            let Fact::StepEnded { at, execution, proof, .. } = fact else { continue };
            for command in proof.commands.iter().filter(|command| !command.truncated) {
                let both = [(&command.stdout_path, &command.stdout_sha256), (&command.stderr_path, &command.stderr_sha256)];
                for stream in both {
                    if let (Some(path), Some(sha256)) = stream
                        && let Ok(place) = InRun::new(path)
                    {
                        let place = self.aside(at, *execution, place);
                        self.compare(&place, sha256.as_str(), settle)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Where what this execution left lies now: in the directory of its snapshot, or beside it once a later execution took another one.
    fn aside(&mut self, at: &At, execution: u32, place: InRun) -> InRun {
        let snapshots = format!("{}/snapshots/", at.flow);
        let Some((name, rest)) = place.as_str().strip_prefix(&snapshots).and_then(|inside| inside.split_once('/')) else {
            return place;
        };
        let here = InRun::of(format!("{snapshots}{name}"));
        let beside = here.aside(execution);
        let is_of_another = snapshot_execution(&mut self.dir, &here).is_some_and(|other| other != execution);
        let moved = is_of_another || self.dir.look(&beside).is_ok();
        moved.then(|| beside.child(rest).ok()).flatten().unwrap_or(place)
    }

    /// Every object `{path, sha256}` of a snapshot's index names a file as it was captured.
    pub(super) fn check_snapshots(&mut self, run: &RunDir, past: &Past, settle: &mut Settle<'_>) -> io::Result<()> {
        let mut dir = run.dir()?;
        for flow in past.projection.flows() {
            let above = InRun::of(format!("{flow}/snapshots"));
            let names = match dir.names(&above) {
                Err(_) if settle.tell_in_the_way(&above, FileType::Directory) => continue,
                names => names?,
            };
            for name in names {
                let Ok(here) = above.child(&name) else { continue };
                let Ok(index) = here.child("index.json") else { continue };
                let Ok(bytes) = dir.read(&index, INDEX_BYTES_MAX) else { continue };
                let Ok(index) = serde_json::from_slice::<SnapshotIndex>(&bytes) else { continue };
                for (path, sha256) in index.copies() {
                    if let Ok(place) = here.child(&path) {
                        self.compare(&place, &sha256, settle)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn compare(&mut self, place: &InRun, sha256: &str, settle: &mut Settle<'_>) -> io::Result<()> {
        let finding = match self.dir.reader(place) {
            Ok(mut file) => {
                self.checked += 1;
                (digest(&mut file)?.as_str() != sha256)
                    .then_some((FindingKind::Differs, "its digest is not the one that was recorded"))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => match settle.tombstones.of(place.as_str()) {
                Some(tombstone) if tombstone.sha256.as_str() == sha256 => {
                    settle.pruned += 1;
                    None
                }
                Some(_) => Some((FindingKind::Differs, "retention removed it, and it was not what was recorded")),
                None => {
                    Some((FindingKind::Missing, "its digest was recorded, the file is not there; the journal cannot make it"))
                }
            },
            Err(_) if settle.tell_in_the_way(place, FileType::RegularFile) => None,
            Err(error) => return Err(error),
        };
        if let Some((kind, detail)) = finding {
            settle.findings.add(Finding::new(place.as_str(), kind, detail, false));
        }
        Ok(())
    }
}

/// The execution that took the snapshot in this directory, as its index says. `None`: it has none, or an older program wrote it.
pub(super) fn snapshot_execution(dir: &mut Dir, here: &InRun) -> Option<u32> {
    #[derive(Deserialize)]
    struct Numbered {
        execution: Option<u32>,
    }
    let bytes = dir.read(&here.child("index.json").ok()?, INDEX_BYTES_MAX).ok()?;
    serde_json::from_slice::<Numbered>(&bytes).ok()?.execution
}

const INDEX_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What is read of a snapshot's `index.json`: the copies it made, with their digests.
#[derive(Deserialize)]
struct SnapshotIndex {
    #[serde(default)]
    files: Vec<SnapshotCopy>,
    #[serde(default)]
    commands: Vec<SnapshotCopy>,
}

#[derive(Deserialize)]
struct SnapshotCopy {
    path: Option<String>,
    name: Option<String>,
    stored_sha256: String,
    /// A link has no copy.
    link: Option<String>,
}

impl SnapshotIndex {
    fn copies(self) -> impl Iterator<Item = (String, String)> {
        let file = |one: SnapshotCopy| Some((format!("files/{}", one.path.filter(|_| one.link.is_none())?), one.stored_sha256));
        let command = |one: SnapshotCopy| Some((format!("commands/{}.txt", one.name?), one.stored_sha256));
        self.files.into_iter().filter_map(file).chain(self.commands.into_iter().filter_map(command))
    }
}

pub(super) fn digest(file: &mut File) -> io::Result<Sha256> {
    use io::Read as _;
    let (mut hasher, mut chunk) = (sha2::Sha256::new(), vec![0; 64 * 1024]);
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(Sha256::from_raw(&hasher.finalize())),
            read => hasher.update(&chunk[..read]),
        }
    }
}
