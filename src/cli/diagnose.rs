//! `diagnose`: what is wrong with a run, where it shows, and what to type next.

use std::fmt::Write as _;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::{Error, Kind},
    inspect::{CAUSES, Class, Diagnosis, Likely, diagnose},
};

use super::{
    context::Context,
    render::{Ink, Paint, Table, wrapped},
};

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 healthy · 1 failed, stuck or wrong output · 4 waiting for a person · 7 security: a secret may be out, or the
record is not what was written. Nothing is written to the run, whatever state it is in; runs of other programs can be looked at too.")]
pub struct DiagnoseArgs {
    /// The run, as `list` names it, or a path to its directory
    #[arg(required_unless_present = "causes")]
    pub run_id: Option<String>,
    /// List the causes that are known, instead of looking at a run
    #[arg(long, conflicts_with = "run_id")]
    pub causes: bool,
}

/// `diagnose --causes --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KnownCauses {
    pub causes: Vec<KnownCause>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct KnownCause {
    pub id: String,
    pub class: Class,
    /// What it means.
    pub means: String,
    /// What to do about it.
    pub remedy: String,
    /// It is worth knowing, and decides nothing.
    pub hint_only: bool,
}

const WIDTH: usize = 96;

pub(super) fn run(args: &DiagnoseArgs, context: &Context) -> Result<u8, Error> {
    let Some(run) = args.run_id.as_ref().filter(|_| !args.causes) else {
        let known = known();
        context.out(&known, || table(&known, context.color))?;
        return Ok(0);
    };
    let (remains, paste) = context.workspace.remains(run)?;
    let diagnosis = diagnose(&remains, &paste);
    context.out(&diagnosis, || render(&diagnosis, &paste.base(&remains.run_id), context.color))?;
    Ok(match diagnosis.class {
        Class::Healthy => 0,
        Class::Failed | Class::Stuck | Class::WrongOutput => 1,
        Class::Waiting => Kind::Waiting.exit_code(),
        Class::Security => Kind::Integrity.exit_code(),
    })
}

fn known() -> KnownCauses {
    let of = |cause: &crate::inspect::Cause| KnownCause {
        id: cause.id.to_owned(),
        class: cause.class,
        means: cause.means.to_owned(),
        remedy: cause.remedy.to_owned(),
        hint_only: cause.weak,
    };
    KnownCauses { causes: CAUSES.iter().map(of).collect() }
}

fn table(known: &KnownCauses, color: bool) -> String {
    let paint = Paint { color };
    let mut table = Table::new(paint, "").head(&["CAUSE", "CLASS", "MEANS"]);
    for cause in &known.causes {
        table.row([
            (cause.id.clone(), Ink::Strong),
            (cause.class.as_str().to_owned(), class_ink(cause.class)),
            (cause.means.clone(), Ink::Plain),
        ]);
    }
    table.render()
}

fn class_ink(class: Class) -> Ink {
    match class {
        Class::Security | Class::Failed => Ink::Bad,
        Class::Stuck | Class::WrongOutput => Ink::Care,
        Class::Waiting => Ink::Person,
        Class::Healthy => Ink::Good,
    }
}

pub(super) fn render(diagnosis: &Diagnosis, base: &str, color: bool) -> String {
    let paint = Paint { color };
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} {}",
        paint.ink(Ink::Strong, diagnosis.run_id.as_str()),
        paint.ink(class_ink(diagnosis.class), diagnosis.class.as_str())
    );
    out.push_str(&wrapped(&diagnosis.headline, "  ", WIDTH));
    let _ = writeln!(out, "\n{}", paint.ink(Ink::Strong, "what was looked at"));
    let mut trail = Table::new(paint, "  ");
    for item in &diagnosis.trail {
        trail.row([(item.path.clone(), Ink::Plain), (item.found.clone(), Ink::Faint)]);
    }
    out.push_str(&trail.render());
    for (at, cause) in diagnosis.causes.iter().enumerate() {
        let head = if at == 0 {
            "\nmost likely"
        } else if at == 1 {
            "\nalso"
        } else {
            ""
        };
        if !head.is_empty() {
            let _ = writeln!(out, "{}", paint.ink(Ink::Strong, head));
        }
        out.push_str(&one(cause, at == 0, paint));
    }
    if !diagnosis.next.is_empty() {
        let _ = writeln!(out, "\n{}", paint.ink(Ink::Strong, "next"));
        for next in &diagnosis.next {
            let _ = writeln!(out, "  {}\n    {}", next.why, paint.ink(Ink::Strong, &next.command));
        }
    }
    let _ = writeln!(out, "\nfiles in {base}");
    out
}

fn one(cause: &Likely, first: bool, paint: Paint) -> String {
    let mut out = format!("  {} ({})\n", paint.ink(Ink::Strong, &cause.id), cause.class.as_str());
    out.push_str(&wrapped(&cause.says, "    ", WIDTH));
    if first {
        out.push_str(&wrapped(&format!("→ {}", cause.remedy), "    ", WIDTH));
    }
    out
}
