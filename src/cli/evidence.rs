//! `evidence`: the panel of a run: each measure, whether it still holds, whether the measures agree.

use std::fmt::Write as _;

use clap::Args;

use crate::{
    error::{Error, Kind},
    inspect::{Freshness, Metric, Panel, Verdict, evidence},
};

use super::{
    context::Context,
    render::{Ink, Paint, Table, status_words, wrapped},
};

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 what was measured agrees · 1 something contradicts · 4 something that should be known is not: a person has to look.
It may be called from a step of the run that it looks at: flow-studio evidence \"$RUN_BASE\" --json")]
pub struct EvidenceArgs {
    /// The run, as `list` names it, or a path to its directory
    pub run_id: String,
    /// One flow of the run, with what runs inside it
    #[arg(long, value_name = "FLOW")]
    pub flow: Option<String>,
}

const WIDTH: usize = 96;

pub(super) fn run(args: &EvidenceArgs, context: &Context) -> Result<u8, Error> {
    let (remains, paste) = context.workspace.remains(&args.run_id)?;
    if let Some(flow) = &args.flow {
        let mut flows: Vec<String> = remains.rans.iter().map(|ran| ran.flow.clone()).collect();
        flows.extend(remains.view.iter().flat_map(|view| view.frames().map(|frame| frame.path.to_string())));
        flows.sort();
        flows.dedup();
        if !flows.contains(flow) {
            let has =
                if flows.is_empty() { "no flow was started in it".to_owned() } else { format!("it has: {}", flows.join(", ")) };
            return Err(Error::new(Kind::Usage, format!("run `{}` has no flow `{flow}`", remains.run_id)).hint(has));
        }
    }
    let panel = evidence(&remains, args.flow.as_deref(), &paste);
    context.out(&panel, || render(&panel, &paste.base(&remains.run_id), context.color))?;
    Ok(match panel.verdict {
        Verdict::Agrees => 0,
        Verdict::Contradicts => 1,
        Verdict::Unknown => Kind::Waiting.exit_code(),
    })
}

pub(super) fn verdict_ink(verdict: Verdict) -> Ink {
    match verdict {
        Verdict::Agrees => Ink::Good,
        Verdict::Unknown => Ink::Care,
        Verdict::Contradicts => Ink::Bad,
    }
}

pub(super) fn render(panel: &Panel, base: &str, color: bool) -> String {
    let paint = Paint { color };
    let mut out = String::new();
    let of = panel.flow.as_deref().map(|flow| format!(", flow {flow}")).unwrap_or_default();
    let status = panel.status.map(|status| format!(" ({})", status_words(status, panel.observed.as_ref()))).unwrap_or_default();
    let _ = writeln!(
        out,
        "{}{of}{status}: {}",
        paint.ink(Ink::Strong, panel.run_id.as_str()),
        paint.ink(verdict_ink(panel.verdict), panel.verdict.as_str())
    );
    out.push_str(&wrapped(&panel.headline, "  ", WIDTH));
    out.push('\n');
    let mut table = Table::new(paint, "  ");
    for metric in &panel.metrics {
        let (word, ink) = standing(metric);
        let figure = metric.figure.as_deref().or(metric.reason.as_deref()).unwrap_or_default();
        let figure_ink = if metric.red { Ink::Bad } else { Ink::Plain };
        table.row([(metric.metric.as_str().to_owned(), Ink::Strong), (word.to_owned(), ink), (figure.to_owned(), figure_ink)]);
        for says in &metric.says {
            table.row([(String::new(), Ink::Plain), (String::new(), Ink::Plain), (says.clone(), ink)]);
        }
        for source in metric.sources.iter().take(SOURCES_MAX) {
            let evidence = source.evidence.as_deref().filter(|path| *path != source.path).map(|path| format!(", {path}"));
            let text = format!("{}{}", source.path, evidence.unwrap_or_default());
            table.row([(String::new(), Ink::Plain), (String::new(), Ink::Plain), (text, Ink::Faint)]);
        }
        if metric.sources.len() > SOURCES_MAX {
            let more = format!("and {} more", metric.sources.len() - SOURCES_MAX);
            table.row([(String::new(), Ink::Plain), (String::new(), Ink::Plain), (more, Ink::Faint)]);
        }
    }
    out.push_str(&table.render());
    if !panel.hotspots.is_empty() {
        let _ = writeln!(out, "\n{}", paint.ink(Ink::Strong, "look at"));
        let mut table = Table::new(paint, "  ");
        for spot in &panel.hotspots {
            table.row([(spot.path.clone(), Ink::Plain), (spot.why.join("; "), Ink::Faint)]);
        }
        out.push_str(&table.render());
    }
    if !panel.unknowns.is_empty() {
        let _ = writeln!(out, "\n{}", paint.ink(Ink::Strong, "not known"));
        for unknown in &panel.unknowns {
            out.push_str(&wrapped(&format!("- {unknown}"), "  ", WIDTH));
        }
    }
    for next in &panel.next {
        let _ = writeln!(out, "\nnext  {}\n      {}", next.why, paint.ink(Ink::Strong, &next.command));
    }
    let _ = writeln!(out, "\nfiles in {base}");
    out
}

/// Sources of one metric that are shown; `--json` has all.
const SOURCES_MAX: usize = 3;

fn standing(metric: &Metric) -> (&'static str, Ink) {
    if !metric.measured {
        return ("not measured", Ink::Faint);
    }
    match (metric.verdict, metric.freshness) {
        (Verdict::Contradicts, _) => ("contradicts", Ink::Bad),
        (Verdict::Agrees | Verdict::Unknown, Some(Freshness::Stale)) => ("stale", Ink::Care),
        (Verdict::Unknown, Some(Freshness::Fresh | Freshness::Unknown) | None) => ("unknown", Ink::Care),
        (Verdict::Agrees, Some(Freshness::Fresh | Freshness::Unknown) | None) => ("agrees", Ink::Good),
    }
}
