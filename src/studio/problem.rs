//! What went wrong, as a page for people and as `application/problem+json` for programs.
//! In: an error of the workspace, or a refusal of ours. Out: a response. Never: a status that says success, a chain of causes lost.

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use maud::html;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{Error, Kind};

use super::pages;

/// RFC 9457.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Problem {
    pub title: String,
    pub status: u16,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

impl Problem {
    pub fn new(status: StatusCode, title: impl Into<String>) -> Self {
        Self { title: title.into(), status: status.as_u16(), because: Vec::new(), hints: Vec::new() }
    }
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// As whoever asked wants it.
    pub fn respond(self, json: bool) -> Response {
        let status = self.status();
        if json {
            let text = serde_json::to_string(&self).unwrap_or_default();
            return (status, [(header::CONTENT_TYPE, "application/problem+json")], text).into_response();
        }
        let body = html! {
            h1 { (self.title) }
            @for why in &self.because { p { (why) } }
            @if !self.hints.is_empty() { ul { @for hint in &self.hints { li { code { (hint) } } } } }
            p { a href="/" { "Inbox" } " · " a href="/runs" { "Runs" } }
        };
        (status, pages::bare(&self.title, &body)).into_response()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match error.kind {
            Kind::System => StatusCode::INTERNAL_SERVER_ERROR,
            Kind::Usage => StatusCode::NOT_FOUND,
            Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::Waiting | Kind::Limit | Kind::Refused | Kind::Integrity => StatusCode::CONFLICT,
        };
        Self { title: error.message.clone(), status: status.as_u16(), because: error.because.clone(), hints: error.hints.clone() }
    }
}

/// Programs ask below `/api/`, or say that they want JSON.
pub(super) fn wants_json(path: &str, headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    path.starts_with("/api/") || (accepts.contains("json") && !accepts.contains("text/html"))
}
