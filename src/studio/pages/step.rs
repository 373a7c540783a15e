//! One step: every execution with its proof: receipt, claims beside measures, handoff, log, transcript, prompt.
//! In: a run, a flow, a step, which execution. Out: a page. Never: a file that the run does not name.

use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    id::FramePath,
    inspect::{ExecutionFiles, Explanation, FileKind, FilesError, ShownFile, StepFiles, explain, shown_file, step_files},
    ledger::{InRun, RunDir},
    workspace::{Veil, Workspace},
};

use super::{
    super::{problem::Problem, server::Studio},
    Page, Place,
    parts::{enc, ended, events, flow_link, json, moment, run_link, standing_badge, step_link, text},
    proof::{handoff, manifest, receipt},
    shown,
};

#[derive(Debug, Deserialize)]
pub(in crate::studio) struct Which {
    flow: Option<String>,
    step: String,
    execution: Option<u32>,
}

/// Of one output.
const OUTPUT_BYTES_MAX: usize = 128 * 1024;
/// Of its story, the last.
const SENTENCES_MAX: usize = 200;
/// Executions that can be chosen, those around the one that is looked at.
const EXECUTIONS_MAX: usize = 40;
/// Letters of a folded text that are shown beside its name.
const WORDS_MAX: usize = 90;
/// Lines of a log or transcript that are shown, the last.
const LINES_MAX: usize = 1_000;

pub(in crate::studio) async fn step(
    State(studio): State<Studio>,
    Path(run): Path<String>,
    Query(which): Query<Which>,
) -> Response {
    shown(studio.blocking(move |workspace| page(workspace, &run, &which)).await)
}

fn page(workspace: &Workspace, run: &str, which: &Which) -> Result<Page, Problem> {
    let (view, dir) = workspace.view(run)?;
    let at = view.find_step(which.flow.as_deref(), &which.step)?;
    let files = step_files(&view, &at);
    let veil = workspace.veil_of(&view)?;
    let file = |kind| shown_file(&view, &dir, &at, kind, which.execution).map(|read| veil.file(read));
    let why = explain(&view, &at);
    let receipt_file = file(FileKind::Receipt);
    let told = receipt_file.as_ref().map_or(Value::Null, |shown| shown.content["context"].clone());
    // What goes on is looked at while it does.
    let runs = looked_at(&files, which.execution).is_some_and(|one| one.ended_at.is_none());
    let word = files.executions.last().filter(|one| one.counts).and_then(|one| one.marked_done.clone());
    let body = html! {
        p class="crumbs" { a href=(run_link(&view.run_id)) { (view.run_id) } " / " a href=(flow_link(&view.run_id, &at.flow)) { (at.flow) } }
        h1 { (at.step) @if let Some(word) = &word { " " span class="badge concerns" { (word.words()) } } @else if let Some(why) = &why { " " (standing_badge(why.standing)) } }
        @if let Some(why) = &why { (story(why)) }
        (executions(&files, which.execution, &view.run_id, &at.flow))
        @if !files.executions.is_empty() {
            (part("Receipt", "receipt", !runs, receipt_file, receipt))
            (part("Handoff", "handoff", !runs, file(FileKind::Handoff), handoff))
            (part("Log", "log", runs, file(FileKind::Log), |shown| lines(&shown.content)))
            (part("Transcript", "transcript", false, file(FileKind::Transcript), |shown| conversation(&shown.content)))
            (part("Prompt", "prompt", false, file(FileKind::Prompt), |shown| html! { (manifest(&told)) (conversation(&shown.content)) }))
            (output(&files, which.execution, &dir, &veil))
        }
    };
    let seq = view.moments.last().map_or(0, |moment| moment.seq);
    let live = (!ended(view.status(), false)).then(|| events(&view.run_id, seq));
    Ok(Page { title: format!("{} of {}", at.step, view.run_id), place: Place::Runs, live, body })
}

/// Where it stands and why, what the flow says of it, and what happened to it.
fn story(why: &Explanation) -> Markup {
    let before = why.story.len().saturating_sub(SENTENCES_MAX);
    let last = &why.story[before..];
    html! {
        p { (why.now) }
        @if !why.defined.is_empty() {
            details id="defined" { summary { "What the flow says of it" } ul { @for one in &why.defined { li { (one) } } } }
        }
        @if !last.is_empty() {
            details id="story" open {
                summary { "What happened" }
                @if before > 0 { p class="dim" { (before) " sentences before these" } }
                ol class="story" { @for (at, sentence) in last.iter().enumerate() {
                    li { (moment(sentence.at, (at > 0).then(|| last[at - 1].at))) span { (sentence.text) } }
                } }
            }
        }
    }
}

fn looked_at(files: &StepFiles, chosen: Option<u32>) -> Option<&ExecutionFiles> {
    match chosen {
        Some(number) => files.executions.iter().rfind(|one| one.execution == number),
        None => files.executions.last(),
    }
}

fn executions(files: &StepFiles, chosen: Option<u32>, run: &crate::id::RunId, flow: &FramePath) -> Markup {
    let last = files.executions.last().map(|one| one.execution);
    let at = files.executions.iter().rposition(|one| chosen.or(last) == Some(one.execution)).unwrap_or_default();
    let to = (at + EXECUTIONS_MAX / 2).max(EXECUTIONS_MAX).min(files.executions.len());
    let from = to.saturating_sub(EXECUTIONS_MAX);
    let link = |execution: u32| format!("{}&execution={execution}", step_link(run, flow, &files.step_id));
    html! {
        @if files.executions.len() > 1 {
            nav aria-label="Executions" class="tabs" {
                @if from > 0 { a href=(link(files.executions[from - 1].execution)) rel="prev" { (from) " before" } }
                @for one in &files.executions[from..to] {
                    @let here = chosen.or(last) == Some(one.execution);
                    a href=(link(one.execution)) aria-current=[here.then_some("true")] {
                        "#" (one.execution)
                        @if let Some(round) = one.iteration { ", round " (round) }
                        @if let Some(word) = &one.marked_done { " " (word.words()) } @else if let Some(status) = one.handoff_status { " " (status) }
                        @if !one.counts { span class="dim" { " (done over)" } }
                    }
                }
                @if to < files.executions.len() { a href=(link(files.executions[to].execution)) rel="next" { (files.executions.len() - to) " after" } }
            }
        }
        @if files.executions.is_empty() { p class="empty" { "It has not run yet." } }
    }
}

fn part(
    title: &str,
    id: &str,
    open: bool,
    file: Result<ShownFile, FilesError>,
    show: impl FnOnce(&ShownFile) -> Markup,
) -> Markup {
    html! {
        details id=(id) open[open] {
            summary { (title) }
            @match &file {
                Ok(shown) => {
                    @match &shown.absent {
                        Some(why) => { p class="dim" { (why) } }
                        None => {
                            @if let Some(path) = &shown.path { p class="dim" { code { (path) } } }
                            @if let Some(how) = &shown.differs { p class="failed" { (how) "." } }
                            (show(shown))
                        }
                    }
                }
                Err(error) => { p class="dim" { (error) } }
            }
        }
    }
}

fn lines(content: &Value) -> Markup {
    let all = content.as_array().map(Vec::as_slice).unwrap_or_default();
    let left_out = all.len().saturating_sub(LINES_MAX);
    let line = |one: &Value| match (one["stream"].as_str(), one["line"].as_str().or(one["text"].as_str())) {
        (Some(stream), Some(text)) => format!("{stream}  {text}"),
        _ => one.to_string(),
    };
    html! {
        @if left_out > 0 { p class="dim" { (left_out) " lines before these" } }
        (text(&all[left_out..].iter().map(line).collect::<Vec<_>>().join("\n")))
    }
}

/// Messages as they were said; tool calls folded.
fn conversation(content: &Value) -> Markup {
    let all = content.as_array().map(Vec::as_slice).unwrap_or_default();
    let left_out = all.len().saturating_sub(LINES_MAX);
    html! {
        @if left_out > 0 { p class="dim" { (left_out) " lines before these" } }
        ol class="talk" { @for one in &all[left_out..] {
            @let role = one["role"].as_str().unwrap_or_default();
            @let event = one["event"].as_str().unwrap_or_default();
            li class={ "said " (role) } {
                @match (event, one["content"].as_str()) {
                    ("tool_result", Some(told)) => { details { summary { "what " (one["tool"].as_str().unwrap_or("a tool")) " told" span class="dim" { (first_words(told)) } } (text(told)) } }
                    (_, Some(said)) => {
                        p class="dim" { (if role.is_empty() { event } else { role }) }
                        (text(said))
                        @for call in one["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default() {
                            details { summary { "calls " (call["name"].as_str().unwrap_or("a tool")) span class="dim" { (first_words(&spelled(&call["arguments"]))) } } (json(&read(&call["arguments"]))) }
                        }
                    }
                    _ => { details { summary { (if event.is_empty() { "more" } else { event }) } (json(one)) } }
                }
            }
        } }
    }
}

/// What a tool was called with; models write it as a text.
fn read(arguments: &Value) -> Value {
    arguments.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| arguments.clone())
}

/// Its values in a row, without their names.
fn spelled(arguments: &Value) -> String {
    match read(arguments) {
        Value::Object(all) => {
            all.values().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).collect::<Vec<_>>().join(" ")
        }
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// As much of a text as goes on the line that folds it away.
fn first_words(told: &str) -> String {
    let line = told.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let short: String = line.chars().take(WORDS_MAX).collect();
    if short.len() < told.trim().len() { format!("{short} …") } else { short }
}

/// What its commands printed, as far as a page goes.
fn output(files: &StepFiles, chosen: Option<u32>, dir: &RunDir, veil: &Veil) -> Markup {
    let paths = looked_at(files, chosen).map(|one| one.output.as_slice()).unwrap_or_default();
    html! {
        @for path in paths {
            details id={ "output-" (enc(path)) } {
                summary { "Output" span class="dim" { (path) } }
                @match head(dir, path) {
                    Ok((bytes, whole)) => {
                        (text(&veil.text(&String::from_utf8_lossy(&bytes), whole > bytes.len() as u64)))
                        @if whole > bytes.len() as u64 { p class="dim" { "the first " (bytes.len()) " of " (whole) " bytes" } }
                    }
                    Err(error) => { p class="dim" { (error) } }
                }
            }
        }
    }
}

fn head(dir: &RunDir, path: &str) -> Result<(Vec<u8>, u64), String> {
    let place = InRun::new(path).map_err(|bad| bad.to_string())?;
    dir.head(&place, OUTPUT_BYTES_MAX).map_err(|error| error.to_string())
}
