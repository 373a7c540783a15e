//! The API is what its own document says, and says what the command line says.

use serde_json::{Value, json};

use crate::{client::Studio, common::Test, document::Document};

const GATE: &str = "steps:\n  - {id: gate, ask: {question: 'Go on?'}}\n";
const FAILS: &str = "steps:\n  - {id: bad, run: 'echo broken >&2; exit 3'}\n";
const WORKS: &str = "steps:\n  - {id: good, run: 'echo fine'}\n";

fn world() -> Test {
    let test = Test::new().flow("gate", GATE).flow("fails", FAILS).flow("works", WORKS);
    test.go(&["run", "gate", "--run-id", "waits"]).code(4);
    test.go(&["run", "fails", "--run-id", "failed"]).code(1);
    test.go(&["run", "works", "--run-id", "done"]).code(0);
    test.go(&["run", "works", "--run-id", "torn"]).code(0);
    test.write("run_base/torn/journal.jsonl", "{\n");
    test
}

#[test]
fn every_answer_is_what_the_document_says() {
    let test = world();
    let studio = Studio::start(&test);
    let document = Document::of(&studio);
    assert_eq!(document.0["openapi"], "3.1.0");
    let committed: Value = serde_json::from_str(
        &std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/openapi.json")).expect("it is committed"),
    )
    .expect("JSON");
    assert_eq!(document.0, committed);
    let steps = [("waits", "gate"), ("failed", "bad"), ("done", "good"), ("torn", "good"), ("absent", "x"), ("done", "absent")];
    let mut seen = std::collections::BTreeMap::new();
    for (path, operations) in document.0["paths"].as_object().expect("paths") {
        if operations.get("get").is_none() || path.ends_with("/events") {
            continue;
        }
        for (run, step) in steps {
            for query in [
                "",
                &format!("?step={step}"),
                &format!("?step={step}&what=receipt"),
                &format!("?step={step}&what=log&execution=9"),
                "?flow=absent&step=x",
                "?limit=0",
                "?status=odd",
                "?odd=1",
            ] {
                let asked = path.replace("{run}", run).replace("{question}", "gate-1").replace("{flow}", "works") + query;
                let told = studio.api(&asked);
                assert!(told.status < 500, "{asked}: {}", told.body);
                document.holds(path, "get", told.status, told.kind(), &told.json());
                *seen.entry((path.clone(), told.status)).or_insert(0) += 1;
            }
        }
    }
    let paths = document.0["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .filter(|(path, one)| one.get("get").is_some() && !path.ends_with("/events"));
    for (path, _) in paths {
        assert!(seen.contains_key(&(path.clone(), 200)), "{path} never told anything: {seen:?}");
    }
    let path = "/api/v1/questions/{run}/{question}/answer";
    let digest = studio.api("/api/v1/questions/waits/gate-1").json()["subject_digest"].clone();
    for (body, status) in [
        (json!({}), 422),
        (json!({"choose": "odd", "digest": digest}), 409),
        (json!({"choose": "approve", "digest": digest}), 200),
    ] {
        let told = studio.api_post("/api/v1/questions/waits/gate-1/answer", &body).code(status);
        document.holds(path, "post", status, told.kind(), &told.json());
    }
    for odd in ["/api/v1/odd", "/api/v1/runs/done/odd", "/api/v1/runs/%ff"] {
        let told = studio.api(odd);
        assert!((400..500).contains(&told.status), "{odd}");
        document.holds("/api/v1/runs", "get", told.status, told.kind(), &told.json());
    }
}

/// What is said, without for how long it has been so: both were not asked at the same moment.
fn ageless(said: &Value) -> String {
    let text = said.to_string();
    let mut parts = text.split("asked ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + "asked " + part.split_once(" ago").map_or(part, |(_, rest)| rest))
}

#[test]
fn the_api_says_what_the_command_line_says() {
    let test = world();
    let studio = Studio::start(&test);
    for run in ["waits", "failed", "done"] {
        assert_eq!(studio.api(&format!("/api/v1/runs/{run}")).json(), test.go(&["status", run, "--json"]).json(), "{run}");
        let panel = test.go(&["evidence", run, "--json"]).json();
        assert_eq!(studio.api(&format!("/api/v1/runs/{run}/evidence")).json()["verdict"], panel["verdict"], "{run}");
    }
    for run in ["waits", "failed", "done", "torn"] {
        let told = test.go(&["diagnose", run, "--json"]).json();
        let ours = studio.api(&format!("/api/v1/runs/{run}/diagnosis")).json();
        assert_eq!(ours["class"], told["class"], "{run}");
        assert_eq!(ageless(&ours["causes"]), ageless(&told["causes"]), "{run}");
    }
    let story = studio.api("/api/v1/runs/failed/steps?step=bad").json();
    assert_eq!(story["explanation"], test.go(&["explain", "failed", "bad", "--json"]).json());
    let mut files = test.go(&["show", "failed", "bad", "--json"]).json();
    files.as_object_mut().expect("an object").shift_remove("shows");
    assert_eq!(story["files"], files);
    assert_eq!(studio.api("/api/v1/questions").json(), test.go(&["review", "--json"]).json());
    assert_eq!(
        studio.api("/api/v1/questions/waits/gate-1").json(),
        test.go(&["review", "show", "waits/gate-1", "--json"]).json()
    );
}
