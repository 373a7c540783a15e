//! What an on-call engineer reads, line by line, and types next: with the real program.

mod common;

use common::Test;

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
