//! The command line: one file per command. Data goes to standard output, everything else to standard error.
//! In: arguments and the environment. Out: text or one JSON object, and an exit code. Never: a rule, a path into a run.

mod agents;
mod args;
mod completions;
mod context;
mod doctor;
mod dry_run;
mod explain;
mod flows;
mod graph;
mod init;
mod list;
mod progress;
mod render;
mod report;
mod resume;
mod retry;
mod review;
mod run;
mod schema;
mod show;
mod status;
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
    // Without it, a write beyond `ulimit -f` ends us where we stand; everything else works all the same.
    drop(crate::runner::survive_size_limit());
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
        Command::List(args) => list::run(args, context),
        Command::Status(args) => status::run(args, context),
        Command::Show(args) => show::run(args, context),
        Command::Explain(args) => explain::run(args, context),
        Command::Report(args) => report::run(args, context),
        Command::Graph(args) => graph::run(args, context),
        Command::Flows(args) => flows::run(args, context),
        Command::Agents(args) => agents::run(args, context),
        Command::Schema(args) => schema::run(args, context),
        Command::Completions(args) => completions::run(args, context),
        Command::Doctor(args) => doctor::run(args, context),
    }
}
