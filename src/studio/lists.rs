//! Lists in pages: flows, the steps of a flow in a run, the lines of a journal, questions. And one flow, as a program needs it.
//! In: where a page begins. Out: entries and where the next page begins. Never: an entry on two pages, or on none, because others came.

use std::collections::BTreeMap;

use axum::{
    Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::Response,
    routing::get,
};
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    id::{FlowKey, FramePath, ParamName, Sha256, StepRef},
    inspect::{StepLine, status},
    ledger::Follow,
    record::Entry,
    spec::{
        Diagnostics, params,
        text::{CharterText, ParamText},
    },
    workspace::{Catalog, CatalogEntry, OpenQuestions, Waiting},
};

use super::{
    api::{name, told},
    openapi::{Asked, FLOW, RUN, of},
    problem::Problem,
    server::Studio,
};

/// Entries of a page, where nobody says how many.
const ENTRIES: usize = 100;
const ENTRIES_MAX: usize = 1_000;
/// Bytes of a page of the journal; the line that passes it is the last.
const JOURNAL_BYTES_MAX: usize = 4 * 1024 * 1024;

pub(super) fn routes() -> Router<Studio> {
    Router::new()
        .route("/api/v1/flows", get(flows))
        .route("/api/v1/flows/{flow}", get(flow))
        .route("/api/v1/questions", get(questions))
        .route("/api/v1/runs/{run}/journal", get(journal))
        .route("/api/v1/runs/{run}/flows/{flow}/steps", get(steps))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// The last entry of the page before.
    after: Option<String>,
    limit: Option<usize>,
}

/// # Errors
/// A page of none, or of too many.
pub(super) fn most(limit: Option<usize>) -> Result<usize, Problem> {
    let limit = limit.unwrap_or(ENTRIES);
    if (1..=ENTRIES_MAX).contains(&limit) {
        return Ok(limit);
    }
    Err(Problem::new(StatusCode::BAD_REQUEST, format!("limit is a number from 1 to {ENTRIES_MAX}")))
}

/// A page of entries that stand in a fixed order, and the name behind which the next one begins.
fn page<T>(all: Vec<T>, wanted: &Wanted, name: impl Fn(&T) -> String) -> Result<(Vec<T>, Option<String>), Problem> {
    let most = most(wanted.limit)?;
    let from = match &wanted.after {
        None => 0,
        Some(after) => {
            let at = all.iter().position(|one| name(one) == *after);
            at.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("there is no `{after}` to go on after")))? + 1
        }
    };
    let more = all.len() > from + most;
    let page: Vec<T> = all.into_iter().skip(from).take(most).collect();
    let next = page.last().filter(|_| more).map(name);
    Ok((page, next))
}

/// Flows, by name: `flows --json` in pages.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FlowPage {
    directory: String,
    entries: Vec<CatalogEntry>,
    /// How many there are on all pages.
    total: usize,
    /// `after` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

async fn flows(State(studio): State<Studio>, Query(wanted): Query<Wanted>) -> Response {
    told(&studio, move |workspace| {
        let listed = workspace.loader().list_flows();
        let Catalog { directory, mut entries } = Catalog::new(workspace.config.flows_dir.display().to_string(), listed);
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let total = entries.len();
        // By its name, also where that flow is gone by now.
        let most = most(wanted.limit)?;
        entries.retain(|one| wanted.after.as_ref().is_none_or(|after| one.name > *after));
        let more = entries.len() > most;
        entries.truncate(most);
        let next = entries.last().filter(|_| more).map(|one| one.name.clone());
        Ok(FlowPage { directory, entries, total, next })
    })
    .await
}

/// One flow: what it is for, what may be given to it, and its text.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FlowStory {
    flow: FlowKey,
    /// It can be run as it is.
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    charter: Option<CharterText>,
    /// Of the flow and of all that it needs; a run names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    definition_sha256: Option<Sha256>,
    params: BTreeMap<ParamName, ParamText>,
    /// The JSON Schema of an object with these parameters.
    params_schema: Value,
    steps: Vec<FlowStep>,
    /// Its file, as far as it is shown.
    text: String,
    /// What the checks have to say: mistakes, and warnings.
    diagnostics: Diagnostics,
}

#[derive(Debug, Serialize, JsonSchema)]
struct FlowStep {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// Steps that come before it.
    needs: Vec<String>,
}

async fn flow(State(studio): State<Studio>, Path(flow): Path<String>) -> Response {
    told(&studio, move |workspace| {
        let key = FlowKey::new(&flow).map_err(|bad| Problem::new(StatusCode::NOT_FOUND, bad.to_string()))?;
        let text = workspace.flow_text(&key)?;
        let (book, diagnostics) = match workspace.book(&key, false) {
            Ok((book, warnings)) => (Some(book), warnings),
            Err(error) => match error.diagnostics {
                Some(found) => (None, found),
                None => return Err(error.into()),
            },
        };
        let main = book.as_ref().and_then(|book| book.library.main_flow().cloned());
        let step = |step: &crate::spec::Step| FlowStep {
            id: step.id.to_string(),
            title: step.title.clone(),
            needs: step.needs.steps.iter().map(ToString::to_string).collect(),
        };
        Ok(FlowStory {
            flow: key,
            valid: book.is_some(),
            title: main.as_ref().map(|flow| flow.title.clone()),
            charter: main.as_ref().map(|flow| flow.charter.clone()),
            definition_sha256: book.as_ref().map(|book| book.definition.clone()),
            params: main.as_ref().map(|flow| flow.params.clone()).unwrap_or_default(),
            params_schema: main.as_ref().map_or_else(|| json!({}), |flow| params::schema(flow)),
            steps: main.iter().flat_map(|flow| &flow.steps).map(|one| step(one)).collect(),
            text,
            diagnostics,
        })
    })
    .await
}

/// What waits for a person: `review list --json` in pages.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct QuestionPage {
    waiting: Vec<Waiting>,
    /// Runs that could not be read.
    unreadable: Vec<String>,
    /// `after` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

async fn questions(State(studio): State<Studio>, Query(wanted): Query<Wanted>) -> Response {
    told(&studio, move |workspace| {
        let OpenQuestions { waiting, unreadable } = workspace.questions(None, None)?;
        let (waiting, next) = page(waiting, &wanted, |one| one.id.clone())?;
        Ok(QuestionPage { waiting, unreadable, next })
    })
    .await
}

/// Steps of a flow in a run, in the order of its file: those of `status --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StepPage {
    steps: Vec<StepLine>,
    /// How many there are on all pages.
    total: usize,
    /// `after` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<StepRef>,
}

async fn steps(
    State(studio): State<Studio>,
    Path((run, flow)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Response {
    told(&studio, move |workspace| {
        let (view, _) = workspace.view(name(&run)?.as_str())?;
        let path: FramePath = view.find_flow(Some(&flow))?;
        let report = status(&view, &workspace.paste());
        let all = report.flows.into_iter().find(|one| one.flow_path == path).map(|one| one.steps).unwrap_or_default();
        let total = all.len();
        let (steps, more) = page(all, &wanted, |one| one.step_id.to_string())?;
        let next = more.and_then(|_| steps.last().map(|one| one.step_id.clone()));
        Ok(StepPage { steps, total, next })
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedLines {
    /// The last line of the page before.
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
}

/// Lines of a journal, in their order.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct JournalPage {
    entries: Vec<Entry>,
    /// `after` of the next page; absent where nothing more has been written yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

async fn journal(State(studio): State<Studio>, Path(run): Path<String>, Query(wanted): Query<WantedLines>) -> Response {
    told(&studio, move |workspace| {
        let id = name(&run)?;
        let most = most(wanted.limit)?;
        let dir = workspace.run_dir(&id)?;
        let none = |_| Problem::new(StatusCode::NOT_FOUND, format!("run `{id}` has no journal"));
        let mut follow = Follow::after(&dir, wanted.after).map_err(none)?;
        let unread = |why: String| {
            Problem::new(StatusCode::CONFLICT, format!("the journal of run `{id}` cannot be read: {why}"))
                .hint(format!("flow-studio verify {id}"))
        };
        let found = follow.next(most, JOURNAL_BYTES_MAX).map_err(|error| unread(error.to_string()))?;
        let next = found.lines.last().filter(|_| found.more).map(|(seq, _)| *seq);
        let entry =
            |(seq, line): (u64, String)| serde_json::from_str(&line).map_err(|error| unread(format!("line {seq}: {error}")));
        Ok(JournalPage { entries: found.lines.into_iter().map(entry).collect::<Result<_, _>>()?, next })
    })
    .await
}

/// For the document of the API.
pub(super) fn asked(sent: &mut SchemaGenerator) -> Vec<Asked> {
    let limit =
        |what| ("limit", what, json!({ "type": "integer", "minimum": 1, "maximum": ENTRIES_MAX, "default": ENTRIES }), false);
    let after = || ("after", "`next` of the page before.", json!({ "type": "string" }), false);
    let line = || {
        ("after", "`next` of the page before, or the last line that is known.", json!({ "type": "integer", "minimum": 0 }), false)
    };
    let asked = |path, id, says, path_names, query, answer| Asked { path, id, says, path_names, query, answer };
    vec![
        asked(
            "/api/v1/flows",
            "flows",
            "Flows that can be run here, by name, broken ones too: `flows --json` in pages.",
            &[],
            vec![after(), limit("Flows on a page.")],
            of::<FlowPage>(sent),
        ),
        asked(
            "/api/v1/flows/{flow}",
            "flow",
            "One flow: what it is for, the schema of its parameters, its steps and its text, also where it is broken.",
            &[("flow", "A flow, as the list of flows names it.")],
            vec![],
            of::<FlowStory>(sent),
        ),
        asked(
            "/api/v1/questions",
            "questions",
            "What waits for a person, the most severe first, then the oldest: `review list --json` in pages.",
            &[],
            vec![after(), limit("Questions on a page.")],
            of::<QuestionPage>(sent),
        ),
        asked(
            "/api/v1/runs/{run}/journal",
            "journal",
            "What happened in a run, line by line, in pages; `events` tells the same as it happens.",
            &[RUN],
            vec![line(), limit("Lines on a page.")],
            of::<JournalPage>(sent),
        ),
        asked(
            "/api/v1/runs/{run}/flows/{flow}/steps",
            "steps",
            "How each step of a flow stands, in pages, in the order of its file.",
            &[RUN, FLOW],
            vec![after(), limit("Steps on a page.")],
            of::<StepPage>(sent),
        ),
    ]
}
