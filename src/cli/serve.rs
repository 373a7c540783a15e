//! `serve`: the studio, in a browser on this machine, and for others by name.

use std::net::SocketAddr;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::Error,
    studio::{self, Options, Origin, Ready},
    workspace::Workspace,
};

use super::context::{self, Context};

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where to listen; port 0 takes a free one. An address that other machines reach needs users with names
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7340")]
    pub bind: SocketAddr,
    /// Where browsers find it, if not there: `https://studio.example` behind a proxy [default: `studio.origin` of the settings]
    #[arg(long, value_name = "URL", value_parser = origin)]
    pub origin: Option<Origin>,
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
    /// Opens the studio on this machine; where it cannot be reached from there, its address.
    pub link: String,
    /// Where users come in by their names; absent: nobody can from another machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

/// `--origin`.
pub(super) fn origin(text: &str) -> Result<Origin, String> {
    Origin::new(text).map_err(|error| [error.message].into_iter().chain(error.hints).collect::<Vec<_>>().join("; "))
}

pub(super) fn run(args: &ServeArgs, context: &Context) -> Result<u8, Error> {
    let tell = |link: &str, origin: Option<&Origin>| {
        let served = Served { link: link.to_owned(), origin: origin.map(ToString::to_string) };
        drop(context.out(&served, || format!("{link}\n")));
    };
    if args.link {
        tell(&studio::link(&context.workspace, args.bind)?, None);
        return Ok(0);
    }
    let workspace = Workspace::new(context.workspace.config.clone(), context.workspace.root.clone());
    let found = workspace.config.studio.origin.as_deref().map(Origin::new).transpose()?;
    let options = Options {
        bind: args.bind,
        origin: args.origin.clone().or(found),
        runs_max: args.max_runs.into(),
        goes_on: !args.no_continue,
    };
    let quiet = context.quiet || context.json;
    studio::serve(workspace, &options, &mut |ready| {
        tell(&ready.link, ready.public.as_ref());
        if !quiet {
            context::tell(&words(ready), context.color);
        }
    })?;
    Ok(0)
}

fn words(ready: &Ready) -> String {
    let mut words = match &ready.public {
        None => "open this link in a browser on this machine; Ctrl-C ends the studio, and no run\n".to_owned(),
        Some(origin) => format!(
            "users come in at {origin}, each by their own link; Ctrl-C ends the studio, and no run\n{}",
            if ready.link.contains("token=") { "the link above is yours, and works on this machine alone\n" } else { "" }
        ),
    };
    if ready.public.as_ref().is_some_and(|origin| !origin.is_secure()) {
        words += "this is HTTP: whoever listens on the way reads pages and tokens; put a proxy that speaks TLS in front, and give \
                  --origin https://… (docs/studio.md)\n";
    }
    if !ready.untrusted.is_empty() {
        words += &format!("{} of ./flow-studio.toml does not count: nobody trusts this directory\n", ready.untrusted.join(", "));
    }
    words
}
