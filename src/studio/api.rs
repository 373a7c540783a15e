//! The API: runs, steps, proof and questions as JSON, and answers by programs.
//! In: requests. Out: what `--json` of the command line says, or a problem. Never: a GET that changes something, a path taken for a run.

use std::collections::BTreeMap;

use axum::{
    Extension, Router,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    id::RunId,
    inspect::{
        Diagnosis, Explanation, FileKind, FilesError, Panel, Remains, RunLine, RunView, ShownFile, StatusReport, StepFiles,
        diagnose, evidence, explain, shown_file, status, step_files,
    },
    ledger::InRun,
    record::{Question, RunStatus},
    spec::params::Given,
    workspace::{AnswerReport, AnswerRequest, Workspace},
};

use super::{
    lists, live, openapi, operate,
    problem::Problem,
    sent::Sent,
    server::Studio,
    who::{Person, Right},
};

pub(super) fn routes() -> Router<Studio> {
    Router::new()
        .route("/api/v1/openapi.json", get(openapi::served))
        .route("/api/v1/events", get(live::all))
        .route("/api/v1/runs", get(runs))
        .route("/api/v1/runs/{run}", get(run))
        .route("/api/v1/runs/{run}/events", get(live::run))
        .route("/api/v1/runs/{run}/steps", get(step))
        .route("/api/v1/runs/{run}/files", get(file))
        .route("/api/v1/runs/{run}/evidence", get(panel))
        .route("/api/v1/runs/{run}/diagnosis", get(diagnosis))
        .route("/api/v1/questions/{run}/{question}", get(question))
        .route("/api/v1/questions/{run}/{question}/answer", post(answer))
}

/// What was read, as JSON.
pub(super) async fn told<T: Serialize + 'static>(
    studio: &Studio,
    read: impl FnOnce(&Workspace) -> Result<T, Problem> + Send + 'static,
) -> Response {
    let text = studio.blocking(move |workspace| {
        let value = read(workspace)?;
        serde_json::to_string(&value).map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
    });
    match text.await {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(problem) => problem.respond(true),
    }
}

/// The name of a run, and never the path of one: `evidence` and `diagnose` would take both.
pub(super) fn name(run: &str) -> Result<RunId, Problem> {
    RunId::new(run).map_err(|bad| Problem::new(StatusCode::NOT_FOUND, bad.to_string()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    flow: Option<String>,
    status: Option<RunStatus>,
    #[serde(default)]
    needs_you: bool,
    /// The last run of the page before.
    after: Option<String>,
    limit: Option<usize>,
}

/// Runs, the newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RunPage {
    pub runs: Vec<RunLine>,
    /// How many there are on all pages.
    pub total: usize,
    /// `after` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<RunId>,
}

async fn runs(State(studio): State<Studio>, Query(wanted): Query<Wanted>) -> Response {
    told(&studio, move |workspace| page(workspace, &wanted)).await
}

fn page(workspace: &Workspace, wanted: &Wanted) -> Result<RunPage, Problem> {
    let limit = lists::most(wanted.limit)?;
    let takes = |line: &RunLine| {
        let flow = wanted.flow.as_ref().is_none_or(|flow| line.flows.iter().any(|one| one.flow_path.as_str() == flow));
        let status = wanted.status.is_none_or(|status| line.status == Some(status));
        flow && status && (!wanted.needs_you || line.needs_somebody())
    };
    let all = workspace.list_runs()?.runs;
    // Its place counts, also where it is of the looked for no longer.
    let from = match &wanted.after {
        None => 0,
        Some(after) => {
            let at = all.iter().position(|line| line.run_id.as_str() == after);
            at.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("there is no run `{after}` to go on after")))? + 1
        }
    };
    let total = all.iter().filter(|line| takes(line)).count();
    let mut runs: Vec<RunLine> = all.into_iter().skip(from).filter(takes).take(limit + 1).collect();
    let more = runs.len() > limit;
    runs.truncate(limit);
    let next = runs.last().filter(|_| more).map(|line| line.run_id.clone());
    Ok(RunPage { runs, total, next })
}

async fn run(State(studio): State<Studio>, Path(run): Path<String>) -> Response {
    told(&studio, move |workspace| {
        let id = name(&run)?;
        let (view, _) = workspace.view(id.as_str()).map_err(|error| operate::unseen(workspace, &id, error))?;
        Ok::<StatusReport, _>(status(&view, &workspace.paste()))
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    flow: Option<String>,
    step: String,
}

/// Why a step ran and went where it went, and the files of its executions.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StepStory {
    pub explanation: Option<Explanation>,
    pub files: StepFiles,
}

async fn step(State(studio): State<Studio>, Path(run): Path<String>, Query(which): Query<Which>) -> Response {
    told(&studio, move |workspace| {
        let (view, _) = workspace.view(name(&run)?.as_str())?;
        let at = view.find_step(which.flow.as_deref(), &which.step)?;
        Ok(StepStory { explanation: explain(&view, &at), files: step_files(&view, &at) })
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WhichFile {
    flow: Option<String>,
    step: String,
    what: FileKind,
    execution: Option<u32>,
}

async fn file(State(studio): State<Studio>, Path(run): Path<String>, Query(which): Query<WhichFile>) -> Response {
    told(&studio, move |workspace| {
        let (view, dir) = workspace.view(name(&run)?.as_str())?;
        let at = view.find_step(which.flow.as_deref(), &which.step)?;
        let read = shown_file(&view, &dir, &at, which.what, which.execution).map_err(|error| unshown(&error))?;
        Ok::<ShownFile, _>(workspace.veil_of(&view)?.file(read))
    })
    .await
}

fn unshown(error: &FilesError) -> Problem {
    let status = match error {
        FilesError::NotRun { .. } | FilesError::NoExecution { .. } | FilesError::Pruned { .. } | FilesError::Gone { .. } => {
            StatusCode::NOT_FOUND
        }
        FilesError::Io { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Problem::new(status, error.to_string())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfFlow {
    flow: Option<String>,
}

async fn panel(State(studio): State<Studio>, Path(run): Path<String>, Query(OfFlow { flow }): Query<OfFlow>) -> Response {
    told(&studio, move |workspace| {
        let (remains, paste) = workspace.remains(name(&run)?.as_str())?;
        if let Some(flow) = &flow
            && !has(&remains, flow)
        {
            return Err(Problem::new(StatusCode::NOT_FOUND, format!("run `{}` has no flow `{flow}`", remains.run_id)));
        }
        Ok::<Panel, _>(evidence(&remains, flow.as_deref(), &paste))
    })
    .await
}

fn has(remains: &Remains, flow: &str) -> bool {
    let seen = remains.view.iter().flat_map(RunView::frames);
    remains.rans.iter().any(|ran| ran.flow == flow) || seen.into_iter().any(|frame| frame.path.as_str() == flow)
}

async fn diagnosis(State(studio): State<Studio>, Path(run): Path<String>) -> Response {
    told(&studio, move |workspace| {
        let (remains, paste) = workspace.remains(name(&run)?.as_str())?;
        Ok::<Diagnosis, _>(diagnose(&remains, &paste))
    })
    .await
}

async fn question(State(studio): State<Studio>, Path((run, id)): Path<(String, String)>) -> Response {
    told(&studio, move |workspace| Ok::<Question, _>(workspace.read_run(name(&run)?.as_str())?.question(&id)?)).await
}

/// An answer, as a program gives it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerBody {
    /// The key of one of the question's options, or `push-back:STEP`.
    pub choose: String,
    /// `subject_digest` of the question as it was read: if it is another one by now, the answer is refused.
    pub digest: String,
    /// A word on why; it reaches the step that comes next.
    #[serde(default)]
    pub note: Option<String>,
    /// What the question's form asks for.
    #[serde(default)]
    pub values: BTreeMap<String, Value>,
    /// Files that prove a `mark-done`, in the run or in its workspace.
    #[serde(default)]
    pub evidence: Vec<String>,
}

async fn answer(
    State(studio): State<Studio>,
    Path((run, id)): Path<(String, String)>,
    Extension(person): Extension<Person>,
    Sent(body): Sent<AnswerBody>,
) -> Response {
    let desk = studio.clone();
    told(&studio, move |workspace| {
        person.may(Right::Review)?;
        if let Some(bad) = body.evidence.iter().find_map(|path| InRun::new(path).err()) {
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, bad.to_string()));
        }
        let request = AnswerRequest {
            run_id: name(&run)?.to_string(),
            question: id.clone(),
            choose: body.choose.clone(),
            note: body.note.as_deref().map(str::trim).filter(|note| !note.is_empty()).map(str::to_owned),
            digest: Some(body.digest.clone()),
            evidence: body.evidence.clone(),
            values: body.values.iter().map(|(name, value)| (name.clone(), Given::Value(value.clone()))).collect(),
            signed_in: true,
            by: person.name.clone(),
        };
        let answered = desk.answer(workspace, &request)?;
        Ok(AnswerReport::new(&request, answered))
    })
    .await
}
