//! Runs driven from here: starts, resumes, retries and cancels, by forms and by programs, and the queue.
//! In: POST requests of people who may. Out: orders in the queue, and where to look for the run. Never: a GET that changes something.

use std::collections::BTreeMap;

use axum::{
    Extension, Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    error::{Error, Kind},
    id::RunId,
    record::{Order, ResumeOptions},
    spec::params::Given,
    workspace::{Declined, OrderLine, OrderStanding, ResumeRequest, RetryRequest, StartRequest, Workspace},
};

use super::{
    desk, pages,
    problem::Problem,
    sent::{MaybeSent, NoBody, Sent},
    server::Studio,
    who::{Person, Right},
};

pub(super) fn routes() -> Router<Studio> {
    Router::new()
        .route("/flows/{flow}/start", post(pages::start))
        .route("/runs/{run}/resume", post(pages::resume))
        .route("/runs/{run}/retry", post(pages::retry))
        .route("/runs/{run}/cancel", post(pages::cancel))
        .route("/queue/{number}/withdraw", post(pages::withdraw))
        .route("/api/v1/runs", post(start))
        .route("/api/v1/runs/{run}/resume", post(resume))
        .route("/api/v1/runs/{run}/retry", post(retry))
        .route("/api/v1/runs/{run}/cancel", post(cancel))
        .route("/api/v1/queue", get(queue))
        .route("/api/v1/queue/{number}/withdraw", post(withdraw))
}

/// In whose name it is done: the signed-in person, or whoever started the studio.
pub(super) fn known_as(person: &Person, workspace: &Workspace) -> String {
    person.name.clone().unwrap_or_else(|| workspace.config.user.clone())
}

/// A run to be started.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StartBody {
    pub flow: String,
    /// Left out, the first name that is free. One that is taken is refused: so whoever asks twice starts one run.
    #[serde(default)]
    pub run_id: Option<String>,
    /// The run is there, and the flow joins it.
    #[serde(default)]
    pub join: bool,
    /// With `join`: a flow that has ended in the run starts over there, all of its steps. Without it, that is refused.
    #[serde(default)]
    pub again: bool,
    /// Each with the type that the flow says.
    #[serde(default)]
    pub params: BTreeMap<String, Value>,
    /// Start here; what does not depend on it is taken as given.
    #[serde(default)]
    pub from: Option<String>,
    /// Stop after it.
    #[serde(default)]
    pub until: Option<String>,
    /// Let this engine perform the agents.
    #[serde(default)]
    pub engine: Option<String>,
    /// Steps at once.
    #[serde(default)]
    #[schemars(range(min = 1, max = 256))]
    pub jobs: Option<u32>,
    /// Run only what changes nothing.
    #[serde(default)]
    pub observe_only: bool,
    /// Run also what this machine cannot enforce; receipts say so.
    #[serde(default)]
    pub allow_unenforced: bool,
    /// Where its steps run; left out, where the studio was started.
    #[serde(default)]
    pub workspace: Option<String>,
}

/// How a run goes on.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResumeBody {
    /// Left out, the one that is open.
    #[serde(default)]
    pub flow: Option<String>,
    /// Execute this step and all that depends on it again.
    #[serde(default)]
    pub from: Option<String>,
    /// Adopt the flow as it stands on disk today.
    #[serde(default)]
    pub refresh: bool,
    /// Steps at once from here on.
    #[serde(default)]
    #[schemars(range(min = 1, max = 256))]
    pub jobs: Option<u32>,
    /// From here on, run also what this machine cannot enforce; receipts say so. For the studio's owner.
    #[serde(default)]
    pub allow_unenforced: bool,
}

/// A step to be executed again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetryBody {
    pub step: String,
    /// Left out, the one that is open or the last.
    #[serde(default)]
    pub flow: Option<String>,
    /// Stop after it.
    #[serde(default)]
    pub only: bool,
    /// Parameters that are others from now on; the difference is recorded.
    #[serde(default)]
    pub set: BTreeMap<String, Value>,
    /// Steps at once from here on.
    #[serde(default)]
    #[schemars(range(min = 1, max = 256))]
    pub jobs: Option<u32>,
    /// From here on, run also what this machine cannot enforce; receipts say so. For the studio's owner.
    #[serde(default)]
    pub allow_unenforced: bool,
}

/// The queue as it stands.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct QueueReport {
    /// Runs that this studio drives at once.
    pub max_runs: usize,
    /// Why nothing of it can be worked on just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// Those that have begun first, then those that wait, then those that were refused; each in the order asked.
    pub orders: Vec<OrderLine>,
}

/// A run was told to stop.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Cancelled {
    pub run_id: RunId,
}

fn given(all: BTreeMap<String, Value>) -> BTreeMap<String, Given> {
    all.into_iter().map(|(name, value)| (name, Given::Value(value))).collect()
}

fn json<T: Serialize>(status: StatusCode, place: Option<String>, value: &T) -> Response {
    let text = serde_json::to_string(value).unwrap_or_default();
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], text).into_response();
    if let Some(place) = place.and_then(|place| place.try_into().ok()) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

/// Asks for something; what was put into the queue is told, and where the run will be.
async fn ask(
    studio: Studio,
    person: Person,
    ask: impl FnOnce(&Workspace, &str) -> Result<Order, Declined> + Send + 'static,
) -> Response {
    let desk = studio.clone();
    let asked = studio.blocking(move |workspace| {
        person.may(Right::Operate)?;
        let order = desk.desk.ask(|| ask(workspace, &known_as(&person, workspace)))?;
        let lines = workspace.orders_of(&order.run_id)?;
        let line = lines.into_iter().find(|line| line.number == order.number);
        // It may have begun and ended before we looked.
        Ok(line.unwrap_or_else(|| OrderLine::begun(&order)))
    });
    match asked.await {
        Ok(line) => json(StatusCode::ACCEPTED, Some(format!("/api/v1/runs/{}", line.run_id)), &line),
        Err(problem) => problem.respond(true),
    }
}

async fn start(State(studio): State<Studio>, Extension(person): Extension<Person>, Sent(body): Sent<StartBody>) -> Response {
    let at_home = person.name.is_some();
    ask(studio, person, move |workspace, by| {
        workspace.ask_start(&StartRequest {
            flow: body.flow,
            run_id: body.run_id,
            join: body.join,
            again: body.again,
            params: given(body.params),
            from: body.from,
            until: body.until,
            engine: body.engine,
            jobs: body.jobs.map(|jobs| jobs.to_string()),
            observe_only: body.observe_only,
            allow_unenforced: body.allow_unenforced,
            workspace: body.workspace,
            at_home,
            by: by.to_owned(),
        })
    })
    .await
}

async fn resume(
    State(studio): State<Studio>,
    Path(run): Path<String>,
    Extension(person): Extension<Person>,
    MaybeSent(body): MaybeSent<ResumeBody>,
) -> Response {
    let at_home = person.name.is_some();
    ask(studio, person, move |workspace, by| {
        let run_id = there(&run)?;
        let ResumeBody { flow, from, refresh, jobs, allow_unenforced } = body;
        let options = ResumeOptions { jobs, allow_unenforced };
        let request = ResumeRequest { run_id, flow, from, refresh, options, at_home, ..ResumeRequest::default() };
        workspace.ask_resume(&request, by)
    })
    .await
}

async fn retry(
    State(studio): State<Studio>,
    Path(run): Path<String>,
    Extension(person): Extension<Person>,
    Sent(body): Sent<RetryBody>,
) -> Response {
    let at_home = person.name.is_some();
    ask(studio, person, move |workspace, by| {
        let run_id = there(&run)?;
        let RetryBody { step, flow, only, set, jobs, allow_unenforced } = body;
        let options = ResumeOptions { jobs, allow_unenforced };
        let request = RetryRequest { run_id, flow, step, only, set: given(set), options, at_home, scenario: None };
        workspace.ask_retry(&request, by)
    })
    .await
}

/// The name of a run in an address: what is none names no run.
fn there(run: &str) -> Result<String, Error> {
    RunId::new(run).map(|id| id.to_string()).map_err(|bad| Error::new(Kind::Usage, bad.to_string()))
}

async fn cancel(
    State(studio): State<Studio>,
    Path(run): Path<String>,
    Extension(person): Extension<Person>,
    _: MaybeSent<NoBody>,
) -> Response {
    match desk::stop(&studio, run, person).await {
        Ok(run_id) => json(StatusCode::ACCEPTED, Some(format!("/api/v1/runs/{run_id}")), &Cancelled { run_id }),
        Err(problem) => problem.respond(true),
    }
}

async fn queue(State(studio): State<Studio>) -> Response {
    let (max_runs, trouble) = (studio.desk.runs_max, studio.desk.trouble());
    let read = studio.blocking(move |workspace| Ok(QueueReport { max_runs, trouble, orders: workspace.orders()?.orders }));
    match read.await {
        Ok(report) => json(StatusCode::OK, None, &report),
        Err(problem) => problem.respond(true),
    }
}

async fn withdraw(
    State(studio): State<Studio>,
    Path(number): Path<String>,
    Extension(person): Extension<Person>,
    _: MaybeSent<NoBody>,
) -> Response {
    let desk = studio.clone();
    let done = studio.blocking(move |workspace| {
        person.may(Right::Operate)?;
        let number =
            number.parse().map_err(|_| Problem::new(StatusCode::NOT_FOUND, format!("`{number}` is no number of an order")))?;
        Ok(desk.desk.ask(|| workspace.withdraw(number, &known_as(&person, workspace)))?)
    });
    match done.await {
        Ok(line) => json(StatusCode::OK, None, &line),
        Err(problem) => problem.respond(true),
    }
}

/// Why there is nothing to see of a run: where it waits in the queue, that is said.
pub(super) fn unseen(workspace: &Workspace, run: &RunId, error: Error) -> Problem {
    let orders = workspace.orders_of(run).unwrap_or_default();
    let Some(line) = orders.into_iter().next_back().filter(|_| error.kind == Kind::Usage) else { return error.into() };
    let title = match line.state {
        OrderStanding::Waiting => {
            format!("run `{run}` has not begun: it waits in the queue, behind {}", line.before.unwrap_or(0))
        }
        OrderStanding::Begun => format!("run `{run}` is about to begin"),
        OrderStanding::Refused => format!("run `{run}` was not started"),
    };
    let mut problem = Problem::new(StatusCode::NOT_FOUND, title);
    if let Some(why) = line.refused {
        problem.because = std::iter::once(why.message).chain(why.because).collect();
        problem.hints = why.hints;
    }
    problem
}
