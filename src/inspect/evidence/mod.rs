//! The evidence panel: each measure of a run, whether it still holds, and whether the measures agree with each other.
//! In: what is left of a run. Out: `Panel`, one verdict on top. Never: a claim counted as a measure, a gap passed over.

mod facts;
mod fresh;
mod hotspots;
mod metrics;
mod work;

pub(in crate::inspect) use facts::by_hand;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::{RunId, Time},
    record::{Observed, RunStatus},
};

use super::{
    paste::Paste,
    remains::{JournalSeen, Ran, Remains},
    status::NextStep,
    words::count,
};

/// Whether what is known fits together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Agrees,
    /// Something that should be known is not, or is older than what it is about.
    Unknown,
    Contradicts,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Unknown => "unknown",
            Self::Contradicts => "contradicts",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Freshness {
    Fresh,
    /// A step that may change files ran afterwards, and what it changed was not measured.
    Unknown,
    /// Something was changed after it was measured.
    Stale,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MetricName {
    Tests,
    Lint,
    Security,
    Coverage,
    Changes,
    Outputs,
    /// Exit codes and expectations.
    Checks,
    /// What steps said of themselves, held against what was seen.
    Claims,
    Concerns,
    Loops,
    Cost,
    Time,
    /// Whether the files of the run are what the journal says.
    Record,
}

impl MetricName {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tests => "tests",
            Self::Lint => "lint",
            Self::Security => "security",
            Self::Coverage => "coverage",
            Self::Changes => "changes",
            Self::Outputs => "outputs",
            Self::Checks => "checks",
            Self::Claims => "claims",
            Self::Concerns => "concerns",
            Self::Loops => "loops",
            Self::Cost => "cost",
            Self::Time => "time",
            Self::Record => "record",
        }
    }
}

/// Where a figure comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// `flow/step`.
    pub step: String,
    pub execution: u64,
    /// Relative to RUN_BASE.
    pub path: String,
    /// What the tool itself wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metric {
    pub metric: MetricName,
    pub measured: bool,
    /// What was measured, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figure: Option<String>,
    /// Why there is no figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub verdict: Verdict,
    /// The figure itself is bad news: tests that fail, findings, outputs that are not there.
    pub red: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freshness: Option<Freshness>,
    /// Why it is not fresh, what does not fit, what is worth knowing.
    pub says: Vec<String>,
    pub sources: Vec<Source>,
}

impl Metric {
    pub(super) fn unmeasured(metric: MetricName, reason: impl Into<String>) -> Self {
        Self {
            metric,
            measured: false,
            figure: None,
            reason: Some(reason.into()),
            verdict: Verdict::Unknown,
            red: false,
            freshness: None,
            says: Vec::new(),
            sources: Vec::new(),
        }
    }
    pub(super) fn of(metric: MetricName, figure: impl Into<String>) -> Self {
        let none = Self::unmeasured(metric, "");
        Self { measured: true, figure: Some(figure.into()), reason: None, verdict: Verdict::Agrees, ..none }
    }
    /// Something does not fit.
    pub(super) fn against(&mut self, says: impl Into<String>) {
        self.verdict = Verdict::Contradicts;
        self.says.push(says.into());
    }
    /// Something is not known.
    pub(super) fn open(&mut self, says: impl Into<String>) {
        self.verdict = self.verdict.max(Verdict::Unknown);
        self.says.push(says.into());
    }
    pub(super) fn from(&mut self, ran: &Ran, evidence: Option<&str>) {
        self.sources.push(Source {
            step: ran.name(),
            execution: ran.execution,
            path: ran.receipt_path.clone(),
            evidence: evidence.map(str::to_owned),
            at: ran.ended_at,
        });
    }
}

/// A file that a reviewer should look at, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hotspot {
    pub path: String,
    pub why: Vec<String>,
}

/// `evidence --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Panel {
    #[schemars(extend("const" = "flow-studio/evidence/v1"))]
    pub schema: String,
    /// `agrees`, `unknown` or `contradicts`: the worst of what was measured.
    pub verdict: Verdict,
    pub run_id: RunId,
    /// The flow that was asked about, with what runs inside it; absent: all of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// Where the run stands; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RunStatus>,
    /// It only observed, and what it passed over is not done; absent of any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
    /// One sentence.
    pub headline: String,
    /// Names of the metrics whose figure is bad news.
    pub red: Vec<MetricName>,
    /// Names of the metrics that are older than what they are about.
    pub stale: Vec<MetricName>,
    /// Names of the metrics that nobody measured.
    pub unmeasured: Vec<MetricName>,
    /// What does not fit together, each in a sentence.
    pub contradictions: Vec<String>,
    /// What is not known, each in a sentence.
    pub unknowns: Vec<String>,
    pub metrics: Vec<Metric>,
    pub hotspots: Vec<Hotspot>,
    pub next: Vec<NextStep>,
}

impl Panel {
    pub const SCHEMA: &'static str = "flow-studio/evidence/v1";

    pub fn metric(&self, name: MetricName) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.metric == name)
    }
}

/// What the metrics are made from: the executions of one flow, or of all.
pub(super) struct Ground<'r> {
    pub remains: &'r Remains,
    /// All executions, in their order.
    pub all: Vec<&'r Ran>,
    /// Those whose result counts.
    pub counting: Vec<&'r Ran>,
    pub flow: Option<&'r str>,
}

impl Ground<'_> {
    pub(super) fn has_flow(&self, flow: &str) -> bool {
        let within = |around: &str| flow == around || flow.strip_prefix(around).is_some_and(|rest| rest.starts_with('.'));
        self.flow.is_none_or(within)
    }
}

/// The panel of a run, or of one flow of it with everything inside that flow.
pub fn evidence(remains: &Remains, flow: Option<&str>, paste: &Paste) -> Panel {
    let mut ground = Ground { remains, all: Vec::new(), counting: Vec::new(), flow };
    ground.all = remains.rans.iter().filter(|ran| ground.has_flow(&ran.flow)).collect();
    ground.counting = ground.all.iter().copied().filter(|ran| ran.counts).collect();
    let metrics = vec![
        metrics::tests(&ground),
        metrics::findings(&ground, MetricName::Lint),
        metrics::findings(&ground, MetricName::Security),
        metrics::coverage(&ground),
        work::changes(&ground),
        work::outputs(&ground),
        work::checks(&ground),
        facts::claims(&ground),
        facts::concerns(&ground),
        facts::loops(&ground),
        facts::cost(&ground),
        facts::time(&ground),
        facts::record(&ground),
    ];
    let mut unknowns = unknowns(&ground, &metrics);
    let mut unproven = facts::unproven(&ground);
    unproven.extend(facts::by_word(&ground));
    unknowns.extend(unproven.iter().cloned());
    let hard = [MetricName::Tests, MetricName::Lint, MetricName::Security, MetricName::Coverage, MetricName::Checks];
    let hard = metrics.iter().any(|one| one.measured && (hard.contains(&one.metric) || one.metric == MetricName::Outputs));
    let worst = metrics.iter().filter(|one| one.measured).map(|one| one.verdict).max().unwrap_or(Verdict::Unknown);
    let verdict = if hard && unproven.is_empty() { worst } else { worst.max(Verdict::Unknown) };
    if !hard {
        unknowns.insert(0, "nothing was measured: no test, no check, no output".to_owned());
    }
    let named = |wanted: fn(&Metric) -> bool| metrics.iter().filter(|one| wanted(one)).map(|one| one.metric).collect::<Vec<_>>();
    let red = named(|one| one.red);
    let contradictions: Vec<String> = metrics
        .iter()
        .filter(|one| one.verdict == Verdict::Contradicts)
        .flat_map(|one| one.says.iter().map(|says| format!("{}: {says}", one.metric.as_str())))
        .collect();
    Panel {
        schema: Panel::SCHEMA.to_owned(),
        verdict,
        run_id: remains.run_id.clone(),
        flow: flow.map(str::to_owned),
        status: remains.view.as_ref().map(super::view::RunView::status),
        observed: remains.view.as_ref().and_then(super::view::RunView::observed),
        headline: headline(verdict, &contradictions, &unknowns, &red),
        stale: named(|one| one.freshness == Some(Freshness::Stale)),
        unmeasured: named(|one| !one.measured),
        red,
        contradictions,
        unknowns,
        next: next(&ground, &metrics, verdict, paste),
        hotspots: hotspots::hotspots(&ground),
        metrics,
    }
}

fn headline(verdict: Verdict, against: &[String], unknowns: &[String], red: &[MetricName]) -> String {
    let bad: Vec<&str> = red.iter().map(|name| name.as_str()).collect();
    let bad = if bad.is_empty() { String::new() } else { format!("; bad news from {}", bad.join(", ")) };
    match verdict {
        Verdict::Agrees => format!("what was measured agrees{bad}"),
        Verdict::Contradicts => {
            format!("{} between what is claimed and what was seen{bad}", count(against.len(), "contradiction"))
        }
        Verdict::Unknown => {
            let first = unknowns.first().map(|one| format!(": {one}")).unwrap_or_default();
            format!("nothing contradicts, but not everything is known{first}{bad}")
        }
    }
}

fn unknowns(ground: &Ground<'_>, metrics: &[Metric]) -> Vec<String> {
    let mut found = Vec::new();
    match &ground.remains.journal {
        JournalSeen::Whole => {}
        JournalSeen::Missing => found.push("there is no journal: only files can be read, and nothing proves them".to_owned()),
        JournalSeen::Empty => found.push("the journal holds no line".to_owned()),
        JournalSeen::Broken { line, .. } => found.push(format!("what stands behind line {line} of the journal, which is broken")),
        JournalSeen::Undefined { flow, .. } => found.push(format!("what flow {flow} was: its frozen definition cannot be used")),
        JournalSeen::Unreadable(why) => found.push(format!("the journal: {why}")),
    }
    for metric in metrics {
        if let Some(reason) = &metric.reason {
            found.push(format!("{} not measured: {reason}", metric.metric.as_str()));
        } else if metric.verdict == Verdict::Unknown {
            found.extend(metric.says.iter().map(|says| format!("{}: {says}", metric.metric.as_str())));
        }
    }
    let scripted: Vec<String> =
        ground.counting.iter().filter(|ran| ran.speaks && ran.text("/engine") == "stub").map(|ran| ran.name()).collect();
    if !scripted.is_empty() {
        found.push(format!("what an agent would have done at {}: a script answered for it", scripted.join(", ")));
    }
    for ran in &ground.counting {
        let assumptions = ran.handoff.get("assumptions").and_then(serde_json::Value::as_array);
        for one in assumptions.into_iter().flatten() {
            let word = |name: &str| one.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
            let wrong = if word("impact_if_wrong").is_empty() {
                String::new()
            } else {
                format!("; if wrong: {}", word("impact_if_wrong"))
            };
            found.push(format!("{} assumes: {}{wrong}", ran.name(), word("assumption")));
        }
    }
    found
}

/// The command that shows what does not fit.
fn next(ground: &Ground<'_>, metrics: &[Metric], verdict: Verdict, paste: &Paste) -> Vec<NextStep> {
    if verdict == Verdict::Agrees {
        return Vec::new();
    }
    let run = &ground.remains.run_id;
    let mut found = Vec::new();
    for metric in metrics.iter().filter(|one| one.measured && one.verdict == verdict) {
        let source = metric.sources.first().filter(|source| source.step.contains('/') && ground.remains.view.is_some());
        let command = match source.and_then(|source| source.step.split_once('/')) {
            Some((flow, step)) => paste.of_step("show", run, flow, step, " --receipt"),
            None if metric.metric == MetricName::Record => paste.command(&format!("verify {run}")),
            None => continue,
        };
        let why = format!("see what {} says", metric.metric.as_str());
        if !found.iter().any(|next: &NextStep| next.command == command) {
            found.push(NextStep { why, command });
        }
    }
    found.truncate(4);
    found
}
