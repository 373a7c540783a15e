//! The list of runs, kept: what was read of a run is read again only when its `run.json` is another file.
//! In: the runs directory. Out: all lines, and a mark that is another one when a line is.
//! Never: a line that is older than its file where all are asked for; a journal read where that file tells.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    id::{RunId, Sha256},
    ledger::{RunDirError, RunsDir, Stamp},
    record::RunStatus,
};

use super::runs::{Reads, RunLine, RunList, line};

pub struct RunIndex {
    known: Mutex<Known>,
    reads: Reads,
}

#[derive(Default)]
struct Known {
    lines: BTreeMap<RunId, Kept>,
    /// Of all lines together, whatever their order.
    sum: u64,
    /// The directory when its names were read, and whether it was the same a look before: a name that comes in the very moment
    /// of a look may leave the stamp as it is.
    names: Option<(Stamp, bool)>,
    /// The last run at rest that was looked at in its turn.
    turn: Option<RunId>,
}

struct Kept {
    stamp: Option<Stamp>,
    line: RunLine,
    digest: u64,
}

impl Kept {
    /// It has just begun, or somebody drives it, or has stopped without a word in `run.json`.
    fn is_open(&self) -> bool {
        self.stamp.is_none() || self.line.status == Some(RunStatus::Running)
    }

    /// What its file says is all there is to know.
    fn stands(&self) -> bool {
        self.stamp.is_some() && !matches!(self.line.status, Some(RunStatus::Running | RunStatus::Interrupted))
    }
}

impl RunIndex {
    /// Of which nothing was read yet; `reads` is asked for runs without `run.json`.
    pub fn new(reads: Reads) -> Self {
        Self { known: Mutex::default(), reads }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All runs as they are now, the newest first, and the mark of this list.
    ///
    /// # Errors
    /// The runs directory cannot be read.
    pub fn list(&self, runs: &RunsDir) -> Result<(RunList, String), RunDirError> {
        let mut known = self.known();
        known.names(runs, self.reads)?;
        let all: Vec<RunId> = known.lines.keys().cloned().collect();
        all.iter().for_each(|id| known.look(runs, id, self.reads));
        let lines = known.lines.values().map(|kept| kept.line.clone()).collect();
        Ok((RunList::of(lines), known.mark()))
    }

    /// Looks at every run that goes on, at those that came, and at some that are at rest, in turns. So it costs the same however
    /// many have ended.
    ///
    /// # Errors
    /// The runs directory cannot be read.
    pub fn look(&self, runs: &RunsDir, at_rest_max: usize) -> Result<String, RunDirError> {
        let mut known = self.known();
        known.new_names(runs, self.reads)?;
        let mut turn: Vec<RunId> = known.lines.iter().filter(|(_, kept)| kept.is_open()).map(|(id, _)| id.clone()).collect();
        turn.extend(known.at_rest(at_rest_max));
        turn.iter().for_each(|id| known.look(runs, id, self.reads));
        Ok(known.mark())
    }
}

impl Known {
    fn mark(&self) -> String {
        format!("{}-{:016x}", self.lines.len(), self.sum)
    }

    fn new_names(&mut self, runs: &RunsDir, reads: Reads) -> Result<(), RunDirError> {
        let now = runs.stamp().ok().flatten();
        match (now, self.names) {
            (Some(now), Some((before, true))) if now == before => Ok(()),
            _ => self.names(runs, reads),
        }
    }

    /// Runs that came are read, and those that went are forgotten.
    fn names(&mut self, runs: &RunsDir, reads: Reads) -> Result<(), RunDirError> {
        let stamp = runs.stamp().ok().flatten();
        let there = runs.list()?;
        self.names = stamp.map(|now| (now, self.names.is_some_and(|(before, _)| before == now)));
        let gone: Vec<RunId> = self.lines.keys().filter(|id| there.binary_search(id).is_err()).cloned().collect();
        gone.iter().for_each(|id| self.put(id, None));
        for id in there {
            if !self.lines.contains_key(&id) {
                self.look(runs, &id, reads);
            }
        }
        Ok(())
    }

    /// The next so many of those at rest, from the first again after the last.
    fn at_rest(&mut self, most: usize) -> Vec<RunId> {
        let behind = |from: Bound<&RunId>, to: Bound<&RunId>| {
            self.lines.range::<RunId, _>((from, to)).filter(|(_, kept)| !kept.is_open()).map(|(id, _)| id.clone())
        };
        let found: Vec<RunId> = match &self.turn {
            None => behind(Bound::Unbounded, Bound::Unbounded).take(most).collect(),
            Some(last) => {
                let rest = behind(Bound::Excluded(last), Bound::Unbounded);
                rest.chain(behind(Bound::Unbounded, Bound::Included(last))).take(most).collect()
            }
        };
        self.turn = found.last().cloned();
        found
    }

    fn look(&mut self, runs: &RunsDir, id: &RunId, reads: Reads) {
        // Before the file is read: what is written meanwhile shows at the next look.
        let stamp = runs.manifest_stamp(id).ok().flatten();
        if self.lines.get(id).is_some_and(|kept| kept.stands() && kept.stamp == stamp) {
            return;
        }
        let line = line(runs, id.clone(), reads);
        let digest = digest(&line);
        self.put(id, Some(Kept { stamp, line, digest }));
    }

    fn put(&mut self, id: &RunId, kept: Option<Kept>) {
        let new = kept.as_ref().map_or(0, |kept| kept.digest);
        let old = match kept {
            Some(kept) => self.lines.insert(id.clone(), kept),
            None => self.lines.remove(id),
        };
        self.sum = self.sum.wrapping_sub(old.map_or(0, |kept| kept.digest)).wrapping_add(new);
    }
}

fn digest(line: &RunLine) -> u64 {
    let whole = Sha256::of(&serde_json::to_vec(line).unwrap_or_default());
    u64::from_str_radix(&whole.as_str()[..16], 16).unwrap_or_default()
}
