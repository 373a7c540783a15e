//! `show`: a run's overview, a step's executions with their files, or one of these files.

use std::fmt::Write as _;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::{Error, Kind},
    id::{StepRef, Time},
    inspect::{
        FileKind, FilesError, Paste, RunSummary, RunView, ShownFile, StatusReport, StepFiles, shown_file, status, step_files,
        summary,
    },
    record::ReceiptStatus,
};

use super::{
    context::{Context, tell},
    explain::not_in_run,
    render::{Ink, Paint, Table, summary_text},
};

/// Items that are named; `status` has all of them.
const ITEMS_TOLD: usize = 20;

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The run, as `list` names it
    pub run_id: String,
    /// A step, `step[item]`, or `flow/step`; left out, the whole run
    pub step: Option<String>,
    /// What ran and what was measured
    #[arg(long, group = "what", requires = "step")]
    pub receipt: bool,
    /// What the next step was told
    #[arg(long, group = "what", requires = "step")]
    pub handoff: bool,
    /// What happened while it ran
    #[arg(long, group = "what", requires = "step")]
    pub log: bool,
    /// The agent's conversation
    #[arg(long, group = "what", requires = "step")]
    pub transcript: bool,
    /// What the agent was told
    #[arg(long, group = "what", requires = "step")]
    pub prompt: bool,
    /// The nth time the step was started; left out, the last
    #[arg(long, value_name = "N", requires = "what")]
    pub execution: Option<u32>,
    /// Which flow of the run
    #[arg(long, value_name = "FLOW")]
    pub flow: Option<String>,
}

/// `show --json`: one of these, by what was asked for.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "shows", rename_all = "kebab-case")]
pub enum Shown {
    Run(Box<Overview>),
    Step(StepFiles),
    File(ShownFile),
}

/// How a run ended or stands, and everything in it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Overview {
    pub summary: RunSummary,
    pub status: StatusReport,
}

impl Overview {
    pub(super) fn new(view: &RunView, paste: &Paste) -> Self {
        Self { summary: summary(view, paste), status: status(view, paste) }
    }
}

impl ShowArgs {
    fn kind(&self) -> Option<FileKind> {
        let asked = [
            (self.receipt, FileKind::Receipt),
            (self.handoff, FileKind::Handoff),
            (self.log, FileKind::Log),
            (self.transcript, FileKind::Transcript),
            (self.prompt, FileKind::Prompt),
        ];
        asked.into_iter().find_map(|(asked, kind)| asked.then_some(kind))
    }
}

pub(super) fn run(args: &ShowArgs, context: &Context) -> Result<u8, Error> {
    let (view, run) = context.workspace.view(&args.run_id)?;
    let mut shown = match (&args.step, args.kind()) {
        (None, _) => Shown::Run(Box::new(Overview::new(&view, &context.workspace.paste()))),
        (Some(step), kind) => {
            let at = view.find_step(args.flow.as_deref(), step).map_err(not_in_run)?;
            match kind {
                None => Shown::Step(step_files(&view, &at)),
                Some(kind) => {
                    Shown::File(shown_file(&view, &run, &at, kind, args.execution).map_err(|error| unshown(&view, &error))?)
                }
            }
        }
    };
    if let Shown::Run(whole) = &mut shown
        && !context.json
    {
        whole.status = super::status::shown(&whole.status, context);
    }
    if let Shown::File(ShownFile { differs: Some(how), .. }) = &shown {
        let repair = context.workspace.paste().repair(&view.run_id);
        tell(&format!("warning: {how}\n  hint     {repair}\n"), context.color);
    }
    let now = context.workspace.now();
    context.out(&shown, || {
        render(&shown, &context.named(&context.workspace.runs.path().join(view.run_id.as_str())), now, context.color)
    })?;
    Ok(0)
}

fn unshown(view: &RunView, error: &FilesError) -> Error {
    match error {
        FilesError::NotRun { step } => {
            Error::new(Kind::Usage, error.to_string()).hint(format!("flow-studio explain {} {step}", view.run_id))
        }
        FilesError::NoExecution { .. } | FilesError::Pruned { .. } => Error::new(Kind::Usage, error.to_string()),
        FilesError::Gone { .. } => {
            Error::new(Kind::Integrity, error.to_string()).hint(format!("flow-studio verify {} --repair", view.run_id))
        }
        FilesError::Io { .. } => Error::new(Kind::System, "the file cannot be shown").because(error),
    }
}

pub(super) fn render(shown: &Shown, base: &str, now: Time, color: bool) -> String {
    match shown {
        Shown::Run(overview) => {
            let told = summary_text(&overview.summary, color);
            format!(
                "{told}{}
files in {base}
",
                super::status::render_flows(&overview.status, now, color)
            )
        }
        Shown::Step(files) => step(files, base, Paint { color }),
        Shown::File(file) => file.text(),
    }
}

fn step(files: &StepFiles, base: &str, paint: Paint) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{} of {} in {}", paint.ink(Ink::Strong, files.step_id.as_str()), files.flow_path, files.run_id);
    if files.executions.is_empty() && !files.items.is_empty() {
        let items: Vec<&str> = files.items.iter().map(StepRef::as_str).take(ITEMS_TOLD).collect();
        let more = if files.items.len() > items.len() { ", …" } else { "" };
        let _ = writeln!(out, "  it runs once per item; its items: {}{more}", items.join(", "));
        return out;
    }
    if files.executions.is_empty() {
        let _ = writeln!(out, "  it has not run yet");
        return out;
    }
    for one in &files.executions {
        let ink = match one.receipt_status {
            Some(ReceiptStatus::Succeeded) => Ink::Good,
            Some(ReceiptStatus::Failed) => Ink::Bad,
            Some(ReceiptStatus::Interrupted) => Ink::Care,
            None => Ink::Busy,
        };
        let word = one.receipt_status.map_or("running", ReceiptStatus::as_str);
        let round = one.iteration.map(|round| format!(", round {round}")).unwrap_or_default();
        let handoff = one.handoff_status.map(|status| format!(", {status}")).unwrap_or_default();
        let (word, handoff) = match &one.marked_done {
            Some(marked) => (marked.told(), String::new()),
            None => (word.to_owned(), handoff),
        };
        let decision = one.decision.map(|decision| format!(", then {decision}")).unwrap_or_default();
        let aside = if one.counts { "" } else { " (no longer counts)" };
        let _ = writeln!(
            out,
            "\nexecution {}{round}, started {}: {}{handoff}{decision}{aside}",
            one.execution,
            one.started_at,
            paint.ink(ink, &word)
        );
        let mut table = Table::new(paint, "  ");
        let mut row = |name: &str, path: Option<&String>| {
            if let Some(path) = path {
                table.row([(name.to_owned(), Ink::Faint), (path.clone(), Ink::Plain)]);
            }
        };
        row("receipt", one.receipt.as_ref());
        row("handoff", one.handoff.as_ref());
        row("transcript", one.transcript.as_ref());
        row("log", Some(&one.log));
        one.output.iter().for_each(|path| row("output", Some(path)));
        out.push_str(&table.render());
    }
    let _ = writeln!(out, "\nfiles in {base}");
    out
}
