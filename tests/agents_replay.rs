//! Agents that say again what they said when they were recorded: their work is done anew, and nothing is paid.

mod common;

use common::{
    Ran, Test,
    agents::{receipt, run, test},
    llm::{Llm, calls, error, handoff, says, verified},
    programs,
};
use serde_json::{Value, json};

const STEP: &str =
    "    outputs: [app.py]\n    teach: {objective: Make x two.}\n    verify: [{id: two, run: \"grep -q 2 app.py\"}]\n";

/// A run in which an agent reads, edits and runs something, of a workspace that is named by its whole path.
fn recorded() -> Test {
    let llm = Llm::answering(|number, _| match number {
        1 => calls(&[("read_file", json!({"path": "app.py"})), ("search", json!({"pattern": "x"}))]),
        2 => calls(&[("edit_file", json!({"path": "app.py", "old": "1", "new": "2"}))]),
        3 => calls(&[("run_command", json!({"command": "cat app.py && pwd > where"}))]),
        4 => says("Done."),
        _ => handoff(&json!({"status": "VERIFIED", "summary": {"what_i_did": "made x two",
            "evidence": {"artifacts_produced": ["app.py"], "commands_run": ["cat app.py"]}}})),
    });
    let test = test(&llm, STEP).file("app.py", "x = 1\n");
    run(&test).code(0);
    test.write("app.py", "x = 1\n");
    test
}

/// The same flow in another workspace, without a server.
fn elsewhere(test: &Test) -> Test {
    let mut other = Test::new().file("app.py", "x = 1\n").file("flow-studio.toml", "");
    for name in ["flows/work.yaml", "agents/author.md"] {
        other = other.file(name, &test.text(name));
    }
    other.env("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
}

fn replay(test: &Test, recording: &str, more: &[&str]) -> Ran {
    let args = ["run", "work", "--run-id", "again", "--engine", "replay", "--recording", recording];
    test.go(&args.iter().chain(more).copied().collect::<Vec<_>>())
}

fn again(test: &Test, kind: &str) -> Value {
    test.json(&format!("run_base/again/work/{kind}/make-author.json"))
}

fn error_of(test: &Test) -> (String, String) {
    let receipt = again(test, "receipts");
    (
        receipt["error_detail"]["kind"].as_str().unwrap_or_default().to_owned(),
        receipt["error"].as_str().unwrap_or_default().to_owned(),
    )
}

#[test]
fn a_run_is_replayed_and_its_work_is_done_anew_for_nothing() {
    let test = recorded();
    let before = receipt(&test);
    std::fs::remove_file(test.at("where")).unwrap();
    replay(&test, "r", &[]).code(0);
    assert_eq!((test.text("app.py").as_str(), test.at("where").exists()), ("x = 2\n", true));
    let receipt = again(&test, "receipts");
    assert_eq!(
        (&receipt["engine"], &receipt["mode"], &receipt["status"]),
        (&json!("replay"), &json!("replay"), &json!("succeeded"))
    );
    assert_eq!((&receipt["provider"], &receipt["model"]), (&json!("recording"), &before["model"]));
    assert_eq!((&receipt["tokens"]["total"], &receipt["cost_usd"]), (&json!(0), &json!(0.0)));
    assert!(!test.at("run_base/again/cost.jsonl").exists(), "no call, no line");
    // Measured now: the command ran, its file is this run's, the verification was made.
    let path = receipt["commands"][0]["stdout_path"].as_str().unwrap();
    assert_eq!(test.text(&format!("run_base/again/{path}")), "x = 2\n");
    assert!(receipt["checks"].as_array().unwrap().iter().all(|check| check["passed"] == json!(true)), "{receipt}");
    assert_eq!(receipt["claims"], before["claims"]);
    assert_eq!(again(&test, "handoffs")["concerns"], json!([]));
    test.go(&["verify", "again"]).code(0);
}

#[test]
fn a_recording_works_on_another_machine_and_holds_no_path_of_the_first() {
    let test = recorded();
    let made = test.go(&["record", "r", "--to", "tape", "--json"]).code(0).json();
    assert_eq!((&made["transcripts"][0]["executions"], &made["transcripts"][0]["answers"]), (&json!([1]), &json!(5)));
    let root = test.root().display().to_string();
    for (path, bytes) in test.every_file("tape") {
        assert!(!String::from_utf8_lossy(&bytes).contains(&root), "{}", path.display());
    }
    let other = elsewhere(&test);
    replay(&other, &test.at("tape").display().to_string(), &[]).code(0);
    assert_eq!(other.text("app.py"), "x = 2\n");
    assert_eq!(other.text("where").trim(), other.root().canonicalize().unwrap().display().to_string());
    // What was replayed can be replayed.
    other.write("app.py", "x = 1\n");
    other.go(&["run", "work", "--run-id", "third", "--engine", "replay", "--recording", "again"]).code(0);
    assert_eq!(other.text("app.py"), "x = 2\n");
}

#[test]
fn a_path_of_the_recorded_workspace_becomes_one_of_this_workspace() {
    let url = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let root = url.clone();
    let llm = Llm::answering(move |number, _| match number {
        1 => calls(&[("run_command", json!({"command": format!("echo hi > {}/made", root.lock().unwrap())}))]),
        2 => says("Done."),
        _ => verified(),
    });
    let test = test(&llm, "");
    *url.lock().unwrap() = test.root().display().to_string();
    run(&test).code(0);
    std::fs::remove_file(test.at("made")).unwrap();
    let other = elsewhere(&test);
    replay(&other, &test.at("run_base/r").display().to_string(), &[]).code(0);
    assert!(other.at("made").exists() && !test.at("made").exists());
}

#[test]
fn a_prompt_that_differs_ends_the_step_or_is_a_concern_of_it() {
    let test = recorded();
    test.write("flows/work.yaml", &test.text("flows/work.yaml").replace("Make x two.", "Make x two at once."));
    replay(&test, "r", &[]).code(1);
    let (kind, error) = error_of(&test);
    assert_eq!(kind, "drift");
    assert!(error.contains("was `Make x two.`, and is `Make x two at once.`") && error.contains("--replay lenient"), "{error}");
    assert_eq!(test.text("app.py"), "x = 1\n", "nothing was done");
    std::fs::remove_dir_all(test.at("run_base/again")).unwrap();
    replay(&test, "r", &["--replay", "lenient"]).code(0);
    let concern = &again(&test, "handoffs")["concerns"][0];
    assert_eq!(concern["severity"], "MEDIUM");
    assert!(concern["description"].as_str().unwrap().contains("the prompt is not the recorded one"), "{concern}");
    assert_eq!(test.text("app.py"), "x = 2\n");
}

#[test]
fn a_tool_that_comes_out_otherwise_is_drift() {
    let test = recorded();
    test.write("app.py", "x = 7\n");
    replay(&test, "r", &[]).code(1);
    let (kind, error) = error_of(&test);
    assert_eq!(kind, "drift");
    assert!(error.contains("edit_file told `an error`, and in the recording edit_file told `a result`"), "{error}");
    assert!(!test.at("run_base/again/work/logs/make.1.tool-1.stdout").exists(), "nothing is done after it");
}

#[test]
fn what_is_measured_is_not_the_recordings() {
    let test = recorded();
    // The agent says and does the same; what it is held to is another thing now.
    test.write("flows/work.yaml", &test.text("flows/work.yaml").replace("grep -q 2", "grep -q 3"));
    replay(&test, "r", &["--replay", "lenient"]).code(1);
    assert_eq!(error_of(&test).0, "contract");
}

#[test]
fn attempts_and_rounds_are_replayed_in_their_order() {
    // The first conversation ends without a handoff, the second breaks off once and goes on.
    let llm = Llm::script([
        says("Done."),
        says("no"),
        says("no"),
        calls(&[("write_file", json!({"path": "a", "content": "1"}))]),
        error(503, "busy"),
        says("Done."),
        verified(),
    ]);
    let test = test(&llm, "");
    test.write("flows/work.yaml", &test.text("flows/work.yaml").replace("attempts: 3", "attempts: 5"));
    run(&test).code(0);
    assert_eq!(receipt(&test)["attempt"], 3);
    replay(&test, "r", &[]).code(0);
    assert_eq!(again(&test, "receipts")["attempt"], 2, "a server's trouble is not replayed");
}

#[test]
fn a_step_that_failed_fails_again_in_the_same_words() {
    let llm = Llm::answering(|_, _| error(401, "no such key"));
    let test = test(&llm, "");
    run(&test).code(1);
    let asked = llm.asked().len();
    replay(&test, "r", &[]).code(1);
    assert_eq!((error_of(&test).0.as_str(), error_of(&test).1), ("auth", receipt(&test)["error"].as_str().unwrap().to_owned()));
    assert_eq!(llm.asked().len(), asked);
}

#[test]
fn a_replay_that_is_killed_is_resumed_from_the_same_recording() {
    let llm = Llm::script([
        calls(&[("run_command", json!({"command": "test -p hold || exit 0; echo in > in; cat hold"}))]),
        says("Done."),
        verified(),
    ]);
    let test = test(&llm, "");
    run(&test).code(0);
    test.go(&["record", "r", "--to", "tape"]).code(0);
    let test = test.fifo("hold").fifo("in");
    let live =
        test.start(&["run", "work", "--run-id", "again", "--engine", "replay", "--recording", "tape", "--replay", "lenient"]);
    common::await_word(&test.at("in"));
    live.kill();
    std::fs::remove_file(test.at("hold")).unwrap();
    test.go(&["resume", "again"]).code(0);
    let receipt = again(&test, "receipts");
    assert_eq!((&receipt["execution"], &receipt["engine"]), (&json!(2), &json!("replay")));
    // Another recording in its place is not taken.
    let (path, from) = ("tape/work/llm/make-author-openai.jsonl", "\"Done.\"");
    test.write(path, &test.text(path).replace(from, "\"Changed.\""));
    replay(&elsewhere(&test), &test.at("tape").display().to_string(), &[]).code(3).says("is not what recording.json says");
}

#[test]
fn what_cannot_be_replayed_is_refused_before_anything_starts() {
    let test = recorded();
    let none = |args: &[&str], words: &str| {
        test.go(&[&["run", "work", "--run-id", "again"], args].concat()).code(3).says(words);
        assert!(!test.at("run_base/again").exists());
    };
    none(&["--engine", "replay"], "no recording is given");
    none(&["--engine", "replay", "--recording", "flows"], "is neither a recording nor the directory of a run");
    none(&["--recording", "r"], "no step of this flow is performed by the engine `replay`");
    test.go(&["run", "work", "--replay", "lenient"]).code(2);
    test.go(&["record", "none", "--to", "tape"]).code(2);
}

#[test]
fn a_step_may_be_replayed_while_others_are_performed() {
    let llm = Llm::script([says("Done."), verified()]);
    let test = test(&llm, "");
    run(&test).code(0);
    let live = Llm::script([says("Done."), verified()]);
    let flow = test.text("flows/work.yaml").replace("    agent: author\n", "    agent: author\n    engine: replay\n");
    test.write("flows/work.yaml", &format!("{flow}  - id: more\n    agent: author\n"));
    let test = test.env("OPENAI_BASE_URL", &live.url);
    test.go(&["run", "work", "--run-id", "again", "--recording", "r"]).code(0);
    assert_eq!((again(&test, "receipts")["engine"].clone(), live.asked().len()), (json!("replay"), 2));
}

#[test]
fn a_secret_that_is_one_only_now_does_not_reach_the_recording() {
    let llm = Llm::script([says("I saw correct-horse-battery."), verified()]);
    let test = test(&llm, "");
    run(&test).code(0);
    let test = test.env("OPENAI_API_KEY", "correct-horse-battery");
    let made = test.go(&["record", "r", "--to", "tape", "--json"]).code(0).json();
    assert_eq!(made["blacked_out"], 1);
    for (path, bytes) in test.every_file("tape") {
        assert!(!String::from_utf8_lossy(&bytes).contains("correct-horse-battery"), "{}", path.display());
    }
    test.go(&["record", "r", "--to", "tape"]).code(1).says("it holds something already");
}

/// Claude Code wrote a file with a tool of its own and said so.
fn by_a_program() -> Test {
    let test = programs::test("    engine: claude\n    outputs: [app.py]\n").file("app.py", "x = 1\n");
    let said = json!({"status": "VERIFIED", "summary": {"what_i_did": "made x two",
        "evidence": {"artifacts_produced": ["app.py"], "commands_run": []}}});
    let answers = programs::prints(&[programs::init(), programs::result(json!({"structured_output": said}))]);
    programs::program(&test, "claude", &format!("echo 'x = 2' > app.py\n{answers}"));
    run(&test).code(0);
    test
}

#[test]
fn what_a_program_said_is_said_again_and_what_it_did_is_not_done() {
    let test = by_a_program();
    std::fs::remove_file(test.at("bin/claude")).unwrap();
    replay(&test, "r", &[]).code(0);
    let receipt = again(&test, "receipts");
    assert_eq!(
        (&receipt["engine"], &receipt["cost_usd"], &receipt["provider"]),
        (&json!("replay"), &json!(0.0), &json!("recording"))
    );
    assert_eq!(again(&test, "handoffs")["summary"]["what_i_did"], "made x two");
    let log = test.text("run_base/again/work/logs/make.jsonl");
    assert!(log.contains("what `claude` did with its own tools is not done again"), "{log}");
    // A replay of the replay holds the same prompt against the same.
    test.go(&["run", "work", "--run-id", "thrice", "--engine", "replay", "--recording", "again"]).code(0);
    // Nothing writes the file that it claims: the contract is measured now.
    std::fs::remove_file(test.at("app.py")).unwrap();
    test.go(&["run", "work", "--run-id", "none", "--engine", "replay", "--recording", "r"]).code(1);
    let receipt = test.json("run_base/none/work/receipts/make-author.json");
    assert_eq!(receipt["error_detail"]["kind"], "contract", "{receipt}");
}

#[test]
fn a_program_is_recorded_for_another_machine_and_a_prompt_that_differs_is_drift() {
    let test = by_a_program();
    test.go(&["record", "r", "--to", "tape"]).code(0);
    let tape = test.at("tape").display().to_string();
    let other = elsewhere(&test);
    replay(&other, &tape, &[]).code(0);
    let other = elsewhere(&test);
    other.write("agents/author.md", &(other.text("agents/author.md") + "Be brief.\n"));
    replay(&other, &tape, &[]).code(1);
    assert_eq!(error_of(&other).0, "drift");
    let other = elsewhere(&test);
    other.write("agents/author.md", &(other.text("agents/author.md") + "Be brief.\n"));
    replay(&other, &tape, &["--replay", "lenient"]).code(0);
}
