//! What goes wrong between an agent step and its server, and what becomes of the step.

mod common;

use common::{
    agents::{TRANSCRIPT, nowhere, receipt, run, test, transcript},
    llm::{Llm, Turn, calls, error, error_with, handoff, refuses, says, verified},
};
use serde_json::{Value, json};

#[test]
fn arguments_that_cannot_be_read_are_told_and_an_error_stops_nothing() {
    let llm = Llm::script([
        calls(&[("read_file", json!("{\"path\": ")), ("fly", json!({})), ("read_file", json!({"path": "../secret"}))]),
        calls(&[
            ("write_file", json!({"path": "/etc/passwd", "content": ""})),
            ("edit_file", json!({"path": "none", "old": "a", "new": "b"})),
        ]),
        says("I give up."),
        handoff(&json!({"status": "UNVERIFIED"})),
    ]);
    let test = test(&llm, "");
    run(&test).code(0);
    let told: Vec<String> = transcript(&test)
        .iter()
        .filter(|line| line["event"] == "tool_result")
        .map(|line| line["content"].as_str().unwrap().to_owned())
        .collect();
    let words =
        ["arguments are not what", "there is no tool `fly`", "holds `..`", "leads out of the workspace", "does not exist"];
    assert_eq!(told.len(), words.len());
    for (told, word) in told.iter().zip(words) {
        assert!(told.starts_with("error: ") && told.contains(word), "{told}");
    }
}

#[test]
fn a_handoff_that_is_bad_twice_fails_the_step_as_bad_output() {
    let llm = Llm::answering(|_, _| says("It is fine, trust me."));
    let test = test(&llm, "");
    run(&test).code(1);
    assert_eq!(receipt(&test)["error_detail"]["kind"], "bad_output");
    assert!(receipt(&test)["error"].as_str().unwrap().contains("it holds no JSON object"));
}

#[test]
fn a_refused_key_is_permanent_and_is_nowhere_printed() {
    let llm = Llm::answering(|_, _| error(401, "Incorrect API key provided: key-0123456789abcdef"));
    let test = test(&llm, "").env("OPENAI_API_KEY", "key-0123456789abcdef");
    let ran = run(&test).code(1);
    assert_eq!(llm.asked().len(), 1, "401 is never tried again");
    assert!(llm.heads()[0].contains("Bearer key-0123456789abcdef"));
    assert_eq!(receipt(&test)["error_detail"]["kind"], "auth");
    assert!(!(ran.stderr + &ran.stdout).contains("0123456789abcdef"));
    nowhere(&test, b"0123456789abcdef");
}

#[test]
fn a_busy_server_is_asked_again_when_it_said() {
    let llm = Llm::script([error_with(429, "slow down", ("retry-after", "0.05")), says("Done."), verified()]);
    let test = test(&llm, "");
    run(&test).code(0);
    let waits = test.facts("r", "attempt_ended");
    assert!(waits[0]["error"].as_str().unwrap().contains("429"), "{waits:?}");
    let waits_here = |line: &Value| line["facts"].as_array().unwrap().iter().any(|fact| fact["kind"] == "attempt_ended");
    let line = test.journal("r").into_iter().find(waits_here).unwrap();
    let ms = |time: &Value| time.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond();
    assert_eq!(ms(&waits[0]["due"]) - ms(&line["ts"]), 50, "the server's word wins over the flow's delay of 1 ms");
    assert_eq!(receipt(&test)["attempt"], 2);
    let events: Vec<(u64, String)> = transcript(&test)
        .iter()
        .map(|line| (line["attempt"].as_u64().unwrap(), line["event"].as_str().unwrap().to_owned()))
        .filter(|(_, event)| event == "started" || event == "resumed")
        .collect();
    assert_eq!(events, [(1, "started".to_owned()), (2, "resumed".to_owned())]);
}

#[test]
fn a_conversation_that_broke_off_goes_on_and_nothing_is_done_twice() {
    let llm = Llm::script([
        calls(&[("run_command", json!({"command": "echo once >> ran"}))]),
        error(503, "busy"),
        says("Done."),
        error(503, "busy"),
        verified(),
    ]);
    let test = test(&llm, "");
    run(&test).code(0);
    assert_eq!(test.text("ran"), "once\n");
    let asked = llm.asked();
    assert_eq!(asked[1]["messages"], asked[2]["messages"], "the same request again");
    assert_eq!(asked[3]["messages"], asked[4]["messages"]);
    let receipt = receipt(&test);
    assert_eq!((&receipt["attempt"], &receipt["tokens"]["total"]), (&json!(3), &json!(330)), "all attempts are counted");
    assert_eq!(receipt["commands"].as_array().unwrap().len(), 1);
}

#[test]
fn what_breaks_for_a_moment_is_tried_again() {
    for broken in [
        error(500, "oops"),
        error(529, "overloaded"),
        Turn::Drop,
        Turn::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{\"choices\": [".to_vec()),
        Turn::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"choices\":[".to_vec()),
        Turn::Json { status: 200, headers: Vec::new(), body: json!({"choices": []}) },
    ] {
        let what = format!("{broken:?}");
        let llm = Llm::script([broken, says("Done."), verified()]);
        let test = test(&llm, "");
        let ran = run(&test);
        assert_eq!(ran.code, Some(0), "{what}\n{}", ran.stderr);
        assert_eq!(receipt(&test)["attempt"], 2, "{what}");
    }
}

#[test]
fn what_will_never_work_is_not_tried_again() {
    for (turn, kind) in [
        (error(400, "This model's maximum context length is 8192 tokens"), "context"),
        // As a real one refuses a conversation that has grown beyond its window.
        (
            error(400, "This model's maximum context length is 128000 tokens. However, your messages resulted in 200417 tokens."),
            "context",
        ),
        (error(403, "not for you"), "permission_denied"),
        (error(404, "no model `m`"), "unknown"),
        (error(422, "nonsense"), "unknown"),
        (error(402, "pay first"), "quota"),
        (refuses("I will not do that."), "refused"),
    ] {
        let what = format!("{turn:?}");
        let llm = Llm::script([turn]);
        let test = test(&llm, "");
        run(&test).code(1);
        assert_eq!(receipt(&test)["error_detail"]["kind"], kind, "{what}");
        assert_eq!(llm.asked().len(), 1, "{what}");
    }
}

#[test]
fn an_answer_of_three_megabytes_is_taken_and_kept_in_part() {
    let long = "x".repeat(3 << 20);
    let llm = Llm::script([says(&long), verified()]);
    let test = test(&llm, "");
    run(&test).code(0);
    let bytes = test.text(TRANSCRIPT).len();
    assert!(bytes < 1 << 20, "{bytes}");
    assert!(test.text(TRANSCRIPT).contains("[TRUNCATED: 524288 of 3145728 bytes]"));
}

#[test]
fn turns_have_an_end() {
    let llm = Llm::answering(|number, _| calls(&[("run_command", json!({"command": format!("echo {number}")}))]));
    let test = test(&llm, "    max_turns: 3\n");
    run(&test).code(1);
    assert_eq!(receipt(&test)["error_detail"]["kind"], "turn_limit");
    assert_eq!(llm.asked().len(), 3);
}

#[test]
fn a_call_that_is_repeated_is_not_made_and_then_ends_the_step() {
    let llm = Llm::answering(|_, _| calls(&[("run_command", json!({"command": "echo again >> ran"}))]));
    let test = test(&llm, "");
    run(&test).code(1);
    let receipt = receipt(&test);
    assert_eq!(receipt["error_detail"]["kind"], "hung");
    assert_eq!(test.text("ran").lines().count() as u64, 2 * receipt["attempt"].as_u64().unwrap());
}

#[test]
fn a_kill_during_a_call_leaves_the_transcript_and_the_count() {
    let hang = Llm::script([calls(&[("run_command", json!({"command": "echo one >> done"}))]), Turn::Hang]);
    let test = test(&hang, "");
    let live = test.start(&["run", "work", "--run-id", "r"]);
    hang.wait_for(2);
    live.kill();
    let before = test.text(TRANSCRIPT);
    assert!(before.contains("echo one"), "{before}");
    let shown = test.go(&["show", "r", "make", "--transcript"]).code(0).stdout;
    assert!(shown.contains("echo one"), "{shown}");
    let llm = Llm::script([says("Done."), verified()]);
    let test = test.env("OPENAI_BASE_URL", &llm.url);
    test.go(&["resume", "r"]).code(0).says("`make` had asked `m-1` when its driver was killed");
    assert!(test.text(TRANSCRIPT).starts_with(&before), "what was said before stands");
    let executions: Vec<u64> = transcript(&test)
        .iter()
        .filter(|line| line["event"] == "started")
        .map(|line| line["execution"].as_u64().unwrap())
        .collect();
    assert_eq!(executions, [1, 2]);
    let cost: Value = serde_json::from_str(test.text("run_base/r/cost.jsonl").lines().last().unwrap()).unwrap();
    assert_eq!(cost["total"]["calls"], 4, "each call once");
    // It was sent, and may be paid for: that is said, and nothing is made up.
    assert_eq!((&cost["total"]["unknown"], &cost["total"]["tokens"]["total"]), (&json!(1), &json!(330)));
    assert!(test.go(&["status", "r"]).stdout.contains("models: 4 calls, 330 tokens, 0.0060 USD and 1 call of unknown cost"));
    let prompt = test.go(&["show", "r", "make", "--prompt"]).code(0).stdout;
    assert_eq!(prompt.matches("You write code.").count(), 1, "only of the last execution");
    test.go(&["verify", "r"]).code(0);
}

#[test]
fn a_kill_during_a_tool_leaves_the_call_that_asked_for_it_counted_once() {
    let first = Llm::script([calls(&[("run_command", json!({"command": "echo one >> done; echo in > in; cat hold"}))])]);
    let test = test(&first, "").fifo("in").fifo("hold");
    let live = test.start(&["run", "work", "--run-id", "r"]);
    common::await_word(&test.at("in"));
    live.kill();
    let before = test.text(TRANSCRIPT);
    assert!(before.contains("echo one"), "{before}");
    let llm = Llm::script([says("Done."), verified()]);
    let test = test.env("OPENAI_BASE_URL", &llm.url);
    test.go(&["resume", "r"]).code(0).says("was still running after its driver was killed; it was ended");
    assert!(test.text(TRANSCRIPT).starts_with(&before), "what was said before stands");
    assert_eq!(test.text("done"), "one\n");
    let cost: Value = serde_json::from_str(test.text("run_base/r/cost.jsonl").lines().last().unwrap()).unwrap();
    assert_eq!((&cost["total"]["calls"], &cost["total"]["tokens"]["total"]), (&json!(3), &json!(330)), "each call once");
    assert_eq!(cost["total"]["unknown"], 0, "nobody had been asked when it was killed");
    test.go(&["verify", "r"]).code(0);
}

#[test]
fn a_once_only_agent_that_was_killed_in_a_tool_is_asked_about() {
    let llm = Llm::script([calls(&[("run_command", json!({"command": "echo one >> done; echo in > in; cat hold"}))])]);
    let test = test(&llm, "").fifo("in").fifo("hold");
    let flow = test.text("flows/work.yaml").replace("    retry: {delay: 1ms, attempts: 3}\n", "    effects: once\n");
    test.write("flows/work.yaml", &flow);
    let live = test.start(&["run", "work", "--run-id", "r"]);
    common::await_word(&test.at("in"));
    live.kill();
    test.go(&["resume", "r"]).code(4);
    let question = test.facts("r", "escalation_raised")[0]["question"].clone();
    assert_eq!((&question["rule"], llm.asked().len()), (&json!("lost"), 1), "{question}");
    assert_eq!(test.text("done"), "one\n", "nothing ran again");
}

#[test]
fn a_stop_does_not_wait_for_the_model() {
    let llm = Llm::script([Turn::Hang]);
    let test = test(&llm, "").file("flow-studio.toml", "grace = \"10ms\"\n[models]\nstandard = [\"m\"]\n");
    let live = test.start(&["run", "work", "--run-id", "r"]);
    llm.wait_for(1);
    live.signal("TERM");
    live.wait().code(143);
    assert_eq!(receipt(&test)["status"], "interrupted");
}

#[test]
fn the_steps_time_ends_a_call() {
    let llm = Llm::script([Turn::Hang]);
    let test = test(&llm, "    timeout: 50ms\n");
    test.write("flows/work.yaml", &test.text("flows/work.yaml").replace("{delay: 1ms, attempts: 3}", "{attempts: 1}"));
    run(&test).code(1);
    assert_eq!(receipt(&test)["error_detail"]["kind"], "timeout");
    // It may have been answered, and paid for: the line is there, and claims no figures.
    let cost: Value = serde_json::from_str(test.text("run_base/r/cost.jsonl").lines().last().expect("a line")).unwrap();
    assert_eq!((&cost["call"]["step_id"], &cost["total"]["unknown"]), (&json!("make"), &json!(1)), "{cost}");
}

#[test]
fn a_missing_key_names_the_variable_and_the_ways_around_it() {
    let llm = Llm::script([]);
    let test = test(&llm, "").env("OPENAI_BASE_URL", "");
    let ran = run(&test).code(3);
    for words in ["OPENAI_API_KEY is not set", "--engine stub --scenario", "OPENAI_BASE_URL=http://localhost"] {
        assert!(ran.stderr.contains(words), "{words}\n{}", ran.stderr);
    }
    assert!(!test.at("run_base").exists(), "nothing was started");
}

#[test]
fn a_server_that_is_not_openais_needs_a_model_by_name() {
    let llm = Llm::script([]);
    let test = test(&llm, "").file("flow-studio.toml", "");
    run(&test).code(3).says("has no model").says("[models] standard");
}
