//! Stand-ins for agent programs: shell scripts that print recorded-style events, and keep how they were called.

#![allow(dead_code, reason = "every test file takes what it needs of this")]

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::{Value, json};

use super::Test;

/// A flow with one agent step on an engine, and a directory of programs that comes first on PATH.
pub fn test(step: &str) -> Test {
    let test = Test::new();
    let path = format!("{}:{}", test.at("bin").display(), std::env::var("PATH").unwrap_or_default());
    test.env("PATH", &path)
        .flow("work", &format!("steps:\n  - id: make\n    agent: author\n    retry: {{attempts: 1}}\n{step}"))
        .file("agents/author.md", "---\nname: author\ndescription: Writes code\n---\nYou write code. {{braces}} stay.\n")
}

/// A program that answers `--version`, keeps its arguments, input and environment, and then does this. `$n`: which run it is.
pub fn program(test: &Test, name: &str, body: &str) {
    let text = format!(
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo '9.9.9 (stand-in)'; exit 0; fi\n\
         n=$(($(cat calls 2>/dev/null || echo 0) + 1)); echo $n > calls\n\
         printf '%s\\n' \"$@\" > args.$n; cat > stdin.$n; env > env.$n\n{body}\n"
    );
    let path = format!("bin/{name}");
    test.write(&path, &text);
    fs::set_permissions(test.at(&path), fs::Permissions::from_mode(0o755)).expect("a program");
}

/// Shell text that prints these lines.
pub fn prints(events: &[Value]) -> String {
    let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
    format!("cat <<'EVENTS'\n{lines}EVENTS\n")
}

pub fn handoff() -> Value {
    json!({"status": "VERIFIED", "summary": {"what_i_did": "the work"}})
}

pub fn init() -> Value {
    json!({"type": "system", "subtype": "init", "session_id": "s-1", "model": "claude-x", "tools": ["Bash"]})
}

/// The last event of Claude Code, with some of it said otherwise.
pub fn result(more: Value) -> Value {
    let mut event = json!({
        "type": "result", "subtype": "success", "is_error": false, "session_id": "s-1", "num_turns": 1, "total_cost_usd": 0.25,
        "result": handoff().to_string(), "modelUsage": {"claude-x": {"inputTokens": 90, "outputTokens": 10}},
    });
    event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    event
}

/// Runs of Codex: a session, what it says, its end.
pub fn codex(items: &[Value], end: Value) -> Vec<Value> {
    let mut events = vec![json!({"type": "thread.started", "thread_id": "t-1"}), json!({"type": "turn.started"})];
    events.extend(items.iter().map(|item| json!({"type": "item.completed", "item": item})));
    events.push(end);
    events
}

pub fn codex_says(text: &str) -> Value {
    json!({"id": "item_1", "type": "agent_message", "text": text})
}

pub fn codex_done(input: u64, output: u64) -> Value {
    json!({"type": "turn.completed", "usage": {"input_tokens": input, "cached_input_tokens": 0, "output_tokens": output}})
}

pub fn cost(test: &Test) -> Vec<Value> {
    whole_lines(&test.text("run_base/r/cost.jsonl"))
}

pub fn transcript(test: &Test, engine: &str) -> Vec<Value> {
    whole_lines(&test.text(&format!("run_base/r/work/llm/make-author-{engine}.jsonl")))
}

/// Of a file that may be written just now.
fn whole_lines(text: &str) -> Vec<Value> {
    let end = text.rfind('\n').map_or(0, |end| end + 1);
    text[..end].lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}
