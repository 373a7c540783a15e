//! Who comes in: the name by which we are called, where a form was sent from, and whose token it is.
//! In: a request's head. Out: who it is, or a refusal with a sentence. Never: a name taken from the request, a form of another page, the
//! owner's token taken from another machine.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::id::Sha256;

use super::{
    names::{Names, Origin},
    people::{People, Roll},
    problem::{Problem, wants_json},
    server::Studio,
    token::{Token, cookie_of},
    who::{Guest, Person, Right},
};

/// Scripts, styles and pictures are ours or nobody's; nothing is framed, nothing is sent elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A form of a question with its note.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// For what a request brings along; whoever is slower is let go.
const BODY_WAIT: Duration = Duration::from_secs(10);
/// A month, after which the link is needed again.
const COOKIE_SECONDS: u32 = 30 * 24 * 60 * 60;
/// What a proxy adds. Nothing that they say is believed: only that somebody stands behind.
const FORWARDED: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/// The other end of a connection, which the server puts on each request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub SocketAddr);

/// What the studio is called, and who opens it.
#[derive(Debug, Clone)]
pub(super) struct Door {
    pub token: Token,
    pub names: Names,
    pub people: Arc<People>,
    /// Cookies do not tell ports apart; their name does.
    port: u16,
}

/// Who it is, and by which key where it is a user.
#[derive(Debug)]
struct Known {
    person: Person,
    key: Option<Sha256>,
}

impl Known {
    fn owner() -> Self {
        Self { person: Person::owner(), key: None }
    }

    fn user((key, person): (Sha256, Person)) -> Self {
        Self { person, key: Some(key) }
    }
}

/// What is said of a request before anybody reads its body.
#[derive(Debug, Clone, Copy)]
struct Knock<'r> {
    method: &'r Method,
    path: &'r str,
    /// As the routes are written; `None`: there is none.
    route: Option<&'r str>,
    headers: &'r HeaderMap,
    peer: Option<SocketAddr>,
}

impl Knock<'_> {
    fn says(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn looks(&self) -> bool {
        matches!(*self.method, Method::GET | Method::HEAD)
    }

    fn bearer(&self) -> Option<&str> {
        self.says(header::AUTHORIZATION)?.strip_prefix("Bearer ")
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        let all = self.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(one, _)| *one == name).map(|(_, value)| value)
    }

    /// Nobody stands between us and a browser on this machine.
    fn is_from_here(&self) -> bool {
        let direct = FORWARDED.iter().all(|name| !self.headers.contains_key(*name));
        direct && self.peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback())
    }
}

impl Door {
    pub fn new(token: Token, names: Names, people: Arc<People>, port: u16) -> Self {
        Self { token, names, people, port }
    }

    /// With the prefix no other site, and no page that came without TLS, can put one in its place.
    fn cookie_name(&self, called: &Origin) -> String {
        format!("{}flow_studio_{}", if called.is_secure() { "__Host-" } else { "" }, self.port)
    }

    /// What the browser of whoever brought a token keeps.
    pub fn keeps(&self, called: &Origin, token: &str) -> String {
        self.set_cookie(called, &cookie_of(token), COOKIE_SECONDS)
    }

    /// What the browser of whoever leaves keeps: nothing.
    pub fn forgets(&self, called: &Origin) -> String {
        self.set_cookie(called, "", 0)
    }

    fn set_cookie(&self, called: &Origin, value: &str, seconds: u32) -> String {
        let secure = if called.is_secure() { "; Secure" } else { "" };
        format!("{}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}{secure}", self.cookie_name(called))
    }

    /// By which of our names a request that was let in came.
    pub fn called(&self, headers: &HeaderMap) -> Option<&Origin> {
        self.names.called(headers.get(header::HOST)?.to_str().ok()?)
    }

    /// The owner's token is for the machine that the studio runs on. Elsewhere people have names.
    fn is_for_owner(&self, called: &Origin, knock: Knock<'_>) -> bool {
        !self.names.reach_out() || (called.is_local() && knock.is_from_here())
    }

    /// What the link does, for whoever follows it.
    ///
    /// # Errors
    /// It is the owner's, from another machine.
    pub fn owner_may_enter(&self, headers: &HeaderMap, peer: Option<SocketAddr>) -> Result<(), Problem> {
        let knock = Knock { method: &Method::GET, path: "/login", route: None, headers, peer };
        let here = self.called(headers).is_some_and(|called| self.is_for_owner(called, knock));
        if here { Ok(()) } else { Err(not_from_there()) }
    }

    /// The owner's own key is known without a look at any file.
    fn needs_roll(&self, knock: Knock<'_>) -> bool {
        let Some(called) = self.called(knock.headers) else { return false };
        let other = |key: Option<&str>, is_owner: &dyn Fn(&str) -> bool| key.is_some_and(|key| !is_owner(key));
        other(knock.bearer(), &|token| self.token.opens(token))
            || other(knock.cookie(&self.cookie_name(called)), &|cookie| self.token.is_cookie(cookie))
    }

    /// # Errors
    /// Why this request stays outside.
    fn admit(&self, knock: Knock<'_>, roll: &Roll) -> Result<Known, Problem> {
        let Some(called) = self.called(knock.headers) else {
            return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "this is not the name of the studio")
                .hint(format!("open {}", self.names.first())));
        };
        // A program that brings a token itself is led by no page.
        let program = match knock.bearer() {
            Some(token) if self.token.opens(token) && !self.is_for_owner(called, knock) => return Err(not_from_there()),
            Some(token) if self.token.opens(token) => Some(Known::owner()),
            Some(token) => roll.by_token(token).map(Known::user),
            None => None,
        };
        if program.is_none() && !knock.looks() {
            self.is_sent_by_us(called, knock.says(header::ORIGIN).unwrap_or_default())?;
        }
        if knock.path == "/login" || knock.path.starts_with("/assets/") {
            return Ok(Known { person: Person::nobody(), key: None });
        }
        let cookie = || knock.cookie(&self.cookie_name(called));
        let browser = || match cookie() {
            Some(cookie) if self.token.is_cookie(cookie) => self.is_for_owner(called, knock).then(Known::owner),
            Some(cookie) => roll.by_cookie(cookie).map(Known::user),
            None => None,
        };
        let Some(known) = program.or_else(browser) else {
            if knock.bearer().is_some() || cookie().is_some() {
                tracing::warn!(peer = ?knock.peer, path = knock.path, "a token that opens nothing");
            }
            let hint = if self.names.reach_out() { "flow-studio users add NAME" } else { "flow-studio serve --link" };
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "the studio is opened by its link").hint(hint));
        };
        known.person.may(Right::Look)?;
        // Each form asks for the right that it takes; this is for the one that forgets to.
        let right = knock.route.filter(|_| !knock.looks()).and_then(Right::of_route);
        right.map_or(Ok(()), |right| known.person.may(right)).map(|()| known)
    }

    /// A form goes back to the name that its page came by.
    fn is_sent_by_us(&self, called: &Origin, from: &str) -> Result<(), Problem> {
        if called.to_string() == from {
            return Ok(());
        }
        let problem = Problem::new(StatusCode::FORBIDDEN, "this was not sent by a page of the studio");
        // A browser has said both, unless somebody in between has put another name in the place of one.
        Err(if self.names.is_own_page(from) {
            problem.hint(format!("a proxy has to pass Host on as the browser says it, which is that of {from}"))
        } else {
            problem
        })
    }

    fn guest(&self, studio: &Studio, person: &Person) -> Guest {
        Guest {
            name: person.name.clone().unwrap_or_else(|| studio.workspace.config.user.clone()),
            person: person.clone(),
            slip: studio.slips.give(&leaving(person.name.as_deref().unwrap_or_default())),
        }
    }
}

/// What a form that signs out is for.
pub(super) fn leaving(name: &str) -> String {
    format!("leave {name}")
}

fn not_from_there() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "this link opens the studio on its own machine only; elsewhere people come in by name")
        .hint("flow-studio users add NAME")
}

/// Around everything: nobody gets further without being let in, and every answer says what a browser may do with it.
pub(super) async fn guard(State(studio): State<Studio>, request: Request, next: Next) -> Response {
    let json = wants_json(request.uri().path(), request.headers());
    // Two who count the bytes of one request differently see two requests in it, and a proxy may be the other one. After a body
    // without a length the connection ends, and whatever was hidden behind it.
    let unmeasured = request.headers().contains_key(header::TRANSFER_ENCODING);
    let mut response = passed(&studio, request, next, json).await.unwrap_or_else(|problem| problem.respond(json));
    let headers = response.headers_mut();
    if unmeasured {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
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

async fn passed(studio: &Studio, mut request: Request, next: Next, json: bool) -> Result<Response, Problem> {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let knock = Knock {
        method: request.method(),
        path: request.uri().path(),
        route: route.as_ref().map(MatchedPath::as_str),
        headers: request.headers(),
        peer,
    };
    let door = &studio.door;
    let roll = if door.needs_roll(knock) { door.people.now().await? } else { Arc::default() };
    let known = door.admit(knock, &roll)?;
    let guest = door.guest(studio, &known.person);
    request.extensions_mut().insert(known.person);
    let request = whole(request).await?;
    let response = plain(guest.made_for(next.run(request)).await, json).await;
    Ok(match known.key {
        Some(key) if is_stream(&response) => response.map(|body| door.people.while_let_in(key, body)),
        _ => response,
    })
}

fn is_stream(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/event-stream"))
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
mod tests;
