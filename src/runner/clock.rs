//! The only place that asks what time it is.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::id::Time;

/// A wall clock that never goes back: set back by hand or by a time server, it stands still until real time is past it.
#[derive(Debug, Clone)]
pub struct Clock {
    last: Time,
}

impl Clock {
    /// Starts no earlier than `after`, the last time that the run has seen.
    pub fn after(after: Time) -> Self {
        Self { last: after }
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that asks")]
    pub fn now(&mut self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = Time::from_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        self.last = self.last.max(now);
        self.last
    }

    /// A point to measure spans from; not a time of day.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks")]
    pub fn instant() -> Instant {
        Instant::now()
    }
}
