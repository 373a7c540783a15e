//! Lists of models: which one is asked, why it is left, and where that can be read.

mod common;

use common::{
    Test,
    agents::{receipt, run, test, transcript},
    llm::{Llm, Turn, calls, error, says, verified},
};
use serde_json::{Value, json};

fn listed(llm: &Llm) -> Test {
    test(llm, "").file(
        "flow-studio.toml",
        "[models]\nstandard = [\"gone\", \"big\", \"small\"]\n[prices]\nbig = { input = 10, output = 100 }\n",
    )
}

fn answers(asked: &Value) -> Turn {
    if asked.get("response_format").is_some() { verified() } else { says("Done.") }
}

fn models(llm: &Llm) -> Vec<String> {
    llm.asked().iter().map(|asked| asked["model"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_model_that_is_not_there_is_left_at_once_and_not_asked_again() {
    let llm = Llm::answering(|_, asked| match asked["model"].as_str() {
        Some("gone") => error(404, "The model `gone` does not exist"),
        _ => answers(asked),
    });
    let test = listed(&llm);
    test.write("flows/work.yaml", &format!("{}  - id: more\n    agent: author\n", test.text("flows/work.yaml")));
    run(&test).code(0);
    assert_eq!(models(&llm), ["gone", "big", "big", "big", "big"], "one try for the whole run");
    let receipt = receipt(&test);
    assert_eq!(receipt["attempt"], 1, "no attempt is spent, and no pause made");
    let switch = &receipt["switches"][0];
    assert_eq!((&switch["from"], &switch["to"], &switch["attempt"]), (&json!("gone"), &json!("big"), &json!(1)));
    assert!(switch["why"].as_str().unwrap().contains("404"), "{switch}");
    let more = test.json("run_base/r/work/receipts/more-author.json");
    assert_eq!(more["switches"][0]["from"], "gone", "also where it was known before");
    // The price is the one of the model that answered: 2 calls of 100 and 10 tokens.
    assert!((receipt["cost_usd"].as_f64().unwrap() - 0.004).abs() < 1e-9, "{receipt}");
    assert!(transcript(&test).iter().any(|line| line["event"] == "model_switched" && line["to"] == "big"));
    assert!(test.text("run_base/r/work/logs/make.jsonl").contains("model_switched"));
    let report = test.go(&["report", "r"]).code(0).stdout;
    assert!(report.contains("`make`: gone was left for big"), "{report}");
    test.go(&["verify", "r"]).code(0);
}

#[test]
fn an_overloaded_model_gives_the_next_one_its_turn_and_the_conversation_goes_on() {
    let llm = Llm::answering(|number, asked| match (number, asked["model"].as_str()) {
        (1, _) => error(404, "The model `gone` does not exist"),
        (2, _) => calls(&[("run_command", json!({"command": "echo once >> ran"}))]),
        (_, Some("big")) => error(503, "busy"),
        _ => answers(asked),
    });
    let test = listed(&llm);
    run(&test).code(0);
    assert_eq!(models(&llm), ["gone", "big", "big", "small", "small"]);
    assert_eq!(test.text("ran"), "once\n");
    let receipt = receipt(&test);
    let way: Vec<(&str, &str, u64)> = receipt["switches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["from"].as_str().unwrap(), one["to"].as_str().unwrap(), one["attempt"].as_u64().unwrap()))
        .collect();
    assert_eq!(way, [("gone", "big", 1), ("big", "small", 2)]);
    assert!(receipt.get("cost_usd").is_none(), "the price of one of them is not known");
}

#[test]
fn a_list_without_a_model_that_is_there_fails_in_the_servers_words() {
    let llm = Llm::answering(|_, asked| error(404, &format!("model '{}' not found", asked["model"].as_str().unwrap())));
    let test = listed(&llm);
    run(&test).code(1);
    assert_eq!(models(&llm), ["gone", "big", "small"]);
    assert!(receipt(&test)["error"].as_str().unwrap().contains("model 'small' not found"));
}
