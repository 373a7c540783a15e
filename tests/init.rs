//! What a newcomer does first, with the real program: `init`, run, answer, resume, and the same through make.

use std::{
    ffi::OsStr,
    path::Path,
    process::{Command, Output},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_flow-studio");

fn command(dir: &Path, program: &str, args: &[impl AsRef<OsStr>]) -> Output {
    let mut command = Command::new(program);
    command.args(args).current_dir(dir).env("FLOW_STUDIO", PROGRAM).env("XDG_CONFIG_HOME", dir).env("FLOW_STUDIO_USER", "ada");
    // What this very test was started from must not be read by what it starts.
    for name in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL", "RUN_ID", "FLOW", "STEP", "PARAMS", "FLOW_STUDIO_RUNS", "FLOW_STUDIO_FLOWS"]
    {
        command.env_remove(name);
    }
    command.output().unwrap_or_else(|error| panic!("{program} cannot be run: {error}"))
}

/// Runs the program and wants this exit code; returns standard output.
fn ours(dir: &Path, args: &[&str], code: i32) -> String {
    let output = command(dir, PROGRAM, args);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
    out.into_owned()
}

/// Both streams, and whether make was content.
fn make(dir: &Path, args: &[&str]) -> (bool, String) {
    let output = command(dir, "make", args);
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

fn begun() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    ours(dir.path(), &["init", "--json"], 0);
    dir
}

#[test]
fn the_first_flow_runs_asks_and_goes_on() {
    let dir = begun();
    let dir = dir.path();
    ours(dir, &["validate", "--strict"], 0);
    ours(dir, &["run", "hello", "--param", "name=Ada", "--run-id", "first"], 4);
    let inbox = ours(dir, &["review", "list"], 0);
    let question = inbox.split_whitespace().next().unwrap();
    assert_eq!(question, "first/sign-off-1");
    ours(dir, &["review", "answer", question, "--choose", "perhaps"], 6);
    ours(dir, &["review", "answer", question, "--choose", "approve"], 0);
    ours(dir, &["resume", "first"], 0);
    ours(dir, &["verify", "first"], 0);
    let sent = std::fs::read_to_string(dir.join("run_base/first/hello/artifacts/greeting.txt")).unwrap();
    assert_eq!(sent, "Hello, Ada.\n");
    assert!(ours(dir, &["report", "first"], 0).contains("LOOP after critique"));
}

#[test]
fn the_first_flow_runs_without_a_person_too() {
    ours(begun().path(), &["run", "hello", "--param", "ask=false"], 0);
}

#[test]
fn doctor_is_content_with_what_init_made_and_names_a_broken_flow() {
    let dir = begun();
    let report: serde_json::Value = serde_json::from_str(&ours(dir.path(), &["doctor", "--json"], 0)).unwrap();
    assert_eq!(report["bad"], 0, "{report:#}");
    std::fs::write(dir.path().join("flows/broken.yaml"), "flow: broken\nstep: []\n").unwrap();
    let report: serde_json::Value = serde_json::from_str(&ours(dir.path(), &["doctor", "--json"], 3)).unwrap();
    let lines = report["lines"].as_array().unwrap();
    let line = lines.iter().find(|line| line["what"] == "validate").unwrap();
    assert!(line["level"] == "bad" && line["found"].as_str().unwrap().contains("broken"), "{line}");
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|item| item.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("doctor")), "{left:?}");
}

#[test]
fn make_runs_resumes_retries_and_answers() {
    let dir = begun();
    let dir = dir.path();
    let (_, help) = make(dir, &[]);
    assert!(help.contains("hello  Greet somebody, politely"), "{help}");
    let (fine, text) = make(dir, &["stepwise-hello", "RUN_ID=x", "PARAMS=name='Ada Lovelace' ask=true"]);
    // A run that waits is no error of make's.
    assert!(fine && text.contains("Send this greeting to Ada Lovelace?"), "{text}");
    let (fine, text) = make(dir, &["stepwise-status", "RUN_ID=x"]);
    assert!(fine && text.contains("sign-off-1"), "{text}");
    let (fine, text) = make(dir, &["stepwise-review"]);
    assert!(fine && text.contains("x/sign-off-1"), "{text}");
    let (fine, text) = make(dir, &["stepwise-hello", "RUN_ID=x", "START_STEP=critique"]);
    assert!(fine && text.contains("sign-off-2"), "{text}");
    let (fine, text) = make(dir, &["stepwise-hello", "RUN_ID=x", "START_STEP=critique", "PARAMS=name=Bob"]);
    assert!(!fine && text.contains("keeps its parameters"), "{text}");
    let (fine, text) = make(dir, &["stepwise-review", "ID=x/sign-off-2", "CHOOSE=approve", "NOTE=it's fine"]);
    assert!(fine, "{text}");
    let (fine, text) = make(dir, &["stepwise-resume", "RUN_ID=x"]);
    assert!(fine && text.contains("succeeded"), "{text}");
    let (fine, text) = make(dir, &["stepwise-retry", "RUN_ID=x", "STEP=draft", "JOBS=3"]);
    assert!(fine && text.contains("sign-off-3"), "{text}");
    let (fine, text) = make(dir, &["stepwise-diagnose", "RUN_ID=x"]);
    assert!(fine && text.contains("the chain holds"), "{text}");
    for targets in
        [["stepwise-hello", "START_STEP=draft"], ["stepwise-resume", "START_STEP=draft"], ["stepwise-retry", "STEP=draft"]]
    {
        let (fine, text) = make(dir, &[targets[0], targets[1], "RUN_ID=x", "JOBS=many"]);
        assert!(!fine && text.contains("'many' for '--jobs"), "{targets:?}: {text}");
    }
    let (fine, text) = make(dir, &["stepwise-hello", "RUN_ID=y", "JOBS=0"]);
    assert!(!fine && text.contains("--jobs"), "{text}");
    for (target, says) in
        [("stepwise-resume", "which run?"), ("stepwise-retry", "which step"), ("stepwise-nope", "no flow `nope`")]
    {
        let (fine, text) = make(dir, &[target]);
        assert!(!fine && text.contains(says), "{target}: {text}");
    }
}

/// Arrow-up and return is no wish.
#[test]
fn make_starts_a_flow_over_only_if_it_is_told_to() {
    let dir = begun();
    let dir = dir.path();
    let line = ["stepwise-hello", "RUN_ID=x", "PARAMS=ask=false"];
    let (fine, text) = make(dir, &line);
    assert!(fine && text.contains("succeeded"), "{text}");
    let (fine, text) = make(dir, &line);
    assert!(!fine && text.contains("has ended in run `x`: it succeeded at"), "{text}");
    let (fine, text) = make(dir, &[&line[..], &["AGAIN=1"]].concat());
    assert!(fine && text.contains("starts over (start 2)"), "{text}");
    for (word, says) in [("AGAIN=0", "AGAIN=1, or leave it out"), ("AGAIN=$(touch pwned)", "AGAIN=1, or leave it out")] {
        let (fine, text) = make(dir, &[&line[..], &[word]].concat());
        assert!(!fine && text.contains(says) && !dir.join("pwned").exists(), "{text}");
    }
    let (fine, text) = make(dir, &[&line[..], &["AGAIN=1", "START_STEP=draft"]].concat());
    assert!(!fine && text.contains("not both"), "{text}");
}

/// Neither make nor a shell sees anything in a value but letters.
#[test]
fn nothing_in_a_make_variable_is_executed() {
    let dir = begun();
    let dir = dir.path();
    for value in
        ["$(shell touch pwned)", "$(touch pwned)", "`touch pwned`", "'; touch pwned; '", "$$(touch pwned)", "${x:=pwned}"]
    {
        for name in ["RUN_ID", "START_STEP", "PARAMS", "JOBS", "ID", "CHOOSE", "NOTE"] {
            make(dir, &["stepwise-hello", &format!("{name}={value}")]);
            make(dir, &["stepwise-review", &format!("{name}={value}")]);
        }
        let quoted = format!("PARAMS=ask=false name=\"{}\"", value.replace('"', ""));
        make(dir, &["stepwise-hello", &quoted]);
    }
    assert!(!dir.join("pwned").exists());
}
