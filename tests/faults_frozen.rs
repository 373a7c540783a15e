//! What defined a flow, and what follows from the journal, damaged: what a power failure leaves is made whole, what somebody wrote is
//! refused.

mod common;

use std::{fs, path::PathBuf};

use common::{Test, waiting};

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

/// Only Linux says which start of the machine it is.
#[cfg(target_os = "linux")]
#[test]
fn what_a_power_failure_took_of_a_runs_files_is_there_again_when_it_goes_on() {
    let test = waiting();
    let mut manifest = test.manifest("r");
    assert!(manifest["boot_id"].is_string(), "{manifest:#}");
    let receipt = test.text("run_base/r/three/receipts/one-shell.json");
    let decisions = test.text("run_base/r/three/routing/decisions.jsonl");
    test.write("run_base/r/three/receipts/one-shell.json", "");
    test.write("run_base/r/three/routing/decisions.jsonl", &decisions[..decisions.len() / 2]);
    manifest["boot_id"] = "00000000-0000-0000-0000-000000000000".into();
    test.write("run_base/r/run.json", &manifest.to_string());
    test.go(&["review", "answer", "r/ask-me-1", "--choose", "approve"]).code(0);
    assert_eq!(test.text("run_base/r/three/receipts/one-shell.json"), receipt);
    assert!(test.text("run_base/r/three/routing/decisions.jsonl").starts_with(&decisions));
    test.go(&["verify", "r"]).code(0);
    assert_ne!(test.manifest("r")["boot_id"], manifest["boot_id"]);
}

fn acts(act: &str) -> String {
    format!("steps: [{{id: a, run: 'test -e there'}}, {{id: b, run: echo {act} >> ran}}]")
}

#[test]
fn a_refresh_that_is_refused_leaves_nothing() {
    let test = Test::new().flow("f", &acts("one"));
    test.go(&["run", "f", "--run-id", "r"]).code(1);
    let frozen = |name: &str| test.every_file(&format!("run_base/r/{name}"));
    let (files, lines) = (frozen("frozen"), test.text("run_base/r/frozen.jsonl"));
    test.flow_again("f", &acts("two"));
    for _ in 0..2 {
        test.go(&["resume", "r", "--refresh", "--from", "typo"]).code(2);
        assert!(
            frozen("frozen") == files && test.text("run_base/r/frozen.jsonl") == lines,
            "{}",
            test.text("run_base/r/frozen.jsonl")
        );
    }
    test.go(&["verify", "r"]).code(0);
}

#[test]
fn refreshes_and_starts_of_one_flow_do_not_get_into_each_others_way() {
    let test = Test::new().flow("f", &acts("one"));
    let verified = || drop(test.go(&["verify", "r"]).code(0));
    test.go(&["run", "f", "--run-id", "r"]).code(1);
    for act in ["two", "three"] {
        test.flow_again("f", &acts(act));
        test.go(&["resume", "r", "--refresh", "--from", "typo"]).code(2);
        test.go(&["resume", "r", "--refresh", "--from", "a"]).code(1);
        verified();
    }
    test.write("there", "");
    test.go(&["resume", "r", "--from", "a"]).code(0);
    verified();
    // It has ended, and starts over: as it was never defined before, and as it once was.
    for act in ["four", "two", "one"] {
        test.flow_again("f", &acts(act));
        test.go(&["run", "f", "--run-id", "r", "--again"]).code(0);
        verified();
    }
    assert_eq!(test.text("ran"), "three\nfour\ntwo\none\n");
    fs::remove_dir_all(test.run_base("r").join("frozen")).expect("removed");
    test.go(&["verify", "r", "--repair"]).code(0);
    verified();
    test.go(&["status", "r"]).code(0);
}
