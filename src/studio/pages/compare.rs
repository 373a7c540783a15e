//! Two runs held against each other; what is the same is not told.
//! In: two runs. Out: what `diff` prints, as a page. Never: times and names, in which all runs differ.

use axum::{
    extract::{Query, State},
    response::Response,
};
use maud::{Markup, html};
use serde::Deserialize;

use crate::{
    inspect::{Differs, FlowDiffers, RunDiff, Side, TextDiffers, diff},
    workspace::Workspace,
};

use super::{
    super::{problem::Problem, server::Studio},
    Page, Place,
    parts::{difference, ended, observed_badge, run_link, table},
    shown,
};

/// Runs that are proposed, the newest; any other name can be typed.
const PROPOSED_MAX: usize = 200;

#[derive(Debug, Default, Deserialize)]
pub(in crate::studio) struct Pair {
    #[serde(default)]
    a: String,
    #[serde(default)]
    b: String,
}

pub(in crate::studio) async fn compare(State(studio): State<Studio>, Query(pair): Query<Pair>) -> Response {
    shown(studio.blocking(move |workspace| page(workspace, &pair)).await)
}

fn page(workspace: &Workspace, pair: &Pair) -> Result<Page, Problem> {
    let (a, b) = (pair.a.trim(), pair.b.trim());
    let (list, mark) = workspace.marked_runs()?;
    let found = if a.is_empty() || b.is_empty() {
        None
    } else {
        let ((a, a_dir), (b, b_dir)) = (workspace.view(a)?, workspace.view(b)?);
        Some(diff(Side { view: &a, dir: &a_dir }, Side { view: &b, dir: &b_dir }, None))
    };
    let field = |name: &str, label: &str, value: &str| {
        html! { label { (label) " " input name=(name) value=(value) list="runs" required autocomplete="off" size="24"; } }
    };
    let body = html! {
        h1 { "Compare two runs" }
        form class="filter" method="get" action="/compare" {
            (field("a", "Run a", a)) (field("b", "Run b", b))
            datalist id="runs" { @for line in list.runs.iter().take(PROPOSED_MAX) { option value=(line.run_id) {} } }
            button { "Compare" }
        }
        @if let Some(found) = &found { (differences(found)) }
    };
    // Both may go on; the list of runs tells of either.
    let goes_on = found.as_ref().is_some_and(|found| [found.a_status, found.b_status].iter().any(|one| !ended(*one, false)));
    let live = goes_on.then(|| format!("/api/v1/events?after={mark}"));
    Ok(Page { title: "Compare".to_owned(), place: Place::Compare, live, body })
}

fn differences(found: &RunDiff) -> Markup {
    html! {
        p {
            "a " a href=(run_link(&found.a)) { (found.a) } " " (observed_badge(found.a_status, found.a_observed.as_ref())) " · b "
            a href=(run_link(&found.b)) { (found.b) } " " (observed_badge(found.b_status, found.b_observed.as_ref()))
        }
        @if found.same { p class="empty" { "They differ in nothing but names, times and durations." } }
        (values("The run", &found.run))
        @for flow in &found.flows { (one_flow(flow)) }
    }
}

fn one_flow(flow: &FlowDiffers) -> Markup {
    let of = |what: &str| format!("{what} of {}", flow.flow_path);
    html! {
        h2 { "Flow " (flow.flow_path) }
        @if let Some(only) = &flow.only_in { p { "only in " (only) } }
        (values(&of("State"), &flow.state))
        @if !flow.params.is_empty() { h3 { "Parameters" } (values(&of("Parameters"), &flow.params)) }
        @for one in flow.definition.iter().chain(&flow.route) { h3 { (one.what) } (text(one)) }
        @for step in &flow.steps {
            h3 { "Step " (step.step_id) }
            (values(&of(&format!("Receipt of {}", step.step_id)), &step.receipt))
            (values(&of(&format!("Measures of {}", step.step_id)), &step.measures))
            @if let Some(prompt) = &step.prompt { (text(prompt)) }
        }
    }
}

fn values(name: &str, all: &[Differs]) -> Markup {
    let value = |value: &Option<String>| match value.as_deref() {
        None => html! { span class="dim" { "not there" } },
        Some(digest) if digest.len() == 64 && digest.chars().all(|c| c.is_ascii_hexdigit()) => {
            html! { code { (digest[..12]) } }
        }
        Some(value) => html! { (value) },
    };
    let rows = html! { @for one in all { tr { th scope="row" { (one.what) } td { (value(&one.a)) } td { (value(&one.b)) } } } };
    html! { @if !all.is_empty() { (table(name, &["What", "a", "b"], &rows)) } }
}

fn text(one: &TextDiffers) -> Markup {
    html! {
        (difference(&one.what, &one.diff))
        @if one.cut { p class="dim" { "The rest is not shown." } }
    }
}
