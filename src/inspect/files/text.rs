//! A file of an execution as a person reads it on a terminal.
//! In: its content. Out: text. Never: a control character of a command let through.

use std::fmt::Write as _;

use serde_json::Value;

use super::{
    super::words::clean,
    {FileKind, ShownFile},
};

impl ShownFile {
    /// The content as a person reads it.
    pub fn text(&self) -> String {
        if let Some(absent) = &self.absent {
            return format!("{absent}\n");
        }
        match (self.kind, &self.content) {
            (FileKind::Log, Value::Array(lines)) => lines.iter().map(log_line).collect(),
            (FileKind::Transcript | FileKind::Prompt, Value::Array(lines)) => lines.iter().map(said).collect(),
            (_, content) => serde_json::to_string_pretty(content).unwrap_or_default() + "\n",
        }
    }
}

fn log_line(line: &Value) -> String {
    let word = |key: &str| line.get(key).and_then(Value::as_str).map(clean);
    if word("event").as_deref() == Some("output") {
        let mark = if word("stream").as_deref() == Some("stderr") { "!" } else { "|" };
        return format!("  {mark} {}\n", word("line").unwrap_or_default());
    }
    let Value::Object(fields) = line else { return format!("  {}\n", clean(line.as_str().unwrap_or_default())) };
    let mut text = format!("{} {}", word("ts").unwrap_or_else(|| " ".repeat(24)), word("event").unwrap_or_default());
    for (name, value) in fields.iter().filter(|(name, _)| !matches!(name.as_str(), "ts" | "seq" | "event")) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = write!(text, "  {name} {}", clean(value.lines().next().unwrap_or_default()));
    }
    text + "\n"
}

/// One message of a conversation, or what happened between two.
fn said(line: &Value) -> String {
    let word = |key: &str| line.get(key).and_then(Value::as_str);
    let texts = |text: &str| text.lines().map(clean).collect::<Vec<_>>().join("\n");
    let mut who = word("role").or_else(|| word("event")).unwrap_or("").to_owned();
    if let Some(tool) = word("tool") {
        let _ = write!(who, " {}", clean(tool));
    }
    if let Some(tokens) = line.pointer("/usage/total").and_then(Value::as_u64) {
        let _ = write!(who, ", {tokens} tokens");
    }
    let mut body = match line.get("content") {
        Some(Value::String(text)) => texts(text),
        Some(other) => other.to_string(),
        None => about(line),
    };
    for call in line.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        let part = |key: &str| call.get(key).and_then(Value::as_str).map(texts).unwrap_or_default();
        let gap = if body.is_empty() { "" } else { "\n" };
        let _ = write!(body, "{gap}→ {} {}", part("name"), part("arguments"));
    }
    if let Some(refusal) = word("refusal") {
        body.push_str(&texts(refusal));
    }
    format!("── {who}\n{body}\n\n")
}

/// The fields of an event that is no message, without those that every line has.
fn about(line: &Value) -> String {
    let Value::Object(fields) = line else { return clean(line.as_str().unwrap_or_default()) };
    let own = fields.iter().filter(|(name, _)| !matches!(name.as_str(), "ts" | "execution" | "event"));
    let told = own.map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), clean);
        format!("{name} {value}")
    });
    told.collect::<Vec<_>>().join(", ")
}
