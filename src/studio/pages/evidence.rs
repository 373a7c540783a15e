//! The evidence panel of a run: each measure, whether it still holds, whether the measures agree.
//! In: a run, one of its flows perhaps. Out: what `evidence` prints, as a page. Never: a figure of its own.

use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::Response,
};
use maud::{Markup, html};
use serde::Deserialize;

use crate::{
    id::RunId,
    inspect::{Freshness, Metric, Panel, Remains, Verdict, evidence as panel_of},
    workspace::Workspace,
};

use super::{
    super::{problem::Problem, server::Studio},
    Page, Place,
    parts::{Tab, enc, ended, events, next, observed_badge, run_id, run_link, sentence, table, tabs},
    shown,
};

/// Sources of one measure that are named, the last.
const SOURCES_MAX: usize = 5;

#[derive(Debug, Default, Deserialize)]
pub(in crate::studio) struct Which {
    flow: Option<String>,
}

pub(in crate::studio) async fn evidence(
    State(studio): State<Studio>,
    Path(run): Path<String>,
    Query(which): Query<Which>,
) -> Response {
    shown(studio.blocking(move |workspace| page(workspace, &run, which.flow.as_deref())).await)
}

fn page(workspace: &Workspace, run: &str, flow: Option<&str>) -> Result<Page, Problem> {
    let id = run_id(run)?;
    let (remains, paste) = workspace.remains(id.as_str())?;
    let flow = flow.filter(|flow| !flow.is_empty());
    let mut flows: Vec<String> = remains.rans.iter().map(|ran| ran.flow.clone()).collect();
    flows.extend(remains.view.iter().flat_map(|view| view.frames().map(|frame| frame.path.to_string())));
    flows.sort();
    flows.dedup();
    if let Some(flow) = flow.filter(|flow| !flows.iter().any(|known| known == flow)) {
        return Err(Problem::new(StatusCode::NOT_FOUND, format!("run `{id}` has no flow `{flow}`")));
    }
    let panel = panel_of(&remains, flow, &paste);
    let body = html! {
        h1 { "Evidence of " (id) " " @if let Some(status) = panel.status { (observed_badge(status, panel.observed.as_ref())) } }
        (tabs(&id, Tab::Evidence))
        p class="verdict" { (verdict(panel.verdict)) " " (sentence(&panel.headline)) }
        @if flows.len() > 1 { (chooser(&id, &flows, flow)) }
        (measures(&id, &panel))
        @if !panel.contradictions.is_empty() {
            h2 { "What does not fit together" }
            ul { @for one in &panel.contradictions { li class="failed" { (sentence(one)) } } }
        }
        @if !panel.hotspots.is_empty() {
            h2 { "Look at" }
            ul { @for spot in &panel.hotspots { li { code { (spot.path) } " " (spot.why.join("; ")) } } }
        }
        @if !panel.unknowns.is_empty() {
            h2 { "Not known" }
            ul { @for one in &panel.unknowns { li { (sentence(one)) } } }
        }
        (next(&panel.next))
    };
    let live = live(&remains, &id);
    Ok(Page { title: format!("Evidence of {id}"), place: Place::Runs, live, body })
}

/// The events after which another look at it may show something else.
pub(super) fn live(remains: &Remains, run: &RunId) -> Option<String> {
    let view = remains.view.as_ref()?;
    (!ended(view.status(), false)).then(|| events(run, view.state.seq))
}

fn chooser(run: &RunId, flows: &[String], flow: Option<&str>) -> Markup {
    html! {
        form class="filter" method="get" action={ (run_link(run)) "/evidence" } {
            label { "Flow " select name="flow" {
                option value="" { "all of the run" }
                @for one in flows { option value=(one) selected[Some(one.as_str()) == flow] { (one) } }
            } }
            button { "Show" }
        }
    }
}

fn verdict(verdict: Verdict) -> Markup {
    let (class, glyph) = match verdict {
        Verdict::Agrees => ("succeeded", "✓"),
        Verdict::Unknown => ("concerns", "?"),
        Verdict::Contradicts => ("failed", "✗"),
    };
    html! { span class={ "badge " (class) } { span aria-hidden="true" { (glyph) } " " (verdict.as_str()) } }
}

fn measures(run: &RunId, panel: &Panel) -> Markup {
    let rows = html! {
        @for metric in &panel.metrics {
            tr class=[(!metric.measured).then_some("dimmed")] {
                th scope="row" { (metric.metric.as_str()) }
                td { (stands(metric)) }
                td {
                    span class=[metric.red.then_some("failed")] { (sentence(metric.figure.as_deref().or(metric.reason.as_deref()).unwrap_or_default())) }
                    @for says in &metric.says { p { (sentence(says)) } }
                }
                td { (sources(run, metric)) }
            }
        }
    };
    html! { h2 { "Measures" } (table("Measures", &["Measure", "Stands", "Figure", "From"], &rows)) }
}

fn stands(metric: &Metric) -> Markup {
    if !metric.measured {
        return html! { "not measured" };
    }
    match (metric.verdict, metric.freshness) {
        (Verdict::Contradicts, _) => verdict(Verdict::Contradicts),
        (Verdict::Agrees | Verdict::Unknown, Some(Freshness::Stale)) => {
            html! { span class="badge concerns" { span aria-hidden="true" { "!" } " stale" } }
        }
        (Verdict::Unknown, Some(Freshness::Fresh | Freshness::Unknown) | None) => verdict(Verdict::Unknown),
        (Verdict::Agrees, Some(Freshness::Fresh | Freshness::Unknown) | None) => verdict(Verdict::Agrees),
    }
}

/// The step that measured, and the file in which it stands.
fn sources(run: &RunId, metric: &Metric) -> Markup {
    let left_out = metric.sources.len().saturating_sub(SOURCES_MAX);
    html! {
        @if left_out > 0 { p class="dim" { (left_out) " before these" } }
        @for source in &metric.sources[left_out..] {
            p {
                @match source.step.split_once('/') {
                    Some((flow, step)) => { a href={ "/runs/" (run) "/step?flow=" (enc(flow)) "&step=" (enc(step)) "&execution=" (source.execution) } { (source.step) } }
                    None => { (source.step) }
                }
                " " code { (source.path) }
                @if let Some(evidence) = source.evidence.as_deref().filter(|path| *path != source.path) { ", " code { (evidence) } }
            }
        }
    }
}
