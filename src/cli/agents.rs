//! `agents`: who can be asked to perform a step.

use clap::Args;

use crate::{error::Error, workspace::Catalog};

use super::{context::Context, flows::render};

#[derive(Debug, Args)]
pub struct AgentsArgs {}

pub(super) fn run(_args: &AgentsArgs, context: &Context) -> Result<u8, Error> {
    let workspace = &context.workspace;
    context.readable(&workspace.config.agents_dir)?;
    let catalog = Catalog::new(workspace.config.agents_dir.display().to_string(), workspace.loader().list_agents());
    context.out(&catalog, || render(&catalog, "AGENT", "WHAT IT IS FOR", context.color))?;
    Ok(0)
}
