//! The inbox: what waits for a person, the most severe first, and of these the oldest.
//! In: all runs that wait. Out: a list with links. Never: a run read that asks nothing.

use axum::{extract::State, response::Response};
use maud::html;

use crate::{
    id::RunId,
    inspect::{RunList, WaitingQuestion, status},
    spec::Severity,
    workspace::{OrderStanding, Workspace},
};

use super::{
    super::{problem::Problem, server::Studio},
    Page, Place,
    parts::{ago, clock, question_link, run_link},
    shown,
};

pub(in crate::studio) async fn inbox(State(studio): State<Studio>) -> Response {
    shown(studio.blocking(page).await)
}

fn page(workspace: &Workspace) -> Result<Page, Problem> {
    let now = workspace.now();
    let (list, mark) = workspace.marked_runs()?;
    let (waiting, unread) = waiting(workspace, list);
    let refused = workspace.orders()?.orders.iter().filter(|line| line.state == OrderStanding::Refused).count();
    let body = html! {
        (clock(now))
        h1 { "Inbox" }
        @if waiting.is_empty() && unread.is_empty() && refused == 0 {
            p class="empty" { "Nothing waits for you. When a run asks something, it stands here. " a href="/runs" { "All runs" } }
        }
        @for (run, one) in &waiting {
            article id={ "question-" (run) "-" (one.id) } class={ "card question " (one.severity.to_string().to_lowercase()) } {
                h2 { a href=(question_link(run, &one.id)) { (first_line(&one.question)) } }
                p class="dim" {
                    span class={ "severity " (one.severity.to_string().to_lowercase()) } { (one.severity) }
                    " · " a href=(run_link(run)) { (run) } " · " (one.flow_path) " · " (one.step_id)
                    " · " (ago(one.since, now))
                    @if !one.to.is_empty() { " · for " (one.to.join(", ")) }
                    @if let Some(deadline) = one.deadline { " · until " time datetime=(deadline) { (deadline) } }
                }
                p { (one.reason) }
            }
        }
        @if refused > 0 { p class="card" { a href="/runs" { @if refused == 1 { "What was asked of a run" } @else { "What was asked of " (refused) " runs" } } " was refused, and waits to be read." } }
        @for run in &unread {
            p class="card" { a href=(run_link(run)) { (run) } " waits, and its question cannot be read: " code { "flow-studio verify " (run) } }
        }
    };
    Ok(Page {
        title: format!("Inbox ({})", waiting.len()),
        place: Place::Inbox,
        live: Some(format!("/api/v1/events?after={mark}")),
        body,
    })
}

/// A question, and the run that asks it.
type Waiting = (RunId, WaitingQuestion);

/// Open questions of all runs, and runs that wait and cannot be read.
fn waiting(workspace: &Workspace, list: RunList) -> (Vec<Waiting>, Vec<RunId>) {
    let (mut waiting, mut unread) = (Vec::new(), Vec::new());
    for line in list.runs.into_iter().filter(|line| line.questions > 0) {
        match workspace.view(line.run_id.as_str()) {
            Ok((view, _)) => {
                let open = status(&view, &workspace.paste()).questions;
                waiting.extend(open.into_iter().map(|one| (line.run_id.clone(), one)));
            }
            Err(_) => unread.push(line.run_id),
        }
    }
    let rank = |severity: Severity| match severity {
        Severity::High => 0,
        Severity::Medium => 1,
        Severity::Low => 2,
    };
    waiting.sort_by(|(a, one), (b, two)| {
        (rank(one.severity), one.since, a, &one.id).cmp(&(rank(two.severity), two.since, b, &two.id))
    });
    (waiting, unread)
}

pub(super) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
