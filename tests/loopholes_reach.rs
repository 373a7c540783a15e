//! Ways around the promises that somebody found, each closed: what `--only`, a time limit and an answer reach.

mod common;

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
