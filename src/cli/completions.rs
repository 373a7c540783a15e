//! `completions`: the script that lets a shell complete this program's arguments.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::error::Error;

use super::{
    args::Cli,
    context::{Context, print, print_json},
};

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    pub shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs, context: &Context) -> Result<u8, Error> {
    let script = script(args.shell);
    if context.json {
        print_json(&serde_json::json!({ "shell": args.shell.to_string(), "script": script }))?;
    } else {
        // Not through `out`: what a shell is to read holds what a terminal would obey.
        print(&script)?;
    }
    Ok(0)
}

pub(super) fn script(shell: Shell) -> String {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "flow-studio", &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}
