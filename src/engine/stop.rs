//! How work is stopped from outside: a level that only rises.
//! In: the runner's wish. Out: the same, seen by every process that works. Never: lowered again, missed by a late looker.

use tokio::sync::watch;

/// How hard work is stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopLevel {
    /// Not at all.
    #[default]
    Run,
    /// TERM to the process group; KILL after the job's grace.
    Term,
    /// KILL, now.
    Kill,
}

/// The runner's end. Dropping it stops nothing.
#[derive(Debug)]
pub struct StopSwitch(watch::Sender<StopLevel>);

/// The work's end. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<StopLevel>);

impl StopSwitch {
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(StopLevel::Run);
        (Self(sender), Stop(receiver))
    }
    /// Raises the level; a lower one than before changes nothing.
    pub fn raise(&self, level: StopLevel) {
        self.0.send_if_modified(|now| {
            let rises = level > *now;
            *now = level.max(*now);
            rises
        });
    }
}

impl Stop {
    /// One that nobody raises.
    pub fn never() -> Self {
        StopSwitch::new().1
    }
    pub fn level(&self) -> StopLevel {
        *self.0.borrow()
    }
    /// Returns when the level is at least this; never, if nobody is left to raise it.
    pub async fn reached(&mut self, level: StopLevel) {
        if self.0.wait_for(|now| *now >= level).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
