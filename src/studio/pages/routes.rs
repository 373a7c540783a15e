//! Where a flow went and why: its decisions, with the rule and whoever said so.
//! In: a flow of a run. Out: a table. Never: more than `DECISIONS_MAX` rows.

use maud::{Markup, html};

use crate::{
    inspect::{RunView, count},
    kernel::Frame,
};

use super::parts::{moment, step_link, table};

/// Decisions of a flow that are listed, the newest.
const DECISIONS_MAX: usize = 200;

/// Nothing where nothing was decided yet.
pub(super) fn routes(view: &RunView, frame: &Frame) -> Markup {
    let here = view.steps.iter().filter(|(at, _)| at.flow == frame.path);
    let mut all: Vec<_> = here.flat_map(|(_, story)| &story.executions).flat_map(|one| &one.decisions).collect();
    all.sort_by_key(|one| one.timestamp);
    let left_out = all.len().saturating_sub(DECISIONS_MAX);
    let rows = html! {
        @for (at, one) in all.iter().enumerate().skip(left_out) {
            @let before = (at > left_out).then(|| all[at - 1].timestamp);
            tr {
                td { (moment(one.timestamp, before)) }
                th scope="row" { a href=(step_link(&view.run_id, &frame.path, &one.step_id)) { (one.step_id) } }
                td { (one.decision) @for next in &one.next_step_ids { " → " (next) } }
                td { code { (one.rule) } } td { (one.reason) } td { (one.by) }
            }
        }
    };
    html! {
        @if !all.is_empty() {
            details id={ "routes-" (frame.path) } {
                summary { "Where it went, and why" span class="dim" { (count(all.len(), "decision")) } }
                @if left_out > 0 { p class="dim" { (left_out) " older decisions are not listed." } }
                (table(&format!("Decisions of {}", frame.path), &["When", "Step", "Decision", "Rule", "Why", "By"], &rows))
            }
        }
    }
}
