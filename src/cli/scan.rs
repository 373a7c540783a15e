//! `scan`: secrets, files that hold them, and commands that destroy history, looked for before something leaves.

use std::path::PathBuf;

use clap::Args;

use crate::{
    error::{Error, Kind},
    workspace::ScanRequest,
};

use super::context::{Context, tell};

#[derive(Debug, Args)]
pub struct ScanArgs {
    /// A file, a directory (what git ignores is left out), or a run as `list` names it
    #[arg(default_value = ".")]
    pub target: String,
    /// Only lines that were added since this revision of git, committed or not
    #[arg(long, value_name = "REV")]
    pub diff: Option<String>,
    /// The findings that may stay, each with a reason [default: scan-allow.toml of the workspace]
    #[arg(long, value_name = "FILE")]
    pub allow: Option<PathBuf>,
}

pub(super) fn run(args: &ScanArgs, context: &Context) -> Result<u8, Error> {
    let request = ScanRequest { target: args.target.clone(), diff: args.diff.clone(), allow: args.allow.clone() };
    let report = context.workspace.scan(&request)?;
    context.out(&report, || report.log())?;
    if report.is_clean() {
        return Ok(0);
    }
    if let (Some(first), false) = (report.findings.first(), context.json || context.quiet) {
        tell(
            &format!(
                "  hint     take it out; or, if it may stay, into scan-allow.toml:\n           [[allow]]\n           \
                 fingerprint = \"{}\"\n           reason = \"…\"\n",
                first.fingerprint
            ),
            context.color,
        );
    }
    Ok(Kind::Refused.exit_code())
}
