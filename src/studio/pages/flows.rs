//! The flows that can be run here; a broken file is a line too.
//! In: the flows directory. Out: a list with links. Never: a file left out because it is broken.

use axum::{extract::State, response::Response};
use maud::html;

use crate::{id::FlowKey, workspace::Workspace};

use super::{
    super::{problem::Problem, server::Studio},
    Page, Place,
    parts::table,
    shown,
};

pub(in crate::studio) async fn flows(State(studio): State<Studio>) -> Response {
    shown(studio.blocking(page).await)
}

fn page(workspace: &Workspace) -> Result<Page, Problem> {
    let listed = workspace.loader().list_flows();
    let rows = html! {
        @for one in &listed {
            tr {
                th scope="row" {
                    // A file whose name is no flow's has no page.
                    @if FlowKey::new(&one.name).is_ok() { a href={ "/flows/" (one.name) } { (one.name) } } @else { (one.name) }
                }
                td { @if one.outcome.is_ok() && FlowKey::new(&one.name).is_ok() { a href={ "/flows/" (one.name) "#start" } { "Start" span class="unseen" { " " (one.name) } } } }
                td { @match &one.outcome {
                    Ok(title) => { (title) }
                    Err(found) => {
                        span class="badge failed" { "broken" }
                        ul { @for mistake in found.iter().filter(|one| one.is_error()).take(3) { li { (mistake.message) } } }
                    }
                } }
            }
        }
    };
    let body = html! {
        h1 { "Flows" }
        @if listed.is_empty() { p class="empty" { "There is no flow here yet: " code { "flow-studio init" } " puts a first one into place." } }
        @else { (table("Flows", &["Flow", "Run it", "Title"], &rows)) }
    };
    Ok(Page { title: "Flows".to_owned(), place: Place::Flows, live: None, body })
}
