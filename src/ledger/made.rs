//! What the journal makes of a few files: to be shown instead of what lies there, or held against it.
//! In: facts in order, the places that are asked for. Out: per place its bytes, and how the file differs from them.
//! Never: a file written, the content of a file that nobody asked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufReader},
};

use crate::{
    id::Time,
    record::{At, Fact},
};

use super::{
    findings::FindingKind,
    journal::JournalError,
    log_lines::next_from_the_journal,
    place::InRun,
    project::{Event, Latest, Projection, Rendered, Sink, place_of},
    reader::Reader,
    run_dir::RunDir,
};

/// Directories of a flow in which every `.json` follows from the journal, but for drafts.
const DERIVED: [&str; 3] = ["receipts", "handoffs", "escalations"];

/// Made of the facts that concern the files that are asked for; further ones do no harm.
pub struct Made {
    projection: Projection,
    files: Files,
}

struct Files {
    paths: RunDir,
    wanted: BTreeSet<InRun>,
    made: BTreeMap<InRun, Vec<u8>>,
    /// Of these only the lines that come from the journal were made.
    logs: BTreeSet<InRun>,
}

impl Made {
    pub fn new(run: &RunDir, wanted: impl IntoIterator<Item = InRun>) -> Self {
        let files =
            Files { paths: run.clone(), wanted: wanted.into_iter().collect(), made: BTreeMap::new(), logs: BTreeSet::new() };
        Self { projection: Projection::new(run), files }
    }

    /// Takes in what a line says.
    pub fn note(&mut self, seq: u64, ts: Time, facts: &[Fact]) {
        self.projection.take(seq, ts, facts, &mut self.files);
    }

    /// What the file holds; of a log, its lines that come from the journal. `None`: the journal makes no such file.
    pub fn bytes(&self, place: &InRun) -> Option<&[u8]> {
        self.files.made.get(place).filter(|_| self.files.wanted.contains(place)).map(Vec::as_slice)
    }

    /// How what lies there differs from what the journal says. Nothing, of a file that does not follow from it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn differs(&self, place: &InRun) -> io::Result<Option<FindingKind>> {
        let mut dir = self.files.paths.dir()?;
        let Some(bytes) = self.bytes(place) else {
            return match dir.reader(place) {
                Ok(_) => Ok(is_derived(place).then_some(FindingKind::Unaccounted)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            };
        };
        let same = if self.files.logs.contains(place) {
            dir.reader(place).and_then(|file| same_lines(BufReader::new(file), bytes))
        } else {
            dir.read(place, bytes.len() as u64).map(|there| there == bytes)
        };
        match same {
            Ok(true) => Ok(None),
            Ok(false) => Ok(Some(FindingKind::Differs)),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(Some(FindingKind::Differs)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(FindingKind::Missing)),
            Err(error) => Err(error),
        }
    }
}

/// Which of these files are not what the journal says, and how. Reads the journal once; not at all for files that never follow from it.
///
/// # Errors
/// The journal cannot be read.
pub fn unlike(run: &RunDir, places: &[InRun]) -> Result<BTreeMap<InRun, FindingKind>, JournalError> {
    let mut found = BTreeMap::new();
    let places: Vec<&InRun> = places.iter().filter(|place| may_follow(place)).collect();
    if places.is_empty() {
        return Ok(found);
    }
    let mut made = Made::new(run, places.iter().copied().cloned());
    for entry in Reader::open(run)? {
        let entry = entry?;
        made.note(entry.seq, entry.ts, &entry.facts);
    }
    for place in places {
        // What cannot be read cannot be shown either.
        if let Ok(Some(kind)) = made.differs(place) {
            found.insert(place.clone(), kind);
        }
    }
    Ok(found)
}

/// Whether a file of this name may follow from the journal, all of it or line by line.
fn may_follow(place: &InRun) -> bool {
    let Some((_, rest)) = place.as_str().split_once('/') else { return false };
    is_derived(place)
        || rest.starts_with("routing/")
        || (rest.starts_with("logs/") && rest.ends_with(".jsonl"))
        || matches!(rest, "scent_trail.json" | "timeouts.jsonl")
}

fn is_derived(place: &InRun) -> bool {
    let mut parts = place.as_str().split('/');
    let (flow, dir, name, rest) = (parts.next(), parts.next(), parts.next(), parts.next());
    let json = |name: &str| name.ends_with(".json") && !name.ends_with(".draft.json");
    flow.is_some() && dir.is_some_and(|dir| DERIVED.contains(&dir)) && name.is_some_and(json) && rest.is_none()
}

fn same_lines(mut log: BufReader<std::fs::File>, made: &[u8]) -> io::Result<bool> {
    let mut line = Vec::new();
    for wanted in made.split_inclusive(|byte| *byte == b'\n') {
        if next_from_the_journal(&mut log, &mut line)?.is_none() || line != wanted {
            return Ok(false);
        }
    }
    Ok(next_from_the_journal(&mut log, &mut line)?.is_none())
}

impl Files {
    fn put(&mut self, place: InRun, render: &dyn Fn() -> Rendered) {
        if let Ok(bytes) = render() {
            self.made.insert(place, bytes);
        }
    }

    fn add(&mut self, place: InRun, render: &dyn Fn() -> Rendered) {
        if let Ok(bytes) = render() {
            self.made.entry(place).or_default().extend_from_slice(&bytes);
        }
    }
}

impl Sink for Files {
    fn latest(&mut self, file: Latest<'_>, render: &dyn Fn() -> Rendered) {
        let Latest { kind, at, now, before } = file;
        if let Some(before) = before.filter(|before| before.execution != now.execution || before.agent != now.agent)
            && let Some(bytes) = self.made.remove(&place_of(&self.paths, kind, at, before, false))
        {
            self.made.insert(place_of(&self.paths, kind, at, before, true), bytes);
        }
        let place = place_of(&self.paths, kind, at, now, false);
        if self.wanted.contains(&place) || self.wanted.contains(&place_of(&self.paths, kind, at, now, true)) {
            self.put(place, render);
        }
    }

    fn whole(&mut self, _seq: u64, place: InRun, render: &dyn Fn() -> Rendered) {
        if self.wanted.contains(&place) {
            self.put(place, render);
        }
    }

    fn line(&mut self, _seq: u64, place: InRun, render: &dyn Fn() -> Rendered) {
        if self.wanted.contains(&place) {
            self.add(place, render);
        }
    }

    fn event(&mut self, _seq: u64, at: &At, _what: Event, render: &dyn Fn() -> Rendered) {
        let place = self.paths.log(&at.flow, &at.step);
        if self.wanted.contains(&place) {
            self.logs.insert(place.clone());
            self.add(place, render);
        }
    }

    fn problem(&mut self, _seq: u64, _what: String) {}
}
