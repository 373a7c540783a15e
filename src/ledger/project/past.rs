//! What a journal's projections look like in the end, remembered while it is replayed.
//! In: entries in order. Out: for every file the line it was last written by, and the projection to go on from.
//! Never: content kept; memory grows with steps, not with executions.

use std::collections::BTreeMap;

use super::{Event, Latest, Projection, Rendered, Sink};
use crate::{
    id::AgentKey,
    ledger::{place::InRun, run_dir::RunDir},
    record::{At, Entry},
};

/// Made while a journal is replayed; `Projector::resume` goes on from it.
#[derive(Debug, Clone)]
pub struct Past {
    pub(in crate::ledger) projection: Projection,
    pub(in crate::ledger) seen: Seen,
}

#[derive(Debug, Clone, Default)]
pub(in crate::ledger) struct Seen {
    /// Files that are replaced as a whole, and files that grow: the last line that wrote them.
    pub files: BTreeMap<InRun, u64>,
    /// The last thing that happened to a step.
    pub steps: BTreeMap<At, u64>,
    /// Executions that ended twice (lost, then marked done): the line that counts.
    pub again: BTreeMap<(At, AgentKey, u32), u64>,
}

impl Past {
    pub fn new(run: &RunDir) -> Self {
        Self { projection: Projection::new(run), seen: Seen::default() }
    }

    /// Takes in the next entry.
    pub fn note(&mut self, entry: &Entry) {
        self.projection.apply(entry, &mut self.seen);
    }
}

impl Sink for Seen {
    fn latest(&mut self, file: Latest<'_>, _render: &dyn Fn() -> Rendered) {
        if file.before.is_some_and(|before| before.execution == file.now.execution && before.agent == file.now.agent) {
            self.again.insert((file.at.clone(), file.now.agent.clone(), file.now.execution), file.now.seq);
        }
    }

    fn whole(&mut self, seq: u64, place: InRun, _render: &dyn Fn() -> Rendered) {
        self.files.insert(place, seq);
    }

    fn line(&mut self, seq: u64, place: InRun, _render: &dyn Fn() -> Rendered) {
        self.files.insert(place, seq);
    }

    fn event(&mut self, seq: u64, at: &At, _what: Event, _render: &dyn Fn() -> Rendered) {
        match self.steps.get_mut(at) {
            Some(last) => *last = seq,
            None => drop(self.steps.insert(at.clone(), seq)),
        }
    }

    fn problem(&mut self, _seq: u64, _what: String) {}
}
