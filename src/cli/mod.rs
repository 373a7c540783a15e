//! The command line: one file per command. Data goes to standard output, everything else to standard error.
//! In: arguments and the environment. Out: text or one JSON object, and an exit code. Never: a rule, a path into a run.

mod args;
mod context;
mod dry_run;
mod init;
mod progress;
mod resume;
mod retry;
mod review;
mod run;
mod test;
mod validate;
mod verify;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser as _;

use crate::error::{Error, Kind};

pub use args::{Cli, Command};
use context::Context;

/// Runs the program.
pub fn main(args: impl IntoIterator<Item = OsString>, vars: impl IntoIterator<Item = (OsString, OsString)>) -> ExitCode {
    let vars: Vec<(OsString, OsString)> = vars.into_iter().collect();
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no mistakes.
            let code = if error.use_stderr() { Kind::Usage.exit_code() } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let json = cli.global.json;
    let color = context::color(&cli.global, &vars);
    let done = Context::new(&cli.global, vars).and_then(|context| dispatch(&cli.command, &context));
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            context::show_error(&error, json, color);
            ExitCode::from(error.kind.exit_code())
        }
    }
}

fn dispatch(command: &Command, context: &Context) -> Result<u8, Error> {
    match command {
        Command::Run(args) => run::run(args, context),
        Command::Resume(args) => resume::run(args, context),
        Command::Retry(args) => retry::run(args, context),
        Command::Cancel(args) => retry::cancel(args, context),
        Command::Review(args) => review::run(args, context),
        Command::Validate(args) => validate::run(args, context),
        Command::Verify(args) => verify::run(args, context),
        Command::Init(args) => init::run(args, context),
        Command::Test(args) => test::run(args, context),
        Command::Doctor(args) => init::doctor(args, context),
    }
}
