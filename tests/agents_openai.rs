//! Agent steps on the engine `openai`, against a server on this machine: the whole way, from flow to receipt.

mod common;

use common::{
    agents::{envelope, nowhere, receipt, results, run, test, transcript},
    llm::{Llm, calls, error, handoff, says, verified},
};
use serde_json::{Value, json};

#[test]
fn an_agent_reads_writes_runs_and_hands_over() {
    let llm = Llm::script([
        calls(&[("read_file", json!({"path": "app.py"})), ("list_files", json!({}))]),
        calls(&[("edit_file", json!({"path": "app.py", "old": "1", "new": "2"}))]),
        calls(&[("write_file", json!({"path": "artifacts/plan.md", "content": "# Plan\n"}))]),
        calls(&[("run_command", json!({"command": "cat app.py \"$ARTIFACTS/plan.md\""}))]),
        says("I am done."),
        handoff(&json!({"status": "VERIFIED", "summary": {"what_i_did": "changed x", "key_decisions": ["x is 2"],
            "evidence": {"artifacts_produced": ["app.py", "artifacts/plan.md"], "commands_run": ["cat app.py"]}}})),
    ]);
    let step = "    outputs: [artifacts/plan.md]\n    verify: [{id: two, run: \"grep -q 2 app.py\"}]\n    teach: {objective: Make x two.}\n";
    let test = test(&llm, step).file("app.py", "x = 1\n");
    run(&test).code(0);
    assert_eq!(test.text("app.py"), "x = 2\n");
    let receipt = receipt(&test);
    assert_eq!(
        (&receipt["status"], &receipt["engine"], &receipt["mode"]),
        (&json!("succeeded"), &json!("openai"), &json!("api"))
    );
    assert_eq!((&receipt["provider"], &receipt["model"]), (&json!("127.0.0.1"), &json!("m-1")));
    assert_eq!(receipt["tokens"], json!({"prompt": 600, "completion": 60, "total": 660}));
    assert!((receipt["cost_usd"].as_f64().unwrap() - 0.012).abs() < 1e-9, "{receipt}");
    assert_eq!(receipt["commands"][0]["run"], "cat app.py \"$ARTIFACTS/plan.md\"");
    let agrees: Vec<bool> = receipt["claims"].as_array().unwrap().iter().map(|one| one["agrees"] == json!(true)).collect();
    assert_eq!(agrees, [true, true, true], "{receipt}");
    assert!(receipt["context"]["tokens"].as_u64().unwrap() > 0 && receipt["context"]["estimated"] == json!(true));
    assert_eq!(envelope(&test)["status"], "VERIFIED");
    let asked = llm.asked();
    assert_eq!(asked[0]["messages"][0], json!({"role": "system", "content": "You write code. {{braces}} stay.\n"}));
    assert!(asked[0]["messages"][1]["content"].as_str().unwrap().contains("Make x two."));
    assert_eq!((asked[0]["tools"].as_array().unwrap().len(), &asked[0]["stream"]), (6, &json!(false)));
    assert_eq!(asked[5]["response_format"]["type"], "json_schema");
    assert!(results(&llm)[3].contains("x = 2") && results(&llm)[3].contains("# Plan"), "{:?}", results(&llm));
    // Six calls, each a line; what was sent first is shown as it was sent.
    assert_eq!(test.text("run_base/r/cost.jsonl").lines().count(), 6);
    let prompt = test.go(&["show", "r", "make", "--prompt"]).code(0).stdout;
    assert!(prompt.contains("{{braces}} stay.") && prompt.contains("Make x two.") && !prompt.contains("I am done"), "{prompt}");
    test.go(&["verify", "r"]).code(0);
    assert!(test.go(&["status", "r"]).code(0).stdout.contains("models: 6 calls, 660 tokens, 0.0120 USD"));
    assert!(test.go(&["report", "r"]).code(0).stdout.contains("- models: 6 calls, 660 tokens, 0.0120 USD"));
}

#[test]
fn a_lie_about_success_is_downgraded() {
    let llm = Llm::script([
        says("All done and tested!"),
        handoff(&json!({"status": "VERIFIED", "summary": {"what_i_did": "changed src/x.py, tests are green",
            "evidence": {"artifacts_produced": ["src/x.py"], "commands_run": ["pytest -q"]}}})),
    ]);
    let test = test(&llm, "");
    run(&test).code(0);
    let (receipt, envelope) = (receipt(&test), envelope(&test));
    assert_eq!((&receipt["claims"][0]["agrees"], &receipt["claims"][1]["agrees"]), (&json!(false), &json!(false)));
    assert_eq!((&envelope["status"], &envelope["measured"]["downgraded_from"]), (&json!("UNVERIFIED"), &json!("VERIFIED")));
    let reasons = envelope["measured"]["reasons"].to_string();
    assert!(
        reasons.contains("src/x.py") && reasons.contains("does not exist") && reasons.contains("no command was run"),
        "{reasons}"
    );
}

#[test]
fn a_declared_output_that_is_not_there_fails_the_step_whatever_it_says() {
    let llm = Llm::answering(|number, _| if number % 2 == 1 { says("Done.") } else { verified() });
    let test = test(&llm, "    outputs: [out.txt]\n");
    run(&test).code(1);
    assert_eq!(receipt(&test)["error_detail"]["kind"], "contract");
    assert_eq!(envelope(&test)["status"], "UNVERIFIED");
}

#[test]
fn a_bad_handoff_is_repaired_once_with_the_words_of_the_validator() {
    let llm = Llm::script([says("Done."), says("{\"status\": \"GOOD\"}"), verified()]);
    let test = test(&llm, "");
    run(&test).code(0);
    let last = llm.asked().pop().unwrap();
    let told = last["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned();
    assert!(told.contains("unknown variant `GOOD`"), "{told}");
    assert_eq!(envelope(&test)["status"], "VERIFIED");
}

#[test]
fn a_server_without_tools_schemas_and_usage_still_works() {
    let llm = Llm::answering(|_, asked| {
        if asked.get("tools").is_some() {
            return error(400, "\"auto\" tool choice requires --enable-auto-tool-choice");
        }
        if asked.get("response_format").is_some() {
            return error(400, "response_format is not supported");
        }
        let messages = asked["messages"].as_array().unwrap();
        let last = messages.last().unwrap()["content"].as_str().unwrap();
        let turn = match messages.len() {
            2 => says("```tool\n{\"name\": \"write_file\", \"arguments\": {\"path\": \"a.txt\", \"content\": \"hi\"}}\n```"),
            4 => says(&format!("I saw: {last}")),
            _ => says(
                "Here: ```json\n{\"status\": \"VERIFIED\", \"summary\": {\"evidence\": {\"artifacts_produced\": [\"a.txt\"]}}}\n```",
            ),
        };
        turn.edited(|body| drop(body.as_object_mut().unwrap().remove("usage")))
    });
    let test = test(&llm, "");
    run(&test).code(0);
    assert_eq!(test.text("a.txt"), "hi");
    let receipt = receipt(&test);
    assert!(receipt.get("cost_usd").is_none(), "an unknown cost is absent: {receipt}");
    let lacks: Vec<Value> =
        transcript(&test).into_iter().filter(|line| line["event"] == "server_lacks").map(|line| line["lacks"].clone()).collect();
    assert_eq!(lacks, ["tools", "json_schema", "json_object"]);
    assert!(test.text("run_base/r/work/logs/make.jsonl").contains("server_lacks"));
    let cost: Value = serde_json::from_str(test.text("run_base/r/cost.jsonl").lines().last().unwrap()).unwrap();
    assert_eq!((&cost["total"]["calls"], &cost["total"]["unknown"]), (&json!(3), &json!(3)));
}

#[test]
fn a_secret_in_a_tool_result_is_neither_sent_nor_kept() {
    let llm = Llm::script([
        calls(&[("run_command", json!({"command": "cat .secret"})), ("read_file", json!({"path": ".secret"}))]),
        says("I saw hunter2-correct-horse and sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH."),
        handoff(&json!({"status": "VERIFIED", "summary": {"what_i_did": "saw hunter2-correct-horse"}})),
    ]);
    let test = test(&llm, "").file(".secret", "hunter2-correct-horse\n").env("PASSWORD", "hunter2-correct-horse");
    test.write("flows/work.yaml", &format!("secrets: [PASSWORD]\n{}", test.text("flows/work.yaml")));
    run(&test).code(0);
    assert!(results(&llm).iter().all(|result| !result.contains("hunter2")), "{:?}", results(&llm));
    nowhere(&test, b"hunter2-correct-horse");
    nowhere(&test, b"sk-proj-abcdefghijklmnopqrstuvwxyz");
}

#[test]
fn an_observer_is_given_nothing_that_writes() {
    let llm = Llm::script([calls(&[("write_file", json!({"path": "a", "content": "b"}))]), says("Well."), verified()]);
    let test = test(&llm, "    access: observe\n");
    run(&test).code(0);
    let names: Vec<Value> =
        llm.asked()[0]["tools"].as_array().unwrap().iter().map(|tool| tool["function"]["name"].clone()).collect();
    // Commands stand behind a fence where there is one.
    let fenced = names.contains(&json!("run_command"));
    assert_eq!(names.iter().filter(|name| **name != "run_command").collect::<Vec<_>>(), ["read_file", "list_files", "search"]);
    assert!(results(&llm)[0].contains("may not use `write_file`") && !test.at("a").exists());
    let sandbox = &receipt(&test)["sandbox"];
    assert_eq!(sandbox["requested"], "observe");
    assert_eq!(sandbox["enforced"].as_str().unwrap().starts_with("tools, landlock"), fenced, "{sandbox}");
}

#[test]
fn what_an_observing_agent_runs_changes_nothing_and_it_is_told_why() {
    let command = json!({"command": "echo x > made; echo y > \"$TMPDIR/own\" && cat \"$TMPDIR/own\""});
    let llm = Llm::script([
        calls(&[("run_command", json!({"command": "echo x > made"})), ("run_command", command)]),
        says("Well."),
        verified(),
    ]);
    let test = test(&llm, "    access: observe\n");
    run(&test).code(0);
    assert!(!test.at("made").exists());
    let told = llm.asked()[1]["messages"].to_string();
    assert!(told.contains("`access: observe` lets the step write in $STEP_DIR and $TMPDIR"), "{told}");
    let bare = test_without_fence();
    assert!(bare, "an observing agent keeps its reading tools where nothing enforces more");
}

/// Where nothing enforces it, the commands are taken away and the step runs.
fn test_without_fence() -> bool {
    let llm = Llm::script([says("Well."), verified()]);
    let test = test(&llm, "    access: observe\n").env("FLOW_STUDIO_SANDBOX", "none");
    run(&test).code(0);
    let names = llm.asked()[0]["tools"].to_string();
    assert_eq!(receipt(&test)["sandbox"], json!({"requested": "observe", "enforced": "tools"}));
    !names.contains("run_command") && names.contains("read_file")
}

#[test]
fn the_critics_concerns_reach_the_next_round_and_the_handoff_the_next_step() {
    let llm = Llm::answering(|_, asked| {
        let prompt = asked["messages"][1]["content"].as_str().unwrap_or_default();
        let wants = asked.get("response_format").is_some();
        let (critic, second) = (prompt.contains("the step `review`"), prompt.contains("round 2 of at most 3"));
        match (wants, critic, second) {
            (false, ..) => says("Done."),
            (true, true, false) => {
                handoff(&json!({"status": "UNVERIFIED", "concerns": [{"severity": "HIGH", "description": "no tests at all"}],
                "routing": {"can_further_iteration_help": true}}))
            }
            (true, true, true) => verified(),
            (true, false, _) => {
                handoff(&json!({"status": "VERIFIED", "summary": {"what_i_did": "wrote it", "key_decisions": ["keep it small"]}}))
            }
        }
    });
    let test = test(&llm, "  - id: review\n    agent: author\n    loop: {to: make, max: 3}\n");
    run(&test).code(0);
    let prompts: Vec<String> = llm
        .asked()
        .iter()
        .filter(|asked| asked.get("response_format").is_none())
        .map(|asked| asked["messages"][1]["content"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(prompts.len(), 4);
    assert!(prompts[1].contains("What step `make` handed over") && prompts[1].contains("keep it small"), "{}", prompts[1]);
    assert!(
        prompts[2].contains("What `review` found in the round before") && prompts[2].contains("HIGH: no tests at all"),
        "{}",
        prompts[2]
    );
}

#[test]
fn steps_side_by_side_wait_for_their_servers_together() {
    // Each answer is held back until all steps have asked: they can only end if none waits for another.
    let gate = std::sync::Arc::new((std::sync::Mutex::new(0), std::sync::Condvar::new()));
    let llm = Llm::answering(move |_, asked| {
        let (count, all) = &*gate;
        let mut count = count.lock().unwrap();
        *count += 1;
        all.notify_all();
        let wanted = if asked.get("response_format").is_some() { 40 } else { 20 };
        drop(all.wait_while(count, |count| *count < wanted).unwrap());
        if wanted == 40 { verified() } else { says("Done.") }
    });
    let test = test(&llm, "");
    let steps: String = (0..20).map(|n| format!("  - id: s{n}\n    needs: []\n    agent: author\n")).collect();
    test.write("flows/work.yaml", &format!("flow: work\ntitle: w\njobs: 20\nsteps:\n{steps}"));
    run(&test).code(0);
    assert_eq!(llm.asked().len(), 40);
}
