//! `explain`: why a step ran, was skipped, ran again, went where it went; each sentence with the file that proves it.

use std::fmt::Write as _;

use clap::Args;

use crate::{
    error::{Error, Kind},
    inspect::{Explanation, NotInRun, explain},
};

use super::{
    context::Context,
    render::{Ink, Paint, standing_ink, wrapped},
};

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The run, as `list` names it
    pub run_id: String,
    /// A step, `step[item]`, or `flow/step`
    pub step: String,
    /// Which flow of the run
    #[arg(long, value_name = "FLOW")]
    pub flow: Option<String>,
}

const WIDTH: usize = 96;

pub(super) fn run(args: &ExplainArgs, context: &Context) -> Result<u8, Error> {
    let (view, _) = context.workspace.view(&args.run_id)?;
    let at = view.find_step(args.flow.as_deref(), &args.step).map_err(not_in_run)?;
    let explanation =
        explain(&view, &at).ok_or_else(|| Error::new(Kind::Usage, format!("step {at} has no story in this run")))?;
    let base = context.named(&context.workspace.runs.path().join(view.run_id.as_str()));
    context.out(&explanation, || render(&explanation, &base, context.color))?;
    Ok(0)
}

pub(super) fn not_in_run(error: NotInRun) -> Error {
    let shown = Error::new(Kind::Usage, error.message);
    match error.hint {
        Some(hint) => shown.hint(hint),
        None => shown,
    }
}

pub(super) fn render(explanation: &Explanation, base: &str, color: bool) -> String {
    let paint = Paint { color };
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} of {} in {}: {}",
        paint.ink(Ink::Strong, explanation.step_id.as_str()),
        explanation.flow_path,
        explanation.run_id,
        paint.ink(standing_ink(explanation.standing), explanation.standing.as_str())
    );
    for defined in &explanation.defined {
        out.push_str(&wrapped(defined, "  ", WIDTH));
    }
    if !explanation.story.is_empty() {
        out.push('\n');
    }
    for sentence in &explanation.story {
        let rule = sentence.rule.map(|rule| format!("rule {rule}, ")).unwrap_or_default();
        let proof = if sentence.proof.ends_with("journal.jsonl") {
            format!("{rule}{} line {}", sentence.proof, sentence.line)
        } else {
            format!("{rule}{}", sentence.proof)
        };
        let _ = writeln!(out, "{}", paint.ink(Ink::Faint, &sentence.at.to_string()));
        out.push_str(&wrapped(&sentence.text, "  ", WIDTH));
        let _ = writeln!(out, "  {}", paint.ink(Ink::Faint, &proof));
    }
    let _ = writeln!(out, "\nnow: {}\n\nfiles in {base}", explanation.now);
    out
}
