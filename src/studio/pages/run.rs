//! One run: its picture, where it stands, who is asked, how long things took, where it went and why.
//! In: a run. Out: a page that follows it. Never: more rows than anybody reads.

use axum::{
    extract::{Path, State},
    response::Response,
};
use maud::{Markup, PreEscaped, html};

use crate::{
    id::{StepRef, Time},
    inspect::{FlowReport, RunView, StatusReport, length, spent_words, status},
    kernel::Frame,
    plan::draw,
    workspace::Workspace,
};

use super::{
    super::{problem::Problem, server::Studio},
    Page, Place,
    inbox::first_line,
    parts::{ago, question_link, run_badge, standing_badge, step_link},
    shown,
};

/// Decisions of a flow that are listed, the newest.
const DECISIONS_MAX: usize = 200;

pub(in crate::studio) async fn run(State(studio): State<Studio>, Path(run): Path<String>) -> Response {
    shown(studio.blocking(move |workspace| page(workspace, &run)).await)
}

fn page(workspace: &Workspace, run: &str) -> Result<Page, Problem> {
    let (view, _) = workspace.view(run)?;
    let report = status(&view, &workspace.paste());
    let now = workspace.now();
    let seq = view.moments.last().map_or(0, |moment| moment.seq);
    let body = html! {
        h1 { (report.run_id) " " (run_badge(report.status)) }
        p class="dim" {
            "started " (ago(report.created_at, now)) " by " (report.started_by)
            @if report.driven { " · driven by process " (report.pid.map(|pid| pid.to_string()).unwrap_or_default()) }
            @if let Some(spent) = &report.spent { " · models: " (spent_words(spent)) }
        }
        (questions(&report, now))
        @for flow in &report.flows {
            @if let Some(frame) = view.state.frame(&flow.flow_path) { (one_flow(&view, frame, flow, now)) }
        }
        @if !report.next.is_empty() {
            section aria-labelledby="next" {
                h2 id="next" { "What to do next" }
                ul { @for next in &report.next { li { (next.why) ": " code { (next.command) } } } }
            }
        }
    };
    let live = (!ended(&report)).then(|| format!("/api/v1/runs/{}/events?after={seq}", report.run_id));
    Ok(Page { title: format!("{} {}", report.run_id, report.status), place: Place::Runs, live, body })
}

/// Nothing more will be written by itself.
fn ended(report: &StatusReport) -> bool {
    use crate::record::RunStatus::{Cancelled, Failed, Interrupted, Running, Succeeded, Waiting};
    match report.status {
        Succeeded | Failed | Cancelled => !report.driven,
        Running | Waiting | Interrupted => false,
    }
}

fn questions(report: &StatusReport, now: Time) -> Markup {
    html! {
        @for one in &report.questions {
            article class={ "card question " (one.severity.to_string().to_lowercase()) } {
                h2 { a href=(question_link(&report.run_id, &one.id)) { (first_line(&one.question)) } }
                p class="dim" { (one.severity) " · " (one.step_id) " · " (ago(one.since, now)) }
                p { (one.reason) }
            }
        }
    }
}

fn one_flow(view: &RunView, frame: &Frame, flow: &FlowReport, now: Time) -> Markup {
    let id = format!("flow-{}", flow.flow_path);
    let standings = view.standings(&frame.path);
    let link = |step: &str| StepRef::new(step).ok().map(|step| step_link(&view.run_id, &frame.path, &step));
    html! {
        section aria-labelledby=(id) class="flow" {
            h2 id=(id) { (flow.title) " " (run_badge(flow.status)) }
            p class="dim" {
                (flow.flow_path) " · " (flow.steps_done) " of " (flow.steps_total) " steps ended · " (length(flow.active_ms)) " of work"
            }
            @if let Some(failing) = &flow.failing {
                p class="failed" { "failed at " a href=(step_link(&view.run_id, &frame.path, &failing.step_id)) { (failing.step_id) } ": " (failing.reason) }
            } @else if let Some(reason) = &flow.reason { p { (reason) } }
            @for warning in &flow.warnings { p class="concerns" { "warning: " (warning) } }
            div class="wide graph" tabindex="0" role="region" aria-label={ "Graph of " (flow.title) ", the same as the list below" } {
                (PreEscaped(draw::svg_part(&frame.plan, &crate::inspect::marks(&standings), &link)))
            }
            details open id={ "steps-" (flow.flow_path) } {
                summary { "Steps" }
                div class="wide" tabindex="0" role="region" aria-label="Steps" { table {
                    thead { tr { th scope="col" { "Step" } th scope="col" { "What" } th scope="col" { "Stands" } th scope="col" { "Executions" } th scope="col" { "Took" } th scope="col" { "Then" } } }
                    tbody { @for step in &flow.steps {
                        tr {
                            th scope="row" { a href=(step_link(&view.run_id, &frame.path, &step.step_id)) { (step.step_id) } @if let Some(title) = &step.title { " " span class="dim" { (title) } } }
                            td { (step.verb) }
                            td { (standing_badge(step.standing)) @if let Some(running) = flow.running.iter().find(|one| one.step_id == step.step_id) { " " (ago(running.since, now)) } }
                            td { (step.executions) @if let Some(round) = step.iteration { ", round " (round) } }
                            td { (step.duration_ms.map(length).unwrap_or_default()) }
                            td { (step.decision.map(|one| one.to_string()).unwrap_or_default()) }
                        }
                    } }
                } }
            }
            details id={ "time-" (flow.flow_path) } { summary { "Timeline" } div class="wide" tabindex="0" role="region" aria-label="Timeline" { (crate::inspect::timeline(view, frame)) } }
            details id={ "routes-" (flow.flow_path) } { summary { "Where it went, and why" } (routes(view, frame)) }
        }
    }
}

fn routes(view: &RunView, frame: &Frame) -> Markup {
    let here = view.steps.iter().filter(|(at, _)| at.flow == frame.path);
    let mut all: Vec<_> = here.flat_map(|(_, story)| &story.executions).flat_map(|one| &one.decisions).collect();
    all.sort_by_key(|one| one.timestamp);
    let left_out = all.len().saturating_sub(DECISIONS_MAX);
    html! {
        @if left_out > 0 { p class="dim" { (left_out) " older decisions are not listed." } }
        div class="wide" tabindex="0" role="region" aria-label="Decisions" { table {
            thead { tr { th scope="col" { "When" } th scope="col" { "Step" } th scope="col" { "Decision" } th scope="col" { "Rule" } th scope="col" { "Why" } th scope="col" { "By" } } }
            tbody { @for one in &all[left_out..] {
                tr { td { time datetime=(one.timestamp) { (one.timestamp) } } td { (one.step_id) } td { (one.decision) } td { (one.rule) } td { (one.reason) } td { (one.by) } }
            } }
        } }
    }
}
