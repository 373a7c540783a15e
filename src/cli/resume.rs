//! `resume`: goes on with a run.

use std::path::PathBuf;

use clap::Args;

use crate::{error::Error, id::RunId, record::ResumeOptions, workspace::ResumeRequest};

use super::{context::Context, progress::Progress, run::report_last};

#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The run, as `list` names it
    pub run_id: String,
    /// Which flow of the run; left out, the one that is open
    #[arg(long, value_name = "FLOW")]
    pub flow: Option<String>,
    /// Execute this step and all that depends on it again
    #[arg(long, value_name = "STEP")]
    pub from: Option<String>,
    /// Adopt the flow as it stands on disk today
    #[arg(long)]
    pub refresh: bool,
    #[command(flatten)]
    pub otherwise: Otherwise,
    /// What the stub engine answers
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// Stay and wait for answers instead of ending with exit code 4
    #[arg(long)]
    pub wait_for_human: bool,
    /// End with 0 when the run waits for a person
    #[arg(long)]
    pub wait_ok: bool,
}

// How the run goes on from here, if not as before. (As a doc comment it would be the help of the command.)
#[derive(Debug, Args)]
pub struct Otherwise {
    /// Steps at once from here on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub jobs: Option<u32>,
    /// From here on, run steps that promise `access: observe` or `network: none` also where nothing enforces it
    #[arg(long)]
    pub allow_unenforced: bool,
}

impl Otherwise {
    pub(super) fn options(&self) -> ResumeOptions {
        ResumeOptions { jobs: self.jobs, allow_unenforced: self.allow_unenforced }
    }
}

pub(super) fn run(args: &ResumeArgs, context: &Context) -> Result<u8, Error> {
    let request = ResumeRequest {
        run_id: args.run_id.clone(),
        flow: args.flow.clone(),
        from: args.from.clone(),
        refresh: args.refresh,
        options: args.otherwise.options(),
        scenario: args.scenario.clone(),
        wait_for_human: args.wait_for_human,
        at_home: false,
    };
    let mut progress = Progress::new(context);
    let ended = context.workspace.resume(&request, &mut progress);
    progress.finish();
    let ended = ended?;
    let id = RunId::new(&args.run_id).expect("the workspace has just opened it");
    report_last(&id, ended, args.wait_ok, context)
}
