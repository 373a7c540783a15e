//! `import`: a Markdown runbook becomes the draft of a flow.
//! In: a runbook. Out: a flow that loads, and what of the runbook is not in it. Never: a file overwritten unasked.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::{Error, Kind},
    id::FlowKey,
    import::{Drafted, HeldBack, Imported, Kept, RUNBOOK_BYTES_MAX, import, key_of},
    inspect::count,
};

use super::context::{Context, print, tell};

/// So many of one reason are shown; a long runbook has a hundred lines of prose.
const SHOWN_MAX: usize = 6;
const TEXT_CHARS_MAX: usize = 70;

const AFTER: &str = "\
Headings become steps; shell blocks `run`, held to looking where they only look, else behind an approval; tables of parameters \
`params`, expected output `expect`, what is written about a rollback `undo`, a Definition of Done `done`; work for a person, and \
whatever has to be decided, a question. The rest stays as comments where it stood, and is listed.

  flow-studio import docs/restart.md --to -     look at the draft
  flow-studio import docs/restart.md            write flows/restart.yaml
  flow-studio run restart --dry-run             see what it would do";

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct ImportArgs {
    /// The runbook, a Markdown file
    pub runbook: PathBuf,
    /// Where the flow goes [default: <NAME>.yaml where flows are]; - prints it
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// The flow's key [default: the name of the file that is written, else of the runbook]
    #[arg(long, value_name = "KEY")]
    pub name: Option<String>,
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
}

/// `import --json`.
#[derive(Serialize, JsonSchema)]
pub struct ImportReport {
    #[schemars(extend("const" = "flow-studio/import/v1"))]
    pub schema: String,
    pub runbook: String,
    pub flow: String,
    /// Absent: printed, not written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    pub steps: Vec<Drafted>,
    pub params: Vec<String>,
    pub secrets: Vec<String>,
    /// Secrets that stood in the runbook; none of them is in the flow.
    pub held_back: Vec<HeldBack>,
    /// What of the runbook is no more than a comment.
    pub kept: Vec<Kept>,
    /// The flow, where it is printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yaml: Option<String>,
}

pub(super) fn run(args: &ImportArgs, context: &Context) -> Result<u8, Error> {
    let shown = args.runbook.display().to_string();
    let path = context.cwd.join(&args.runbook);
    let mut bytes = Vec::new();
    fs::File::open(&path)
        .and_then(|file| file.take(RUNBOOK_BYTES_MAX as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| Error::new(Kind::Usage, format!("cannot read {shown}")).because(&error))?;
    let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let printed = args.to.as_deref() == Some(Path::new("-"));
    let name = match (&args.name, &args.to) {
        (Some(name), _) => name.clone(),
        (None, Some(to)) if !printed => stem(to),
        (None, _) => key_of(&stem(&args.runbook)),
    };
    let key =
        FlowKey::new(&name).map_err(|bad| Error::new(Kind::Usage, bad.to_string()).hint(format!("--name {}", key_of(&name))))?;
    let to =
        args.to.clone().map_or_else(|| context.workspace.config.flows_dir.join(format!("{key}.yaml")), |to| context.cwd.join(to));
    if !printed && stem(&to) != key.as_str() {
        let error =
            Error::new(Kind::Usage, format!("the flow `{key}` cannot be in {}: a flow is named like its file", to.display()));
        return Err(error.hint(format!("--to {}", to.with_file_name(format!("{key}.yaml")).display())));
    }
    if !printed && !args.force && to.symlink_metadata().is_ok() {
        let error = Error::new(Kind::Usage, format!("{} is there already", to.display()));
        return Err(error.hint("--force replaces it, --name KEY or --to FILE puts the flow elsewhere"));
    }
    let source = args.runbook.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let made = import(&bytes, key.as_str(), &source)
        .map_err(|error| Error::new(Kind::Usage, format!("{shown} cannot become a flow")).because(&error))?;
    context.workspace.check_text(&key, &made.yaml).map_err(|error| {
        error.hint("this is a mistake of `import`, not of the runbook: report it with the part that it comes from")
    })?;
    if printed && !context.json {
        print(&made.yaml)?;
    } else if !printed {
        write(&to, &made.yaml, args.force)?;
    }
    let report = report(made, shown, &key, &to, printed);
    if context.json {
        return context.out(&report, String::new).map(|()| 0);
    }
    if !context.quiet {
        let text = text(&report, &context.named(&to));
        if printed { tell(&text, context.color) } else { context.out(&report, || text)? }
    }
    Ok(0)
}

/// Whole or not at all.
fn write(to: &Path, yaml: &str, force: bool) -> Result<(), Error> {
    let failed = |error: &std::io::Error| Error::new(Kind::System, format!("cannot write {}", to.display())).because(error);
    let dir = to.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(dir).map_err(|error| failed(&error))?;
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(|error| failed(&error))?;
    file.write_all(yaml.as_bytes()).map_err(|error| failed(&error))?;
    let done = if force { file.persist(to) } else { file.persist_noclobber(to) };
    done.map_err(|error| failed(&error.error))?;
    Ok(())
}

fn report(made: Imported, runbook: String, key: &FlowKey, to: &Path, printed: bool) -> ImportReport {
    ImportReport {
        schema: "flow-studio/import/v1".to_owned(),
        runbook,
        flow: key.to_string(),
        written: (!printed).then(|| to.display().to_string()),
        steps: made.steps,
        params: made.params,
        secrets: made.secrets,
        held_back: made.held_back,
        kept: made.kept,
        yaml: printed.then_some(made.yaml),
    }
}

fn text(report: &ImportReport, to: &str) -> String {
    let run = |changes: bool| report.steps.iter().filter(|step| step.verb == "run" && step.changes.is_some() == changes).count();
    let asks = report.steps.iter().filter(|step| step.verb == "ask").count();
    let mut text = match &report.written {
        Some(_) => format!("{to}\n"),
        None => format!("{}\n", report.flow),
    };
    text.push_str(&format!(
        "{}: {} only look, {} change something behind an approval, {asks} ask a person; {}\n",
        count(report.steps.len(), "step"),
        run(false),
        run(true),
        count(report.params.len(), "parameter")
    ));
    for held in &report.held_back {
        text.push_str(&format!(
            "  line {}: a secret ({}) was not taken over; give it as {}\n",
            held.line, held.shape, held.variable
        ));
    }
    text.push_str(&kept(&report.kept));
    text.push_str(&format!("\nRead it whole, then: flow-studio run {} --dry-run\n", report.flow));
    text
}

/// By reason, in the order in which they come; the flow's own end has them all.
fn kept(all: &[Kept]) -> String {
    let mut reasons: Vec<&str> = Vec::new();
    for one in all {
        if !reasons.contains(&one.why.as_str()) {
            reasons.push(&one.why);
        }
    }
    let mut text = if all.is_empty() { String::new() } else { "\nNot part of the flow, or only as a comment:\n".to_owned() };
    for why in reasons {
        let of: Vec<&Kept> = all.iter().filter(|one| one.why == why).collect();
        text.push_str(&format!("  {why}\n"));
        for one in of.iter().take(SHOWN_MAX) {
            let lines = if one.last > one.line { format!("{}-{}", one.line, one.last) } else { one.line.to_string() };
            let short: String = one.text.chars().take(TEXT_CHARS_MAX).collect();
            let more = if one.text.chars().count() > TEXT_CHARS_MAX { "…" } else { "" };
            text.push_str(&format!("    line {lines}: {short}{more}\n"));
        }
        if of.len() > SHOWN_MAX {
            text.push_str(&format!("    and {} more, all of them at the end of the flow\n", of.len() - SHOWN_MAX));
        }
    }
    text
}
