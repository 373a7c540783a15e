//! `report`: the story of a flow as Markdown, or of a run as one HTML file, made from the journal at this moment.

use std::{io::Write as _, path::PathBuf};

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::{Error, Kind},
    id::{FramePath, RunId},
    inspect::report,
};

use super::{context::Context, explain::not_in_run};

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The run, as `list` names it
    pub run_id: String,
    /// Which flow of the run; left out, the last that was started, and as HTML all of them
    #[arg(long, value_name = "FLOW")]
    pub flow: Option<String>,
    /// One HTML file with everything in it: no script, nothing from elsewhere
    #[arg(long)]
    pub html: bool,
    /// Write it here; `-`, or left out: to standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `report --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReportText {
    pub run_id: RunId,
    pub flow_path: FramePath,
    pub markdown: String,
    /// With `--html`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}

pub(super) fn run(args: &ReportArgs, context: &Context) -> Result<u8, Error> {
    let (view, _) = context.workspace.view(&args.run_id)?;
    let flow = view.find_flow(args.flow.as_deref()).map_err(not_in_run)?;
    let markdown = report(&view, &flow, &context.workspace.paste())
        .ok_or_else(|| Error::new(Kind::Usage, format!("flow {flow} is not in this run")))?;
    let html = args.html.then(|| context.workspace.run_html(&view, args.flow.as_ref().map(|_| &flow))).transpose()?;
    let value = ReportText { run_id: view.run_id.clone(), flow_path: flow, markdown, html };
    let text = value.html.as_ref().unwrap_or(&value.markdown);
    match args.out.as_ref().filter(|path| path.as_os_str() != "-") {
        None => context.out(&value, || text.clone())?,
        Some(path) => {
            let path = context.cwd.join(path);
            put(&path, text)?;
            context.out(&value, || format!("written: {}", context.named(&path)))?;
        }
    }
    Ok(0)
}

/// Whole or not at all; a file that is there is replaced.
fn put(path: &std::path::Path, text: &str) -> Result<(), Error> {
    let fail = |error: &std::io::Error| {
        Error::new(Kind::System, format!("cannot write {}", path.display())).because(error).hint("give another --out FILE")
    };
    let above = path.parent().unwrap_or(path);
    let mut file = tempfile::NamedTempFile::new_in(above).map_err(|error| fail(&error))?;
    file.write_all(text.as_bytes()).map_err(|error| fail(&error))?;
    file.persist(path).map_err(|error| fail(&error.error))?;
    Ok(())
}
