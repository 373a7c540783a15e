//! `scan-allow.toml`: findings that somebody has looked at, each with the reason why it may stay.
//! In: the file's text. Out: whether a finding is known, and which entries nothing matched. Never: an entry without a reason.

use std::{io, path::Path};

use globset::GlobMatcher;
use serde::Deserialize;

use crate::rails::snapshot::matcher;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowFile {
    #[serde(default)]
    allow: Vec<EntryText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryText {
    rule: Option<String>,
    path: Option<String>,
    fingerprint: Option<String>,
    reason: Option<String>,
}

#[derive(Debug)]
struct Entry {
    rule: Option<String>,
    path: Option<(String, GlobMatcher)>,
    fingerprint: Option<String>,
    reason: String,
    used: bool,
}

/// What may stay.
#[derive(Debug, Default)]
pub struct Allow {
    entries: Vec<Entry>,
}

#[derive(Debug, thiserror::Error)]
pub enum BadAllow {
    #[error("it is not an allow-list: {0}")]
    Toml(#[from] toml::de::Error),
    #[error("entry {0} says no `reason`: write why the finding may stay")]
    NoReason(usize),
    #[error("entry {0} names neither `path` nor `fingerprint`, and would allow a rule everywhere")]
    Everything(usize),
    #[error("entry {at}: {why}")]
    Glob { at: usize, why: String },
}

/// The text of an allow list. A pipe would be waited for, a device read for ever: neither is one.
///
/// # Errors
/// It is not there, no regular file, or cannot be read as text.
pub fn allow_text(path: &Path) -> io::Result<String> {
    if path.metadata()?.is_file() { std::fs::read_to_string(path) } else { Err(io::Error::other("it is not a regular file")) }
}

impl Allow {
    /// # Errors
    /// It is no TOML, has a key that is not ours, an entry without a reason, or one that would allow everything.
    pub fn read(text: &str) -> Result<Self, BadAllow> {
        let file: AllowFile = toml::from_str(text)?;
        let mut entries = Vec::new();
        for (at, one) in (1..).zip(file.allow) {
            let reason = one.reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
            let Some(reason) = reason else { return Err(BadAllow::NoReason(at)) };
            if one.path.is_none() && one.fingerprint.is_none() {
                return Err(BadAllow::Everything(at));
            }
            let compiled = |path: String| match matcher(&path) {
                Ok(glob) => Ok((path, glob)),
                Err(error) => Err(BadAllow::Glob { at, why: error.to_string() }),
            };
            let path = one.path.map(compiled).transpose()?;
            entries.push(Entry { rule: one.rule, path, fingerprint: one.fingerprint, reason, used: false });
        }
        Ok(Self { entries })
    }

    /// Somebody has said why this finding may stay. Every entry that matches counts as used.
    pub(super) fn knows(&mut self, rule: &str, path: &str, fingerprint: &str) -> bool {
        let mut known = false;
        for entry in &mut self.entries {
            let fits = entry.rule.as_ref().is_none_or(|one| one == rule)
                && entry.path.as_ref().is_none_or(|(_, glob)| glob.is_match(path))
                && entry.fingerprint.as_ref().is_none_or(|one| one == fingerprint);
            entry.used |= fits;
            known |= fits;
        }
        known
    }

    pub(super) fn unused(&self) -> Vec<String> {
        let unused = self.entries.iter().filter(|entry| !entry.used);
        let told = |entry: &Entry| {
            let parts = [
                entry.rule.as_ref().map(|rule| format!("rule {rule}")),
                entry.path.as_ref().map(|(path, _)| format!("path {path}")),
                entry.fingerprint.as_ref().map(|print| format!("fingerprint {print}")),
            ];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            format!("{} ({})", parts.join(", "), entry.reason)
        };
        unused.map(told).collect()
    }
}
