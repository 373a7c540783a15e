//! The desk: takes orders off the queue and starts a process for each, as many at once as there are places.
//! In: the queue on disk, runs whose answers have come. Out: processes that outlive us, each in a group of its own.
//! Never: an order that is known here alone, a process that ends because we do, more processes than places.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::{ExitStatus, Stdio},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::http::StatusCode;
use tokio::{process::Command, runtime::Handle, sync::Notify, time::Instant};

use crate::{
    error::{Error, Kind},
    id::RunId,
    ledger::Turn,
    workspace::{Beginning, Call, Known, OrderStanding, Settled, Workspace},
};

use super::{
    operate::known_as,
    problem::Problem,
    server::Studio,
    who::{Person, Right},
};

/// How often one looks around when nothing is told: for answers given elsewhere, and for the end of processes of a studio before us.
const EVERY: Duration = Duration::from_millis(500);
/// Of the time, at most one part in so many goes into looking at all runs.
const WATCH_SHARE: u32 = 50;
/// A person waits for a cancel to be taken; what it takes to carry it out may be longer.
const CANCEL_WAIT: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(super) struct Desk {
    pub runs_max: usize,
    /// Runs go on by themselves when their answer comes, and after a kill.
    goes_on: bool,
    /// Nobody else works on the queue.
    works: AtomicBool,
    /// An answer was given here.
    told: AtomicBool,
    wake: Notify,
    /// What keeps the queue from being worked on.
    trouble: Mutex<Option<String>>,
    /// How processes ended that we started, by the number of their order.
    ended: Mutex<BTreeMap<u64, ExitStatus>>,
    /// Those that we started and that have not ended.
    alive: Mutex<BTreeSet<u64>>,
    /// One question to the queue at a time: whoever asks second sees what the first one asked.
    asking: Mutex<()>,
}

/// What was seen of the runs, and when they are looked at next.
#[derive(Debug, Default)]
struct Watched {
    known: Known,
    next: Option<Instant>,
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    pub fn new(runs_max: usize, goes_on: bool) -> Self {
        Self {
            runs_max,
            goes_on,
            works: AtomicBool::new(true),
            told: AtomicBool::new(false),
            wake: Notify::new(),
            trouble: Mutex::default(),
            ended: Mutex::default(),
            alive: Mutex::default(),
            asking: Mutex::default(),
        }
    }

    /// Whether the queue is ours, or another studio's of the same runs.
    pub fn works(&self) -> bool {
        self.works.load(Ordering::Relaxed)
    }

    pub fn trouble(&self) -> Option<String> {
        held(&self.trouble).clone()
    }

    /// Said once, and shown as long as it is so.
    fn note(&self, trouble: Option<String>) {
        let mut now = held(&self.trouble);
        if let Some(trouble) = trouble.as_ref().filter(|trouble| now.as_ref() != Some(trouble)) {
            tracing::error!(%trouble, "the queue could not be worked on");
        }
        *now = trouble;
    }

    /// Asks something of the queue, alone; then the desk looks at it.
    pub fn ask<T>(&self, ask: impl FnOnce() -> T) -> T {
        let asked = {
            let _alone = held(&self.asking);
            ask()
        };
        self.wake.notify_one();
        asked
    }

    /// Something has happened that may let a run go on.
    pub fn look(&self) {
        self.told.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Looks for runs that can go on, as often as that is cheap.
    fn watch(&self, workspace: &Workspace, watched: &mut Watched) -> Result<(), Error> {
        let start = Instant::now();
        let told = self.told.swap(false, Ordering::Relaxed);
        if !self.goes_on || (!told && watched.next.is_some_and(|next| next > start)) {
            return Ok(());
        }
        for due in workspace.due(&mut watched.known)? {
            let _alone = held(&self.asking);
            match workspace.ask_continue(&due) {
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(run = %due.run_id, %error, "not asked to go on");
                    if error.kind == Kind::Limit {
                        watched.known.forget(&due.run_id);
                    }
                }
            }
        }
        let took = start.elapsed();
        watched.next = Some(start + took * WATCH_SHARE + EVERY);
        Ok(())
    }

    /// Settles what has ended, and fills the places that are free. An order that cannot be worked on holds up no other.
    fn work(self: &Arc<Self>, workspace: &Workspace) -> Result<(), Error> {
        let _alone = held(&self.asking);
        let (mut busy, mut trouble) = (0, None);
        for order in workspace.orders()?.orders.iter().filter(|order| order.state == OrderStanding::Begun) {
            if held(&self.alive).contains(&order.number) {
                busy += 1;
                continue;
            }
            let exit = held(&self.ended).remove(&order.number);
            match workspace.settle(order.number, exit, self.goes_on) {
                Ok(Settled::Done | Settled::Again | Settled::Refused) => {}
                Ok(Settled::UnderWay) => {
                    busy += 1;
                    // Somebody holds its place for a moment longer; how it ended is asked again then.
                    exit.map(|exit| held(&self.ended).insert(order.number, exit));
                }
                Err(error) => trouble = Some(error),
            }
        }
        for order in workspace.orders()?.orders.iter().filter(|order| order.state == OrderStanding::Waiting) {
            if busy >= self.runs_max {
                break;
            }
            match self.begin(workspace, order.number) {
                Ok(begun) => busy += usize::from(begun),
                Err(error) => trouble = Some(error),
            }
        }
        trouble.map_or(Ok(()), Err)
    }

    /// Starts the process for an order. Whether there is one now.
    fn begin(self: &Arc<Self>, workspace: &Workspace, number: u64) -> Result<bool, Error> {
        let Beginning::Call(begun) = workspace.begin(number)? else { return Ok(false) };
        let (order, call, traces) = *begun;
        let mut command = command(&call);
        command.stdout(traces.out).stderr(traces.log);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return workspace.not_started(order, &error).map(|()| false),
        };
        held(&self.alive).insert(number);
        let desk = self.clone();
        Handle::current().spawn(async move {
            if let Ok(exit) = child.wait().await {
                held(&desk.ended).insert(number, exit);
            }
            held(&desk.alive).remove(&number);
            desk.wake.notify_one();
        });
        Ok(true)
    }
}

/// In a group of its own, so that what ends us ends no run.
fn command(call: &Call) -> Command {
    let mut command = Command::new(&call.program);
    command.args(&call.args).env(call.name.0, &call.name.1).stdin(Stdio::null()).process_group(0);
    command
}

/// Works as long as the studio does. Where another studio has the queue of these runs, it waits for that one to end.
pub(super) async fn work(studio: Studio, mut turn: Option<Turn>) {
    let mut watched = Watched::default();
    loop {
        let desk = studio.desk.clone();
        let worked = studio
            .blocking(move |workspace| {
                if turn.is_none() {
                    turn = workspace.take_turn()?;
                }
                desk.works.store(turn.is_some(), Ordering::Relaxed);
                let mut worked = Ok(());
                if turn.is_some() {
                    worked = desk.watch(workspace, &mut watched).and(desk.work(workspace));
                }
                let trouble =
                    worked.err().map(|error| std::iter::once(error.message).chain(error.because).collect::<Vec<_>>().join(": "));
                Ok((turn, watched, trouble))
            })
            .await;
        let trouble = match worked {
            Ok((back, seen, trouble)) => {
                (turn, watched) = (back, seen);
                trouble
            }
            // It broke in the middle: begun anew, from what is on disk.
            Err(problem) => {
                (turn, watched) = (None, Watched::default());
                Some(problem.title)
            }
        };
        studio.desk.note(trouble);
        tokio::select! {
            () = studio.desk.wake.notified() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Cancels a run: what waits for it in the queue is taken back, and what there is of it is stopped by the door that the command line
/// has, in the name of whoever asked.
pub(super) async fn stop(studio: &Studio, run: String, person: Person) -> Result<RunId, Problem> {
    let desk = studio.desk.clone();
    let asked = studio.blocking(move |workspace| {
        person.may(Right::Operate)?;
        let id = RunId::new(&run).map_err(|bad| Problem::new(StatusCode::NOT_FOUND, bad.to_string()))?;
        let by = known_as(&person, workspace);
        let call = workspace.cancel_call(&id, &by);
        let (withdrawn, there) = desk.ask(|| workspace.withdraw_all(&id, &by))?;
        Ok((id, (there || !withdrawn).then_some(call)))
    });
    let (id, call) = asked.await?;
    match call {
        Some(call) => cancel(call).await.map(|()| id),
        None => Ok(id),
    }
}

async fn cancel(call: Call) -> Result<(), Problem> {
    let mut command = command(&call);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let failed =
        |error: std::io::Error| Problem::from(Error::new(Kind::System, "the run could not be cancelled").because(&error));
    let output = tokio::spawn(async move { command.output().await });
    let Ok(done) = tokio::time::timeout(CANCEL_WAIT, output).await else {
        // It was taken: what it stops takes its time.
        return Ok(());
    };
    let output = done.map_err(|error| failed(std::io::Error::other(error)))?.map_err(failed)?;
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    match said.get("error") {
        Some(error) => Err(Problem::told(error)),
        None if output.status.success() => Ok(()),
        None => Err(failed(std::io::Error::other(output.status.to_string()))),
    }
}
