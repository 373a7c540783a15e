//! `diff`: two runs held against each other; what is the same is not told.

use std::fmt::Write as _;

use clap::Args;

use crate::{
    error::Error,
    inspect::{Differs, FlowDiffers, RunDiff, Side, TextDiffers, diff},
};

use super::{
    context::Context,
    explain::not_in_run,
    render::{Ink, Paint, Table, status_words},
};

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 the same but for names, times and durations · 1 they differ")]
pub struct DiffArgs {
    /// A run, as `list` names it
    pub run_a: String,
    /// The run to hold against it
    pub run_b: String,
    /// One flow, with what runs inside it
    #[arg(long, value_name = "FLOW")]
    pub flow: Option<String>,
}

pub(super) fn run(args: &DiffArgs, context: &Context) -> Result<u8, Error> {
    let (a, a_dir) = context.workspace.view(&args.run_a)?;
    let (b, b_dir) = context.workspace.view(&args.run_b)?;
    let flow = match &args.flow {
        // In one of the two it has to be.
        Some(flow) => Some(a.find_flow(Some(flow)).or_else(|_| b.find_flow(Some(flow))).map_err(not_in_run)?),
        None => None,
    };
    let found = diff(Side { view: &a, dir: &a_dir }, Side { view: &b, dir: &b_dir }, flow.as_ref());
    context.out(&found, || render(&found, context.color))?;
    Ok(u8::from(!found.same))
}

pub(super) fn render(found: &RunDiff, color: bool) -> String {
    let paint = Paint { color };
    let mut out = String::new();
    let _ = writeln!(
        out,
        "a {} {}\nb {} {}",
        paint.ink(Ink::Strong, found.a.as_str()),
        status_words(found.a_status, found.a_observed.as_ref()),
        paint.ink(Ink::Strong, found.b.as_str()),
        status_words(found.b_status, found.b_observed.as_ref())
    );
    if found.same {
        out.push_str("\nthey differ in nothing but names, times and durations\n");
        return out;
    }
    out.push_str(&values(&found.run, "", paint));
    for flow in &found.flows {
        out.push_str(&one_flow(flow, paint));
    }
    out
}

fn one_flow(flow: &FlowDiffers, paint: Paint) -> String {
    let mut out = format!("\n{}\n", paint.ink(Ink::Strong, &format!("flow {}", flow.flow_path)));
    if let Some(only) = &flow.only_in {
        let _ = writeln!(out, "  only in {only}");
    }
    out.push_str(&values(&flow.state, "  ", paint));
    if !flow.params.is_empty() {
        out.push_str("  parameters\n");
        out.push_str(&values(&flow.params, "    ", paint));
    }
    flow.definition.iter().chain(&flow.route).for_each(|one| out.push_str(&text(one, paint)));
    for step in &flow.steps {
        let _ = writeln!(out, "  {}", paint.ink(Ink::Strong, &format!("step {}", step.step_id)));
        out.push_str(&values(&step.receipt, "    ", paint));
        out.push_str(&values(&step.measures, "    ", paint));
        step.prompt.iter().for_each(|one| out.push_str(&text(one, paint)));
    }
    out
}

/// What differs, with both values; a digest is told by its first digits.
fn values(all: &[Differs], indent: &'static str, paint: Paint) -> String {
    let mut table = Table::new(paint, indent);
    let shown = |value: &Option<String>| match value.as_deref() {
        None => "-".to_owned(),
        Some(digest) if digest.len() == 64 && digest.chars().all(|c| c.is_ascii_hexdigit()) => digest[..12].to_owned(),
        Some(value) => value.to_owned(),
    };
    for one in all {
        table.row([
            (one.what.clone(), Ink::Plain),
            (shown(&one.a), Ink::Bad),
            ("→".to_owned(), Ink::Faint),
            (shown(&one.b), Ink::Good),
        ]);
    }
    table.render()
}

fn text(one: &TextDiffers, paint: Paint) -> String {
    let mut out = String::new();
    for line in one.diff.lines() {
        let ink = match line.as_bytes().first() {
            Some(b'+') => Ink::Good,
            Some(b'-') => Ink::Bad,
            Some(b'@') => Ink::Busy,
            _ => Ink::Plain,
        };
        let _ = writeln!(out, "  {}", paint.ink(ink, line));
    }
    if one.cut {
        out.push_str("  … the rest is not shown\n");
    }
    out
}
