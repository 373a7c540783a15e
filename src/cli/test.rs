//! `test`: flows against scripts, in memory. One line per scenario, and under it what is not as it was expected.

use std::{fmt::Write as _, path::PathBuf};

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::{Error, Kind},
    id::StepRef,
    record::RunStatus,
    workspace::{Tested, Verdict},
};

use super::context::Context;

#[derive(Debug, Args)]
pub struct TestArgs {
    /// Scenario files [default: flows/tests/*.scenario.yaml]
    pub files: Vec<PathBuf>,
}

/// `schemas/cli/test.schema.json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TestReport {
    pub ok: usize,
    pub failed: usize,
    pub invalid: usize,
    pub scenarios: Vec<Tested>,
}

pub(super) fn run(args: &TestArgs, context: &Context) -> Result<u8, Error> {
    let scenarios = context.workspace.test(&args.files)?;
    let count = |verdict| scenarios.iter().filter(|one| one.verdict == verdict).count();
    let (ok, failed, invalid) = (count(Verdict::Ok), count(Verdict::Failed), count(Verdict::Invalid));
    let report = TestReport { ok, failed, invalid, scenarios };
    context.out(&report, || text(&report, context.color, context.quiet))?;
    Ok(match (invalid, failed) {
        (0, 0) => 0,
        (0, _) => 1,
        _ => Kind::Invalid.exit_code(),
    })
}

fn text(report: &TestReport, color: bool, quiet: bool) -> String {
    let mut text = String::new();
    for one in &report.scenarios {
        if one.verdict == Verdict::Ok && quiet {
            continue;
        }
        let word = match one.verdict {
            Verdict::Ok => "ok",
            Verdict::Failed => "FAILED",
            Verdict::Invalid => "INVALID",
        };
        let _ = writeln!(text, "{word:<8}{}", one.file);
        let differences = one.rehearsal.iter().flat_map(|rehearsal| &rehearsal.differences);
        differences.chain(&one.error).for_each(|difference| indented(&mut text, difference));
        if let Some(played) = one.rehearsal.as_ref().filter(|_| one.expects_nothing) {
            indented(&mut text, "it expects nothing; this would have been true:");
            indented(&mut text, &expect(&played.path, played.ends));
        }
        if let Some(found) = &one.diagnostics {
            indented(&mut text, found.render(color).trim_end());
        }
    }
    if !quiet || report.failed + report.invalid > 0 {
        let _ = writeln!(text, "{} ok, {} failed, {} invalid", report.ok, report.failed, report.invalid);
    }
    text
}

/// As a scenario has it, to be pasted.
fn expect(path: &[StepRef], ends: RunStatus) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    // An instance, `step[item]`, would open a list.
    let word = |step: &str| if step.chars().all(plain) { step.to_owned() } else { format!("'{}'", step.replace('\'', "''")) };
    let path: Vec<String> = path.iter().map(|step| word(step.as_str())).collect();
    format!("expect:\n  path: [{}]\n  ends: {ends}", path.join(", "))
}

fn indented(text: &mut String, block: &str) {
    for line in block.lines() {
        let _ = writeln!(text, "        {line}");
    }
}
