//! The steps of a flow as a list, which says the same as its picture: loops, what ran inside a step, who is waited for.
//! In: a flow of a run, the first row. Out: a table. Never: more than `ROWS_MAX` rows at once.

use maud::{Markup, html};

use crate::{
    id::Time,
    inspect::{FlowReport, RunView, Standing, StepLine, Window, length, opened_by, taken_back_words},
    kernel::Frame,
};

use super::parts::{ago, flow_link, pager, run_badge, standing_badge, step_link, table_of};

/// A flow of 500 steps is one list; the items of a `for_each` step may be many more.
const ROWS_MAX: usize = 600;
/// Flows that are listed below a step, the last ones.
const INSIDE_MAX: usize = 20;

pub(super) fn steps(view: &RunView, frame: &Frame, flow: &FlowReport, from: usize, now: Time) -> Markup {
    let all = flow.steps.len();
    let shown = Window::of(all, Some(if from < all { from } else { 0 }), ROWS_MAX);
    let rows = html! { @for step in &flow.steps[shown.from..shown.to] { (row(view, frame, flow, step, now)) (inside(view, frame, step, flow)) } };
    let columns = ["Step", "Stands", "What", "Executions", "Took", "Then"];
    html! {
        details open id={ "steps-" (flow.flow_path) } {
            summary { "Steps" span class="dim" { (all) } }
            (table_of("steps", &format!("Steps of {}", flow.flow_path), &columns, &rows))
            (pager(shown, |from| format!("{}&from={from}#steps-{}", flow_link(&view.run_id, &frame.path), frame.path)))
        }
    }
}

fn row(view: &RunView, frame: &Frame, flow: &FlowReport, step: &StepLine, now: Time) -> Markup {
    let back = frame.plan.find(step.step_id.as_str()).and_then(|at| {
        let one = frame.plan.loops.get(frame.plan.step(at).ends_loop?)?;
        Some((&frame.plan.step(one.first).spec.id, one.iterations_max))
    });
    let dimmed = matches!(step.standing, Standing::Skipped | Standing::Stopped);
    html! {
        tr class=[dimmed.then_some("dimmed")] {
            th scope="row" {
                a href=(step_link(&view.run_id, &frame.path, &step.step_id)) { (step.step_id) }
                @if let Some(title) = &step.title { " " span class="dim" { (title) } }
            }
            td {
                @match &step.marked_done {
                    Some(word) => { span class="badge concerns" title=(word.told()) { (word.words()) } }
                    None => { (standing_badge(step.standing)) }
                }
                @if let Some(whole) = step.taken_back { " " span class=[whole.then_some("dim")] { (taken_back_words(whole)) } }
                @if let Some(running) = flow.running.iter().find(|one| one.step_id == step.step_id) { " " (ago(running.since, now)) }
                @if let Some(retry) = flow.retrying.iter().find(|one| one.step_id == step.step_id) { " " span class="dim" { "attempt " (retry.attempt) " due " (retry.due) } }
            }
            td { (step.verb) @if let Some((to, most)) = back { br; span class="dim" { "↺ back to " (to) ", at most " (most) " rounds" } } }
            td { (step.executions) @if let Some(round) = step.iteration { ", round " (round) } }
            td { (step.duration_ms.map(length).unwrap_or_default()) }
            td { (step.decision.map(|one| one.to_string()).unwrap_or_default()) }
        }
    }
}

/// Sub-flows, known fixes and what was put in stand under the step that they ran for.
fn inside(view: &RunView, frame: &Frame, step: &StepLine, flow: &FlowReport) -> Markup {
    // An item of a `for_each` step opens flows of its own.
    let here = |child: &&Frame| match child.parent.as_deref() {
        Some(crate::record::Parent::Rollback { failed, .. }) => *failed == step.step_id,
        Some(
            crate::record::Parent::SubFlow { at }
            | crate::record::Parent::Undo { at, .. }
            | crate::record::Parent::Detour { at, .. }
            | crate::record::Parent::Injected { at, .. },
        ) => at.step == step.step_id,
        None => false,
    };
    let all: Vec<&Frame> = view.children(&frame.path).filter(here).collect();
    let left_out = all.len().saturating_sub(INSIDE_MAX);
    html! {
        @if left_out > 0 { tr class="inside" { td colspan="6" { "↳ " (left_out) " flows before these" } } }
        @for child in &all[left_out..] {
            @let what = opened_by(child).map(|(_, what)| what).unwrap_or_default();
            tr class="inside" {
                th scope="row" { span aria-hidden="true" { "↳ " } a href=(flow_link(&view.run_id, &child.path)) { (what) } }
                td colspan="5" { (run_badge(crate::inspect::flow_status(view, child))) " " span class="dim" { "inside " (step.step_id) " of " (flow.flow_path) } }
            }
        }
    }
}
