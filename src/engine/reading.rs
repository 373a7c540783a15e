//! How the reading of a process's pipes goes, and when there is nothing more to wait for.
//! In: what was read, and the spans in which nothing could be because our own disk had no room. Out: since when the pipes are silent.
//! Never: a wait for ourselves taken for the silence of a process, a pipe read for ever because somebody holds it open.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// More than two pipes of the largest size hold, and the buffers before them: what comes beyond was written after the leader's end.
const LEFT_OVER_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Written by those who read the pipes, looked at by whoever waits for them.
#[derive(Debug)]
pub(crate) struct Reading(Mutex<Seen>);

/// How it stood at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub bytes: u64,
    /// When something was last read, or could be read again.
    pub last: Instant,
    /// How many hold it up, and since when.
    holders: u32,
    since: Instant,
    /// For how long it was held up in all.
    held: Duration,
}

/// How long pipes are read on after the end of the process that they were made for: somebody else may hold them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Until they were silent for so long.
    pub silence: Duration,
    /// … and at most for so long.
    pub max: Duration,
    /// Once everybody who can be killed is dead.
    pub after_kill: Duration,
}

impl Patience {
    pub(crate) const USUAL: Self =
        Self { silence: Duration::from_millis(200), max: Duration::from_secs(1), after_kill: Duration::from_millis(50) };

    /// When it is over, as things stand `now`. `None`: not while we hold it up ourselves, unless there is more than was left over.
    pub(super) fn over(&self, begun: Seen, seen: Seen, now: Instant, start: Instant) -> Option<Instant> {
        let silent = seen.last.max(start) + self.silence;
        if seen.bytes.saturating_sub(begun.bytes) > LEFT_OVER_BYTES_MAX {
            return Some(silent.min(start + self.max));
        }
        let held = seen.held(now).saturating_sub(begun.held(start));
        (!seen.is_held()).then(|| silent.min(start + self.max + held))
    }
}

impl Reading {
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(Seen { bytes: 0, last: now, holders: 0, since: now, held: Duration::ZERO }))
    }

    pub(super) fn seen(&self) -> Seen {
        *self.lock()
    }

    pub(super) fn read(&self, bytes: usize) {
        let mut seen = self.lock();
        seen.bytes += bytes as u64;
        seen.last = Instant::now();
    }

    /// Waits for something of ours. Meanwhile nothing is read, and nobody is called silent.
    pub(super) async fn held<T>(&self, ours: impl Future<Output = T>) -> T {
        let _hold = Hold::on(self);
        ours.await
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    pub(super) fn is_held(&self) -> bool {
        self.holders > 0
    }

    fn held(&self, now: Instant) -> Duration {
        let open = if self.is_held() { now.saturating_duration_since(self.since) } else { Duration::ZERO };
        self.held + open
    }
}

struct Hold<'r>(&'r Reading);

impl<'r> Hold<'r> {
    fn on(reading: &'r Reading) -> Self {
        let mut seen = reading.lock();
        if seen.holders == 0 {
            seen.since = Instant::now();
        }
        seen.holders += 1;
        drop(seen);
        Self(reading)
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let mut seen = self.0.lock();
        if seen.holders == 1 {
            let now = Instant::now();
            seen.held = seen.held(now);
            seen.last = now;
        }
        seen.holders -= 1;
    }
}
