//! The world of the runbook `change`: an account in files, a stand-in for the command that reaches it, and how a run is driven.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::Value;

use super::common::{Ran, Test};

pub const CONF: &str = "profile = outside profile\nlive = cat cloud/live\nsources = cat cloud/sources\nothers = cat cloud/others\n\
    value = cat cloud/live\ntry = outside try\ntell = outside tell\napply = outside apply\nundo = outside undo\n\
    smoke = outside smoke\narrived = outside arrived\n";

/// A stand-in for the command of a provider. Files say how it misbehaves: `broken`, `bleeds`, `lost`, `bad-key`, `meddles-…`.
pub const OUTSIDE: &str = r#"#!/bin/sh
set -eu
# Somebody edits what was approved, while this is done.
meddle() {
    if [ -e "meddles-$1" ]; then
        rm "meddles-$1"
        sed -i.was 's/^undo = .*/undo = true/' "$ARTIFACTS/commands.conf"
    fi
}
case $1 in
    profile) cat cloud/profile ;;
    try) test ! -e bad-key ;;
    tell) echo "$PARAM_SUMMARY" >> cloud/told ;;
    apply)
        echo x >> cloud/applied
        cp cloud/live cloud/kept
        printf '%s\n' "$PARAM_TARGET" > cloud/live
        cp cloud/live cloud/sources
        if [ -e bleeds ]; then mv bleeds cloud/bled; cp cloud/others cloud/others.kept; echo moved >> cloud/others; fi
        meddle apply ;;
    undo)
        cp cloud/kept cloud/live; cp cloud/kept cloud/sources
        if [ -e cloud/others.kept ]; then cp cloud/others.kept cloud/others; fi ;;
    smoke)
        meddle smoke
        if [ -e broken ]; then echo "status 500" >&2; exit 1; fi
        # Known lag: the first look comes too early.
        if [ ! -e cloud/looked ]; then : > cloud/looked; echo "not yet" >&2; exit 1; fi ;;
    arrived)
        if [ -e lost ]; then echo "nothing in the box" >&2; exit 1; fi
        # Mail takes its time: the first look comes too early.
        mkdir -p "$STEP_DIR"
        if [ ! -e "$STEP_DIR/seen" ]; then : > "$STEP_DIR/seen"; exit 1; fi ;;
esac
"#;

pub fn test() -> Test {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let test = Test::new();
    let flow = fs::read_to_string(shipped.join("change.yaml")).unwrap();
    // The shipped waits, in milliseconds; everything else as it is.
    let quick =
        flow.replace("{every: 5s, for: 2m}", "{every: 5ms, for: 4s}").replace("{every: 30s, for: 15m}", "{every: 5ms, for: 4s}");
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

pub const COMMON: [&str; 9] = [
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

pub fn args(kind: &str) -> Vec<String> {
    COMMON.iter().map(|one| (*one).to_owned()).chain([format!("--param=change={kind}")]).collect()
}

pub fn run(test: &Test, kind: &str) -> Ran {
    let args = args(kind);
    test.go(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

pub fn answer(test: &Test, id: &str, choice: &str) {
    test.go(&["review", "answer", id, "--choose", choice, "--note", "seen"]);
}

#[track_caller]
pub fn as_before(test: &Test) {
    let now = ["live", "sources", "others"].map(|name| test.text(&format!("cloud/{name}")));
    assert_eq!(now, ["old\n", "old\n", "theirs\n"]);
}

pub const COPY: &str = "run_base/r/change/artifacts/commands.conf";

/// The names of the steps that really ran.
pub fn ran(test: &Test) -> Vec<String> {
    test.facts("r", "step_started").iter().map(|fact| fact["at"]["step"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The steps of questions that were raised.
pub fn asked(test: &Test) -> Vec<String> {
    let step = |fact: &Value| fact["question"]["step_id"].as_str().unwrap_or_default().to_owned();
    test.facts("r", "escalation_raised").iter().map(step).collect()
}

/// Says yes, or gives what is asked for, until nobody is asked.
pub fn yes_to_all(test: &Test) {
    while test.manifest("r")["status"] == "waiting" {
        let listed = test.go(&["review", "list", "--run", "r", "--json"]).json();
        for one in listed["waiting"].as_array().unwrap() {
            agree(test, one["id"].as_str().unwrap(), one["step"].as_str().unwrap());
        }
        test.go(&["resume", "r"]);
    }
}

pub fn agree(test: &Test, id: &str, step: &str) {
    let mut args = vec!["review", "answer", id, "--note", "seen", "--choose"];
    args.extend(if step == "records" { &["answer", "--set", "ids=second", "--set", "record=book"][..] } else { &["approve"] });
    test.go(&args).code(0);
}
