//! Figures that tools gave: tests, findings of linters and scanners, coverage.
//! In: the receipts that hold them. Out: one metric each, with what does not fit. Never: a figure that no receipt holds.

use serde_json::Value;

use super::{
    super::{
        remains::{Ran, number, real, whole},
        words::count,
    },
    Ground, Metric, MetricName,
    fresh::age,
};

/// Whole numbers read well.
fn figure(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// The executions whose result counts and that measured this.
fn measurers<'r>(ground: &Ground<'r>, name: &str) -> Vec<&'r Ran> {
    ground.counting.iter().copied().filter(|ran| ran.measured(name).is_some()).collect()
}

/// Why nobody measured it.
fn unmeasured(ground: &Ground<'_>, metric: MetricName, otherwise: &str) -> Metric {
    let reason = ground.counting.iter().find_map(|ran| {
        let reason = ran.unmeasured(metric.as_str())?;
        Some(format!("{reason} ({})", ran.receipt_path))
    });
    let open = ground.remains.view.as_ref().is_some_and(|view| !view.state.open_frames.is_empty());
    let otherwise = if open { format!("{otherwise} so far") } else { otherwise.to_owned() };
    Metric::unmeasured(metric, reason.unwrap_or(otherwise))
}

fn sum(sources: &[&Ran], of: &str, names: &[&str]) -> f64 {
    sources.iter().filter_map(|ran| number(ran.measured(of)?, names)).sum()
}

pub(super) fn tests(ground: &Ground<'_>) -> Metric {
    let sources = measurers(ground, "tests");
    if sources.is_empty() {
        return unmeasured(ground, MetricName::Tests, "no step has a `verify` that reads tests");
    }
    let of = |names: &[&str]| sum(&sources, "tests", names);
    let (passed, failed, skipped, total) = (of(&["passed"]), of(&["failed"]), of(&["skipped"]), of(&["total"]));
    let said = format!("{} of {} passed, {} failed, {} skipped", figure(passed), figure(total), figure(failed), figure(skipped));
    let mut metric = Metric::of(MetricName::Tests, said);
    metric.red = failed > 0.0;
    for ran in &sources {
        metric.from(ran, ran.evidence_path("tests"));
        let Some(tests) = ran.measured("tests") else { continue };
        let of = |name: &str| number(tests, &[name]).unwrap_or(0.0);
        let good = ran.status() == "succeeded" || ran.handoff_status() == "VERIFIED";
        if good && of("failed") > 0.0 {
            metric.against(format!("{} counts as good although {} failed", ran.name(), count(whole(of("failed")), "test")));
        }
        if good && of("passed") + of("failed") == 0.0 {
            let skipped = if of("skipped") > 0.0 { format!(", {} skipped", figure(of("skipped"))) } else { String::new() };
            metric.against(format!("{} is green, and no test ran{skipped}", ran.name()));
        } else if good && of("skipped") > of("passed") {
            metric.open(format!("{} skipped more tests than it ran", ran.name()));
        }
        if let Some(says) = vanished(ground, ran) {
            metric.against(says);
        }
    }
    age(&mut metric, ground, &sources);
    metric
}

/// Tests that failed before, and now are not there any more.
fn vanished(ground: &Ground<'_>, ran: &Ran) -> Option<String> {
    let now = ran.measured("tests")?;
    let of = |tests: &Value, name: &str| number(tests, &[name]).unwrap_or(0.0);
    let before = ground
        .all
        .iter()
        .rfind(|one| one.flow == ran.flow && one.step == ran.step && one.order < ran.order && one.measured("tests").is_some())?;
    let then = before.measured("tests")?;
    let (lost, failed) = (of(then, "total") - of(now, "total"), of(then, "failed"));
    (failed > 0.0 && of(now, "failed") == 0.0 && lost >= failed).then(|| {
        format!(
            "{}: the {} that failed in execution {} did not pass, {} fewer are there",
            ran.name(),
            count(whole(failed), "test"),
            before.execution,
            figure(lost)
        )
    })
}

/// Lint and security: findings of tools, from receipts; of scans also from their log.
pub(super) fn findings(ground: &Ground<'_>, name: MetricName) -> Metric {
    let word = name.as_str();
    let sources = measurers(ground, word);
    let mut metric = Metric::of(name, "");
    let mut total = 0.0;
    for ran in &sources {
        metric.from(ran, ran.evidence_path(word));
        let Some(found) = ran.measured(word) else { continue };
        // What a linter warns of is no mistake yet; what a scanner finds is looked at whatever it calls it.
        let names: &[&str] =
            if name == MetricName::Lint { &["errors", "issues", "total"] } else { &["total", "findings", "high"] };
        let bad = number(found, names).unwrap_or(0.0);
        total += bad;
        if bad > 0.0 && ran.handoff_status() == "VERIFIED" {
            metric.against(format!("{} says VERIFIED with {}", ran.name(), count(whole(bad), "finding")));
        }
    }
    let mut read: Vec<&Ran> = sources;
    if name == MetricName::Lint {
        // Receipts from before linters had a field of their own.
        for ran in ground.counting.iter().copied().filter(|ran| ran.measured(word).is_none()) {
            for check in ran.list("checks").filter(|check| text(check, "name").ends_with(": findings")) {
                let errors: f64 = text(check, "actual").split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0.0);
                total += errors;
                metric.from(ran, check.get("evidence_path").and_then(Value::as_str));
                read.push(ran);
            }
        }
    }
    let own = |path: &str| ground.has_flow(path.split('/').next().unwrap_or_default());
    let scans: Vec<_> = ground.remains.scans.iter().filter(|(path, _)| name == MetricName::Security && own(path)).collect();
    for (path, lines) in &scans {
        total += real(lines.len());
        metric.says.push(format!("{path} holds {}", count(lines.len(), "finding")));
        if !lines.is_empty() && succeeded(ground) {
            metric.against(format!("the run succeeded with {} in {path}", count(lines.len(), "finding")));
        }
    }
    if read.is_empty() && scans.is_empty() {
        let otherwise = if name == MetricName::Security {
            "no step scans, and no scanner's report was read"
        } else {
            "no step has a `verify` that reads a linter's report"
        };
        return unmeasured(ground, name, otherwise);
    }
    metric.figure = Some(count(whole(total), "finding"));
    metric.red = total > 0.0;
    if !read.is_empty() {
        age(&mut metric, ground, &read);
    }
    metric
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn succeeded(ground: &Ground<'_>) -> bool {
    ground.remains.view.as_ref().is_some_and(|view| view.status() == crate::record::RunStatus::Succeeded)
}

fn percent(ran: &Ran) -> Option<f64> {
    let coverage = ran.measured("coverage")?;
    let names = ["percent", "line_percent", "lines_percent", "percent_covered", "lines_pct", "rate"];
    number(coverage, &names).or_else(|| {
        let lines = coverage.get("lines").or_else(|| coverage.get("line")).unwrap_or(coverage);
        let nested = number(lines, &["percent", "pct"]);
        let ratio = || {
            Some(
                100.0 * number(lines, &["covered", "hit", "lines_covered"])?
                    / number(lines, &["total", "found", "count", "lines_total"])?,
            )
        };
        nested.or_else(ratio)
    })
}

fn assertions(ran: &Ran) -> Option<f64> {
    let of = |name: &str| number(ran.measured(name)?, &["assertions", "asserts", "assertion_count"]);
    of("tests").or_else(|| of("coverage")).or_else(|| number(ran.measured("tests")?, &["total"]))
}

pub(super) fn coverage(ground: &Ground<'_>) -> Metric {
    let sources = measurers(ground, "coverage");
    let Some(last) = sources.last().copied() else {
        return unmeasured(ground, MetricName::Coverage, "no step reports it");
    };
    let Some(now) = percent(last) else {
        return Metric::unmeasured(MetricName::Coverage, format!("{} holds no percentage", last.receipt_path));
    };
    let mut metric = Metric::of(MetricName::Coverage, format!("{now:.1} %"));
    for ran in &sources {
        metric.from(ran, ran.evidence_path("coverage"));
    }
    let before = ground.all.iter().rfind(|ran| ran.order < last.order && percent(ran).is_some());
    if let Some((before, then)) = before.and_then(|ran| Some((ran, percent(ran)?))) {
        metric.says.push(format!("was {then:.1} % in execution {} of {}", before.execution, before.name()));
        metric.red = now < then;
        if let (Some(had), Some(has)) = (assertions(before), assertions(last))
            && now > then
            && has < had
        {
            let (has, had) = (figure(has), figure(had));
            metric.against(format!(
                "coverage rose from {then:.1} to {now:.1} % while tests or assertions fell from {had} to {has}"
            ));
        }
    }
    age(&mut metric, ground, &sources);
    metric
}
