//! The last words of a run: a screenful with what was found, the likely cause and the next command.

use std::fmt::Write as _;

use crate::inspect::{Health, RunSummary};

use super::{Ink, Paint, Table};

pub fn summary_text(summary: &RunSummary, color: bool) -> String {
    let paint = Paint { color };
    let (word, ink) = match summary.health {
        Health::Failed => ("failed", Ink::Bad),
        Health::Stuck => ("stuck", Ink::Care),
        Health::Waiting => ("waiting", Ink::Person),
        Health::Cancelled => ("cancelled", Ink::Care),
        Health::Healthy => ("healthy", Ink::Good),
    };
    let mut out = format!("{} {}: {}\n", paint.ink(Ink::Strong, summary.run_id.as_str()), paint.ink(ink, word), summary.headline);
    if let Some(cause) = &summary.cause {
        let _ = writeln!(out, "  likely cause  {cause}");
    }
    for warning in &summary.warnings {
        let _ = writeln!(out, "  {}       {warning}", paint.ink(Ink::Care, "warning"));
    }
    let mut table = Table::new(paint, "    ");
    for item in &summary.trail {
        table.row([(item.path.clone(), Ink::Plain), (item.found.clone(), Ink::Faint)]);
    }
    out.push_str(&table.render());
    for next in &summary.next {
        let _ = writeln!(out, "  next          {}\n                {}", next.why, paint.ink(Ink::Strong, &next.command));
    }
    out
}
