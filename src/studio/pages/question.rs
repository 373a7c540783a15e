//! One question with all that a person should see, and the form that answers it.
//! In: a question; the form as it was sent. Out: a page; the answer, handed to the workspace. Never: an answer without its digest.

use std::collections::BTreeMap;

use axum::{
    Extension,
    extract::{Path, RawForm, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use maud::{Markup, html};

use crate::{
    id::{ParamName, Time},
    record::{Question, QuestionStatus, Shown},
    spec::params::Given,
    workspace::{AnswerRequest, Evidence, Reach, Veil, Workspace},
};

use super::{
    super::{
        problem::Problem,
        server::Studio,
        slips::Slips,
        who::{Guest, Person, Right},
    },
    Page, Place,
    artifacts::{as_text, picture_of, picture_tag},
    parts::{ago, clock, events, question_link, run_link, step_link, text, value_of},
    shown,
    written::file,
};

/// Of evidence that is shown on the page itself.
const EVIDENCE_BYTES_MAX: usize = 64 * 1024;

pub(in crate::studio) async fn question(
    State(studio): State<Studio>,
    Path((run, id)): Path<(String, String)>,
    Extension(person): Extension<Person>,
) -> Response {
    let slips = studio.slips.clone();
    shown(studio.blocking(move |workspace| page(workspace, &person, &slips, &run, &id)).await)
}

/// A form is for whom it was made.
fn purpose(person: &Person, run: &str, id: &str) -> String {
    format!("answer {run}/{id} {}", person.name.as_deref().unwrap_or_default())
}

fn page(workspace: &Workspace, person: &Person, slips: &Slips, run: &str, id: &str) -> Result<Page, Problem> {
    let read = workspace.read_run(run)?;
    let question = read.question(id)?;
    let now = workspace.now();
    let open = question.status == QuestionStatus::Open;
    let veil = workspace.veil(&read.state)?;
    let body = html! {
        (clock(now))
        p class="crumbs" { a href=(run_link(&read.id)) { (read.id) } " / " (question.flow_path) " / " a href=(step_link(&read.id, &question.flow_path, &question.step_id)) { (question.step_id) } }
        h1 { (question.question) }
        p class="dim" {
            span class={ "severity " (question.severity.to_string().to_lowercase()) } { (question.severity) }
            " · asked " (ago(question.raised_at, now))
            @if !question.to.is_empty() { " · for " (question.to.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")) }
            @if let Some(deadline) = question.deadline { " · until " time datetime=(deadline) { (deadline) } }
        }
        dl {
            dt { "Why" } dd { (question.rule) ": " (question.reason) }
            @if let Some(action) = &question.action { dt { "What happens" } dd { (text(action)) } }
            @for (name, value) in &question.params { dt { (name) } dd { (value_of(value)) } }
            @if let Some(usd) = question.cost_usd { @if usd > 0.0 { dt { "Cost so far" } dd { (format!("{usd:.4} USD")) } } } @else { dt { "Cost so far" } dd { "not known" } }
        }
        (evidence(workspace, &veil, &question))
        @if !question.told.is_empty() {
            h2 { "What was said before" }
            @for told in &question.told { p { b { (told.step) } " " (told.status) ": " (told.found) " " (told.reason) } }
        }
        @if !question.concerns.is_empty() {
            h2 { "What stands open" }
            ul { @for one in &question.concerns { li { b { (one.severity) } " " (one.description) @if let Some(at) = &one.location { " (" (at) ")" } } } }
        }
        @if open {
            @match Guest::here_may(Right::Review) {
                Ok(()) => (form(&question, &slips.give(&purpose(person, run, id)))),
                Err(problem) => { h2 { "Your answer" } p { (problem.title) "." } }
            }
        } @else { (closed(&question, now)) }
    };
    let live = open.then(|| events(&read.id, read.state.seq));
    Ok(Page { title: super::inbox::first_line(&question.question).to_owned(), place: Place::Inbox, live, body })
}

fn evidence(workspace: &Workspace, veil: &Veil, question: &Question) -> Markup {
    let run = &question.run_id;
    html! {
        @if !question.shown.is_empty() {
            h2 { "Evidence" }
            p class="dim" { "What is answered is exactly this: if one of these files changes, the question is asked anew." }
            div class="evidence" { @for one in &question.shown {
                section aria-label=(one.path) {
                    h3 { code { (one.path) } }
                    @if let Some(sha256) = &one.sha256 { p class="dim" { "sha256 " (sha256.as_str()[..12]) } }
                    @if let Some(how) = &one.differs { p class="failed" { "It " (how) ": " code { (workspace.paste().repair(run)) } " makes it anew, and then this is asked again." } }
                    @match workspace.evidence_as_shown(run, question, one, Reach::Inside, EVIDENCE_BYTES_MAX) {
                        Evidence::AsShown { head, whole } => { (shown_file(veil, question, one, &head, whole)) }
                        Evidence::Changed(how) => { (changed(question, &how)) }
                        Evidence::Absent(why) | Evidence::Unseen(why) => { p class="failed" { (why) "." } }
                    }
                }
            } }
        }
    }
}

/// What is there now is not what an answer would be bound to.
fn changed(question: &Question, how: &str) -> Markup {
    html! {
        p class="failed" {
            "It has changed since it was shown (" (how) "), and is not shown here."
            @if question.status == QuestionStatus::Open { " An answer will be refused, and the question asked anew with what is there then." }
        }
    }
}

/// Pictures below the flow's artifacts as pictures, texts as their names want it.
fn shown_file(veil: &Veil, question: &Question, one: &Shown, bytes: &[u8], all: u64) -> Markup {
    let path = one.path.as_str();
    let cut = all > bytes.len() as u64;
    let picture = path.strip_prefix("artifacts/").filter(|_| picture_of(bytes).is_some());
    html! {
        @match (picture, as_text(bytes, cut)) {
            (Some(name), _) => { (picture_tag(&question.run_id, &question.flow_path, name, one.sha256.as_ref())) }
            (None, Some(said)) => {
                (file(path, &veil.text(said, cut), !cut, 3))
                @if cut { p class="dim" { "the first " (bytes.len()) " of " (all) " bytes" } }
            }
            (None, None) => { p { "It is not text: " (all) " bytes." } }
        }
    }
}

fn form(question: &Question, slip: &str) -> Markup {
    html! {
        h2 { "Your answer" }
        form id="answer" method="post" action={ (question_link(&question.run_id, &question.id)) "/answer" } class="answer" {
            input type="hidden" name="slip" value=(slip);
            input type="hidden" name="digest" value=(question.subject_digest);
            fieldset {
                legend { "What shall happen?" }
                @for option in &question.options {
                    label class="choice" { input type="radio" name="choose" value=(option.key) required; " " b { (option.label) } @if !option.effect.is_empty() { " " span class="dim" { (option.effect) } } }
                }
                @if !question.push_back.is_empty() { p class="dim" { "Or send it back, with your note to whoever does it again:" } }
                @for step in &question.push_back {
                    label class="choice" { input type="radio" name="choose" value={ "push-back:" (step) } required; " " b { "Back to " (step) } " " span class="dim" { "it and what follows run again" } }
                }
            }
            @for (name, field, required) in crate::inspect::form_fields(question) {
                label class="field" { (name) @if !required { span class="dim" { " (may be left out)" } }
                    @if let Some(about) = field["description"].as_str() { span class="dim" { " " (about) } }
                    @match field["enum"].as_array() {
                        Some(all) => { select name={ "set." (name) } { @if !required { option value="" { "" } } @for one in all.iter().filter_map(|one| one.as_str()) { option value=(one) { (one) } } } }
                        None => { input name={ "set." (name) } value=(field["default"].as_str().map_or_else(|| field.get("default").map(ToString::to_string).unwrap_or_default(), str::to_owned)); }
                    }
                }
            }
            label class="field" { "Note " span class="dim" { "(it reaches the next step, and stays with the answer)" } textarea name="note" rows="4" { } }
            label class="choice" { input type="checkbox" name="sure" value="yes" required; " I have read what stands above" }
            button class="primary" { "Answer" }
        }
    }
}

fn closed(question: &Question, now: Time) -> Markup {
    html! {
        h2 { "It is closed" }
        @match &question.answer {
            Some(answer) => {
                p { b { (answer.choose) } " by " (answer.by) " " (ago(answer.at, now)) @if answer.self_approved { " (who started the flow)" } }
                @if let Some(note) = &answer.note { (text(note)) }
            }
            None => { p { (format!("{:?}", question.status).to_lowercase()) } }
        }
        @if let Some(other) = &question.replaced_by { p { "It was asked anew: " a href=(question_link(&question.run_id, other)) { (other) } } }
    }
}

/// What a form sent, by name.
pub(super) fn fields(form: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(form).into_owned().collect()
}

pub(in crate::studio) async fn answer(
    State(studio): State<Studio>,
    Path((run, id)): Path<(String, String)>,
    Extension(person): Extension<Person>,
    RawForm(sent): RawForm,
) -> Response {
    let desk = studio.clone();
    let done = studio.blocking(move |workspace| {
        person.may(Right::Review)?;
        let sent = fields(&sent);
        let said = |name: &str| sent.get(name).map(String::as_str).unwrap_or_default();
        if !desk.slips.take(&purpose(&person, &run, &id), said("slip")) {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "this form was sent before, or is of a page from before the last start",
            )
            .hint("open the question again"));
        }
        if said("sure") != "yes" {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "nothing was decided: the box for having read it was not ticked",
            ));
        }
        let values = sent.iter().filter(|(_, value)| !value.is_empty()).filter_map(|(name, value)| {
            let name = ParamName::new(name.strip_prefix("set.")?).ok()?;
            Some((name.to_string(), Given::Text(value.clone())))
        });
        let request = AnswerRequest {
            run_id: run.clone(),
            question: id.clone(),
            choose: said("choose").to_owned(),
            note: Some(said("note").trim().to_owned()).filter(|note| !note.is_empty()),
            digest: Some(said("digest").to_owned()),
            values: values.collect(),
            signed_in: true,
            by: person.name,
            ..AnswerRequest::default()
        };
        desk.answer(workspace, &request)?;
        Ok(format!("/runs/{run}"))
    });
    match done.await {
        Ok(to) => (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response(),
        Err(problem) => problem.respond(false),
    }
}
