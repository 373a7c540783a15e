//! Who comes in: the name by which we are called, where a form was sent from, and the token.
//! In: a request's head. Out: who it is, or a refusal with a sentence. Never: a name taken from the request, a form of another page.

use std::{net::SocketAddr, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{
    problem::{Problem, wants_json},
    server::Studio,
    token::Token,
    who::Person,
};

/// Scripts, styles and pictures are ours or nobody's; nothing is framed, nothing is sent elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A form of a question with its note.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// For what a request brings along; whoever is slower is let go.
const BODY_WAIT: Duration = Duration::from_secs(10);

/// What the studio is called, and the token that opens it.
#[derive(Debug, Clone)]
pub(super) struct Door {
    pub token: Token,
    /// `host:port`, as browsers say it.
    pub names: Vec<String>,
    pub cookie: String,
}

impl Door {
    pub fn new(token: Token, at: SocketAddr) -> Self {
        let port = at.port();
        // First as we listen: that is the name that a hint gives.
        let mut names = vec![at.to_string()];
        let others = [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("[::1]:{port}")];
        names.extend(others.into_iter().filter(|name| *name != at.to_string()));
        // Cookies do not tell ports apart.
        Self { token, names, cookie: format!("flow_studio_{port}") }
    }

    fn is_ours(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        host.is_some_and(|host| self.names.iter().any(|name| name.eq_ignore_ascii_case(host)))
    }

    /// A page of ours sent it.
    fn is_from_us(&self, headers: &HeaderMap) -> bool {
        let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
        origin.and_then(|origin| origin.strip_prefix("http://")).is_some_and(|from| self.names.iter().any(|name| name == from))
    }

    fn cookie_of<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == self.cookie).map(|(_, value)| value)
    }

    fn bearer(headers: &HeaderMap) -> Option<&str> {
        headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
    }

    /// # Errors
    /// Why this request stays outside.
    fn admit(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<Person, Problem> {
        if !self.is_ours(headers) {
            return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "this is not the name of the studio")
                .hint(format!("open http://{}", self.names[0])));
        }
        // A program that brings the token itself is led by no page.
        let program = Self::bearer(headers).is_some_and(|token| self.token.opens(token));
        if program {
            return Ok(Person::owner());
        }
        if !matches!(*method, Method::GET | Method::HEAD) && !self.is_from_us(headers) {
            return Err(Problem::new(StatusCode::FORBIDDEN, "this was not sent by a page of the studio"));
        }
        let open = path == "/login" || path.starts_with("/assets/");
        if open || self.cookie_of(headers).is_some_and(|cookie| self.token.is_cookie(cookie)) {
            return Ok(Person::owner());
        }
        Err(Problem::new(StatusCode::UNAUTHORIZED, "the studio is opened by its link").hint("flow-studio serve --link"))
    }

    /// The cookie of a browser that brought the token.
    pub fn keeps(&self) -> String {
        format!("{}={}; HttpOnly; SameSite=Strict; Path=/; Max-Age=2592000", self.cookie, self.token.cookie())
    }
}

/// Around everything: nobody gets further without being let in, and every answer says what a browser may do with it.
pub(super) async fn guard(State(studio): State<Studio>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let json = wants_json(&path, request.headers());
    let mut response = match studio.door.admit(request.method(), &path, request.headers()) {
        Ok(person) => {
            request.extensions_mut().insert(person);
            match whole(request).await {
                Ok(request) => plain(next.run(request).await, json).await,
                Err(problem) => problem.respond(json),
            }
        }
        Err(problem) => problem.respond(json),
    };
    let headers = response.headers_mut();
    let mut say = |name: header::HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    say(header::CONTENT_SECURITY_POLICY, POLICY);
    say(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // With `no-referrer` a browser sends the forms of our own pages with `Origin: null`, as if they came from nowhere.
    say(header::REFERRER_POLICY, "same-origin");
    say(header::CACHE_CONTROL, "no-store");
    say(header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    say(header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    response.into_response()
}

/// A request with all of its body, which is short and comes soon, or not at all.
async fn whole(request: Request) -> Result<Request, Problem> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(request);
    }
    let large = || Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("this is more than {BODY_BYTES_MAX} bytes"));
    let said = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if said.is_some_and(|length| length > BODY_BYTES_MAX) {
        return Err(large());
    }
    let (head, body) = request.into_parts();
    let read = tokio::time::timeout(BODY_WAIT, to_bytes(body, BODY_BYTES_MAX)).await;
    let bytes = match read {
        Err(_) => return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the rest of it did not come")),
        // Without a length nothing was promised: then it is the limit that ended it.
        Ok(Err(_)) if said.is_none() => return Err(large()),
        Ok(Err(error)) => return Err(Problem::new(StatusCode::BAD_REQUEST, error.to_string())),
        Ok(Ok(bytes)) => bytes,
    };
    Ok(Request::from_parts(head, Body::from(bytes)))
}

/// What the routes themselves refuse, in the form that all refusals have.
async fn plain(response: Response, json: bool) -> Response {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let ours = kind.starts_with("text/html") || kind.starts_with("application/problem+json");
    if !(status.is_client_error() || status.is_server_error()) || ours {
        return response;
    }
    let text = to_bytes(response.into_body(), BODY_BYTES_MAX).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let why = if text.is_empty() { status.canonical_reason().unwrap_or("refused") } else { &text };
    Problem::new(status, why).respond(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door() -> Door {
        let runs = tempfile::tempdir().unwrap();
        Door::new(Token::of(runs.path()).unwrap(), "127.0.0.1:7340".parse().unwrap())
    }

    fn said(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse::<header::HeaderName>().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn who_is_let_in_and_who_is_not() {
        let door = door();
        let host = ("host", "localhost:7340");
        let cookie = format!("a=b; flow_studio_7340={}", door.token.cookie());
        let cookie = ("cookie", cookie.as_str());
        let bearer = format!("Bearer {}", door.token.shown());
        let bearer = ("authorization", bearer.as_str());
        let own = ("origin", "http://localhost:7340");
        let outcome = |method: Method, path: &str, pairs: &[(&str, &str)]| {
            door.admit(&method, path, &said(pairs)).map_or_else(|problem| problem.status, |_| 200)
        };
        for (method, path, pairs, status) in [
            (Method::GET, "/", vec![host, cookie], 200),
            (Method::GET, "/", vec![host], 401),
            (Method::GET, "/", vec![host, ("cookie", "flow_studio_7340=0")], 401),
            (Method::GET, "/", vec![host, ("cookie", "flow_studio_7341=0")], 401),
            (Method::GET, "/", vec![cookie], 421),
            (Method::GET, "/", vec![("host", "evil.example:7340"), cookie], 421),
            (Method::GET, "/", vec![("host", "localhost:7341"), cookie], 421),
            (Method::GET, "/login", vec![host], 200),
            (Method::GET, "/assets/studio.css", vec![host], 200),
            (Method::POST, "/x", vec![host, cookie, own], 200),
            (Method::POST, "/x", vec![host, cookie], 403),
            (Method::POST, "/x", vec![host, cookie, ("origin", "null")], 403),
            (Method::POST, "/x", vec![host, cookie, ("origin", "http://evil.example")], 403),
            (Method::POST, "/x", vec![host, cookie, ("origin", "https://localhost:7340")], 403),
            (Method::POST, "/login", vec![host], 403),
            (Method::POST, "/x", vec![host, own], 401),
            (Method::DELETE, "/x", vec![host, cookie], 403),
            (Method::POST, "/x", vec![host, bearer], 200),
            (Method::POST, "/x", vec![host, ("authorization", "Bearer 0")], 403),
            (Method::GET, "/x", vec![host, ("authorization", "Bearer 0")], 401),
        ] {
            assert_eq!(outcome(method.clone(), path, &pairs), status, "{method} {path} {pairs:?}");
        }
    }
}
