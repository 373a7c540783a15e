//! One run: its picture, where it stands, who is asked, how long things took, where it went and why.
//! In: a run, and one of its flows if only that is looked at. Out: a page that follows it. Never: more rows than anybody reads.

use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use maud::{Markup, PreEscaped, html};
use serde::Deserialize;

use crate::{
    id::{FramePath, RunId, StepRef, Time},
    inspect::{FlowReport, RunView, StatusReport, count, in_force_words, length, opened_by, spent_words, status, timeline},
    kernel::Frame,
    ledger::RunDir,
    plan::draw,
    record::RunStatus,
    workspace::{OrderLine, OrderStanding, Workspace},
};

use super::{
    super::{problem::Problem, server::Studio, slips::Slips},
    Page, Place,
    acts::acts,
    artifacts::shelf,
    inbox::first_line,
    orders,
    parts::{
        Tab, ago, clock, ended, events, flow_link, heading, next, observed_badge, pager, question_link, run_link, step_link,
        tabs, value_of,
    },
    routes::routes,
    shown,
    steps::steps,
};

/// Flows that are shown whole on the page of their run; others have their line, and a page of their own.
const FLOWS_MAX: usize = 12;
/// Steps that run at this moment and are named.
const RUNNING_MAX: usize = 6;
/// Nobody reads a picture of more, and it would weigh more than all the rest.
const DRAWN_MAX: usize = 1_000;

#[derive(Debug, Default, Deserialize)]
pub(in crate::studio) struct Which {
    /// Only this flow, with what ran inside it.
    flow: Option<String>,
    /// The first of its steps that is listed.
    #[serde(default)]
    from: usize,
    /// The first of its executions in the timeline; else the last ones are there.
    bars: Option<usize>,
    /// The first of its decisions; likewise.
    decisions: Option<usize>,
}

pub(in crate::studio) async fn run(
    State(studio): State<Studio>,
    Path(run): Path<String>,
    Query(which): Query<Which>,
) -> Response {
    let asked = studio.clone();
    shown(studio.blocking(move |workspace| page(&asked, workspace, &run, &which)).await)
}

/// What every part of the page looks at.
struct Shown<'r> {
    view: &'r RunView,
    dir: &'r RunDir,
    report: &'r StatusReport,
    /// Flows that are shown whole.
    whole: Vec<FramePath>,
    /// Of the flow that was asked for: where its lists begin.
    rows: (Option<FramePath>, &'r Which),
    now: Time,
}

fn page(studio: &Studio, workspace: &Workspace, run: &str, which: &Which) -> Result<Page, Problem> {
    let orders = match RunId::new(run) {
        Ok(id) => workspace.orders_of(&id)?,
        Err(_) => Vec::new(),
    };
    let (view, dir) = match workspace.view(run) {
        Ok(read) => read,
        // There is nothing of it yet but the wish.
        Err(error) => match (orders.is_empty(), RunId::new(run)) {
            (false, Ok(id)) => return Ok(orders::page(&id, &orders, &studio.slips, workspace.now())),
            (true, _) | (_, Err(_)) => return Err(error.into()),
        },
    };
    let report = status(&view, &workspace.paste());
    let asked = which.flow.as_deref().filter(|flow| !flow.is_empty()).map(|flow| view.find_flow(Some(flow))).transpose()?;
    let top: Vec<&Frame> = match &asked {
        Some(path) => view.state.frame(path).into_iter().collect(),
        None => view.roots().collect(),
    };
    let (whole, left_out) = whole(&view, &top);
    let rows = (asked.clone().or_else(|| top.last().map(|frame| frame.path.clone())), which);
    let page = Shown { view: &view, dir: &dir, report: &report, whole, rows, now: workspace.now() };
    let refused: Vec<OrderLine> = orders.iter().filter(|line| line.state == OrderStanding::Refused).cloned().collect();
    let waits = orders.iter().find(|line| line.state == OrderStanding::Waiting);
    let seq = view.moments.last().map_or(0, |moment| moment.seq);
    let body = html! {
        (clock(page.now))
        @if let Some(path) = &asked { p class="crumbs" { a href=(run_link(&report.run_id)) { (report.run_id) } " / " (path) } }
        h1 { (report.run_id) " " (observed_badge(report.status, report.observed().as_ref())) }
        dl class="facts" {
            div { dt { "Started" } dd { (ago(report.created_at, page.now)) " by " (report.started_by) } }
            @if report.driven { div { dt { "Driven by" } dd { "process " (report.pid.map(|pid| pid.to_string()).unwrap_or_default()) } } }
            div { dt { "Models" } dd { @if let Some(spent) = &report.spent { (spent_words(spent)) } @else { "none was called" } } }
        }
        (tabs(&report.run_id, Tab::Run))
        (stands(&page, waits, &studio.slips))
        (orders::of_run(&refused, &studio.slips, page.now))
        (acts(&view, &report, &orders, &studio.slips))
        @if left_out > 0 { p class="dim" { (left_out) " more flows have their line below, and a page of their own." } }
        @for frame in &top { (one_flow(&page, frame, 2)) }
        (next(&report.next))
    };
    let live = (!ended(report.status, report.driven)).then(|| events(&report.run_id, seq));
    Ok(Page { title: format!("{} {}", report.run_id, report.status), place: Place::Runs, live, body })
}

/// Those that were asked for, then what is open in them, then the newest, as long as there is room; and how many found none.
fn whole(view: &RunView, top: &[&Frame]) -> (Vec<FramePath>, usize) {
    let mut below: Vec<&Frame> = top.to_vec();
    let mut at = 0;
    while at < below.len() {
        let children: Vec<&Frame> = view.children(&below[at].path).collect();
        below.extend(children);
        at += 1;
    }
    let mut inner: Vec<(bool, usize)> = (top.len()..below.len()).map(|at| (!below[at].is_open(), at)).collect();
    inner.sort_by_key(|(closed, at)| (*closed, std::cmp::Reverse(*at)));
    let taken = inner.iter().take(FLOWS_MAX.saturating_sub(top.len())).map(|(_, at)| *at);
    let whole: Vec<FramePath> = (0..top.len()).chain(taken).map(|at| below[at].path.clone()).collect();
    let left_out = below.len() - whole.len();
    (whole, left_out)
}

/// What goes on at this moment, always at the same place and in the same room, so that nothing below it moves when it changes.
fn stands(page: &Shown<'_>, waits: Option<&OrderLine>, slips: &Slips) -> Markup {
    let (report, now) = (page.report, page.now);
    let first = report.questions.first();
    let severity = first.map(|one| one.severity.to_string().to_lowercase()).unwrap_or_default();
    html! {
        article id="stands" class={ "card stands " (report.status) " " (severity) } {
            @if let Some(one) = first {
                h2 { a href=(question_link(&report.run_id, &one.id)) { (first_line(&one.question)) } }
                p class="dim" { span class={ "severity " (severity) } { (one.severity) } " · " (one.step_id) " · " (one.reason) " · asked " (ago(one.since, now)) }
            } @else if report.flows.iter().any(|flow| !flow.running.is_empty() || !flow.retrying.is_empty()) {
                h2 { "Running" }
                p { (running(page)) }
            } @else if let Some(order) = waits {
                h2 { "In the queue" }
                (orders::waits(order, slips, now))
            } @else {
                h2 { @if page.report.observed().is_some() && report.status == RunStatus::Succeeded { "It only observed" } @else if report.answered.is_some() { "Answered, waits to be resumed" } @else { (heading_of(report.status)) } }
                p { (why(page)) }
                @if let Some(left) = in_force_words(&report.in_force) { p { (left) } }
            }
        }
        @for one in report.questions.iter().skip(1) {
            article id={ "question-" (one.id) } class={ "card " (one.severity.to_string().to_lowercase()) } {
                h2 { a href=(question_link(&report.run_id, &one.id)) { (first_line(&one.question)) } }
                p class="dim" { (one.severity) " · " (one.step_id) " · asked " (ago(one.since, now)) }
            }
        }
    }
}

fn heading_of(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "Between two steps",
        RunStatus::Waiting => "Waits",
        RunStatus::Succeeded => "It is done",
        RunStatus::Failed => "It failed",
        RunStatus::Interrupted => "Nobody drives it",
        RunStatus::Cancelled => "It was cancelled",
    }
}

/// The steps that run, and since when.
fn running(page: &Shown<'_>) -> Markup {
    let flows = page.report.flows.iter();
    let all: Vec<_> = flows.flat_map(|flow| flow.running.iter().map(move |one| (flow, one))).collect();
    let waits = page.report.flows.iter().flat_map(|flow| &flow.retrying).next();
    html! {
        @for (at, (flow, one)) in all.iter().take(RUNNING_MAX).enumerate() {
            @if at > 0 { ", " }
            a href=(step_link(&page.report.run_id, &flow.flow_path, &one.step_id)) { (one.step_id) } " " span class="dim" { (ago(one.since, page.now)) }
        }
        @if all.len() > RUNNING_MAX { " and " (all.len() - RUNNING_MAX) " more" }
        @if let Some(retry) = waits.filter(|_| all.is_empty()) { (retry.step_id) " is tried again, attempt " (retry.attempt) }
    }
}

/// The reason, in the words of the flow that has one.
fn why(page: &Shown<'_>) -> Markup {
    let report = page.report;
    let failing = report.flows.iter().rev().find_map(|flow| Some((flow, flow.failing.as_ref()?)));
    html! {
        @match (report.status, failing) {
            (RunStatus::Failed, Some((flow, failing))) => { "at " a href=(step_link(&report.run_id, &flow.flow_path, &failing.step_id)) { (failing.step_id) } ": " (failing.reason) }
            _ => { @match report.flows.iter().find_map(|flow| flow.reason.as_ref()) {
                Some(reason) => { (reason) }
                None => { @match report.next.first() { Some(next) => { (next.why) ": " code { (next.command) } } None => { (report.updated_at) } } }
            } }
        }
    }
}

/// A flow with everything of it; the flows that it opened stand in it.
fn one_flow(page: &Shown<'_>, frame: &Frame, level: usize) -> Markup {
    let Some(flow) = page.report.flows.iter().find(|flow| flow.flow_path == frame.path) else { return html! {} };
    let run = &page.view.run_id;
    let id = format!("flow-{}", flow.flow_path);
    let opened = opened_by(frame);
    let head = html! {
        @if let Some((step, what)) = &opened { span class="dim" { (step) " ↳ " (what) ": " } }
        (flow.title) " " (observed_badge(flow.status, flow.observed.as_ref()))
    };
    let inner = page.view.children(&frame.path).filter(|child| page.whole.contains(&child.path));
    let here = page.rows.0.as_ref() == Some(&frame.path);
    let which = if here { page.rows.1 } else { &Which::default() };
    let (bars, shown) = timeline(page.view, frame, which.bars);
    html! {
        section aria-labelledby=(id) class={ "flow" @if opened.is_some() { " nested" } } {
            (heading(level, &id, &head))
            p class="dim" {
                a href=(flow_link(run, &frame.path)) { (flow.flow_path) }
                " · " (flow.steps_done) " of " (flow.steps_total) " steps ended · " (length(flow.active_ms)) " of work"
            }
            progress class="steps-done" max=(flow.steps_total) value=(flow.steps_done) aria-label={ "Steps of " (flow.flow_path) " that ended" } {}
            (picture(page.view, frame, flow))
            @if let Some(failing) = &flow.failing {
                p class="failed" { "failed at " a href=(step_link(run, &frame.path, &failing.step_id)) { (failing.step_id) } ": " (failing.reason) }
            } @else if let Some(reason) = &flow.reason { p { (reason) } }
            @for warning in &flow.warnings { p class="concerns" { "warning: " (warning) } }
            (steps(page.view, frame, flow, which.from, page.now))
            details id={ "time-" (flow.flow_path) } open[opened.is_none()] {
                summary { "Timeline" span class="dim" { (count(flow.executions as usize, "execution")) } }
                div class="wide" tabindex="0" role="region" aria-label={ "Timeline of " (flow.flow_path) } { (bars) }
                (pager(shown, |from| format!("{}&bars={from}#time-{}", flow_link(run, &frame.path), frame.path)))
            }
            (routes(page.view, frame, which.decisions))
            (shelf(page.dir, run, &frame.path))
            (params(flow))
            @for child in inner { (one_flow(page, child, level + 1)) }
        }
    }
}

fn picture(view: &RunView, frame: &Frame, flow: &FlowReport) -> Markup {
    if frame.plan.steps.len() > DRAWN_MAX {
        return html! { p class="dim" { "A flow of " (frame.plan.steps.len()) " steps is not drawn; the list below has all of it." } };
    }
    let link = |step: &str| StepRef::new(step).ok().map(|step| step_link(&view.run_id, &frame.path, &step));
    // Pictures of one page must not take one another's arrows.
    let place = view.flow_order.iter().position(|path| *path == frame.path).unwrap_or_default();
    let part = draw::Part { name: &format!("g{place}"), link: &link };
    html! {
        a class="skip" href={ "#steps-" (flow.flow_path) } { "Past the picture, to the list of steps" }
        div class="wide graph" tabindex="0" role="region" aria-label={ "Graph of " (flow.flow_path) ", the same as the list below" } {
            (PreEscaped(draw::svg_part(&frame.plan, &crate::inspect::marks(view, frame), &part)))
        }
    }
}

fn params(flow: &FlowReport) -> Markup {
    html! {
        @if !flow.params.is_empty() {
            details id={ "params-" (flow.flow_path) } {
                summary { "Parameters" span class="dim" { (flow.params.len()) } }
                dl { @for (name, value) in &flow.params { dt { (name) } dd { (value_of(value)) } } }
            }
        }
    }
}
