//! Signing in by a link, and out again.
//! In: a token. Out: a cookie. Never: a name put on somebody who only followed a link; a token that stays in an address.

use axum::{
    Extension, Router,
    extract::{Form, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use maud::{Markup, html};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    door::{Peer, leaving},
    pages,
    problem::{Problem, wants_json},
    server::Studio,
    who::{Guest, Person},
};

pub(super) fn routes() -> Router<Studio> {
    Router::new().route("/login", get(link).post(sign_in)).route("/logout", post(sign_out)).route("/api/v1/me", get(me))
}

#[derive(Deserialize)]
struct Login {
    #[serde(default)]
    token: String,
}

/// Whose token it is; `None`: the owner's.
async fn whose(studio: &Studio, login: &Login, headers: &HeaderMap, peer: Peer) -> Result<Option<Person>, Problem> {
    if studio.door.token.opens(&login.token) {
        studio.door.owner_may_enter(headers, Some(peer.0))?;
        return Ok(None);
    }
    if let Some((_, person)) = studio.door.people.now().await?.by_token(&login.token) {
        return Ok(Some(person));
    }
    tracing::warn!(peer = %peer.0, "somebody tried to sign in with a token that opens nothing");
    let hint = if studio.door.names.reach_out() { "flow-studio users add NAME" } else { "flow-studio serve --link" };
    Err(Problem::new(StatusCode::UNAUTHORIZED, "this token opens nothing here").hint(hint))
}

/// The token leaves the address at once.
fn let_in(studio: &Studio, headers: &HeaderMap, token: &str) -> Response {
    let cookie = studio.door.called(headers).map(|called| studio.door.keeps(called, token)).unwrap_or_default();
    (StatusCode::SEE_OTHER, [(header::LOCATION, "/".to_owned()), (header::SET_COOKIE, cookie)]).into_response()
}

/// The link of the terminal. Whoever follows somebody else's link would go on in their name, so that a name is taken by a form.
async fn link(
    State(studio): State<Studio>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Query(login): Query<Login>,
) -> Response {
    match whose(&studio, &login, &headers, peer).await {
        Ok(None) => let_in(&studio, &headers, &login.token),
        Ok(Some(person)) => {
            let name = person.name.unwrap_or_default();
            let body = html! {
                h1 { "Flow Studio" }
                p { "This link is for " b { (name) } ". What you answer and start from now on stands in that name." }
                form method="post" action="/login" {
                    input type="hidden" name="token" value=(login.token);
                    button class="primary" { "Sign in as " (name) }
                }
            };
            pages::bare("Sign in", &body).into_response()
        }
        Err(problem) => problem.respond(false),
    }
}

async fn sign_in(
    State(studio): State<Studio>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Form(login): Form<Login>,
) -> Response {
    match whose(&studio, &login, &headers, peer).await {
        Ok(_) => let_in(&studio, &headers, &login.token),
        Err(problem) => problem.respond(false),
    }
}

#[derive(Deserialize)]
struct Leave {
    #[serde(default)]
    leave: String,
}

async fn sign_out(
    State(studio): State<Studio>,
    Extension(person): Extension<Person>,
    headers: HeaderMap,
    Form(sent): Form<Leave>,
) -> Response {
    if !studio.slips.take(&leaving(person.name.as_deref().unwrap_or_default()), &sent.leave) {
        return Problem::new(StatusCode::CONFLICT, "this form was sent before, or is of a page from before the last start")
            .hint("open a page again, and sign out there")
            .respond(wants_json("/logout", &headers));
    }
    let cookie = studio.door.called(&headers).map(|called| studio.door.forgets(called)).unwrap_or_default();
    let body = html! {
        h1 { "You have signed out" }
        p { "This browser has forgotten you, and the link opens the studio again. Where the link itself has become known, whoever runs the studio makes another: " code { "flow-studio users renew NAME" } }
    };
    ([(header::SET_COOKIE, cookie)], pages::bare("Signed out", &body)).into_response()
}

/// Who looks, at the top of each page.
pub(super) fn signed_in() -> Markup {
    let Some(guest) = Guest::here() else { return html! {} };
    html! {
        div class="who" {
            span class="dim" title=(guest.person.rights().join(", ")) { (guest.name) }
            form method="post" action="/logout" { input type="hidden" name="leave" value=(guest.slip); button class="quiet" { "Sign out" } }
        }
    }
}

/// Whoever asks, as the studio knows them.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Me {
    /// What stands beside an answer of theirs.
    pub name: String,
    /// The studio is theirs, or they came in by name.
    pub owner: bool,
    /// `look`, `review`, `operate`.
    pub rights: Vec<&'static str>,
}

async fn me(State(studio): State<Studio>, Extension(person): Extension<Person>) -> Response {
    let name = person.name.clone().unwrap_or_else(|| studio.workspace.config.user.clone());
    let me = Me { name, owner: person.name.is_none(), rights: person.rights() };
    ([(header::CONTENT_TYPE, "application/json")], serde_json::to_string(&me).unwrap_or_default()).into_response()
}
