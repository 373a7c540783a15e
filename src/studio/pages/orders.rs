//! The queue, as the list of runs shows it, and the page of a run that is in it and has not begun.
//! In: orders. Out: lists with what can be done about each. Never: an order that nobody can see.

use axum::{
    Extension,
    extract::{Path, RawForm, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use maud::{Markup, html};

use crate::{
    id::{RunId, Time},
    record::Refusal,
    workspace::{OrderLine, OrderStanding, OrderWhat, Workspace},
};

use super::{
    super::{
        desk::Desk,
        operate::known_as,
        problem::Problem,
        server::Studio,
        slips::Slips,
        who::{Guest, Person, Right},
    },
    Page, Place,
    parts::{ago, run_link, table},
    question::fields,
};

fn purpose(number: u64) -> String {
    format!("withdraw {number}")
}

fn what(line: &OrderLine) -> Markup {
    html! {
        @match line.what {
            OrderWhat::Start => { "start " (line.flow.as_deref().unwrap_or_default()) }
            OrderWhat::Resume => { "resume" @if let Some(step) = &line.step { " from " (step) } }
            OrderWhat::Retry => { "retry " (line.step.as_deref().unwrap_or_default()) }
            OrderWhat::Continue => { "go on" }
        }
    }
}

fn stands(line: &OrderLine) -> Markup {
    html! {
        @match line.state {
            OrderStanding::Begun => { span class="badge running" { span aria-hidden="true" { "▸" } " under way" } }
            OrderStanding::Waiting => { span class="badge dim" { span aria-hidden="true" { "·" } " waits" } @match line.before { Some(0) => " next", Some(before) => { " behind " (before) }, None => "" } }
            OrderStanding::Refused => { span class="badge failed" { span aria-hidden="true" { "✗" } " refused" } }
        }
        @if let Some(why) = &line.refused { (refused(why)) }
    }
}

pub(super) fn refused(why: &Refusal) -> Markup {
    html! {
        p class="failed" { (why.message) }
        @if !why.because.is_empty() { ul { @for one in &why.because { li { (one) } } } }
        @for hint in &why.hints { p { code { (hint) } } }
    }
}

/// The button that takes an order back; none for one that has begun.
fn withdraw_form(line: &OrderLine, slips: &Slips) -> Markup {
    html! {
        @if line.state != OrderStanding::Begun && Guest::here_may(Right::Operate).is_ok() {
            form method="post" action={ "/queue/" (line.number) "/withdraw" } class="inline" {
                input type="hidden" name="slip" value=(slips.give(&purpose(line.number)));
                button { @if line.state == OrderStanding::Refused { "Take off the list" } @else { "Withdraw" } span class="unseen" { " " (line.run_id) } }
            }
        }
    }
}

/// What waits for a place, and what was refused; nothing where there is neither.
pub(super) fn queue(all: &[OrderLine], desk: &Desk, slips: &Slips, now: Time) -> Markup {
    let begun = all.iter().filter(|line| line.state == OrderStanding::Begun).count();
    let rows = html! { @for line in all.iter().filter(|line| line.state != OrderStanding::Begun) {
        tr {
            th scope="row" { a href=(run_link(&line.run_id)) { (line.run_id) } }
            td { (what(line)) }
            td { (stands(line)) }
            td { (ago(line.at, now)) span class="dim" { " by " (line.by) } }
            td { (withdraw_form(line, slips)) }
        }
    } };
    html! {
        @if let Some(trouble) = desk.trouble() { p class="card failed" role="alert" { "The queue cannot be worked on: " (trouble) } }
        @if all.len() > begun {
            section aria-labelledby="queue" {
                h2 id="queue" { "Queue" }
                p class="dim" {
                    @if desk.works() { (begun) " of " (desk.runs_max) " places are taken; what waits is taken in the order in which it was asked for." }
                    @else { "Another studio of these runs works on it, with as many places as it was given." }
                }
                (table("Queue", &["Run", "What", "State", "Asked", "Take back"], &rows))
            }
        }
    }
}

/// What is asked of a run and waits for its turn, where the run's page says how it stands.
pub(super) fn waits(line: &OrderLine, slips: &Slips, now: Time) -> Markup {
    html! {
        div class="waits" {
            p { b { (what(line)) } " " (stands(line)) " " span class="dim" { "asked " (ago(line.at, now)) " by " (line.by) } }
            (withdraw_form(line, slips))
        }
    }
}

/// What is asked of a run, on its own page.
pub(super) fn of_run(all: &[OrderLine], slips: &Slips, now: Time) -> Markup {
    html! {
        @for line in all {
            div class="card" {
                p { b { (what(line)) } " " (stands(line)) }
                p class="dim" { "asked " (ago(line.at, now)) " by " (line.by) }
                (withdraw_form(line, slips))
            }
        }
    }
}

/// The page of a run that is in the queue, and of which there is nothing else yet.
pub(super) fn page(run: &RunId, all: &[OrderLine], slips: &Slips, now: Time) -> Page {
    let waits = all.iter().any(|line| line.state != OrderStanding::Refused);
    let body = html! {
        h1 { (run) " " @if waits { span class="badge dim" { span aria-hidden="true" { "·" } " waiting in the queue" } } @else { span class="badge failed" { span aria-hidden="true" { "✗" } " not started" } } }
        (of_run(all, slips, now))
        @for line in all { @if let (Some(flow), OrderWhat::Start) = (&line.flow, line.what) { p { a href={ "/flows/" (flow) "#start" } { "Flow " (flow) } } } }
        p { a href="/runs" { "All runs" } }
    };
    Page { title: format!("{run} in the queue"), place: Place::Runs, live: Some("/api/v1/events".to_owned()), body }
}

pub(in crate::studio) async fn withdraw(
    State(studio): State<Studio>,
    Path(number): Path<u64>,
    Extension(person): Extension<Person>,
    RawForm(sent): RawForm,
) -> Response {
    let desk = studio.clone();
    let done = studio.blocking(move |workspace: &Workspace| {
        person.may(Right::Operate)?;
        let sent = fields(&sent);
        if !desk.slips.take(&purpose(number), sent.get("slip").map(String::as_str).unwrap_or_default()) {
            let problem =
                Problem::new(StatusCode::CONFLICT, "this form was sent before, or is of a page from before the last start");
            return Err(problem.hint("open the list of runs again"));
        }
        Ok(desk.desk.ask(|| workspace.withdraw(number, &known_as(&person, workspace)))?)
    });
    match done.await {
        Ok(_) => (StatusCode::SEE_OTHER, [(header::LOCATION, "/runs")]).into_response(),
        Err(problem) => problem.respond(false),
    }
}
