//! The clock is set back during a run: what waits still waits its time, and no time in the journal goes back.

mod common;

use common::Test;
use flow_studio::id::Sha256;

const FLOW: &str = r#"
steps:
  - {id: one, run: 'echo one'}
  - {id: ask-me, ask: {question: "Go on?"}}
  - id: polls
    run: 'echo try >> tries; test "$(wc -l < tries)" -ge 3'
    effects: idempotent
    expect: {exit: 0}
    poll: {every: 50ms, for: 20s}
  - {id: last, run: 'echo last', timeout: 10s, expect: {stdout: last}}
"#;

/// Everything happened in 2099, by the journal: for this process, the clock was set back by decades.
fn move_to_the_future(test: &Test) {
    let text = test.text("run_base/r/journal.jsonl");
    let mut prev = String::new();
    let mut moved = String::new();
    let year = regex::Regex::new(r#""20\d\d-(\d\d-\d\dT)"#).expect("a pattern");
    let chain = regex::Regex::new(r#""prev":"[0-9a-f]{64}""#).expect("a pattern");
    for line in text.lines() {
        let line = year.replace_all(line, "\"2099-$1");
        let line =
            if prev.is_empty() { line.into_owned() } else { chain.replace(&line, format!("\"prev\":\"{prev}\"")).into_owned() };
        prev = Sha256::of(line.as_bytes()).as_str().to_owned();
        moved.push_str(&line);
        moved.push('\n');
    }
    test.write("run_base/r/journal.jsonl", &moved);
    std::fs::remove_file(test.at("run_base/r/run.json")).expect("removed");
    // The logs tell the same times.
    test.go(&["verify", "r", "--repair"]).code(0);
}

#[test]
fn a_clock_that_was_set_back_holds_up_nothing() {
    let test = Test::new().flow("clock", FLOW);
    test.go(&["run", "clock", "--run-id", "r"]).code(4);
    move_to_the_future(&test);
    test.go(&["review", "answer", "r/ask-me-1", "--choose", "approve"]).code(0);
    test.go(&["resume", "r"]).code(0);
    assert_eq!(test.text("tries").lines().count(), 3);
    let times: Vec<String> = test.journal("r").iter().map(|line| line["ts"].as_str().expect("a time").to_owned()).collect();
    assert!(times.iter().all(|time| time.starts_with("2099-")), "{times:?}");
    assert!(times.is_sorted(), "{times:?}");
    for receipt in ["polls", "last"] {
        let receipt = test.json(&format!("run_base/r/clock/receipts/{receipt}-shell.json"));
        assert!(receipt["duration_ms"].as_u64().is_some_and(|ms| ms < 60_000), "{receipt:#}");
    }
    test.go(&["verify", "r"]).code(0);
}
