//! What goes wrong with agent programs, and what becomes of the step: each failure by its name.

mod common;

use common::{
    Fence, Test,
    agents::{receipt, run},
    programs::{codex, codex_done, codex_says, handoff, init, prints, program, result, test, transcript},
};
use serde_json::{Value, json};

const QUICK: &str = "[engines.claude]\nidle = \"300ms\"\n[engines.codex]\nidle = \"300ms\"\n";

fn fails(engine: &str, body: &str, kind: &str) -> Test {
    let test = test(&format!("    engine: {engine}\n"));
    program(&test, engine, body);
    let ran = run(&test);
    assert_eq!(ran.code, Some(1), "{kind}\n{body}\n{}", ran.stderr);
    assert_eq!(receipt(&test)["error_detail"]["kind"], kind, "{body}\n{}", receipt(&test));
    assert!(receipt(&test).get("handoff_envelope_path").is_none() || receipt(&test)["status"] == "failed");
    test
}

#[test]
fn every_bad_end_of_claude_has_its_name() {
    for (event, exit, kind) in [
        (json!({"is_error": true, "api_error_status": 401, "result": "Invalid API key"}), 1, "auth"),
        (json!({"is_error": true, "api_error_status": 429, "result": "slow down"}), 0, "quota"),
        (json!({"is_error": true, "api_error_status": 529, "result": "Overloaded"}), 1, "overloaded"),
        (json!({"subtype": "error_max_turns", "is_error": true, "errors": ["Reached maximum number of turns"]}), 1, "turn_limit"),
        (json!({"subtype": "error_max_budget_usd", "is_error": true, "errors": ["Reached maximum budget"]}), 1, "budget"),
        (json!({"is_error": true, "api_error_status": 400, "result": "prompt is too long: 210000 tokens"}), 1, "context"),
        (json!({"stop_reason": "refusal", "result": "I will not do that."}), 0, "refused"),
        (json!({"is_error": true, "api_error_status": 403, "result": "not for you"}), 0, "permission_denied"),
        (json!({"subtype": "error_during_execution", "is_error": true, "errors": ["odd"]}), 1, "unknown"),
        // All is well but the exit code.
        (json!({}), 3, "crashed"),
    ] {
        fails("claude", &format!("{}exit {exit}", prints(&[init(), result(event)])), kind);
    }
}

#[test]
fn every_bad_end_of_codex_has_its_name() {
    let failed = |message: &str| json!({"type": "turn.failed", "error": {"message": message}});
    for (message, kind) in [
        ("unexpected status 401 Unauthorized: Incorrect API key provided", "auth"),
        ("exceeded retry limit, last status: 429 Too Many Requests", "quota"),
        ("You've hit your usage limit", "quota"),
        ("unexpected status 503 Service Unavailable", "overloaded"),
        ("Codex ran out of room in the model's context window", "context"),
        ("unexpected status 403 Forbidden", "permission_denied"),
        ("stream disconnected before completion", "io"),
        ("odd", "unknown"),
    ] {
        let test = fails("codex", &format!("{}exit 1", prints(&codex(&[], failed(message)))), kind);
        assert!(receipt(&test)["error"].as_str().unwrap().contains(message));
    }
}

#[test]
fn success_is_never_taken_from_an_exit_code_alone() {
    // Nothing at all, half an event, no last event, an old version's events.
    for body in [
        String::new(),
        r#"printf '{"type":"result","subtype":"success","is_error":fal'"#.to_owned(),
        prints(&[init()]),
        prints(&[json!({"id": "0", "msg": {"type": "task_complete", "last_agent_message": handoff().to_string()}})]),
        format!("echo '{}'", handoff()),
    ] {
        let test = fails("claude", &body, "crashed");
        assert!(receipt(&test)["error"].as_str().unwrap().contains("without a word that its work was done"));
    }
    fails("codex", &prints(&codex(&[codex_says(&handoff().to_string())], json!({"type": "item.updated"}))), "crashed");
    // Which of the two it means is not for us to say.
    let both = codex_says(r#"{"status":"UNVERIFIED","status":"VERIFIED"}"#);
    let test = fails("codex", &prints(&codex(&[both], codex_done(4, 2))), "bad_output");
    assert!(receipt(&test)["error"].as_str().unwrap().contains("duplicate field `status`"), "{}", receipt(&test));
}

#[test]
fn a_program_that_dies_is_told_with_its_last_words() {
    let test = fails("codex", "echo 'out of cheese' >&2; exit 7", "crashed");
    assert_eq!(receipt(&test)["error"], "codex ended with exit code 7: out of cheese");
    let test = fails("claude", "kill -SEGV $$", "crashed");
    assert!(receipt(&test)["error"].as_str().unwrap().contains("signal 11"));
    let test = fails("claude", "echo \"error: unknown option '--safe-mode'\" >&2; exit 1", "spawn");
    assert!(receipt(&test)["error"].as_str().unwrap().contains("this version of claude (9.9.9 (stand-in)) does not know"));
    fails("claude", "echo 'Invalid API key · Please run /login' >&2; exit 1", "auth");
}

#[test]
fn what_a_program_says_instead_of_events_is_told() {
    let said = |body: &str, kind: &str| receipt(&fails("claude", body, kind))["error"].as_str().unwrap().to_owned();
    // Noise on standard error does not hide what is said on the other one.
    let login = "echo 'Invalid API key · Please run /login'; echo '(node:7) a warning' >&2; exit 1";
    assert_eq!(said(login, "auth"), "Invalid API key · Please run /login");
    assert_eq!(said("echo 'out of cheese'; exit 7", "crashed"), "claude ended with exit code 7: out of cheese");
    for body in [
        "echo 'Log in at https://x.test'",
        "echo 'Log in at https://x.test' >&2",
        "echo 'Log in at https://x.test'; kill -SEGV $$",
    ] {
        let said = said(body, "crashed");
        assert!(said.ends_with(": Log in at https://x.test"), "{said}");
    }
}

#[test]
fn a_silent_program_hangs_and_is_ended_with_all_it_started() {
    for (engine, first) in [("claude", init()), ("codex", json!({"type": "thread.started", "thread_id": "t-1"}))] {
        let test = test(&format!("    engine: {engine}\n")).file("flow-studio.toml", QUICK);
        program(&test, engine, &format!("{}(trap '' TERM; sleep 1000) &\nsleep 1000", prints(&[first])));
        test.write("flow-studio.toml", &format!("grace = \"200ms\"\n{QUICK}"));
        let (fence, live) = Fence::around(&test, &["run", "work", "--run-id", "r"]);
        live.wait().code(1);
        fence.all_gone();
        assert_eq!(receipt(&test)["error_detail"]["kind"], "hung");
        assert!(receipt(&test)["error"].as_str().unwrap().contains("said nothing for 300ms"), "{}", receipt(&test)["error"]);
        assert!(receipt(&test).get("tokens").is_none_or(|tokens| tokens["total"] == 0 || tokens.is_null()), "{}", receipt(&test));
    }
}

#[test]
fn a_program_that_does_not_end_after_its_last_word_hangs() {
    let test = test("    engine: claude\n").file("flow-studio.toml", QUICK);
    program(&test, "claude", &format!("{}while :; do echo '{{}}'; sleep 0.05; done", prints(&[init(), result(json!({}))])));
    run(&test).code(1);
    assert_eq!(receipt(&test)["error"], "claude said that it was done, and did not end");
}

#[test]
fn a_key_that_is_refused_again_and_again_is_not_waited_for() {
    let retry = |attempt: u64| json!({"type": "system", "subtype": "api_retry", "attempt": attempt, "error": "authentication_failed", "error_status": 401});
    let test = fails("claude", &format!("{}exec sleep 1000", prints(&[init(), retry(1), retry(2)])), "auth");
    assert!(receipt(&test)["error"].as_str().unwrap().contains("401"));
}

#[test]
fn what_holds_the_pipe_does_not_hold_the_step() {
    let test = test("    engine: claude\n");
    program(&test, "claude", &format!("sleep 1000 &\n{}", prints(&[init(), result(json!({}))])));
    let (fence, live) = Fence::around(&test, &["run", "work", "--run-id", "r"]);
    live.wait().code(0);
    fence.all_gone();
    assert!(test.text("run_base/r/work/logs/make.jsonl").contains("left_running"));
}

#[test]
fn lines_of_three_megabytes_are_taken() {
    let long = "printf '{\"type\":\"user\",\"message\":{\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"x\",\"content\":\"'\n\
                head -c 3000000 /dev/zero | tr '\\0' x\nprintf '\"}]}}\\n'\n";
    let test = test("    engine: claude\n");
    program(&test, "claude", &format!("{long}{}", prints(&[init(), result(json!({}))])));
    run(&test).code(0);
    let said: Vec<Value> = transcript(&test, "claude").into_iter().filter(|line| line["event"] == "said").collect();
    assert_eq!(said.len(), 3);
    assert!(said[0].to_string().contains("[TRUNCATED: 524288 of 3000000 bytes]"));
}

#[test]
fn declared_outputs_must_be_there() {
    let test = test("    engine: codex\n    outputs: [made.txt]\n");
    program(&test, "codex", &prints(&codex(&[codex_says(&handoff().to_string())], codex_done(1, 1))));
    run(&test).code(1);
    assert_eq!(receipt(&test)["error_detail"]["kind"], "contract");
}

#[test]
fn turns_beyond_the_number_end_codex() {
    let test = test("    engine: codex\n    max_turns: 2\n");
    let item = json!({"type": "command_execution", "command": "true", "exit_code": 0, "status": "completed"});
    let events = codex(&[item.clone(), item.clone(), item], json!({"type": "turn.started"}));
    program(&test, "codex", &format!("{}exec sleep 1000", prints(&events)));
    run(&test).code(1);
    assert_eq!(receipt(&test)["error_detail"]["kind"], "turn_limit");
}
