//! `verify`: is the run what was written? `--repair` makes missing files anew from the journal.

use clap::Args;

use crate::{
    error::{Error, Kind},
    id::RunId,
    ledger,
};

use super::context::Context;

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The run, as `list` names it
    pub run_id: String,
    /// Make missing and changed projections anew
    #[arg(long)]
    pub repair: bool,
}

pub(super) fn run(args: &VerifyArgs, context: &Context) -> Result<u8, Error> {
    let id = RunId::new(&args.run_id).map_err(|bad| Error::new(Kind::Usage, bad.to_string()))?;
    let run = context.workspace.run_dir(&id)?;
    let mended = if args.repair { repair(&run, &id, context)? } else { Vec::new() };
    let report = ledger::verify(&run).map_err(|error| {
        let broken = matches!(error, ledger::VerifyError::Journal(ledger::JournalError::Broken { .. }));
        let kind = if broken { Kind::Integrity } else { Kind::System };
        Error::new(kind, format!("run `{id}` cannot be verified")).because(&error)
    })?;
    let written_over = ledger::written_over(&run)
        .map_err(|error| Error::new(Kind::System, format!("the artifacts of run `{id}` cannot be looked at")).because(&error))?;
    let whole = report.is_ok();
    let mended: Vec<ledger::Finding> = mended.into_iter().filter(|found| !report.findings.contains(found)).collect();
    context.out(&Verified { report: &report, made_anew: &mended, written_over: &written_over }, || {
        let repair = context.workspace.paste().repair(&id);
        text(&report, &mended, &repair) + &notes(&report, &written_over)
    })?;
    Ok(if whole { 0 } else { Kind::Integrity.exit_code() })
}

#[derive(serde::Serialize)]
struct Verified<'r> {
    report: &'r ledger::VerifyReport,
    made_anew: &'r [ledger::Finding],
    /// Artifacts that somebody wrote after they were measured: nothing is wrong with the record.
    written_over: &'r [ledger::WrittenOver],
}

fn notes(report: &ledger::VerifyReport, written_over: &[ledger::WrittenOver]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for one in written_over {
        let now = if one.gone { "was removed" } else { "was written again" };
        let (step, n, receipt) = (&one.at.step, one.execution, &one.receipt);
        let _ = writeln!(text, "  {}: {now} after execution {n} of {step} measured it; {receipt} tells of what it was", one.path);
    }
    if report.is_ok() {
        let but = if written_over.is_empty() { "" } else { ", but for artifacts that were written over later" };
        let _ = writeln!(text, "all is what was written{but}");
    }
    text
}

/// Makes the projections anew; what was found missing or different before.
fn repair(run: &ledger::RunDir, id: &RunId, context: &Context) -> Result<Vec<ledger::Finding>, Error> {
    let now = crate::runner::Clock::after(crate::id::Time::from_ms(0)).now();
    let holder = ledger::Holder { pid: std::process::id(), host: context.workspace.config.host.clone(), since: now };
    let lock = ledger::Lock::take(run, &holder).map_err(|error| match error {
        ledger::LockError::Held(_) => {
            Error::new(Kind::Refused, format!("run `{id}` is driven by another process")).because(&error)
        }
        ledger::LockError::Io(_) => Error::new(Kind::System, format!("run `{id}` cannot be repaired")).because(&error),
    })?;
    let report = ledger::repair(run, &lock).map_err(|error| match error {
        ledger::VerifyError::Journal(error) => {
            Error::new(Kind::Integrity, format!("run `{id}` cannot be repaired")).because(&error)
        }
        other => Error::new(Kind::System, format!("run `{id}` cannot be repaired")).because(&other),
    })?;
    context.workspace.mend_manifest(run, &ledger::Head { seq: report.lines, digest: report.head.clone() }, &lock)?;
    drop(lock);
    context.workspace.tell_whole(run)?;
    Ok(report.findings)
}

fn text(report: &ledger::VerifyReport, made_anew: &[ledger::Finding], repair: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    match &report.broken {
        None => {
            let head =
                if report.head_checked { "its head is the one run.json names" } else { "run.json names no head to compare" };
            let _ = writeln!(text, "journal  {} lines, the chain holds; {head}", report.lines);
        }
        Some((line, why)) => {
            let _ = writeln!(text, "journal  line {line} is broken: {why}");
        }
    }
    if report.torn_bytes > 0 {
        let _ = writeln!(text, "         {} bytes of a line that was never finished (it never happened)", report.torn_bytes);
    }
    if let Some(pid) = report.driven_by_pid {
        let _ = writeln!(text, "         process {pid} drives it: files may lag behind");
    }
    let _ = writeln!(
        text,
        "files    {} executions, {} outputs and {} frozen files compared",
        report.executions, report.streams, report.frozen_files
    );
    if report.pruned > 0 {
        let _ = writeln!(text, "         {} were removed by retention, as retention.jsonl says", report.pruned);
    }
    for finding in made_anew {
        let _ = match &finding.put_aside {
            Some(aside) => {
                writeln!(text, "  {}: made anew, as {}; that is `{aside}` now, and nobody's", finding.path, finding.detail)
            }
            None => writeln!(text, "  {}: made anew", finding.path),
        };
    }
    for finding in &report.findings {
        let what = match finding.kind {
            ledger::FindingKind::Missing => "missing: ",
            ledger::FindingKind::Differs => "differs: ",
            ledger::FindingKind::Unaccounted => "unaccounted: ",
        };
        let lags = if finding.lags { " (its process was killed before it wrote it)" } else { "" };
        let _ = writeln!(text, "  {}: {what}{}{lags}", finding.path, finding.detail);
    }
    if report.findings_omitted > 0 {
        let _ = writeln!(text, "  and {} more", report.findings_omitted);
    }
    if report.broken.is_none() && report.findings.iter().any(|found| found.can_be_made) && made_anew.is_empty() {
        let _ = writeln!(text, "what the journal can make is made anew by: {repair}");
    }
    text
}
