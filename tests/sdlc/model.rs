//! A model that plays the example's scenarios through the API: it reads files, writes those that the script names with the real
//! tools, runs the tests, and hands over what the script says. In: requests. Out: turns of a model.

#![allow(dead_code, reason = "every test file takes what it needs of this")]

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use flow_studio::engine::{Scenario, Scripted};
use regex::Regex;
use serde_json::{Value, json};

use super::common::llm::{Llm, Turn, calls, handoff, says};

/// One answer of the script, about to be given.
pub struct Part {
    pub step: String,
    /// The nth conversation about this step, from 1.
    pub nth: usize,
    pub script: Scripted,
    /// The handoff as it will be sent.
    pub draft: Value,
}

const TEST: &str = "python3 -m unittest discover -s tests";

/// `change` may let it play another part.
pub fn model(change: impl Fn(&mut Part) + Send + Sync + 'static) -> Llm {
    let scenarios: BTreeMap<String, Scenario> = ["signal", "plan", "build", "review", "wisdom"].map(scenario).into();
    let step = Regex::new(r"You perform the step `([^`]+)` .*of the flow `([^`]+)`").unwrap();
    // Conversations by their first prompt: each is a round of its own.
    let known: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    Llm::answering(move |_, asked| {
        let messages = asked["messages"].as_array().expect("messages");
        let prompt = messages[1]["content"].as_str().expect("a prompt");
        let found = step.captures(prompt).unwrap_or_else(|| panic!("whose prompt is this?\n{prompt}"));
        let (step, flow) = (found[1].to_owned(), found[2].to_owned());
        let nth = {
            let mut known = known.lock().unwrap();
            let this = (format!("{flow}/{step}"), prompt.to_owned());
            if !known.contains(&this) {
                known.push(this.clone());
            }
            let mut of_step = known.iter().filter(|(name, _)| *name == this.0);
            of_step.position(|one| *one == this).unwrap() + 1
        };
        let replies =
            scenarios[&flow].steps.iter().find(|(name, _)| name.as_str() == step).map(|(_, replies)| replies.as_slice());
        let script = replies.and_then(|replies| replies.get(nth - 1).or(replies.last())).cloned().unwrap_or_default();
        let ran_tests = asked.to_string().contains(TEST);
        let draft = draft(&script, ran_tests);
        let mut part = Part { step, nth, script, draft };
        change(&mut part);
        turn(asked, messages, &part)
    })
}

fn scenario(flow: &str) -> (String, Scenario) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("flows/tests/{flow}.example.scenario.yaml"));
    (flow.to_owned(), Scenario::parse(&fs::read_to_string(path).unwrap()).unwrap())
}

fn draft(script: &Scripted, ran_tests: bool) -> Value {
    let produced: Vec<&String> = script.outputs.keys().collect();
    let commands: &[&str] = if ran_tests { &[TEST] } else { &[] };
    let mut draft = json!({
        "status": script.status.map_or("VERIFIED".to_owned(), |status| status.to_string()),
        "summary": {
            "what_i_did": script.summary.clone().unwrap_or_default(),
            "evidence": {"artifacts_produced": produced, "commands_run": commands},
        },
        "concerns": script.concerns,
        "assumptions": script.assumptions,
    });
    if let Some(can) = script.can_further_iteration_help {
        draft["routing"] = json!({"can_further_iteration_help": can});
    }
    draft
}

fn turn(asked: &Value, messages: &[Value], part: &Part) -> Turn {
    if asked.get("response_format").is_some() {
        return handoff(&part.draft);
    }
    let tools: Vec<&str> =
        asked["tools"].as_array().into_iter().flatten().filter_map(|tool| tool["function"]["name"].as_str()).collect();
    let spoken = messages.iter().filter(|message| message["role"] == "assistant").count();
    match spoken {
        0 => calls(&[("list_files", json!({}))]),
        1 if !part.script.outputs.is_empty() => {
            let writes: Vec<(&str, Value)> = part
                .script
                .outputs
                .iter()
                .map(|(path, content)| ("write_file", json!({"path": path, "content": content})))
                .collect();
            calls(&writes)
        }
        2 if tools.contains(&"run_command") => calls(&[("run_command", json!({"command": TEST}))]),
        _ => says("I am done."),
    }
}
