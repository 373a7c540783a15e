//! Whether what a run says of itself is true: measures against each other, files against receipts, words against both.
//! In: the panel and the executions. Out: a cause, if the evidence shows it; at the end, that nothing is wrong.

use serde_json::Value;

use crate::{
    ledger::{Finding, FindingKind},
    record::{Fact, RunStatus},
};

use super::{
    super::{
        evidence::{Freshness, MetricName, Verdict, by_hand as decided_by_hand},
        next::read_what,
        remains::{Now, Ran},
        summary::observed,
        words::{count, first_line},
    },
    case::{Case, Found},
};

/// A sentence of a metric that speaks of this, with the receipt it comes from.
fn against(case: &Case<'_>, name: MetricName, wanted: &[&str]) -> Option<Found> {
    let metric = case.metric(name).filter(|metric| metric.measured && metric.verdict == Verdict::Contradicts)?;
    let says = metric.says.iter().find(|says| wanted.is_empty() || wanted.iter().any(|word| says.contains(word)))?;
    let mut found = Found::new(says.clone());
    // The receipt of the step that the sentence begins with, else the first.
    let named = metric.sources.iter().find(|source| !source.step.is_empty() && says.contains(&source.step));
    let source = named.or(metric.sources.first());
    if let Some(source) = source {
        found = found
            .at(source.evidence.clone().unwrap_or_else(|| source.path.clone()), says.clone())
            .at(&source.path, "its receipt");
        if let (Some((flow, step)), true) = (source.step.split_once('/'), case.view().is_some()) {
            found = found.then("see what was measured", case.paste.of_step("show", case.run(), flow, step, " --receipt"));
        }
    }
    Some(found.then("see all measures", case.command(&format!("evidence {}", case.run()))))
}

fn rerun(case: &Case<'_>, found: Found, ran: &Ran, why: &str) -> Found {
    if case.view().is_none() {
        return found.then(why, case.read_file(&ran.receipt_path));
    }
    let base = ran.step.split('[').next().unwrap_or_default();
    let flow = super::super::paste::quoted(&ran.flow);
    found.then(why, case.command(&format!("retry {} --flow {flow} --step {base}", case.run())))
}

/// The last step that counts and promised this path.
fn maker<'r>(case: &Case<'r>, flow: &str, path: &str) -> Option<&'r Ran> {
    let makes = |ran: &&Ran| {
        (flow.is_empty() || ran.flow == flow)
            && ran.list("outputs").any(|one| one.get("path").and_then(Value::as_str) == Some(path))
    };
    case.remains.rans.iter().filter(|ran| ran.counts).rfind(makes)
}

fn output(case: &Case<'_>, now: Now, says: &str, ours_only: bool) -> Option<Found> {
    let ((flow, path), _) =
        case.remains.outputs_now.iter().find(|((flow, _), one)| **one == now && !(ours_only && flow.is_empty()))?;
    let ran = maker(case, flow, path)?;
    let shown = if flow.is_empty() { path.clone() } else { format!("{flow}/{path}") };
    let found = Found::new(format!("{shown}, which {} made, {says}", ran.name()))
        .at(&shown, says)
        .at(&ran.receipt_path, "has its digest");
    Some(rerun(case, found, ran, "make it again"))
}

pub(super) fn output_gone(case: &Case<'_>) -> Option<Found> {
    output(case, Now::Gone, "is gone", false)
}

pub(super) fn output_changed(case: &Case<'_>) -> Option<Found> {
    output(case, Now::Differs, "is not the file that was measured", true)
}

pub(super) fn receipts_missing(case: &Case<'_>) -> Option<Found> {
    let (_, found) = missing(case, true)?;
    Some(found.then("make them again from the journal", case.paste.repair(case.run())))
}

/// What commands printed, and copies in snapshots: nothing but their digest stands in the journal.
pub(super) fn output_lost(case: &Case<'_>) -> Option<Found> {
    let (first, found) = missing(case, false)?;
    let printed = |ran: &&Ran| {
        let is = |command: &Value, name| command.get(name).and_then(Value::as_str) == Some(first.path.as_str());
        ran.list("commands").any(|command| is(command, "stdout_path") || is(command, "stderr_path"))
    };
    Some(match case.remains.rans.iter().filter(|ran| ran.counts).rfind(printed) {
        Some(ran) => rerun(case, found, ran, "if it matters, run the step again, and what follows it"),
        None => found.then("see all that is missing", case.verify()),
    })
}

fn missing<'r>(case: &Case<'r>, can_be_made: bool) -> Option<(&'r Finding, Found)> {
    let report = case.remains.verified.as_ref().filter(|_| !case.driven() && case.view().is_some())?;
    let gone = |one: &&Finding| one.kind == FindingKind::Missing && one.path != "run.json" && one.can_be_made == can_be_made;
    let all: Vec<&Finding> = report.findings.iter().filter(gone).collect();
    let first = *all.first()?;
    let found = match all.len() {
        // Of a log that is there the end is missing.
        1 if case.remains.has(&first.path) => Found::new(format!("{} is not all there", first.path)),
        1 => Found::new(format!("{} is not there", first.path)),
        more => Found::new(format!("{} of the run are not there, first {}", count(more, "file"), first.path)),
    };
    Some((first, all.iter().take(5).fold(found, |found, one| found.at(&one.path, &*one.detail))))
}

pub(super) fn hollow(case: &Case<'_>) -> Option<Found> {
    against(case, MetricName::Tests, &["no test ran"])
}

pub(super) fn vanished(case: &Case<'_>) -> Option<Found> {
    against(case, MetricName::Tests, &["did not pass"])
}

pub(super) fn coverage(case: &Case<'_>) -> Option<Found> {
    against(case, MetricName::Coverage, &["coverage rose"])
}

pub(super) fn red_good(case: &Case<'_>) -> Option<Found> {
    let tests = against(case, MetricName::Tests, &["counts as good"]);
    let others =
        || [MetricName::Checks, MetricName::Lint, MetricName::Security].into_iter().find_map(|name| against(case, name, &[]));
    tests.or_else(others)
}

pub(super) fn claims(case: &Case<'_>) -> Option<Found> {
    against(case, MetricName::Claims, &[])
}

pub(super) fn verified_high(case: &Case<'_>) -> Option<Found> {
    against(case, MetricName::Concerns, &[])
}

pub(super) fn loop_left(case: &Case<'_>) -> Option<Found> {
    let metric = case.metric(MetricName::Loops).filter(|metric| metric.measured && metric.red)?;
    let says = metric.says.first()?;
    let source = metric.sources.first()?;
    let found = Found::new(says.clone())
        .at(source.evidence.clone().unwrap_or_default(), says.clone())
        .at(&source.path, "what its critic found");
    let (flow, step) = source.step.split_once('/')?;
    Some(found.then("read what stands open", case.paste.of_step("show", case.run(), flow, step, " --handoff")))
}

pub(super) fn stale(case: &Case<'_>) -> Option<Found> {
    let metric = case.panel.metrics.iter().find(|metric| metric.freshness == Some(Freshness::Stale))?;
    let says = metric.says.iter().find(|says| says.starts_with("older than"))?;
    let source = metric.sources.iter().find(|source| says.contains(&source.step)).or(metric.sources.first())?;
    let found = Found::new(format!("{} are {says}", metric.metric.as_str())).at(&source.path, says.clone());
    let (flow, step) = source.step.split_once('/')?;
    let ran = case.last(flow, step)?;
    Some(rerun(case, found, ran, "measure again"))
}

pub(super) fn turned_over(case: &Case<'_>) -> Option<Found> {
    let (ran, text) = case.remains.counting().find_map(|ran| {
        let mut texts = ran.concerns().filter_map(|one| one.get("description")?.as_str());
        let text = texts.find(|text| text.starts_with("conflict: "))?;
        Some((ran, text.to_owned()))
    })?;
    let found = Found::new(format!("{}: {text}", ran.name()))
        .at(&ran.handoff_path, text)
        .at(format!("{}/scent_trail.json", ran.flow), "decisions so far");
    Some(rerun(case, found, ran, "after one of the two is chosen, run it again from there"))
}

/// Parts of what an agent was told that did not fit.
fn cut<'r>(case: &Case<'r>, vital: bool) -> Option<(&'r Ran, String)> {
    let is_vital = |part: &str| ["teaching", "task", "handoff", "persona"].iter().any(|word| part.starts_with(word));
    case.remains.counting().find_map(|ran| {
        let parts = ran.receipt.pointer("/context/parts").and_then(Value::as_array)?;
        let cut = parts.iter().find(|part| {
            let name = part.get("part").and_then(Value::as_str).unwrap_or_default();
            part.get("cut_tokens").and_then(Value::as_u64).unwrap_or(0) > 0 && is_vital(name) == vital
        })?;
        let tokens = cut.get("cut_tokens").and_then(Value::as_u64).unwrap_or(0);
        Some((ran, format!("{} of {tokens} tokens", cut.get("part").and_then(Value::as_str).unwrap_or_default())))
    })
}

fn told_less(case: &Case<'_>, vital: bool) -> Option<Found> {
    let (ran, what) = cut(case, vital)?;
    let found = Found::new(format!("{} was not told all: {what} were left out", ran.name()))
        .at(&ran.receipt_path, format!("context: {what} cut"));
    Some(match case.view() {
        Some(_) => found.then("see what it was told", case.paste.of_step("show", case.run(), &ran.flow, &ran.step, " --prompt")),
        None => found,
    })
}

pub(super) fn teaching_cut(case: &Case<'_>) -> Option<Found> {
    told_less(case, true)
}

pub(super) fn context_cut(case: &Case<'_>) -> Option<Found> {
    told_less(case, false)
}

pub(super) fn unproven(case: &Case<'_>) -> Option<Found> {
    let says = case.panel.unknowns.iter().find(|says| says.ends_with("nothing measured what it did"))?;
    let name = says.split(' ').next().unwrap_or_default();
    let (flow, step) = name.split_once('/')?;
    let ran = case.last(flow, step)?;
    let found = Found::new(says.clone())
        .at(&ran.receipt_path, "no check, no output, no test")
        .at(&ran.handoff_path, ran.handoff_status());
    Some(match case.view() {
        Some(_) => found.then("read what it says", case.paste.of_step("show", case.run(), flow, step, " --handoff")),
        None => found.then("read what it says", case.read_file(&ran.handoff_path)),
    })
}

pub(super) fn input_changed(case: &Case<'_>) -> Option<Found> {
    let rans = &case.remains.rans;
    rans.iter().filter(|ran| ran.counts).find_map(|ran| {
        ran.list("inputs").find_map(|input| {
            let path = input.get("path")?.as_str()?;
            let read = input.get("sha256")?.as_str()?;
            let makes =
                |one: &&Ran| one.order.ended <= ran.order.began && (one.flow == ran.flow || !path.starts_with("artifacts/"));
            let made = rans.iter().filter(makes).rev().find_map(|one| {
                let output = one.list("outputs").find(|output| output.get("path").and_then(Value::as_str) == Some(path))?;
                Some((one, output.get("sha256")?.as_str()?))
            })?;
            (made.1 != read).then(|| {
                let found = Found::new(format!("{} read another {path} than the one that {} made", ran.name(), made.0.name()));
                let found = found
                    .at(&made.0.receipt_path, "the digest as it was made")
                    .at(&ran.receipt_path, "the digest as it was read");
                rerun(case, found, made.0, "make it again, and go on from there")
            })
        })
    })
}

pub(super) fn standing(case: &Case<'_>) -> Option<Found> {
    let frame = case.view()?.roots().find(|frame| !frame.warnings.is_empty())?;
    let first = frame.warnings.front().map(|one| first_line(one))?;
    let found = Found::new(format!("{} of flow {} stand: {first}", count(frame.warnings.len(), "warning"), frame.path));
    Some(found.at(format!("{}/report.md", frame.path), first).then("read the story", case.paste.report(case.run())))
}

pub(super) fn by_hand(case: &Case<'_>) -> Option<Found> {
    let all = decided_by_hand(case.remains);
    let (step, what, path) = all.first()?;
    Some(Found::new(format!("{what} at {step}")).at(path, what.clone()).then("read the story", case.paste.report(case.run())))
}

pub(super) fn stub(case: &Case<'_>) -> Option<Found> {
    let ran = case.remains.counting().find(|ran| ran.speaks && matches!(ran.text("/engine"), "stub" | "replay"))?;
    let found = Found::new(format!("{} was answered by a script ({}): no agent did it", ran.name(), ran.text("/engine")));
    Some(found.at(&ran.receipt_path, format!("engine {}", ran.text("/engine"))))
}

pub(super) fn drifted(case: &Case<'_>) -> Option<Found> {
    let flow = case.remains.drifted.first()?;
    let found = Found::new(format!("flow {flow} is another today than when it ran")).at(format!("frozen/{flow}"), "what ran");
    let root = flow.root();
    if case.view().is_some_and(|view| view.status() == RunStatus::Failed) {
        return Some(found.then("go on with today's flow", case.paste.refresh(case.run(), &root)));
    }
    Some(found.then("run today's flow, in a new run", case.command(&format!("run {root}"))))
}

pub(super) fn params(case: &Case<'_>) -> Option<Found> {
    let view = case.view()?;
    let (flow, names, line) = view.moments.iter().find_map(|moment| match moment.fact.as_ref() {
        Fact::ParamsChanged { flow, changes } => {
            let names: Vec<String> = changes.iter().map(|one| format!("{} from {} to {}", one.name, one.from, one.to)).collect();
            Some((flow.clone(), names.join(", "), moment.seq))
        }
        _ => None,
    })?;
    Some(
        Found::new(format!("parameters of {flow} were changed while it ran: {names}"))
            .at("journal.jsonl", format!("line {line}: params_changed")),
    )
}

pub(super) fn assumptions(case: &Case<'_>) -> Option<Found> {
    let all: Vec<(&Ran, String)> = case
        .remains
        .counting()
        .flat_map(|ran| {
            let own = ran.handoff.get("assumptions").and_then(Value::as_array).into_iter().flatten();
            own.filter_map(move |one| Some((ran, one.get("assumption").and_then(Value::as_str).or(one.as_str())?.to_owned())))
        })
        .collect();
    let (ran, text) = all.first()?;
    let found = Found::new(format!("{} stand unconfirmed, first of {}: {text}", count(all.len(), "assumption"), ran.name()));
    Some(all.iter().take(5).fold(found, |found, (ran, text)| found.at(&ran.handoff_path, text.clone())))
}

pub(super) fn truncated(case: &Case<'_>) -> Option<Found> {
    let cut = |ran: &&Ran| ran.list("commands").any(|command| command.get("truncated").and_then(Value::as_bool) == Some(true));
    let ran = case.remains.counting().find(cut)?;
    Some(Found::new(format!("{} printed more than was kept", ran.name())).at(&ran.receipt_path, "truncated"))
}

pub(super) fn running(case: &Case<'_>) -> Option<Found> {
    let view = case.view().filter(|view| case.driven() && view.status() == RunStatus::Running)?;
    let names: Vec<String> = view.state.running.keys().map(ToString::to_string).collect();
    let what = if names.is_empty() { "between two steps".to_owned() } else { names.join(", ") };
    let found = Found::new(format!("it is under way: {what}")).at("journal.jsonl", format!("last line at {}", view.updated_at()));
    Some(found.then("see where it stands", case.paste.status(case.run())))
}

pub(super) fn done(case: &Case<'_>) -> Option<Found> {
    if case.status() == Some(RunStatus::Succeeded) {
        let said = case.view().and_then(observed).unwrap_or_else(|| "it succeeded, and nothing contradicts it".to_owned());
        let found = Found::new(said).at("journal.jsonl", "flow_completed");
        return Some(found.then(case.view().map_or("read what was done", read_what), case.paste.report(case.run())));
    }
    let ended =
        case.view().is_none() && !case.remains.rans.is_empty() && case.remains.counting().all(|ran| ran.status() == "succeeded");
    ended.then(|| {
        let last = case.remains.rans.last().map(|ran| ran.receipt_path.clone()).unwrap_or_default();
        let found = Found::new("its receipts say that it succeeded; nothing proves them").at(&last, "succeeded");
        found.then("read the last of them", case.read_file(&last))
    })
}
