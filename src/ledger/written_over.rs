//! Artifacts that are not what the last receipt that names them says: somebody wrote them later.
//! In: a run that rests. Out: each with its receipt. Never: a finding, for a step may write what is not its own; a word about a file that a
//! later execution measured, that an undo may have taken away, or whose step is not over.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use rustix::fs::FileType;
use serde::Serialize;

use crate::{
    id::{AgentKey, FramePath, Sha256},
    record::{At, Entry, Fact, OutputFile, Parent, Proof},
};

use super::{
    dir::Dir,
    journal::JournalError,
    lock::Lock,
    place::InRun,
    project::{Kind, Last, place_of},
    reader::Reader,
    run_dir::RunDir,
    streams::digest,
    tombstones::Tombstones,
};

/// An artifact that was written after it was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WrittenOver {
    /// Relative to RUN_BASE.
    pub path: String,
    /// The last receipt that names it.
    pub receipt: String,
    pub at: At,
    pub execution: u32,
    /// It is not there any longer.
    pub gone: bool,
}

/// Where outputs lie that are the run's own; what lies in the workspace is anybody's.
const OWN: &str = "artifacts/";

/// The artifacts of which no receipt says what they are now. None while a process drives the run, or where the journal is broken.
///
/// # Errors
/// The journal or a file cannot be read.
pub fn written_over(run: &RunDir) -> Result<Vec<WrittenOver>, JournalError> {
    if !matches!(Lock::holder(run), Ok(None)) {
        return Ok(Vec::new());
    }
    let mut measured = Measured::default();
    for entry in Reader::open(run)? {
        match entry {
            Ok(entry) => measured.note(&entry),
            // What stands behind it cannot be believed, nor what stood before it be the last word.
            Err(JournalError::Broken { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        }
    }
    measured.compare(run).map_err(JournalError::reading)
}

#[derive(Default)]
struct Measured {
    /// By flow and path: the execution that measured it last.
    last: BTreeMap<(FramePath, String), One>,
    of: BTreeMap<At, Vec<String>>,
    /// Started, and not ended with a measure.
    open: BTreeSet<At>,
}

struct One {
    at: At,
    last: Last,
    sha256: Sha256,
}

impl Measured {
    fn note(&mut self, entry: &Entry) {
        for fact in &entry.facts {
            match fact {
                Fact::StepStarted { at, .. } => {
                    self.forget(at);
                    self.open.insert(at.clone());
                }
                Fact::StepEnded { at, execution, proof, .. } => {
                    self.forget(at);
                    self.open.remove(at);
                    self.measure(at, *execution, entry.seq, proof);
                }
                // Whatever is undone takes away what steps of that flow left.
                Fact::FlowStarted { parent: Some(Parent::Rollback { of, .. } | Parent::Undo { of, .. }), .. } => {
                    self.last.retain(|(flow, _), _| flow != of);
                }
                _ => {}
            }
        }
    }

    fn forget(&mut self, at: &At) {
        for path in self.of.remove(at).unwrap_or_default() {
            let key = (at.flow.clone(), path);
            if self.last.get(&key).is_some_and(|one| one.at == *at) {
                self.last.remove(&key);
            }
        }
    }

    fn measure(&mut self, at: &At, execution: u32, seq: u64, proof: &Proof) {
        let Ok(agent) = AgentKey::new(&proof.agent_key) else { return };
        for OutputFile { path, sha256, .. } in proof.outputs.iter().filter(|output| output.path.starts_with(OWN)) {
            let key = (at.flow.clone(), path.clone());
            self.of.entry(at.clone()).or_default().push(path.clone());
            match sha256 {
                Some(sha256) => {
                    let last = Last { agent: agent.clone(), execution, seq };
                    self.last.insert(key, One { at: at.clone(), last, sha256: sha256.clone() });
                }
                None => drop(self.last.remove(&key)),
            }
        }
    }

    fn compare(&self, run: &RunDir) -> io::Result<Vec<WrittenOver>> {
        let (mut dir, tombstones) = (run.dir()?, Tombstones::read(run)?);
        let mut found = Vec::new();
        for ((flow, path), One { at, last, sha256 }) in &self.last {
            // A step that was killed in its work may have been about to write it.
            if self.open.iter().any(|open| open.flow == *flow) {
                continue;
            }
            let Ok(place) = InRun::new(&format!("{flow}/{path}")) else { continue };
            let gone = match now(&mut dir, &place)? {
                Now::File(now) if now == *sha256 => continue,
                Now::File(_) => false,
                Now::Gone if tombstones.of(place.as_str()).is_some() => continue,
                Now::Gone => true,
                Now::Other => continue,
            };
            found.push(WrittenOver {
                path: place.as_str().to_owned(),
                receipt: place_of(run, Kind::Receipt, at, last, false).as_str().to_owned(),
                at: at.clone(),
                execution: last.execution,
                gone,
            });
        }
        Ok(found)
    }
}

enum Now {
    File(Sha256),
    Gone,
    /// Directories and links are measured by what they lead to.
    Other,
}

fn now(dir: &mut Dir, place: &InRun) -> io::Result<Now> {
    match dir.look(place) {
        Ok((FileType::RegularFile, _)) => Ok(Now::File(digest(&mut dir.reader(place)?)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Now::Gone),
        Ok(_) | Err(_) => Ok(Now::Other),
    }
}
