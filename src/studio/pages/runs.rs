//! All runs, the newest first: by flow, status and age.
//! In: what is looked for. Out: a table. Never: a journal read.

use axum::{
    extract::{Query, State},
    response::Response,
};
use maud::html;
use serde::Deserialize;

use crate::{
    id::Time,
    inspect::{RunLine, count},
    record::RunStatus,
    workspace::Workspace,
};

use super::{
    super::{problem::Problem, server::Studio},
    Page, Place,
    orders::queue,
    parts::{ago, clock, enc, observed_badge, run_link, table_of},
    shown,
};

/// Rows of a page.
const ROWS: usize = 100;
const STATES: [RunStatus; 6] = [
    RunStatus::Running,
    RunStatus::Waiting,
    RunStatus::Succeeded,
    RunStatus::Failed,
    RunStatus::Interrupted,
    RunStatus::Cancelled,
];

const HOUR_MS: u64 = 3_600_000;
const AGES: [(&str, &str, u64); 4] = [
    ("hour", "in the last hour", HOUR_MS),
    ("day", "in the last day", 24 * HOUR_MS),
    ("week", "in the last week", 7 * 24 * HOUR_MS),
    ("month", "in the last 30 days", 30 * 24 * HOUR_MS),
];

#[derive(Debug, Default, Deserialize)]
pub(in crate::studio) struct Filter {
    #[serde(default)]
    flow: String,
    #[serde(default)]
    status: String,
    /// How long ago it was started, at most.
    #[serde(default)]
    age: String,
    /// Pages that were left behind.
    #[serde(default)]
    page: usize,
}

pub(in crate::studio) async fn runs(State(studio): State<Studio>, Query(filter): Query<Filter>) -> Response {
    let asked = studio.clone();
    shown(studio.blocking(move |workspace| page(&asked, workspace, &filter)).await)
}

impl Filter {
    fn takes(&self, line: &RunLine, now: Time) -> bool {
        let flow = self.flow.is_empty() || line.flows.iter().any(|flow| flow.flow_path.as_str() == self.flow);
        let status = self.status.is_empty() || line.status.is_some_and(|status| status.as_str() == self.status);
        let since = AGES.iter().find(|(value, _, _)| *value == self.age).map(|(_, _, ms)| *ms);
        let age = since.is_none_or(|most| line.created_at.is_some_and(|at| now.since(at) <= most));
        flow && status && age
    }
}

fn page(studio: &Studio, workspace: &Workspace, filter: &Filter) -> Result<Page, Problem> {
    let now = workspace.now();
    let (list, mark) = workspace.marked_runs()?;
    let orders = workspace.orders()?.orders;
    let mut flows: Vec<&str> = list.runs.iter().flat_map(|run| &run.flows).map(|flow| flow.flow_path.as_str()).collect();
    flows.sort_unstable();
    flows.dedup();
    let found: Vec<&RunLine> = list.runs.iter().filter(|line| filter.takes(line, now)).collect();
    let rows = found.iter().skip(filter.page.saturating_mul(ROWS)).take(ROWS);
    let more = found.len() > (filter.page + 1).saturating_mul(ROWS);
    let body = html! {
        (clock(now))
        h1 { "Runs" }
        p { a href="/flows" { "Start a run" } }
        (queue(&orders, &studio.desk, &studio.slips, now))
        form class="filter" method="get" action="/runs" {
            label { "Flow " select name="flow" {
                option value="" { "all" }
                @for flow in &flows { option value=(flow) selected[*flow == filter.flow] { (flow) } }
            } }
            label { "Status " select name="status" {
                option value="" { "all" }
                @for status in STATES { option value=(status) selected[status.as_str() == filter.status] { (status) } }
            } }
            label { "Started " select name="age" {
                option value="" { "at any time" }
                @for (value, words, _) in AGES { option value=(value) selected[value == filter.age] { (words) } }
            } }
            button { "Show" }
        }
        @if list.runs.is_empty() { p class="empty" { "Nothing has run here yet. " a href="/flows" { "The flows that can be run" } } }
        @else if found.is_empty() { p class="empty" { "There is no such run. " a href="/runs" { "All of them" } } }
        @else {
            (table_of("runs", "Runs", &["Run", "Flows", "Status", "Needs you", "Started"], &html! { @for line in rows { (row(line, now)) } }))
            p class="dim" { (count(found.len(), "run")) }
            @if filter.page > 0 { a href=(link(filter, filter.page - 1)) rel="prev" { "Newer" } " " }
            @if more { a href=(link(filter, filter.page + 1)) rel="next" { "Older" } }
        }
    };
    Ok(Page { title: "Runs".to_owned(), place: Place::Runs, live: Some(format!("/api/v1/events?after={mark}")), body })
}

fn link(filter: &Filter, page: usize) -> String {
    format!("/runs?flow={}&status={}&age={}&page={page}", enc(&filter.flow), enc(&filter.status), enc(&filter.age))
}

fn row(line: &RunLine, now: Time) -> maud::Markup {
    html! {
        tr id={ "run-" (line.run_id) } {
            th scope="row" { a href=(run_link(&line.run_id)) { (line.run_id) } }
            td { @for (at, flow) in line.flows.iter().enumerate() {
                @if at > 0 { ", " }
                (flow.flow_path) " " span class="dim" { (flow.steps_done) "/" (flow.steps_total) }
            } }
            td { @match line.status {
                Some(_) if line.answered.is_some() && line.observed().is_none() => {
                    span class="badge interrupted" { span aria-hidden="true" { "‖" } " answered" }
                }
                Some(status) => { (observed_badge(status, line.observed().as_ref())) }
                None => { span class="badge failed" { "damaged" } " " (line.damaged.as_deref().unwrap_or_default()) }
            } }
            td {
                @if line.questions > 0 { span class="needs" { (line.questions) } }
                @else if line.answered.is_some() { "to be resumed" }
            }
            td { @if let Some(at) = line.created_at { (ago(at, now)) } @if let Some(by) = &line.started_by { span class="dim" { " by " (by) } } }
        }
    }
}
