//! What one attempt has at hand while it works: its job, its time, its way out.
//! In: a `Job`. Out: paths, times and an empty `Reply`. Never: the wall clock.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    id::Time,
    record::{EngineWord, Mode, Reply, ReplyOutcome, Stream},
    redact::Redactor,
};

use super::{Job, Outlet, Prestarted, Stop, process::Limits, reading::Patience};

#[derive(Debug)]
pub(crate) struct Task<'t> {
    pub job: &'t Job,
    pub redactor: &'t Redactor,
    pub outlet: &'t Outlet,
    pub limits: Limits,
    began: Instant,
    /// The shell of the step, if it was started ahead: it waits.
    prestarted: Mutex<Option<Prestarted>>,
}

impl<'t> Task<'t> {
    pub(crate) fn new(job: &'t Job, redactor: &'t Redactor, outlet: &'t Outlet, stop: Stop) -> Self {
        let began = Instant::now();
        let deadline = job.timeout_ms.map(|ms| began + Duration::from_millis(ms));
        let limits = Limits { deadline, grace: Duration::from_millis(job.grace_ms), stop, patience: Patience::USUAL };
        Self { job, redactor, outlet, limits, began, prestarted: Mutex::default() }
    }

    /// The step's shell was started ahead.
    pub(crate) fn with(self, prestarted: Option<Prestarted>) -> Self {
        Self { prestarted: Mutex::new(prestarted), ..self }
    }

    /// Once.
    pub(crate) fn take_prestarted(&self) -> Option<Prestarted> {
        self.prestarted.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The job's start plus the time measured since.
    pub(crate) fn now(&self) -> Time {
        self.job.started_at.plus(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// The same attempt with less time: a part of its work. Its files' names are the attempt's.
    pub(crate) fn within(&self, time: Duration) -> Self {
        let own = Instant::now() + time;
        let deadline = Some(self.limits.deadline.map_or(own, |deadline| deadline.min(own)));
        let limits = Limits { deadline, ..self.limits.clone() };
        Self {
            job: self.job,
            redactor: self.redactor,
            outlet: self.outlet,
            limits,
            began: self.began,
            prestarted: Mutex::default(),
        }
    }

    /// The time of the attempt is up.
    pub(crate) fn is_late(&self) -> bool {
        self.limits.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// A reply that ends now.
    pub(crate) fn reply(&self, outcome: ReplyOutcome, engine: EngineWord, mode: Mode) -> Reply {
        Reply::new(outcome, engine, mode, self.job.started_at, self.now())
    }

    /// Where a stream of this attempt is kept, relative to RUN_BASE.
    pub(crate) fn output_path(&self, id: Option<&str>, stream: Stream) -> String {
        self.log_path(
            id,
            match stream {
                Stream::Stdout => ".stdout",
                Stream::Stderr => ".stderr",
            },
        )
    }

    /// Where the report file of a verify command is kept, relative to RUN_BASE.
    pub(crate) fn report_path(&self, id: &str) -> String {
        self.log_path(Some(id), ".report")
    }

    /// Where all changes of this attempt are listed, relative to RUN_BASE.
    pub(crate) fn changes_path(&self) -> String {
        self.log_path(None, ".changes")
    }

    fn log_path(&self, id: Option<&str>, end: &str) -> String {
        use std::fmt::Write as _;
        let Job { flow, step, execution, attempt, .. } = self.job;
        let mut path = format!("{flow}/logs/{step}.{execution}");
        if *attempt > 1 {
            let _ = write!(path, ".{attempt}");
        }
        if let Some(id) = id {
            let _ = write!(path, ".{id}");
        }
        path.push_str(end);
        path
    }
}
