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
    pub run_id: String,
    /// Make missing and changed projections anew
    #[arg(long)]
    pub repair: bool,
}

pub(super) fn run(args: &VerifyArgs, context: &Context) -> Result<u8, Error> {
    let id = RunId::new(&args.run_id).map_err(|bad| Error::new(Kind::Usage, bad.to_string()))?;
    let run = context.workspace.runs.open(&id);
    let run = run.map_err(|error| Error::new(Kind::Usage, format!("there is no run `{id}`")).because(&error))?;
    let system = |error: &dyn std::error::Error| Error::new(Kind::System, format!("run `{id}` cannot be verified: {error}"));
    let report = if args.repair {
        ledger::repair(&run).map_err(|error| system(&error))?
    } else {
        ledger::verify(&run).map_err(|error| system(&error))?
    };
    let whole = report.is_whole();
    context.out(&report, || report.to_string())?;
    Ok(if whole { 0 } else { Kind::Integrity.exit_code() })
}
