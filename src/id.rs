//! Names and counts as types: a string from a file becomes one of these at the border and stays one.
//! In: text. Out: a value that can be used as a file name and in a message, or the sentence why not.
//! Never: a path separator, a control character, a name longer than the file system takes.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a name is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is no {what}: {rule}")]
pub struct BadName {
    pub what: &'static str,
    pub rule: &'static str,
    /// The offending text, cut to 80 characters.
    pub shown: String,
}

impl BadName {
    fn new(what: &'static str, rule: &'static str, text: &str) -> Self {
        let shown = text.chars().take(80).flat_map(char::escape_debug).collect();
        Self { what, rule, shown }
    }
}

/// Longest name in bytes. Receipts append up to 40 bytes to two of them, and file systems stop at 255.
pub const NAME_BYTES_MAX: usize = 80;

const KEBAB: &str = "use a-z, 0-9 and single hyphens, starting with a letter, at most 80 characters";
const FLOW: &str = "use a-z, 0-9 and single hyphens, starting with a letter, at most 80 characters, and not `frozen` or `inbox`";
const RUN: &str = "use letters, digits, `.`, `_` and `-`, starting with a letter or digit, at most 80 characters";
const USER: &str = "use letters, digits, `.`, `_`, `-`, `+` and `@`, starting with a letter or digit, at most 80 characters";
const DOTTED: &str = "use names separated by single dots";

fn is_kebab(s: &str) -> bool {
    s.len() <= NAME_BYTES_MAX
        && s.starts_with(|c: char| c.is_ascii_lowercase())
        && !s.ends_with('-')
        && !s.contains("--")
        && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A flow's directory stands beside `frozen` and `inbox` in RUN_BASE.
fn is_flow(s: &str) -> bool {
    is_kebab(s) && !matches!(s, "frozen" | "inbox")
}

fn is_run(s: &str) -> bool {
    s.len() <= NAME_BYTES_MAX
        && s.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !s.contains("..")
        && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// An agent, snapshot or parameter may use what its files use elsewhere: letters of both cases and underscores.
fn is_word(s: &str) -> bool {
    s.len() <= NAME_BYTES_MAX
        && s.starts_with(|c: char| c.is_ascii_alphabetic())
        && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// `step`, or `step[item]` for one instance of a `for_each` step.
fn is_step_ref(s: &str) -> bool {
    match s.split_once('[') {
        None => is_kebab(s),
        Some((step, rest)) => {
            is_kebab(step)
                && rest.strip_suffix(']').is_some_and(|item| {
                    !item.is_empty() && item.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
                })
        }
    }
}

fn is_frame(s: &str) -> bool {
    !s.is_empty()
        && s.len() <= 200
        && s.split('.').enumerate().all(|(at, part)| if at == 0 { is_kebab(part) } else { is_step_ref(part) })
}

/// A person who signs in to the studio: what people have as logins and as addresses. Never `agent:…`.
fn is_user(s: &str) -> bool {
    s.len() <= NAME_BYTES_MAX
        && s.starts_with(|c: char| c.is_ascii_alphanumeric())
        && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'+' | b'@'))
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $test:ident, $rule:expr, $pattern:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
        #[serde(try_from = "String")]
        pub struct $type(#[schemars(regex(pattern = $pattern))] std::sync::Arc<str>);

        impl $type {
            /// # Errors
            /// The rule that the text breaks.
            pub fn new(text: &str) -> Result<Self, BadName> {
                if $test(text) { Ok(Self(text.into())) } else { Err(BadName::new($what, $rule, text)) }
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl FromStr for $type {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                Self::new(text)
            }
        }
        impl TryFrom<String> for $type {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> {
                Self::new(&text)
            }
        }
        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }
        /// Compared, ordered and hashed as its text is, so that a map is asked without a name being made.
        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(/// A flow's key: the stem of `flows/<flow>.yaml`.
    FlowKey, "flow name", is_flow, FLOW, r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$");
name!(/// A step as the flow writes it.
    StepId, "step id", is_kebab, KEBAB, r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$");
name!(/// A step as it runs: `step`, or `step[item]` for an instance of a `for_each` step.
    StepRef, "step", is_step_ref, "use a step id, or step[item]", r"^[a-z][a-z0-9]*(-[a-z0-9]+)*(\[[A-Za-z0-9_-]+\])?$");
name!(/// The directory of one flow inside a run: `flow`, or `flow.step`, `flow.step.detour` where flows nest.
    FramePath, "flow path", is_frame, DOTTED, r"^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*(\[[A-Za-z0-9_-]+\])?)*$");
name!(/// A detour's key in `flows/detours.yaml`.
    DetourId, "detour id", is_kebab, KEBAB, r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$");
name!(/// An agent's key: the stem of `agents/<agent>.md`, or an engine word for other verbs.
    AgentKey, "agent name", is_word, "use letters, digits, `-` and `_`, starting with a letter", r"^[A-Za-z][A-Za-z0-9_-]*$");
name!(/// A directory name under the runs directory.
    RunId, "run id", is_run, RUN, r"^[A-Za-z0-9][A-Za-z0-9._-]*$");
name!(/// A parameter's name; a step sees it as `PARAM_<NAME>`.
    ParamName, "parameter name", is_word, "use letters, digits, `-` and `_`, starting with a letter", r"^[A-Za-z][A-Za-z0-9_-]*$");
name!(/// A snapshot's name: a directory under `snapshots/`.
    SnapshotName, "snapshot name", is_kebab, KEBAB, r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$");
name!(/// An agent program that settings describe: `[engines.cli.<name>]`.
    ProgramName, "program name", is_kebab, KEBAB, r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$");
name!(/// Who signs in to the studio by name.
    UserName, "user name", is_user, USER, r"^[A-Za-z0-9][A-Za-z0-9._+@-]*$");
name!(/// A question's name inside its run: `<step>-<n>`; a file under `escalations/`.
    EscalationId, "escalation id", is_run, RUN, r"^[A-Za-z0-9][A-Za-z0-9._-]*$");

impl StepRef {
    /// The instance `step[item]`; `item` is already a safe name.
    ///
    /// # Errors
    /// Together they are too long.
    pub fn instance(step: &StepId, item: &str) -> Result<Self, BadName> {
        Self::new(&format!("{step}[{item}]"))
    }
    /// The step's id as the flow writes it, without the item.
    pub fn base(&self) -> &str {
        self.0.split_once('[').map_or(&self.0, |(step, _)| step)
    }
    pub fn item(&self) -> Option<&str> {
        self.0.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']'))
    }
}

impl From<&StepId> for StepRef {
    fn from(step: &StepId) -> Self {
        Self(step.0.clone())
    }
}

impl From<&FlowKey> for FramePath {
    fn from(flow: &FlowKey) -> Self {
        Self(flow.0.clone())
    }
}

impl FramePath {
    /// The path of what is opened below a step: `flow.step`, and `flow.step.detour`.
    ///
    /// # Errors
    /// Together they are too long, or `name` is none.
    pub fn child(&self, name: &str) -> Result<Self, BadName> {
        Self::new(&format!("{self}.{name}"))
    }
    /// The flow that a person started, of which this one is a part.
    pub fn root(&self) -> Self {
        Self(self.0.split('.').next().unwrap_or(&self.0).into())
    }
    /// How deep this flow is nested; a flow that a person started has depth 0.
    pub fn depth(&self) -> usize {
        self.0.matches('.').count()
    }
}

/// A SHA-256 digest in lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Sha256(#[schemars(regex(pattern = r"^[0-9a-f]{64}$"))] std::sync::Arc<str>);

impl Sha256 {
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self::from_raw(&sha2::Sha256::digest(bytes))
    }
    /// From the 32 bytes that a hasher gives.
    pub fn from_raw(raw: &[u8]) -> Self {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(raw.len() * 2);
        for byte in raw {
            text.push(HEX[usize::from(byte >> 4)] as char);
            text.push(HEX[usize::from(byte & 15)] as char);
        }
        Self(text.into())
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A moment, written in RFC 3339 UTC with milliseconds and `Z`. It is data: only `runner/clock.rs` asks what time it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(with = "String", extend("format" = "date-time"))]
pub struct Time(jiff::Timestamp);

impl Time {
    /// From whole milliseconds since 1970; out-of-range values stop at the ends of the calendar.
    pub fn from_ms(ms: i64) -> Self {
        Self(jiff::Timestamp::from_millisecond(ms).unwrap_or(if ms < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX }))
    }
    pub fn as_ms(self) -> i64 {
        self.0.as_millisecond()
    }
    /// This moment and so many milliseconds more.
    pub fn plus(self, ms: u64) -> Self {
        Self::from_ms(self.as_ms().saturating_add(i64::try_from(ms).unwrap_or(i64::MAX)))
    }
    /// Milliseconds from `earlier` to this moment; 0 if the clock went back.
    pub fn since(self, earlier: Self) -> u64 {
        u64::try_from(self.as_ms().saturating_sub(earlier.as_ms())).unwrap_or(0)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl FromStr for Time {
    type Err = jiff::Error;
    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse::<jiff::Timestamp>().map(|at| Self::from_ms(at.as_millisecond()))
    }
}

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        // A formatter that goes by way of `Display` takes twice as long, and no file has more of anything.
        const PRINTER: jiff::fmt::temporal::DateTimePrinter = jiff::fmt::temporal::DateTimePrinter::new().precision(Some(3));
        let mut text = String::with_capacity(80);
        PRINTER.print_timestamp(&self.0, &mut text).map_err(serde::ser::Error::custom)?;
        s.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_also_a_safe_file_name() {
        for bad in ["", ".", "..", "../x", "a/b", "a\\b", "a\0b", "a b", "A", "-a", "a-", "a--b", "ä", &"a".repeat(81)] {
            assert!(StepId::new(bad).is_err(), "{bad:?}");
        }
        for bad in ["", ".", "..", ".hidden", "a..b", "a/b", "a\nb", "-x"] {
            assert!(RunId::new(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "agent:x", "a b", "-a", "a\r\nSet-Cookie: x", "a\"b", "<b>", "ä", &"a".repeat(81)] {
            assert!(UserName::new(bad).is_err(), "{bad:?}");
        }
        assert!(UserName::new("ada.l+x@studio.example").is_ok());
        assert!(StepRef::new("place[2]").is_ok() && StepRef::new("place[]").is_err() && StepRef::new("place[a/b]").is_err());
    }

    #[test]
    fn a_time_has_milliseconds_and_a_zulu_mark() {
        let at = Time::from_ms(1_700_000_000_000);
        assert_eq!(at.to_string(), "2023-11-14T22:13:20.000Z");
        assert_eq!(at.to_string().parse::<Time>().unwrap(), at);
    }
}
