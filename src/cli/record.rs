//! `record`: makes a recording of a run's agents, to be replayed.

use std::path::PathBuf;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{error::Error, id::RunId, record::RecordedFile};

use super::context::Context;

#[derive(Debug, Args)]
pub struct RecordArgs {
    /// The run, as `list` names it
    pub run_id: String,
    /// The directory that it is put into; not there yet, or empty
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
}

/// What was recorded: one object, `schemas/cli/record.schema.json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RecordReport {
    pub run_id: RunId,
    pub to: String,
    pub transcripts: Vec<RecordedFile>,
    pub left_out: Vec<LeftOut>,
    /// Transcripts in which a secret was found and blacked out that was none when they were written.
    pub blacked_out: usize,
    /// What to type next.
    pub next: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct LeftOut {
    pub path: String,
    pub why: String,
}

pub(super) fn run(args: &RecordArgs, context: &Context) -> Result<u8, Error> {
    let recorded = context.workspace.record_agents(&args.run_id, &args.to)?;
    let to = context.named(&args.to);
    let flow =
        recorded.index.transcripts.first().and_then(|file| file.path.split(['/', '.']).next()).unwrap_or("FLOW").to_owned();
    let report = RecordReport {
        run_id: recorded.index.run_id,
        next: vec![format!("flow-studio run {flow} --engine replay --recording {to}")],
        to,
        transcripts: recorded.index.transcripts,
        left_out: recorded.left_out.into_iter().map(|(path, why)| LeftOut { path, why }).collect(),
        blacked_out: recorded.blacked_out,
    };
    context.out(&report, || text(&report))?;
    Ok(0)
}

fn text(report: &RecordReport) -> String {
    use std::fmt::Write as _;
    let mut text = format!("run {} recorded in {}\n", report.run_id, report.to);
    for file in &report.transcripts {
        let _ = writeln!(text, "  {}  executions: {}, answers: {}", file.path, file.executions.len(), file.answers);
    }
    for one in &report.left_out {
        let _ = writeln!(text, "  left out  {}: {}", one.path, one.why);
    }
    if report.blacked_out > 0 {
        let _ = writeln!(text, "  secrets that are new since then were blacked out in {} of them", report.blacked_out);
    }
    for next in &report.next {
        let _ = writeln!(text, "  next     {next}");
    }
    text
}
