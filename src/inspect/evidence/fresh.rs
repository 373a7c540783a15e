//! Whether a figure still holds: what was changed after it was measured.
//! In: the executions in their order. Out: fresh, stale with the step that changed something, or not known.
//! Never: a change that is only claimed taken for one that was seen.

use serde_json::Value;

use super::{
    super::remains::{Ran, number, whole},
    Freshness, Ground, Metric,
};

/// What an execution was seen to change in the workspace; `None`: nothing was seen.
pub(super) fn changed(ran: &Ran) -> Option<String> {
    if let Some(files) = changed_files(ran) {
        return (files > 0).then(|| if files == 1 { "changed 1 file".to_owned() } else { format!("changed {files} files") });
    }
    let written = ran.list("outputs").find_map(|output| {
        let path = output.get("path")?.as_str()?;
        let there = output.get("exists").and_then(Value::as_bool) == Some(true);
        (there && !in_artifacts(path)).then(|| path.to_owned())
    });
    written.map(|path| format!("wrote {path}"))
}

pub(super) fn in_artifacts(path: &str) -> bool {
    path == "artifacts" || path.starts_with("artifacts/")
}

/// How many files an execution changed, where that was measured.
pub(super) fn changed_files(ran: &Ran) -> Option<u64> {
    let changes = ran.measured("changes")?;
    let counted = number(changes, &["files", "files_changed", "changed_files"]).map(|files| whole(files) as u64);
    counted.or_else(|| listed(changes).map(|listed| listed.len() as u64))
}

/// The changed files one by one, as far as a receipt lists them.
pub(super) fn listed(changes: &Value) -> Option<&Vec<Value>> {
    ["per_file", "files", "paths", "changed"].iter().find_map(|name| changes.get(*name)?.as_array())
}

/// How a figure of this execution stands, and why.
pub(super) fn freshness(ground: &Ground<'_>, measure: &Ran) -> (Freshness, Option<String>) {
    let mut found = (Freshness::Fresh, None);
    for later in ground.remains.rans.iter().filter(|ran| ran.order.ended > measure.order.began) {
        if later.order == measure.order {
            continue;
        }
        if let Some(what) = changed(later) {
            let says = format!("older than the last change: {} {what} after {} measured", later.name(), measure.name());
            return (Freshness::Stale, Some(says));
        }
        let unseen = later.speaks && later.may_change && changed_files(later).is_none() && later.status() == "succeeded";
        if unseen {
            let says = format!("{} ran after {}, and what it changed was not measured", later.name(), measure.name());
            found = (Freshness::Unknown, Some(says));
        }
    }
    found
}

/// Puts the worst freshness of its sources on a metric.
pub(super) fn age(metric: &mut Metric, ground: &Ground<'_>, sources: &[&Ran]) {
    let mut worst = (Freshness::Fresh, None);
    for ran in sources {
        let one = freshness(ground, ran);
        if one.0 > worst.0 {
            worst = one;
        }
    }
    metric.freshness = Some(worst.0);
    if let Some(says) = worst.1 {
        metric.open(says);
    }
}
