//! Where steps really run: an async runtime on the driver's own thread while that has nothing else to do, otherwise on a thread of
//! its own, more of them when several steps run at once; and a thread that writes their output, once there is any.
//! In: jobs, stop levels. Out: events. Never: an attempt whose end is not reported, not even a panic's; one under way that waits for the driver.

use std::{
    collections::BTreeMap,
    io,
    num::NonZero,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel, sync_channel},
    },
    thread::available_parallelism,
    time::Duration,
};

use tokio::{
    signal::unix::signal,
    sync::{Notify, mpsc, oneshot},
};

use crate::{
    engine::{Job, Outlet, Piece, Prestarted, Scenario, Stop, StopLevel, StopSwitch, perform_prestarted, perform_scripted},
    ledger::Projector,
    record::{At, EngineWord, ErrorClass, Failure, FailureKind, Mode, Reply, ReplyOutcome, StopCause},
    redact::Redactor,
};

use super::{clock::Clock, lane::Lane, signals};

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

/// Tells the driver, wherever it waits.
#[derive(Clone)]
pub(super) struct Teller {
    events: Sender<Event>,
    bell: Arc<Notify>,
}

impl Teller {
    /// A driver that is gone has nothing to be told.
    pub fn tell(&self, event: Event) {
        let _ = self.events.send(event);
        self.bell.notify_one();
    }
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
    /// The first is always there, and here until it would be in the way; another one comes when all have work and a processor is
    /// left.
    lanes: Vec<Lane>,
    lanes_max: Option<usize>,
    teller: Teller,
    told: Receiver<Event>,
    outlet: Option<mpsc::Sender<Piece>>,
    /// Closed when the last piece has been handed on.
    forwarding: Receiver<()>,
    redactor: Redactor,
    under: BTreeMap<At, Under>,
}

impl Pool {
    /// # Errors
    /// When the system gives no thread.
    pub fn start(projector: Arc<Projector>, redactor: Redactor, signals: bool) -> io::Result<Self> {
        let first = Lane::here()?;
        let tasks = first.tasks();
        let (events, told) = channel();
        let teller = Teller { events, bell: Arc::default() };
        let (outlet, mut pieces) = mpsc::channel(Outlet::PIECES_MAX);
        let (forwards, forwarding) = channel::<()>();
        // Most steps print nothing: the thread comes with the first piece.
        tasks.spawn(async move {
            let Some(first) = pieces.recv().await else { return };
            let (give, take) = sync_channel(1);
            let theirs = projector.clone();
            let thread = std::thread::Builder::new().name("output".to_owned()).spawn(move || {
                if let Ok((first, pieces)) = take.recv() {
                    forward(first, pieces, &theirs);
                }
                drop(forwards);
            });
            match thread {
                // The thread is there, and waits for it.
                Ok(_) => drop(give.send((first, pieces))),
                Err(error) => {
                    tracing::warn!(%error, "no thread that writes output: steps wait for the disk");
                    let mut clock = Clock::after(crate::id::Time::from_ms(0));
                    keep(first, &mut clock, &projector);
                    while let Some(piece) = pieces.recv().await {
                        keep(piece, &mut clock, &projector);
                    }
                }
            }
        });
        if signals {
            // Registered before the first step starts, so that no signal can fall between.
            let _entered = tasks.enter();
            for (kind, cause) in signals::stopping() {
                let (mut stream, teller) = (signal(kind)?, teller.clone());
                tasks.spawn(async move {
                    while stream.recv().await.is_some() {
                        teller.tell(Event::Signal(cause));
                    }
                });
            }
        }
        Ok(Self {
            lanes: vec![first],
            lanes_max: None,
            teller,
            told,
            outlet: Some(outlet),
            forwarding,
            redactor,
            under: BTreeMap::new(),
        })
    }

    /// For whoever else has something to tell.
    pub fn teller(&self) -> Teller {
        self.teller.clone()
    }

    /// The next event, if there is one already.
    pub fn told(&self) -> Option<Event> {
        self.told.try_recv().ok()
    }

    /// Waits for an event, at most for so long. A step that has no thread yet runs on this one meanwhile, and only meanwhile: see
    /// [`Pool::leave_alone`].
    pub fn wait(&mut self, nap: Duration) -> Option<Event> {
        let Self { lanes, told, teller, .. } = self;
        let next = async {
            loop {
                if let Ok(event) = told.try_recv() {
                    return event;
                }
                teller.bell.notified().await;
            }
        };
        match lanes[0].wait(async { tokio::time::timeout(nap, next).await.ok() }) {
            Some(event) => event,
            None => told.recv_timeout(nap).ok(),
        }
    }

    /// A step has only the driver's thread.
    fn runs_here(&self) -> bool {
        self.lanes[0].is_here() && self.under.values().any(|under| under.lane == Some(0))
    }

    /// The driver turns to something else, and may have to wait for a disk or a terminal: what runs on its thread gets one of its own.
    pub fn leave_alone(&mut self) {
        if self.runs_here()
            && let Err(error) = self.lanes[0].leave()
        {
            tracing::warn!(%error, "no thread for the step that runs: it waits while a decision is saved");
        }
    }

    /// Whoever listens on the driver's thread, to signals, hears what there is: for a driver that never has to wait.
    pub fn listen(&mut self) {
        // From the descriptor to the listener, from there to us.
        let turns = async {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
        };
        let _ = self.lanes[0].wait(turns);
    }

    pub fn is_under(&self, at: &At, execution: u32, attempt: u32) -> bool {
        self.under.get(at).is_some_and(|under| under.execution == execution && under.attempt == attempt)
    }

    /// Starts an attempt; its reply comes as an event.
    pub fn start_job(&mut self, at: At, job: Job, prestarted: Option<Prestarted>) {
        self.spawn(at, job, prestarted, None);
    }

    /// Starts the shell of an attempt that is about to be started. It waits.
    pub fn prestart(&self, job: &Job) -> Option<Prestarted> {
        let _entered = self.lanes[0].tasks().enter();
        job.prestart()
    }

    /// The same for an agent step that a script answers, with real files.
    pub fn start_scripted(&mut self, at: At, job: Job, script: Arc<Scenario>) {
        self.spawn(at, job, None, Some(script));
    }

    fn spawn(&mut self, at: At, job: Job, prestarted: Option<Prestarted>, script: Option<Arc<Scenario>>) {
        let (switch, stop) = StopSwitch::new();
        let (execution, attempt) = (job.execution, job.attempt);
        let lane = self.free_lane();
        // Two at a time: what starts one stands still while the process is made.
        self.leave_alone();
        self.under.insert(at.clone(), Under { execution, attempt, switch, lane: Some(lane) });
        let Some(outlet) = &self.outlet else { return };
        let (outlet, redactor, teller) = (outlet.clone(), self.redactor.clone(), self.teller.clone());
        self.lanes[lane].start(Box::pin(run(at, (job, prestarted), script, redactor, outlet, stop, teller)));
    }

    /// The lane with the least work; a new one if each has some.
    fn free_lane(&mut self) -> usize {
        let mut work = vec![0_usize; self.lanes.len()];
        self.under.values().filter_map(|under| under.lane).for_each(|lane| work[lane] += 1);
        let (least, busy) = work.into_iter().enumerate().min_by_key(|(_, work)| *work).unwrap_or_default();
        let max = || available_parallelism().map_or(1, NonZero::get).min(LANES_MAX);
        if busy > 0 && self.lanes.len() < *self.lanes_max.get_or_insert_with(max) {
            match Lane::there() {
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
        // Somebody may have begun to print just now.
        self.listen();
        // The first lane waits for the pieces of all others, so it goes last.
        while let Some(lane) = self.lanes.pop() {
            lane.close();
        }
        // Whatever was handed over is in its files before the pool is gone. Nothing is ever sent.
        let _ = self.forwarding.recv();
    }
}

/// Reports the attempt as crashed if its task is dropped or panics before it has replied.
struct Owed {
    at: At,
    execution: u32,
    attempt: u32,
    started_at: crate::id::Time,
    teller: Teller,
    paid: bool,
}

impl Owed {
    fn pay(&mut self, reply: Box<Reply>) {
        self.paid = true;
        self.teller.tell(Event::Reply { at: self.at.clone(), execution: self.execution, attempt: self.attempt, reply });
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
    (job, prestarted): (Job, Option<Prestarted>),
    script: Option<Arc<Scenario>>,
    redactor: Redactor,
    outlet: mpsc::Sender<Piece>,
    stop: Stop,
    teller: Teller,
) {
    let mut owed = Owed { at, execution: job.execution, attempt: job.attempt, started_at: job.started_at, teller, paid: false };
    let own = Outlet::new(outlet.clone());
    let reply = match script {
        None => perform_prestarted(job, prestarted, &redactor, own.clone(), stop).await,
        Some(script) => Box::pin(perform_scripted(job, &script, &redactor, own.clone(), stop)).await,
    };
    if own.sent_anything() {
        // What the step handed over is in its files before its end does.
        let (done, passed) = oneshot::channel();
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
        keep(piece, &mut clock, projector);
    }
}

fn keep(piece: Piece, clock: &mut Clock, projector: &Projector) {
    let kept = match piece {
        Piece::Output { flow, step, stream, path, bytes } => projector.output(At { flow, step }, stream, &path, bytes),
        Piece::File { path, bytes } => projector.file(&path, bytes),
        Piece::Part { path, at, bytes } => projector.part(&path, at == 0, bytes),
        Piece::Aside { path, execution } => projector.aside(&path, execution),
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

#[cfg(test)]
mod tests;
