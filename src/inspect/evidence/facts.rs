//! What was said, how often it went round, what it cost, how long it took, and whether the record of it is whole.
//! In: handoffs, the kernel's state, the cost log, the findings of `verify`. Out: one metric each.

use crate::{
    ledger::FindingKind,
    record::{Fact, Spent},
};

use super::{
    super::{
        by_word::counts_by_word,
        remains::{JournalSeen, Ran},
        view::Driver,
        words::{count, first_line, length, spent_words},
    },
    Ground, Metric, MetricName,
};

const SAYS_MAX: usize = 8;

/// What steps said of themselves, beside what was seen.
pub(super) fn claims(ground: &Ground<'_>) -> Metric {
    let (mut agree, mut all) = (0, 0);
    let mut metric = Metric::of(MetricName::Claims, "");
    for ran in &ground.counting {
        let mut against = Vec::new();
        let before = all;
        for claim in ran.list("claims") {
            let word = |name: &str| claim.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
            all += 1;
            if claim.get("agrees").and_then(serde_json::Value::as_bool) == Some(true) {
                agree += 1;
            } else {
                against.push(format!("{} claims {}; measured: {}", ran.name(), word("claim"), word("measured")));
            }
        }
        if ran.speaks && ran.handoff.pointer("/measured/downgraded_from").and_then(serde_json::Value::as_str).is_some() {
            let why = ran.handoff.pointer("/measured/reasons/0").and_then(serde_json::Value::as_str).unwrap_or("its measures");
            if against.is_empty() {
                all += 1;
                against.push(format!("{} said VERIFIED; {}", ran.name(), first_line(why)));
            }
        }
        if all > before {
            metric.from(ran, Some(ran.handoff_path.as_str()).filter(|path| !path.is_empty()));
        }
        for says in against.into_iter().take(SAYS_MAX) {
            metric.against(says);
        }
    }
    if all == 0 {
        return Metric::unmeasured(MetricName::Claims, "no agent made a claim that can be measured");
    }
    metric.figure = Some(format!("{agree} of {all} agree"));
    metric.red = agree < all;
    metric
}

pub(super) fn concerns(ground: &Ground<'_>) -> Metric {
    let (mut high, mut medium, mut low) = (0, 0, 0);
    let mut metric = Metric::of(MetricName::Concerns, "");
    for ran in ground.counting.iter().filter(|ran| !ran.handoff.is_null()) {
        metric.from(ran, Some(ran.handoff_path.as_str()).filter(|path| !path.is_empty()));
        for one in ran.concerns() {
            match one.get("severity").and_then(serde_json::Value::as_str) {
                Some("HIGH") => high += 1,
                Some("LOW") => low += 1,
                Some(_) | None => medium += 1,
            }
        }
        if ran.handoff_status() == "VERIFIED"
            && let Some(one) = ran.high_concerns().next()
        {
            let text = one.get("description").and_then(serde_json::Value::as_str).unwrap_or_default();
            metric.against(format!("{} says VERIFIED with a HIGH concern: {}", ran.name(), first_line(text)));
        }
    }
    if metric.sources.is_empty() {
        return Metric::unmeasured(MetricName::Concerns, "no step left a handoff");
    }
    let concerned = ground.counting.iter().filter(|ran| ran.concerns().next().is_some());
    let concerned: std::collections::BTreeSet<String> = concerned.map(|ran| ran.name()).collect();
    metric.sources.retain(|source| concerned.contains(&source.step));
    metric.figure = Some(format!("{high} HIGH, {medium} MEDIUM, {low} LOW"));
    metric.red = high > 0;
    metric
}

pub(super) fn loops(ground: &Ground<'_>) -> Metric {
    let Some(view) = &ground.remains.view else {
        return Metric::unmeasured(MetricName::Loops, "without a journal, rounds are not known");
    };
    let mut rounds = Vec::new();
    for frame in view.frames().filter(|frame| ground.has_flow(frame.path.as_str())) {
        for (around, state) in frame.plan.loops.iter().zip(&frame.loops) {
            let last = &frame.plan.step(around.last).spec.id;
            let max = around.iterations_max + state.granted;
            rounds.push(format!("{}/{last} {} of {max} rounds", frame.path, state.iteration.max(1)));
        }
    }
    if rounds.is_empty() {
        return Metric::unmeasured(MetricName::Loops, "the flow has none");
    }
    let mut metric = Metric::of(MetricName::Loops, rounds.join(", "));
    for ran in &ground.counting {
        let left = ground.remains.decisions.iter().rfind(|one| one.flow == ran.flow && one.step == ran.step);
        let Some(left) = left.filter(|one| one.decision == "CONTINUE") else { continue };
        if matches!(left.rule.as_str(), "loop-exhausted" | "loop-no-further-help" | "loop-same-signature") {
            metric.red = true;
            metric.from(ran, Some(&left.path));
            let says = format!("{} was left without VERIFIED ({})", ran.name(), left.rule);
            if ran.high_concerns().next().is_some() {
                metric.against(says + ", with a HIGH concern open");
            } else {
                metric.says.push(says);
            }
        }
    }
    metric
}

pub(super) fn cost(ground: &Ground<'_>) -> Metric {
    let Some(view) = &ground.remains.view else {
        return Metric::unmeasured(MetricName::Cost, "without a journal, calls cannot be counted");
    };
    let spent: Spent = view.spent.iter().filter(|(flow, _)| ground.has_flow(flow.as_str())).map(|(_, spent)| *spent).sum();
    if spent.calls == 0 {
        return Metric::unmeasured(MetricName::Cost, "no model was called");
    }
    let mut metric = Metric::of(MetricName::Cost, spent_words(&spent));
    metric.sources.push(super::Source {
        step: String::new(),
        execution: 0,
        path: "cost.jsonl".to_owned(),
        evidence: None,
        at: None,
    });
    if spent.unknown > 0 {
        metric.says.push(format!("of {} the cost is not known", count(usize::try_from(spent.unknown).unwrap_or(0), "call")));
    }
    metric
}

pub(super) fn time(ground: &Ground<'_>) -> Metric {
    let Some(view) = &ground.remains.view else {
        return Metric::unmeasured(MetricName::Time, "without a journal, times cannot be added up");
    };
    let frames = || view.frames().filter(|frame| ground.has_flow(frame.path.as_str()));
    if frames().next().is_none() {
        return Metric::unmeasured(MetricName::Time, "no flow was started");
    }
    let outer = frames().filter(|frame| frame.parent.is_none() || ground.flow == Some(frame.path.as_str()));
    let worked: u64 = outer.map(|frame| frame.active_ms_at(view.state.now)).sum();
    let mut metric = Metric::of(MetricName::Time, format!("{} of work", length(worked)));
    let late = |ran: &&&Ran| ran.kind() == "timeout";
    let timeouts: Vec<&&Ran> = ground.all.iter().filter(late).collect();
    if !timeouts.is_empty() {
        metric.red = true;
        metric.says.push(format!("{} took longer than allowed", count(timeouts.len(), "execution")));
        timeouts.iter().for_each(|ran| metric.from(ran, Some(&format!("{}/timeouts.jsonl", ran.flow))));
    }
    metric
}

/// Receipts, handoffs and outputs against the journal.
pub(super) fn record(ground: &Ground<'_>) -> Metric {
    let remains = ground.remains;
    let source =
        |path: &str| super::Source { step: String::new(), execution: 0, path: path.to_owned(), evidence: None, at: None };
    if let JournalSeen::Broken { line, why } = &remains.journal {
        let mut metric = Metric::of(MetricName::Record, format!("line {line} of the journal is broken"));
        metric.red = true;
        metric.against(format!("the journal is not what was written: line {line}: {why}"));
        metric.sources.push(source("journal.jsonl"));
        return metric;
    }
    if let JournalSeen::Undefined { flow, why, .. } = &remains.journal {
        let mut metric = Metric::of(MetricName::Record, format!("the definition of {flow} is not what ran"));
        metric.red = true;
        metric.against(format!("the frozen definition of {flow} cannot be used: {why}"));
        metric.sources.push(source(&format!("frozen/{flow}")));
        return metric;
    }
    let Some(report) = remains.verified.as_ref().filter(|_| remains.view.is_some()) else {
        return Metric::unmeasured(MetricName::Record, "there is no journal to hold the files against");
    };
    let mut metric = Metric::of(
        MetricName::Record,
        format!("{} lines, {} executions, {} outputs compared", report.lines, report.executions, report.streams),
    );
    metric.sources.push(source("journal.jsonl"));
    // While a process drives the run, files may lag behind the journal.
    let driven = remains.view.as_ref().is_some_and(|view| view.driver != Driver::Nobody);
    if driven {
        metric.says.push("a process drives the run: files may lag behind the journal, and were not held against it".to_owned());
        return metric;
    }
    for finding in report.findings.iter().take(SAYS_MAX) {
        let says = format!("{}: {}", finding.path, finding.detail);
        match finding.kind {
            FindingKind::Missing => metric.open(says),
            FindingKind::Differs if finding.lags => metric.open(format!("{says}; its process was killed before it wrote it")),
            FindingKind::Differs | FindingKind::Unaccounted => {
                metric.red = true;
                metric.against(says);
            }
        }
    }
    metric
}

/// Agents that say VERIFIED of work that nothing measured, then or later.
pub(super) fn unproven(ground: &Ground<'_>) -> Vec<String> {
    let measures = |ran: &Ran| {
        ran.list("checks").next().is_some()
            || ran.list("outputs").next().is_some()
            || ran.list("claims").next().is_some()
            || ["tests", "lint", "security", "coverage"].iter().any(|name| ran.measured(name).is_some())
    };
    let later = |ran: &Ran| ground.counting.iter().any(|one| one.order.began > ran.order.ended && !one.speaks && measures(one));
    let bare = |ran: &&&Ran| ran.speaks && ran.may_change && ran.handoff_status() == "VERIFIED" && !measures(ran) && !later(ran);
    let bare = ground.counting.iter().filter(bare);
    bare.map(|ran| format!("{} says VERIFIED, and nothing measured what it did", ran.name())).collect()
}

/// Steps whose result is a person's word: nothing of them was measured.
pub(super) fn by_word(ground: &Ground<'_>) -> Vec<String> {
    let Some(view) = &ground.remains.view else { return Vec::new() };
    let steps = view.steps.keys().filter(|at| ground.has_flow(at.flow.as_str()));
    steps.filter_map(|at| Some(format!("{at} not measured: {}", counts_by_word(view, at)?.words()))).collect()
}

/// Whether a fact of the run says that a person decided in place of a step.
pub(in crate::inspect) fn by_hand(ground: &super::super::remains::Remains) -> Vec<(String, String, String)> {
    let Some(view) = &ground.view else { return Vec::new() };
    let answered = view.moments.iter().filter_map(|moment| match moment.fact.as_ref() {
        Fact::EscalationAnswered { id, answer } if matches!(answer.choose.as_str(), "mark-done" | "skip") => {
            let question = view.state.questions.get(id)?;
            let path = format!("{}/escalations/{id}.json", question.flow_path);
            Some((format!("{}/{}", question.flow_path, question.step_id), format!("{} chose {}", answer.by, answer.choose), path))
        }
        _ => None,
    });
    answered.collect()
}
