//! `retry` executes a step again; `cancel` stops a run for good.

use std::path::PathBuf;

use clap::Args;

use crate::{
    error::Error,
    id::RunId,
    inspect::{in_force, in_force_words},
    workspace::RetryRequest,
};

use super::{
    args::{given, pair},
    context::Context,
    progress::Progress,
    resume::Otherwise,
    run::report_last,
};

#[derive(Debug, Args)]
pub struct RetryArgs {
    /// The run, as `list` names it
    pub run_id: String,
    /// The step to execute again, or one item of it, as in `'send[bob]'`
    #[arg(long, value_name = "STEP")]
    pub step: String,
    /// Which flow of the run; left out, the one that is open or the last
    #[arg(long, value_name = "FLOW")]
    pub flow: Option<String>,
    /// Stop after it
    #[arg(long)]
    pub only: bool,
    /// Change a parameter first; the difference is recorded
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    pub set: Vec<(String, String)>,
    #[command(flatten)]
    pub otherwise: Otherwise,
    /// What the stub engine answers
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// End with 0 when the run waits for a person
    #[arg(long)]
    pub wait_ok: bool,
}

pub(super) fn run(args: &RetryArgs, context: &Context) -> Result<u8, Error> {
    let request = RetryRequest {
        run_id: args.run_id.clone(),
        flow: args.flow.clone(),
        step: args.step.clone(),
        only: args.only,
        set: given(&args.set, None)?,
        scenario: args.scenario.clone(),
        options: args.otherwise.options(),
        at_home: false,
    };
    let mut progress = Progress::new(context);
    let ended = context.workspace.retry(&request, &mut progress);
    progress.finish();
    let ended = ended?;
    let id = RunId::new(&args.run_id).expect("the workspace has just opened it");
    report_last(&id, ended, args.wait_ok, context)
}

#[derive(Debug, Args)]
pub struct CancelArgs {
    /// The run, as `list` names it
    pub run_id: String,
}

pub(super) fn cancel(args: &CancelArgs, context: &Context) -> Result<u8, Error> {
    let mut progress = Progress::new(context);
    let ended = context.workspace.cancel(&args.run_id, &mut progress);
    progress.finish();
    let ended = ended?;
    let delivered = ended.is_none();
    let left = ended.map(|ended| in_force(&ended.state)).unwrap_or_default();
    let mut value = serde_json::json!({"run_id": args.run_id, "cancelled": !delivered, "delivered": delivered});
    if !left.is_empty() {
        value["in_force"] = serde_json::json!(left);
    }
    context.out(&value, || {
        if delivered {
            format!("the process that drives {} was told to cancel it", args.run_id)
        } else {
            let left = in_force_words(&left).map(|left| format!("\n{left}")).unwrap_or_default();
            format!("run {} is cancelled{left}", args.run_id)
        }
    })?;
    Ok(0)
}
