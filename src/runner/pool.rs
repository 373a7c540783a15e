//! Where steps really run: an async runtime on a thread of its own, more of them when several steps run at once, and a thread
//! that hands their output to the ledger, once there is any.
//! In: jobs, stop levels. Out: events on a channel. Never: an attempt whose end is not reported, not even a panic's.

use std::{
    collections::BTreeMap,
    num::NonZero,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread::available_parallelism,
};

use tokio::{runtime::Runtime, signal::unix::signal, sync::mpsc};

use crate::{
    engine::{Job, Outlet, Piece, Scenario, Stop, StopLevel, StopSwitch, perform, perform_scripted},
    ledger::Projector,
    record::{At, EngineWord, ErrorClass, Failure, FailureKind, Mode, Reply, ReplyOutcome, StopCause},
    redact::Redactor,
};

use super::{clock::Clock, signals};

/// What the world tells the driver.
#[derive(Debug)]
pub(super) enum Event {
    Reply {
        at: At,
        execution: u32,
        attempt: u32,
        reply: Box<Reply>,
    },
    Signal(StopCause),
    /// The inbox may hold something.
    Inbox,
}

/// One attempt under way.
struct Under {
    execution: u32,
    attempt: u32,
    switch: StopSwitch,
    /// Which lane performs it; none: its reply is on its way already.
    lane: Option<usize>,
}

/// While a process is being started, the thread that starts it stands still. More lanes than this only wait for a processor.
const LANES_MAX: usize = 8;

pub(super) struct Pool {
    /// Runtimes, each with one thread. The first is always there; another one comes when all have work and a processor is left.
    lanes: Vec<Runtime>,
    lanes_max: Option<usize>,
    events: Sender<Event>,
    outlet: Option<mpsc::Sender<Piece>>,
    /// Closed when the last piece has been handed on.
    forwarding: Receiver<()>,
    redactor: Redactor,
    under: BTreeMap<At, Under>,
}

fn lane() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).max_blocking_threads(16).enable_all().build()
}

impl Pool {
    /// # Errors
    /// When the system gives no thread.
    pub fn start(events: Sender<Event>, projector: Arc<Projector>, redactor: Redactor, signals: bool) -> std::io::Result<Self> {
        let runtime = lane()?;
        let (outlet, mut pieces) = mpsc::channel(Outlet::PIECES_MAX);
        let (forwards, forwarding) = channel::<()>();
        // Most steps print nothing: the thread comes with the first piece.
        runtime.spawn(async move {
            if let Some(first) = pieces.recv().await {
                tokio::task::spawn_blocking(move || {
                    forward(first, pieces, &projector);
                    drop(forwards);
                });
            }
        });
        if signals {
            let told = events.clone();
            // Registered before the first step starts, so that no signal can fall between.
            let _entered = runtime.enter();
            for (kind, cause) in signals::stopping() {
                let (mut stream, told) = (signal(kind)?, told.clone());
                runtime.spawn(async move {
                    while stream.recv().await.is_some() {
                        if told.send(Event::Signal(cause)).is_err() {
                            return;
                        }
                    }
                });
            }
        }
        Ok(Self {
            lanes: vec![runtime],
            lanes_max: None,
            events,
            outlet: Some(outlet),
            forwarding,
            redactor,
            under: BTreeMap::new(),
        })
    }

    pub fn is_under(&self, at: &At, execution: u32, attempt: u32) -> bool {
        self.under.get(at).is_some_and(|under| under.execution == execution && under.attempt == attempt)
    }

    /// Starts an attempt; its reply comes as an event.
    pub fn start_job(&mut self, at: At, job: Job) {
        self.spawn(at, job, None);
    }

    /// The same for an agent step that a script answers, with real files.
    pub fn start_scripted(&mut self, at: At, job: Job, script: Arc<Scenario>) {
        self.spawn(at, job, Some(script));
    }

    fn spawn(&mut self, at: At, job: Job, script: Option<Arc<Scenario>>) {
        let (switch, stop) = StopSwitch::new();
        let (execution, attempt) = (job.execution, job.attempt);
        let lane = self.free_lane();
        self.under.insert(at.clone(), Under { execution, attempt, switch, lane: Some(lane) });
        let Some(outlet) = &self.outlet else { return };
        let (outlet, redactor, events) = (outlet.clone(), self.redactor.clone(), self.events.clone());
        self.lanes[lane].spawn(run(at, job, script, redactor, outlet, stop, events));
    }

    /// The lane with the least work; a new one if each has some.
    fn free_lane(&mut self) -> usize {
        let mut work = vec![0_usize; self.lanes.len()];
        self.under.values().filter_map(|under| under.lane).for_each(|lane| work[lane] += 1);
        let (least, busy) = work.into_iter().enumerate().min_by_key(|(_, work)| *work).unwrap_or_default();
        let max = || available_parallelism().map_or(1, NonZero::get).min(LANES_MAX);
        if busy > 0 && self.lanes.len() < *self.lanes_max.get_or_insert_with(max) {
            match lane() {
                Ok(lane) => {
                    self.lanes.push(lane);
                    return self.lanes.len() - 1;
                }
                // The lanes that there are do it as well.
                Err(error) => {
                    tracing::warn!(%error, "no further thread for steps");
                    self.lanes_max = Some(self.lanes.len());
                }
            }
        }
        least
    }

    /// An attempt whose reply is already on its way.
    pub fn mark(&mut self, at: At, execution: u32, attempt: u32) {
        self.under.insert(at, Under { execution, attempt, switch: StopSwitch::new().0, lane: None });
    }

    /// The attempt's reply has been taken.
    pub fn ended(&mut self, at: &At, execution: u32, attempt: u32) {
        if self.is_under(at, execution, attempt) {
            self.under.remove(at);
        }
    }

    pub fn end(&self, at: &At, level: StopLevel) {
        if let Some(under) = self.under.get(at) {
            under.switch.raise(level);
        }
    }

    pub fn end_all(&self, level: StopLevel) {
        for under in self.under.values() {
            under.switch.raise(level);
        }
    }

    pub fn is_idle(&self) -> bool {
        self.under.is_empty()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.end_all(StopLevel::Kill);
        drop(self.outlet.take());
        // The first lane waits for the pieces of all others, so it goes last.
        while let Some(lane) = self.lanes.pop() {
            // Dropping a task kills the process group it owns; a second is plenty for that.
            lane.shutdown_timeout(std::time::Duration::from_secs(1));
        }
        // Whatever was handed over is in the ledger's queue before the pool is gone. Nothing is ever sent.
        let _ = self.forwarding.recv();
    }
}

/// Reports the attempt as crashed if its task is dropped or panics before it has replied.
struct Owed {
    at: At,
    execution: u32,
    attempt: u32,
    started_at: crate::id::Time,
    events: Sender<Event>,
    paid: bool,
}

impl Owed {
    fn pay(&mut self, reply: Box<Reply>) {
        self.paid = true;
        // A driver that is gone has nobody to tell.
        let _ = self.events.send(Event::Reply { at: self.at.clone(), execution: self.execution, attempt: self.attempt, reply });
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        if !self.paid {
            let failure = Failure {
                kind: FailureKind::Crashed,
                class: ErrorClass::Permanent,
                message: "the engine broke down; this is a mistake of ours".to_owned(),
                exit_code: None,
            };
            let outcome = ReplyOutcome::Failed(failure);
            self.pay(Box::new(Reply::new(outcome, EngineWord::Builtin, Mode::Local, self.started_at, self.started_at)));
        }
    }
}

async fn run(
    at: At,
    job: Job,
    script: Option<Arc<Scenario>>,
    redactor: Redactor,
    outlet: mpsc::Sender<Piece>,
    stop: Stop,
    events: Sender<Event>,
) {
    let mut owed = Owed { at, execution: job.execution, attempt: job.attempt, started_at: job.started_at, events, paid: false };
    let own = Outlet::new(outlet.clone());
    let reply = match script {
        None => perform(job, &redactor, own.clone(), stop).await,
        Some(script) => perform_scripted(job, &script, &redactor, own.clone(), stop).await,
    };
    if own.sent_anything() {
        // What the step handed over stands in the ledger's queue before its end does.
        let (done, passed) = tokio::sync::oneshot::channel();
        if outlet.send(Piece::Barrier(done)).await.is_ok() {
            let _ = passed.await;
        }
    }
    let clean = redactor.clean(reply).map(crate::redact::Clean::into_inner);
    let reply = clean.unwrap_or_else(|leak| {
        let failure =
            Failure { kind: FailureKind::Boundary, class: ErrorClass::Fatal, message: leak.to_string(), exit_code: None };
        Reply::new(ReplyOutcome::Failed(failure), EngineWord::Builtin, Mode::Local, owed.started_at, owed.started_at)
    });
    owed.pay(Box::new(reply));
}

fn forward(first: Piece, mut pieces: mpsc::Receiver<Piece>, projector: &Projector) {
    // Our own wall clock would do for the lines of a log, but only the clock asks the time.
    let mut clock = Clock::after(crate::id::Time::from_ms(0));
    let mut next = Some(first);
    while let Some(piece) = next.take().or_else(|| pieces.blocking_recv()) {
        let kept = match piece {
            Piece::Output { flow, step, stream, path, bytes } => projector.output(At { flow, step }, stream, &path, bytes),
            Piece::File { path, bytes } => projector.file(&path, bytes),
            Piece::Part { path, at, bytes } => projector.part(&path, at == 0, bytes),
            Piece::Log { flow, step, event } => {
                projector.log(At { flow, step }, clock.now(), event);
                Ok(())
            }
            Piece::Line { path, bytes } => projector.add_line(&path, bytes),
            Piece::Call(call) => {
                projector.call(clock.now(), call);
                Ok(())
            }
            Piece::Written(done) => {
                // What could not be written is told when the run is flushed.
                drop(projector.flush());
                let _ = done.send(());
                Ok(())
            }
            Piece::Barrier(done) => {
                let _ = done.send(());
                Ok(())
            }
        };
        if let Err(error) = kept {
            tracing::error!(%error, "a piece of output has nowhere to go");
        }
    }
}
