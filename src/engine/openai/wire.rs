//! One call of a chat completions server.
//! In: a request as JSON. Out: the answer, as far as it can be read, or a typed failure.
//! Never: a call sent twice, more than a bounded answer in memory, the key in a message.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use async_openai::{Client, config::Config, error::OpenAIError, middleware::HttpRequestFactory};
use reqwest::header::{AUTHORIZATION, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::{
    net,
    record::{ErrorClass, FailureKind},
    redact::cut,
};

/// More than any model writes at once; a server that sends more is broken.
pub(super) const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How much of an error's text stands in a message.
const MESSAGE_CHARS_MAX: usize = 400;
/// How much of what is no answer.
const BEGINNING_CHARS_MAX: usize = 80;

/// Why a call gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct CallError {
    pub kind: FailureKind,
    pub class: ErrorClass,
    pub message: String,
    /// HTTP status, where there was an answer.
    pub status: Option<u16>,
    pub retry_after_ms: Option<u64>,
    /// The server has no model of this name.
    pub no_model: bool,
}

impl CallError {
    fn new(kind: FailureKind, class: ErrorClass, message: String) -> Self {
        Self { kind, class, message, status: None, retry_after_ms: None, no_model: false }
    }

    /// It answered, but with something that is no answer.
    pub fn bad_answer(message: String) -> Self {
        Self::new(FailureKind::BadOutput, ErrorClass::Transient, message)
    }

    pub fn late(limit: Duration) -> Self {
        let message = format!("the server did not answer in {} seconds", limit.as_secs());
        Self::new(FailureKind::Timeout, ErrorClass::Transient, message)
    }

    /// It is about how long the answer may be.
    pub fn is_about_length(&self) -> bool {
        let text = self.message.to_lowercase();
        matches!(self.status, Some(400 | 422 | 501))
            && ["max_tokens", "max_completion_tokens"].iter().any(|word| text.contains(word))
    }

    /// The server refuses the request because of something in it that it does not know, and says what.
    pub fn lacks(&self, words: &[&str]) -> bool {
        let refused = matches!(self.status, Some(400 | 404 | 405 | 415 | 422 | 500 | 501));
        let text = self.message.to_lowercase();
        refused && self.kind != FailureKind::Context && words.iter().any(|word| text.contains(word))
    }
}

/// A client for one server; connections are kept between calls.
pub(super) type Server = Client<Address>;

/// Where the server is, and the key that it wants.
#[derive(Clone)]
pub(super) struct Address {
    base_url: String,
    key: SecretString,
}

impl Config for Address {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if !self.key.expose_secret().is_empty()
            // A key that is no header was refused before anything started.
            && let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", self.key.expose_secret()))
        {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        headers
    }
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }
    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }
    fn api_base(&self) -> &str {
        &self.base_url
    }
    fn api_key(&self) -> &SecretString {
        &self.key
    }
}

/// A client that sends each request once. Nothing is sent yet.
pub(super) fn server(base_url: &str, key: Option<&SecretString>) -> Result<Server, CallError> {
    let http = net::client(base_url).map_err(|error| {
        CallError::new(FailureKind::Spawn, ErrorClass::Permanent, format!("no HTTP client could be made: {error}"))
    })?;
    let address = Address { base_url: base_url.to_owned(), key: key.cloned().unwrap_or_else(|| String::new().into()) };
    Ok(Client::build(http.clone(), address).with_http_service(Once { http }))
}

/// Sends one request and reads the answer.
pub(super) async fn call(server: &Server, request: &Value) -> Result<Value, CallError> {
    let answer: Result<Value, OpenAIError> = server.chat().create_byot(request).await;
    answer.map_err(|error| match error {
        OpenAIError::Boxed(error) => match error.downcast::<CallError>() {
            Ok(error) => *error,
            Err(error) => CallError::new(FailureKind::Unknown, ErrorClass::Permanent, clipped(&error.to_string())),
        },
        OpenAIError::Reqwest(error) => transport(&error),
        OpenAIError::ApiError(_)
        | OpenAIError::JSONDeserialize(..)
        | OpenAIError::FileSaveError(_)
        | OpenAIError::FileReadError(_)
        | OpenAIError::StreamError(_)
        | OpenAIError::InvalidArgument(_) => {
            CallError::new(FailureKind::Unknown, ErrorClass::Permanent, clipped(&error.to_string()))
        }
    })
}

/// The transport under the client: no retry (the kernel decides that), a bounded answer, and the error's headers kept.
#[derive(Clone)]
struct Once {
    http: reqwest::Client,
}

type Sending = Pin<Box<dyn Future<Output = Result<reqwest::Response, OpenAIError>> + Send>>;

impl tower_service::Service<HttpRequestFactory> for Once {
    type Response = reqwest::Response;
    type Error = OpenAIError;
    type Future = Sending;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Sending {
        let http = self.http.clone();
        Box::pin(async move {
            let request = request.build().await?;
            let mut response = http.execute(request).await?;
            let status = response.status();
            let retry_after_ms = retry_after(response.headers());
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await? {
                if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                    let message = format!("the server's answer has more than {ANSWER_BYTES_MAX} bytes");
                    return Err(boxed(CallError::new(FailureKind::BadOutput, ErrorClass::Permanent, message)));
                }
                body.extend_from_slice(&chunk);
            }
            if status.is_success() {
                // Looked at here, because the client would log the whole text of what it cannot read.
                if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&body) {
                    let message = unread(&body, &error);
                    return Err(boxed(CallError::new(FailureKind::Io, ErrorClass::Transient, message)));
                }
                return Ok(http::Response::new(body).into());
            }
            Err(boxed(CallError { retry_after_ms, ..answered(status.as_u16(), &body) }))
        })
    }
}

fn boxed(error: CallError) -> OpenAIError {
    OpenAIError::Boxed(Box::new(error))
}

/// What came instead of an answer: its beginning tells a page that asks for a login from a stream that nobody wanted.
fn unread(body: &[u8], error: &serde_json::Error) -> String {
    if body.trim_ascii().is_empty() {
        return "the server's answer is empty".to_owned();
    }
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * BEGINNING_CHARS_MAX)]);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let beginning: String = line.chars().take(BEGINNING_CHARS_MAX).collect();
    format!("the server's answer is not whole, or not JSON: {error}; it begins with `{beginning}`")
}

/// Seconds as servers send them, or a date, which is as far away as the server's own clock says.
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let text = |name| Some(headers.get(name)?.to_str().ok()?.trim());
    let date = |text: &str| Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp());
    let wanted = text(RETRY_AFTER)?;
    let seconds: f64 = match wanted.parse() {
        Ok(seconds) => seconds,
        Err(_) => date(wanted)?.duration_since(date(text(DATE)?)?).as_secs_f64().max(0.0),
    };
    let seconds = Some(seconds).filter(|seconds| seconds.is_finite() && *seconds >= 0.0)?;
    // Capped before it is a number of milliseconds; the kernel has its own maximum.
    Some(Duration::from_secs_f64(seconds.min(86_400.0)).as_millis().try_into().unwrap_or(u64::MAX))
}

/// No answer at all, or half of one.
fn transport(error: &reqwest::Error) -> CallError {
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    let what = if error.is_connect() { "the server cannot be reached" } else { "the connection broke" };
    CallError::new(FailureKind::Io, ErrorClass::Transient, clipped(&format!("{what}: {message}")))
}

/// What an error status means.
fn answered(status: u16, body: &[u8]) -> CallError {
    let text = String::from_utf8_lossy(body);
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let at = |path: &str| json.as_ref().and_then(|json| json.pointer(path)).and_then(Value::as_str);
    // OpenAI nests the error; others put it flat, or say `detail`.
    let said = at("/error/message").or_else(|| at("/message")).or_else(|| at("/error")).or_else(|| at("/detail"));
    let said = said.unwrap_or_else(|| text.trim());
    let code = at("/error/code").or_else(|| at("/error/type")).unwrap_or_default();
    let lower = format!("{code} {said}").to_lowercase();
    let long = ["context_length", "context length", "maximum context", "context window", "too many tokens", "prompt is too long"];
    let spent = ["insufficient_quota", "billing", "credit balance", "exceeded your current quota"];
    let holds = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let (kind, class) = match status {
        401 => (FailureKind::Auth, ErrorClass::Permanent),
        402 => (FailureKind::Quota, ErrorClass::Permanent),
        403 => (FailureKind::PermissionDenied, ErrorClass::Permanent),
        400 | 413 | 422 if holds(&long) => (FailureKind::Context, ErrorClass::Permanent),
        429 if holds(&spent) => (FailureKind::Quota, ErrorClass::Permanent),
        429 => (FailureKind::Quota, ErrorClass::Transient),
        // Some servers answer 500 to a prompt that does not fit.
        500 if holds(&long) => (FailureKind::Context, ErrorClass::Permanent),
        501 | 505 => (FailureKind::Unknown, ErrorClass::Permanent),
        408 | 409 | 425 | 500..=599 => (FailureKind::Overloaded, ErrorClass::Transient),
        _ => (FailureKind::Unknown, ErrorClass::Permanent),
    };
    let absent = ["model_not_found", "not found", "does not exist", "not exist", "no model", "no such model", "unknown model"];
    let no_model = matches!(status, 400 | 404 | 422) && lower.contains("model") && holds(&absent);
    let name = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("error");
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    let message = clipped(&format!("the server answered {status} {name}{said}"));
    CallError { status: Some(status), no_model, ..CallError::new(kind, class, message) }
}

fn clipped(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match cut(&line, MESSAGE_CHARS_MAX) {
        Some(cut) => format!("{cut}…"),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_whether_trying_again_can_help() {
        let of = |status, body: &str| {
            let error = answered(status, body.as_bytes());
            (error.kind, error.class)
        };
        use ErrorClass::{Permanent, Transient};
        assert_eq!(of(401, ""), (FailureKind::Auth, Permanent));
        assert_eq!(of(403, ""), (FailureKind::PermissionDenied, Permanent));
        assert_eq!(of(404, r#"{"error":{"message":"no model `x`"}}"#), (FailureKind::Unknown, Permanent));
        assert_eq!(of(422, ""), (FailureKind::Unknown, Permanent));
        assert_eq!(of(429, ""), (FailureKind::Quota, Transient));
        assert_eq!(of(429, r#"{"error":{"message":"x","code":"insufficient_quota"}}"#), (FailureKind::Quota, Permanent));
        assert_eq!(of(400, r#"{"error":{"message":"x","code":"context_length_exceeded"}}"#), (FailureKind::Context, Permanent));
        assert_eq!(of(500, "oops"), (FailureKind::Overloaded, Transient));
        assert_eq!(of(529, ""), (FailureKind::Overloaded, Transient));
        assert_eq!(of(302, ""), (FailureKind::Unknown, Permanent));
    }

    #[test]
    fn a_model_that_is_not_there_is_told_from_an_address_that_is_not() {
        let absent = |status, body: &str| answered(status, body.as_bytes()).no_model;
        assert!(absent(
            404,
            r#"{"error":{"message":"The model `x` does not exist or you do not have access to it.","code":"model_not_found"}}"#
        ));
        assert!(absent(404, r#"{"error":{"message":"model 'x' not found"}}"#));
        assert!(absent(400, r#"{"object":"error","message":"The model `x` does not exist."}"#));
        assert!(!absent(404, "404 page not found") && !absent(400, "this model cannot do that") && !absent(401, "no model"));
    }

    #[test]
    fn messages_are_short_and_on_one_line() {
        let body = format!(r#"{{"error":{{"message":"no\n{}"}}}}"#, "x".repeat(3000));
        let message = answered(400, body.as_bytes()).message;
        assert!(message.starts_with("the server answered 400 Bad Request: no") && message.len() < 500, "{message}");
    }

    #[test]
    fn what_is_no_answer_is_shown_by_its_beginning() {
        let of = |body: &[u8]| unread(body, &serde_json::from_slice::<Value>(body).unwrap_err());
        assert!(of(b"<html>\n<title>Sign in</title>").ends_with("; it begins with `<html> <title>Sign in</title>`"));
        assert_eq!(of(b" \n"), "the server's answer is empty");
        assert!(of("\u{fffd}".repeat(9_000).as_bytes()).len() < 500);
    }

    #[test]
    fn what_a_server_lacks_is_read_from_its_refusal() {
        let refusal = answered(400, br#"{"error":{"message":"'tools' is not supported"}}"#);
        assert!(refusal.lacks(&["tool"]) && !refusal.lacks(&["json_schema"]));
        assert!(!answered(401, b"tools").lacks(&["tool"]));
    }

    #[test]
    fn a_wait_is_read_in_seconds() {
        let of = |text: &'static str| retry_after(&[(RETRY_AFTER, HeaderValue::from_static(text))].into_iter().collect());
        assert_eq!(of("2"), Some(2000));
        assert_eq!(of("0.25"), Some(250));
        assert_eq!(of("-1"), None);
        assert_eq!(of("Wed, 21 Oct 2015 07:28:00 GMT"), None, "nobody knows how far away that is");
        let dated = |wait: &'static str| {
            let date = (DATE, HeaderValue::from_static("Wed, 21 Oct 2015 07:28:00 GMT"));
            retry_after(&[date, (RETRY_AFTER, HeaderValue::from_static(wait))].into_iter().collect())
        };
        assert_eq!(dated("Wed, 21 Oct 2015 07:30:00 GMT"), Some(120_000));
        assert_eq!(dated("Wed, 21 Oct 2015 07:00:00 GMT"), Some(0));
        assert_eq!((dated("tomorrow"), dated("2")), (None, Some(2000)));
    }
}
