//! The recording that comes along replays `build` on the example, without a key and at no cost; and it says so where it no longer
//! fits. With UPDATE_RECORDINGS set, it is made anew from a run against a model that plays a script.

mod common;

#[path = "sdlc/bench.rs"]
mod bench;
#[path = "sdlc/model.rs"]
mod model;

use std::path::PathBuf;

use bench::Bench;
use common::Ran;
use serde_json::json;

fn recording() -> PathBuf {
    let shipped = bench::root().join("examples/recordings/build");
    if std::env::var_os("UPDATE_RECORDINGS").is_some() {
        let llm = model::model(|_| {});
        let bench = Bench::asking(&llm);
        bench.run("build", &["--param=request=REQUEST.md"]).code(0);
        if shipped.exists() {
            std::fs::remove_dir_all(&shipped).unwrap();
        }
        bench.test.go(&["record", "r", "--to", shipped.to_str().unwrap()]).code(0);
    }
    shipped
}

/// The example in a repository of its own, and a server that nobody can reach.
fn replay(bench: &Bench) -> Ran {
    replay_as("r", bench, &[])
}

fn replay_as(id: &str, bench: &Bench, more: &[&str]) -> Ran {
    let recording = recording();
    let args = ["--param=request=REQUEST.md", "--engine", "replay", "--recording", recording.to_str().unwrap()];
    bench.run_as(id, "build", &[&args, more].concat())
}

#[test]
fn the_shipped_recording_builds_the_example_for_nothing() {
    let bench = Bench::new();
    replay(&bench).code(0);
    assert_eq!(bench.decided("build", "critique-code"), ["LOOP loop-again", "CONTINUE loop-verified"]);
    let receipt = bench.test.json("run_base/r/build/receipts/write-code-code-author.json");
    assert_eq!((&receipt["engine"], &receipt["cost_usd"]), (&json!("replay"), &json!(0.0)));
    // Measured now, by the example's own tests.
    assert_eq!((&receipt["tests"]["figures"]["passed"], &receipt["tests"]["figures"]["failed"]), (&json!(11), &json!(0)));
    assert_eq!(bench.git(&["log", "--format=%s", "main..flow-studio/r"]), "Links that expire");
    assert!(!bench.test.at("run_base/r/cost.jsonl").exists(), "no model was asked");
}

#[test]
fn the_name_of_a_run_is_no_drift_however_long_it_is() {
    let bench = Bench::new();
    // It stands in the name of a branch, and so in an artifact, whose size stands in the prompt.
    replay_as("a-run-of-another-name", &bench, &["--until", "write-tests"]).code(0);
}

#[test]
fn an_example_that_asks_for_something_else_has_drifted() {
    let bench = Bench::new();
    let request = bench.work().join("REQUEST.md");
    let text = std::fs::read_to_string(&request).unwrap();
    std::fs::write(&request, format!("Everything is different now.\n{text}")).unwrap();
    bench.commit("another request");
    replay(&bench).code(1);
    let receipt = bench.test.json("run_base/r/build/receipts/write-tests-test-author.json");
    assert_eq!(receipt["error_detail"]["kind"], "drift", "{receipt}");
    assert!(receipt["error"].as_str().unwrap().contains("Everything is different now."), "{receipt}");
}
