//! What the API is, told to programs: OpenAPI 3.1, made from the types that are sent.
//! In: the table of operations and their types. Out: one document. Never: a shape that is written down a second time.

use std::sync::LazyLock;

use axum::{
    http::header,
    response::{IntoResponse as _, Response},
};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{
    inspect::{Diagnosis, Panel, ShownFile, StatusReport},
    record::{Entry, Question},
    workspace::{AnswerReport, OrderLine},
};

use super::{
    api::{AnswerBody, RunPage, StepStory},
    lists,
    login::Me,
    operate::{Cancelled, QueueReport, ResumeBody, RetryBody, StartBody},
    problem::Problem,
    sent::NoBody,
};

static DOCUMENT: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", document()));

pub(super) async fn served() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response()
}

pub(super) const RUN: (&str, &str) = ("run", "A run, as the list of runs names it.");
const QUESTION: (&str, &str) = ("question", "A question, as the run names it.");
pub(super) const FLOW: (&str, &str) = ("flow", "A flow of the run, by its path.");
const STEP: (&str, &str) = ("step", "A step, or `step[item]`.");

const NUMBER: (&str, &str) = ("number", "An order, as the queue numbers it.");

/// One thing that can be asked.
pub(super) struct Asked {
    pub path: &'static str,
    pub id: &'static str,
    pub says: &'static str,
    pub path_names: &'static [(&'static str, &'static str)],
    /// Name, what it is, its schema, whether it has to be said.
    pub query: Vec<(&'static str, &'static str, Value, bool)>,
    pub answer: Value,
}

fn document() -> Value {
    let settings = || SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut sent = settings().for_serialize().into_generator();
    let mut taken = settings().for_deserialize().into_generator();
    let problem =
        json!({ "description": "Why not", "content": { "application/problem+json": { "schema": of::<Problem>(&mut sent) } } });
    let mut paths = Map::new();
    let mut all = asked(&mut sent);
    all.extend(lists::asked(&mut sent));
    for asked in all {
        let mut operation = operation(&asked, &problem);
        operation["responses"]["200"] =
            json!({ "description": "As it is now", "content": { "application/json": { "schema": asked.answer } } });
        paths.insert(asked.path.to_owned(), json!({ "get": operation }));
    }
    for (path, id, says, names) in [
        ("/api/v1/events", "watch", "A word whenever the list of runs is another one (server-sent events).", &[][..]),
        (
            "/api/v1/runs/{run}/events",
            "follow",
            "Each line of the run's journal, as it is written (server-sent events). The id of an event is the line's `seq`: after a \
             break, `Last-Event-ID` or `after` goes on behind it. A line that is too long for an event comes as `seq` and `clipped`.",
            &[RUN][..],
        ),
    ] {
        let query = match names {
            [] => vec![("after", "The list that is known, by the id of an event.", json!({ "type": "string" }), false)],
            _ => vec![("after", "The last line that is known.", json!({ "type": "integer", "minimum": 0 }), false)],
        };
        let asked = Asked { path, id, says, path_names: names, query, answer: Value::Null };
        let mut operation = operation(&asked, &problem);
        operation["responses"]["200"] = json!({ "description": "A stream that does not end", "content": { "text/event-stream": { "schema": { "type": "string" } } } });
        paths.insert(path.to_owned(), json!({ "get": operation }));
    }
    // What the data of an event is.
    of::<Entry>(&mut sent);
    for one in posted(&mut sent, &mut taken) {
        let asked =
            Asked { path: one.path, id: one.id, says: one.says, path_names: one.names, query: vec![], answer: Value::Null };
        let mut operation = operation(&asked, &problem);
        operation["requestBody"] = json!({ "required": one.needed, "content": { "application/json": { "schema": one.body } } });
        let mut answer = json!({ "description": one.becomes, "content": { "application/json": { "schema": one.answer } } });
        if one.status == "202" {
            let place = json!({ "description": "Where the run is, once it has begun.", "schema": { "type": "string" } });
            answer["headers"] = json!({ "Location": place });
        }
        operation["responses"][one.status] = answer;
        let path = paths.entry(one.path).or_insert_with(|| json!({}));
        path["post"] = operation;
    }
    let mut schemas = sent.take_definitions(true);
    schemas.extend(taken.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Flow Studio",
            "version": "1",
            "description": "What `flow-studio serve` answers. Programs bring the studio's token, or that of a user, as a bearer; browsers the cookie that its link \
                            gives, and for POST an `Origin` of the studio."
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } }
        },
        "security": [{ "token": [] }]
    })
}

/// One thing that can be done.
struct Posted {
    path: &'static str,
    id: &'static str,
    says: &'static str,
    names: &'static [(&'static str, &'static str)],
    body: Value,
    /// Whether there has to be a body.
    needed: bool,
    status: &'static str,
    becomes: &'static str,
    answer: Value,
}

fn posted(sent: &mut SchemaGenerator, taken: &mut SchemaGenerator) -> Vec<Posted> {
    let queued = "It is in the queue";
    let line = of::<OrderLine>(sent);
    let posted = |path, id, says, names, (body, needed), (status, becomes), answer| Posted {
        path,
        id,
        says,
        names,
        body,
        needed,
        status,
        becomes,
        answer,
    };
    vec![
        posted(
            "/api/v1/questions/{run}/{question}/answer",
            "answer",
            "Answers a question, in the name of whoever asks; takes the right `review`. A run that is parked for it goes on.",
            &[RUN, QUESTION],
            (of::<AnswerBody>(taken), true),
            ("200", "What became of it"),
            of::<AnswerReport>(sent),
        ),
        posted(
            "/api/v1/runs",
            "start",
            "Starts a run of a flow, by way of the queue. What is wrong is told all at once, each mistake beside its field.",
            &[],
            (of::<StartBody>(taken), true),
            ("202", queued),
            line.clone(),
        ),
        posted(
            "/api/v1/runs/{run}/resume",
            "resume",
            "Goes on with a run that nobody drives, by way of the queue.",
            &[RUN],
            (of::<ResumeBody>(taken), false),
            ("202", queued),
            line.clone(),
        ),
        posted(
            "/api/v1/runs/{run}/retry",
            "retry",
            "Executes a step of a run again, and what depends on it, by way of the queue.",
            &[RUN],
            (of::<RetryBody>(taken), true),
            ("202", queued),
            line.clone(),
        ),
        posted(
            "/api/v1/runs/{run}/cancel",
            "cancel",
            "Stops a run for good, at once; what waits for it in the queue is taken back.",
            &[RUN],
            (of::<NoBody>(taken), false),
            ("202", "It is stopped, or whoever drives it was told to"),
            of::<Cancelled>(sent),
        ),
        posted(
            "/api/v1/queue/{number}/withdraw",
            "withdraw",
            "Takes an order back that has not begun, or one that was refused off the list.",
            &[NUMBER],
            (of::<NoBody>(taken), false),
            ("200", "It is taken back"),
            line,
        ),
    ]
}

pub(super) fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

fn asked(sent: &mut SchemaGenerator) -> Vec<Asked> {
    let text = || json!({ "type": "string" });
    let flow = || (FLOW.0, FLOW.1, text(), false);
    let step = || (STEP.0, STEP.1, text(), true);
    let states = of::<crate::record::RunStatus>(sent);
    let kinds = of::<crate::inspect::FileKind>(sent);
    let asked = |path, id, says, path_names, query, answer| Asked { path, id, says, path_names, query, answer };
    vec![
        asked("/api/v1/me", "me", "Whoever asks, and what they may do.", &[], vec![], of::<Me>(sent)),
        asked(
            "/api/v1/runs",
            "runs",
            "Runs, the newest first.",
            &[],
            vec![
                ("flow", "Only runs with this flow.", text(), false),
                ("status", "Only runs that stand so.", states, false),
                ("needs_you", "Only runs that wait for a person.", json!({ "type": "boolean", "default": false }), false),
                ("after", "`next` of the page before.", text(), false),
                ("limit", "Runs on a page.", json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 }), false),
            ],
            of::<RunPage>(sent),
        ),
        asked("/api/v1/runs/{run}", "run", "Where a run stands: `status --json`.", &[RUN], vec![], of::<StatusReport>(sent)),
        asked(
            "/api/v1/runs/{run}/steps",
            "step",
            "Why a step ran and went where it went, and its files: `explain --json` and `show --json`.",
            &[RUN],
            vec![flow(), step()],
            of::<StepStory>(sent),
        ),
        asked(
            "/api/v1/runs/{run}/files",
            "file",
            "One file of a step: `show --receipt --json` and the like.",
            &[RUN],
            vec![
                flow(),
                step(),
                ("what", "Which of its files.", kinds, true),
                (
                    "execution",
                    "The nth time the step was started; left out, the last.",
                    json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
                    false,
                ),
            ],
            of::<ShownFile>(sent),
        ),
        asked(
            "/api/v1/runs/{run}/evidence",
            "evidence",
            "Every measure, and whether they agree: `evidence --json`.",
            &[RUN],
            vec![flow()],
            of::<Panel>(sent),
        ),
        asked(
            "/api/v1/runs/{run}/diagnosis",
            "diagnosis",
            "What is wrong with a run: `diagnose --json`.",
            &[RUN],
            vec![],
            of::<Diagnosis>(sent),
        ),
        asked(
            "/api/v1/queue",
            "queue",
            "What was asked for and is not done yet: what has begun, what waits for a place, what was refused.",
            &[],
            vec![],
            of::<QueueReport>(sent),
        ),
        asked(
            "/api/v1/questions/{run}/{question}",
            "question",
            "Everything about one question: `review show --json`.",
            &[RUN, QUESTION],
            vec![],
            of::<Question>(sent),
        ),
    ]
}

fn operation(asked: &Asked, problem: &Value) -> Value {
    let names = asked.path_names.iter().map(|(name, says)| {
        json!({ "name": name, "in": "path", "required": true, "description": says, "schema": { "type": "string" } })
    });
    let query = asked.query.iter().map(|(name, says, schema, required)| {
        json!({ "name": name, "in": "query", "required": required, "description": says, "schema": schema })
    });
    json!({
        "operationId": asked.id,
        "summary": asked.says,
        "parameters": names.chain(query).collect::<Vec<_>>(),
        "responses": { "default": problem }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schemas_have_the_api_as_it_is() {
        let path = format!("{}/schemas/openapi.json", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            std::fs::write(&path, &*DOCUMENT).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == *DOCUMENT,
            "{path} is not what the types give; run UPDATE_SCHEMAS=1 cargo test --lib committed_schemas"
        );
    }

    /// A name that the table leads to is there.
    #[test]
    fn every_reference_leads_to_a_schema() {
        let document = document();
        let text = DOCUMENT.as_str();
        let mut seen = 0;
        for name in text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
            seen += 1;
        }
        assert!(seen > 50, "{seen}");
        assert!(!text.contains("#/$defs"), "a reference that leads out of the document");
    }
}
