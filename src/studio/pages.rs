//! The pages: what each shows, made whole on the server, so that they read without a script.
//! In: views of runs. Out: HTML. Never: text of a step, an agent or a person taken for markup; a page that decides when it is looked at.

mod acts;
mod artifacts;
mod compare;
mod diagnosis;
mod evidence;
mod flow;
mod flows;
mod inbox;
mod orders;
mod parts;
mod proof;
mod question;
mod raw;
mod report;
mod routes;
mod run;
mod runs;
mod start;
mod step;
mod steps;
mod written;

use axum::response::{Html, IntoResponse as _, Response};
use maud::{DOCTYPE, Markup, html};

use super::problem::Problem;

pub(super) use acts::{cancel, resume, retry};
pub(super) use artifacts::{artifacts, picture};
pub(super) use compare::compare;
pub(super) use diagnosis::diagnosis;
pub(super) use evidence::evidence;
pub(super) use flow::flow;
pub(super) use flows::flows;
pub(super) use inbox::inbox;
pub(super) use orders::withdraw;
pub(super) use question::{answer, question};
pub(super) use raw::raw;
pub(super) use report::report;
pub(super) use run::run;
pub(super) use runs::runs;
pub(super) use start::start;
pub(super) use step::step;

/// Where a page stands among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Inbox,
    Runs,
    Flows,
    Compare,
}

/// A whole page. `live`: the events after which it is read again.
struct Page {
    title: String,
    place: Place,
    live: Option<String>,
    body: Markup,
}

impl Page {
    fn respond(self) -> Response {
        let current = |place: Place| (self.place == place).then_some("page");
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                (head(&self.title))
                body data-live=[self.live] {
                    a class="skip" href="#main" { "To the content" }
                    header class="top" { div class="bar" {
                        a class="brand" href="/" { "Flow Studio" }
                        nav aria-label="Pages" {
                            a href="/" aria-current=[current(Place::Inbox)] { "Inbox" }
                            a href="/runs" aria-current=[current(Place::Runs)] { "Runs" }
                            a href="/flows" aria-current=[current(Place::Flows)] { "Flows" }
                            a href="/compare" aria-current=[current(Place::Compare)] { "Compare" }
                        }
                        span class="live" id="live" role="status" {}
                        (super::login::signed_in())
                    } }
                    main id="main" tabindex="-1" { (self.body) }
                }
            }
        };
        Html(page.into_string()).into_response()
    }
}

fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (title) " · Flow Studio" }
            link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
            link rel="stylesheet" href="/assets/studio.css";
            script src="/assets/studio.js" defer {}
        }
    }
}

/// A page for those who may not be let in further.
pub(super) fn bare(title: &str, body: &Markup) -> Html<String> {
    Html(html! { (DOCTYPE) html lang="en" { (head(title)) body { main id="main" { (body) } } } }.into_string())
}

/// A page, or why there is none.
fn shown(page: Result<Page, Problem>) -> Response {
    page.map_or_else(|problem| problem.respond(false), Page::respond)
}
