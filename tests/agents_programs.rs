//! Agent steps that programs perform: how they are called, and what becomes of what they say.
//! The programs are shell scripts; the real ones are driven by tests/agents_real_programs.rs.

mod common;

use common::{
    Fence, Test,
    agents::{envelope, nowhere, receipt, run},
    programs::{codex, codex_done, codex_says, cost, handoff, init, prints, program, result, test, transcript},
    until,
};
use serde_json::{Value, json};

fn claude(body: &str) -> Test {
    let test = test("    engine: claude\n");
    program(&test, "claude", body);
    test
}

fn with_codex(body: &str) -> Test {
    let test = test("    engine: codex\n");
    program(&test, "codex", body);
    test
}

/// The value behind a flag.
fn flag<'a>(args: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = args.lines();
    lines.find(|line| *line == name)?;
    lines.next()
}

#[test]
fn a_good_run_of_claude_is_called_safely_and_counted() {
    let bash = json!({"type": "assistant", "message": {"id": "m", "content": [
        {"type": "tool_use", "id": "c", "name": "Bash", "input": {"command": "make all"}}]}});
    let ran = json!({"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id": "c", "content": "ok"}]}});
    let tomorrow = json!({"type": "of_tomorrow", "x": 1});
    let test = claude(&prints(&[init(), tomorrow, bash, ran, result(json!({"structured_output": handoff(), "result": "done"}))]));
    let test = test.env("ANTHROPIC_API_KEY", "key-0123456789abcdef").env("OTHER_TOKEN", "not-for-programs");
    run(&test).code(0);
    let args = test.text("args.1");
    for wanted in ["-p", "--safe-mode", "--strict-mcp-config", "--verbose", "--append-system-prompt-file"] {
        assert!(args.lines().any(|line| line == wanted), "{wanted} in {args}");
    }
    assert_eq!(flag(&args, "--setting-sources"), Some("user"));
    assert_eq!(flag(&args, "--permission-mode"), Some("acceptEdits"));
    assert_eq!(flag(&args, "--tools"), Some("Bash,Edit,Glob,Grep,Read,Write"));
    assert_eq!((flag(&args, "--model"), flag(&args, "--max-turns")), (Some("sonnet"), Some("60")));
    assert!(flag(&args, "--json-schema").is_some_and(|schema| schema.contains("what_i_did") && !schema.contains("2020-12")));
    assert!(!args.contains("You write code"), "a prompt does not stand in arguments");
    assert!(test.text("stdin.1").contains("You perform the step `make`"));
    let env = test.text("env.1");
    assert!(env.contains("ANTHROPIC_API_KEY=key-0123456789abcdef") && env.contains("RUN_ID=r"), "{env}");
    assert!(!env.contains("OTHER_TOKEN"), "{env}");

    let receipt = receipt(&test);
    assert_eq!((&receipt["engine"], &receipt["mode"], &receipt["model"]), (&json!("claude"), &json!("cli"), &json!("claude-x")));
    assert_eq!((&receipt["tokens"]["total"], &receipt["cost_usd"]), (&json!(100), &json!(0.25)));
    assert_eq!(receipt["tool_versions"]["claude"], "9.9.9 (stand-in)");
    assert_eq!((&receipt["commands"][0]["run"], &receipt["commands"][0]["exit_code"]), (&json!("make all"), &json!(0)));
    assert_eq!((&envelope(&test)["status"], cost(&test).len()), (&json!("VERIFIED"), 1));
    let said: Vec<Value> = transcript(&test, "claude").into_iter().filter(|line| line["event"] == "said").collect();
    assert_eq!(said.len(), 5, "every line is kept as it came");
    assert_eq!(said[1]["said"], json!({"type": "of_tomorrow", "x": 1}));
    nowhere(&test, b"0123456789abcdef");
}

#[test]
fn a_good_run_of_codex_gets_its_prompt_by_an_input_that_ends() {
    let body = "cat \"$(printf '%s\\n' \"$@\" | sed -n '/^--output-schema$/{n;p;}')\" > schema.seen\n".to_owned();
    let item = json!({"type": "command_execution", "command": "make", "exit_code": 0, "status": "completed"});
    let warning = json!({"type": "error", "message": "Model metadata not found"});
    let events = codex(&[warning, item, codex_says(r#"{"status":"VERIFIED","routing":{"reason":null}}"#)], codex_done(40, 2));
    let test = with_codex(&(body + &prints(&events))).env("CODEX_API_KEY", "key-0123456789abcdef");
    run(&test).code(0);
    let args = test.text("args.1");
    assert!(args.starts_with("exec\n--json\n--skip-git-repo-check\n--ignore-user-config\n--ignore-rules\n"), "{args}");
    assert!(args.ends_with("\n-\n"), "{args}");
    for wanted in ["sandbox_mode=\"workspace-write\"", "approval_policy=\"never\"", "project_doc_max_bytes=0"] {
        assert!(args.contains(wanted), "{wanted} in {args}");
    }
    assert!(args.contains("developer_instructions=\"You write code. {{braces}} stay.\\n\""), "{args}");
    assert!(test.text("stdin.1").contains("You perform the step `make`"));
    assert_eq!(test.json("schema.seen")["additionalProperties"], false);
    let receipt = receipt(&test);
    assert_eq!((&receipt["engine"], &receipt["tokens"]["total"]), (&json!("codex"), &json!(42)));
    assert_eq!((receipt.get("cost_usd"), receipt.get("model")), (None, Some(&json!("default"))), "what it cost is not known");
    assert_eq!(receipt["commands"][0]["run"], "make");
    nowhere(&test, b"0123456789abcdef");
}

#[test]
fn an_observer_gets_nothing_that_writes() {
    let test = test("    engine: claude\n    access: observe\n");
    program(&test, "claude", &prints(&[init(), result(json!({}))]));
    run(&test).code(0);
    let args = test.text("args.1");
    assert_eq!((flag(&args, "--tools"), flag(&args, "--permission-mode")), (Some("Glob,Grep,Read"), Some("dontAsk")));
    assert_eq!(receipt(&test)["sandbox"], json!({"requested": "observe", "enforced": "tools"}));
    let test = common::programs::test("    engine: codex\n    access: observe\n");
    program(&test, "codex", &prints(&codex(&[codex_says(&handoff().to_string())], codex_done(1, 1))));
    run(&test).code(0);
    assert!(test.text("args.1").contains("sandbox_mode=\"read-only\""));
}

#[test]
fn the_front_matters_tools_reach_claude_and_codex_refuses_what_it_cannot_hold() {
    let front = "---\nname: author\ndescription: x\ntools: Read, Bash(git diff *), WebSearch\ndisallowedTools: Write\n---\nHi.\n";
    let test = claude(&prints(&[init(), result(json!({}))])).file("agents/author.md", front);
    run(&test).code(0);
    let args = test.text("args.1");
    assert_eq!(flag(&args, "--tools"), Some("Bash,Read,WebSearch"));
    assert_eq!(flag(&args, "--allowedTools"), Some("Bash(git diff *),Read,WebSearch"));
    assert_eq!(flag(&args, "--disallowedTools"), Some("Write"));
    let front = "---\nname: author\ndescription: x\ndisallowedTools: Bash\n---\nHi.\n";
    let test = with_codex("exit 0").file("agents/author.md", front);
    run(&test).code(3).says("codex cannot be kept from single tools");
    assert!(!test.at("args.1").exists());
}

#[test]
fn an_answer_that_is_no_handoff_is_repaired_in_the_same_session() {
    let bad = prints(&[init(), result(json!({"result": "All fine!"}))]);
    let good = prints(&[init(), result(json!({}))]);
    let test = claude(&format!("if [ $n = 1 ]; then\n{bad}else\n{good}fi"));
    run(&test).code(0);
    assert_eq!(flag(&test.text("args.2"), "--resume"), Some("s-1"));
    assert!(test.text("stdin.2").starts_with("That is not a valid handoff: it holds no JSON object"));
    assert_eq!((cost(&test).len(), &receipt(&test)["tokens"]["total"]), (2, &json!(200)), "each run is one call");
    let test = claude(&bad);
    run(&test).code(1);
    assert_eq!((test.text("calls").trim(), &receipt(&test)["error_detail"]["kind"]), ("2", &json!("bad_output")));
}

#[test]
fn codex_counts_sessions_and_we_count_runs() {
    let first = prints(&codex(&[codex_says("no JSON")], codex_done(100, 10)));
    let second = prints(&codex(&[codex_says(&handoff().to_string())], codex_done(150, 12)));
    let test = with_codex(&format!("if [ $n = 1 ]; then\n{first}else\n{second}fi"));
    run(&test).code(0);
    assert!(test.text("args.2").starts_with("exec\nresume\nt-1\n"), "{}", test.text("args.2"));
    let calls: Vec<Value> = cost(&test).iter().map(|line| line["call"]["tokens"]["total"].clone()).collect();
    assert_eq!(calls, [json!(110), json!(52)]);
    assert_eq!(receipt(&test)["tokens"]["total"], 162);
}

#[test]
fn a_session_that_a_busy_service_broke_off_goes_on() {
    let worked = json!({"type": "assistant", "message": {"id": "m", "content": [{"type": "text", "text": "I begin."}]}});
    let busy = json!({"is_error": true, "api_error_status": 529, "result": "Overloaded"});
    let first = prints(&[init(), worked, result(busy)]);
    let second = prints(&[init(), result(json!({}))]);
    let test = test("    engine: claude\n");
    let flow = test.text("flows/work.yaml").replace("attempts: 1", "delay: 1ms, attempts: 2");
    test.write("flows/work.yaml", &flow);
    program(&test, "claude", &format!("if [ $n = 1 ]; then\n{first}exit 1; else\n{second}fi"));
    run(&test).code(0);
    assert_eq!(flag(&test.text("args.2"), "--resume"), Some("s-1"));
    assert!(test.text("stdin.2").contains("Go on where you were"));
    assert_eq!((&receipt(&test)["attempt"], &receipt(&test)["cost_usd"]), (&json!(2), &json!(0.5)));
}

#[test]
fn a_limit_of_money_is_told_to_claude_and_asks_when_it_is_reached() {
    let spent =
        json!({"subtype": "error_max_budget_usd", "is_error": true, "total_cost_usd": 0.6, "errors": ["Reached maximum budget"]});
    let test = claude(&format!("{}exit 1", prints(&[init(), result(spent)])));
    let flow = test.text("flows/work.yaml").replace("steps:", "limits: {usd: 0.5}\nsteps:");
    test.write("flows/work.yaml", &flow);
    run(&test).code(5);
    assert_eq!(flag(&test.text("args.1"), "--max-budget-usd"), Some("0.500000"));
    let question = test.facts("r", "escalation_raised")[0]["question"]["question"].as_str().unwrap().to_owned();
    assert!(question.contains("0.6000 of 0.5000 USD are used"), "{question}");
}

#[test]
fn a_program_that_is_not_there_is_told_with_the_alternatives() {
    let test = test("    engine: claude\n").env("PATH", "/nowhere");
    run(&test)
        .code(3)
        .says("the program `claude` is not on PATH")
        .says("npm install -g @anthropic-ai/claude-code")
        .says("--engine stub");
    test.go(&["run", "work", "--engine", "codex"]).code(3).says("npm install -g @openai/codex");
}

/// What the killed process was told stands in the transcript, and its program is ended before the step runs again.
#[test]
fn kill_9_in_the_middle_loses_nothing_that_was_said() {
    let hangs = format!("{}touch started\nexec sleep 1000", prints(&[init()]));
    let good = prints(&[init(), result(json!({}))]);
    let test = claude(&format!("if [ $n = 1 ]; then\n{hangs}\nfi\n{good}"));
    let (fence, live) = Fence::around(&test, &["run", "work", "--run-id", "r"]);
    until("the program's first word is kept", || transcript(&test, "claude").iter().any(|line| line["event"] == "said"));
    live.kill();
    test.go(&["resume", "r"]).code(0);
    fence.all_gone();
    let lines = transcript(&test, "claude");
    let said = |execution: u64| lines.iter().filter(|line| line["event"] == "said" && line["execution"] == execution).count();
    assert_eq!((said(1), said(2)), (1, 2));
    // What the killed one used is not known: it is counted without figures, and nothing is made up.
    let calls: Vec<(u64, bool)> = cost(&test)
        .iter()
        .map(|line| (line["call"]["execution"].as_u64().unwrap(), line["call"].get("cost_usd").is_some()))
        .collect();
    assert_eq!(calls, [(1, false), (2, true)]);
    assert!(test.go(&["status", "r"]).stdout.contains("1 call of unknown cost"));
}
