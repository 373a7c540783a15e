//! A step that nothing runs beside: its shell is started while the decision that it begins is being saved, and waits.
//! In: what is wanted next. Out: a shell that waits, let in when the decision, and all files that follow from it, are written.
//! Never: a step let in before that. If they cannot be written, its shell ends without having run anything.

use crate::{
    engine::{Job, Prestarted},
    kernel::Command,
    record::At,
    spec::Verb,
};

use super::{
    super::perform::{Task, task},
    Drive,
};

pub(super) struct Prestart {
    at: At,
    job: Box<Job>,
    prestarted: Prestarted,
}

impl Prestart {
    pub(super) fn is(&self, at: &At, execution: u32, attempt: u32) -> bool {
        self.at == *at && self.job.execution == execution && self.job.attempt == attempt
    }
}

impl Drive<'_> {
    /// Only for one step alone: beside others the processors have enough to do.
    pub(super) fn prestart(&mut self, wanted: &[Command]) -> Option<Prestart> {
        let ([Command::Perform { at, .. }] | [Command::Perform { at, .. }, Command::WakeAt(_)]) = wanted else { return None };
        if !self.pool.is_idle() || !self.ready.is_empty() || self.setup.scenario.is_some() {
            return None;
        }
        let state = &self.opened.state;
        let frame = state.frame(&at.flow)?;
        let slot = frame.slot(&at.step)?;
        // What was approved is looked at once more when the step begins, and not a moment before.
        let plain = matches!(frame.plan.step(slot.step).spec.verb, Verb::Run { .. }) && frame.state(slot)?.approved.is_none();
        let running = state.running.get(at).filter(|_| plain)?.clone();
        let now = self.clock.now();
        let Some(Task::Job(job)) = task(&self.opened.state, &self.setup.scene, at, &running, now) else { return None };
        let prestarted = self.pool.prestart(&job)?;
        Some(Prestart { at: at.clone(), job, prestarted })
    }

    pub(super) fn go_on_with(&mut self, prestart: Prestart) {
        let Prestart { at, mut job, prestarted } = prestart;
        self.make_step_dir(&job);
        // While the shell loads itself there is time to write everything.
        self.opened.projector.settle();
        job.started_at = self.clock.now();
        self.pool.start_job(at, *job, Some(prestarted));
    }
}
