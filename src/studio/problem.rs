//! What went wrong, as a page for people and as `application/problem+json` for programs.
//! In: an error of the workspace, or a refusal of ours. Out: a response. Never: a status that says success, a chain of causes lost.

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use maud::html;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::{Error, Kind},
    inspect::NotInRun,
    workspace::{Declined, Mistake},
};

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
    /// Each mistake beside the field that it is in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Mistake>,
}

impl Problem {
    pub fn new(status: StatusCode, title: impl Into<String>) -> Self {
        Self { title: title.into(), status: status.as_u16(), because: Vec::new(), hints: Vec::new(), fields: Vec::new() }
    }

    /// An error as the command line says it with `--json`.
    pub fn told(error: &serde_json::Value) -> Self {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let all = |name: &str| error[name].as_array().into_iter().flatten().map(text).collect();
        let status = if error["kind"] == "usage" { StatusCode::NOT_FOUND } else { StatusCode::CONFLICT };
        Self { because: all("because"), hints: all("hints"), ..Self::new(status, text(&error["message"])) }
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
            @if !self.fields.is_empty() { ul { @for one in &self.fields { li { code { (one.field) } " " (one.message) @if let Some(hint) = &one.hint { " (" (hint) ")" } } } } }
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
        let Error { message, because, hints, .. } = error;
        Self { because, hints, ..Self::new(status, message) }
    }
}

impl From<Declined> for Problem {
    fn from(declined: Declined) -> Self {
        Self { fields: declined.fields, ..Self::from(*declined.error) }
    }
}

impl From<NotInRun> for Problem {
    fn from(error: NotInRun) -> Self {
        let problem = Self::new(StatusCode::NOT_FOUND, error.message);
        match error.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

/// Programs ask below `/api/`, or say that they want JSON.
pub(super) fn wants_json(path: &str, headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    path.starts_with("/api/") || (accepts.contains("json") && !accepts.contains("text/html"))
}
