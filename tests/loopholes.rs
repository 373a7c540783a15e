//! Ways around the promises that somebody found, each closed: with the real program, as it was found.

mod common;

use std::fs;

use common::{Test, until};

#[test]
fn an_approval_that_nobody_used_yet_covers_the_parameters_that_were_shown() {
    let flow = r#"
params: {target: {type: string, default: staging}}
steps:
  - {id: a, needs: [], run: echo a}
  - id: go
    needs: []
    run: echo "deploying to $PARAM_TARGET" > deployed
    approve: {question: "Deploy to {{params.target}}?"}
"#;
    let test = Test::new().flow("par", flow);
    test.go(&["run", "par", "--run-id", "p"]).code(4);
    test.go(&["review", "answer", "p/go-1", "--choose", "approve"]).code(0);
    test.go(&["retry", "p", "--step", "a", "--set", "target=PRODUCTION"]).code(4);
    assert!(!test.at("deployed").exists());
    let told = |args: &[&str]| test.go(args).code(0).stdout;
    assert!(told(&["review", "show", "p/go-2"]).contains("Deploy to PRODUCTION?"));
    assert!(told(&["explain", "p", "go"]).contains("the parameters have changed"));
}

#[test]
fn a_flow_that_was_approved_does_not_open_on_evidence_that_was_changed_since() {
    let sub = "steps: [{id: act, run: cp plan.txt done.txt}]";
    let outer = "steps: [{id: go, flow: sub, approve: {question: 'As the plan says?', evidence: [plan.txt]}}]";
    let test = Test::new().flow("sub", sub).flow("outer", outer).file("plan.txt", "small");
    test.go(&["run", "outer", "--run-id", "o"]).code(4);
    test.go(&["review", "answer", "o/go-1", "--choose", "approve"]).code(0);
    test.write("plan.txt", "LARGE");
    test.go(&["resume", "o"]).code(4).says("has changed since it was answered");
    assert!(!test.at("done.txt").exists());
    test.go(&["review", "answer", "o/go-2", "--choose", "approve"]).code(0);
    test.go(&["resume", "o"]).code(0);
    assert_eq!(test.text("done.txt"), "LARGE");
}

#[test]
fn a_letter_with_a_secret_in_it_neither_ends_the_run_nor_is_written_down() {
    let flow = r#"
secrets: [DEPLOY_PW]
steps:
  - {id: ok, ask: {question: "Go on?"}}
  - {id: after, run: echo after}
"#;
    let secret = "correcthorse-batterystaple";
    let test = Test::new().flow("poison", flow).env("DEPLOY_PW", secret);
    let mut live = test.start(&["run", "poison", "--run-id", "p", "--wait-for-human"]);
    until("the question", || test.run_base("p").join("poison/escalations/ok-1.json").exists());
    // Whoever answers does not have the secret in the environment.
    let mut answer =
        test.command(&["review", "answer", "p/ok-1", "--choose", "approve", "--note", &format!("use {secret} for it")]);
    answer.env_remove("DEPLOY_PW");
    common::finish(answer).code(0);
    until("the end", || live.has_ended());
    live.wait().code(0);
    let journal = test.journal("p").iter().map(ToString::to_string).collect::<String>();
    assert!(journal.contains("use [REDACTED") && !journal.contains(secret), "{journal}");

    // A shape of a token, in a letter that a step left.
    let token = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0a1B2c3D4e5F6g7H8");
    let letter = format!(r#"{{"kind":"cancel","schema":"flow-studio/inbox/v1","by":"{token}"}}"#);
    let flow = format!(
        "steps: [{{id: a, run: \"mkdir -p $RUN_BASE/inbox; printf '%s' '{}' > $RUN_BASE/inbox/cancel.json; sleep 9\"}}]",
        letter.replace('"', "\\\"").replace("ghp_", "gh''p_")
    );
    let test = Test::new().flow("letter", &flow);
    test.go(&["run", "letter", "--run-id", "l"]);
    let journal = test.journal("l").iter().map(ToString::to_string).collect::<String>();
    assert!(journal.contains("REDACTED") && !journal.contains(&token), "{journal}");
}

#[test]
fn a_copy_of_a_run_under_another_name_is_not_gone_on_with() {
    let flow = "steps: [{id: pay, run: echo paid >> paid, effects: once, approve: {question: Pay?}}]";
    let test = Test::new().flow("pay", flow);
    test.go(&["run", "pay", "--run-id", "one"]).code(4);
    test.go(&["review", "answer", "one/pay-1", "--choose", "approve"]).code(0);
    let copied = std::process::Command::new("cp").arg("-r").args([test.run_base("one"), test.run_base("two")]).status().unwrap();
    assert!(copied.success());
    test.go(&["resume", "one"]).code(0);
    test.go(&["resume", "two"]).code(7).says("it was written for run `one`");
    assert_eq!(test.text("paid"), "paid\n");
}

#[test]
fn a_new_flow_that_is_refused_does_not_let_the_old_one_run() {
    let flow = |act: &str| format!("steps: [{{id: a, run: 'test -e there'}}, {{id: b, run: echo {act} >> ran}}]");
    let test = Test::new().flow("f", &flow("old"));
    test.go(&["run", "f", "--run-id", "r"]).code(1);
    test.flow_again("f", &flow("new"));
    fs::write(test.at("there"), "").unwrap();
    test.go(&["resume", "r", "--refresh", "--from", "typo"]).code(2);
    assert!(!test.at("ran").exists(), "{}", test.text("ran"));
    test.go(&["resume", "r", "--refresh", "--from", "a"]).code(0);
    assert_eq!(test.text("ran"), "new\n");
}

#[test]
fn who_adds_a_flow_to_somebody_elses_run_does_not_approve_it() {
    let flow = "steps: [{id: pay, run: echo paid >> paid, approve: {question: Pay?}}]";
    let test = Test::new()
        .flow("base", "steps: [{id: a, run: echo a}]")
        .flow("pay", flow)
        .file("flow-studio.toml", "self-approval = false\n");
    test.go(&["run", "base", "--run-id", "r"]).code(0);
    let as_user = |name: &str, args: &[&str]| {
        let mut command = test.command(args);
        command.env("USER", name).env("LOGNAME", name);
        common::finish(command)
    };
    as_user("sam", &["run", "pay", "--run-id", "r"]).code(4);
    as_user("sam", &["review", "answer", "r/pay-1", "--choose", "approve"]).code(6).says("sam started the flow");
    as_user("ada", &["review", "answer", "r/pay-1", "--choose", "approve"]).code(0);
}

#[test]
fn nothing_goes_on_from_a_step_that_was_taken_back() {
    let flow = r#"
steps:
  - {id: switch, run: "echo new > live; echo ok", undo: "echo old > live", expect: {stdout: ok}}
  - {id: smoke, run: "test -e smoke-ok; echo fine", expect: {stdout: fine}, on_failure: rollback}
  - {id: announce, run: "cat live", expect: {stdout: new}}
"#;
    let test = Test::new().flow("switch", flow);
    test.go(&["run", "switch", "--run-id", "s"]).code(1);
    assert_eq!(test.text("live"), "old\n");
    test.write("smoke-ok", "");
    test.go(&["retry", "s", "--step", "smoke"]).code(6).says("start at `switch`");
    for told in ["status", "diagnose"] {
        let told = test.go(&[told, "s"]).stdout;
        assert!(told.contains("retry s --flow switch --step switch"), "{told}");
    }
    test.go(&["retry", "s", "--flow", "switch", "--step", "switch"]).code(0);
    assert_eq!(test.text("live"), "new\n");
}

#[test]
fn the_time_that_a_killed_driver_let_run_counts_as_far_as_it_was_seen() {
    let flow = "limits: {wall: 1h}\nsteps: [{id: long, run: test -e go || cat gate}]";
    let test = Test::new().flow("long", flow).fifo("gate");
    let live = test.start(&["run", "long", "--run-id", "r"]);
    until("the step", || !test.facts("r", "step_started").is_empty());
    let lock = test.run_base("r").join(".lock");
    let seen = || fs::metadata(&lock).and_then(|about| about.modified()).expect("the lock");
    let began = seen();
    until("a sign of life", || seen() > began);
    live.kill();
    let last = jiff::Timestamp::try_from(seen()).expect("a time").as_millisecond();
    // Whoever takes the lock for something else is not the driver: that is no sign of life.
    test.go(&["verify", "r", "--repair"]).code(0);
    test.write("go", "");
    test.go(&["resume", "r"]).code(0);
    let lost = test.facts("r", "driver_lost");
    let until: jiff::Timestamp = lost[0]["seen"].as_str().expect("a time").parse().expect("a time");
    assert_eq!((lost.len(), until.as_millisecond()), (1, last));
}

#[test]
fn a_rollback_takes_back_what_a_flow_inside_did_with_what_that_saw() {
    let sub = r#"
params: {host: {type: string, required: true}}
steps:
  - {id: open, run: 'echo "$PARAM_HOST" > "$ARTIFACTS/opened"', undo: 'echo "close $PARAM_HOST $FLOW $(cat "$ARTIFACTS/opened")" >> log'}
  - {id: fill, run: ':', undo: echo empty >> log}
"#;
    let main = r#"
steps:
  - {id: first, run: ':', undo: echo first >> log}
  - {id: change, flow: sub, with: {host: alpha}}
  - {id: smoke, run: exit 1, on_failure: rollback}
"#;
    let test = Test::new().flow("sub", sub).flow("main", main);
    let ran = test.go(&["run", "main", "--run-id", "r"]).code(1);
    assert_eq!(test.text("log"), "empty\nclose alpha sub alpha\nfirst\n");
    assert!(ran.stderr.contains("rolled back (3 undone)"), "{}", ran.stderr);
    test.verified(0);
    let told = |args: &[&str]| test.go(args).code(0).stdout;
    assert!(
        told(&["explain", "r", "--flow", "main.rollback", "undo-change"]).contains("what flow main.change did was taken back")
    );
    // It is one of those that were taken back, so nothing goes on as if it stood.
    assert!(test.go(&["retry", "r", "--flow", "main.change", "--step", "open"]).code(6).stderr.contains("start at `main/first`"));
}
