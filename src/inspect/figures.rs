//! Small facts about one step that several views share: where its proof lies, what its verb is called, what was measured.

use crate::{
    id::AgentKey,
    kernel::Frame,
    plan::StepIx,
    record::{At, ChangeFigures, CoverageFigures, Figures, FindingFigures, Proof, TestFigures},
    spec::Verb,
};

use super::{
    report_parts::cell,
    view::{Execution, RunView},
};

/// The word of the flow language.
pub fn verb_word(verb: &Verb) -> &'static str {
    match verb {
        Verb::Run { .. } => "run",
        Verb::Exec { .. } => "exec",
        Verb::Agent(_) => "agent",
        Verb::Ask(_) => "ask",
        Verb::Flow { .. } => "flow",
        Verb::Snapshot { .. } => "snapshot",
        Verb::Compare { .. } => "compare",
        Verb::Render { .. } => "render",
        Verb::Scan(_) => "scan",
    }
}

/// The name beside the verb: which agent, which flow.
pub(super) fn executor(frame: &Frame, step: StepIx) -> Option<String> {
    match &frame.plan.step(step).spec.verb {
        Verb::Agent(agent) => Some(agent.agent.to_string()),
        Verb::Flow { flow, .. } => Some(flow.to_string()),
        Verb::Run { .. }
        | Verb::Exec { .. }
        | Verb::Ask(_)
        | Verb::Snapshot { .. }
        | Verb::Compare { .. }
        | Verb::Render { .. }
        | Verb::Scan(_) => None,
    }
}

/// The agent key of an execution's files.
pub(super) fn agent_key(view: &RunView, at: &At, execution: &Execution) -> Option<AgentKey> {
    let word = match execution.proof() {
        Some(proof) => proof.agent_key.clone(),
        None => {
            let frame = view.state.frame(&at.flow)?;
            frame.agent_key(frame.slot(&at.step)?.step)
        }
    };
    AgentKey::new(&word).ok()
}

/// Which execution of a step owns the unnumbered files: the last one that left any.
pub(super) fn is_latest(view: &RunView, at: &At, execution: &Execution) -> bool {
    view.executions(at).iter().rfind(|one| one.ended_at().is_some()).is_some_and(|last| last.number == execution.number)
}

/// Where an execution's receipt lies, relative to RUN_BASE.
pub(super) fn receipt_path(view: &RunView, at: &At, execution: &Execution) -> Option<String> {
    path_in(view, at, execution, "receipts")
}

pub(super) fn path_in(view: &RunView, at: &At, execution: &Execution, kind: &str) -> Option<String> {
    execution.ended_at()?;
    let agent = agent_key(view, at, execution)?;
    let number = if is_latest(view, at, execution) { String::new() } else { format!(".{}", execution.number) };
    Some(format!("{}/{kind}/{}-{agent}{number}.json", at.flow, at.step))
}

/// What was measured of an execution, a few words each.
pub(super) fn measured_words(proof: &Proof) -> Vec<String> {
    let Proof { tests, lint, security, coverage, changes, .. } = proof;
    let all = [
        tests.as_ref().map(|tests| words("tests", tests, told_tests)),
        lint.as_deref().map(|lint| words("lint", lint, |found| format!("lint: {}", told_findings(found)))),
        security.as_deref().map(|security| words("security", security, |found| format!("security: {}", told_findings(found)))),
        coverage.as_deref().map(|coverage| words("coverage", coverage, told_coverage)),
        changes.as_deref().map(|changes| words("changes", changes, told_changes)),
    ];
    all.into_iter().flatten().collect()
}

fn words<T>(name: &str, figures: &Figures<T>, tell: impl FnOnce(&T) -> String) -> String {
    match (&figures.figures, &figures.reason) {
        (Some(found), None) => tell(found),
        (Some(found), Some(reason)) => format!("{} ({})", tell(found), cell(reason)),
        (None, Some(reason)) => format!("{name} not measured: {}", cell(reason)),
        (None, None) => format!("{name} not measured"),
    }
}

fn told_tests(tests: &TestFigures) -> String {
    let fewer: u64 = tests.by_check.iter().map(crate::record::TestCount::fewer).sum();
    let fewer = if fewer > 0 { format!(", {fewer} fewer than before") } else { String::new() };
    format!("{} of {} tests passed, {} failed, {} skipped{fewer}", tests.passed, tests.total, tests.failed, tests.skipped)
}

fn told_findings(found: &FindingFigures) -> String {
    format!("{}, {}, {}", many(found.errors, "error"), many(found.warnings, "warning"), many(found.notes, "note"))
}

fn told_coverage(seen: &CoverageFigures) -> String {
    format!("{}% of lines covered ({} of {})", seen.percent, seen.lines_covered, seen.lines_total)
}

fn told_changes(changes: &ChangeFigures) -> String {
    format!("{} changed (+{} -{})", many(changes.files, "file"), changes.added, changes.removed)
}

fn many(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
