//! Runs that can go on by themselves: parked for a person, answered since, and driven by nobody; or their time has come.
//! In: the runs directory, looked at again and again. Out: those that can go on now.
//! Never: a run that a person interrupted; a journal read again that has not changed; a run woken twice for one answer.

use std::{collections::BTreeMap, time::SystemTime};

use crate::{
    error::{Error, Kind},
    id::{RunId, Time},
    record::{Fact, InputNote, RunStatus},
    spec::OnTimeout,
};

use super::super::Workspace;

/// What was seen of each run the last time, so that only changes cost something.
#[derive(Debug, Default)]
pub struct Known(BTreeMap<RunId, Seen>);

impl Known {
    /// It is looked at again, whether it has changed or not.
    pub fn forget(&mut self, id: &RunId) {
        self.0.remove(id);
    }
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    written: (SystemTime, u64),
    /// When time answers one of its questions.
    due: Option<Time>,
}

/// A run that can go on, and in whose name.
#[derive(Debug)]
pub struct Due {
    pub run_id: RunId,
    pub by: String,
}

/// Whether a parked run can go on.
enum Standing {
    /// Not before something else happens; time itself may be that.
    Rests(Option<Time>),
    /// Since this person answered; `None`: time did.
    Open(Option<String>),
}

impl Workspace {
    /// Looks for runs that can go on.
    ///
    /// # Errors
    /// The runs cannot be listed.
    pub fn due(&self, known: &mut Known) -> Result<Vec<Due>, Error> {
        let runs = self.runs.list().map_err(|error| Error::new(Kind::System, "the runs cannot be listed").because(&error))?;
        let now = self.now();
        let mut found = Vec::new();
        known.0.retain(|id, _| runs.binary_search(id).is_ok());
        for run_id in runs {
            let Some(written) = self.runs.written(&run_id) else { continue };
            let seen = known.0.get(&run_id).filter(|seen| seen.written == written);
            if seen.is_some_and(|seen| seen.due.is_none_or(|due| due > now)) || self.is_driven(&run_id) {
                continue;
            }
            let mut due = None;
            if !self.is_over(&run_id) {
                match self.standing(&run_id, now) {
                    Standing::Rests(until) => due = until,
                    Standing::Open(by) => {
                        let by = by.unwrap_or_else(|| self.config.user.clone());
                        found.push(Due { run_id: run_id.clone(), by });
                    }
                }
            }
            known.0.insert(run_id, Seen { written, due });
        }
        Ok(found)
    }

    /// As `run.json` says it, which is enough to pass over what has ended.
    fn is_over(&self, id: &RunId) -> bool {
        let manifest = self.runs.open(id).ok().and_then(|run| run.manifest().ok().flatten());
        manifest.is_some_and(|manifest| match manifest.status {
            RunStatus::Succeeded | RunStatus::Failed | RunStatus::Cancelled => true,
            RunStatus::Running | RunStatus::Waiting | RunStatus::Interrupted => false,
        })
    }

    fn standing(&self, id: &RunId, now: Time) -> Standing {
        let (mut parked, mut answered) = (false, None);
        let read = self.read_run_with(id.as_str(), |entry| match &entry.input {
            InputNote::Rested => {
                let rested = |fact: &Fact| matches!(fact, Fact::RunRested { status: RunStatus::Waiting });
                (parked, answered) = (entry.facts.iter().any(rested), None);
            }
            InputNote::Answered { .. } if parked => {
                let by = entry.facts.iter().find_map(|fact| match fact {
                    Fact::EscalationAnswered { answer, .. } => Some(answer.by.clone()),
                    _ => None,
                });
                answered = by.or(answered.take());
            }
            // Whatever else it is: somebody drove it since, and rests it himself.
            _ => (parked, answered) = (false, None),
        });
        let Ok(read) = read else { return Standing::Rests(None) };
        let state = &read.state;
        let waits = parked && state.stop.is_none() && state.fatal.is_none() && !state.open_frames.is_empty();
        if !waits {
            return Standing::Rests(None);
        }
        if answered.is_some() {
            return Standing::Open(answered);
        }
        let deadline = |id| state.questions.get(id).filter(|one| one.on_timeout != OnTimeout::Wait).and_then(|one| one.deadline);
        match state.open_questions.iter().filter_map(deadline).min() {
            Some(due) if due <= now => Standing::Open(None),
            due => Standing::Rests(due),
        }
    }
}
