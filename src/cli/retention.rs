//! `retention`: what is kept how long, what is due, holds; and pruning, which a person confirms.
//! Never: a file removed without `--yes` or an answer at the terminal.

use std::{
    io::{BufRead as _, IsTerminal as _},
    path::PathBuf,
};

use clap::{Args, Subcommand};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Kind},
    id::RunId,
    inspect::{Periods, RunKept},
    record::{Archived, Hold, KeptKind},
};

use super::context::{Context, tell};

#[derive(Debug, Args)]
pub struct RetentionArgs {
    #[command(subcommand)]
    pub act: Act,
}

#[derive(Debug, Subcommand)]
pub enum Act {
    /// What each run holds, for how long it is kept, and what is due
    Status {
        /// Runs, as `list` names them; left out, all
        #[arg(value_name = "RUNS")]
        run_ids: Vec<String>,
    },
    /// Remove what is due by the periods of `[retention]` in flow-studio.toml
    Prune {
        /// Runs, as `list` names them; left out, all
        #[arg(value_name = "RUNS")]
        run_ids: Vec<String>,
        /// Say exactly what would go, and remove nothing
        #[arg(long, conflicts_with = "yes")]
        dry_run: bool,
        /// Remove it; without this a person is asked at the terminal
        #[arg(long)]
        yes: bool,
        /// Put a tar.gz of what goes here first, and read it back before anything is removed
        #[arg(long, value_name = "DIR")]
        archive: Option<PathBuf>,
    },
    /// Keep a run, whatever its age
    Hold {
        /// The run, as `list` names it
        run_id: String,
        /// Why it is kept
        #[arg(long)]
        reason: String,
    },
    /// Let a run go the way of the others again
    Release {
        /// The run, as `list` names it
        run_id: String,
    },
}

/// `retention status --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RetentionStatus {
    #[schemars(extend("const" = "flow-studio/retention-status/v1"))]
    pub schema: String,
    pub periods: Periods,
    pub runs: Vec<RunKept>,
    pub bytes: u64,
    pub due_bytes: u64,
}

/// `retention prune --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PruneReport {
    #[schemars(extend("const" = "flow-studio/retention-prune/v1"))]
    pub schema: String,
    pub dry_run: bool,
    pub runs: Vec<PrunedRun>,
    /// Removed, or to be removed.
    pub bytes: u64,
    /// Of runs that an earlier prune had taken the name from when it was killed.
    pub swept: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PrunedRun {
    pub run_id: RunId,
    pub whole_run: bool,
    pub kinds: Vec<KeptKind>,
    pub files: u64,
    pub bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<Archived>,
    /// Why nothing of it went after all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_because: Option<String>,
}

/// `retention hold --json` and `retention release --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HoldReport {
    pub run_id: String,
    pub held: bool,
    pub hold: Hold,
}

pub(super) fn run(args: &RetentionArgs, context: &Context) -> Result<u8, Error> {
    match &args.act {
        Act::Status { run_ids } => status(run_ids, context),
        Act::Prune { run_ids, dry_run, yes, archive } => {
            let archive = archive.as_ref().map(|dir| context.cwd.join(dir));
            prune(run_ids, *dry_run, *yes, archive.as_deref(), context)
        }
        Act::Hold { run_id, reason } => {
            let hold = context.workspace.hold(run_id, reason, context.workspace.now())?;
            let report = HoldReport { run_id: run_id.clone(), held: true, hold };
            context.out(&report, || format!("{run_id} is held: {}", report.hold))?;
            Ok(0)
        }
        Act::Release { run_id } => {
            let hold = context.workspace.release(run_id, context.workspace.now())?;
            let report = HoldReport { run_id: run_id.clone(), held: false, hold };
            context.out(&report, || format!("{run_id} is no longer held; it was: {}", report.hold))?;
            Ok(0)
        }
    }
}

fn status(runs: &[String], context: &Context) -> Result<u8, Error> {
    context.readable(&context.workspace.config.runs_dir)?;
    let periods = context.workspace.periods();
    let runs = context.workspace.retention(runs, context.workspace.now())?;
    let report = RetentionStatus {
        schema: "flow-studio/retention-status/v1".to_owned(),
        bytes: runs.iter().map(|run| run.bytes).sum(),
        due_bytes: runs.iter().map(|run| run.due_bytes).sum(),
        periods,
        runs,
    };
    context.out(&report, || {
        let mut text = periods_text(&report.periods);
        for run in &report.runs {
            text += &format!("{:<28} {:>10}  {}\n", run.run_id.as_str(), size(run.bytes), said(run));
        }
        text + &format!("\n{} in {} runs, {} due\n", size(report.bytes), report.runs.len(), size(report.due_bytes))
    })?;
    Ok(0)
}

fn periods_text(periods: &Periods) -> String {
    if periods.runs.is_none() && periods.kinds.is_empty() {
        return "everything is kept: `[retention]` in flow-studio.toml names no period\n\n".to_owned();
    }
    let kinds = periods.kinds.iter().map(|(kind, days)| format!("{kind} {days}d"));
    let all: Vec<String> =
        kinds.chain([periods.runs.map_or("runs for ever".to_owned(), |days| format!("runs {days}d"))]).collect();
    format!("kept after the end of a run: {}\n\n", all.join(", "))
}

fn said(run: &RunKept) -> String {
    if let Some(why) = &run.kept_because {
        return format!("kept: {why}");
    }
    let age = run.age_days.map(|days| format!("ended {days} days ago")).unwrap_or_default();
    if run.is_due() { format!("{age}; due: {} ({})", what(run), size(run.due_bytes)) } else { age }
}

fn what(run: &RunKept) -> String {
    if run.run_due {
        return "the whole run".to_owned();
    }
    run.due_kinds().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[expect(clippy::cast_precision_loss, reason = "a size for people, to one decimal")]
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut value, mut unit) = (bytes as f64 / 1024.0, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

fn prune(runs: &[String], dry_run: bool, yes: bool, archive: Option<&std::path::Path>, context: &Context) -> Result<u8, Error> {
    context.readable(&context.workspace.config.runs_dir)?;
    let now = context.workspace.now();
    let due: Vec<RunKept> = context.workspace.retention(runs, now)?.into_iter().filter(RunKept::is_due).collect();
    let bytes = due.iter().map(|run| run.due_bytes).sum();
    if !dry_run && !yes && !due.is_empty() {
        confirm(&due, bytes, context)?;
    }
    let mut report =
        PruneReport { schema: "flow-studio/retention-prune/v1".to_owned(), dry_run, runs: Vec::new(), bytes: 0, swept: 0 };
    if !dry_run {
        report.swept = context.workspace.sweep()?;
    }
    for run in &due {
        report.runs.push(if dry_run { planned(run) } else { done(&context.workspace.prune(run, archive, now)?) });
    }
    report.bytes = report.runs.iter().map(|run| run.bytes).sum();
    context.out(&report, || text(&report, due.is_empty()))?;
    Ok(0)
}

/// Pruning removes evidence: a person says so, each time.
fn confirm(due: &[RunKept], bytes: u64, context: &Context) -> Result<(), Error> {
    let list: String = due.iter().map(|run| format!("  {}: {} ({})\n", run.run_id, what(run), size(run.due_bytes))).collect();
    if !(context.asks && std::io::stdout().is_terminal()) {
        return Err(Error::new(Kind::Refused, format!("{} would be removed for good; nobody said yes", size(bytes)))
            .hint("flow-studio retention prune --dry-run     (what would go)")
            .hint("flow-studio retention prune --yes"));
    }
    tell(&format!("This goes for good, {} in all:\n{list}Type yes to remove it: ", size(bytes)), context.color);
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|error| Error::new(Kind::System, "the terminal cannot be read").because(&error))?;
    if line.trim() == "yes" { Ok(()) } else { Err(Error::new(Kind::Refused, "not confirmed; nothing was removed")) }
}

fn planned(run: &RunKept) -> PrunedRun {
    PrunedRun {
        run_id: run.run_id.clone(),
        whole_run: run.run_due,
        kinds: run.due_kinds(),
        files: run.due_files,
        bytes: run.due_bytes,
        archive: None,
        kept_because: None,
    }
}

fn done(run: &crate::workspace::RunPruned) -> PrunedRun {
    let mut line = planned(&run.kept);
    match &run.outcome {
        Ok(pruned) => (line.files, line.bytes, line.archive) = (pruned.files, pruned.bytes, pruned.archive.clone()),
        Err(why) => (line.files, line.bytes, line.kept_because) = (0, 0, Some(why.clone())),
    }
    line
}

fn text(report: &PruneReport, nothing: bool) -> String {
    let mut text = String::new();
    for run in &report.runs {
        let kinds: Vec<&str> = run.kinds.iter().map(|kind| kind.as_str()).collect();
        let what = if run.whole_run { "the whole run".to_owned() } else { kinds.join(", ") };
        text += &match (&run.kept_because, report.dry_run) {
            (Some(why), _) => format!("{}: kept: {why}\n", run.run_id),
            (None, true) => format!("{}: would go: {what}, {} files, {} bytes\n", run.run_id, run.files, run.bytes),
            (None, false) => format!("{}: gone: {what}, {} files, {} bytes\n", run.run_id, run.files, run.bytes),
        };
        if let Some(archive) = &run.archive {
            text += &format!("  kept in {}\n", archive.path);
        }
    }
    if report.swept > 0 {
        text += &format!("{} removed runs, of which something was left, are gone now\n", report.swept);
    }
    if nothing {
        text += "nothing is due\n";
    }
    text
}
