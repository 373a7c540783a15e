//! Lengths of time, as people write them.
//! In: a text. Out: milliseconds, from 1 to those of 365 days. Never: a text that the schema's pattern refuses, or the other way round.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A length of time as people write it: `500ms`, `2s`, `10m`, `1h30m`, `1d`; or as ISO 8601 has it, `PT5M`. At most 365 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length {
    ms: u64,
}

impl Length {
    pub const MS_MAX: u64 = 365 * 24 * 3600 * 1000;
    pub fn from_ms(ms: u64) -> Self {
        Self { ms: ms.min(Self::MS_MAX) }
    }
    pub fn as_ms(self) -> u64 {
        self.ms
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a length of time: write it like 500ms, 2s, 10m, 1h30m or 1d, at most 365 days")]
pub struct BadLength(String);

const MINUTE_NS: u128 = 60_000_000_000;
const HOUR_NS: u128 = 60 * MINUTE_NS;
/// A day is 24 hours, whatever the clocks do.
const DAY_NS: u128 = 24 * HOUR_NS;

/// The same rule as `ms_of`, for editors; how long it may be, they cannot know.
const PATTERN: &str = concat!(
    r"^\s*(?:",
    r"(?=[0-9])(?:[0-9]{1,12}(?:\.[0-9]{1,9})?\s*(?:d|days?)\s*)?",
    r"(?:[0-9]{1,12}(?:\.[0-9]{1,9})?\s*(?:h|hrs?|hours?)\s*)?",
    r"(?:[0-9]{1,12}(?:\.[0-9]{1,9})?\s*(?:m|mins?|minutes?)\s*)?",
    r"(?:[0-9]{1,12}(?:\.[0-9]{1,9})?\s*(?:s|secs?|seconds?)\s*)?",
    r"(?:[0-9]{1,12}(?:\.[0-9]{1,9})?\s*(?:ms|msecs?|millis?|milliseconds?))?",
    r"|PT(?=[0-9])(?:[0-9]{1,12}(?:\.[0-9]{1,9})?H)?(?:[0-9]{1,12}(?:\.[0-9]{1,9})?M)?(?:[0-9]{1,12}(?:\.[0-9]{1,9})?S)?",
    r")\s*$",
);

fn unit(word: &str, iso: bool) -> Option<u128> {
    Some(match (word, iso) {
        ("d" | "day" | "days", false) => DAY_NS,
        ("h" | "hr" | "hrs" | "hour" | "hours", false) | ("H", true) => HOUR_NS,
        ("m" | "min" | "mins" | "minute" | "minutes", false) | ("M", true) => MINUTE_NS,
        ("s" | "sec" | "secs" | "second" | "seconds", false) | ("S", true) => 1_000_000_000,
        ("ms" | "msec" | "msecs" | "milli" | "millis" | "millisecond" | "milliseconds", false) => 1_000_000,
        _ => return None,
    })
}

/// Numbers with units, the larger unit first; `None`: it is not written so.
fn ms_of(text: &str) -> Option<u64> {
    let (mut rest, iso) = text.strip_prefix("PT").map_or((text, false), |rest| (rest, true));
    let cut = |text: &'_ str, part: fn(&char) -> bool| text.chars().take_while(part).map(char::len_utf8).sum::<usize>();
    let digits = |text: &str, most: usize| Some(cut(text, char::is_ascii_digit)).filter(|count| (1..=most).contains(count));
    let (mut ns, mut above) = (0_u128, u128::MAX);
    while !rest.is_empty() || above == u128::MAX {
        let (whole, after) = rest.split_at(digits(rest, 12)?);
        let (part, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at(digits(after, 9)?),
            None => ("0", after),
        };
        let after = if iso { after } else { after.trim_start() };
        let (word, after) = after.split_at(cut(after, char::is_ascii_alphabetic));
        let each = unit(word, iso).filter(|each| *each < above)?;
        let places = u32::try_from(part.len()).ok()?;
        ns += whole.parse::<u128>().ok()? * each + part.parse::<u128>().ok()? * each / 10_u128.pow(places);
        above = each;
        rest = if iso { after } else { after.trim_start() };
    }
    u64::try_from(ns / 1_000_000).ok()
}

impl FromStr for Length {
    type Err = BadLength;
    fn from_str(text: &str) -> Result<Self, BadLength> {
        let bad = || BadLength(text.chars().take(40).collect());
        let ms = ms_of(text.trim()).ok_or_else(bad)?;
        if ms == 0 || ms > Self::MS_MAX { Err(bad()) } else { Ok(Self { ms }) }
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", jiff::SignedDuration::from_millis(i64::try_from(self.ms).unwrap_or(i64::MAX)))
    }
}

impl Serialize for Length {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Length {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Length".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A length of time: 500ms, 2s, 10m, 1h30m, 1d.",
            "pattern": PATTERN
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_pattern_takes_the_program_takes_and_nothing_else() {
        let schema = schemars::schema_for!(Length).to_value();
        let pattern = jsonschema::validator_for(&schema).unwrap();
        let both = |text: &str| (pattern.is_valid(&serde_json::json!(text)), text.parse::<Length>().map(Length::as_ms).ok());
        let minute = 60_000;
        for (text, ms) in [
            ("500ms", 500),
            ("2s", 2_000),
            ("10m", 10 * minute),
            ("1h30m", 90 * minute),
            ("1h 30m", 90 * minute),
            ("1d", 1440 * minute),
            ("1d12h", 2160 * minute),
            ("365d", Length::MS_MAX),
            ("1.5h", 90 * minute),
            ("0.25s", 250),
            (" 10m ", 10 * minute),
            ("5 min", 5 * minute),
            ("5 minutes 30 seconds", 330_000),
            ("2hrs", 120 * minute),
            ("3secs 5msecs", 3_005),
            ("PT5M", 5 * minute),
            ("PT1H30M", 90 * minute),
            ("PT0.5S", 500),
        ] {
            assert_eq!(both(text), (true, Some(ms)), "{text}");
            let length: Length = text.parse().unwrap();
            assert_eq!(both(&length.to_string()), (true, Some(ms)), "{length}");
        }
        let wrong = "|10|m|ten minutes|10 monkeys|10x|-5s|+5s|30m1h|5m5m|1h,30m|1:30:00|5us|1w|1mo|P1D|PT|PT5X|PT 5M|pt5m|5M|1.h|.5h|5m ago|١m|1234567890123ms";
        for text in wrong.split('|') {
            assert_eq!(both(text), (false, None), "{text}");
        }
        // How long it may be, only the program knows.
        for text in ["0s", "0.4ms", "366d", "9999h", "999999999999d"] {
            assert_eq!(both(text), (true, None), "{text}");
        }
    }
}
