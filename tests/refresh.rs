//! `resume --refresh` with the real program: once-only work, rollbacks, and receipts that each have a name of their own.

mod common;

use common::Test;

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
