//! What can be done with a run: go on with it, do a step again, cancel it. Each is asked with a box that has to be ticked.
//! In: a run; a form as it was sent. Out: forms; an order, or a cancel. Never: an act that makes no sense offered, one without its box.

use std::collections::BTreeMap;

use axum::{
    Extension,
    extract::{Path, RawForm, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use maud::{Markup, html};

use crate::{
    id::RunId,
    inspect::{RunView, StatusReport},
    record::{ResumeOptions, RunStatus},
    spec::params::Given,
    workspace::{OrderLine, OrderStanding, ResumeRequest, RetryRequest, Workspace, jobs_asked},
};

use super::{
    super::{
        desk,
        operate::known_as,
        problem::Problem,
        server::Studio,
        slips::Slips,
        who::{Guest, Person, Right},
    },
    parts::run_id,
    question::fields,
};

/// Nobody looks for a step in a longer list; its own page has the form as well.
const STEPS_MAX: usize = 2_000;

fn purpose(act: &str, run: &str) -> String {
    format!("{act} {run}")
}

/// The forms of a run, as far as they make sense now; none for whoever may only look.
pub(super) fn acts(view: &RunView, report: &StatusReport, orders: &[OrderLine], slips: &Slips) -> Markup {
    if Guest::here_may(Right::Operate).is_err() {
        return html! {};
    }
    let run = &report.run_id;
    let queued = orders.iter().any(|line| line.state != OrderStanding::Refused);
    let over = matches!(report.status, RunStatus::Succeeded | RunStatus::Failed | RunStatus::Cancelled) && !report.driven;
    let idle = !report.driven && !queued;
    // A flow that failed goes on with what was mended in it; with the frozen one it has ended.
    let failed = report.status == RunStatus::Failed;
    let sure = |say: &str| html! { label class="choice" { input type="checkbox" name="sure" value="yes" required; " " (say) } };
    let head = |act: &str| {
        html! { input type="hidden" name="slip" value=(slips.give(&purpose(act, run.as_str()))); }
    };
    let waits = report.status == RunStatus::Waiting && !report.questions.is_empty();
    let steps =
        || view.roots().flat_map(|frame| frame.plan.steps.iter().map(move |step| (&frame.path, &step.spec.id))).take(STEPS_MAX);
    let many = view.roots().count() > 1;
    html! {
        section aria-labelledby="acts" class="acts" {
            h2 id="acts" class="unseen" { "What can be done with it" }
            @if idle && (failed || !over) {
                details id="act-resume" { summary { "Resume" }
                    form method="post" action={ "/runs/" (run) "/resume" } class="answer" {
                        (head("resume"))
                        p class="dim" { @if failed { "It has failed, and goes on once the flow was mended, or from a step. " } @else { "It goes on from where it stands. " } @if waits { "What waits for an answer goes on waiting." } }
                        label class="field" { "From a step " span class="dim" { "it and all that depends on it is done again" }
                            select name="at" {
                                option value="" { "from where it stands" }
                                @for (flow, step) in steps() { option value={ (flow) "/" (step) } { @if many { (flow) "/" } (step) } }
                            }
                        }
                        label class="choice" { input type="checkbox" name="refresh" value="yes" checked[failed]; " Adopt the flow as it is today " span class="dim" { "else it goes on as it was when it started" } }
                        (otherwise_fields())
                        (sure("Go on with it"))
                        button class="primary" { "Resume" }
                    }
                }
            }
            @if idle {
                details id="act-retry" { summary { "Do a step again" }
                    form method="post" action={ "/runs/" (run) "/retry" } class="answer" {
                        (head("retry"))
                        label class="field" { "Step"
                            select name="at" required {
                                option value="" { "choose …" }
                                @for (flow, step) in steps() { option value={ (flow) "/" (step) } { @if many { (flow) "/" } (step) } }
                            }
                        }
                        label class="choice" { input type="checkbox" name="only" value="yes"; " Only this step " span class="dim" { "what depends on it is not done again" } }
                        label class="field" { "Parameters that are others from now on" span class="dim" { " NAME=VALUE, one a line; may be left out" } textarea name="set" rows="2" {} }
                        (otherwise_fields())
                        (sure("Execute it again; it may have had effects the first time"))
                        button class="primary" { "Do it again" }
                    }
                }
            }
            @if !over {
                details id="act-cancel" { summary { "Cancel" }
                    form method="post" action={ "/runs/" (run) "/cancel" } class="answer" {
                        (head("cancel"))
                        p class="dim" { "What runs is ended, and nothing of this run starts any more." }
                        (sure("Stop it for good"))
                        button class="danger" { "Cancel the run" }
                    }
                }
            }
        }
    }
}

/// The form of a page that was made for this, with its box ticked.
fn admitted(studio: &Studio, person: &Person, act: &str, run: &str, sent: &BTreeMap<String, String>) -> Result<(), Problem> {
    person.may(Right::Operate)?;
    let said = |name: &str| sent.get(name).map(String::as_str).unwrap_or_default();
    if !studio.slips.take(&purpose(act, run), said("slip")) {
        let problem = Problem::new(StatusCode::CONFLICT, "this form was sent before, or is of a page from before the last start");
        return Err(problem.hint("open the run again"));
    }
    if said("sure") != "yes" {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "nothing was done: the box for being sure was not ticked"));
    }
    Ok(())
}

fn back(done: Result<RunId, Problem>) -> Response {
    match done {
        Ok(run) => (StatusCode::SEE_OTHER, [(header::LOCATION, format!("/runs/{run}"))]).into_response(),
        Err(problem) => problem.respond(false),
    }
}

/// An act that goes through the queue.
async fn queued(
    studio: Studio,
    run: String,
    person: Person,
    sent: axum::body::Bytes,
    act: &'static str,
    ask: impl FnOnce(&Workspace, &BTreeMap<String, String>, &str) -> Result<(), Problem> + Send + 'static,
) -> Response {
    let desk = studio.clone();
    let done = studio.blocking(move |workspace| {
        let id = run_id(&run)?;
        let sent = fields(&sent);
        admitted(&desk, &person, act, &run, &sent)?;
        desk.desk.ask(|| ask(workspace, &sent, &known_as(&person, workspace)))?;
        Ok(id)
    });
    back(done.await)
}

/// A step with its flow, as the list of steps sends it.
fn at(sent: &BTreeMap<String, String>) -> (Option<String>, Option<String>) {
    let Some(at) = sent.get("at").filter(|at| !at.is_empty()) else { return (None, None) };
    let (flow, step) = at.rsplit_once('/').map_or((None, at.as_str()), |(flow, step)| (Some(flow.to_owned()), step));
    (flow, Some(step.to_owned()))
}

/// How it goes on from here, if not as before.
fn otherwise(sent: &BTreeMap<String, String>) -> Result<ResumeOptions, Problem> {
    let jobs = sent.get("jobs").map(|text| text.trim()).filter(|text| !text.is_empty());
    Ok(ResumeOptions { jobs: jobs.map(jobs_asked).transpose()?, allow_unenforced: sent.contains_key("allow_unenforced") })
}

/// The fields for it.
fn otherwise_fields() -> Markup {
    html! {
        details {
            summary { "More" }
            label class="field" { "Steps at once from here on " span class="dim" { "(left out: as before)" }
                input name="jobs" inputmode="numeric" autocomplete="off";
            }
            @if Guest::here().is_some_and(|guest| guest.person.name.is_none()) {
                label class="choice" {
                    input type="checkbox" name="allow_unenforced" value="yes";
                    " From here on, run also what this machine cannot enforce " span class="dim" { "receipts say so" }
                }
            }
        }
    }
}

/// `NAME=VALUE`, one a line.
fn set(sent: &BTreeMap<String, String>) -> Result<BTreeMap<String, Given>, Problem> {
    let lines = sent.get("set").into_iter().flat_map(|text| text.lines()).map(str::trim).filter(|line| !line.is_empty());
    let pair = |line: &str| match line.split_once('=') {
        Some((name, value)) => Ok((name.trim().to_owned(), Given::Text(value.to_owned()))),
        None => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("`{line}` is not NAME=VALUE; nothing was done"))),
    };
    lines.map(pair).collect()
}

pub(in crate::studio) async fn resume(
    State(studio): State<Studio>,
    Path(run): Path<String>,
    Extension(person): Extension<Person>,
    RawForm(sent): RawForm,
) -> Response {
    let (run_id, at_home) = (run.clone(), person.name.is_some());
    queued(studio, run, person, sent, "resume", move |workspace, sent, by| {
        let (flow, from) = at(sent);
        let (refresh, options) = (sent.contains_key("refresh"), otherwise(sent)?);
        let request = ResumeRequest { run_id, flow, from, refresh, options, at_home, ..ResumeRequest::default() };
        Ok(workspace.ask_resume(&request, by).map(drop)?)
    })
    .await
}

pub(in crate::studio) async fn retry(
    State(studio): State<Studio>,
    Path(run): Path<String>,
    Extension(person): Extension<Person>,
    RawForm(sent): RawForm,
) -> Response {
    let (run_id, at_home) = (run.clone(), person.name.is_some());
    queued(studio, run, person, sent, "retry", move |workspace, sent, by| {
        let (flow, step) = at(sent);
        let step = step.unwrap_or_default();
        let (only, set, options) = (sent.contains_key("only"), set(sent)?, otherwise(sent)?);
        let request = RetryRequest { run_id, flow, step, only, set, options, at_home, scenario: None };
        Ok(workspace.ask_retry(&request, by).map(drop)?)
    })
    .await
}

pub(in crate::studio) async fn cancel(
    State(studio): State<Studio>,
    Path(run): Path<String>,
    Extension(person): Extension<Person>,
    RawForm(sent): RawForm,
) -> Response {
    let asked = studio.clone();
    let (one, who) = (run.clone(), person.clone());
    let admitted = studio.blocking(move |_| {
        run_id(&one)?;
        admitted(&asked, &who, "cancel", &one, &fields(&sent))
    });
    if let Err(problem) = admitted.await {
        return problem.respond(false);
    }
    back(desk::stop(&studio, run, person).await)
}
