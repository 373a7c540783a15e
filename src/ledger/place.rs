//! A place inside a run: a relative path with forward slashes that cannot lead out of it.
//! In: names, or text from an engine. Out: `InRun`, as it is written in JSON too.
//! Never: `..`, an absolute path, an empty part, a control character.

use std::fmt;

/// A path relative to RUN_BASE. It names a place, it promises no file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InRun(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not a path inside the run: {rule}")]
pub struct BadPlace {
    /// The offending text, cut to 120 characters.
    pub shown: String,
    pub rule: &'static str,
}

/// Longest relative path: the longest flow path, directory and file name together, with room.
const BYTES_MAX: usize = 1024;
/// What file systems take as one name.
const PART_BYTES_MAX: usize = 255;

impl InRun {
    /// # Errors
    /// The rule that the text breaks.
    pub fn new(text: &str) -> Result<Self, BadPlace> {
        match broken_rule(text) {
            None => Ok(Self(text.to_owned())),
            Some(rule) => Err(BadPlace { shown: text.chars().take(120).flat_map(char::escape_debug).collect(), rule }),
        }
    }

    /// From names that are safe by their type.
    pub(super) fn of(text: String) -> Self {
        debug_assert!(broken_rule(&text).is_none(), "{text}");
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn child(&self, name: &str) -> Result<Self, BadPlace> {
        Self::new(&format!("{}/{name}", self.0))
    }

    /// Where what an earlier execution left here lies beside it.
    pub(super) fn aside(&self, execution: u32) -> Self {
        Self::of(format!("{}.{execution}", self.0))
    }

    /// Directory and file name; a place at the top has no directory.
    pub(super) fn split(&self) -> (Option<&str>, &str) {
        match self.0.rsplit_once('/') {
            Some((dir, name)) => (Some(dir), name),
            None => (None, &self.0),
        }
    }
}

fn broken_rule(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("it is empty");
    }
    if text.len() > BYTES_MAX {
        return Some("it is longer than 1,024 bytes");
    }
    if text.chars().any(|c| c.is_control() || c == '\\') {
        return Some("it holds a control character or a backslash");
    }
    text.split('/').find_map(|part| match part {
        "" => Some("it is absolute or has an empty part"),
        "." | ".." => Some("it has a part `.` or `..`"),
        part if part.len() > PART_BYTES_MAX => Some("one of its names is longer than 255 bytes"),
        _ => None,
    })
}

impl fmt::Display for InRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
