//! `graph`: a flow drawn, as Mermaid, DOT or SVG; with `--run`, coloured by how its steps stand.

use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::{Error, Kind},
    id::FlowKey,
    inspect::marks,
    plan::draw::{self, Marks},
};

use super::{context::Context, explain::not_in_run};

#[derive(Debug, Args)]
pub struct GraphArgs {
    /// The flow: a file's stem in the flows directory
    pub flow: String,
    #[arg(long, value_enum, default_value_t = Format::Mermaid)]
    pub format: Format,
    /// Draw the flow as it was frozen in this run, coloured by how its steps stand
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Mermaid,
    Dot,
    Svg,
}

/// `graph --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Graph {
    pub flow: String,
    pub format: Format,
    pub text: String,
}

pub(super) fn run(args: &GraphArgs, context: &Context) -> Result<u8, Error> {
    let (plan, marks) = match &args.run {
        Some(run) => {
            let (view, _) = context.workspace.view(run)?;
            let path = view.find_flow(Some(&args.flow)).map_err(not_in_run)?;
            let frame =
                view.state.frame(&path).ok_or_else(|| Error::new(Kind::Usage, format!("run `{run}` has no flow `{path}`")))?;
            (frame.plan.clone(), marks(&view, frame))
        }
        None => {
            let key = FlowKey::new(&args.flow).map_err(|bad| Error::new(Kind::Usage, bad.to_string()))?;
            let (book, _) = context.workspace.book(&key, false)?;
            let plan = book.flows.get(&key).cloned();
            (plan.ok_or_else(|| Error::new(Kind::Invalid, format!("there is no flow `{key}`")))?, Marks::default())
        }
    };
    let text = match args.format {
        Format::Mermaid => draw::mermaid(&plan, &marks),
        Format::Dot => draw::dot(&plan, &marks),
        Format::Svg => draw::svg(&plan, &marks),
    };
    let graph = Graph { flow: args.flow.clone(), format: args.format, text };
    context.out(&graph, || graph.text.clone())?;
    Ok(0)
}
