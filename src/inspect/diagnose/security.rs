//! Whether the record can be believed, and whether something is out that should not be.

use crate::ledger::{Finding, FindingKind};

use super::{
    super::{
        remains::{JournalSeen, Ran},
        words::count,
    },
    case::{Case, Found},
};

fn whole(case: &Case<'_>) -> bool {
    case.remains.journal == JournalSeen::Whole
}

pub(super) fn journal_gone(case: &Case<'_>) -> Option<Found> {
    let remains = case.remains;
    let named = remains.manifest.as_ref().map_or(0, |manifest| manifest.journal_seq);
    let ours = remains.rans.iter().any(|ran| ran.text("/schema").starts_with("flow-studio/receipt/"));
    let lost = !remains.has("journal.jsonl") || remains.journal == JournalSeen::Empty;
    if !lost || !(named > 0 || ours || (remains.manifest_damaged && !remains.rans.is_empty())) {
        return None;
    }
    let proof =
        if named > 0 { format!("names line {named} of a journal that is not there") } else { "a receipt of ours".to_owned() };
    let path = if named > 0 {
        "run.json".to_owned()
    } else {
        remains.rans.first().map(|ran| ran.receipt_path.clone()).unwrap_or_default()
    };
    let found =
        Found::new(format!("the journal is gone: {} of the run are left", count(remains.files.len(), "file"))).at(path, proof);
    Some(found.then("see what can still be read", case.command(&format!("evidence {}", case.run()))))
}

pub(super) fn of_another_run(case: &Case<'_>) -> Option<Found> {
    let remains = case.remains;
    let written = remains.view.as_ref().and_then(|view| view.state.run.as_deref()).map(|info| info.id.clone());
    let named = remains.manifest.as_ref().map(|manifest| manifest.run_id.clone());
    let other = |id: &crate::id::RunId| *id != remains.run_id;
    let (id, path) = match (written.filter(other), named.filter(other)) {
        (Some(id), _) => (id, "journal.jsonl"),
        (None, Some(id)) => (id, "run.json"),
        (None, None) => return None,
    };
    let found = Found::new(format!("{path} was written for run `{id}`, and stands in `{}`", remains.run_id));
    Some(found.at(path, format!("is of run `{id}`")).then("look at that run", case.command(&format!("diagnose {id}"))))
}

fn broken<'r>(case: &Case<'r>) -> Option<(u64, &'r str)> {
    match &case.remains.journal {
        JournalSeen::Broken { line, why } if case.remains.has("journal.jsonl") => Some((*line, why.as_str())),
        JournalSeen::Missing
        | JournalSeen::Empty
        | JournalSeen::Whole
        | JournalSeen::Broken { .. }
        | JournalSeen::Undefined { .. }
        | JournalSeen::Unreadable(_) => None,
    }
}

fn cut(case: &Case<'_>) -> Option<(u64, u64)> {
    let (line, why) = broken(case)?;
    let named = case.remains.manifest.as_ref()?.journal_seq;
    // Every line that is there holds; the ones behind them are named, and are not there.
    (why.contains("its tail is missing") && named >= line).then_some((line - 1, named))
}

pub(super) fn journal_cut(case: &Case<'_>) -> Option<Found> {
    let (last, named) = cut(case)?;
    let found = Found::new(format!("the journal ends with line {last}, and run.json has seen line {named}"));
    let found = found.at("journal.jsonl", format!("ends with line {last}")).at("run.json", format!("names line {named}"));
    Some(found.then("see it compared", case.verify()))
}

pub(super) fn journal_changed(case: &Case<'_>) -> Option<Found> {
    let (line, why) = broken(case).filter(|_| cut(case).is_none())?;
    let found = Found::new(format!("line {line} of the journal is not what was written: {why}"));
    let found = found.at("journal.jsonl", format!("line {line}: {why}"));
    Some(found.then("see it compared", case.verify()))
}

pub(super) fn definition_changed(case: &Case<'_>) -> Option<Found> {
    let undefined = match &case.remains.journal {
        JournalSeen::Undefined { flow, why, .. } => Some((format!("frozen/{flow}"), why.clone())),
        JournalSeen::Whole => {
            let report = case.remains.verified.as_ref().filter(|_| !case.driven());
            // A flow may be called `frozen-lake`.
            let is_frozen = |path: &str| path == "frozen.jsonl" || path.starts_with("frozen/");
            let frozen = report.and_then(|report| report.findings.iter().find(|one| is_frozen(&one.path)));
            frozen.map(|finding| (finding.path.clone(), finding.detail.clone()))
        }
        JournalSeen::Missing | JournalSeen::Empty | JournalSeen::Broken { .. } | JournalSeen::Unreadable(_) => None,
    };
    let (path, why) = undefined?;
    let found = Found::new(format!("{path} is not what defined the flow when it started: {why}")).at(path, why);
    Some(found.then("see it compared", case.verify()))
}

fn findings<'r>(case: &Case<'r>, kind: FindingKind) -> impl Iterator<Item = &'r Finding> {
    // While a process drives the run, files lag behind the journal.
    let report = case.remains.verified.as_ref().filter(|_| whole(case) && !case.driven());
    report.into_iter().flat_map(|report| &report.findings).filter(move |one| one.kind == kind && !one.lags)
}

fn is_projection(path: &str) -> bool {
    // Of a log its events are one.
    let log = path.contains("/logs/") && path.ends_with(".jsonl");
    log || ["/receipts/", "/handoffs/", "/escalations/", "/routing/"].iter().any(|part| path.contains(part))
}

pub(super) fn receipt_forged(case: &Case<'_>) -> Option<Found> {
    let finding = findings(case, FindingKind::Unaccounted).next()?;
    let found = Found::new(format!("{} was not written by this run: {}", finding.path, finding.detail));
    Some(found.at(&finding.path, &*finding.detail).then("see all of it compared", case.verify()))
}

pub(super) fn receipt_changed(case: &Case<'_>) -> Option<Found> {
    let finding = findings(case, FindingKind::Differs).find(|one| is_projection(&one.path))?;
    let found = Found::new(format!("{} was changed after it was written", finding.path)).at(&finding.path, &*finding.detail);
    Some(
        found.then("see all of it compared", case.verify()).then("make it again from the journal", case.paste.repair(case.run())),
    )
}

pub(super) fn output_changed(case: &Case<'_>) -> Option<Found> {
    let finding = findings(case, FindingKind::Differs)
        .find(|one| !is_projection(&one.path) && (one.path.contains("/logs/") || one.path.contains("/snapshots/")))?;
    let found = Found::new(format!("{} is not what was captured: {}", finding.path, finding.detail));
    Some(found.at(&finding.path, &*finding.detail).then("see all of it compared", case.verify()))
}

/// A command that carries work to others.
fn published(case: &Case<'_>) -> Option<(String, String)> {
    let words = ["git push", "npm publish", "cargo publish", "docker push", "twine upload", "gh release", "scp ", "rsync "];
    let ran = |ran: &Ran| {
        let texts = ran.list("commands").filter_map(|command| {
            let argv = || {
                command
                    .get("argv")?
                    .as_array()
                    .map(|argv| argv.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(" "))
            };
            command.get("run").and_then(serde_json::Value::as_str).map(str::to_owned).or_else(argv)
        });
        let found = texts.into_iter().find(|text| words.iter().any(|word| text.contains(word)))?;
        Some((ran.receipt_path.clone(), found))
    };
    case.remains.rans.iter().find_map(ran)
}

pub(super) fn secret(case: &Case<'_>) -> Option<Found> {
    let remains = case.remains;
    let first = remains.leaks.first()?;
    let places = count(remains.leaks.len(), "file");
    let mut found = Found::new(format!(
        "{places} of the run hold text with the shape of a secret ({}), first {} line {}",
        first.shape, first.path, first.line
    ));
    for leak in remains.leaks.iter().take(5) {
        found = found.at(&leak.path, format!("line {} looks like a secret ({})", leak.line, leak.shape));
    }
    // Since when, who could see it, and whether it went further.
    let flow = first.path.split('/').next().unwrap_or_default();
    let since = remains.rans.iter().find(|ran| ran.flow == flow).and_then(|ran| ran.ended_at);
    if let (Some(since), Some(view)) = (since, &remains.view) {
        let by = view.state.run.as_deref().map(|info| format!("{} on {}", info.by, info.host)).unwrap_or_default();
        found = found.at("journal.jsonl", format!("it can be there since {since} at the earliest; the run was started by {by}"));
    }
    found = match published(case) {
        Some((path, command)) => found.at(path, format!("something was published: {command}")),
        None => found.at(".", "no command of the run is known to publish"),
    };
    if remains.scans.is_empty() {
        found = found.at(format!("{flow}/boundary_scan.log"), "is not there: no step looked for secrets");
    }
    let place = super::super::paste::quoted(&format!("{}/{}", case.paste.base(case.run()), first.path));
    found = found.then("rotate it first; then see the line", format!("sed -n {}p {place}", first.line));
    if case.driven() {
        found = found.then("stop the run before it carries the secret further", case.command(&format!("cancel {}", case.run())));
    }
    let named = super::super::paste::quoted(first.path.rsplit('/').next().unwrap_or_default());
    Some(found.then("see whether the file was ever committed", format!("git log --all --oneline -- '*'{named}")))
}

pub(super) fn scan_findings(case: &Case<'_>) -> Option<Found> {
    let (path, lines) = case.remains.scans.iter().find(|(_, lines)| !lines.is_empty())?;
    let found = Found::new(format!("the boundary scan has {}: {}", count(lines.len(), "finding"), lines[0]));
    let found = lines.iter().take(5).fold(found, |found, line| found.at(path, line));
    Some(found.then("read all of it", case.read_file(path)))
}

pub(super) fn boundary(case: &Case<'_>) -> Option<Found> {
    let fatal = |ran: &Ran| matches!(ran.kind(), "boundary" | "integrity") || ran.class() == "fatal";
    let ran = case.remains.rans.iter().rfind(|ran| ran.counts && fatal(ran))?;
    let found = case.story(Found::new(format!("{} was stopped: {}", ran.name(), ran.error())), ran);
    Some(case.again(found, ran, "when it no longer does that"))
}
