//! The events in the logs of steps against those of the journal; and, to repair them, logs with the journal's events.
//! In: events in the journal's order. Out: which logs differ; on repair, logs whose other lines are as they were.
//! Never: a line of output made up or lost, more than one line of a log in memory.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, BufWriter, Seek as _, SeekFrom, Write as _},
};

use serde_json::Value;

use super::{
    dir::Dir,
    findings::FindingKind,
    log_lines::{from_the_journal, next_from_the_journal, next_line},
    lru::Lru,
    place::InRun,
};

/// All logs of a run, each as far as it was looked at.
pub(super) struct LogCheck {
    logs: BTreeMap<InRun, Seen>,
    open: Lru<BufReader<File>>,
}

struct Seen {
    there: bool,
    /// So much was read, and the line of an event that was not wanted yet.
    bytes: u64,
    ahead: Option<Vec<u8>>,
    wrong: Option<FindingKind>,
    /// Events up to this line of the journal went with a log that retention removed.
    pruned: u64,
}

impl LogCheck {
    pub(super) fn new() -> Self {
        Self { logs: BTreeMap::new(), open: Lru::new() }
    }

    pub(super) fn is_there(&self, place: &InRun) -> bool {
        self.logs.get(place).is_some_and(|seen| seen.there)
    }

    pub(super) fn knows(&self, place: &InRun) -> bool {
        self.logs.contains_key(place)
    }

    /// The first event of a log. Says whether retention took the log, and so what is missing.
    pub(super) fn begin(&mut self, dir: &mut Dir, place: &InRun, pruned: Option<u64>) -> io::Result<bool> {
        let there = match dir.reader(place) {
            Ok(file) => {
                self.open.put(place.as_str(), BufReader::new(file));
                true
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        let seen = Seen { there, bytes: 0, ahead: None, wrong: None, pruned: pruned.unwrap_or(0) };
        self.logs.insert(place.clone(), seen);
        Ok(!there && pruned.is_some())
    }

    /// Something else than a log is there: the log is to be made, and nothing more is said of it.
    pub(super) fn begin_blocked(&mut self, place: &InRun) {
        let seen = Seen { there: false, bytes: 0, ahead: None, wrong: Some(FindingKind::Differs), pruned: 0 };
        self.logs.insert(place.clone(), seen);
    }

    /// The lines of one event. Says what is wrong where that was not said before.
    pub(super) fn event(&mut self, dir: &mut Dir, place: &InRun, seq: u64, lines: &[u8]) -> io::Result<Option<FindingKind>> {
        let Some(seen) = self.logs.get_mut(place).filter(|seen| seen.wrong.is_none()) else { return Ok(None) };
        if !seen.there {
            seen.wrong = (seq > seen.pruned).then_some(FindingKind::Missing);
            return Ok(seen.wrong);
        }
        for wanted in lines.split_inclusive(|byte| *byte == b'\n') {
            match next(&mut self.open, dir, place, seen)? {
                Some(found) if found == wanted => {}
                found if seq <= seen.pruned => seen.ahead = found,
                // A process that was killed may not have come to its end; what it had written is as it was.
                None => {
                    seen.wrong = Some(FindingKind::Missing);
                    return Ok(seen.wrong);
                }
                Some(_) => {
                    seen.wrong = Some(FindingKind::Differs);
                    return Ok(seen.wrong);
                }
            }
        }
        Ok(None)
    }

    /// After the last event: logs that hold more of them.
    pub(super) fn finish(&mut self, dir: &mut Dir) -> io::Result<Vec<InRun>> {
        let mut longer = Vec::new();
        for (place, seen) in self.logs.iter_mut().filter(|(_, seen)| seen.there && seen.wrong.is_none()) {
            if next(&mut self.open, dir, place, seen)?.is_some() {
                seen.wrong = Some(FindingKind::Differs);
                longer.push(place.clone());
            }
        }
        Ok(longer)
    }

    /// Those with something wrong, and the line of the journal up to which retention took their events.
    pub(super) fn wrong(&self) -> Vec<(InRun, u64)> {
        self.logs.iter().filter(|(_, seen)| seen.wrong.is_some()).map(|(place, seen)| (place.clone(), seen.pruned)).collect()
    }
}

/// The next line of a log that says it comes from the journal, or that is no line of ours.
fn next(open: &mut Lru<BufReader<File>>, dir: &mut Dir, place: &InRun, seen: &mut Seen) -> io::Result<Option<Vec<u8>>> {
    if let Some(ahead) = seen.ahead.take() {
        return Ok(Some(ahead));
    }
    if open.get(place.as_str()).is_none() {
        let mut file = dir.reader(place)?;
        file.seek(SeekFrom::Start(seen.bytes))?;
        open.put(place.as_str(), BufReader::new(file));
    }
    let Some(input) = open.get(place.as_str()) else { return Ok(None) };
    let mut line = Vec::new();
    let found = next_from_the_journal(input, &mut line)?.map(|_| line);
    seen.bytes = input.stream_position()?;
    Ok(found)
}

/// Puts the journal's events in place of those that stand in the log. What retention took with an earlier log stays away.
pub(super) fn mend(dir: &mut Dir, place: &InRun, events: &[u8], pruned: u64) -> io::Result<()> {
    let seq_of = |said: &Value| said.get("seq").and_then(Value::as_u64);
    let lines = events.split_inclusive(|byte| *byte == b'\n');
    let numbered = lines.filter_map(|line| Some((seq_of(&serde_json::from_slice(line).ok()?)?, line)));
    let wanted: Vec<(u64, &[u8])> = numbered.filter(|(seq, _)| *seq > pruned).collect();
    let mut rest = wanted.as_slice();
    let tmp = dir.beside(place);
    let mut out = BufWriter::new(dir.create(&tmp)?);
    let old = match dir.reader(place) {
        Ok(old) => Some(old),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut line = Vec::new();
    if let Some(mut old) = old.map(BufReader::new) {
        while let Some(said) = next_line(&mut old, &mut line)? {
            if said.is_object() && !from_the_journal(&said) {
                out.write_all(&line)?;
                continue;
            }
            // A line that the journal does not have makes no others come before their time.
            let Some(seq) = seq_of(&said).filter(|seq| rest.binary_search_by_key(seq, |one| one.0).is_ok()) else { continue };
            let upto = rest.iter().take_while(|one| one.0 < seq).count() + 1;
            let (now, later) = rest.split_at(upto);
            now.iter().try_for_each(|one| out.write_all(one.1))?;
            rest = later;
        }
    }
    rest.iter().try_for_each(|one| out.write_all(one.1))?;
    out.flush()?;
    dir.rename(&tmp, place)
}
