//! `list_files` and `search`.
//! In: a directory, a pattern. Out: lines of text, a bounded number of them. Never: a link followed, a binary searched.

use std::{fmt::Write as _, path::PathBuf};

use globset::{Glob, GlobMatcher};
use serde::Deserialize;
use walkdir::{DirEntry, WalkDir};

use crate::{engine::contract::blocking, measure::Roots};

use super::place::{Readable, SKIPPED, relative};

/// Lines of one list.
const FILES_MAX: usize = 500;
const MATCHES_MAX: usize = 200;
/// Files looked at in one call; a workspace with more is searched by its parts.
const LOOKED_AT_MAX: usize = 50_000;
/// Larger files are data.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
const LINE_CHARS_MAX: usize = 300;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    #[serde(default)]
    path: String,
    #[serde(default)]
    glob: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    pattern: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    glob: Option<String>,
}

pub(super) async fn list(roots: &Roots, asked: List) -> Result<String, String> {
    let roots = roots.clone();
    blocking(move || {
        let mut shown = String::new();
        let (mut files, mut more) = (0, 0);
        let whole = each(&roots, &asked.path, asked.glob.as_deref(), |name, _, bytes| {
            if files < FILES_MAX {
                let _ = writeln!(shown, "{name} ({bytes} bytes)");
                files += 1;
            } else {
                more += 1;
            }
            true
        })?;
        if more > 0 || !whole {
            let _ = writeln!(shown, "[TRUNCATED: {more} files or more are not shown; give a path or a glob]");
        }
        Ok(if shown.is_empty() { "no files".to_owned() } else { shown })
    })
    .await
}

pub(super) async fn search(roots: &Roots, asked: Search) -> Result<String, String> {
    let roots = roots.clone();
    blocking(move || {
        let pattern = regex::RegexBuilder::new(&asked.pattern)
            .size_limit(1 << 20)
            .build()
            .map_err(|error| format!("the pattern is not a regular expression: {error}"))?;
        let mut shown = String::new();
        let mut matches = 0;
        let whole = each(&roots, &asked.path, asked.glob.as_deref(), |name, place, bytes| {
            if bytes > FILE_BYTES_MAX {
                return true;
            }
            let Ok(bytes) = std::fs::read(place) else { return true };
            if bytes.contains(&0) {
                return true;
            }
            for (at, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
                if pattern.is_match(line) {
                    let line = crate::redact::cut(line, LINE_CHARS_MAX).unwrap_or(line);
                    let _ = writeln!(shown, "{name}:{}: {line}", at + 1);
                    matches += 1;
                    if matches == MATCHES_MAX {
                        return false;
                    }
                }
            }
            true
        })?;
        if !whole {
            shown.push_str("[TRUNCATED: there may be more; give a narrower pattern, path or glob]\n");
        }
        Ok(if shown.is_empty() { "no matches".to_owned() } else { shown })
    })
    .await
}

/// Goes through the files below a path, in order. `false` from `take`, and too many files, end it: then it returns false.
fn each(
    roots: &Roots,
    path: &str,
    glob: Option<&str>,
    mut take: impl FnMut(&str, &PathBuf, u64) -> bool,
) -> Result<bool, String> {
    let path = relative(roots, path)?;
    let readable = Readable::new(roots);
    let start = readable.existing(roots, &path)?;
    let glob = glob.map(matcher).transpose()?;
    let hidden = |entry: &DirEntry| {
        let skipped = entry.depth() > 0 && SKIPPED.iter().any(|name| entry.file_name() == *name);
        // The run may lie in the workspace; its other files are none of the step's.
        skipped || (entry.file_type().is_file() && !readable.holds(entry.path()))
    };
    let walk = WalkDir::new(&start).sort_by_file_name().into_iter();
    let mut looked_at = 0;
    for entry in walk.filter_entry(|entry| !hidden(entry)) {
        let Ok(entry) = entry else { continue };
        if !entry.file_type().is_file() {
            continue;
        }
        looked_at += 1;
        if looked_at > LOOKED_AT_MAX {
            return Ok(false);
        }
        let below = entry.path().strip_prefix(&start).unwrap_or(entry.path()).to_string_lossy().into_owned();
        let name = match (path.as_str(), below.as_str()) {
            (_, "") => path.clone(),
            (".", _) => below,
            _ => format!("{path}/{below}"),
        };
        let base = || entry.file_name().to_string_lossy().into_owned();
        if glob.as_ref().is_some_and(|glob| !glob.is_match(&name) && !glob.is_match(base())) {
            continue;
        }
        let bytes = entry.metadata().map_or(0, |meta| meta.len());
        if !take(&name, &entry.path().to_path_buf(), bytes) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn matcher(glob: &str) -> Result<GlobMatcher, String> {
    Glob::new(glob).map(|glob| glob.compile_matcher()).map_err(|error| format!("the glob cannot be read: {error}"))
}
