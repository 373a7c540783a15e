//! Runs that can go on by themselves: parked for a person, answered since, and driven by nobody; or their time has come.
//! In: the runs directory, looked at again and again. Out: orders to go on with them.
//! Never: a run that a person interrupted; a journal read again that has not changed; a run woken twice for one answer.

use std::{collections::BTreeMap, time::SystemTime};

use crate::{
    error::Error,
    id::{RunId, Time},
    record::{Fact, InputNote, RunStatus},
    spec::OnTimeout,
};

use super::super::Workspace;

/// What was seen of each run the last time, so that only changes cost something.
#[derive(Debug, Default)]
pub struct Known(BTreeMap<RunId, Seen>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    written: SystemTime,
    /// When time answers one of its questions.
    due: Option<Time>,
}

/// Whether a parked run can go on.
enum Standing {
    /// Not before something else happens; time itself may be that.
    Rests(Option<Time>),
    /// Since this person answered; `None`: time did.
    Open(Option<String>),
}

impl Workspace {
    /// Looks for runs that can go on, and puts each into the queue. Returns how many.
    ///
    /// # Errors
    /// The runs cannot be listed, or the queue cannot be written.
    pub fn ask_due(&self, known: &mut Known) -> Result<u32, Error> {
        let runs = self
            .runs
            .list()
            .map_err(|error| Error::new(crate::error::Kind::System, "the runs cannot be listed").because(&error))?;
        let now = self.now();
        let mut asked = 0;
        known.0.retain(|id, _| runs.binary_search(id).is_ok());
        for id in runs {
            let Ok(dir) = self.runs.open(&id) else { continue };
            let Ok(written) = std::fs::metadata(dir.path(&dir.journal())).and_then(|about| about.modified()) else { continue };
            let seen = known.0.get(&id).filter(|seen| seen.written == written);
            if seen.is_some_and(|seen| seen.due.is_none_or(|due| due > now)) || self.is_driven(&id) {
                continue;
            }
            let rests = match dir.manifest() {
                Ok(Some(manifest)) => match manifest.status {
                    RunStatus::Succeeded | RunStatus::Failed | RunStatus::Cancelled => true,
                    RunStatus::Running | RunStatus::Waiting | RunStatus::Interrupted => false,
                },
                _ => false,
            };
            let standing = if rests { Standing::Rests(None) } else { self.standing(&id, now) };
            let due = match standing {
                Standing::Rests(due) => due,
                Standing::Open(by) => {
                    let by = by.unwrap_or_else(|| self.config.user.clone());
                    // In the queue already, or no more room: it is looked at again when something has changed.
                    match self.ask_continue(&id, &by) {
                        Ok(_) => asked += 1,
                        Err(error) => tracing::debug!(%id, %error, "not asked to go on"),
                    }
                    None
                }
            };
            known.0.insert(id, Seen { written, due });
        }
        Ok(asked)
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
