//! Where a flow went and why: its decisions, with the rule and whoever said so.
//! In: a flow of a run, and which of its decisions. Out: a table. Never: more than `DECISIONS_MAX` rows.

use maud::{Markup, html};

use crate::{
    inspect::{RunView, Window, count},
    kernel::Frame,
};

use super::parts::{flow_link, moment, pager, step_link, table};

/// Decisions of a flow that are listed at once.
const DECISIONS_MAX: usize = 200;

/// Nothing where nothing was decided yet.
pub(super) fn routes(view: &RunView, frame: &Frame, asked: Option<usize>) -> Markup {
    let here = view.steps.iter().filter(|(at, _)| at.flow == frame.path);
    let mut all: Vec<_> = here.flat_map(|(_, story)| &story.executions).flat_map(|one| &one.decisions).collect();
    all.sort_by_key(|one| one.timestamp);
    let shown = Window::of(all.len(), asked, DECISIONS_MAX);
    let rows = html! {
        @for (at, one) in all.iter().enumerate().take(shown.to).skip(shown.from) {
            @let before = (at > shown.from).then(|| all[at - 1].timestamp);
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
            details id={ "routes-" (frame.path) } open[asked.is_some()] {
                summary { "Where it went, and why" span class="dim" { (count(all.len(), "decision")) } }
                (table(&format!("Decisions of {}", frame.path), &["When", "Step", "Decision", "Rule", "Why", "By"], &rows))
                (pager(shown, |from| format!("{}&decisions={from}#routes-{}", flow_link(&view.run_id, &frame.path), frame.path)))
            }
        }
    }
}
