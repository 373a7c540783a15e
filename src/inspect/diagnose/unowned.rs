//! What can be said of a run without a journal: one of another program, or one of ours of which only files are left.
//! In: receipts, handoffs, decisions and logs as files. Out: a cause, if the files show it. Never: a command that would write there.

use std::collections::BTreeMap;

use super::{
    super::words::first_line,
    case::{Case, Found},
};

fn unowned(case: &Case<'_>) -> bool {
    case.view().is_none()
}

pub(super) fn blocked(case: &Case<'_>) -> Option<Found> {
    let last = case.remains.rans.iter().rfind(|ran| ran.counts && ran.handoff_status() == "BLOCKED" && unowned(case))?;
    let word = |pointer: &str| last.handoff.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or_default();
    let why = last.concerns().next().and_then(|one| one.get("description").or_else(|| one.get("concern"))?.as_str());
    let why = why.unwrap_or_else(|| word("/routing/reason"));
    let found = Found::new(format!("{} is BLOCKED: {}", last.name(), first_line(why)))
        .at(&last.handoff_path, format!("BLOCKED: {}", first_line(why)));
    let found = found.at(&last.receipt_path, last.status());
    Some(found.then("read its handoff", case.read_file(&last.handoff_path)))
}

pub(super) fn escalated(case: &Case<'_>) -> Option<Found> {
    let last = case.remains.decisions.last().filter(|one| unowned(case) && one.decision == "ESCALATE")?;
    let found = Found::new(format!("{}/{} asked for a person: {}", last.flow, last.step, last.reason));
    Some(found.at(&last.path, format!("ESCALATE: {}", last.reason)).then("read all decisions", case.read_file(&last.path)))
}

/// Rounds after which a loop is suspicious.
const ROUNDS: usize = 3;

pub(super) fn looping(case: &Case<'_>) -> Option<Found> {
    let mut rounds: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for one in case.remains.decisions.iter().filter(|one| unowned(case) && one.decision == "LOOP") {
        *rounds.entry((&one.flow, &one.step)).or_default() += 1;
    }
    let last = case.remains.decisions.last()?;
    let (place, times) = rounds.into_iter().max_by_key(|(_, times)| *times).filter(|(_, times)| *times >= ROUNDS)?;
    let ends = last.decision == "LOOP" && (last.flow.as_str(), last.step.as_str()) == place;
    let found = Found::new(format!("{}/{} went round {times} times, and nothing came after it", place.0, place.1));
    ends.then(|| found.at(&last.path, format!("LOOP: {}", last.reason)).then("read all decisions", case.read_file(&last.path)))
}

pub(super) fn no_receipt(case: &Case<'_>) -> Option<Found> {
    if !unowned(case) {
        return None;
    }
    let has = |flow: &str, step: &str| {
        case.remains.rans.iter().any(|ran| ran.flow == flow && (ran.step == step || step.starts_with(&format!("{}-", ran.step))))
    };
    case.remains.files.iter().find_map(|file| {
        let parts: Vec<&str> = file.path.split('/').collect();
        let [flow, "llm" | "logs", name] = parts.as_slice() else { return None };
        let stem = name.strip_suffix(".jsonl")?;
        if has(flow, stem) {
            return None;
        }
        let found = Found::new(format!("{flow}/{stem} left {} and no receipt: it crashed before it could write one", file.path));
        let place = super::super::paste::quoted(&format!("{}/{}", case.paste.base(case.run()), file.path));
        Some(found.at(&file.path, format!("{} bytes", file.bytes)).then("read its end", format!("tail -n 20 {place}")))
    })
}

pub(super) fn damaged(case: &Case<'_>) -> Option<Found> {
    let foreign = case.remains.foreign.as_ref()?;
    let first = foreign.damaged.first()?;
    let found = Found::new(format!("{first} is no JSON: it was not written to its end"));
    Some(found.at(first, "cannot be read").then("look at it", case.read_file(first)))
}

pub(super) fn events_stop(case: &Case<'_>) -> Option<Found> {
    let foreign = case.remains.foreign.as_ref()?;
    let path = foreign.events.as_ref()?;
    let kind = foreign.last_kind.as_deref().unwrap_or("nothing that can be read");
    let ends = [
        "run_completed",
        "run_complete",
        "run_end",
        "run_ended",
        "run_finished",
        "run_succeeded",
        "run_failed",
        "run_stopped",
        "run_canceled",
    ];
    if ends.contains(&kind) {
        return None;
    }
    let since = foreign.last_event.map(|at| format!(" at {at}")).unwrap_or_default();
    let found = Found::new(format!("its events stop{since} with {kind}, before the end of the run"));
    let place = super::super::paste::quoted(&format!("{}/{path}", case.paste.base(case.run())));
    Some(found.at(path, format!("last event {kind}")).then("read the last events", format!("tail -n 20 {place}")))
}
