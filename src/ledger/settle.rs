//! The sink that compares the files of a run with what the journal says, and writes what differs if it may.
//! In: the journal once more, after it was remembered as `Past`. Out: findings, and files as they should be.
//! Never: output lines of a log made up or lost: a log that is there only gets the events that it lacks.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{self, BufRead as _, BufReader},
    os::unix::fs::FileExt as _,
};

use crate::record::At;

use super::{
    dir::Dir,
    findings::{Finding, FindingKind, Findings},
    journal::JournalError,
    lru::Lru,
    place::InRun,
    project::{Event, Kind, Latest, Past, Projection, Rendered, Sink, place_of},
    projector::{ProjectError, failed},
    reader::Reader,
    run_dir::RunDir,
    tombstones::Tombstones,
};

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

/// How far a log goes: up to a line of the journal, of which it holds so many lines.
#[derive(Clone, Copy)]
struct Known {
    seq: u64,
    lines: usize,
    /// It was found that it lacks some.
    told: bool,
}

pub(super) struct Settle<'a> {
    paths: RunDir,
    dir: Dir,
    past: &'a Past,
    write: bool,
    /// Files that were last touched by this line or an earlier one are left alone.
    covered: u64,
    growing: BTreeMap<InRun, Growing>,
    handles: Lru<File>,
    /// Per step, how far its log goes.
    logs: BTreeMap<At, Option<Known>>,
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

/// A file as it is, against what it should be.
enum Found {
    Same,
    Missing,
    Differs,
}

impl<'a> Settle<'a> {
    pub(super) fn new(run: &RunDir, past: &'a Past, write: bool, covered: u64) -> io::Result<Self> {
        Ok(Self {
            paths: run.clone(),
            dir: run.dir()?,
            past,
            write,
            covered,
            growing: BTreeMap::new(),
            handles: Lru::new(),
            logs: BTreeMap::new(),
            known: BTreeSet::new(),
            tombstones: Tombstones::read(run)?,
            pruned: 0,
            findings: Findings::default(),
            failure: None,
        })
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
                Err(error) => self.keep(&place, error),
            }
        }
    }

    fn find(&mut self, place: &InRun, kind: FindingKind, detail: &str) {
        let (path, detail) = (place.as_str().to_owned(), detail.to_owned());
        self.findings.add(Finding { path, kind, detail, can_be_made: true });
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

    fn file(&mut self, place: &InRun, render: &dyn Fn() -> Rendered) {
        let settled = render().map_err(io::Error::from).and_then(|bytes| {
            let found = match self.dir.read(place, bytes.len() as u64) {
                Ok(there) if there == bytes => Found::Same,
                Err(error) if error.kind() == io::ErrorKind::NotFound => Found::Missing,
                Ok(_) => Found::Differs,
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Found::Differs,
                Err(error) => return Err(error),
            };
            if self.write && !matches!(found, Found::Same) {
                self.dir.write(place, &bytes)?;
            }
            Ok(found)
        });
        match settled {
            Ok(Found::Same) => {}
            Ok(Found::Missing) => self.find(place, FindingKind::Missing, "the journal has it"),
            Ok(Found::Differs) => self.find(place, FindingKind::Differs, "it does not say what the journal says"),
            Err(error) => self.keep(place, error),
        }
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

    /// How far a log goes; a torn last line is cut where it may be. What stands in it is not compared. `None`: there is no log.
    fn log_end(&mut self, place: &InRun) -> io::Result<Option<Known>> {
        #[derive(serde::Deserialize)]
        struct Numbered {
            seq: Option<u64>,
        }
        let file = match if self.write { self.dir.writer(place) } else { self.dir.reader(place) } {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let (mut end, mut whole, mut line) = (Known { seq: 0, lines: 0, told: false }, 0, Vec::new());
        let mut input = BufReader::new(&file);
        while input.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
            whole += line.len() as u64;
            match serde_json::from_slice(&line) {
                Ok(Numbered { seq: Some(seq) }) if seq > end.seq => (end.seq, end.lines) = (seq, 1),
                Ok(Numbered { seq: Some(seq) }) if seq == end.seq => end.lines += 1,
                _ => {}
            }
            line.clear();
        }
        if !line.is_empty() && self.write {
            file.set_len(whole)?;
        }
        Ok(Some(end))
    }
}

/// What follows the first lines, of which there are so many already.
fn lines_after<'b>(bytes: &'b [u8], there: &mut usize) -> &'b [u8] {
    let mut rest = bytes;
    while *there > 0
        && let Some(end) = rest.iter().position(|byte| *byte == b'\n')
    {
        rest = &rest[end + 1..];
        *there -= 1;
    }
    rest
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
        self.file(&place, render);
        if kind == Kind::Receipt {
            self.findings.executions += 1;
        }
    }

    fn whole(&mut self, seq: u64, place: InRun, render: &dyn Fn() -> Rendered) {
        self.known.insert(hash(&place));
        if self.touched(&place, seq) {
            self.file(&place, render);
        }
    }

    fn line(&mut self, _seq: u64, place: InRun, render: &dyn Fn() -> Rendered) {
        if self.past.seen.files.get(&place).is_none_or(|last| *last <= self.covered) {
            return;
        }
        let mut growing = self.growing.remove(&place).unwrap_or_default();
        if growing.differs && !self.write {
            self.growing.insert(place, growing);
            return;
        }
        match render().map_err(io::Error::from).and_then(|line| self.grow(&place, &line, &mut growing)) {
            Ok(same) => {
                if !same && !growing.differs {
                    self.find(&place, FindingKind::Differs, "its lines are not those of the journal");
                }
                growing.differs |= !same;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.find(&place, FindingKind::Missing, "the journal has it");
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
        let mut known = match self.logs.get(at) {
            Some(known) => *known,
            None => match self.log_end(&place) {
                Ok(known) => {
                    let tombstone = self.tombstones.of(place.as_str()).filter(|_| known.is_none());
                    let pruned = tombstone.map(|one| Known { seq: one.journal_seq, lines: usize::MAX, told: false });
                    self.pruned += u64::from(pruned.is_some());
                    let known = known.or(pruned);
                    if known.is_none() {
                        self.find(&place, FindingKind::Missing, "events are in the journal; lines of output are not");
                    }
                    known
                }
                Err(error) => return self.keep(&place, error),
            },
        };
        if known.is_none_or(|known| seq >= known.seq) {
            let mut lacks = false;
            let written = render().map_err(io::Error::from).and_then(|bytes| {
                use std::io::Write as _;
                let rest = match &mut known {
                    Some(known) if known.seq == seq => lines_after(&bytes, &mut known.lines),
                    _ => &bytes,
                };
                lacks = !rest.is_empty();
                if self.write && lacks { self.dir.append(&place)?.write_all(rest) } else { Ok(()) }
            });
            if let Err(error) = written {
                self.keep(&place, error);
            }
            if let Some(known) = known.as_mut().filter(|known| lacks && !known.told) {
                known.told = true;
                self.find(
                    &place,
                    FindingKind::Differs,
                    "it ends before the journal does: events are there, lines of output are not",
                );
            }
        }
        self.logs.insert(at.clone(), known);
    }

    fn problem(&mut self, seq: u64, what: String) {
        let (path, kind) = (format!("journal.jsonl:{seq}"), FindingKind::Differs);
        self.findings.add(Finding { path, kind, detail: what, can_be_made: false });
    }
}
