//! One flow: its picture, its parameters, its scenarios and how they go, its text with the marks of the checks.
//! In: a flow's name. Out: a page, also where the flow is broken. Never: anything run; scenarios are played in memory.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use maud::{Markup, PreEscaped, html};

use crate::{
    id::FlowKey,
    plan::draw::{self, Marks},
    spec::{Diagnostic, Diagnostics, Flow, Level, Verb, text::ParamType},
    workspace::{Tested, Verdict, Workspace},
};

use super::{
    super::{problem::Problem, server::Studio, slips::Slips},
    Page, Place,
    parts::{table, value_of},
    shown,
    start::{Filled, form},
};

/// Lines of a definition that are shown.
const LINES_MAX: usize = 5_000;
/// Nobody reads a picture of more.
const DRAWN_MAX: usize = 1_000;

pub(in crate::studio) async fn flow(State(studio): State<Studio>, Path(flow): Path<String>) -> Response {
    let slips = studio.slips.clone();
    shown(studio.blocking(move |workspace| page(workspace, &slips, &flow, &Filled::default())).await)
}

pub(super) fn page(workspace: &Workspace, slips: &Slips, name: &str, filled: &Filled) -> Result<Page, Problem> {
    let key = FlowKey::new(name).map_err(|bad| Problem::new(StatusCode::NOT_FOUND, bad.to_string()))?;
    let text = workspace.flow_text(&key)?;
    let (book, marks) = match workspace.book(&key, false) {
        Ok((book, warnings)) => (Some(book), warnings),
        Err(error) => match error.diagnostics {
            Some(found) => (None, found),
            None => return Err(error.into()),
        },
    };
    let main: Option<Arc<Flow>> = book.as_ref().and_then(|book| book.library.main_flow().cloned());
    let plan = book.as_ref().and_then(|book| book.flows.get(&key)).filter(|plan| plan.steps.len() <= DRAWN_MAX);
    let link = |step: &str| Some(format!("#step-{step}"));
    let body = html! {
        h1 { @if let Some(flow) = &main { (flow.title) " " } code { (key) } }
        @if let Some(flow) = &main { (charter(flow)) } @else { p { span class="badge failed" { span aria-hidden="true" { "✗" } " broken" } " It cannot be run as it is; what is wrong stands in its text below." } }
        @if let Some(plan) = plan {
            a class="skip" href="#steps" { "Past the picture, to the list of steps" }
            div class="wide graph" tabindex="0" role="region" aria-label={ "Graph of " (key) ", the same as the list below" } {
                (PreEscaped(draw::svg_part(plan, &Marks::default(), &draw::Part { name: "g", link: &link })))
            }
        }
        @if let Some(flow) = &main {
            (form(flow, slips, filled))
            (params(flow))
            p { "From a terminal: " code { (command(flow)) } }
            (steps(flow))
        }
        (scenarios(&workspace.test_flow(&key)))
        h2 id="text" { "Definition" }
        (elsewhere(&marks, &key))
        (definition(&text, &marks, &key))
    };
    Ok(Page { title: format!("Flow {key}"), place: Place::Flows, live: None, body })
}

fn charter(flow: &Flow) -> Markup {
    let charter = &flow.charter;
    html! {
        @if let Some(goal) = &charter.goal { p { b { "Goal: " } (goal) } }
        @if !charter.non_goals.is_empty() { p { b { "Not its goal: " } (charter.non_goals.join("; ")) } }
    }
}

fn kind(of: ParamType) -> &'static str {
    match of {
        ParamType::String => "text",
        ParamType::Integer => "whole number",
        ParamType::Number => "number",
        ParamType::Boolean => "true or false",
        ParamType::Enum => "one of",
        ParamType::List => "list of texts",
    }
}

fn params(flow: &Flow) -> Markup {
    let rows = html! { @for (name, param) in &flow.params {
        tr {
            th scope="row" { (name) }
            td {
                (kind(param.r#type)) @if !param.values.is_empty() { " " (param.values.join(", ")) }
                @if let Some(pattern) = &param.pattern { " that matches " code { (pattern) } }
            }
            td { @if param.required { "must be given" } @else if let Some(default) = &param.default { (value_of(default)) } @else { span class="dim" { "may be left out" } } }
            td { (param.description.as_deref().unwrap_or_default()) }
        }
    } };
    html! {
        h2 { "Parameters" }
        @if flow.params.is_empty() { p class="dim" { "It takes none." } }
        @else { (table("Parameters", &["Name", "Type", "If not given", "What it is for"], &rows)) }
    }
}

/// As it is typed, with a blank for each value that must be given.
fn command(flow: &Flow) -> String {
    let needed = flow.params.iter().filter(|(_, param)| param.required);
    let needed: String = needed.map(|(name, _)| format!(" --param {name}=…")).collect();
    format!("flow-studio run {}{needed}", flow.key)
}

fn steps(flow: &Flow) -> Markup {
    let rows = html! { @for step in &flow.steps {
        tr id={ "step-" (step.id) } {
            th scope="row" { (step.id) @if let Some(title) = &step.title { " " span class="dim" { (title) } } }
            td { (verb(&step.verb)) @if let Some(each) = &step.for_each { ", for each " (each.name) " of " code { (each.list.text()) } } }
            td { (step.needs.steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")) }
            td {
                @if let Some(when) = &step.when { p { "when " code { (when.text()) } } }
                @if let Some(back) = &step.ends_loop { p { "↺ back to " (back.to) ", at most " (back.iterations_max) " rounds" } }
                @if step.approve.is_some() { p { "a person approves it first" } }
                @if let Some(choice) = &step.navigates { p { "chooses what comes next" @for one in &choice.flows { ", may put in flow:" (one) } @for one in &choice.detours { ", may put in detour:" (one) } } }
            }
        }
    } };
    html! {
        h2 id="steps" { "Steps" }
        (table("Steps", &["Step", "What", "After", "Rules"], &rows))
    }
}

fn verb(verb: &Verb) -> Markup {
    match verb {
        Verb::Run { .. } => html! { "run" },
        Verb::Exec { .. } => html! { "exec" },
        Verb::Agent(agent) => html! { "agent " (agent.agent) },
        Verb::Ask(ask) => html! { "ask " (ask.to.iter().map(|role| role.0.as_str()).collect::<Vec<_>>().join(", ")) },
        Verb::Flow { flow, .. } => html! { "flow " a href={ "/flows/" (flow) } { (flow) } },
        Verb::Snapshot { name, .. } => html! { "snapshot " (name) },
        Verb::Compare { before, after, .. } => html! { "compare " (before) " with " (after) },
        Verb::Render { path, to, .. } => html! { "render " (path) " to " (to) },
        Verb::Scan(scan) => html! { "scan " (scan) },
    }
}

fn scenarios(all: &[Tested]) -> Markup {
    let rows = html! { @for one in all {
        @let (class, glyph, word) = match one.verdict { Verdict::Ok => ("succeeded", "✓", "ok"), Verdict::Failed => ("failed", "✗", "failed"), Verdict::Invalid => ("failed", "✗", "invalid") };
        tr {
            th scope="row" { code { (one.file) } }
            td { span class={ "badge " (class) } { span aria-hidden="true" { (glyph) } " " (word) } }
            td {
                @for line in one.rehearsal.iter().flat_map(|played| &played.differences).chain(&one.error) { p { (line) } }
                @for found in one.diagnostics.iter().flat_map(Diagnostics::iter) { p { (found) } }
            }
        }
    } };
    html! {
        h2 { "Scenarios" }
        @if all.is_empty() { p class="dim" { "None is written for it; " code { "flow-studio test" } " plays those of flows/tests." } }
        @else { (table("Scenarios", &["File", "Played now", "What differs"], &rows)) }
    }
}

fn here(mark: &Diagnostic, key: &FlowKey) -> Option<u32> {
    let place = mark.place.as_ref()?;
    let name = place.file.rsplit('/').next()?;
    (name.strip_suffix(".yaml") == Some(key.as_str())).then_some(place.line)
}

fn note(mark: &Diagnostic) -> Markup {
    let (class, word) = match mark.severity {
        Level::Error => ("failed", "error"),
        Level::Warning => ("concerns", "warning"),
    };
    html! { span class=(class) { b { (word) " " (mark.code) ": " } (mark.message) @if let Some(hint) = &mark.hint { " (" (hint) ")" } } }
}

/// What is wrong in other files that it needs, or nowhere in particular.
fn elsewhere(marks: &Diagnostics, key: &FlowKey) -> Markup {
    let all: Vec<&Diagnostic> = marks.iter().filter(|mark| here(mark, key).is_none()).collect();
    html! {
        @if !all.is_empty() { ul { @for mark in all { li { @if let Some(place) = &mark.place { code { (place) } " " } (note(mark)) } } } }
        @if marks.is_empty() { p class="succeeded" { "The checks find nothing to say." } }
    }
}

fn definition(text: &str, marks: &Diagnostics, key: &FlowKey) -> Markup {
    let lines = text.lines().count();
    html! {
        ol class="code" tabindex="0" aria-label={ "Text of " (key) } {
            @for (at, line) in text.lines().take(LINES_MAX).enumerate() {
                li id={ "line-" (at + 1) } {
                    code { (line) }
                    @for mark in marks.iter().filter(|mark| here(mark, key).is_some_and(|line| line as usize == at + 1)) { p class="note" { (note(mark)) } }
                }
            }
        }
        @if lines > LINES_MAX { p class="dim" { (lines - LINES_MAX) " more lines are not shown." } }
    }
}
