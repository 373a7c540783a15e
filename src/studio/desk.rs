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
use tokio::{process::Command, runtime::Handle, sync::Notify};

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
/// A person waits for a cancel to be taken; what it takes to carry it out may be longer.
const CANCEL_WAIT: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(super) struct Desk {
    pub runs_max: usize,
    /// Runs go on by themselves when their answer comes, and after a kill.
    goes_on: bool,
    /// Nobody else works on the queue.
    works: AtomicBool,
    wake: Notify,
    /// How processes ended that we started, by the number of their order.
    ended: Mutex<BTreeMap<u64, ExitStatus>>,
    /// Those that we started and that have not ended.
    alive: Mutex<BTreeSet<u64>>,
    /// One question to the queue at a time: whoever asks second sees what the first one asked.
    asking: Mutex<()>,
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    pub fn new(runs_max: usize, goes_on: bool) -> Self {
        let (works, wake) = (AtomicBool::new(true), Notify::new());
        Self { runs_max, goes_on, works, wake, ended: Mutex::default(), alive: Mutex::default(), asking: Mutex::default() }
    }

    /// Whether the queue is ours, or another studio's of the same runs.
    pub fn works(&self) -> bool {
        self.works.load(Ordering::Relaxed)
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
        self.wake.notify_one();
    }

    /// Settles what has ended, looks for what can go on, and fills the places that are free.
    fn work(self: &Arc<Self>, workspace: &Workspace, known: &mut Known) -> Result<(), Error> {
        let _alone = held(&self.asking);
        let mut busy = 0;
        for order in workspace.orders()?.orders {
            if order.state != OrderStanding::Begun {
                continue;
            }
            if held(&self.alive).contains(&order.number) {
                busy += 1;
                continue;
            }
            let exit = held(&self.ended).remove(&order.number);
            match workspace.settle(order.number, exit, self.goes_on)? {
                Settled::UnderWay => {
                    busy += 1;
                    // Somebody holds its place for a moment longer; how it ended is asked again then.
                    exit.map(|exit| held(&self.ended).insert(order.number, exit));
                }
                Settled::Done | Settled::Again | Settled::Refused => {}
            }
        }
        if self.goes_on {
            workspace.ask_due(known)?;
        }
        for order in workspace.orders()?.orders {
            if busy >= self.runs_max {
                break;
            }
            if order.state == OrderStanding::Waiting
                && let Beginning::Call(begun) = workspace.begin(order.number)?
            {
                let (order, call, traces) = *begun;
                let number = order.number;
                let mut command = command(&call);
                command.stdout(traces.out).stderr(traces.log);
                match command.spawn() {
                    Ok(mut child) => {
                        busy += 1;
                        held(&self.alive).insert(number);
                        let desk = self.clone();
                        Handle::current().spawn(async move {
                            if let Ok(exit) = child.wait().await {
                                held(&desk.ended).insert(number, exit);
                            }
                            held(&desk.alive).remove(&number);
                            desk.wake.notify_one();
                        });
                    }
                    Err(error) => workspace.not_started(order, &error)?,
                }
            }
        }
        Ok(())
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
    let mut known = Known::default();
    loop {
        let desk = studio.desk.clone();
        let worked = studio
            .blocking(move |workspace| {
                if turn.is_none() {
                    turn = workspace.take_turn()?;
                }
                desk.works.store(turn.is_some(), Ordering::Relaxed);
                if turn.is_some() {
                    desk.work(workspace, &mut known)?;
                }
                Ok((turn, known))
            })
            .await;
        match worked {
            Ok(back) => (turn, known) = back,
            Err(problem) => {
                tracing::error!(title = %problem.title, because = ?problem.because, "the queue could not be worked on");
                (turn, known) = (None, Known::default());
            }
        }
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
        let call = workspace.cancel_call(&id, &known_as(&person, workspace));
        let (withdrawn, there) = desk.ask(|| workspace.withdraw_all(&id))?;
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
