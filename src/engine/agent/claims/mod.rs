//! What an agent says of itself, beside what was measured.
//! In: a draft, the commands that ran, the figures, what changed. Out: claims, each with whether it agrees.
//! Never: a claim believed for want of a measure, or doubted for want of one: what cannot be measured is not listed.

mod commands;
mod figures;
mod files;
mod prose;

use crate::{
    measure::Roots,
    record::{Claim, Draft, Reply},
};

use super::super::{Task, changes::Changed, contract::blocking};

/// Claims of one kind that are looked at.
const CLAIMS_MAX: usize = 100;

/// Every claim of the draft that can be held against something.
pub(super) async fn held(
    task: &Task<'_>,
    draft: &Draft,
    reply: &Reply,
    changed: &Changed,
    roots: Roots,
    since: crate::id::Time,
) -> Vec<Claim> {
    let mut claims = commands::ran(draft, &reply.commands);
    claims.extend(figures::named(draft, reply, changed));
    claims.extend(figures::said(draft, reply, changed));
    let named = files::named(draft, &roots.workspace);
    let paths: Vec<String> = named.iter().map(|one| one.path.clone()).collect();
    let seen = files::Seen {
        files: changed.files.clone(),
        artifacts: changed.artifacts.clone(),
        known: changed.known(&paths).await,
        // What an earlier try of the same step left is its work as well.
        first: task.job.execution == 1 && task.job.attempt == 1,
        since,
    };
    claims.extend(blocking(move || named.iter().filter_map(|one| seen.judge(one, &roots)).collect::<Vec<_>>()).await);
    claims
}

/// A text as a person would quote it.
fn quoted(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    // Not cut in the middle of what may be a secret: half of one is not recognised.
    crate::redact::cut(line, 120).map_or_else(|| line.to_owned(), |cut| format!("{cut}…"))
}
