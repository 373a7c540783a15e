//! The runbook `change` with the real program. The outer systems are stand-ins: shell scripts on PATH that keep the state of
//! an account in files and behave like commands that reach a real one.

mod common;

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use common::{Fence, Ran, Test, await_word, let_go};

const CONF: &str = "profile = outside profile\nlive = cat cloud/live\nsources = cat cloud/sources\nothers = cat cloud/others\n\
    value = cat cloud/live\ntry = outside try\ntell = outside tell\napply = outside apply\nundo = outside undo\n\
    smoke = outside smoke\narrived = outside arrived\n";

/// A stand-in for the command of a provider. Files say how it misbehaves: `broken`, `bleeds`, `gate`.
const OUTSIDE: &str = r#"#!/bin/sh
set -eu
case $1 in
    profile) cat cloud/profile ;;
    try) echo tried ;;
    tell) echo "$PARAM_SUMMARY" >> cloud/told ;;
    apply)
        echo x >> cloud/applied
        cp cloud/live cloud/kept
        printf '%s\n' "$PARAM_TARGET" > cloud/live
        cp cloud/live cloud/sources
        if [ -e bleeds ]; then mv bleeds cloud/bled; cp cloud/others cloud/others.kept; echo moved >> cloud/others; fi
        if [ -p apply-gate ]; then echo at > at-it; cat apply-gate > /dev/null; fi ;;
    undo)
        cp cloud/kept cloud/live; cp cloud/kept cloud/sources
        if [ -e cloud/others.kept ]; then cp cloud/others.kept cloud/others; fi ;;
    smoke)
        if [ -p smoke-gate ]; then echo at > at-it; cat smoke-gate > /dev/null; fi
        if [ -e broken ]; then echo "status 500" >&2; exit 1; fi
        # Known lag: the first look comes too early.
        if [ ! -e cloud/looked ]; then : > cloud/looked; echo "not yet" >&2; exit 1; fi ;;
    arrived) [ ! -e lost ] ;;
esac
"#;

fn test() -> Test {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let test = Test::new();
    let flow = fs::read_to_string(shipped.join("change.yaml")).unwrap();
    // The shipped waits, in milliseconds; everything else as it is.
    let quick = flow
        .replace("{every: 5s, for: 2m}", "{every: 5ms, for: 400ms}")
        .replace("{every: 30s, for: 15m}", "{every: 5ms, for: 50ms}");
    assert_ne!(flow, quick);
    test.write("flows/change.yaml", &quick);
    for part in ["scripts", "templates", "data"] {
        std::os::unix::fs::symlink(shipped.join(part), test.at("flows").join(part)).unwrap();
    }
    let path = format!("{}:{}", test.at("bin").display(), std::env::var("PATH").unwrap());
    let test = test.env("PATH", &path).file("operations.conf", CONF).file("bin/outside", OUTSIDE);
    fs::set_permissions(test.at("bin/outside"), fs::Permissions::from_mode(0o755)).unwrap();
    test.file("cloud/live", "old\n")
        .file("cloud/sources", "old\n")
        .file("cloud/others", "theirs\n")
        .file("cloud/profile", "{\"active\": \"acme\"}\n")
}

const COMMON: [&str; 9] = [
    "run",
    "change",
    "--run-id",
    "r",
    "--param=client=acme",
    "--param=scope=front",
    "--param=target=new",
    "--param=summary=Another one",
    "--param=rollback=undo",
];

fn args(kind: &str) -> Vec<String> {
    COMMON.iter().map(|one| (*one).to_owned()).chain([format!("--param=change={kind}")]).collect()
}

fn run(test: &Test, kind: &str) -> Ran {
    let args = args(kind);
    test.go(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

fn answer(test: &Test, id: &str, choice: &str) {
    test.go(&["review", "answer", id, "--choose", choice, "--note", "seen"]);
}

#[track_caller]
fn as_before(test: &Test) {
    let now = ["live", "sources", "others"].map(|name| test.text(&format!("cloud/{name}")));
    assert_eq!(now, ["old\n", "old\n", "theirs\n"]);
}

#[test]
fn what_callers_notice_is_approved_applied_tried_and_written_down() {
    let test = test();
    run(&test, "hold-music").code(4);
    as_before(&test);
    answer(&test, "r/apply-1", "approve");
    test.go(&["resume", "r"]);
    assert_eq!(test.manifest("r")["status"], "succeeded");
    assert_eq!(
        (test.text("cloud/live"), test.text("cloud/others"), test.text("cloud/applied")),
        ("new\n".into(), "theirs\n".into(), "x\n".into())
    );
    let entry = test.text("run_base/r/change/artifacts/changelog.md");
    assert!(entry.contains("## Another one") && entry.contains("by a person"), "{entry}");
    assert!(test.at("cloud/looked").exists(), "the lag was met");
    assert!(!test.at("cloud/told").exists());
}

#[test]
fn what_callers_do_not_notice_is_told_and_not_asked() {
    let test = test();
    run(&test, "notice-off").code(0);
    assert_eq!(test.text("cloud/told"), "Another one\n");
}

#[test]
fn a_refused_approval_touches_nothing() {
    let test = test();
    run(&test, "hold-music").code(4);
    answer(&test, "r/apply-1", "reject");
    test.go(&["resume", "r"]);
    as_before(&test);
    assert!(!test.at("cloud/applied").exists());
}

#[test]
fn a_failing_smoke_test_restores_every_byte() {
    let test = test().file("broken", "");
    run(&test, "notice-off").code(1).says("rolled back");
    assert_eq!(test.text("cloud/applied"), "x\n", "it was applied before");
    as_before(&test);
}

#[test]
fn another_account_that_moved_is_taken_back() {
    let test = test().file("bleeds", "");
    run(&test, "notice-off").code(1).says("rolled back");
    assert!(test.at("cloud/bled").exists());
    as_before(&test);
}

#[test]
fn the_wrong_account_and_what_is_no_change_stop_before_anything() {
    let test = test().file("cloud/profile", "{\"active\": \"else\"}\n");
    run(&test, "notice-off").code(1);
    assert!(!test.at("cloud/applied").exists());
    let test = self::test();
    run(&test, "move-account").code(1);
    assert!(!test.at("cloud/applied").exists());
}

fn killed_at(gate: &str) -> Test {
    let test = test().fifo(gate).fifo("at-it");
    let args = args("notice-off");
    let (fence, live) = Fence::around(&test, &args.iter().map(String::as_str).collect::<Vec<_>>());
    await_word(&test.at("at-it"));
    live.kill();
    let_go(&test.at(gate));
    fence.all_gone();
    fs::remove_file(test.at(gate)).unwrap();
    test
}

#[test]
fn a_kill_while_it_is_applied_asks_before_it_is_applied_again() {
    let test = killed_at("apply-gate");
    test.go(&["resume", "r"]).code(4);
    assert_eq!(test.text("cloud/applied"), "x\n");
    answer(&test, "r/apply-1", "mark-done");
    test.go(&["resume", "r"]);
    assert_eq!(test.manifest("r")["status"], "succeeded");
    assert_eq!(test.text("cloud/applied"), "x\n");
}

#[test]
fn a_kill_in_the_smoke_test_tries_again_and_applies_nothing() {
    let test = killed_at("smoke-gate");
    test.go(&["resume", "r"]).code(0);
    assert_eq!((test.text("cloud/applied"), test.text("cloud/live")), ("x\n".into(), "new\n".into()));
}
