//! Looks at a run without taking its lock.

use std::collections::BTreeMap;

use crate::{
    error::{Error, Kind},
    id::{EscalationId, FlowKey, RunId},
    kernel::State,
    ledger::{Reader, RunDir, RunDirError, replacement},
    record::{Entry, Fact, Question},
};

use super::{Workspace, frozen_book, no_run, run_id};

/// A run as its journal tells it at this moment.
pub struct ReadRun {
    pub id: RunId,
    pub state: State,
    /// What was asked in the place of a question that is closed, where it was at once.
    replaced: BTreeMap<EscalationId, EscalationId>,
}

impl ReadRun {
    /// A question of this run by its id.
    ///
    /// # Errors
    /// There is none; the open ones are named.
    pub fn question(&self, id: &str) -> Result<Question, Error> {
        let found = EscalationId::new(id).ok().and_then(|id| self.state.questions.get(&id).cloned());
        let told = |question: &Question| Question { replaced_by: self.replaced.get(&question.id).cloned(), ..question.clone() };
        found.map(|question| told(&question)).ok_or_else(|| {
            let open: Vec<&str> = self.state.open_questions.iter().map(EscalationId::as_str).collect();
            let open = if open.is_empty() { "none is open".to_owned() } else { format!("open: {}", open.join(", ")) };
            Error::new(Kind::Usage, format!("run `{}` has no question `{id}`; {open}", self.id))
        })
    }
}

impl Workspace {
    /// `<flow>-<n>`, the first that is free: names carry no time and no luck.
    pub(super) fn free_run_id(&self, flow: &FlowKey) -> Result<RunId, Error> {
        let mut taken = self.runs.list().unwrap_or_default();
        // What waits in the studio's queue has its name already.
        taken.extend(self.queue().orders().unwrap_or_default().into_iter().map(|order| order.run_id));
        let number = |id: &RunId| id.as_str().strip_prefix(flow.as_str())?.strip_prefix('-')?.parse::<u64>().ok();
        let next = taken.iter().filter_map(number).max().unwrap_or(0) + 1;
        RunId::new(&format!("{flow}-{next}")).map_err(|bad| Error::new(Kind::Usage, bad.to_string()))
    }

    /// The directory of a run.
    ///
    /// # Errors
    /// It is not there, or is no directory of a run.
    pub fn run_dir(&self, id: &RunId) -> Result<RunDir, Error> {
        self.runs.open(id).map_err(|error| match error {
            RunDirError::Missing(_) => no_run(&self.runs, id),
            other @ RunDirError::Io { .. } => Error::new(Kind::System, format!("run `{id}` cannot be opened")).because(&other),
            other => no_run(&self.runs, id).because(&other),
        })
    }

    /// Replays a run's journal for reading; another process may be writing it.
    ///
    /// # Errors
    /// There is no such run, or its journal is broken.
    pub fn read_run(&self, id: &str) -> Result<ReadRun, Error> {
        self.read_run_with(id, |_| {})
    }

    /// The same, and shows every entry on the way.
    ///
    /// # Errors
    /// As [`Workspace::read_run`].
    pub fn read_run_with(&self, id: &str, mut seen: impl FnMut(&Entry)) -> Result<ReadRun, Error> {
        let id = run_id(id)?;
        let run = self.run_dir(&id)?;
        let broken = |error: &(dyn std::error::Error + 'static)| {
            Error::new(Kind::Integrity, format!("the journal of run `{id}` cannot be read"))
                .because(error)
                .hint(format!("flow-studio verify {id}"))
        };
        let mut state = State::new();
        let mut replaced = BTreeMap::new();
        if !run.has_journal() {
            return Ok(ReadRun { id, state, replaced });
        }
        for entry in Reader::open(&run).map_err(|error| broken(&error))? {
            let entry = entry.map_err(|error| broken(&error))?;
            for fact in &entry.facts {
                let (Fact::FlowStarted { flow, definition, .. } | Fact::DefinitionRefreshed { flow, definition, .. }) = fact
                else {
                    continue;
                };
                if !state.knows(definition) {
                    let book = frozen_book(&run, flow, definition).map_err(|why| {
                        Error::new(Kind::Integrity, format!("the frozen flow of run `{id}` cannot be used: {why}"))
                    })?;
                    state.know(book);
                }
            }
            state.apply(&entry);
            for fact in &entry.facts {
                if let Fact::EscalationVoided { id, .. } = fact
                    && let Some(next) = state.questions.get(id).and_then(|question| replacement(&entry.facts, question))
                {
                    replaced.insert(id.clone(), next);
                }
            }
            seen(&entry);
        }
        Ok(ReadRun { id, state, replaced })
    }
}
