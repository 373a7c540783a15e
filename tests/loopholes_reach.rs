//! Ways around the promises that somebody found, each closed: what `--only`, a time limit and an answer reach.

mod common;

use std::fs;

use common::Test;

#[test]
fn only_a_step_of_an_inner_flow_is_only_that_step() {
    let outer = "steps: [{id: s, flow: inner}, {id: b, run: 'echo \"b $EXECUTION\" >> log', effects: once}]";
    let test = Test::new().flow("inner", "steps: [{id: i, run: 'echo i >> log'}]").flow("outer", outer);
    test.go(&["run", "outer", "--run-id", "p"]).code(0);
    let again = test.go(&["retry", "p", "--flow", "outer.s", "--step", "i", "--only"]);
    assert_eq!((again.code, test.text("log").as_str()), (Some(0), "i\nb 1\ni\n"), "{}", again.stderr);
    let again = test.go(&["resume", "p", "--flow", "outer.s", "--from", "i"]);
    // The flow that was frozen is the outer one, and nobody changed it.
    assert!(!again.stderr.contains("was changed"), "{}", again.stderr);
    test.flow_again("inner", "steps: [{id: i, run: 'echo new >> log'}]");
    test.go(&["resume", "p", "--flow", "outer.s", "--from", "i"]).says("flow `outer` was changed");
}

#[test]
fn a_flow_inside_has_the_time_that_its_step_gives_it() {
    let outer = |timeout: &str| format!("steps:\n  - id: a\n    flow: inner{timeout}\n");
    let test = Test::new().flow("own", &outer("\n    timeout: 300ms"));
    let test = test.flow("inner", "steps: [{id: i, run: sleep 30}, {id: j, run: touch late}]");
    // What holds for each step is not meant for all of them together.
    let test = test.flow("default", &format!("defaults: {{timeout: 300ms}}\n{}", outer("").replace("inner", "longer")));
    let test = test.flow("longer", "steps: [{id: i, run: sleep 0.4}]");
    test.go(&["run", "default", "--run-id", "default"]).code(0);
    {
        let flow = "own";
        test.go(&["run", flow, "--run-id", flow]).code(1).says("was not done after 0.3 s of running time");
        let base = test.run_base(flow);
        let read = |path: &str| fs::read_to_string(base.join(path)).unwrap();
        let receipt: serde_json::Value = serde_json::from_str(&read(&format!("{flow}/receipts/a-builtin.json"))).unwrap();
        assert_eq!((receipt["status"].as_str(), receipt["error_detail"]["kind"].as_str()), (Some("failed"), Some("timeout")));
        let line: serde_json::Value = serde_json::from_str(read(&format!("{flow}/timeouts.jsonl")).trim()).unwrap();
        assert_eq!((line["step_id"].as_str(), line["timeout_ms"].as_u64()), (Some("a"), Some(300)));
        assert!(read(&format!("{flow}.a/receipts/i-shell.json")).contains("\"interrupted\""));
        assert!(!test.at("late").exists());
        test.go(&["verify", flow]).code(0);
    }
}

#[test]
fn what_a_person_writes_with_a_skip_or_a_go_on_reaches_what_comes_next() {
    let flow = r#"
steps:
  - {id: f, run: 'exit 1', on_failure: escalate}
  - {id: g, run: 'echo "g $NOTE" >> log'}
  - {id: e, run: 'true', escalate: {when: step.passed, question: 'Well?'}}
  - {id: h, flow: inner}
  - {id: last, run: 'echo "last ${NOTE:-}" >> log'}
"#;
    let test = Test::new().flow("notes", flow).flow("inner", "steps: [{id: i, run: 'echo \"i $NOTE\" >> log'}]");
    test.go(&["run", "notes", "--run-id", "n"]).code(4);
    test.go(&["review", "answer", "n/f-1", "--choose", "skip", "--note", "not needed"]).code(0);
    test.go(&["resume", "n"]).code(4);
    test.go(&["review", "answer", "n/e-1", "--choose", "approve", "--note", "as it is"]).code(0);
    let went = test.go(&["resume", "n"]);
    assert_eq!(went.code, Some(0), "{}", went.stderr);
    assert_eq!(test.text("log"), "g not needed\ni as it is\nlast \n");
}

#[test]
fn a_step_that_was_skipped_by_hand_stands_in_the_decisions_and_as_a_warning() {
    let flow = "steps: [{id: f, run: 'exit 1', on_failure: escalate}, {id: g, run: 'true'}]";
    let test = Test::new().flow("skips", flow);
    test.go(&["run", "skips", "--run-id", "n"]).code(4);
    test.go(&["review", "answer", "n/f-1", "--choose", "skip", "--as", "ann"]).code(0);
    test.go(&["resume", "n"]).code(0).says("f: ann chose skip");
    let decisions = fs::read_to_string(test.run_base("n").join("skips/routing/decisions.jsonl")).unwrap();
    let by: Vec<(String, String)> = decisions
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|line| (line["decision"].as_str().unwrap().to_owned(), line["by"].as_str().unwrap().to_owned()))
        .collect();
    let by: Vec<(&str, &str)> = by.iter().map(|(decision, by)| (decision.as_str(), by.as_str())).collect();
    assert_eq!(by, [("ESCALATE", "kernel"), ("CONTINUE", "human:ann"), ("TERMINATE", "kernel")]);
    test.go(&["verify", "n"]).code(0);
}

const CHANGE: &str = "
steps:
  - {id: config, run: echo new > conf, undo: echo old > conf}
  - {id: apply, run: echo on > live, undo: ./off.sh --now || echo off > live}
  - {id: smoke, run: 'exit 3', on_failure: escalate}
";

#[test]
fn a_person_has_taken_back_what_a_flow_did() {
    let test = Test::new().flow("change", CHANGE);
    test.go(&["run", "change", "--run-id", "c"]).code(4).says("retry|skip|mark-done|rollback|abort");
    let shown = test.go(&["review", "show", "c/smoke-1"]);
    assert!(shown.stdout.contains("takes back 2 steps in reverse: apply, config; then the flow ends failed"), "{}", shown.stdout);
    test.go(&["review", "answer", "c/smoke-1", "--choose", "rollback", "--note", "it is red", "--as", "ann"]).code(0);
    let ended = test.go(&["resume", "c"]);
    assert_eq!((ended.code, test.text("live"), test.text("conf")), (Some(1), "off\n".into(), "old\n".into()), "{}", ended.stderr);
    let decisions = fs::read_to_string(test.run_base("c").join("change/routing/decisions.jsonl")).unwrap();
    let last: serde_json::Value = serde_json::from_str(decisions.lines().last().unwrap()).unwrap();
    assert_eq!((&last["decision"], &last["by"], &last["step_id"]), (&"TERMINATE".into(), &"human:ann".into(), &"smoke".into()));
    let status = test.go(&["status", "c"]);
    assert!(!status.stdout.contains("in force"), "{}", status.stdout);
    test.go(&["verify", "c"]).code(0);
}

#[test]
fn what_stays_in_force_is_said_where_a_run_ends_without_success() {
    let test = Test::new().flow("change", CHANGE);
    test.go(&["run", "change", "--run-id", "c"]).code(4);
    let line = "still in force: config (undo: echo old > conf), apply (undo: ./off.sh --now || echo off > live)";
    let cancel = test.go(&["cancel", "c"]);
    assert!(cancel.stdout.contains(line), "{}", cancel.stdout);
    for args in [["status", "c"], ["report", "c"]] {
        let said = test.go(&args);
        assert!(said.stdout.replace('\\', "").contains(line), "{}", said.stdout);
    }
    let status: serde_json::Value = serde_json::from_str(&test.go(&["status", "c", "--json"]).stdout).unwrap();
    assert_eq!((&status["in_force"][1]["step_id"], &status["in_force"][1]["flow_path"]), (&"apply".into(), &"change".into()));
    test.go(&["run", "change", "--run-id", "d"]).code(4);
    let cancel: serde_json::Value = serde_json::from_str(&test.go(&["cancel", "d", "--json"]).stdout).unwrap();
    assert_eq!(cancel["in_force"].as_array().map(Vec::len), Some(2), "{cancel}");
}

#[test]
fn a_flow_that_is_not_done_says_what_to_type_next() {
    let test = Test::new().flow("asked", "steps: [{id: a, run: 'true'}]\ndone: [{id: up, ask: {question: Up?}}]");
    test.go(&["run", "asked", "--run-id", "c"]).code(4);
    test.go(&["review", "answer", "c/up-1", "--choose", "reject"]).code(0);
    let again = test.go(&["resume", "c"]);
    assert!(format!("{}{}", again.stdout, again.stderr).contains("next     "), "{}{}", again.stdout, again.stderr);
    let status = test.go(&["status", "c"]);
    assert!(status.stdout.contains("retry c --flow asked --step a"), "{}", status.stdout);
    test.go(&["retry", "c", "--flow", "asked", "--step", "a"]).code(4);
}
