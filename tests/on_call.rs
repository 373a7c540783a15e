//! What an on-call engineer reads, line by line, and types next: with the real program.

mod common;

use common::{Test, until};

#[test]
fn once_only_steps_that_a_named_step_makes_run_again_are_told_before_they_do() {
    let flow = r"
steps:
  - {id: build, run: echo build}
  - {id: push, run: echo pushed >> pushed.txt, effects: once}
  - {id: ship, flow: inner}
  - {id: beside, needs: [], run: echo beside, effects: once}
";
    let inner = "steps: [{id: send, run: echo sent, effects: once}]";
    let test = Test::new().flow("rel", flow).flow("inner", inner);
    test.go(&["run", "rel", "--run-id", "r"]).code(0);
    let told = "once-only steps that were done run again: push, ship.send";
    for again in [
        &["resume", "r", "--from", "build"][..],
        &["run", "rel", "--run-id", "r", "--from", "build"],
        &["retry", "r", "--step", "build"],
        &["resume", "r", "--refresh", "--from", "build"],
    ] {
        let ran = test.go(again).code(0);
        let said = ran.stderr.find(told).unwrap_or_else(|| panic!("{again:?}: {}", ran.stderr));
        assert!(said < ran.stderr.find("✓ build").expect("it runs again"), "{}", ran.stderr);
    }
    assert_eq!(test.text("pushed.txt").lines().count(), 5);
    // What does not run again, is not told; what only waits to, is.
    test.go(&["retry", "r", "--step", "build", "--only"])
        .code(0)
        .says(&format!("{told} (those behind build when the run goes on)"));
    test.go(&["resume", "r"]).code(0);
    let ran = test.go(&["retry", "r", "--step", "ship"]).code(0);
    assert!(ran.stderr.contains("a once-only step that was done runs again: ship.send\n"), "{}", ran.stderr);
}

#[test]
fn a_run_whose_question_was_answered_is_listed_as_one_that_waits_to_be_resumed() {
    let flow = "steps: [{id: go, ask: {question: 'Go?'}}, {id: b, run: echo b}]";
    let test = Test::new().flow("f", flow);
    test.go(&["run", "f", "--run-id", "r"]).code(4);
    test.go(&["review", "answer", "r/go-1", "--choose", "approve"]).code(0);
    let listed = test.go(&["list"]).code(0).stdout;
    assert!(listed.contains("answered") && listed.contains("● resume") && !listed.contains("interrupted"), "{listed}");
    assert!(test.go(&["list", "--needs-you"]).code(0).stdout.contains("● resume"));
    assert_eq!(test.go(&["list", "--json"]).code(0).json()["runs"][0]["answered"], "go-1");
    let doctor = test.go(&["doctor"]).stdout;
    assert!(doctor.contains("answered   but not resumed: r") && !doctor.contains("before their end"), "{doctor}");
    // Also where `run.json` is not there, and where it was mended.
    std::fs::remove_file(test.run_base("r").join("run.json")).unwrap();
    assert!(test.go(&["list"]).code(0).stdout.contains("● resume"));
    test.go(&["verify", "r", "--repair"]).code(0);
    assert!(test.go(&["list"]).code(0).stdout.contains("● resume"));
    test.go(&["resume", "r"]).code(0);
    let listed = test.go(&["list"]).code(0).stdout;
    assert!(listed.contains("succeeded") && !listed.contains("resume"), "{listed}");
}

#[test]
fn the_end_of_a_run_says_what_is_still_in_force() {
    let flow = "steps:
  - {id: apply, run: echo on > state, undo: rm state}
  - {id: check, run: exit 1}
";
    let test = Test::new().flow("f", flow);
    let said = "still in force: apply (undo: rm state)";
    test.go(&["run", "f", "--run-id", "r"]).code(1).says(said);
    test.go(&["retry", "r", "--step", "check"]).code(1).says(said);
    let told = test.go(&["run", "f", "--run-id", "s", "--json"]).code(1).json();
    assert_eq!(told["in_force"][0]["step_id"], "apply");
}

#[test]
fn a_run_that_only_observed_is_nowhere_called_succeeded() {
    let flow = "steps: [{id: apply, run: \"echo on > state\\necho done\"}]";
    let test = Test::new().flow("f", flow);
    test.go(&["run", "f", "--run-id", "r"]).code(0);
    let ran = test.go(&["run", "f", "--run-id", "o", "--observe-only"]).code(0);
    // What it would have done is told once.
    assert_eq!(ran.stderr.matches("would run").count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("- apply  passed over\n"), "{}", ran.stderr);
    let evidence = test.go(&["evidence", "o"]).stdout;
    assert!(evidence.starts_with("o (observed only, 1 passed over): "), "{evidence}");
    let diff = test.go(&["diff", "r", "o"]).stdout;
    assert!(diff.starts_with("a r succeeded\nb o observed only, 1 passed over\n"), "{diff}");
}

#[test]
fn what_a_rollback_took_back_is_no_contradiction_and_is_not_done_a_second_time() {
    let flow = "steps:
  - {id: apply, run: echo on > state, undo: rm state, outputs: [state]}
  - {id: push, run: echo pushed > pushed, effects: once, undo: rm pushed, outputs: [pushed]}
  - {id: check, run: exit 1, on_failure: rollback}
";
    let test = Test::new().flow("f", flow);
    test.go(&["run", "f", "--run-id", "r"]).code(1);
    let evidence = test.go(&["evidence", "r"]).stdout;
    assert!(!evidence.contains("contradict") && !evidence.contains("gone now"), "{evidence}");
    assert!(!test.go(&["diagnose", "r"]).stdout.contains("output-gone"));
    test.go(&["run", "f", "--run-id", "r"]).code(6).silent_on("once-only");
    test.go(&["retry", "r", "--step", "apply"]).code(1).silent_on("once-only");
    // What nobody took back, and is gone, is told as before.
    test.go(&["run", "f", "--run-id", "s", "--until", "push"]).code(0);
    std::fs::remove_file(test.at("state")).unwrap();
    assert!(test.go(&["evidence", "s"]).code(1).stdout.contains("state was measured then, and is gone now"));
}

#[test]
fn a_step_with_items_one_of_which_stopped_the_flow_has_failed() {
    let flow = "params: {who: {type: list, default: [ann, bob]}}
steps: [{id: send, for_each: params.who, as: who, run: 'test \"$ITEM\" != bob'}]";
    let test = Test::new().flow("f", flow);
    test.go(&["run", "f", "--run-id", "r"]).code(1);
    let told = test.go(&["explain", "r", "send"]).code(0).stdout;
    assert!(told.contains("failed") && !told.contains("the flow went on"), "{told}");
    let files = test.go(&["show", "r", "send"]).code(0).stdout;
    assert!(files.contains("its items: send[ann], send[bob]") && !files.contains("has not run"), "{files}");
}

#[test]
fn what_ran_when_its_process_was_killed_is_not_said_to_run() {
    let test = Test::new().flow("f", "steps: [{id: a, run: touch begun; sleep 30}]");
    let live = test.start(&["run", "f", "--run-id", "r"]);
    until("the step", || test.at("begun").exists());
    assert!(test.go(&["status", "r"]).code(0).stdout.contains("a  run  running"));
    live.kill();
    let told = test.go(&["status", "r"]).code(0).stdout;
    assert!(told.contains("a  run  was running"), "{told}");
    test.go(&["cancel", "r"]).code(0);
}
