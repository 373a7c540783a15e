//! Retention put together: where runs stand, what is due, holds, and what is removed after a person said so.
//! In: runs, periods from config, who asks. Out: a plan, then what was done with each run.
//! Never: a run removed on what `run.json` says: the journal is read and verified first, under the run's lock.

use std::path::Path;

use crate::{
    error::{Error, Kind},
    id::{RunId, Time},
    inspect::{Periods, RunKept, RunStanding, kept},
    ledger::{self, Holder, Keeper, Lock, LockError, Pruning, RetentionError, RunDir, RunDirError},
    record::{Hold, KeptKind, RunStatus},
    redact::Redactor,
};

use super::{Workspace, run_id};

/// What became of one run.
#[derive(Debug, Clone)]
pub struct RunPruned {
    pub kept: RunKept,
    /// `Err`: why nothing was removed.
    pub outcome: Result<ledger::Pruned, String>,
}

impl Workspace {
    pub fn periods(&self) -> Periods {
        let set = &self.config.retention;
        let kinds = KeptKind::ALL.into_iter().filter_map(|kind| {
            let days = match kind {
                KeptKind::Transcripts => set.transcripts,
                KeptKind::Logs => set.logs,
                KeptKind::Artifacts => set.artifacts,
                KeptKind::Snapshots => set.snapshots,
                KeptKind::Work => set.work,
            };
            Some((kind, days?))
        });
        Periods { runs: set.runs, kinds: kinds.collect() }
    }

    /// Every run, or these, as `run.json` has them: quick, and enough to look.
    ///
    /// # Errors
    /// There is no such run, or the runs cannot be read.
    pub fn retention(&self, ids: &[String], now: Time) -> Result<Vec<RunKept>, Error> {
        let lines = self.list_runs()?.runs;
        let wanted: Vec<RunId> = ids.iter().map(|id| run_id(id)).collect::<Result<_, _>>()?;
        for id in &wanted {
            self.run_dir(id)?;
        }
        let mut found = Vec::new();
        for line in lines.into_iter().filter(|line| wanted.is_empty() || wanted.contains(&line.run_id)) {
            // Somebody else may remove it while we look.
            let run = match self.runs.open(&line.run_id) {
                Err(RunDirError::Missing(_)) => continue,
                Err(_) => self.run_dir(&line.run_id)?,
                Ok(run) => run,
            };
            let status = line.status.ok_or_else(|| line.damaged.unwrap_or_else(|| "it is damaged".to_owned()));
            match self.stands(&run, status, line.updated_at, now) {
                Ok(kept) => found.push(kept),
                Err(_) if matches!(self.runs.open(&line.run_id), Err(RunDirError::Missing(_))) => {}
                Err(error) => return Err(error),
            }
        }
        found.sort_by(|a, b| a.run_id.cmp(&b.run_id));
        Ok(found)
    }

    fn stands(
        &self,
        run: &RunDir,
        status: Result<RunStatus, String>,
        updated_at: Option<Time>,
        now: Time,
    ) -> Result<RunKept, Error> {
        let id = run.id();
        let cannot = |error: &(dyn std::error::Error + 'static)| {
            Error::new(Kind::System, format!("run `{id}` cannot be looked through")).because(error)
        };
        let hold = ledger::held(run).map_err(|error| cannot(&error))?;
        let shelves = ledger::shelves(run).map_err(|error| cannot(&error))?;
        Ok(kept(RunStanding { run_id: id.clone(), status, updated_at, hold, shelves }, &self.periods(), now))
    }

    /// Removes what is due of one run, after looking at it again with its lock.
    ///
    /// # Errors
    /// The machine does not let us. That the run is kept is an outcome.
    pub fn prune(&self, planned: &RunKept, archive: Option<&Path>, now: Time) -> Result<RunPruned, Error> {
        let id = planned.run_id.clone();
        let cannot = |error: &(dyn std::error::Error + 'static)| {
            Error::new(Kind::System, format!("run `{id}` could not be pruned")).because(error)
        };
        let not = |why: String| RunPruned { kept: planned.clone(), outcome: Err(why) };
        let keeper = Keeper::wait(&self.runs).map_err(|error| cannot(&error))?;
        let Ok(run) = self.runs.open(&id) else { return Ok(not("it is gone already".to_owned())) };
        let holder = Holder { pid: std::process::id(), host: self.config.host.clone(), since: now };
        let lock = match Lock::take(&run, &holder) {
            Ok(lock) => lock,
            Err(error @ LockError::Held(_)) => return Ok(not(error.to_string())),
            Err(error) => return Err(cannot(&error)),
        };
        // What is removed was true: a run that is not what was written is evidence of something.
        let report = match ledger::verify(&run) {
            Ok(report) if report.is_ok() => report,
            Ok(_) => {
                return Ok(not(format!(
                    "it is not what was written; look with: {}",
                    self.paste().command(&format!("verify {id}"))
                )));
            }
            Err(error) => return Ok(not(format!("it cannot be verified: {error}"))),
        };
        let again = match self.view(id.as_str()) {
            Ok((view, _)) => {
                // Our own lock is no driver.
                let status = match view.state.status() {
                    RunStatus::Running => RunStatus::Interrupted,
                    status => status,
                };
                self.stands(&run, Ok(status), Some(view.updated_at()), now)?
            }
            Err(error) => return Ok(not(error.message)),
        };
        if let Some(why) = &again.kept_because {
            return Ok(not(why.clone()));
        }
        if !again.is_due() {
            return Ok(not("nothing of it is due".to_owned()));
        }
        let by = Redactor::default().text(&self.config.user);
        let how = Pruning { by: &by, at: now, archive, head: (report.lines, &report.head) };
        let done = if again.run_due {
            ledger::remove(&run, how, lock, &keeper)
        } else {
            ledger::prune(&run, &again.due_kinds(), how, &lock, &keeper)
        };
        match done {
            Ok(pruned) => Ok(RunPruned { kept: again, outcome: Ok(pruned) }),
            Err(RetentionError::Held(hold)) => Ok(not(format!("held: {hold}"))),
            Err(error) => Err(cannot(&error)),
        }
    }

    /// Removes what a kill left of runs that had lost their names.
    ///
    /// # Errors
    /// The machine does not let us.
    pub fn sweep(&self) -> Result<u64, Error> {
        let swept = Keeper::wait(&self.runs).and_then(|keeper| ledger::sweep(&self.runs, &keeper));
        swept.map_err(|error| Error::new(Kind::System, "what was left of removed runs could not be removed").because(&error))
    }

    /// Keeps a run, running or not.
    ///
    /// # Errors
    /// There is no such run; a reason that is empty.
    pub fn hold(&self, id: &str, reason: &str, now: Time) -> Result<Hold, Error> {
        let id = run_id(id)?;
        if reason.trim().is_empty() || reason.len() > 2_000 {
            return Err(Error::new(Kind::Usage, "a hold needs a reason, in a sentence or two")
                .hint(format!("flow-studio retention hold {id} --reason 'an audit until spring'")));
        }
        let cannot = |error: RetentionError| Error::new(Kind::System, format!("run `{id}` could not be held")).because(&error);
        let keeper = Keeper::wait(&self.runs).map_err(cannot)?;
        let run = self.run_dir(&id)?;
        let hold = Hold { reason: reason.trim().to_owned(), by: self.config.user.clone(), since: Some(now) };
        let clean = Redactor::default()
            .clean(hold)
            .map_err(|leak| Error::new(Kind::Refused, "the reason holds something that looks like a secret").because(&leak))?;
        ledger::hold(&run, &clean, now, &keeper).map_err(cannot)?;
        Ok(clean.into_inner())
    }

    /// Lets a run go the way of the others; what held it.
    ///
    /// # Errors
    /// There is no such run, or it is not held.
    pub fn release(&self, id: &str, now: Time) -> Result<Hold, Error> {
        let id = run_id(id)?;
        let cannot =
            |error: RetentionError| Error::new(Kind::System, format!("run `{id}` could not be released")).because(&error);
        let keeper = Keeper::wait(&self.runs).map_err(cannot)?;
        let run = self.run_dir(&id)?;
        let by = Redactor::default().text(&self.config.user);
        let hold = ledger::release(&run, &by, now, &keeper).map_err(cannot)?;
        hold.ok_or_else(|| Error::new(Kind::Usage, format!("run `{id}` is not held")).hint("flow-studio retention status"))
    }
}
