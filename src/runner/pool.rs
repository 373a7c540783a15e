//! Where steps really run: an async runtime on threads of its own, and a thread that hands their output to the ledger.
//! In: jobs, stop levels. Out: events on a channel. Never: an attempt whose end is not reported, not even a panic's.

use std::{
    collections::BTreeMap,
    sync::{Arc, mpsc::Sender},
    thread::JoinHandle,
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
}

pub(super) struct Pool {
    runtime: Option<Runtime>,
    events: Sender<Event>,
    outlet: Option<mpsc::Sender<Piece>>,
    forwarder: Option<JoinHandle<()>>,
    redactor: Redactor,
    under: BTreeMap<At, Under>,
}

impl Pool {
    /// # Errors
    /// When the system gives no thread.
    pub fn start(events: Sender<Event>, projector: Arc<Projector>, redactor: Redactor, signals: bool) -> std::io::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).max_blocking_threads(16).enable_all().build()?;
        let (outlet, pieces) = mpsc::channel(Outlet::PIECES_MAX);
        let forwarder = std::thread::Builder::new().name("output".to_owned()).spawn(move || forward(pieces, &projector))?;
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
            runtime: Some(runtime),
            events,
            outlet: Some(outlet),
            forwarder: Some(forwarder),
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
        self.under.insert(at.clone(), Under { execution, attempt, switch });
        let (Some(runtime), Some(outlet)) = (&self.runtime, &self.outlet) else { return };
        let (outlet, redactor, events) = (outlet.clone(), self.redactor.clone(), self.events.clone());
        runtime.spawn(run(at, job, script, redactor, outlet, stop, events));
    }

    /// An attempt whose reply is already on its way.
    pub fn mark(&mut self, at: At, execution: u32, attempt: u32) {
        self.under.insert(at, Under { execution, attempt, switch: StopSwitch::new().0 });
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
        if let Some(runtime) = self.runtime.take() {
            // Dropping a task kills the process group it owns; a second is plenty for that.
            runtime.shutdown_timeout(std::time::Duration::from_secs(1));
        }
        drop(self.outlet.take());
        if let Some(forwarder) = self.forwarder.take() {
            drop(forwarder.join());
        }
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

fn forward(mut pieces: mpsc::Receiver<Piece>, projector: &Projector) {
    // Our own wall clock would do for the lines of a log, but only the clock asks the time.
    let mut clock = Clock::after(crate::id::Time::from_ms(0));
    while let Some(piece) = pieces.blocking_recv() {
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
