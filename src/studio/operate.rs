//! Runs driven from here: starts, resumes, retries and cancels, by forms and by programs, and the queue.
//! In: POST requests of people who may. Out: orders in the queue, and where to look for the run. Never: a GET that changes something.

use axum::{
    Router,
    routing::post,
};

use crate::workspace::Workspace;

use super::{pages, server::Studio, who::Person};

pub(super) fn routes() -> Router<Studio> {
    Router::new()
        .route("/flows/{flow}/start", post(pages::start))
        .route("/runs/{run}/resume", post(pages::resume))
        .route("/runs/{run}/retry", post(pages::retry))
        .route("/runs/{run}/cancel", post(pages::cancel))
        .route("/queue/{number}/withdraw", post(pages::withdraw))
}

/// In whose name it is done: the signed-in person, or whoever started the studio.
pub(super) fn known_as(person: &Person, workspace: &Workspace) -> String {
    person.name.clone().unwrap_or_else(|| workspace.config.user.clone())
}
