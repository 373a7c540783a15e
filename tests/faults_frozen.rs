//! What defined a flow, damaged: what a power failure leaves is made whole, what somebody wrote is refused.

mod common;

use std::{fs, path::PathBuf};

use common::waiting;

#[test]
fn a_frozen_flow_that_was_changed_is_not_run() {
    let test = waiting();
    let frozen: Vec<PathBuf> = test.every_file("run_base/r/frozen").into_iter().map(|(path, _)| path).collect();
    let flow = frozen.iter().find(|path| path.ends_with("three.yaml")).expect("the frozen flow");
    let text = fs::read_to_string(flow).expect("the frozen flow").replace("echo three", "echo evil");
    fs::remove_file(flow).expect("removed");
    fs::write(flow, text).expect("written");
    test.go(&["verify", "r"]).code(7);
    test.go(&["resume", "r"]).code(7).says("frozen");
    test.go(&["review", "answer", "r/ask-me-1", "--choose", "approve"]).code(7);
    assert_eq!(test.text("ran"), "one\ntwo\n");
}

#[test]
fn a_frozen_flow_that_a_power_failure_took_is_still_the_one_that_runs() {
    let test = waiting();
    fs::remove_dir_all(test.run_base("r").join("frozen")).expect("removed");
    test.write("flows/three.yaml", "flow: three\nsteps:\n  - {id: one, run: 'echo evil >> ran'}\n");
    assert_eq!(test.verified(7)["findings"][0]["path"], "frozen/three");
    test.go(&["review", "answer", "r/ask-me-1", "--choose", "approve"]).code(0);
    test.go(&["resume", "r"]).code(0);
    assert_eq!(test.text("ran"), "one\ntwo\nthree\n");
    test.go(&["verify", "r", "--repair"]).code(0);
    test.go(&["verify", "r"]).code(0);
}
