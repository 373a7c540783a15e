//! The seven flows on the shipped example, with the real program, real tools and real tests, against a model that plays a script
//! over the API. What is measured wins over what is said, and a run that gets nowhere stops.

mod common;

#[path = "sdlc/bench.rs"]
mod bench;
#[path = "sdlc/model.rs"]
mod model;

use bench::Bench;
use model::model;
use serde_json::{Value, json};

const REQUEST: &str = "--param=request=REQUEST.md";

#[test]
fn build_makes_red_tests_green_and_commits_them() {
    let llm = model(|_| {});
    let bench = Bench::asking(&llm);
    let before = bench.git(&["rev-parse", "HEAD"]);
    bench.run("build", &[REQUEST]).code(0);
    assert_eq!(bench.decided("build", "critique-tests"), ["LOOP loop-again", "CONTINUE loop-verified"]);
    assert_eq!(bench.decided("build", "critique-code"), ["LOOP loop-again", "CONTINUE loop-verified"]);
    // The first try of the code was red, whatever its author said of it; the second one is green.
    assert_eq!(bench.decided("build", "write-code"), ["CONTINUE failed-policy", "CONTINUE verified"]);
    let first = bench.test.json("run_base/r/build/handoffs/write-code-code-author.1.json");
    assert_eq!((&first["status"], &first["measured"]["downgraded_from"]), (&json!("UNVERIFIED"), &json!("VERIFIED")));
    let receipt = bench.test.json("run_base/r/build/receipts/write-code-code-author.json");
    assert_eq!((&receipt["tests"]["figures"]["passed"], &receipt["tests"]["figures"]["failed"]), (&json!(11), &json!(0)));
    assert!(receipt["claims"].as_array().unwrap().iter().all(|claim| claim["agrees"] == json!(true)), "{receipt}");
    // One commit on a branch of its own, and nothing else was touched.
    assert_eq!(bench.git(&["rev-parse", "main"]), before);
    assert_eq!(bench.git(&["log", "--format=%s", "main..flow-studio/r"]), "Links that expire");
    assert_eq!(
        bench.git(&["diff", "--name-only", "main", "flow-studio/r"]),
        "shortlinks/server.py\nshortlinks/store.py\ntests/test_expiry.py"
    );
    assert_eq!(bench.git(&["status", "--porcelain"]), "");
    bench.test.verified(0);
    // The second round knew what was wrong with the first: what the critic said, and what was measured.
    let prompt = bench.test.go(&["show", "r", "write-code", "--prompt"]).code(0).stdout;
    for words in
        ["What `critique-code` found in the round before", "What went wrong with your own work before", "a truth value is taken"]
    {
        assert!(prompt.contains(words), "{words}\n{prompt}");
    }
}

#[test]
fn an_author_who_lies_about_tests_is_caught_and_the_critic_cannot_help_it() {
    // Nothing is written, nothing is run, everything is claimed; and the critic believes it.
    let llm = model(|part| match part.step.as_str() {
        "write-code" => {
            part.script.outputs.clear();
            part.draft = json!({"status": "VERIFIED", "summary": {"what_i_did": "All tests pass.", "evidence": {
                "artifacts_produced": ["shortlinks/expiry.py"], "commands_run": ["make check"],
                "measurements": {"tests_passed": 11, "tests_failed": 0}}}});
        }
        "critique-code" => part.draft = json!({"status": "VERIFIED", "summary": {"what_i_found": "It says all tests pass."}}),
        _ => {}
    });
    let bench = Bench::asking(&llm);
    bench.run("build", &[REQUEST]).code(4);
    let rounds = bench.decided("build", "critique-code");
    assert_eq!(rounds.last().unwrap(), "ESCALATE loop-exhausted", "{rounds:?}");
    let envelope = bench.test.json("run_base/r/build/handoffs/write-code-code-author.json");
    assert_eq!((&envelope["status"], &envelope["measured"]["downgraded_from"]), (&json!("UNVERIFIED"), &json!("VERIFIED")));
    let receipt = bench.test.json("run_base/r/build/receipts/write-code-code-author.json");
    assert_eq!(receipt["status"], "failed");
    let lies: Vec<String> = receipt["claims"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|claim| claim["agrees"] == json!(false))
        .map(|claim| format!("{}: {}", claim["claim"].as_str().unwrap(), claim["measured"].as_str().unwrap()))
        .collect();
    let wanted = ["produced `shortlinks/expiry.py`: it does not exist", "tests_failed = 0: tests_failed = "];
    for want in wanted {
        assert!(lies.iter().any(|lie| lie.starts_with(want)), "{want} is not among {lies:?}");
    }
    // The decision says what it rests on, and the report tells people.
    let decisions = bench.test.text("run_base/r/build/routing/decisions.jsonl");
    assert!(decisions.contains("and `steps['write-code'].passed` does not hold"), "{decisions}");
    let report = bench.test.go(&["report", "r", "--flow", "build"]).stdout;
    assert!(report.contains("verify tests: tests: expected tests ran, none failed"), "{report}");
    assert_eq!(bench.git(&["log", "--format=%s", "main..flow-studio/r"]), "", "nothing is committed");
}

#[test]
fn a_false_claim_about_green_work_is_a_row_of_the_gate() {
    // The work is good, and its author says of it what nobody saw.
    let llm = model(|part| {
        if part.step == "write-code" {
            part.draft["summary"]["evidence"]["commands_run"] = json!(["cargo bench"]);
        }
    });
    let bench = Bench::asking(&llm);
    bench.run("build", &[REQUEST]).code(0);
    bench.run("review", &[REQUEST]).code(0);
    bench.run("gate", &[]).code(1);
    let verdict = bench.artifact("gate/verdict.md");
    assert!(
        verdict.starts_with("# BOUNCE\n")
            && verdict.contains("| claims | NO |")
            && verdict.contains("| tests | yes | 11 passed, 0 failed |"),
        "{verdict}"
    );
    // Nothing passes the boundary.
    bench.run("deploy", &[]).code(1);
    assert_eq!(bench.decided("deploy", "verdict"), ["TERMINATE failed-policy"]);
}

#[test]
fn code_that_does_not_converge_is_stopped_before_its_rounds_are_spent() {
    let finding = json!([{"severity": "HIGH", "location": "shortlinks/store.py:20", "description": "the clock is read twice"}]);
    let llm = model(move |part| {
        if part.step == "critique-code" {
            // The line moves, the finding stays.
            let mut concerns = finding.clone();
            concerns[0]["location"] = json!(format!("shortlinks/store.py:{}", 20 + part.nth));
            part.draft = json!({"status": "UNVERIFIED", "concerns": concerns, "routing": {"can_further_iteration_help": true}});
        }
    });
    let bench = Bench::asking(&llm);
    bench.run("build", &[REQUEST]).code(4);
    assert_eq!(bench.decided("build", "critique-code"), ["LOOP loop-again", "ESCALATE loop-same-signature"]);
    let question = bench.test.facts("r", "escalation_raised").pop().unwrap();
    assert!(question.to_string().contains("the clock is read twice"), "{question}");
}

#[test]
fn a_build_stops_before_the_call_that_would_pass_its_budget() {
    let llm = model(|_| {});
    let flows = tempfile::tempdir().unwrap();
    let shipped = std::fs::read_to_string(bench::root().join("flows/build.yaml")).unwrap();
    std::fs::write(flows.path().join("build.yaml"), shipped.replace("tokens: 1500000", "tokens: 7000")).unwrap();
    std::os::unix::fs::symlink(bench::root().join("flows/scripts"), flows.path().join("scripts")).unwrap();
    let bench = Bench::asking(&llm).with_flows(flows.path());
    bench.run("build", &[REQUEST]).code(5);
    let cost = bench.test.text("run_base/r/cost.jsonl");
    let last: Value = serde_json::from_str(cost.lines().last().unwrap()).unwrap();
    assert!(last["total"]["tokens"]["total"].as_u64().unwrap() <= 7000, "{last}");
    assert!(!llm.asked().is_empty(), "something was asked before");
    assert_eq!(llm.asked().len(), cost.lines().count(), "every call has its line, and none came after the stop");
    let question = bench.test.facts("r", "escalation_raised").pop().unwrap();
    assert!(question.to_string().contains("of 7000 tokens are used, and the next call would pass the limit"), "{question}");
}
