//! The lines of a run that begins in this process, kept for its story: what was just written is not read again.
//! In: what an observer sees. Out: every line of the run, or nothing. Never: a part of a run taken for the whole.

use std::sync::Arc;

use crate::{
    kernel::State,
    record::{Entry, Fact},
    runner::Observer,
};

/// Sees what another observer sees, and keeps it while it is the story of a short run.
pub(super) struct Lines<'o> {
    inner: &'o mut dyn Observer,
    kept: Vec<Arc<Entry>>,
    executions: u32,
    executions_max: u32,
}

impl<'o> Lines<'o> {
    /// A run of more executions is not kept.
    pub fn new(inner: &'o mut dyn Observer, executions_max: u32) -> Self {
        Self { inner, kept: Vec::new(), executions: 0, executions_max }
    }

    /// Every line up to `state`; `None` if one of them was not seen here.
    pub fn all(self, state: &State) -> Option<Vec<Arc<Entry>>> {
        let numbers = self.kept.iter().map(|entry| entry.seq);
        numbers.eq(1..=state.seq).then_some(self.kept)
    }
}

impl Observer for Lines<'_> {
    fn entry(&mut self, state: &State, entry: &Arc<Entry>) {
        self.inner.entry(state, entry);
        if self.kept.is_empty() && entry.seq != 1 {
            return;
        }
        let started = entry.facts.iter().filter(|fact| matches!(fact, Fact::StepStarted { .. })).count();
        self.executions = self.executions.saturating_add(u32::try_from(started).unwrap_or(u32::MAX));
        if self.executions > self.executions_max {
            self.kept = Vec::new();
        } else {
            self.kept.push(entry.clone());
        }
    }
    fn tick(&mut self, state: &State) {
        self.inner.tick(state);
    }
    fn word(&mut self, text: &str) {
        self.inner.word(text);
    }
    fn hears(&self) -> bool {
        self.inner.hears()
    }
}
