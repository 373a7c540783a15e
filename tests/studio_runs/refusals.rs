//! What cannot be started says why: all at once, beside its field, before the queue if it can be known there.

use serde_json::{Value, json};

use crate::{
    client::Studio,
    common::{Test, until},
    world::{go, holding, idle, until_idle},
};

const TAKES: &str = "params:\n  who: {type: string, required: true, pattern: '[a-z]+'}\n  times: {type: integer}\n  tone: {type: enum, values: [kind, short]}\n\
                     steps:\n  - {id: hello, run: 'true'}\n";

fn fields(problem: &Value) -> Vec<&str> {
    problem["fields"].as_array().into_iter().flatten().filter_map(|one| one["field"].as_str()).collect()
}

#[test]
fn every_mistake_stands_beside_its_field_and_what_was_written_stays() {
    let test = Test::new().flow("takes", TAKES);
    let studio = Studio::driving(&test, &[]);
    let sent = [
        ("params.who", "Ada <b>"),
        ("params.times", "many"),
        ("params.tone", "loud"),
        ("params.odd", "x"),
        ("run_id", "../up"),
        ("from", "absent"),
        ("jobs", "1000"),
        ("engine", "magic"),
    ];
    let page = studio.act("/flows/takes", "/flows/takes/start", &sent).code(422);
    for field in ["params.who", "params.times", "params.tone", "run_id", "from", "jobs", "engine"] {
        assert!(page.body.contains(&format!("id=\"why-{field}\"")), "{field}: {}", page.body);
    }
    let page =
        page.says("value=\"Ada &lt;b&gt;\"").says("value=\"many\"").says("has no parameter `odd`").says("Nothing was started");
    assert!(!page.body.contains("<b>Ada"));
    let body = json!({"flow": "takes", "params": {"times": "many", "odd": 1}, "run_id": "../up", "until": "absent", "jobs": 0});
    let problem = studio.api_post("/api/v1/runs", &body).code(422);
    assert_eq!(problem.kind(), "application/problem+json");
    assert_eq!(fields(&problem.json()), ["params.odd", "params.times", "params.who", "until", "jobs", "run_id"]);
    assert!(idle(&test) && !test.run_base("takes-1").exists());
}

#[test]
fn flows_and_runs_that_are_none_are_refused_whatever_they_are_called() {
    let test = Test::new().flow("takes", TAKES).flow("broken", "steps: 7\n");
    test.write("flows/../secret.yaml", "flow: secret\n");
    let studio = Studio::driving(&test, &[]);
    for flow in ["absent", "../secret", "takes.yaml", "", "--help", "a\u{0}b", "Takes"] {
        let told = studio.api_post("/api/v1/runs", &json!({"flow": flow})).code(404);
        assert_eq!(told.kind(), "application/problem+json", "{flow:?}");
    }
    studio.form("/flows/..%2Fsecret/start", &[("slip", "")]).code(409);
    studio.api_post("/api/v1/runs", &json!({"flow": "broken"})).code(422);
    for run in ["..", ".studio", "a/b", "-x", "", "r\n", &"x".repeat(300)] {
        let told = studio.api_post("/api/v1/runs", &json!({"flow": "takes", "params": {"who": "a"}, "run_id": run})).code(422);
        assert_eq!(fields(&told.json()), ["run_id"], "{run:?}");
    }
    for run in ["absent", "..", "..%2f..", "-x", "%00"] {
        for act in ["resume", "retry", "cancel"] {
            let body = if act == "retry" { json!({"step": "hello"}) } else { json!({}) };
            let told = studio.api_post(&format!("/api/v1/runs/{run}/{act}"), &body);
            assert_eq!(told.status, 404, "{act} {run}: {}", told.body);
        }
    }
    for (path, body, status) in [
        ("/api/v1/runs", json!([]), 422),
        ("/api/v1/runs", json!({"flow": "takes", "odd": 1}), 422),
        ("/api/v1/queue/7/withdraw", json!({}), 404),
        ("/api/v1/queue/seven/withdraw", json!({}), 404),
        ("/api/v1/runs/absent/cancel", json!({"odd": 1}), 422),
    ] {
        studio.api_post(path, &body).code(status);
    }
    assert!(idle(&test));
}

#[test]
fn what_a_flow_lacks_is_told_at_once_and_what_it_lost_in_the_queue_is_kept_to_be_read() {
    let needs = "requires: {files: [key.txt], commands: [no-such-command-here]}\nsteps:\n  - {id: a, run: 'true'}\n";
    let later = "requires: {files: [key.txt]}\nsteps:\n  - {id: a, run: 'true'}\n";
    let test = holding(&["first"]).flow("needs", needs).flow("later", later).file("key.txt", "");
    let studio = Studio::driving(&test, &["--max-runs", "1"]);
    let page = studio.act("/flows/needs", "/flows/needs/start", &[("run_id", "n")]);
    page.code(422).says("no-such-command-here").says("value=\"n\"");
    studio.run("held", "first").code(202);
    // Its order has left the queue, so the next one waits behind nobody.
    until("the first is held", || test.at("started").exists());
    studio.run("later", "r").code(202);
    studio.get("/runs/r").code(200).says("waiting in the queue");
    studio.api("/api/v1/runs/r").code(404).says("waits in the queue, behind 0");
    std::fs::remove_file(test.at("key.txt")).expect("it is there");
    go(&test, "first");
    until("the other is refused", || studio.queued("refused") == ["r"]);
    assert!(!test.run_base("r").join("journal.jsonl").exists());
    studio.get("/runs/r").code(200).says("not started").says("file `key.txt` is not in the workspace");
    studio.api("/api/v1/runs/r").code(404).says("was not started").says("key.txt");
    studio.get("/runs").code(200).says("refused").says("key.txt");
    // It stays through a restart, and goes when somebody says so, or asks again.
    let studio = Studio::again(&test, studio.kill());
    assert_eq!(studio.queued("refused"), ["r"]);
    test.write("key.txt", "");
    studio.run("later", "r").code(202);
    until_idle(&test);
    assert_eq!(test.manifest("r")["status"], "succeeded");
}

#[test]
fn a_secret_is_not_taken_as_a_parameter_and_reaches_no_file() {
    let flow = "secrets: [DOOR_KEY]\nparams: {who: {type: string}, note: {type: string}}\nsteps:\n  - {id: hello, secrets: [DOOR_KEY], run: 'test -n \"$DOOR_KEY\"'}\n";
    let key = format!("open-{}-sesame", 4711);
    let token = format!("ghp_{}", "a1B2".repeat(9));
    let test = Test::new().flow("takes", flow).env("DOOR_KEY", &key);
    let studio = Studio::driving(&test, &[]);
    for secret in [&key, &token] {
        let body = json!({"flow": "takes", "run_id": "r", "params": {"who": "ada", "note": format!("use {secret}")}});
        let told = studio.api_post("/api/v1/runs", &body).code(422);
        assert_eq!(fields(&told.json()), ["params.note"]);
        assert!(!told.body.contains(secret.as_str()) && told.body.contains("under `secrets:`"), "{}", told.body);
    }
    // The flow has it from the environment all the same.
    studio.api_post("/api/v1/runs", &json!({"flow": "takes", "run_id": "r", "params": {"who": "ada"}})).code(202);
    until_idle(&test);
    assert_eq!(test.manifest("r")["status"], "succeeded");
    for (path, bytes) in test.every_file("run_base") {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!text.contains(&key) && !text.contains(&token), "{}", path.display());
    }
}
