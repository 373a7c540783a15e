//! What ends a process before its time: it has said nothing for too long, or its reader has given it up.
//! In: when something was last read, a word of the reader. Out: a bite. Never: a process that still tells taken for a hung one.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::reading::Reading;

/// How often it is looked whether our own disk has room again.
const LOOK: Duration = Duration::from_millis(100);

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
    pub(super) async fn bites(&self, reading: &Reading) -> Bite {
        let mut told = self.given_up.subscribe();
        loop {
            let given_up = *told.borrow_and_update();
            let (now, seen) = (Instant::now(), reading.seen());
            // While we do not read, nobody is silent.
            let idle_at = (!seen.is_held()).then(|| seen.last + self.idle);
            let at = given_up.into_iter().chain(idle_at).min();
            if at.is_some_and(|at| now >= at) {
                return if given_up == at { Bite::GivenUp } else { Bite::Idle };
            }
            let look = if seen.is_held() { Some(now + LOOK) } else { None };
            tokio::select! {
                biased;
                _ = told.changed() => {}
                () = sleep_until(at.into_iter().chain(look).min().unwrap_or(now + LOOK)) => {}
            }
        }
    }
}
