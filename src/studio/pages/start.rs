//! The form that starts a run: what the flow takes, as its definition says it, and how it is run this time.
//! In: a flow; the form as it was sent. Out: a form; an order in the queue. Never: a value guessed, a run started by looking at a page.

use std::collections::BTreeMap;

use axum::{
    Extension,
    extract::{Path, RawForm, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use maud::{Markup, html};
use serde_json::Value;

use crate::{
    spec::{
        Flow,
        params::Given,
        text::{ParamText, ParamType},
    },
    workspace::{Declined, Mistake, StartRequest, Workspace},
};

use super::{
    super::{
        operate::known_as,
        problem::Problem,
        server::Studio,
        slips::Slips,
        who::{Guest, Person, Right},
    },
    flow::page,
    question::fields,
};

/// What was written into a form that was not taken, with what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Filled {
    pub values: BTreeMap<String, String>,
    pub mistakes: Vec<Mistake>,
    /// What is wrong, and with no field of its own.
    pub error: Option<Problem>,
}

impl Filled {
    fn value<'f>(&'f self, field: &str, otherwise: &'f str) -> &'f str {
        self.values.get(field).map_or(otherwise, String::as_str)
    }
    fn is_on(&self, field: &str) -> bool {
        self.values.contains_key(field)
    }
    fn wrong(&self, field: &str) -> Option<&Mistake> {
        self.mistakes.iter().find(|one| one.field == field)
    }
}

fn purpose(flow: &str) -> String {
    format!("start {flow}")
}

pub(super) fn form(flow: &Flow, slips: &Slips, filled: &Filled) -> Markup {
    if let Err(problem) = Guest::here_may(Right::Operate) {
        return html! { h2 id="start" { "Start a run" } p { (problem.title) "." } };
    }
    let steps: Vec<&str> = flow.steps.iter().map(|step| step.id.as_str()).collect();
    let engines = ["openai", "claude", "codex", "cli", "stub"];
    let more = ["from", "until", "engine", "jobs", "workspace", "allow_unenforced", "join", "again"];
    let shown = more.iter().any(|field| filled.wrong(field).is_some() || !filled.value(field, "").is_empty());
    let unknown = filled.mistakes.iter().filter(|one| !has_field(flow, &one.field));
    html! {
        h2 id="start" { "Start a run" }
        @if let Some(problem) = &filled.error {
            div class="card failed" role="alert" {
                p { b { (problem.title) } }
                @for why in &problem.because { p { (why) } }
                @for hint in &problem.hints { p { code { (hint) } } }
            }
        } @else if !filled.mistakes.is_empty() {
            div class="card failed" role="alert" {
                p { b { "Nothing was started: " @if filled.mistakes.len() == 1 { "one thing is not right yet." } @else { (filled.mistakes.len()) " things are not right yet." } } }
                @for one in unknown { p { (one.message) } }
            }
        }
        form method="post" action={ "/flows/" (flow.key) "/start" } class="answer" {
            input type="hidden" name="slip" value=(slips.give(&purpose(flow.key.as_str())));
            @for (name, param) in &flow.params { (param_field(name.as_str(), param, filled)) }
            @if !flow.secrets.is_empty() {
                p class="dim" { "Its secrets (" (flow.secrets.join(", ")) ") come from the environment in which the studio was started, and are never typed here." }
            }
            (line("run_id", "Name of the run", &format!("{}-1, or the next number that is free", flow.key), filled))
            label class="choice" {
                input type="checkbox" name="observe_only" value="yes" checked[filled.is_on("observe_only")];
                " Only look " span class="dim" { "steps that change something are passed over, and shown" }
            }
            details open[shown] {
                summary { "More" }
                (select("from", "Start at", "the first step", &steps, filled))
                (select("until", "Stop after", "the last step", &steps, filled))
                (select("engine", "Agents are performed by", "what the flow says", &engines, filled))
                (line("jobs", "Steps at once", "what the flow says", filled))
                (line("workspace", "Directory in which steps run", "where the studio was started", filled))
                label class="choice" {
                    input type="checkbox" name="join" value="yes" checked[filled.is_on("join")];
                    " Join a run that is there " span class="dim" { "the one of that name; its other flows stay as they are" }
                }
                label class="choice" {
                    input type="checkbox" name="again" value="yes" checked[filled.is_on("again")];
                    " Start over there, if the flow has ended in it " span class="dim" { "all its steps run again, once-only ones too" }
                }
                @if Guest::here().is_some_and(|guest| guest.person.name.is_none()) {
                    label class="choice" {
                        input type="checkbox" name="allow_unenforced" value="yes" checked[filled.is_on("allow_unenforced")];
                        " Run also what this machine cannot enforce " span class="dim" { "receipts say so" }
                    }
                }
            }
            button class="primary" { "Start" }
        }
    }
}

fn has_field(flow: &Flow, field: &str) -> bool {
    let own = ["run_id", "from", "until", "engine", "jobs", "workspace"];
    own.contains(&field)
        || field.strip_prefix("params.").is_some_and(|name| flow.params.keys().any(|known| known.as_str() == name))
}

/// A text of one line.
fn line(field: &str, title: &str, otherwise: &str, filled: &Filled) -> Markup {
    let wrong = filled.wrong(field);
    html! {
        label class="field" { (title) span class="dim" { " (left out: " (otherwise) ")" }
            input name=(field) value=(filled.value(field, "")) autocomplete="off" spellcheck="false" aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong.map(|_| format!("why-{field}"))];
        }
        (why(field, wrong))
    }
}

fn select(field: &str, title: &str, otherwise: &str, all: &[&str], filled: &Filled) -> Markup {
    let wrong = filled.wrong(field);
    let chosen = filled.value(field, "");
    html! {
        label class="field" { (title)
            select name=(field) aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong.map(|_| format!("why-{field}"))] {
                option value="" { (otherwise) }
                @for one in all { option value=(one) selected[*one == chosen] { (one) } }
            }
        }
        (why(field, wrong))
    }
}

fn why(field: &str, wrong: Option<&Mistake>) -> Markup {
    html! { @if let Some(one) = wrong { p class="failed" id={ "why-" (field) } { (one.message) @if let Some(hint) = &one.hint { " — " (hint) } } } }
}

fn param_field(name: &str, param: &ParamText, filled: &Filled) -> Markup {
    let field = format!("params.{name}");
    let wrong = filled.wrong(&field);
    let default = param.default.as_ref().map(shown).unwrap_or_default();
    let value = filled.value(&field, &default);
    let (invalid, about) = (wrong.map(|_| "true"), wrong.map(|_| format!("why-{field}")));
    let choice = |all: &[&str]| {
        html! {
            select name=(field) required[param.required] aria-invalid=[invalid] aria-describedby=[about.clone()] {
                @if param.default.is_none() { option value="" { @if param.required { "choose …" } } }
                @for one in all { option value=(one) selected[*one == value] { (one) } }
            }
        }
    };
    let text = |kind: &str| {
        html! { input name=(field) value=(value) inputmode=(kind) required[param.required] autocomplete="off" aria-invalid=[invalid] aria-describedby=[about.clone()]; }
    };
    let lines = html! { textarea name=(field) rows="4" required[param.required] aria-invalid=[invalid] aria-describedby=[about.clone()] { (value) } };
    html! {
        label class="field" {
            b { (name) } @if !param.required { span class="dim" { " (may be left out)" } }
            @if let Some(about) = &param.description { span class="dim" { " " (about) } }
            @if let Some(pattern) = &param.pattern { span class="dim" { ", matches " code { (pattern) } } }
            @match param.r#type {
                ParamType::Enum => { (choice(&param.values.iter().map(String::as_str).collect::<Vec<_>>())) }
                ParamType::Boolean => { (choice(&["true", "false"])) }
                ParamType::Integer => { (text("numeric")) }
                ParamType::Number => { (text("decimal")) }
                ParamType::List => { span class="dim" { " one a line" } (lines) }
                ParamType::String => { @if value.contains('\n') { (lines) } @else { (text("text")) } }
            }
        }
        (why(&field, wrong))
    }
}

/// A default as somebody would write it into the form.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}

/// A field that is empty was left out.
fn asked(flow: &Flow, sent: &BTreeMap<String, String>, person: &Person, by: String) -> StartRequest {
    let said = |field: &str| sent.get(field).map(|text| text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
    let params = sent.iter().filter_map(|(field, text)| {
        let name = field.strip_prefix("params.")?;
        let kind = flow.params.iter().find(|(known, _)| known.as_str() == name).map(|(_, param)| param.r#type);
        let empty = text.is_empty() || (kind != Some(ParamType::String) && text.trim().is_empty());
        let value = match kind {
            _ if empty => return None,
            Some(ParamType::List) => {
                Given::Value(text.lines().map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect())
            }
            // Browsers send lines as they stand in mails.
            Some(ParamType::String) => Given::Text(text.replace("\r\n", "\n")),
            Some(ParamType::Enum | ParamType::Boolean | ParamType::Integer | ParamType::Number) | None => {
                Given::Text(text.trim().to_owned())
            }
        };
        Some((name.to_owned(), value))
    });
    StartRequest {
        flow: flow.key.to_string(),
        run_id: said("run_id"),
        join: sent.contains_key("join"),
        again: sent.contains_key("again"),
        params: params.collect(),
        from: said("from"),
        until: said("until"),
        engine: said("engine"),
        jobs: said("jobs"),
        observe_only: sent.contains_key("observe_only"),
        allow_unenforced: sent.contains_key("allow_unenforced"),
        workspace: said("workspace"),
        at_home: person.name.is_some(),
        by,
    }
}

/// What became of a form.
enum Sent {
    Queued(String),
    Back(Box<Response>),
}

pub(in crate::studio) async fn start(
    State(studio): State<Studio>,
    Path(flow): Path<String>,
    Extension(person): Extension<Person>,
    RawForm(sent): RawForm,
) -> Response {
    let desk = studio.clone();
    let done = studio.blocking(move |workspace| {
        person.may(Right::Operate)?;
        let sent = fields(&sent);
        if !desk.slips.take(&purpose(&flow), sent.get("slip").map(String::as_str).unwrap_or_default()) {
            let problem =
                Problem::new(StatusCode::CONFLICT, "this form was sent before, or is of a page from before the last start");
            return Err(problem.hint("open the flow again"));
        }
        ask(&desk, workspace, &flow, sent, &person)
    });
    match done.await {
        Ok(Sent::Queued(run)) => (StatusCode::SEE_OTHER, [(header::LOCATION, format!("/runs/{run}"))]).into_response(),
        Ok(Sent::Back(page)) => *page,
        Err(problem) => problem.respond(false),
    }
}

fn ask(
    studio: &Studio,
    workspace: &Workspace,
    flow: &str,
    sent: BTreeMap<String, String>,
    person: &Person,
) -> Result<Sent, Problem> {
    let main = workspace.main_flow(flow)?;
    let request = asked(&main, &sent, person, known_as(person, workspace));
    let declined = match studio.desk.ask(|| workspace.ask_start(&request)) {
        Ok(order) => return Ok(Sent::Queued(order.run_id.to_string())),
        Err(declined) => declined,
    };
    let Declined { error, fields } = declined;
    let problem = Problem::from(*error);
    let status = problem.status();
    let error = fields.is_empty().then_some(problem);
    let filled = Filled { values: sent, mistakes: fields, error };
    let mut response = page(workspace, &studio.slips, flow, &filled)?.respond();
    *response.status_mut() = status;
    Ok(Sent::Back(Box::new(response)))
}
