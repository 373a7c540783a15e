//! What a driver leaves in files besides the journal: directories for steps, and all that follows from decisions, before anybody looks.
//! In: entries, and the state they lead to. Out: files, by way of the projector. Never: a step that runs on the driver's thread and
//! has to wait for them.

use std::time::{Duration, Instant};

use crate::{
    engine::Job,
    id::FramePath,
    kernel::Frame,
    ledger::ProjectError,
    record::{At, Entry, Fact},
};

use super::{
    super::{clock::Clock, manifest},
    Drive,
};

/// How often run.json is refreshed while steps run: what it does not cover is written again before a killed run goes on.
const MANIFEST_EVERY: Duration = Duration::from_millis(100);

/// How often a driver under which something runs says that it is there: so much of a flow's running time is forgotten by kill -9.
const ALIVE_EVERY: Duration = Duration::from_secs(1);

/// When run.json is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    Start,
    /// Between two decisions, while steps run.
    Passing,
    /// Nothing runs, and somebody is waited for.
    Waiting,
    Rest,
}

impl Drive<'_> {
    /// Where steps put what they make: one directory per flow, there before its first step.
    pub(super) fn make_directories(&self, entry: &Entry) {
        for fact in &entry.facts {
            if let Fact::FlowStarted { flow, .. } = fact {
                self.make_artifacts(flow);
            }
        }
    }

    pub(super) fn make_artifacts(&self, flow: &FramePath) {
        if let Err(error) = self.opened.run.make(&self.opened.run.artifacts(flow)) {
            // The step that needs it will say so with its own words.
            tracing::error!(%error, %flow, "no directory for artifacts");
        }
    }

    /// STEP_DIR, for a step that may look there.
    pub(super) fn make_step_dir(&self, job: &Job) {
        if !job.names_its_directory() {
            return;
        }
        if let Err(error) = self.opened.run.make(&self.opened.run.step_dir(&job.flow, &job.step)) {
            tracing::error!(%error, flow = %job.flow, step = %job.step, "no directory for the step");
        }
    }

    /// Waits until what steps handed over is really in the files: it cannot be made anew from the journal, so it stands
    /// there before the line that names it, and before the next step, which may read it.
    pub(super) fn flush_pieces(&mut self) -> Result<(), ProjectError> {
        if std::mem::take(&mut self.flush_wanted) { self.opened.projector.flush() } else { Ok(()) }
    }

    /// It may look at what was decided before it: not the first execution of a step that needs no other, in a run of one flow.
    pub(super) fn comes_after_others(&self, at: &At) -> bool {
        let state = &self.opened.state;
        let first = |frame: &Frame| {
            let slot = frame.slot(&at.step)?;
            let execution = frame.state(slot)?.execution;
            Some(slot.item.is_none() && frame.plan.step(slot.step).needs.is_empty() && execution == 1 && state.frames.len() == 1)
        };
        state.frame(&at.flow).and_then(first) != Some(true)
    }

    /// Whoever finds this process killed knows until when it was there.
    pub(super) fn stay_alive(&mut self, instant: Instant) {
        if instant.duration_since(self.alive_at) >= ALIVE_EVERY && self.opened.state.is_active() {
            self.alive_at = instant;
            self.opened.lock.alive(self.clock.now());
        }
    }

    pub(super) fn write_manifest(&mut self, moment: Moment) {
        let instant = Clock::instant();
        let wanted = match moment {
            Moment::Start | Moment::Rest => true,
            Moment::Passing => instant.duration_since(self.manifest_at) >= MANIFEST_EVERY,
            Moment::Waiting => self.pool.is_idle() && self.ready.is_empty(),
        };
        if wanted {
            self.manifest_at = instant;
            let pid = (moment != Moment::Rest).then(std::process::id);
            if let Some(manifest) = manifest(&self.opened.state, self.opened.journal.head(), pid) {
                self.opened.projector.manifest(manifest);
            }
        }
    }
}
