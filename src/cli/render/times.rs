//! Times as people say them; now is a value.

use crate::{id::Time, inspect::length};

/// `just now`, `4 min ago`, `3 d ago`: one unit, because a list is read down.
pub fn ago(then: Time, now: Time) -> String {
    match now.since(then) {
        0..5_000 => "just now".to_owned(),
        ms => format!("{} ago", one_unit(ms)),
    }
}

/// `in 20 min`, or that it is over.
pub fn until(deadline: Time, now: Time) -> String {
    match deadline.since(now) {
        0 => format!("{} over", one_unit(now.since(deadline))),
        ms => format!("in {}", one_unit(ms)),
    }
}

fn one_unit(ms: u64) -> String {
    let seconds = ms / 1000;
    let whole = match seconds {
        0..60 => seconds,
        60..3600 => seconds - seconds % 60,
        3600..86_400 => seconds - seconds % 3600,
        _ => seconds - seconds % 86_400,
    };
    length(whole * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_one_unit() {
        let now = Time::from_ms(1_700_000_000_000);
        let before = |seconds: i64| ago(Time::from_ms(now.as_ms() - seconds * 1000), now);
        let said: Vec<String> = [0, 4, 5, 59, 60, 299, 3600, 86_399, 86_400, 900_000].map(before).into();
        let want = [
            "just now",
            "just now",
            "5 s ago",
            "59 s ago",
            "1 min ago",
            "4 min ago",
            "1 h ago",
            "23 h ago",
            "1 d ago",
            "10 d ago",
        ];
        assert_eq!(said, want);
        assert_eq!(until(Time::from_ms(now.as_ms() + 90_000), now), "in 1 min");
        assert_eq!(until(Time::from_ms(now.as_ms() - 90_000), now), "1 min over");
    }

    #[test]
    fn a_clock_that_went_back_is_no_mistake() {
        assert_eq!(ago(Time::from_ms(2_000), Time::from_ms(1_000)), "just now");
    }
}
