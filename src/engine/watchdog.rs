//! What ends a process before its time: it has said nothing for too long, or its reader has given it up.
//! In: when something was last read, a word of the reader. Out: a bite. Never: a process that still tells taken for a hung one.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::process::Clock;

/// Why it bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bite {
    /// Silent for too long.
    Idle,
    /// Its reader has no use for the rest.
    GivenUp,
}

#[derive(Debug)]
pub(crate) struct Watchdog {
    idle: Duration,
    given_up: watch::Sender<Option<Instant>>,
}

impl Watchdog {
    pub(crate) fn new(idle: Duration) -> Self {
        Self { idle, given_up: watch::Sender::new(None) }
    }

    /// It has this long to end by itself. The first word counts.
    pub(crate) fn give_up(&self, within: Duration) {
        self.given_up.send_if_modified(|at| {
            let first = at.is_none();
            at.get_or_insert_with(|| Instant::now() + within);
            first
        });
    }

    /// Returns when the process is to be ended.
    pub(super) async fn bites(&self, clock: &Clock) -> Bite {
        let mut told = self.given_up.subscribe();
        loop {
            let given_up = *told.borrow_and_update();
            let idle_at = clock.last() + self.idle;
            let at = given_up.map_or(idle_at, |at| at.min(idle_at));
            if Instant::now() >= at {
                return if given_up.is_some_and(|given_up| given_up <= idle_at) { Bite::GivenUp } else { Bite::Idle };
            }
            tokio::select! {
                biased;
                _ = told.changed() => {}
                () = sleep_until(at) => {}
            }
        }
    }
}
