//! The loop: wait for one input, decide, save, apply, reconcile, and rest when nothing runs and nothing can.
//! No step is held up by a sync of the disk: one that runs meanwhile has another thread.

mod files;
mod prestart;
mod said;

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    engine::{Scenario, StopLevel, stub_reply},
    kernel::{Command, Decided, Input, Refused, Roles, State, commands, decide},
    ledger::{Inbox, InboxError, InboxWatch, JournalError, ProjectError},
    record::{At, Entry, RunStatus, StopCause},
    redact::{Leak, Redactor},
};

use files::Moment;
use prestart::Prestart;

use super::{
    clock::Clock,
    evidence::look,
    observer::Observer,
    perform::{Scene, Task, task, touches_files},
    pool::{Event, Pool},
    recover::Opened,
};

/// Inputs that are decided before one sync: enough for a full house of steps, few enough to keep a line's latency small.
const BATCH_MAX: usize = 64;
/// Longest sleep without a look around.
const NAP: Duration = Duration::from_millis(500);
/// How often a driver that is never idle looks into its inbox.
const INBOX_EVERY: Duration = Duration::from_millis(100);

/// What a drive needs besides the run itself.
pub struct Setup {
    pub scene: Scene,
    pub redactor: Redactor,
    /// Answers of agents, and of people, in place of the real ones.
    pub scenario: Option<Arc<Scenario>>,
    /// Stay and wait for answers instead of resting.
    pub wait_for_human: bool,
    /// A first signal lets running steps go on for so long.
    pub drain_ms: u64,
    pub roles: Box<dyn Fn(&str) -> Roles>,
    /// Take SIGINT and SIGTERM.
    pub signals: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    #[error("the journal could not be written, so nothing more was done")]
    Journal(#[from] JournalError),
    #[error("a secret reached the journal's door and was stopped there: {0}")]
    Leak(#[from] Leak),
    #[error("the run's threads could not be started")]
    Threads(#[source] std::io::Error),
    #[error("a file of the run could not be written, so nothing more was done")]
    Project(#[from] ProjectError),
    #[error("the inbox could not be read")]
    Inbox(#[from] InboxError),
}

/// How a drive ended.
pub struct Ended {
    pub status: RunStatus,
    pub state: State,
    /// Refusals of the inputs it was started with.
    pub refused: Vec<Refused>,
    /// The signal that stopped it.
    pub signal: Option<StopCause>,
}

pub struct Drive<'d> {
    /// Before the run: whatever a failure ends is over, and written, when the run's lock is given back.
    pool: Pool,
    opened: Opened,
    setup: &'d Setup,
    observer: &'d mut dyn Observer,
    /// Replies that need no waiting for: the stub's, and steps that could not be tried.
    ready: VecDeque<Event>,
    clock: Clock,
    inbox: Inbox,
    inbox_at: Instant,
    alive_at: Instant,
    manifest_at: Instant,
    signals: u32,
    kill_at: Option<Instant>,
    signal: Option<StopCause>,
    refused: Vec<Refused>,
    answered: std::collections::BTreeSet<crate::id::EscalationId>,
    flush_wanted: bool,
    /// The step that begins when its decision is saved.
    prestart: Option<Prestart>,
}

impl<'d> Drive<'d> {
    /// Drives the run until it rests, beginning with these inputs.
    ///
    /// # Errors
    /// The journal could not be written: everything was stopped, and the run can be resumed once there is room.
    pub fn run(opened: Opened, setup: &'d Setup, first: Vec<Input>, observer: &'d mut dyn Observer) -> Result<Ended, DriveError> {
        let pool = Pool::start(opened.projector.clone(), setup.redactor.clone(), setup.signals).map_err(DriveError::Threads)?;
        let inbox = Inbox::open(&opened.run, &setup.redactor)?;
        // A hint only; the loop looks into the inbox by itself as well.
        let teller = pool.teller();
        let watch = || InboxWatch::start(&opened.run, move || teller.tell(Event::Inbox)).ok();
        let _watch = setup.wait_for_human.then(watch).flatten();
        let clock = Clock::after(opened.state.now);
        let now = Clock::instant();
        let mut drive = Self {
            opened,
            setup,
            observer,
            pool,
            ready: VecDeque::new(),
            clock,
            inbox,
            inbox_at: now,
            alive_at: now,
            manifest_at: now,
            signals: 0,
            kill_at: None,
            signal: None,
            refused: Vec::new(),
            answered: std::collections::BTreeSet::new(),
            flush_wanted: false,
            prestart: None,
        };
        for step in &drive.opened.left_running {
            drive.observer.word(&format!("`{step}` was still running after its driver was killed; it was ended"));
        }
        // Those of a process that was killed before it could make them.
        drive.opened.state.open_frames.iter().for_each(|flow| drive.make_artifacts(flow));
        let driven = drive.go(first);
        if driven.is_err() {
            drive.pool.end_all(StopLevel::Kill);
        }
        let status = driven?;
        let Self { opened, pool, refused, signal, .. } = drive;
        drop(pool);
        let Opened { state, journal, projector, lock, .. } = opened;
        let flushed = projector.flush();
        drop(journal);
        drop(projector);
        drop(lock);
        flushed?;
        Ok(Ended { status, state, refused, signal })
    }

    fn go(&mut self, first: Vec<Input>) -> Result<RunStatus, DriveError> {
        let mut inputs = first;
        self.look_again()?;
        self.take_letters()?;
        self.decide_all(std::mem::take(&mut inputs))?;
        // At once, so that whoever looks finds a run with a driver, and whoever resumes it a witness of where it stood.
        self.write_manifest(Moment::Start);
        loop {
            let mut entries = self.decide_each(std::mem::take(&mut inputs))?;
            let mut wanted = commands(&self.opened.state);
            // What ends a run and that it rests now are saved by one sync. Where somebody may yet answer, it goes round first.
            if self.opened.state.open_frames.is_empty() && wanted.contains(&Command::Rest) && self.is_still() {
                entries.extend(self.decide_each(vec![Input::Rest])?);
                wanted = commands(&self.opened.state);
            }
            self.prestart = self.prestart(&wanted);
            self.save(entries)?;
            self.write_manifest(Moment::Passing);
            let wake = self.reconcile(&wanted, &mut inputs);
            self.answers_of_scenario(&mut inputs);
            if !inputs.is_empty() {
                self.pool.leave_alone();
                continue;
            }
            // It rested before, and nothing that we were started with was accepted.
            let untouched = self.opened.state.rested.is_some() && wanted.is_empty();
            if self.is_still() && (untouched || wanted.contains(&Command::Rest)) {
                // What a letter allowed is not among the commands yet: go round again.
                if self.take_letters()? {
                    continue;
                }
                return self.rest();
            }
            self.write_manifest(Moment::Waiting);
            self.wait(wake, &mut inputs)?;
        }
    }

    /// Nothing is under way, and nobody is waited for.
    fn is_still(&self) -> bool {
        let state = &self.opened.state;
        let waits = self.setup.wait_for_human && state.stop.is_none() && !state.open_questions.is_empty();
        self.ready.is_empty() && self.pool.is_idle() && !waits
    }

    /// Decides each input, saves all that followed with one sync, and only then lets it be known.
    fn decide_all(&mut self, inputs: Vec<Input>) -> Result<(), DriveError> {
        let entries = self.decide_each(inputs)?;
        self.save(entries)
    }

    /// What follows from each input stands in the journal's queue, and is true once it was saved.
    fn decide_each(&mut self, inputs: Vec<Input>) -> Result<Vec<Arc<Entry>>, DriveError> {
        self.flush_pieces()?;
        let mut entries = Vec::with_capacity(inputs.len());
        for input in inputs {
            let now = self.clock.now();
            match decide(&self.opened.state, &input, now) {
                Ok(Decided { note, facts, next }) => {
                    let clean = self.setup.redactor.vouch((note, facts))?;
                    let entry = self.opened.journal.push(now, clean)?;
                    self.opened.state = next.after(&entry);
                    entries.push(entry);
                }
                Err(Refused::Nothing) => {}
                Err(refused) => {
                    // What a person asked for just now is refused to that person, by whoever passed it on, and the rest of it with it:
                    // who may not have the new flow did not ask for the old one.
                    let asked =
                        matches!(input, Input::RunRequested(_) | Input::Resumed(_) | Input::Retried(_) | Input::Refreshed(_));
                    if !asked {
                        self.observer.word(&format!("refused: {refused}"));
                    }
                    self.refused.push(refused);
                    if asked {
                        break;
                    }
                }
            }
        }
        Ok(entries)
    }

    fn save(&mut self, entries: Vec<Arc<Entry>>) -> Result<(), DriveError> {
        if entries.is_empty() {
            return Ok(());
        }
        // Before anything that these facts allow is done.
        self.opened.journal.commit()?;
        for entry in entries {
            self.make_directories(&entry);
            self.observer.entry(&self.opened.state, &entry);
            self.opened.projector.send(entry);
        }
        // A disk that takes lines but no files will not take the next step's output either.
        if self.opened.projector.has_failed() { Ok(self.opened.projector.flush()?) } else { Ok(()) }
    }

    /// Starts what is wanted and not under way, ends what is no longer wanted. Returns when to be woken.
    fn reconcile(&mut self, wanted: &[Command], inputs: &mut Vec<Input>) -> Option<crate::id::Time> {
        let mut wake = None;
        for command in wanted {
            match command {
                Command::Perform { at, execution, attempt } if !self.pool.is_under(at, *execution, *attempt) => {
                    match self.prestart.take().filter(|one| one.is(at, *execution, *attempt)) {
                        Some(one) => self.go_on_with(one),
                        None => self.start(at),
                    }
                }
                Command::Perform { .. } | Command::Rest => {}
                Command::End { at, execution, attempt } => {
                    if self.pool.is_under(at, *execution, *attempt) {
                        self.pool.end(at, StopLevel::Term);
                    }
                }
                Command::Show { id } => {
                    if let Some(question) = self.opened.state.requested.get(id).cloned() {
                        self.pool.leave_alone();
                        // What is shown may be a file that is still on its way. If it cannot be written, the run stops soon.
                        drop(self.opened.projector.flush());
                        let shown = look(&self.opened.run, &self.setup.scene.workspace, &question);
                        inputs.push(Input::Shown { id: id.clone(), shown });
                    }
                }
                Command::WakeAt(at) => wake = Some(*at),
            }
        }
        wake
    }

    fn start(&mut self, at: &At) {
        let state = &self.opened.state;
        let Some(running) = state.running.get(at).cloned() else { return };
        let now = self.clock.now();
        let Some(task) = task(state, &self.setup.scene, at, &running, now) else { return };
        let reply = match task {
            Task::Job(job) => {
                self.make_step_dir(&job);
                if self.pool.is_idle() || self.comes_after_others(at) {
                    self.opened.projector.settle();
                }
                self.pool.start_job(at.clone(), *job, None);
                return;
            }
            Task::Stub(job) => match &self.setup.scenario {
                Some(script) if touches_files(&job, script) => {
                    self.opened.projector.settle();
                    self.pool.start_scripted(at.clone(), *job, script.clone());
                    return;
                }
                script => stub_reply(script.as_deref(), &job),
            },
            Task::Reply(reply) => reply,
        };
        self.pool.mark(at.clone(), running.execution, running.attempt);
        self.ready.push_back(Event::Reply { at: at.clone(), execution: running.execution, attempt: running.attempt, reply });
    }

    /// Blocks for one event, then takes along whatever else is there.
    fn wait(&mut self, wake: Option<crate::id::Time>, inputs: &mut Vec<Input>) -> Result<(), DriveError> {
        let mut taken = 0;
        if let Some(event) = self.ready.pop_front() {
            self.event(event, inputs);
            taken = 1;
        } else {
            let now = self.clock.now();
            let until = wake.map(|at| Duration::from_millis(at.since(now)));
            let kill = self.kill_at.map(|at| at.saturating_duration_since(Clock::instant()));
            let nap = until.into_iter().chain(kill).chain([NAP]).min().unwrap_or(NAP);
            // Whoever looks at a run that waits sees all of it. Before a step that runs on this thread it was written.
            self.opened.projector.settle();
            match self.pool.wait(nap) {
                Some(event) => {
                    self.event(event, inputs);
                    taken = 1;
                }
                None => self.pool.leave_alone(),
            }
        }
        while taken < BATCH_MAX {
            let Some(event) = self.ready.pop_front().or_else(|| self.pool.told()) else { break };
            self.event(event, inputs);
            taken += 1;
        }
        if wake.is_some_and(|at| at <= self.clock.now()) {
            inputs.push(Input::Ticked);
        }
        let instant = Clock::instant();
        if self.kill_at.is_some_and(|at| at <= instant) {
            self.kill_at = None;
            self.observer.word("the time to finish is over: ending what still runs");
            self.pool.end_all(StopLevel::Term);
        }
        if taken == 0 || instant.duration_since(self.inbox_at) >= INBOX_EVERY {
            self.inbox_at = instant;
            self.stay_alive(instant);
            self.pool.listen();
            self.take_letters()?;
            self.observer.tick(&self.opened.state);
        }
        Ok(())
    }

    fn event(&mut self, event: Event, inputs: &mut Vec<Input>) {
        if let Event::Reply { at, execution, attempt, .. } = &event {
            self.pool.ended(at, *execution, *attempt);
        }
        self.pool.leave_alone();
        match event {
            Event::Reply { at, execution, attempt, reply } => {
                self.flush_wanted |= reply.commands.iter().any(|command| command.stdout_path.is_some())
                    || reply.engine == crate::record::EngineWord::Builtin;
                inputs.push(Input::Replied { at, execution, attempt, reply });
            }
            Event::Signal(cause) => {
                self.signals += 1;
                self.signal = Some(self.signal.unwrap_or(cause));
                if self.signals == 1 {
                    self.observer.word("stopping: no new step starts, running ones may finish (again to end them now)");
                    self.kill_at = Some(Clock::instant() + Duration::from_millis(self.setup.drain_ms));
                    inputs.push(Input::StopRequested { cause, by: "signal".to_owned() });
                } else {
                    self.pool.end_all(StopLevel::Kill);
                }
            }
            Event::Inbox => self.inbox_at = Clock::instant().checked_sub(INBOX_EVERY).unwrap_or(self.inbox_at),
        }
    }

    fn rest(&mut self) -> Result<RunStatus, DriveError> {
        if self.opened.state.rested.is_none() {
            self.decide_all(vec![Input::Rest])?;
        }
        self.opened.journal.trim()?;
        self.write_manifest(Moment::Rest);
        Ok(self.opened.state.status())
    }
}
