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
    let main = r"
steps:
  - {id: first, run: ':', undo: echo first >> log}
  - {id: change, flow: sub, with: {host: alpha}}
  - {id: smoke, run: exit 1, on_failure: rollback}
";
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

/// A step that writes a proof of another one: what is shown is what the journal says, and that the file says something else.
#[test]
fn a_receipt_that_a_step_wrote_is_not_shown_as_that_of_another() {
    let flow = r#"
steps:
  - {id: build, run: "echo boom >&2; exit 3", on_failure: continue}
  - id: forge
    run: |
      cd "$RUN_BASE/f"
      sed -i 's/"failed"/"succeeded"/' receipts/build-shell.json
      sed -i 's/UNVERIFIED/VERIFIED/' handoffs/build-shell.json
      sed -i '/"event":"end"/s/"failed"/"succeeded"/' logs/build.jsonl
"#;
    let test = Test::new().flow("f", flow);
    test.go(&["run", "f", "--run-id", "r"]).code(0);
    for kind in ["--receipt", "--handoff", "--log"] {
        let shown = test.go(&["show", "r", "build", kind]).code(0);
        assert!(shown.stderr.contains("is not what the journal says"), "{kind}: {}", shown.stderr);
        assert!(shown.stderr.contains("flow-studio verify r --repair"), "{kind}: {}", shown.stderr);
        let told = test.go(&["--json", "show", "r", "build", kind]).code(0).json();
        assert!(told["differs"].as_str().unwrap().contains("verify --repair"), "{told}");
        // Nothing is said of what nobody touched.
        assert_eq!(test.go(&["show", "r", "forge", kind]).code(0).stderr, "");
    }
    let shown = |kind: &str| test.go(&["show", "r", "build", kind]).stdout;
    assert!(shown("--receipt").contains(r#""status": "failed""#), "{}", shown("--receipt"));
    assert!(shown("--handoff").contains(r#""status": "UNVERIFIED""#), "{}", shown("--handoff"));
    fs::remove_file(test.run_base("r").join("f/receipts/build-shell.json")).unwrap();
    let gone = test.go(&["show", "r", "build", "--receipt"]).code(0);
    assert!(gone.stdout.contains(r#""status": "failed""#) && gone.stderr.contains("is not there"), "{}", gone.stderr);
    test.go(&["verify", "r", "--repair"]);
    for kind in ["--receipt", "--handoff"] {
        assert_eq!(test.go(&["show", "r", "build", kind]).code(0).stderr, "");
    }
}

#[test]
fn an_approval_does_not_rest_on_a_receipt_that_a_step_wrote() {
    let flow = r#"
steps:
  - {id: check, run: "exit 3", on_failure: continue}
  - {id: forge, run: "cd $RUN_BASE/f && sed -i 's/failed/succeeded/' receipts/check-shell.json && echo '{}' > receipts/more.json"}
  - id: go
    run: echo live > live
    approve: {question: Deploy?, evidence: [receipts/check-shell.json, receipts/forge-shell.json, receipts/more.json]}
"#;
    let test = Test::new().flow("f", flow);
    test.go(&["run", "f", "--run-id", "r"]).code(4);
    let shown = test.go(&["review", "show", "r/go-1"]).code(0).stdout;
    assert!(shown.contains("HIGH the evidence receipts/check-shell.json is not what the journal says"), "{shown}");
    assert!(shown.contains("HIGH the evidence receipts/more.json follows from no line of the journal"), "{shown}");
    assert!(!shown.contains("evidence receipts/forge-shell.json is"), "{shown}");
    // Mended, it is another file, and the question is asked anew, without a word against it.
    test.go(&["verify", "r", "--repair"]);
    test.go(&["review", "answer", "r/go-1", "--choose", "approve"]).code(6);
    let shown = test.go(&["review", "show", "r/go-2"]).code(0).stdout;
    assert!(!shown.contains("is not what the journal says") && shown.contains("follows from no line"), "{shown}");
    // Forged between question and answer, the answer is refused, and it is said why.
    let forged = test.text("run_base/r/f/receipts/forge-shell.json").replace("succeeded", "failed");
    test.write("run_base/r/f/receipts/forge-shell.json", &forged);
    test.go(&["review", "answer", "r/go-2", "--choose", "approve"]).code(6);
    let shown = test.go(&["review", "show", "r/go-3"]).code(0).stdout;
    assert!(shown.contains("HIGH the evidence receipts/forge-shell.json is not what the journal says"), "{shown}");
    // Who has read that may still say yes: the answer covers what was shown.
    test.go(&["review", "answer", "r/go-3", "--choose", "approve"]).code(0);
    test.go(&["resume", "r"]).code(0);
    assert_eq!(test.text("live"), "live\n");
}

#[test]
fn what_a_command_printed_as_errors_cannot_be_rewritten() {
    let flow = "steps: [{id: a, run: 'echo out; echo err >&2'}, {id: quiet, run: 'echo out'}]";
    let test = Test::new().flow("f", flow);
    test.go(&["run", "f", "--run-id", "r"]).code(0);
    assert!(test.go(&["verify", "r"]).code(0).stdout.contains("3 outputs"));
    let command = |step: &str| test.json(&format!("run_base/r/f/receipts/{step}-shell.json"))["commands"][0].clone();
    assert!(command("a")["stderr_sha256"].is_string(), "{}", command("a"));
    assert!(command("quiet").get("stderr_sha256").is_none(), "it printed none");
    test.write("run_base/r/f/logs/a.1.stderr", "all is well\n");
    let told = test.go(&["verify", "r"]).code(7).stdout;
    assert!(told.contains("f/logs/a.1.stderr: differs"), "{told}");
}

#[test]
fn an_artifact_that_another_step_wrote_over_is_told_and_what_may_be_is_not() {
    let flow = r#"
steps:
  - {id: make, run: "echo 1 > $ARTIFACTS/kept; echo 1 > $ARTIFACTS/shared; echo 1 > $ARTIFACTS/spoilt; echo 1 > $ARTIFACTS/gone", outputs: [artifacts/kept, artifacts/shared, artifacts/spoilt, artifacts/gone]}
  - {id: second, run: "echo 2 > $ARTIFACTS/shared", outputs: [artifacts/shared]}
  - {id: round, run: "echo $ITERATION > $ARTIFACTS/round", outputs: [artifacts/round]}
  - {id: judge, agent: critic, loop: {to: round, max: 3}}
  - {id: spoil, run: "echo 3 > $ARTIFACTS/spoilt; rm $ARTIFACTS/gone", effects: idempotent}
"#;
    let says = "flow: f\nsteps:\n  judge: [{status: UNVERIFIED, summary: no}, {status: VERIFIED, summary: fine}]\n";
    let test = Test::new()
        .flow("f", flow)
        .file("agents/critic.md", "---\nname: critic\ndescription: c\n---\nLook.\n")
        .file("says.yaml", says);
    test.go(&["run", "f", "--run-id", "r", "--engine", "stub", "--scenario", "says.yaml"]).code(0);
    // The record is whole: whoever wrote there was allowed to.
    let told = test.go(&["verify", "r"]).code(0).stdout;
    assert!(told.contains("f/artifacts/spoilt: was written again after execution 1 of make"), "{told}");
    assert!(told.contains("f/artifacts/gone: was removed after execution 1 of make"), "{told}");
    assert!(told.contains("f/receipts/make-shell.json tells of what it was"), "{told}");
    let paths = |told: &serde_json::Value| {
        let all = told["written_over"].as_array().unwrap().iter();
        all.map(|one| one["path"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let json = test.go(&["--json", "verify", "r"]).code(0).json();
    assert_eq!(paths(&json), ["f/artifacts/gone", "f/artifacts/spoilt"], "{json}");
    // Made again, all of it is measured again: but for what is spoilt again after it.
    test.go(&["retry", "r", "--step", "make", "--only"]);
    assert_eq!(paths(&test.go(&["--json", "verify", "r"]).code(0).json()), Vec::<String>::new());
}

#[test]
fn what_was_taken_back_was_not_written_over() {
    let flow = r#"
steps:
  - {id: make, run: "echo 1 > $ARTIFACTS/a", undo: "rm $ARTIFACTS/a", outputs: [artifacts/a]}
  - {id: smoke, run: exit 1, on_failure: rollback}
"#;
    let test = Test::new().flow("f", flow);
    test.go(&["run", "f", "--run-id", "r"]).code(1);
    let told = test.go(&["verify", "r"]).code(0).stdout;
    assert!(!told.contains("measured it"), "{told}");
}

#[test]
fn a_secret_in_a_letter_that_is_refused_is_not_kept() {
    let secret = "correcthorse-batterystaple";
    let flow = "secrets: [DEPLOY_PW]\nsteps:\n  - {id: ok, ask: {question: 'Go on?'}}\n";
    let test = Test::new().flow("f", flow).env("DEPLOY_PW", secret);
    test.go(&["run", "f", "--run-id", "r"]).code(4);
    let at = "2026-11-01T00:00:00.000Z";
    let nobody = format!(
        r#"{{"kind":"answer","schema":"flow-studio/inbox/v1","question":"nobody-1","answer":{{"choose":"approve","note":"{secret}","by":"ada","at":"{at}"}}}}"#
    );
    test.write("run_base/r/inbox/nobody.json", &nobody);
    test.write("run_base/r/inbox/torn.json", &nobody[..nobody.len() - 3]);
    test.go(&["resume", "r"]).code(4);
    for name in ["nobody.json", "torn.json"] {
        let kept = test.text(&format!("run_base/r/inbox/refused/{name}"));
        assert!(kept.contains("[REDACTED:DEPLOY_PW]"), "{kept}");
    }
    let leaks = test.every_file("run_base/r").into_iter().filter(|(_, bytes)| String::from_utf8_lossy(bytes).contains(secret));
    assert_eq!(leaks.map(|(path, _)| path).collect::<Vec<_>>(), Vec::<std::path::PathBuf>::new());
}

/// What `run` says last can be pasted, and is not refused.
#[test]
fn after_a_rollback_the_last_words_name_the_step_that_it_goes_on_from() {
    let flow = |undo: &str| {
        format!(
            r"
steps:
  - {{id: make, run: echo make >> ran, undo: echo undone}}
  - {{id: switch, run: echo switch >> ran, undo: '{undo}'}}
  - {{id: smoke, run: test -e smoke-ok, on_failure: rollback}}
"
        )
    };
    let test = Test::new().flow("whole", &flow("echo undone")).flow("half", &flow("exit 7"));
    for (name, by_hand) in [("whole", None), ("half", Some("flow-studio show half undo-switch --flow half.rollback --log"))] {
        let json = test.go(&["--json", "run", name, "--run-id", name]).code(1).json();
        let next: Vec<&str> = json["next"].as_array().unwrap().iter().filter_map(|one| one.as_str()).collect();
        let explain = format!("flow-studio explain {name} smoke --flow {name}");
        let retry = format!("flow-studio retry {name} --flow {name} --step make");
        let mut wanted = vec![explain.as_str(), retry.as_str()];
        wanted.splice(0..0, by_hand);
        assert_eq!(next, wanted);
        if let Some(command) = by_hand {
            test.go(&command.split(' ').skip(1).collect::<Vec<_>>()).code(0);
        }
        fs::write(test.at("smoke-ok"), "").unwrap();
        test.go(&retry.split(' ').skip(1).collect::<Vec<_>>()).code(0);
        fs::remove_file(test.at("smoke-ok")).unwrap();
    }
    assert_eq!(test.text("ran"), "make\nswitch\nmake\nswitch\n".repeat(2));
}
