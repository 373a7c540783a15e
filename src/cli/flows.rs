//! `flows` and `agents`: what can be run here, and by whom; a broken file is a line too.

use clap::Args;

use crate::{error::Error, workspace::Catalog};

use super::{
    context::Context,
    render::{Ink, Paint, Table},
};

#[derive(Debug, Args)]
pub struct FlowsArgs {}

pub(super) fn run(_args: &FlowsArgs, context: &Context) -> Result<u8, Error> {
    let workspace = &context.workspace;
    context.readable(&workspace.config.flows_dir)?;
    let catalog = Catalog::new(workspace.config.flows_dir.display().to_string(), workspace.loader().list_flows());
    context.out(&catalog, || render(&catalog, "FLOW", "TITLE", context.color))?;
    Ok(0)
}

/// A description may fill a screen; a list shows how it begins.
const TITLE_CHARS_MAX: usize = 100;

pub(super) fn render(catalog: &Catalog, what: &str, says: &str, color: bool) -> String {
    if catalog.entries.is_empty() {
        return format!("nothing in {}; `flow-studio init` puts a first one there\n", catalog.directory);
    }
    let mut table = Table::new(Paint { color }, "").head(&[what, says]);
    for entry in &catalog.entries {
        let name = (entry.name.clone(), Ink::Strong);
        match (&entry.title, entry.mistakes.as_slice()) {
            (Some(title), _) => table.row([name, (beginning(title), Ink::Plain)]),
            (None, [only]) => table.row([name, (format!("broken: {only}"), Ink::Bad)]),
            (None, all) => table.row([name, (format!("broken: {} mistakes, see `flow-studio validate`", all.len()), Ink::Bad)]),
        }
    }
    table.render()
}

fn beginning(text: &str) -> String {
    let one = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if one.chars().count() <= TITLE_CHARS_MAX {
        return one;
    }
    let cut: String = one.chars().take(TITLE_CHARS_MAX).collect();
    format!("{}…", cut.rsplit_once(' ').map_or(cut.as_str(), |(whole, _)| whole))
}
