//! `report`: the story of a flow as Markdown, made from the journal at this moment.

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
    /// Which flow of the run; left out, the last that was started
    #[arg(long, value_name = "FLOW")]
    pub flow: Option<String>,
}

/// `report --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReportText {
    pub run_id: RunId,
    pub flow_path: FramePath,
    pub markdown: String,
}

pub(super) fn run(args: &ReportArgs, context: &Context) -> Result<u8, Error> {
    let (view, _) = context.workspace.view(&args.run_id)?;
    let flow = view.find_flow(args.flow.as_deref()).map_err(not_in_run)?;
    let markdown = report(&view, &flow, &context.workspace.paste())
        .ok_or_else(|| Error::new(Kind::Usage, format!("flow {flow} is not in this run")))?;
    let value = ReportText { run_id: view.run_id.clone(), flow_path: flow, markdown };
    context.out(&value, || value.markdown.clone())?;
    Ok(0)
}
