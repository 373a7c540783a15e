//! `run --dry-run`: the plan for a person; nothing is run, written or asked.

use std::fmt::Write as _;

use crate::{
    error::{Error, Kind},
    workspace::{DryRun, DryStep, RunRequest, Runs},
};

use super::context::Context;

pub(super) fn run(request: &RunRequest, context: &Context) -> Result<u8, Error> {
    let plan = context.workspace.dry_run(request)?;
    context.out(&plan, || text(&plan))?;
    Ok(if plan.missing.is_empty() { 0 } else { Kind::Invalid.exit_code() })
}

fn text(plan: &DryRun) -> String {
    let mut text = format!("{}: {}\n", plan.flow, plan.title);
    for (name, value) in &plan.params {
        let _ = writeln!(text, "  param    {name} = {value}");
    }
    if !plan.limits.is_empty() {
        let _ = writeln!(text, "  limits   {}", plan.limits.join(", "));
    }
    if let Some(jobs) = plan.jobs {
        let _ = writeln!(text, "  jobs     {jobs}");
    }
    text.push('\n');
    plan.steps.iter().for_each(|step| one(&mut text, step));
    for done in &plan.done {
        let _ = writeln!(text, "done when  {done}");
    }
    for detour in &plan.detours {
        let _ = writeln!(text, "detour     {detour}");
    }
    for missing in &plan.missing {
        let _ = writeln!(text, "missing    {missing}");
    }
    text.push_str("nothing was run\n");
    text
}

fn one(text: &mut String, step: &DryStep) {
    let mark = match step.runs {
        Runs::Yes => ' ',
        Runs::No => '-',
        Runs::Depends => '?',
    };
    let deep = step.step.matches('/').count() * 2;
    let _ = writeln!(text, "{:>3} {mark} {:deep$}{}   {}", step.order, "", step.step, step.does);
    let lines = step.why.iter().chain(&step.asks).chain(&step.notes);
    for line in lines {
        let _ = writeln!(text, "        {:deep$}{line}", "");
    }
}
