//! Limits of tokens and money: a run stops before the call that would pass one, asks, and goes on when it is raised.

mod common;

use common::{
    Test,
    agents::{TRANSCRIPT, receipt, run, test},
    llm::{Llm, Turn, error, says, verified},
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

#[test]
fn a_run_stops_before_the_call_that_is_one_too_many_and_goes_on_when_raised() {
    let llm = Llm::script([says("Done."), says("That is no handoff.")]);
    let test = limited(&llm, "{turns: 2}");
    run(&test).code(5);
    assert_eq!(llm.asked().len(), 2);
    let question = test.facts("r", "escalation_raised")[0]["question"]["question"].as_str().unwrap().to_owned();
    assert!(question.contains("2 of 2 calls of models are used"), "{question}");
    assert!(test.go(&["explain", "r", "make"]).code(0).stdout.contains("2 calls of models"));
    let llm = Llm::script([says("Done."), verified()]);
    let test = test.env("OPENAI_BASE_URL", &llm.url);
    test.go(&["review", "answer", "r/make-1", "--choose", "raise"]).code(0);
    test.go(&["resume", "r"]).code(0);
    test.go(&["verify", "r"]).code(0);
}

/// An answer of a server that does not say what it used.
fn silent(turn: Turn) -> Turn {
    turn.edited(|body| drop(body.as_object_mut().unwrap().remove("usage")))
}

#[test]
fn a_call_of_unknown_cost_is_the_last_where_the_flow_says_stop() {
    let llm = Llm::script([silent(says("Done."))]);
    let test = limited(&llm, "{on_unknown_cost: stop}");
    run(&test).code(5);
    assert_eq!(llm.asked().len(), 1);
    let question = test.facts("r", "escalation_raised")[0]["question"]["question"].as_str().unwrap().to_owned();
    assert!(question.contains("the cost of 1 calls of models is not known"), "{question}");
    assert!(test.go(&["status", "r"]).stdout.contains("models: 1 call, 0 tokens, cost not known"));
    let llm = Llm::script([says("Done."), verified()]);
    let test = test.env("OPENAI_BASE_URL", &llm.url);
    test.go(&["review", "answer", "r/make-1", "--choose", "raise"]).code(0);
    test.go(&["resume", "r"]).code(0);
    let said = "models: 3 calls, 220 tokens, 0.0040 USD and 1 call of unknown cost";
    assert!(test.go(&["status", "r"]).stdout.contains(said), "{}", test.go(&["status", "r"]).stdout);
    assert!(test.go(&["report", "r"]).stdout.contains(said));
}

#[test]
fn a_count_that_cannot_be_meant_is_not_known_and_passes_no_limit() {
    let llm = Llm::script([used(says("Done."), u64::MAX, 1)]);
    let test = limited(&llm, "{tokens: 50000, on_unknown_cost: stop}");
    run(&test).code(5);
    assert_eq!(llm.asked().len(), 1);
    assert!(test.go(&["status", "r"]).stdout.contains("models: 1 call, 0 tokens, cost not known"));
}

#[test]
fn unknown_costs_may_be_allowed_and_are_shown_as_unknown() {
    let llm = Llm::script([silent(says("Done.")), silent(verified())]);
    let test = limited(&llm, "{usd: 1, on_unknown_cost: allow}").file("flow-studio.toml", "[models]\nstandard = [\"m\"]\n");
    run(&test).code(0);
    assert!(test.go(&["status", "r"]).code(0).stdout.contains("models: 2 calls, 0 tokens, cost not known"));
    // Stopping at them needs prices, like a limit of money.
    let stops = limited(&llm, "{on_unknown_cost: stop}").file("flow-studio.toml", "[models]\nstandard = [\"m\"]\n");
    run(&stops).code(3).says("`limits.on_unknown_cost: stop` needs the price of the model `m`");
}

#[test]
fn under_a_limit_an_answer_is_held_to_the_room_that_is_left() {
    let long = |text: &str| says(text).edited(|body| body["choices"][0]["finish_reason"] = json!("length"));
    let llm = Llm::script([used(says("Done."), 900, 100), used(long("{\"status\""), 1200, 1000)]);
    let test = limited(&llm, "{tokens: 5000}");
    run(&test).code(5);
    let asked = llm.asked();
    // Half of what is left, less what the prompt takes: an estimate first, then what the server counted.
    let (first, second) = (asked[0]["max_tokens"].as_u64().unwrap(), asked[1]["max_tokens"].as_u64().unwrap());
    assert!(first < 2500 && (1000..2000).contains(&second), "{first} {second}");
    // Half a handoff is a limit that was reached, not an agent that cannot write.
    assert_eq!(receipt(&test)["status"], "interrupted");
    let cost: Value = serde_json::from_str(test.text("run_base/r/cost.jsonl").lines().last().unwrap()).unwrap();
    assert_eq!(cost["total"]["tokens"]["total"], 3200);
    let free = test_without_limit();
    assert!(free.asked().iter().all(|asked| asked.get("max_tokens").is_none()), "without a limit nothing is asked for");
}

fn test_without_limit() -> Llm {
    let llm = Llm::script([says("Done."), verified()]);
    let test = test(&llm, "");
    run(&test).code(0);
    llm
}

#[test]
fn a_server_is_asked_for_short_answers_by_the_name_that_it_knows() {
    for (known, names) in [
        ("max_completion_tokens", &["max_tokens", "max_completion_tokens"][..]),
        ("none", &["max_tokens", "max_completion_tokens"]),
    ] {
        let llm = Llm::answering(move |_, asked| {
            match ["max_tokens", "max_completion_tokens"].iter().find(|name| asked.get(**name).is_some() && **name != known) {
                Some(name) => error(400, &format!("Unsupported parameter: '{name}'")),
                None if asked.get("response_format").is_some() => verified(),
                None => says("Done."),
            }
        });
        let test = limited(&llm, "{tokens: 50000}");
        run(&test).code(0);
        let tried: Vec<&str> =
            llm.asked().iter().take(2).map(|asked| *names.iter().find(|name| asked.get(**name).is_some()).unwrap()).collect();
        assert_eq!(tried, names);
        let last = llm.asked().pop().unwrap();
        assert_eq!(last.get("max_completion_tokens").is_some(), known != "none", "learnt once: {last}");
        assert!(test.text(TRANSCRIPT).contains("server_lacks"));
    }
}
