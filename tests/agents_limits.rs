//! Limits of tokens and money: a run stops before the call that would pass one, asks, and goes on when it is raised.

mod common;

use common::{
    Test,
    agents::{TRANSCRIPT, receipt, run, test},
    llm::{Llm, Turn, says, verified},
};
use serde_json::{Value, json};

/// An answer that used so many tokens.
fn used(turn: Turn, prompt: u64, completion: u64) -> Turn {
    turn.edited(|body| body["usage"] = json!({"prompt_tokens": prompt, "completion_tokens": completion}))
}

fn limited(llm: &Llm, limits: &str) -> Test {
    let test = test(llm, "");
    test.write("flows/work.yaml", &format!("limits: {limits}\n{}", test.text("flows/work.yaml")));
    test
}

#[test]
fn a_run_stops_before_the_call_that_would_pass_its_tokens() {
    let llm = Llm::script([used(says("Done."), 3900, 100)]);
    let test = limited(&llm, "{tokens: 5000}");
    run(&test).code(5);
    assert_eq!(llm.asked().len(), 1, "the handoff was not asked for");
    let receipt = receipt(&test);
    assert_eq!((&receipt["status"], &receipt["tokens"]["total"]), (&json!("interrupted"), &json!(4000)));
    let question = test.facts("r", "escalation_raised")[0]["question"].clone();
    let text = question["question"].as_str().unwrap();
    assert!(text.contains("4000 of 5000 tokens are used, and the next call would pass the limit"), "{text}");
    assert!(test.text(TRANSCRIPT).contains("\"event\":\"interrupted\""));
    // Twice as many are enough: what was used before the resume still counts.
    let llm = Llm::script([used(says("Done."), 100, 10), used(verified(), 200, 10)]);
    let test = test.env("OPENAI_BASE_URL", &llm.url);
    test.go(&["review", "answer", "r/make-1", "--choose", "raise"]).code(0);
    test.go(&["resume", "r"]).code(0);
    let cost: Value = serde_json::from_str(test.text("run_base/r/cost.jsonl").lines().last().unwrap()).unwrap();
    assert_eq!((&cost["total"]["calls"], &cost["total"]["tokens"]["total"]), (&json!(3), &json!(4320)));
    test.go(&["verify", "r"]).code(0);
    // All files that the journal can make are made again, byte for byte.
    let (before, path) = (receipt.to_string(), "run_base/r/work/receipts/make-author.1.json");
    std::fs::remove_file(test.at(path)).unwrap();
    test.go(&["verify", "r", "--repair"]).code(0);
    assert_eq!(test.json(path).to_string(), before);
}

#[test]
fn a_run_stops_before_the_call_that_would_pass_its_money() {
    // 10 USD per million tokens in, 100 out: 0.049 USD, and the reserve of the next call is more than 0.1.
    let llm = Llm::script([used(says("Done."), 4000, 90)]);
    let test = limited(&llm, "{usd: 0.15}");
    run(&test).code(5);
    let question = test.facts("r", "escalation_raised")[0]["question"]["question"].as_str().unwrap().to_owned();
    assert!(question.contains("0.0490 of 0.1500 USD are used"), "{question}");
    assert_eq!(llm.asked().len(), 1);
}

#[test]
fn a_run_that_is_not_raised_fails() {
    let llm = Llm::script([]);
    let test = limited(&llm, "{tokens: 100}");
    run(&test).code(5);
    assert!(llm.asked().is_empty(), "not one call fits");
    test.go(&["review", "answer", "r/make-1", "--choose", "abort"]).code(0);
    test.go(&["resume", "r"]).code(1);
}

#[test]
fn steps_side_by_side_ask_once() {
    let llm = Llm::answering(|_, asked| {
        let turn = if asked.get("response_format").is_some() { verified() } else { says("Done.") };
        used(turn, 2000, 100)
    });
    let test = limited(&llm, "{tokens: 9000}");
    let steps: String = (0..6).map(|n| format!("  - id: s{n}\n    needs: []\n    agent: author\n")).collect();
    test.write("flows/work.yaml", &format!("flow: work\ntitle: w\nlimits: {{tokens: 9000}}\njobs: 6\nsteps:\n{steps}"));
    run(&test).code(5);
    assert_eq!(test.facts("r", "escalation_raised").len(), 1);
    let cost: Value = serde_json::from_str(test.text("run_base/r/cost.jsonl").lines().last().unwrap()).unwrap();
    assert!(cost["total"]["tokens"]["total"].as_u64().unwrap() <= 9000, "{cost}");
}

#[test]
fn a_limit_of_money_needs_prices() {
    let llm = Llm::script([]);
    let test = limited(&llm, "{usd: 1}").file("flow-studio.toml", "[models]\nstandard = [\"m\"]\n");
    run(&test).code(3).says("needs the price of the model `m`").says("[prices]");
}
