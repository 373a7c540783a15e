//! What a program sends with a request, as JSON.
//! In: a body. Out: what the handler asked for, or a problem that says what is wrong with it. Never: a key that nobody knows, passed over.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};

use super::problem::Problem;

/// A body that has to be there.
#[derive(Debug)]
pub(super) struct Sent<T>(pub T);

/// A body that may be left out where nothing has to be said.
#[derive(Debug)]
pub(super) struct MaybeSent<T>(pub T);

/// There is nothing to say about it but that it shall be.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoBody {}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (headers, body) = taken(request, state).await?;
        read(&headers, &body).map(Self).map_err(|problem| problem.respond(true))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for MaybeSent<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (headers, body) = taken(request, state).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        read(&headers, &body).map(Self).map_err(|problem| problem.respond(true))
    }
}

async fn taken<S: Send + Sync>(request: Request, state: &S) -> Result<(HeaderMap, Bytes), Response> {
    let headers = request.headers().clone();
    let body = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
    Ok((headers, body))
}

fn read<T: DeserializeOwned>(headers: &HeaderMap, body: &Bytes) -> Result<T, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "this is sent as application/json"));
    }
    let wrong = |error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("this is not what is asked for here: {error}"));
    serde_json::from_slice(body).map_err(wrong)
}
