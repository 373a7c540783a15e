//! Codex: `codex exec --json`.
//! In: an order; its events. Out: arguments; what they say. Never: a prompt beside an open standard input, which it would wait
//! for; settings or rules of the workspace; a warning taken for a failure.

use serde_json::{Value, json};

use crate::{
    engine::agent::{Tool, Tools},
    id::AgentKey,
    record::Tokens,
};

use super::{
    heard::{Heard, text},
    program::{Line, Order, Program, words},
    trouble::Trouble,
};

/// The variable that it reads a key from.
const KEY: &str = "CODEX_API_KEY";

/// It knows two measures: all of its tools, or a sandbox that only reads.
pub(super) fn can_hold(agent: &AgentKey, tools: &Tools) -> Result<(), String> {
    if tools.ours.len() == Tool::ALL.len() || tools.only_look() {
        return Ok(());
    }
    Err(format!(
        "codex cannot be kept from single tools, and the agent `{agent}` has only some of those that write; give it all of \
         them, none, or another engine"
    ))
}

pub(super) fn line(program: &Program, order: &Order<'_>) -> std::io::Result<Line> {
    let work = order.work;
    let mut args = words(["exec"]);
    if let Some(session) = order.session {
        args.extend(["resume".to_owned(), session.to_owned()]);
    }
    args.extend(words(["--json", "--skip-git-repo-check", "--ignore-user-config", "--ignore-rules"]));
    let mut set = |key: &str, value: Value| args.extend(["-c".to_owned(), format!("{key}={}", toml(&value))]);
    // `resume` has no `--sandbox`, so it is a setting in both.
    set("sandbox_mode", json!(if work.tools.only_look() { "read-only" } else { "workspace-write" }));
    set("sandbox_workspace_write.writable_roots", json!(order.writable));
    set("approval_policy", json!("never"));
    // It is told what the flow says, and no more.
    set("project_doc_max_bytes", json!(0));
    set("shell_environment_policy.exclude", json!([KEY, "OPENAI_API_KEY"]));
    if !order.system.trim().is_empty() {
        set("developer_instructions", json!(order.system));
    }
    if let Some(url) = &program.base_url {
        set("model_provider", json!("flow-studio"));
        let mut provider = json!({"name": "flow-studio", "base_url": url, "wire_api": "responses"});
        if program.key.is_some() {
            provider["env_key"] = json!(KEY);
        }
        set("model_providers.flow-studio", provider);
    }
    if let Some(model) = work.model.named() {
        args.extend(["-m".to_owned(), model.to_owned()]);
    }
    let schema = order.scratch.join("schema.json");
    std::fs::write(&schema, strict(work.brief.form().schema()).to_string())?;
    args.extend(["--output-schema".to_owned(), schema.to_string_lossy().into_owned()]);
    args.extend(program.args.iter().cloned());
    // The prompt is its standard input, which ends.
    args.push("-".to_owned());
    let mut env = std::collections::BTreeMap::new();
    if let Some(key) = &program.key {
        env.insert(KEY.to_owned(), secrecy::ExposeSecret::expose_secret(&key.value).to_owned());
    }
    Ok(Line { args, stdin: order.prompt.to_owned(), env })
}

/// A value as TOML writes it, on one line.
fn toml(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let pairs: Vec<String> = map.iter().map(|(key, value)| format!("{key} = {}", toml(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        // JSON's escapes of a string are TOML's.
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => value.to_string().replace('\u{7f}', "\\u007f"),
    }
}

/// The schema as OpenAI's strict mode wants it: every key required, what may be absent may be null, no free mappings.
fn strict(mut schema: Value) -> Value {
    if let Value::Object(map) = &mut schema {
        map.remove("$schema");
    }
    tighten(&mut schema);
    schema
}

fn tighten(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.remove("default");
            map.remove("format");
            if let Some(options) = map.remove("oneOf") {
                map.insert("anyOf".to_owned(), options);
            }
            let required: Vec<String> = map
                .get("required")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
            if let Some(Value::Object(properties)) = map.get_mut("properties") {
                properties.retain(|_, property| !is_free(property));
                for (name, property) in properties.iter_mut() {
                    tighten(property);
                    if !required.contains(name) && !allows_null(property) {
                        // The description stays where people and models read it.
                        *property = json!({"anyOf": [property.clone(), {"type": "null"}]});
                    }
                }
                let names: Vec<Value> = properties.keys().map(|name| json!(name)).collect();
                map.insert("required".to_owned(), names.into());
                map.insert("additionalProperties".to_owned(), json!(false));
            }
            for (key, value) in map.iter_mut() {
                if key != "properties" {
                    tighten(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(tighten),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_free(property: &Value) -> bool {
    property.get("type") == Some(&json!("object")) && property.get("properties").is_none()
}

fn allows_null(property: &Value) -> bool {
    let in_type = property.get("type").and_then(Value::as_array).is_some_and(|types| types.contains(&json!("null")));
    let any = property.get("anyOf").and_then(Value::as_array);
    in_type || any.is_some_and(|options| options.contains(&json!({"type": "null"})))
}

pub(super) fn hear(event: &Value, heard: &mut Heard) {
    match text(event, "type") {
        Some("thread.started") => heard.session = text(event, "thread_id").map(str::to_owned),
        Some("turn.completed") => {
            heard.ended = true;
            heard.tokens = event.get("usage").and_then(used);
        }
        Some("turn.failed") => {
            heard.ended = true;
            let said = event.pointer("/error/message").and_then(Value::as_str).unwrap_or("the turn failed without a reason");
            heard.error = Some(Trouble::of_words(said));
        }
        // It may yet connect again; `turn.failed` says that it did not.
        Some("error") => heard.trouble = Some(Trouble::of_words(text(event, "message").unwrap_or_default())),
        Some("item.completed") => {
            let item = event.get("item").unwrap_or(&Value::Null);
            match text(item, "type") {
                Some("agent_message") => {
                    heard.turn(None);
                    heard.trouble = None;
                    heard.answer = text(item, "text").unwrap_or_default().to_owned();
                }
                Some("command_execution") => {
                    heard.turn(None);
                    let code = item.get("exit_code").and_then(Value::as_i64).and_then(|code| i32::try_from(code).ok());
                    if text(item, "status") != Some("declined") {
                        heard.command(text(item, "command").unwrap_or_default(), code);
                    }
                }
                Some("file_change" | "mcp_tool_call" | "web_search") => heard.turn(None),
                _ => return,
            }
        }
        _ => return,
    }
    heard.known += 1;
}

/// Of the whole session so far.
fn used(usage: &Value) -> Option<Tokens> {
    let figure = |key: &str| usage.get(key).and_then(Value::as_u64);
    Tokens::counted(figure("input_tokens"), figure("output_tokens"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{context::handoff, record::FailureKind};

    fn after(events: &[Value]) -> Heard {
        let mut heard = Heard::default();
        events.iter().for_each(|event| hear(event, &mut heard));
        heard
    }

    #[test]
    fn a_warning_is_no_failure_and_a_new_connection_ends_the_trouble() {
        let heard = after(&[
            json!({"type": "thread.started", "thread_id": "t"}),
            json!({"type": "item.completed", "item": {"type": "error", "message": "Model metadata not found"}}),
            json!({"type": "error", "message": "Reconnecting... 1/5 (503)"}),
            json!({"type": "item.completed", "item": {"type": "command_execution", "command": "make", "exit_code": 1, "status": "failed"}}),
            json!({"type": "item.completed", "item": {"type": "agent_message", "text": "done"}}),
            json!({"type": "turn.completed", "usage": {"input_tokens": 7, "cached_input_tokens": 3, "output_tokens": 2}}),
        ]);
        assert!(heard.ended && heard.error.is_none() && heard.trouble.is_none());
        assert_eq!((heard.session.as_deref(), heard.answer.as_str(), heard.turns), (Some("t"), "done", 2));
        assert_eq!(heard.tokens, Some(Tokens { prompt: 7, completion: 2, total: 9 }));
        assert_eq!(heard.commands[0].exit_code, Some(1));
    }

    #[test]
    fn a_turn_that_failed_says_why() {
        let heard = after(&[json!({"type": "turn.failed", "error": {"message": "unexpected status 401 Unauthorized"}})]);
        assert_eq!(heard.error.map(|error| error.kind), Some(FailureKind::Auth));
    }

    #[test]
    fn events_of_another_version_say_nothing() {
        let heard = after(&[json!({"id": "0", "msg": {"type": "task_complete", "last_agent_message": "done"}})]);
        assert!(!heard.ended && heard.known == 0);
    }

    #[test]
    fn the_schema_is_as_strict_mode_wants_it() {
        fn look(schema: &Value) {
            if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                let required: Vec<&str> = schema["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
                assert_eq!(required, properties.keys().map(String::as_str).collect::<Vec<_>>(), "{schema}");
                assert_eq!(schema["additionalProperties"], false);
            }
            assert!(schema.get("oneOf").is_none() && schema.get("default").is_none(), "{schema}");
            match schema {
                Value::Object(map) => map.values().for_each(look),
                Value::Array(items) => items.iter().for_each(look),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        let schema = strict(handoff::schema().clone());
        look(&schema);
        assert!(schema.to_string().contains("what_i_did") && !schema.to_string().contains("measurements"));
    }

    #[test]
    fn values_are_written_as_toml() {
        let value = json!({"name": "a\"b\nc", "list": ["x", 1], "yes": true});
        let read: ::toml::Table = format!("v = {}", toml(&value)).parse().unwrap();
        assert_eq!(serde_json::to_value(&read["v"]).unwrap(), value);
    }
}
