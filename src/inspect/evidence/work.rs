//! What steps did: files they changed, files they promised, checks that were made of them.
//! In: receipts, and outputs as they stand now. Out: one metric each. Never: a file believed because a receipt names it.

use super::{
    super::{
        remains::{Now, Ran, number},
        words::{count, first_line},
    },
    Ground, Metric, MetricName, Verdict,
    fresh::{changed_files, in_artifacts, listed},
};

/// Sentences of one kind; the rest is counted.
const SAYS_MAX: usize = 8;

pub(super) fn changes(ground: &Ground<'_>) -> Metric {
    let sources: Vec<&Ran> = ground.all.iter().copied().filter(|ran| changed_files(ran).is_some()).collect();
    if sources.is_empty() {
        let reason = ground.counting.iter().find_map(|ran| ran.unmeasured("changes"));
        return Metric::unmeasured(MetricName::Changes, reason.unwrap_or("no receipt says which files were changed"));
    }
    let mut paths = std::collections::BTreeSet::new();
    let (mut files, mut added, mut removed) = (0, 0.0, 0.0);
    let mut metric = Metric::of(MetricName::Changes, "");
    for ran in &sources {
        let Some(changes) = ran.measured("changes") else { continue };
        let named = changed_paths(ran);
        files += changed_files(ran).unwrap_or(0).saturating_sub(named.len() as u64);
        paths.extend(named);
        added += number(changes, &["added", "insertions", "lines_added"]).unwrap_or(0.0);
        removed += number(changes, &["removed", "deletions", "lines_removed", "deleted"]).unwrap_or(0.0);
        if changed_files(ran) != Some(0) {
            metric.from(ran, ran.evidence_path("changes"));
        }
    }
    let lines = if added + removed > 0.0 { format!(", {added:.0} lines added, {removed:.0} removed") } else { String::new() };
    metric.figure = Some(format!("{}{lines}", count(paths.len() + usize::try_from(files).unwrap_or(0), "file")));
    metric
}

/// Names of the files that an execution changed.
pub(super) fn changed_paths(ran: &Ran) -> Vec<String> {
    let Some(changes) = ran.measured("changes") else { return Vec::new() };
    let named = listed(changes).into_iter().flatten().filter_map(|one| one.as_str().or_else(|| one.get("path")?.as_str()));
    named.map(str::to_owned).collect()
}

pub(super) fn outputs(ground: &Ground<'_>) -> Metric {
    let mut declared = 0;
    let mut missing = 0;
    let mut metric = Metric::of(MetricName::Outputs, "");
    for ran in &ground.counting {
        let mut own = 0;
        for output in ran.list("outputs") {
            own += 1;
            missing += usize::from(output.get("exists").and_then(serde_json::Value::as_bool) != Some(true));
        }
        declared += own;
        if own > 0 {
            metric.from(ran, None);
        }
    }
    if declared == 0 {
        return Metric::unmeasured(MetricName::Outputs, "no step declares `outputs`");
    }
    metric.figure = Some(format!("{} of {declared} there when their steps ended", declared - missing));
    metric.red = missing > 0;
    let mut says = Vec::new();
    for ((flow, path), now) in &ground.remains.outputs_now {
        let shown = if flow.is_empty() { path.clone() } else { format!("{flow}/{path}") };
        if !flow.is_empty() && !ground.has_flow(flow) {
            continue;
        }
        match now {
            Now::Same => {}
            Now::Gone => says.push((Verdict::Contradicts, format!("{shown} was measured then, and is gone now"))),
            Now::Differs if in_artifacts(path) => {
                says.push((Verdict::Contradicts, format!("{shown} is not the file that was measured: its digest differs")));
            }
            Now::Differs => says.push((Verdict::Unknown, format!("{shown} was changed since it was measured"))),
            Now::Unknown => says.push((Verdict::Unknown, format!("{shown} cannot be compared with what was measured"))),
        }
    }
    metric.red |= says.iter().any(|(verdict, _)| *verdict == Verdict::Contradicts);
    if ground.remains.workspace.is_none() {
        says.push((Verdict::Unknown, "where the workspace was is not known: files were not looked at again".to_owned()));
    }
    let more = says.len().saturating_sub(SAYS_MAX);
    says.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
    for (verdict, text) in says.into_iter().take(SAYS_MAX) {
        match verdict {
            Verdict::Contradicts => metric.against(text),
            Verdict::Unknown | Verdict::Agrees => metric.open(text),
        }
    }
    if more > 0 {
        metric.says.push(format!("and {more} more"));
    }
    metric
}

pub(super) fn checks(ground: &Ground<'_>) -> Metric {
    let mut all = 0;
    let mut failed = Vec::new();
    let mut metric = Metric::of(MetricName::Checks, "");
    for ran in &ground.counting {
        let own = ran.list("checks").count();
        all += own;
        if own > 0 {
            metric.from(ran, None);
        }
        for check in ran.failed_checks() {
            let word = |name: &str| check.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
            let says =
                first_line(&format!("{}: {} expected {}, found {}", ran.name(), word("name"), word("expected"), word("actual")));
            let good = ran.status() == "succeeded" || ran.handoff_status() == "VERIFIED";
            if good {
                metric.against(format!("{says}, and the step counts as good"));
            }
            failed.push(says);
        }
    }
    if all == 0 {
        return Metric::unmeasured(MetricName::Checks, "no step that ended was checked");
    }
    metric.figure = Some(format!("{} of {all} passed", all - failed.len()));
    metric.red = !failed.is_empty();
    if metric.verdict == Verdict::Agrees {
        metric.says.extend(failed.into_iter().take(SAYS_MAX));
    }
    metric
}
