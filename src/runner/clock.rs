//! The only place that asks what time it is.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::id::Time;

/// A wall clock that never goes back. Set back by hand or by a time server, or started after what the run has seen, it
/// goes on from there at its own pace until real time is past it: what waits for a second waits for a second.
#[derive(Debug, Clone)]
pub struct Clock {
    from: Time,
    since: Instant,
}

impl Clock {
    /// Starts no earlier than `after`, the last time that the run has seen.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks")]
    pub fn after(after: Time) -> Self {
        Self { from: after, since: Instant::now() }
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that asks")]
    pub fn now(&mut self) -> Time {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = Time::from_ms(i64::try_from(wall.as_millis()).unwrap_or(i64::MAX));
        self.passed(wall, self.since.elapsed().as_millis())
    }

    /// `wall` if it is ahead of what has passed here, which then counts from there.
    fn passed(&mut self, wall: Time, elapsed_ms: u128) -> Time {
        let own = self.from.plus(u64::try_from(elapsed_ms).unwrap_or(u64::MAX));
        if wall > own {
            *self = Self::after(wall);
        }
        wall.max(own)
    }

    /// A point to measure spans from; not a time of day.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks")]
    pub fn instant() -> Instant {
        Instant::now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_goes_on_from_where_it_was() {
        let mut clock = Clock::after(Time::from_ms(5_000));
        assert_eq!(clock.passed(Time::from_ms(1_000), 0), Time::from_ms(5_000));
        assert_eq!(clock.passed(Time::from_ms(1_250), 250), Time::from_ms(5_250));
        assert_eq!(clock.passed(Time::from_ms(9_000), 300), Time::from_ms(9_000));
        assert_eq!(clock.passed(Time::from_ms(2_000), 0), Time::from_ms(9_000));
        assert!(clock.now() >= Time::from_ms(9_000));
    }
}
