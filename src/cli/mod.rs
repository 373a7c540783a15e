//! The command line: one file per command. Data goes to standard output, everything else to standard error.
//! In: arguments and the environment. Out: text or one JSON object, and an exit code. Never: a rule, a path into a run.

mod agents;
mod args;
mod completions;
mod context;
mod diagnose;
mod diff;
mod doctor;
mod dry_run;
mod evidence;
mod explain;
mod flows;
mod graph;
mod import;
mod init;
mod list;
mod progress;
mod record;
mod render;
mod report;
mod resume;
mod retention;
mod retry;
mod review;
mod run;
mod scan;
mod schema;
mod serve;
mod show;
mod status;
mod test;
mod users;
mod validate;
mod verify;

use std::{ffi::OsString, process::ExitCode};

use crate::error::{Error, Kind};

pub use args::{Cli, Command};
use context::Context;

/// Runs the program.
pub fn main(args: impl IntoIterator<Item = OsString>, vars: impl IntoIterator<Item = (OsString, OsString)>) -> ExitCode {
    let vars: Vec<(OsString, OsString)> = vars.into_iter().collect();
    let args: Vec<OsString> = args.into_iter().collect();
    let cli = match Cli::read(&args) {
        Ok(cli) => cli,
        Err(error) => return misused(&error, args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json")),
    };
    let json = cli.global.json;
    let color = context::color(&cli.global, &vars);
    // Without it, a write beyond `ulimit -f` ends us where we stand; everything else works all the same.
    drop(crate::runner::survive_size_limit());
    let mut context = match Context::new(&cli.global, vars) {
        Ok(context) => context,
        Err(error) => {
            context::show_error(&error, json, color);
            return ExitCode::from(error.kind.exit_code());
        }
    };
    let done = match (&cli.command, context.broken.take()) {
        (Command::Doctor(_), broken) => {
            context.broken = broken;
            dispatch(&cli.command, &context)
        }
        (_, Some(broken)) => Err(broken),
        (_, None) => dispatch(&cli.command, &context),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(mut error) => {
            // A hint is for pasting: it names the runs that this command looked at.
            let paste = context.workspace.paste();
            error.hints.iter_mut().for_each(|hint| *hint = paste.spelled(hint));
            context::show_error(&error, json, color);
            ExitCode::from(error.kind.exit_code())
        }
    }
}

/// Help and version are no mistakes; everything else is, for a program that reads JSON as for a person.
fn misused(error: &clap::Error, json: bool) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if json {
        let text = error.to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let hint = |line: &str| line.trim().strip_prefix("tip: ").or_else(|| line.strip_prefix("Usage: ")).map(str::to_owned);
        let told = text.lines().filter_map(hint).fold(Error::new(Kind::Usage, message), Error::hint);
        let _ = context::print_json(&serde_json::json!({ "error": told }));
    }
    let _ = error.print();
    ExitCode::from(Kind::Usage.exit_code())
}

fn dispatch(command: &Command, context: &Context) -> Result<u8, Error> {
    match command {
        Command::Run(args) => run::run(args, context),
        Command::Resume(args) => resume::run(args, context),
        Command::Retry(args) => retry::run(args, context),
        Command::Cancel(args) => retry::cancel(args, context),
        Command::Review(args) => review::run(args, context),
        Command::Validate(args) => validate::run(args, context),
        Command::Scan(args) => scan::run(args, context),
        Command::Verify(args) => verify::run(args, context),
        Command::Import(args) => import::run(args, context),
        Command::Init(args) => init::run(args, context),
        Command::Test(args) => test::run(args, context),
        Command::List(args) => list::run(args, context),
        Command::Status(args) => status::run(args, context),
        Command::Show(args) => show::run(args, context),
        Command::Explain(args) => explain::run(args, context),
        Command::Diagnose(args) => diagnose::run(args, context),
        Command::Evidence(args) => evidence::run(args, context),
        Command::Diff(args) => diff::run(args, context),
        Command::Record(args) => record::run(args, context),
        Command::Report(args) => report::run(args, context),
        Command::Retention(args) => retention::run(args, context),
        Command::Graph(args) => graph::run(args, context),
        Command::Flows(args) => flows::run(args, context),
        Command::Agents(args) => agents::run(args, context),
        Command::Schema(args) => schema::run(args, context),
        Command::Completions(args) => completions::run(args, context),
        Command::Doctor(args) => doctor::run(args, context),
        Command::Serve(args) => serve::run(args, context),
        Command::Users(args) => users::run(args, context),
    }
}
