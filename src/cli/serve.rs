//! `serve`: the studio, in a browser on this machine.

use std::net::SocketAddr;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::Error,
    studio::{self, Options},
    workspace::Workspace,
};

use super::context::{self, Context};

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7340")]
    pub bind: SocketAddr,
    /// Runs that the studio drives at once; what is asked for beyond that waits in the queue
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub max_runs: u16,
    /// Leave runs as they are when their question is answered, and those of this studio that were killed
    #[arg(long)]
    pub no_continue: bool,
    /// Print the link that opens the studio at this address, and end
    #[arg(long)]
    pub link: bool,
}

/// `serve --json`: said once somebody can follow it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Served {
    pub link: String,
}

pub(super) fn run(args: &ServeArgs, context: &Context) -> Result<u8, Error> {
    let tell = |link: &str| {
        let served = Served { link: link.to_owned() };
        drop(context.out(&served, || format!("{link}\n")));
    };
    if args.link {
        tell(&studio::link(&context.workspace, args.bind)?);
        return Ok(0);
    }
    let workspace = Workspace::new(context.workspace.config.clone(), context.workspace.root.clone());
    let quiet = context.quiet || context.json;
    let options = Options { bind: args.bind, runs_max: args.max_runs.into(), goes_on: !args.no_continue };
    studio::serve(workspace, &options, &mut |link| {
        tell(link);
        if !quiet {
            context::tell("open this link in a browser on this machine; Ctrl-C ends the studio, and no run\n", context.color);
        }
    })?;
    Ok(0)
}
