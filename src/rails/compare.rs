//! Two snapshots, compared.
//! In: two indexes and the copies beside them. Out: what was added, removed, changed; a diff; checks.
//! Never: equality by the redacted copy (the raw digest decides), an expectation that matches nothing taken as met.

use std::{collections::BTreeMap, fmt::Write as _, io, path::Path, time::Duration};

use globset::GlobMatcher;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::{Sha256, SnapshotName},
    record::Check,
};

use super::{
    pointers::{Differs, pointers},
    snapshot::{Index, SnapshotError, matcher},
};

/// Larger copies are named in the diff and not shown.
const SHOWN_BYTES_MAX: u64 = 1024 * 1024;
/// The whole diff; a reader who wants more has both copies.
const DIFF_BYTES_MAX: usize = 16 * 1024 * 1024;
/// One file's diff; after it, a coarser one is shown.
const DIFF_WAIT: Duration = Duration::from_secs(2);
/// How many paths stand in a check.
const NAMED_MAX: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    Added,
    Removed,
    Changed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// A file relative to the workspace, or `commands/<name>`.
    pub path: String,
    pub kind: ChangeKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_sha256: Option<Sha256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_sha256: Option<Sha256>,
    /// Where two JSON documents differ; the first thousand places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub json: Vec<Differs>,
}

/// `artifacts/diff-<before>-<after>.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    #[schemars(extend("const" = "flow-studio/compare/v1"))]
    pub schema: String,
    pub before: SnapshotName,
    pub after: SnapshotName,
    pub changes: Vec<Change>,
    /// Files and command outputs that both hold, and that are the same.
    pub unchanged: u64,
}

impl Comparison {
    pub const SCHEMA: &'static str = "flow-studio/compare/v1";
}

/// What the flow expects of a comparison; globs over the paths of `Change`.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'e> {
    pub changed_only: Option<&'e [String]>,
    pub identical: &'e [String],
    pub changed: &'e [String],
}

/// Why a snapshot cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    #[error("snapshot `{0}` was not taken in this flow")]
    Missing(SnapshotName),
    #[error("snapshot `{name}` cannot be read: {why}")]
    Broken { name: SnapshotName, why: String },
    #[error(transparent)]
    Glob(#[from] SnapshotError),
}

/// One thing that a snapshot holds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    sha256: Sha256,
    mode: String,
    /// The copy, below the snapshot's directory.
    copy: Option<String>,
    bytes: u64,
}

/// Compares two snapshots below `<flow>/snapshots`; gives the comparison, a unified diff and the checks. Blocks.
///
/// # Errors
/// A snapshot that is missing or broken, a glob that is none.
pub fn compare(
    snapshots: &Path,
    before: &SnapshotName,
    after: &SnapshotName,
    expected: Expected<'_>,
    evidence_path: &str,
) -> Result<(Comparison, String, Vec<Check>), Unread> {
    let (old, new) = (held(snapshots, before)?, held(snapshots, after)?);
    let mut changes = Vec::new();
    let mut diff = String::new();
    let mut unchanged = 0;
    let paths: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for path in paths {
        let (was, is) = (old.get(path), new.get(path));
        let kind = match (was, is) {
            (Some(was), Some(is)) if was.sha256 == is.sha256 && was.mode == is.mode => {
                unchanged += 1;
                continue;
            }
            (Some(_), Some(_)) => ChangeKind::Changed,
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
        };
        if diff.len() < DIFF_BYTES_MAX {
            show(&mut diff, path, (&snapshots.join(before.as_str()), was), (&snapshots.join(after.as_str()), is));
        }
        let sha = |held: Option<&Held>| held.map(|held| held.sha256.clone());
        let sides = (text((&snapshots.join(before.as_str()), was)), text((&snapshots.join(after.as_str()), is)));
        let json = match (kind, sides) {
            (ChangeKind::Changed, (Some(old), Some(new))) => pointers(&old, &new),
            (ChangeKind::Added | ChangeKind::Removed | ChangeKind::Changed, _) => Vec::new(),
        };
        for one in &json {
            diff.push_str(&format!("{path}#{one}\n"));
        }
        changes.push(Change { path: path.clone(), kind, before_sha256: sha(was), after_sha256: sha(is), json });
    }
    if diff.len() >= DIFF_BYTES_MAX {
        diff.push_str("\n[TRUNCATED: the copies in snapshots/ hold the rest]\n");
    }
    let known: Vec<&str> = old.keys().chain(new.keys()).map(String::as_str).collect();
    let checks = checks(expected, &changes, &known, evidence_path)?;
    let (before, after) = (before.clone(), after.clone());
    Ok((Comparison { schema: Comparison::SCHEMA.to_owned(), before, after, changes, unchanged }, diff, checks))
}

fn held(snapshots: &Path, name: &SnapshotName) -> Result<BTreeMap<String, Held>, Unread> {
    let broken = |why: String| Unread::Broken { name: name.clone(), why };
    let text = match std::fs::read(snapshots.join(name.as_str()).join("index.json")) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Unread::Missing(name.clone())),
        Err(error) => return Err(broken(error.to_string())),
    };
    let index: Index = serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
    if index.schema != Index::SCHEMA {
        return Err(broken(format!("it is a `{}`", index.schema)));
    }
    let files = index.files.into_iter().map(|file| {
        let copy = file.link.is_none().then(|| format!("files/{}", file.path));
        (file.path, Held { sha256: file.sha256, mode: file.mode, copy, bytes: file.bytes })
    });
    let commands = index.commands.into_iter().map(|command| {
        let copy = Some(format!("commands/{}.txt", command.name));
        let held = Held { sha256: command.sha256, mode: String::new(), copy, bytes: command.bytes };
        (format!("commands/{}", command.name), held)
    });
    Ok(files.chain(commands).collect())
}

type Side<'s> = (&'s Path, Option<&'s Held>);

/// The text of one side; empty where it is absent, `None` where it is no text that can be shown.
fn text((root, held): Side<'_>) -> Option<String> {
    match held {
        None => Some(String::new()),
        Some(held) if held.bytes > SHOWN_BYTES_MAX => None,
        Some(held) => match std::fs::read(root.join(held.copy.as_ref()?)) {
            Ok(bytes) => String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')),
            Err(_) => None,
        },
    }
}

fn show(diff: &mut String, path: &str, before: Side<'_>, after: Side<'_>) {
    let label = |side: &str, held: Option<&Held>| match held {
        Some(_) => format!("{side}/{path}"),
        None => "/dev/null".to_owned(),
    };
    let (old_label, new_label) = (label("a", before.1), label("b", after.1));
    if let (Some(was), Some(is)) = (before.1, after.1)
        && was.mode != is.mode
    {
        // Writing to a String cannot fail.
        let _ = writeln!(diff, "{path}: mode {} is now {}", was.mode, is.mode);
    }
    match (text(before), text(after)) {
        (Some(old), Some(new)) if old == new => {
            if before.1.map(|held| &held.sha256) != after.1.map(|held| &held.sha256) {
                let _ = writeln!(diff, "{path}: differs only in what is redacted, or is empty");
            }
        }
        (Some(old), Some(new)) => {
            let lines = similar::TextDiff::configure().timeout(DIFF_WAIT).diff_lines(&old, &new);
            let _ = write!(diff, "{}", lines.unified_diff().context_radius(3).header(&old_label, &new_label));
        }
        (None, _) | (_, None) => {
            let _ = writeln!(diff, "{old_label} and {new_label} differ (binary, a link, or larger than {SHOWN_BYTES_MAX} bytes)");
        }
    }
}

fn checks(expected: Expected<'_>, changes: &[Change], known: &[&str], evidence_path: &str) -> Result<Vec<Check>, SnapshotError> {
    let mut checks = Vec::new();
    let mut check = |name: &str, passed: bool, expected: String, actual: String| {
        checks.push(Check { name: name.to_owned(), passed, expected, actual, evidence_path: Some(evidence_path.to_owned()) });
    };
    if let Some(globs) = expected.changed_only {
        let allowed = globs.iter().map(|glob| matcher(glob)).collect::<Result<Vec<GlobMatcher>, _>>()?;
        let also: Vec<&str> = changes
            .iter()
            .map(|change| change.path.as_str())
            .filter(|path| !allowed.iter().any(|glob| glob.is_match(path)))
            .collect();
        let wanted = if globs.is_empty() { "no changes".to_owned() } else { format!("changes only in {}", globs.join(", ")) };
        let actual = if also.is_empty() {
            format!("{} changes, all of them expected", changes.len())
        } else {
            format!("also changed: {}", named(&also))
        };
        check("changed_only", also.is_empty(), wanted, actual);
    }
    for glob in expected.identical {
        let same = matcher(glob)?;
        let changed: Vec<&str> = changes.iter().map(|change| change.path.as_str()).filter(|path| same.is_match(path)).collect();
        let exists = known.iter().any(|path| same.is_match(path));
        let actual = match (exists, changed.is_empty()) {
            (false, _) => "neither snapshot holds it".to_owned(),
            (true, true) => "identical".to_owned(),
            (true, false) => format!("changed: {}", named(&changed)),
        };
        check("identical", exists && changed.is_empty(), format!("{glob} is identical"), actual);
    }
    for glob in expected.changed {
        let must = matcher(glob)?;
        let changed: Vec<&str> = changes.iter().map(|change| change.path.as_str()).filter(|path| must.is_match(path)).collect();
        let actual = if changed.is_empty() { "not changed".to_owned() } else { format!("changed: {}", named(&changed)) };
        check("changed", !changed.is_empty(), format!("{glob} has changed"), actual);
    }
    Ok(checks)
}

fn named(paths: &[&str]) -> String {
    let shown = paths.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    if paths.len() > NAMED_MAX { format!("{shown} and {} more", paths.len() - NAMED_MAX) } else { shown }
}
