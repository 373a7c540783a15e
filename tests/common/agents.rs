//! One flow with one agent step, and what is left of it.

#![allow(dead_code, reason = "every test file takes what it needs of this")]

use serde_json::Value;

use super::{Ran, Test, llm::Llm};

const AGENT: &str = "---\nname: author\ndescription: Writes code\n---\nYou write code. {{braces}} stay.\n";

/// A flow with one agent step, a server, and settings that know one model and its price.
pub fn test(llm: &Llm, step: &str) -> Test {
    Test::new()
        .flow("work", &format!("charter: {{goal: make it work}}\nsteps:\n  - id: make\n    agent: author\n    retry: {{delay: 1ms, attempts: 3}}\n{step}"))
        .file("agents/author.md", AGENT)
        .file("flow-studio.toml", "[models]\nstandard = [\"m\"]\n[prices]\nm = { input = 10, output = 100 }\n")
        .env("OPENAI_BASE_URL", &llm.url)
}

pub fn run(test: &Test) -> Ran {
    test.go(&["run", "work", "--run-id", "r"])
}

pub fn receipt(test: &Test) -> Value {
    test.json("run_base/r/work/receipts/make-author.json")
}

pub fn envelope(test: &Test) -> Value {
    test.json("run_base/r/work/handoffs/make-author.json")
}

pub const TRANSCRIPT: &str = "run_base/r/work/llm/make-author-openai.jsonl";

pub fn transcript(test: &Test) -> Vec<Value> {
    test.text(TRANSCRIPT).lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// What the model was last told by a tool, per request.
pub fn results(llm: &Llm) -> Vec<String> {
    let last = |asked: &Value| {
        let messages = asked["messages"].as_array().cloned().unwrap_or_default();
        messages.iter().rev().find(|one| one["role"] == "tool").and_then(|one| one["content"].as_str().map(str::to_owned))
    };
    llm.asked().iter().filter_map(last).collect()
}

#[track_caller]
pub fn nowhere(test: &Test, secret: &[u8]) {
    for (path, bytes) in test.every_file("run_base") {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", path.display());
    }
}
