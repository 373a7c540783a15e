//! What people are told of a run: no word for a change that was not made, for a measure that was not taken, for a wait that is none.

mod common;

use common::Test;
use serde_json::Value;

const WORDS: &str = "observed only: 3 steps were passed over, not done (apply, reads, also)";

/// A look, a change, what needs the file that it makes, and what comes after it.
fn observed() -> Test {
    let steps = "steps:
  - {id: look, run: echo fine, access: observe}
  - {id: apply, run: 'echo x > done', effects: once, outputs: [artifacts/plan]}
  - {id: reads, run: 'true', access: observe, needs: [look], inputs: [artifacts/plan]}
  - {id: also, run: 'true', needs: [apply]}
";
    let test = Test::new().flow("f", steps);
    test.go(&["run", "f", "--run-id", "r", "--observe-only"])
        .code(0)
        .says("run r succeeded, observed only")
        .says("f observed only: 3 ");
    assert!(!test.at("done").exists());
    test
}

#[test]
fn nobody_takes_it_for_a_change_that_was_made() {
    let test = observed();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(test.go(&["list"]).code(0).stdout.contains("observed only, 3 passed over"));
    for command in ["status", "diagnose", "report"] {
        let said = words(&test.go(&[command, "r"]).code(0).stdout).replace("also, reads", "reads, also");
        assert!(said.contains(WORDS), "{command}: {said}");
    }
    let json = |args: &[&str]| serde_json::from_str::<Value>(&test.go(args).code(0).stdout).unwrap();
    let over = serde_json::json!(["apply", "also", "reads"]);
    let sorted = |value: &Value| {
        let mut all: Vec<String> = value.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect();
        all.sort();
        all
    };
    let list = json(&["list", "--json"]);
    assert_eq!(sorted(&list["runs"][0]["flows"][0]["observed"]["passed_over"]), sorted(&over));
    let status = json(&["status", "r", "--json"]);
    assert_eq!(sorted(&status["flows"][0]["observed"]["passed_over"]), sorted(&over));
    assert_eq!(sorted(&test.manifest("r")["flows"][0]["observed"]["passed_over"]), sorted(&over));
    let report = test.go(&["report", "r"]).code(0).stdout;
    let passed_over = report.split("## Passed over").nth(1).expect("a section of its own");
    assert!(passed_over.contains("**apply**: would run"), "{report}");
    test.go(&["verify", "r"]).code(0);
    test.go(&["run", "f", "--run-id", "r"]).code(6).says("it only observed, and ended at").says("a new run, in which it is done");
    test.go(&["run", "f", "--run-id", "s"]).code(1).silent_on("observed only");
}

#[test]
fn a_failure_says_that_it_may_come_of_what_was_passed_over() {
    let steps = "steps:\n  - {id: apply, run: 'echo x > done'}\n  - {id: see, run: cat done, access: observe, needs: []}\n";
    let test = Test::new().flow("f", steps);
    test.go(&["run", "f", "--run-id", "r", "--observe-only"]).code(1).says("run r failed, observed only");
    let said = test.go(&["diagnose", "r"]).code(1).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("1 step was passed over, not done (apply), and that alone may be why"), "{said}");
    assert!(test.go(&["list"]).code(0).stdout.contains("failed, observed only"));
}

#[test]
fn a_word_is_not_told_as_a_measure() {
    let steps =
        "steps:\n  - {id: fix, run: 'sleep 0.1; false', on_failure: escalate}\n  - {id: then, run: 'true', outputs: []}\n";
    let test = Test::new().flow("f", steps);
    test.go(&["run", "f", "--run-id", "r"]).code(4);
    test.go(&["review", "answer", "r/fix-1", "--choose", "mark-done", "--note", "done by hand, ticket 7"]).code(0);
    test.go(&["resume", "r"]).code(0);
    let said = |args: &[&str]| test.go(args).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let status = said(&["status", "r"]);
    assert!(status.contains("fix run marked done by tester 2 executions") && !status.contains(" 0 ms,"), "{status}");
    let report = said(&["report", "r"]);
    for words in [
        "| fix | run | marked done by tester | 2 | | CONTINUE",
        "**fix** marked done by tester: done by hand, ticket 7",
        "**fix**: not measured: marked done by tester",
    ] {
        assert!(report.contains(words), "{words}: {report}");
    }
    assert!(
        said(&["explain", "r", "fix"])
            .contains("execution 2: marked done by tester: done by hand, ticket 7; nothing was measured")
    );
    assert!(said(&["evidence", "r"]).contains("f/fix not measured: marked done by tester"));
    assert!(said(&["show", "r", "fix"]).contains("marked done by tester: done by hand, ticket 7, then"));
    let json: Value = serde_json::from_str(&test.go(&["status", "r", "--json"]).stdout).unwrap();
    let step = &json["flows"][0]["steps"][0];
    assert_eq!((&step["marked_done"]["by"], &step["duration_ms"]), (&Value::from("tester"), &Value::Null));
    test.go(&["verify", "r"]).code(0);
}

#[test]
fn a_step_takes_as_long_wherever_it_is_told() {
    let steps = "steps:\n  - {id: again, run: '[ -e f ] || { touch f; false; }', retry: {attempts: 2, delay: 300ms}}\n";
    let test = Test::new().flow("f", steps);
    test.go(&["run", "f", "--run-id", "r"]).code(0);
    let json: Value = serde_json::from_str(&test.go(&["status", "r", "--json"]).stdout).unwrap();
    let ms = json["flows"][0]["steps"][0]["duration_ms"].as_u64().expect("it has ended");
    assert!(ms >= 300, "{ms}");
    test.go(&["explain", "r", "again"]).code(0);
    let explained = test.go(&["explain", "r", "again"]).stdout;
    assert!(explained.contains(&format!("succeeded after {ms} ms")), "{ms}: {explained}");
    assert!(test.go(&["report", "r"]).stdout.contains(&format!("| {ms} ms |")));
}

#[test]
fn a_run_whose_question_is_answered_waits_to_be_resumed() {
    let test = Test::new().flow("f", "steps:\n  - {id: gate, ask: {question: \"Go on?\"}}\n  - {id: then, run: 'true'}\n");
    test.go(&["run", "f", "--run-id", "r"]).code(4);
    test.go(&["review", "answer", "r/gate-1", "--choose", "approve"]).code(0);
    let status = test.go(&["status", "r"]).code(0).stdout;
    assert!(status.contains("gate-1 was answered") && status.contains("the run waits to be resumed"), "{status}");
    assert!(status.contains("gate-1 is answered: go on with it\n    flow-studio resume r"), "{status}");
    let diagnosis = test.go(&["diagnose", "r"]).stdout;
    assert!(diagnosis.contains("answered approve to gate-1") && diagnosis.contains("flow-studio resume r"), "{diagnosis}");
    let json: Value = serde_json::from_str(&test.go(&["status", "r", "--json"]).stdout).unwrap();
    assert_eq!(json["answered"], "gate-1");
    test.go(&["resume", "r"]).code(0);
    assert!(!test.go(&["status", "r"]).code(0).stdout.contains("was answered"));
}

#[test]
fn a_report_names_the_other_flows_of_its_run() {
    let test = Test::new().flow("one", "steps:\n  - {id: a, run: 'true'}\n").flow("two", "steps:\n  - {id: b, run: 'false'}\n");
    test.go(&["run", "one", "--run-id", "r"]).code(0);
    assert!(!test.go(&["report", "r"]).stdout.contains("beside it"));
    test.go(&["run", "two", "--run-id", "r"]).code(1);
    let words = |flow: &str| test.go(&["report", "r", "--flow", flow]).code(0).stdout;
    assert!(words("two").contains("beside it in this run: `one`, succeeded; see [its own report](../one/report.md)"));
    assert!(words("one").contains("beside it in this run: `two`, failed"));
}
