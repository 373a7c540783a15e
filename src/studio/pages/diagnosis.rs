//! What is wrong with a run, where it shows, and what to type next.
//! In: a run, whatever state it is in. Out: what `diagnose` prints, as a page. Never: a cause of its own.

use axum::{
    extract::{Path, State},
    response::Response,
};
use maud::{Markup, html};

use crate::{
    inspect::{Class, Likely, diagnose},
    workspace::Workspace,
};

use super::{
    super::{problem::Problem, server::Studio},
    Page, Place,
    parts::{Tab, next, observed_badge, run_id, sentence, table, tabs},
    shown,
};

pub(in crate::studio) async fn diagnosis(State(studio): State<Studio>, Path(run): Path<String>) -> Response {
    shown(studio.blocking(move |workspace| page(workspace, &run)).await)
}

fn page(workspace: &Workspace, run: &str) -> Result<Page, Problem> {
    let id = run_id(run)?;
    let (remains, paste) = workspace.remains(id.as_str())?;
    let found = diagnose(&remains, &paste);
    let trail =
        html! { @for item in &found.trail { tr { th scope="row" { code { (item.path) } } td { (sentence(&item.found)) } } } };
    let body = html! {
        h1 { "Diagnosis of " (id) " " @if let Some(status) = found.status { (observed_badge(status, found.observed.as_ref())) } }
        (tabs(&id, Tab::Diagnosis))
        p class="verdict" { (class(found.class)) " " (sentence(&found.headline)) }
        @for (at, cause) in found.causes.iter().enumerate() { (one(cause, at)) }
        (next(&found.next))
        h2 { "What was looked at" }
        (table("What was looked at", &["Where", "What stood there"], &trail))
    };
    Ok(Page { title: format!("Diagnosis of {id}"), place: Place::Runs, live: super::evidence::live(&remains, &id), body })
}

fn class(class: Class) -> Markup {
    let (ink, glyph) = match class {
        Class::Security | Class::Failed => ("failed", "✗"),
        Class::Stuck | Class::WrongOutput => ("concerns", "!"),
        Class::Waiting => ("waiting", "?"),
        Class::Healthy => ("succeeded", "✓"),
    };
    html! { span class={ "badge " (ink) } { span aria-hidden="true" { (glyph) } " " (class.as_str()) } }
}

fn one(cause: &Likely, at: usize) -> Markup {
    html! {
        @match at { 0 => { h2 { "Most likely" } } 1 => { h2 { "Also" } } _ => {} }
        article class="card cause" {
            h3 { (cause.id) " " (class(cause.class)) }
            p { (sentence(&cause.says)) }
            p { b { "What to do: " } (sentence(&cause.remedy)) }
            @if !cause.trail.is_empty() { ul { @for item in &cause.trail { li { code { (item.path) } " " (sentence(&item.found)) } } } }
        }
    }
}
