//! Steps that promise to change nothing, or to talk to nobody, are held to it by the machine's kernel.
//! In: flows whose steps try everything they can. Out: what became of the files around them, and what they were told.
//! Never: a step's own word on whether it was stopped.

mod common;

use std::{fs, os::unix::fs::PermissionsExt as _};

use common::Test;
use serde_json::json;

/// A workspace with something in it that an observer must not touch.
fn test(script: &str, keys: &str) -> Test {
    let script: String = script.lines().map(|line| format!("      {line}\n")).collect();
    let test = Test::new()
        .file("data/kept", "as it was\n")
        .flow("look", &format!("steps:\n  - id: look\n    run: |\n{script}    expect: {{exit: 0}}\n{keys}"));
    fs::set_permissions(test.at("data/kept"), fs::Permissions::from_mode(0o640)).unwrap();
    test
}

fn observer(script: &str) -> Test {
    test(script, "    access: observe\n")
}

/// Everything below `data/`, with contents, modes and times.
fn state(test: &Test) -> Vec<String> {
    let mut found: Vec<String> = fs::read_dir(test.at("data"))
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let meta = entry.metadata().unwrap();
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            format!("{} {:o} {:?} {text}", entry.file_name().display(), meta.permissions().mode(), meta.modified().unwrap())
        })
        .collect();
    found.sort();
    found
}

fn receipt(test: &Test) -> serde_json::Value {
    test.json("run_base/r/look/receipts/look-shell.json")
}

#[track_caller]
fn denied(script: &str) {
    let test = observer(script);
    let before = state(&test);
    let ran = test.go(&["run", "look", "--run-id", "r"]).code(1);
    assert_eq!(state(&test), before, "{script}\n{}", ran.stderr);
    let receipt = receipt(&test);
    assert_eq!(receipt["sandbox"]["requested"], "observe");
    assert!(receipt["sandbox"]["enforced"].as_str().unwrap().starts_with("landlock "), "{receipt}");
    let error = receipt["error"].as_str().unwrap();
    assert!(error.contains("`access: observe` lets the step write in $STEP_DIR and $TMPDIR"), "{script}: {error}");
}

#[test]
fn an_observer_writes_nothing_outside_its_own_directory() {
    for script in [
        "echo more >> data/kept",
        ": > data/kept",
        "echo new > data/new",
        "rm data/kept",
        "mv data/kept data/moved",
        "mv data/kept \"$STEP_DIR/stolen\"",
        "mkdir data/dir",
        "mkfifo data/pipe",
        "ln -s kept data/link",
        "ln data/kept data/hard",
        "truncate -s 0 data/kept",
        "echo x > /tmp/flow-studio-fence-test",
        "echo x > \"$RUN_BASE/journal.jsonl\"",
        "echo x > \"$ARTIFACTS/x\"",
    ] {
        denied(script);
    }
}

#[test]
fn an_observer_changes_no_modes_owners_and_times() {
    for script in ["chmod 777 data/kept", "chown \"$(id -u)\" data/kept", "touch -d 2001-01-01 data/kept"] {
        denied(script);
    }
}

#[test]
fn no_detour_leads_out_of_the_fence() {
    for script in [
        // Through a link that it makes where it may.
        "ln -s \"$PWD/data/kept\" \"$STEP_DIR/link\"\necho x > \"$STEP_DIR/link\"",
        // Through a second name of the same file.
        "ln data/kept \"$STEP_DIR/hard\"\necho x > \"$STEP_DIR/hard\"",
        // Through a directory that it moves in.
        "mv data \"$STEP_DIR/data\"",
        // Through children, and children that leave the group.
        "sh -c 'sh -c \"echo x > data/kept\"'",
        "setsid --wait sh -c 'echo x > data/kept'",
        "(echo x > data/kept) & wait $!",
        // Through a descriptor that is open for reading.
        "exec 7< data/kept\necho x > /proc/self/fd/7",
        "exec 7< data/kept\necho x > /dev/fd/7",
    ] {
        denied(script);
    }
}

#[test]
fn an_observer_cannot_end_what_it_did_not_start() {
    let test = observer("kill -0 \"$PPID\"");
    let ran = test.go(&["run", "look", "--run-id", "r"]).code(1);
    assert!(ran.stderr.contains("Operation not permitted"), "{}", ran.stderr);
}

#[test]
fn an_observer_reads_all_and_writes_where_it_may() {
    let test = observer(
        "cat data/kept\necho a > \"$STEP_DIR/a\"\nmkdir \"$STEP_DIR/b\"\nmv \"$STEP_DIR/a\" \"$STEP_DIR/b/\"\n\
         f=$(mktemp)\ncase $f in \"$TMPDIR\"/*) ;; *) exit 9 ;; esac\necho x > \"$f\"\ntouch \"$STEP_DIR/new\"\n\
         echo gone > /dev/null\necho said >&2\necho said > /dev/stderr\nrm \"$f\"",
    );
    let ran = test.go(&["run", "look", "--run-id", "r"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(test.text("run_base/r/look/work/look/b/a"), "a\n");
    assert_eq!(test.text("run_base/r/look/logs/look.1.stdout"), "as it was\n");
}

#[test]
fn an_observer_leaves_the_artifacts_that_it_promised() {
    let test = Test::new().flow(
        "look",
        "steps:\n  - {id: look, run: 'echo found > \"$ARTIFACTS/report\"', access: observe, outputs: [artifacts/report]}\n",
    );
    test.go(&["run", "look", "--run-id", "r"]).code(0);
    assert_eq!(test.text("run_base/r/look/artifacts/report"), "found\n");
    let wrong = Test::new().flow("look", "steps:\n  - {id: look, run: make, access: observe, outputs: [report]}\n");
    let ran = wrong.go(&["run", "look"]).code(3);
    assert!(ran.stderr.contains("it cannot leave `report` in the workspace"), "{}", ran.stderr);
}

#[test]
fn verify_commands_snapshots_and_exec_stand_behind_the_same_fence() {
    let test = Test::new().file("data/kept", "as it was\n").flow(
        "look",
        "defaults: {access: observe, on_failure: continue}\nsteps:\n\
         \x20 - {id: program, exec: [sh, -c, 'echo x > data/kept']}\n\
         \x20 - {id: proved, run: 'true', verify: [{id: v, run: 'echo x > data/kept'}]}\n\
         \x20 - {id: taken, snapshot: {name: s, commands: {c: 'echo x > data/kept'}}}\n\
         \x20 - {id: polled, run: 'echo x > data/kept', expect: {exit: 0}, poll: {every: 1ms, for: 2ms}}\n",
    );
    test.go(&["run", "look", "--run-id", "r"]);
    assert_eq!(test.text("data/kept"), "as it was\n");
    for (step, agent) in [("program", "shell"), ("proved", "shell"), ("taken", "builtin"), ("polled", "shell")] {
        let receipt = test.json(&format!("run_base/r/look/receipts/{step}-{agent}.json"));
        assert_eq!((&receipt["status"], &receipt["sandbox"]["requested"]), (&json!("failed"), &json!("observe")), "{step}");
    }
}

#[test]
fn without_network_there_are_no_sockets_and_files_are_free() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let tries = |what: &str| format!("python3 -c 'import socket\ns = socket.socket({what})'");
    for script in [
        format!("bash -c 'echo > /dev/tcp/127.0.0.1/{port}'"),
        tries("socket.AF_INET, socket.SOCK_STREAM"),
        tries("socket.AF_INET6, socket.SOCK_STREAM"),
        tries("socket.AF_INET, socket.SOCK_DGRAM"),
        tries("socket.AF_UNIX, socket.SOCK_STREAM"),
        tries("socket.AF_NETLINK, socket.SOCK_RAW"),
    ] {
        let test = test(&format!("echo may > data/new\n{script}"), "    network: none\n");
        let ran = test.go(&["run", "look", "--run-id", "r"]).code(1);
        let receipt = receipt(&test);
        assert_eq!(receipt["sandbox"]["requested"], "change, network none");
        assert!(receipt["error"].as_str().unwrap().contains("`network: none` gives it no sockets"), "{script}: {}", ran.stderr);
        assert_eq!(test.text("data/new"), "may\n");
    }
    server.set_nonblocking(true).unwrap();
    assert!(server.accept().is_err(), "somebody came through");
}

/// The one thing that `FLOW_STUDIO_SANDBOX=none` does is to take away what enforces.
#[test]
fn where_nothing_enforces_a_promise_it_is_refused_unless_that_is_allowed() {
    let test = observer("echo x >> data/kept").env("FLOW_STUDIO_SANDBOX", "none");
    let before = state(&test);
    let ran = test.go(&["run", "look", "--run-id", "r"]).code(3);
    assert!(ran.stderr.contains("needs `access: observe`, which cannot be enforced here"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--allow-unenforced") && !test.run_base("r").exists(), "{}", ran.stderr);
    assert_eq!(state(&test), before);
    test.go(&["run", "look", "--run-id", "r", "--allow-unenforced"]).code(0);
    assert_eq!(receipt(&test)["sandbox"], json!({"requested": "observe", "enforced": "none (--allow-unenforced)"}));
    assert!(test.text("run_base/r/journal.jsonl").contains("\"allow_unenforced\":true"));
}

/// A run may be resumed on another machine than the one that began it.
#[test]
fn a_step_is_refused_when_it_starts_too() {
    let flow = "steps:\n  - {id: ok, ask: {question: Go?}}\n  - {id: look, run: 'true', access: observe}\n";
    let test = Test::new().flow("look", flow);
    test.go(&["run", "look", "--run-id", "r"]).code(4);
    test.go(&["review", "answer", "r/ok-1", "--choose", "approve"]).code(0);
    let poorer = test.env("FLOW_STUDIO_SANDBOX", "none");
    let ran = poorer.go(&["resume", "r"]).code(1);
    assert!(ran.stderr.contains("`access: observe` cannot be enforced on this machine"), "{}", ran.stderr);
    // The way out that it names is one.
    assert!(ran.stderr.contains("--allow-unenforced"), "{}", ran.stderr);
    poorer.go(&["retry", "r", "--step", "look", "--allow-unenforced"]).code(0);
    let allowed = json!({"requested": "observe", "enforced": "none (--allow-unenforced)"});
    assert_eq!(receipt(&poorer)["sandbox"], allowed);
    assert_eq!(poorer.facts("r", "resumed").last().unwrap()["options"], json!({"allow_unenforced": true}));
    let told = "it promised `observe`, and nothing held it to that: none (--allow-unenforced)";
    let explained = poorer.go(&["explain", "r", "look"]).code(0);
    let words = explained.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words.matches(told).count(), 1, "{words}");
    // Said once, it holds; `run` from a step of the same run takes it, too.
    poorer.go(&["resume", "r", "--from", "look"]).code(0);
    assert_eq!(receipt(&poorer)["sandbox"], allowed);
    poorer.go(&["run", "look", "--run-id", "r", "--from", "look", "--jobs", "2", "--allow-unenforced"]).code(0);
    assert_eq!(poorer.facts("r", "resumed").last().unwrap()["options"], json!({"jobs": 2, "allow_unenforced": true}));
    poorer.go(&["resume", "r", "--jobs", "0"]).code(2);
}

#[test]
fn a_step_sees_a_small_environment_and_secrets_only_where_it_names_them() {
    let word = ["correct", "horse", "battery"].join("-");
    let flow = "secrets: [VAULT_WORD]\nsteps:\n  - {id: plain, run: 'env | sort'}\n\
                \x20 - {id: named, secrets: [VAULT_WORD], run: 'test -n \"$VAULT_WORD\"'}\n";
    let test = Test::new().flow("look", flow).env("VAULT_WORD", &word).env("AWS_PROFILE", "mine").env("LD_PRELOAD", "");
    test.go(&["run", "look", "--run-id", "r"]).code(0);
    let seen = test.text("run_base/r/look/logs/plain.1.stdout");
    let names: Vec<&str> = seen.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    let expected = [
        "ARTIFACTS",
        "EXECUTION",
        "FLOW",
        "FLOWS",
        "FLOW_STUDIO",
        "HOME",
        "LANG",
        "PATH",
        "PWD",
        "RUN_BASE",
        "RUN_ID",
        "STEP",
        "STEP_DIR",
    ];
    let others: Vec<&&str> =
        names.iter().filter(|name| !expected.contains(name) && !["_", "OLDPWD", "SHLVL"].contains(name)).collect();
    assert!(others.is_empty(), "{others:?}");
}

/// The flow does not say `access: observe` of its snapshot; the run does.
#[test]
fn a_run_that_only_observes_says_what_it_would_have_changed() {
    let test = Test::new().file("data/kept", "as it was\n").flow(
        "mend",
        "steps:\n\
         \x20 - {id: pre, snapshot: {name: pre, files: [data/*], commands: {c: 'cat data/kept'}}}\n\
         \x20 - {id: look, run: 'cat data/kept', access: observe, expect: {stdout: was}}\n\
         \x20 - {id: mend, run: 'echo mended > data/kept', approve: {question: Mend it?}}\n\
         \x20 - {id: sly, snapshot: {name: sly, commands: {c: 'echo x > data/kept'}}, on_failure: continue}\n\
         done:\n  - {id: signed, ask: {question: Sure?}}\n",
    );
    let ran = test.go(&["run", "mend", "--run-id", "r", "--observe-only"]).code(0);
    assert!(ran.stderr.contains("mend/mend would run, after asking a person: echo mended > data/kept"), "{}", ran.stderr);
    assert_eq!(test.text("data/kept"), "as it was\n");
    let report = test.go(&["run", "mend", "--run-id", "s", "--observe-only", "--json"]).code(0).json();
    assert_eq!(
        report["passed_over"],
        json!([{"flow": "mend", "step": "mend",
        "would": "would run, after asking a person: echo mended > data/kept"}])
    );
    test.go(&["verify", "r"]).code(0);
}
