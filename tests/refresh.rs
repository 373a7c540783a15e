//! `resume --refresh` with the real program: once-only work, rollbacks, and receipts that each have a name of their own.

mod common;

use common::Test;

fn log(test: &Test) -> String {
    test.text("log").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_finished_once_only_step_inside_is_not_run_again() {
    let outer = "steps: [{id: sub, flow: inner}, {id: z, run: 'echo z', expect: {exit: 0}}]";
    let inner = r#"steps:
  - {id: i, run: 'echo "charge-$EXECUTION" >> log', effects: once, expect: {exit: 0}}
  - {id: q, ask: {question: "Go on?"}}
"#;
    let test = Test::new().flow("o", outer).flow("inner", inner);
    test.go(&["run", "o", "--run-id", "o-1"]).code(4);
    let test = test.flow("o", &outer.replace("echo z", "echo zz"));
    test.go(&["resume", "o-1", "--refresh"]).code(4);
    assert_eq!(log(&test), "charge-1");
    // Changed itself, it waits for a word.
    let test = test.flow("inner", &inner.replace("charge-", "charged-"));
    test.go(&["resume", "o-1", "--refresh"]).code(4);
    assert_eq!(log(&test), "charge-1");
    let asked = test.go(&["review", "show", "o-1/o.sub.i-1"]).code(0).stdout;
    assert!(asked.contains("i has run, and it must not be repeated without your word"), "{asked}");
    test.go(&["review", "answer", "o-1/o.sub.i-1", "--choose", "retry"]).code(0);
    test.go(&["resume", "o-1"]).code(4);
    assert_eq!(log(&test), "charge-1 charged-2");
    test.go(&["verify", "o-1"]).code(0);
}

#[test]
fn what_a_rollback_took_back_is_done_again() {
    let flow = "
steps:
  - {id: a, run: echo up >> log, undo: echo down >> log}
  - {id: b, run: 'echo b >> log; exit 1', on_failure: rollback}
  - {id: c, run: echo c >> log}
";
    let test = Test::new().flow("b", flow);
    test.go(&["run", "b", "--run-id", "b-1"]).code(1);
    let test = test.flow("b", &flow.replace("exit 1", "exit 0"));
    test.go(&["resume", "b-1", "--refresh"]).code(0);
    assert_eq!(log(&test), "up b down up b c");
}

#[test]
fn no_receipt_is_written_over() {
    let flow = r#"steps: [{id: s, for_each: "['a','b']", run: 'test "$ITEM" = a'}]"#;
    let test = Test::new().flow("f", flow);
    test.go(&["run", "f", "--run-id", "f-1"]).code(1);
    test.go(&["retry", "f-1", "--step", "s[b]"]).code(1);
    let test = test.flow("f", &flow.replace("test \"$ITEM\" = a", "true"));
    test.go(&["resume", "f-1", "--refresh"]).code(0);
    test.go(&["verify", "f-1"]).code(0);

    let test = Test::new().flow("p", "steps: [{id: p, run: cat list}, {id: s, for_each: steps.p.json, run: echo $ITEM}]");
    test.write("list", r#"["a","b"]"#);
    test.go(&["run", "p", "--run-id", "p-1"]).code(0);
    for list in [r#"["b"]"#, r#"["a","b"]"#] {
        test.write("list", list);
        test.go(&["retry", "p-1", "--step", "p"]).code(0);
    }
    test.go(&["verify", "p-1"]).code(0);
    let receipts = test.run_base("p-1").join("p/receipts");
    assert!(receipts.join("s[b]-shell.2.json").exists() && !receipts.join("s[a]-shell.2.json").exists());
}
