//! The sink that compares the files of a run with what the journal says, and writes what differs if it may.
//! In: the journal once more, after it was remembered as `Past`. Out: findings, and files as they should be.
//! Never: output lines of a log made up or lost: of a run that goes on, a log that is there only gets the events that it lacks.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io,
    os::unix::fs::FileExt as _,
};

use crate::record::At;

use super::{
    dir::Dir,
    findings::{Finding, FindingKind, Findings},
    journal::JournalError,
    log_check::LogCheck,
    lru::Lru,
    place::InRun,
    project::{Event, Kind, Latest, Past, Projection, Rendered, Sink, place_of},
    projector::{ProjectError, failed},
    reader::Reader,
    run_dir::RunDir,
    tombstones::Tombstones,
};

mod clear;
mod log;

use self::{clear::Way, log::Known};

#[derive(Debug, thiserror::Error)]
pub(super) enum SettleError {
    #[error(transparent)]
    File(#[from] ProjectError),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Writes what lines after `covered` should have left.
pub(super) fn catch_up(run: &RunDir, past: &Past, covered: u64) -> Result<(), SettleError> {
    let mut settle = Settle::new(run, past, true, covered).map_err(|error| failed("the run's directory", error))?;
    let mut projection = Projection::new(run);
    for entry in Reader::open(run)? {
        let entry = entry?;
        projection.apply(&entry, &mut settle);
        if entry.seq == past.projection.seq() {
            break;
        }
    }
    settle.finish();
    settle.failure.map_or(Ok(()), |failure| Err(failure.into()))
}

pub(super) struct Settle<'a> {
    paths: RunDir,
    dir: Dir,
    past: &'a Past,
    write: bool,
    /// Files that were last touched by this line or an earlier one are left alone.
    covered: u64,
    /// Up to this line everything was written, by run.json's word. Files that a later one touched may lag.
    projected: u64,
    growing: BTreeMap<InRun, Growing>,
    handles: Lru<File>,
    /// Per step, how far its log goes.
    logs: BTreeMap<At, Option<Known>>,
    /// Logs are looked at from their first event on, and left as they are.
    check: Option<LogCheck>,
    /// Where something was in the way: nothing more is said of it.
    told: BTreeSet<InRun>,
    /// Hashes of all names that the journal accounts for.
    known: BTreeSet<u64>,
    /// What retention took; a file that is named there and gone is no finding.
    pub(super) tombstones: Tombstones,
    pub(super) pruned: u64,
    pub(super) findings: Findings,
    pub(super) failure: Option<ProjectError>,
}

#[derive(Default)]
struct Growing {
    /// So much of the file is as it should be.
    bytes: u64,
    differs: bool,
}

const OTHER_EVENTS: &str = "its events are not those of the journal";

/// A file as it is, against what it should be.
enum Found {
    Same,
    Missing,
    Differs,
    /// What is in its way was told.
    Told,
}

impl<'a> Settle<'a> {
    pub(super) fn new(run: &RunDir, past: &'a Past, write: bool, covered: u64) -> io::Result<Self> {
        Ok(Self {
            paths: run.clone(),
            dir: run.dir()?,
            past,
            write,
            covered,
            projected: u64::MAX,
            growing: BTreeMap::new(),
            handles: Lru::new(),
            logs: BTreeMap::new(),
            check: None,
            told: BTreeSet::new(),
            known: BTreeSet::new(),
            tombstones: Tombstones::read(run)?,
            pruned: 0,
            findings: Findings::default(),
            failure: None,
        })
    }

    /// The events of logs are compared with those of the journal, not only added to them.
    pub(super) fn looking_at_logs(mut self) -> Self {
        self.check = Some(LogCheck::new());
        self
    }

    /// What a process that was killed had not come to is told from what somebody changed.
    pub(super) fn projected_up_to(mut self, seq: u64) -> Self {
        self.projected = seq;
        self
    }

    /// Logs that differ, and the line of the journal up to which retention took their events.
    pub(super) fn wrong_logs(&self) -> Vec<(InRun, u64)> {
        self.check.as_ref().map(LogCheck::wrong).unwrap_or_default()
    }

    /// Whether the journal accounts for a file of this name.
    pub(super) fn knows(&self, place: &InRun) -> bool {
        self.known.contains(&hash(place))
    }

    /// Files that grow have been seen to their end: what stands behind is nobody's.
    pub(super) fn finish(&mut self) {
        for (place, growing) in std::mem::take(&mut self.growing) {
            let write = self.write;
            let done = self.handle(&place).and_then(|file| {
                let longer = file.metadata()?.len() > growing.bytes;
                if longer && write {
                    file.set_len(growing.bytes)?;
                }
                Ok(longer)
            });
            match done {
                Ok(true) if !growing.differs => self.find(&place, FindingKind::Differs, "it has more than the journal says"),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // Told when its first line was looked at.
                Err(_) if growing.differs && !write => {}
                Err(error) => self.keep(&place, error),
            }
        }
        let longer = self.check.as_mut().map(|check| check.finish(&mut self.dir));
        match longer.transpose() {
            Ok(longer) => longer.iter().flatten().for_each(|place| self.find(place, FindingKind::Differs, OTHER_EVENTS)),
            Err(error) => self.keep(&self.paths.journal(), error),
        }
    }

    /// An event of a log that is looked at.
    fn look(&mut self, check: &mut LogCheck, seq: u64, place: &InRun, render: &dyn Fn() -> Rendered) -> io::Result<()> {
        if !check.knows(place) {
            let pruned = self.tombstones.of(place.as_str()).map(|one| one.journal_seq);
            match check.begin(&mut self.dir, place, pruned) {
                Ok(gone) => self.pruned += u64::from(gone),
                Err(met) if self.clear(place)? == Way::NothingInIt => return Err(met),
                Err(_) => check.begin_blocked(place),
            }
        }
        match check.event(&mut self.dir, place, seq, &render()?)? {
            Some(FindingKind::Missing) => {
                let all = "events are in the journal; lines of output are not";
                let detail = if check.is_there(place) { "its last events are in the journal, and not in it" } else { all };
                self.find_of(seq, place, FindingKind::Missing, detail);
            }
            Some(kind) => self.find_of(seq, place, kind, OTHER_EVENTS),
            None => {}
        }
        Ok(())
    }

    pub(super) fn find(&mut self, place: &InRun, kind: FindingKind, detail: &str) {
        self.find_of(0, place, kind, detail);
    }

    /// The same of a file that is not as this line leaves it.
    fn find_of(&mut self, seq: u64, place: &InRun, kind: FindingKind, detail: &str) {
        if !self.told.contains(place) {
            let lags = seq > self.projected;
            self.findings.add(Finding { lags, ..Finding::new(place.as_str(), kind, detail, true) });
        }
    }

    fn keep(&mut self, place: &InRun, error: io::Error) {
        match &mut self.failure {
            Some(failure) => failure.failures += 1,
            none => *none = Some(failed(place.as_str(), error)),
        }
    }

    fn touched(&self, place: &InRun, seq: u64) -> bool {
        // Only the last line that wrote the file says what stands in it.
        self.past.seen.files.get(place).is_some_and(|last| *last == seq && seq > self.covered)
    }

    fn file(&mut self, seq: u64, place: &InRun, render: &dyn Fn() -> Rendered) {
        let settled = render().map_err(io::Error::from).and_then(|bytes| match self.hold_against(place, &bytes) {
            Err(met) => match self.clear(place)? {
                Way::NothingInIt => Err(met),
                Way::Free => self.hold_against(place, &bytes),
                Way::Barred => Ok(Found::Told),
            },
            found => found,
        });
        match settled {
            Ok(Found::Same | Found::Told) => {}
            Ok(Found::Missing) => self.find_of(seq, place, FindingKind::Missing, "the journal has it"),
            Ok(Found::Differs) => self.find_of(seq, place, FindingKind::Differs, "it does not say what the journal says"),
            Err(error) => self.keep(place, error),
        }
    }

    /// Written where it differs, if it may be: in place of what is there, which may have another name outside.
    fn hold_against(&mut self, place: &InRun, bytes: &[u8]) -> io::Result<Found> {
        let found = match self.dir.read(place, bytes.len() as u64) {
            Ok(there) if there == bytes => Found::Same,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Found::Missing,
            Ok(_) => Found::Differs,
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Found::Differs,
            Err(error) => return Err(error),
        };
        if self.write && !matches!(found, Found::Same) {
            self.dir.write_atomic(place, bytes)?;
        }
        Ok(found)
    }

    fn handle(&mut self, place: &InRun) -> io::Result<&mut File> {
        if self.handles.get(place.as_str()).is_none() {
            let file = if self.write { self.dir.update(place)? } else { self.dir.reader(place)? };
            self.handles.put(place.as_str(), file);
        }
        self.handles.get(place.as_str()).ok_or_else(|| io::Error::other("the handle was just put there"))
    }

    /// Whether the line is where it should be; writes it there if it may.
    fn grow(&mut self, place: &InRun, line: &[u8], growing: &mut Growing) -> io::Result<bool> {
        let write = self.write;
        let (at, mut differs) = (growing.bytes, growing.differs);
        let file = self.handle(place)?;
        if !differs {
            let mut there = vec![0; line.len()];
            differs = match file.read_exact_at(&mut there, at) {
                Ok(()) => there != line,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => true,
                Err(error) => return Err(error),
            };
        }
        if differs && write {
            file.write_all_at(line, at)?;
        }
        growing.bytes += line.len() as u64;
        Ok(!differs)
    }
}

fn hash(place: &InRun) -> u64 {
    let mut hasher = DefaultHasher::new();
    place.hash(&mut hasher);
    hasher.finish()
}

impl Sink for Settle<'_> {
    fn latest(&mut self, file: Latest<'_>, render: &dyn Fn() -> Rendered) {
        let Latest { kind, at, now, before: _ } = file;
        let past = self.past;
        let Some(last) = past.projection.last(at) else { return };
        let again = past.seen.again.get(&(at.clone(), now.agent.clone(), now.execution));
        if again.is_some_and(|seq| *seq > now.seq) {
            return;
        }
        let superseded = last.agent != now.agent || last.execution != now.execution;
        let place = place_of(&self.paths, kind, at, now, superseded);
        self.known.insert(hash(&place));
        if last.seq <= self.covered {
            return;
        }
        if superseded && self.write && last.agent != now.agent {
            // It was the latest when the process was killed.
            drop(self.dir.remove(&place_of(&self.paths, kind, at, now, false)));
        }
        self.file(last.seq, &place, render);
        if kind == Kind::Receipt {
            self.findings.executions += 1;
        }
    }

    fn whole(&mut self, seq: u64, place: InRun, render: &dyn Fn() -> Rendered) {
        self.known.insert(hash(&place));
        if self.touched(&place, seq) {
            self.file(seq, &place, render);
        }
    }

    fn line(&mut self, seq: u64, place: InRun, render: &dyn Fn() -> Rendered) {
        if self.past.seen.files.get(&place).is_none_or(|last| *last <= self.covered) {
            return;
        }
        let mut growing = self.growing.remove(&place).unwrap_or_default();
        if growing.differs && !self.write {
            self.growing.insert(place, growing);
            return;
        }
        let grown = render().map_err(io::Error::from).and_then(|line| match self.grow(&place, &line, &mut growing) {
            Err(met) if met.kind() != io::ErrorKind::NotFound => match self.clear(&place)? {
                Way::NothingInIt => Err(met),
                Way::Free => self.grow(&place, &line, &mut growing),
                // Told: nothing more is to be said of its lines.
                Way::Barred => {
                    growing.differs = true;
                    Ok(false)
                }
            },
            grown => grown,
        });
        match grown {
            Ok(same) => {
                if !same && !growing.differs {
                    self.find_of(seq, &place, FindingKind::Differs, "its lines are not those of the journal");
                }
                growing.differs |= !same;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.find_of(seq, &place, FindingKind::Missing, "the journal has it");
                growing.differs = true;
            }
            Err(error) => self.keep(&place, error),
        }
        self.growing.insert(place, growing);
    }

    fn event(&mut self, seq: u64, at: &At, _what: Event, render: &dyn Fn() -> Rendered) {
        if self.past.seen.steps.get(at).is_none_or(|last| *last <= self.covered) {
            return;
        }
        let place = self.paths.log(&at.flow, &at.step);
        if let Some(mut check) = self.check.take() {
            let looked = self.look(&mut check, seq, &place, render);
            self.check = Some(check);
            return looked.unwrap_or_else(|error| self.keep(&place, error));
        }
        if let Err(error) = self.add_event(seq, at, &place, render) {
            self.keep(&place, error);
        }
    }

    fn problem(&mut self, seq: u64, what: String) {
        let (path, kind) = (format!("journal.jsonl:{seq}"), FindingKind::Differs);
        self.findings.add(Finding::new(&path, kind, what, false));
    }
}
