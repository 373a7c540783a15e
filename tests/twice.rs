//! What is done once, is approved once, is taken back once: with the real program.

mod common;

use common::Test;

const FIXES: &str = r"
detours:
  - {id: fixit, when: {error: 'No module'}, steps: [{id: fix, run: 'touch fixed'}], verify: 'test -e fixed'}
";

#[test]
fn a_known_fix_repeats_nothing_that_may_run_once_only_and_uses_no_approval_again() {
    let inner = r#"
steps:
  - {id: i, run: 'echo "charge $EXECUTION" >> log', effects: once}
  - {id: j, run: 'test -e fixed || { echo "No module x" >&2; exit 1; }', effects: once}
"#;
    let test = Test::new().flow("o", "steps: [{id: sub, flow: inner}]").flow("inner", inner).file("flows/detours.yaml", FIXES);
    test.go(&["run", "o", "--run-id", "r"]).code(1);
    assert_eq!((test.text("log").as_str(), test.at("fixed").exists()), ("charge 1\n", false));

    let asks = r#"steps: [{id: b, run: 'test -e fixed || { echo "No module x" >&2; exit 1; }', approve: {question: do b?}}]"#;
    let test = Test::new().flow("asks", asks).file("flows/detours.yaml", FIXES);
    test.go(&["run", "asks", "--run-id", "r"]).code(4);
    test.go(&["review", "answer", "r/b-1", "--choose", "approve"]).code(0);
    test.go(&["resume", "r"]).code(4);
    assert!(test.go(&["review", "show", "r/b-2"]).code(0).stdout.contains("of its own for execution 2"));
    test.go(&["review", "answer", "r/b-2", "--choose", "approve"]).code(0);
    test.go(&["resume", "r"]).code(0);
    let by: Vec<_> =
        test.facts("r", "step_started").iter().filter_map(|fact| fact["approved_by"].as_str().map(str::to_owned)).collect();
    assert_eq!(by, ["b-1", "b-2"]);
}

#[test]
fn a_flow_that_took_itself_back_is_left_alone_and_what_is_advised_can_be_done() {
    let outer = r"
steps:
  - {id: a, run: 'true', undo: 'echo undo a >> log'}
  - {id: sub, flow: inner, on_failure: rollback}
";
    let inner = "steps: [{id: j, run: 'test -e there', undo: 'echo undo j >> log', on_failure: rollback}]";
    let test = Test::new().flow("outer", outer).flow("inner", inner);
    test.go(&["run", "outer", "--run-id", "o"]).code(1).says("retry o --flow outer --step a");
    assert_eq!(test.text("log"), "undo j\nundo a\n");
    test.go(&["retry", "o", "--flow", "outer.sub", "--step", "j"]).code(6).says("start at `outer/a`");
    for told in ["status", "diagnose"] {
        let told = test.go(&[told, "o"]).stdout;
        assert!(told.contains("retry o --flow outer --step a") && !told.contains("--step j"), "{told}");
    }
    test.write("there", "");
    test.go(&["retry", "o", "--flow", "outer", "--step", "a"]).code(0);
    assert_eq!(test.text("log"), "undo j\nundo a\n");
}

#[test]
fn an_undo_in_a_loop_knows_the_round_that_it_takes_back() {
    let flow = r#"
steps:
  - {id: w, run: 'true', undo: 'echo "w $ITERATION" >> log'}
  - {id: c, run: 'test $ITERATION = 2', loop: {to: w, max: 3}}
  - {id: z, run: exit 1, on_failure: rollback}
"#;
    let test = Test::new().flow("round", flow);
    test.go(&["run", "round", "--run-id", "r"]).code(1).says("rolled back (1 undone)");
    assert_eq!(test.text("log"), "w 2\n");

    // In the second round one fails before the other has begun: what that did, it did in the first.
    let flow = r#"
steps:
  - {id: v, run: 'test $ITERATION = 1', undo: 'echo "v $ITERATION" >> log', on_failure: rollback}
  - {id: w, run: 'true', undo: 'echo "w $ITERATION" >> log'}
  - {id: c, run: exit 1, loop: {to: v, max: 3}}
"#;
    let test = Test::new().flow("round", flow);
    test.go(&["run", "round", "--run-id", "r"]).code(1);
    assert_eq!(test.text("log"), "v 2\nw 1\n");
}

#[test]
fn an_undo_knows_the_round_of_what_was_done_and_not_of_what_was_refused() {
    let flow = r#"
steps:
  - {id: w, run: 'true', undo: 'echo "w $ITERATION" >> log', approve: {question: Go?}, on_failure: rollback}
  - {id: c, run: exit 1, loop: {to: w, max: 3}}
"#;
    let test = Test::new().flow("round", flow);
    test.go(&["run", "round", "--run-id", "r"]).code(4);
    test.go(&["review", "answer", "r/w-1", "--choose", "approve"]).code(0);
    test.go(&["resume", "r"]).code(4);
    test.go(&["review", "answer", "r/w-2", "--choose", "reject"]).code(0);
    test.go(&["resume", "r"]).code(1);
    assert_eq!(test.text("log"), "w 1\n");
}
