//! One process drives a run; others look at it, answer it and cancel it.

mod common;

use common::{Fence, Luck, Test, alive, await_word, let_go, until};

const ASK: &str = r#"
steps:
  - {id: ask-me, ask: {question: "Go on?"}}
  - {id: after, run: 'echo "note: ${NOTE:-}" >> ran'}
"#;

const HOLD: &str = r"
steps:
  - {id: hold, run: 'echo $$ > pid; echo here > at-it; read -r _ < gate', effects: idempotent}
  - {id: after, run: 'echo after >> ran'}
";

fn hold() -> Test {
    Test::new().file("flow-studio.toml", "grace = \"100ms\"\n").flow("hold", HOLD).fifo("at-it").fifo("gate")
}

fn waits(test: &Test) -> bool {
    !test.facts("r", "escalation_raised").is_empty()
}

#[test]
fn an_answer_from_another_process_lets_a_waiting_run_go_on() {
    let test = Test::new().flow("ask", ASK);
    let live = test.start(&["run", "ask", "--run-id", "r", "--wait-for-human"]);
    until("it asks", || waits(&test));
    let said = test.go(&["review", "answer", "r/ask-me-1", "--choose", "approve", "--note", "be quick"]).code(0);
    assert!(said.stdout.contains("delivered"), "{}", said.stdout);
    live.wait().code(0);
    assert_eq!(test.facts("r", "escalation_answered").len(), 1);
    assert_eq!(test.facts("r", "escalation_answered")[0]["answer"]["note"], "be quick");
    assert!(test.text("ran").starts_with("note: "));
    test.go(&["verify", "r"]).code(0);
}

#[test]
fn an_answer_that_is_none_is_refused_by_the_driver_and_the_question_stays() {
    let test = Test::new().flow("ask", ASK);
    let live = test.start(&["run", "ask", "--run-id", "r", "--wait-for-human"]);
    until("it asks", || waits(&test));
    test.go(&["review", "answer", "r/ask-me-1", "--choose", "nonsense"]);
    test.go(&["review", "answer", "r/ask-me-1", "--choose", "approve"]).code(0);
    live.wait().code(0);
    assert_eq!(test.facts("r", "escalation_answered").len(), 1);
}

#[test]
fn two_answers_at_once_count_once() {
    let test = Test::new().flow("ask", ASK);
    let live = test.start(&["run", "ask", "--run-id", "r", "--wait-for-human"]);
    until("it asks", || waits(&test));
    let answers: Vec<_> = ["anna", "bob", "carl"]
        .map(|name| test.start(&["review", "answer", "r/ask-me-1", "--choose", "approve", "--as", name]))
        .into_iter()
        .collect();
    for answer in answers {
        // Whoever comes too late is told so, or its letter is put aside.
        let ran = answer.wait();
        assert!(matches!(ran.code, Some(0 | 6)), "{ran:?}");
    }
    live.wait().code(0);
    assert_eq!(test.facts("r", "escalation_answered").len(), 1);
    assert_eq!(test.text("ran").lines().count(), 1);
}

#[test]
fn a_run_rests_when_it_is_over_and_not_before_its_scenario_has_answered() {
    let script = "flow: ask\nanswers: {ask-me: {choose: approve}}\n";
    let test = Test::new().flow("ask", ASK).file("script.yaml", script);
    test.go(&["run", "ask", "--run-id", "r", "--engine", "stub", "--scenario", "script.yaml"]).code(0);
    let kinds = |line: &serde_json::Value| line["facts"].to_string();
    let lines = test.journal("r");
    let rested: Vec<usize> = (0..lines.len()).filter(|at| kinds(&lines[*at]).contains("\"run_rested\"")).collect();
    assert_eq!(rested, [lines.len() - 1], "{lines:#?}");
}

#[test]
fn letters_that_are_no_letters_are_put_aside() {
    let test = Test::new().flow("ask", ASK);
    test.go(&["run", "ask", "--run-id", "r"]).code(4);
    test.write("run_base/r/inbox/evil.json", "{\"kind\":\"answer\"}");
    test.write("run_base/r/inbox/half.json", "{");
    test.write("run_base/r/inbox/notes.txt", "not for you");
    test.write("run_base/r/inbox/huge.json", &"x".repeat(300_000));
    test.go(&["resume", "r"]).code(4);
    assert!(test.at("run_base/r/inbox/refused/evil.json.reason.txt").is_file());
    assert!(test.at("run_base/r/inbox/refused/huge.json").is_file());
    test.go(&["verify", "r"]).code(0);
}

#[test]
fn cancel_from_another_process_ends_what_runs() {
    let test = hold();
    let (fence, live) = Fence::around(&test, &["run", "hold", "--run-id", "r"]);
    await_word(&test.at("at-it"));
    let said = test.go(&["cancel", "r", "--json"]).code(0).json();
    assert_eq!(said["delivered"], true);
    live.wait().code(1);
    fence.all_gone();
    assert!(!alive(test.text("pid").trim().parse().expect("a pid")));
    assert_eq!(test.manifest("r")["status"], "cancelled");
    assert_eq!(test.text("ran"), "");
    test.go(&["resume", "r"]).code(1).says("cancelled");
    test.go(&["cancel", "r"]).code(6).says("cancelled");
    test.go(&["verify", "r"]).code(0);
}

#[test]
fn cancel_of_a_run_that_waits_closes_its_questions() {
    let test = Test::new().flow("ask", ASK);
    test.go(&["run", "ask", "--run-id", "r"]).code(4);
    test.go(&["cancel", "r"]).code(0);
    assert_eq!(test.manifest("r")["status"], "cancelled");
    assert_eq!(test.manifest("r")["waiting_for"].as_array().map(Vec::len), Some(0));
    test.go(&["review", "answer", "r/ask-me-1", "--choose", "approve"]).code(6);
    assert_eq!(test.go(&["review", "--json"]).code(0).json()["waiting"].as_array().map(Vec::len), Some(0));
}

#[test]
fn an_observer_sees_what_runs_and_who_drives_it() {
    let test = hold();
    let live = test.start(&["run", "hold", "--run-id", "r"]);
    await_word(&test.at("at-it"));
    until("run.json says it runs", || {
        test.at("run_base/r/run.json").is_file() && test.manifest("r")["running"].as_array().is_some_and(|all| !all.is_empty())
    });
    let manifest = test.manifest("r");
    assert_eq!(manifest["status"], "running");
    assert_eq!(manifest["running"][0], "hold");
    assert_eq!(manifest["pid"], live.pid());
    assert_eq!(manifest["flows"][0]["steps_total"], 2);
    // run.json is replaced whole: a reader never sees half of it, and never none.
    let_go(&test.at("gate"));
    let mut live = live;
    until("it ended", || {
        assert_eq!(test.manifest("r")["schema"], "flow-studio/run/v1");
        live.has_ended()
    });
    live.wait().code(0);
    assert!(test.manifest("r")["pid"].is_null());
}

/// A run whose driver was killed while its step ran; the step is gone too.
fn killed() -> Test {
    let test = hold();
    let (fence, live) = Fence::around(&test, &["run", "hold", "--run-id", "r"]);
    await_word(&test.at("at-it"));
    until("run.json names the driver", || test.at("run_base/r/run.json").is_file() && !test.manifest("r")["pid"].is_null());
    live.kill();
    // The step outlives its driver; it ends when its gate opens.
    let_go(&test.at("gate"));
    fence.all_gone();
    assert!(!test.manifest("r")["pid"].is_null(), "nobody was left to take the name away");
    test
}

#[test]
fn a_killed_run_is_resumed_from_the_step_that_was_lost() {
    let test = killed();
    let live = test.start(&["resume", "r"]);
    await_word(&test.at("at-it"));
    let_go(&test.at("gate"));
    live.wait().code(0).says("lost");
    assert_eq!(test.text("ran"), "after\n");
    let receipt = test.json("run_base/r/hold/receipts/hold-shell.1.json");
    assert_eq!(receipt["status"], "interrupted");
    test.go(&["verify", "r"]).code(0);
}

#[test]
fn a_killed_run_goes_on_from_the_very_step_that_was_lost() {
    for args in [&["retry", "r", "--step", "hold"][..], &["resume", "r", "--from", "hold"]] {
        let test = killed();
        let live = test.start(args);
        await_word(&test.at("at-it"));
        let_go(&test.at("gate"));
        live.wait().code(0);
        assert_eq!(test.text("ran"), "after\n");
        assert_eq!(test.facts("r", "step_started").len(), 3, "{:#?}", test.facts("r", "step_started"));
        test.go(&["verify", "r"]).code(0);
    }
}

#[test]
fn a_killed_run_takes_an_answer_before_its_lost_step_runs_again() {
    let both = "steps:\n  - {id: ask-me, needs: [], ask: {question: \"Go on?\"}}\n  - {id: hold, needs: [], run: 'echo here > at-it; read -r _ < gate', effects: idempotent}\n  - {id: after, needs: [ask-me], run: 'echo after >> ran'}\n";
    let test = Test::new().flow("hold", both).fifo("at-it").fifo("gate");
    let (fence, live) = Fence::around(&test, &["run", "hold", "--run-id", "r"]);
    await_word(&test.at("at-it"));
    live.kill();
    let_go(&test.at("gate"));
    fence.all_gone();
    test.go(&["review", "answer", "r/ask-me-1", "--choose", "approve"]).code(0);
    assert_eq!(test.text("ran"), "", "an answer starts nothing by itself");
    let live = test.start(&["resume", "r"]);
    await_word(&test.at("at-it"));
    let_go(&test.at("gate"));
    live.wait().code(0);
    assert_eq!(test.text("ran"), "after\n");
    test.go(&["verify", "r"]).code(0);
}

#[test]
fn a_killed_run_can_be_cancelled() {
    let test = killed();
    let said = test.go(&["cancel", "r", "--json"]).code(0).json();
    assert_eq!(said["cancelled"], true);
    assert_eq!(test.manifest("r")["status"], "cancelled");
    assert!(test.manifest("r")["pid"].is_null());
    assert_eq!(test.text("ran"), "");
    test.go(&["verify", "r"]).code(0);
}

#[test]
fn a_killed_run_is_not_shown_as_running_by_whoever_looks() {
    let test = killed();
    let status = test.go(&["status", "r", "--json"]);
    let text = format!("{}{}", status.stdout, status.stderr);
    assert_ne!(status.json()["driven"], true, "{text}");
    let seen = test.go(&["status", "r"]);
    assert!(seen.stdout.contains("resume r"), "{}", seen.stdout);
}

#[test]
fn a_killed_waiting_run_takes_its_answer() {
    let test = Test::new().flow("ask", ASK);
    let live = test.start(&["run", "ask", "--run-id", "r", "--wait-for-human"]);
    until("it asks", || waits(&test));
    live.kill();
    let said = test.go(&["review", "answer", "r/ask-me-1", "--choose", "approve", "--json"]).code(0).json();
    assert_eq!((said["outcome"].as_str(), said["run_status"].as_str()), (Some("recorded"), Some("waiting")));
    test.go(&["resume", "r"]).code(0);
    assert_eq!(test.text("ran").lines().count(), 1);
}

#[test]
fn an_answer_that_was_delivered_to_a_driver_that_died_is_not_lost() {
    let test = Test::new().flow("ask", ASK);
    let live = test.start(&["run", "ask", "--run-id", "r", "--wait-for-human"]);
    until("it asks", || waits(&test));
    live.signal("STOP");
    let said = test.go(&["review", "answer", "r/ask-me-1", "--choose", "approve", "--json"]).code(0).json();
    assert_eq!(said["outcome"], "delivered");
    live.kill();
    test.go(&["resume", "r"]).code(0);
    assert_eq!(test.facts("r", "escalation_answered").len(), 1);
}

#[test]
fn runs_that_are_started_at_once_without_a_name_get_one_each() {
    let test = Test::new().flow("count", "steps:\n  - {id: one, run: 'echo \"$RUN_ID\" >> ran'}\n");
    let started: Vec<_> = (0..8).map(|_| test.start(&["run", "count"])).collect();
    for live in started {
        live.wait().code(0);
    }
    let mut names: Vec<String> = test.text("ran").lines().map(str::to_owned).collect();
    names.sort();
    assert_eq!(names, (1..=8).map(|n| format!("count-{n}")).collect::<Vec<_>>());
}

#[test]
fn starts_of_the_same_run_at_once_never_drive_it_twice_at_once() {
    let test = Test::new().flow("count", "steps:\n  - {id: one, run: 'echo one >> ran', effects: once}\n");
    let mut luck = Luck::new(1);
    let started: Vec<_> =
        (0..8).map(|_| test.start(&["run", "count", "--run-id", "r", "--jobs", &(1 + luck.below(3)).to_string()])).collect();
    let codes: Vec<_> = started.into_iter().map(|live| live.wait().code).collect();
    // One drives it. The others are refused, or come after it has ended and run the flow again in the same run.
    let drove = codes.iter().filter(|code| **code == Some(0)).count();
    assert!(drove >= 1 && codes.iter().all(|code| matches!(code, Some(0 | 6))), "{codes:?}");
    assert_eq!(test.text("ran").lines().count(), drove);
    test.go(&["verify", "r"]).code(0);
}
