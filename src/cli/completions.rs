//! `completions`: the script that lets a shell complete this program's arguments.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::error::Error;

use super::{args::Cli, context::print};

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    pub shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs) -> Result<u8, Error> {
    print(&script(args.shell))?;
    Ok(0)
}

pub(super) fn script(shell: Shell) -> String {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "flow-studio", &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}
