//! The words of a difference: what was expected, what was found, what was most likely meant.
//! In: a value and its schema. Out: sentences. Never: a value shown whole that may be long.

use serde_json::{Map, Value};

use crate::id;

use super::super::{
    Length,
    diagnostic::{Diagnostic, nearest, one_of},
    expr::describe,
};
use super::{Schema, Walk, schema::Named};

impl<'a, 's> Walk<'a, 's> {
    /// What belongs here, in a person's words.
    pub(super) fn expected(&self, schema: &'a Schema<'s>, def: Option<&str>) -> String {
        match def {
            Some("Length") => return "a length of time like 30s, 10m, 1h30m or 1d".to_owned(),
            Some("StepId") => return "a step id".to_owned(),
            Some("FlowKey") => return "a flow's name".to_owned(),
            Some("AgentKey") => return "an agent's name".to_owned(),
            Some("SnapshotName") => return "a snapshot's name".to_owned(),
            Some("DetourId") => return "a detour id".to_owned(),
            Some("JoinText") => return "`all`, `any` or a whole number".to_owned(),
            Some("ToolsText") => return "a list of texts, or one text with commas".to_owned(),
            Some("StepText") => return "a step".to_owned(),
            _ => {}
        }
        if let Some(words) = &schema.words {
            return one_of(words.iter().copied());
        }
        match schema.kind {
            Some("string") => "a text".to_owned(),
            Some("integer") => "a whole number".to_owned(),
            Some("number") => "a number".to_owned(),
            Some("boolean") => "true or false".to_owned(),
            Some("array") => match schema.items.as_ref().map(|items| self.follow(items)) {
                Some((item, def)) => format!("a list of {}", plural(&self.expected(item, def))),
                None => "a list".to_owned(),
            },
            Some("object") => "a mapping".to_owned(),
            _ => "a value".to_owned(),
        }
    }
}

/// `key`: where the value stands.
pub(super) fn type_hint(key: &str, value: &Value, schema: &Schema<'_>, def: Option<&str>) -> Option<String> {
    Some(match (schema.kind, value) {
        _ if def == Some("Length") && value.is_number() => format!("say the unit: {value}s, {value}m, {value}ms"),
        (Some("string"), Value::Number(_) | Value::Bool(_)) => format!("put it in quotes: \"{value}\""),
        (Some("string"), Value::Object(_)) => {
            "a text that holds `: ` or begins with `{` needs quotes, or `|` and a line of its own".to_owned()
        }
        (Some("array"), Value::String(text)) if text.len() <= 60 => list_hint(key, text),
        (Some("array"), Value::Object(_)) => "begin each item with `- `".to_owned(),
        (Some("boolean"), Value::String(text)) => {
            let yes = matches!(text.to_ascii_lowercase().as_str(), "yes" | "on" | "y" | "true");
            format!("write `{}`, without quotes", if yes { "true" } else { "false" })
        }
        (Some("integer" | "number"), Value::String(text)) if text.parse::<f64>().is_ok() => {
            format!("write {text} without quotes")
        }
        (Some("object"), _) => {
            let keys: Vec<&str> = schema.properties.names().collect();
            if keys.is_empty() {
                return None;
            }
            format!("its keys are {}", one_of(keys))
        }
        _ => return None,
    })
}

/// A text where a list belongs, as the list that was meant.
fn list_hint(key: &str, text: &str) -> String {
    const SHELL: &[char] = &['\'', '"', '\\', '$', '`', '|', '&', ';', '<', '>', '(', ')', '*', '?', '~', '#', '\n'];
    if key == "exec" && text.contains(SHELL) {
        return "`exec` takes a list: [program, argument]; what a shell should read is written `run: …`".to_owned();
    }
    let apart = |c: char| c == ',' || matches!(key, "exec" | "needs") && c.is_whitespace();
    let items = text.split(apart).map(str::trim).filter(|item| !item.is_empty());
    format!("write a list: [{}]", items.map(plain).collect::<Vec<_>>().join(", "))
}

/// A text as YAML reads it back inside `[ ]`.
fn plain(text: &str) -> String {
    let simple = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '=' | '+' | ' ');
    let other = text.parse::<f64>().is_ok() || matches!(text, "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "-");
    if text.chars().all(simple) && !other { text.to_owned() } else { Value::from(text).to_string() }
}

fn plural(one: &str) -> String {
    let bare = one.strip_prefix("a ").or_else(|| one.strip_prefix("an ")).unwrap_or(one);
    if bare.contains('`') { bare.to_owned() } else { format!("{bare}s") }
}

pub(super) fn found(value: &Value) -> String {
    match value {
        Value::String(text) => format!("the text `{}`", cut(text)),
        Value::Number(n) => format!("the number {n}"),
        Value::Bool(yes) => format!("`{yes}`"),
        other => describe(other).to_owned(),
    }
}

pub(super) fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(40).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// The key that a pointer ends in; for an item of a list, the list's.
pub(super) fn last(pointer: &str) -> String {
    let key = pointer.rsplit('/').find(|name| name.parse::<usize>().is_err()).unwrap_or_default();
    let key = key.replace("~1", "/").replace("~0", "~");
    if key.is_empty() { "the file".to_owned() } else { cut(&key) }
}

pub(super) fn unknown_key(key: &str, known: &Named<'_>, written: &Map<String, Value>) -> Diagnostic {
    let hint = match (borrowed(key, known), meant(key, known, written)) {
        (Some(ours), _) => format!("here it is written `{ours}`"),
        (None, Some(meant)) => format!("did you mean `{meant}`?"),
        (None, None) => format!("known keys: {}", known.names().collect::<Vec<_>>().join(", ")),
    };
    Diagnostic::error("unknown-key", format!("unknown key `{}`", cut(key))).hint(hint)
}

/// The known key nearest to an unknown one; a key that is already there is not what was meant.
pub(super) fn meant<'k>(key: &str, known: &Named<'k>, written: &Map<String, Value>) -> Option<&'k str> {
    nearest(key, known.names().filter(|name| !written.contains_key(*name)))
}

/// The text as a name, where that is not far from it.
pub(super) fn slug(text: &str) -> Option<String> {
    let lower: String =
        text.chars().take(80).map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let parts: Vec<&str> = lower.split('-').filter(|part| !part.is_empty()).collect();
    let name = parts.join("-");
    (id::StepId::new(&name).is_ok() && name != text && text.len() <= 60).then(|| format!("write `{name}`"))
}

/// Words that other tools use for the same thing.
fn borrowed(key: &str, known: &Named<'_>) -> Option<&'static str> {
    const WORDS: &[(&str, &str)] = &[
        ("depends", "needs"),
        ("depends_on", "needs"),
        ("dependsOn", "needs"),
        ("command", "run"),
        ("cmd", "run"),
        ("script", "run"),
        ("shell", "run"),
        ("name", "id: or title:"),
        ("if", "when"),
        ("condition", "when"),
        ("preconditions", "when"),
        ("foreach", "for_each"),
        ("matrix", "for_each"),
        ("retries", "retry: {attempts: …}"),
        ("retryPolicy", "retry: {attempts: …}"),
        ("timeout-minutes", "timeout: 10m"),
        ("timeoutSec", "timeout: 10s"),
        ("continue-on-error", "on_failure: continue"),
        ("continueOn", "on_failure: continue"),
        ("environment", "env"),
        ("jobs", "steps"),
        ("tasks", "steps"),
        ("parameters", "params"),
        ("inputs", "params"),
        ("concurrency", "jobs"),
        ("maxActiveSteps", "jobs"),
        ("description", "title"),
    ];
    let ours = WORDS.iter().filter(|(theirs, _)| *theirs == key).map(|(_, ours)| *ours);
    ours.into_iter().find(|ours| known.has(ours.split([':', ' ']).next().unwrap_or(ours)))
}

pub(super) type Rule = fn(&str) -> Result<(), String>;

/// The texts whose rule is more than a type.
pub(super) fn rule_of(def: &str) -> Option<Rule> {
    Some(match def {
        "FlowKey" => |text| id::FlowKey::new(text).map(drop).map_err(|error| error.to_string()),
        "StepId" => |text| id::StepId::new(text).map(drop).map_err(|error| error.to_string()),
        "AgentKey" => |text| id::AgentKey::new(text).map(drop).map_err(|error| error.to_string()),
        "DetourId" => |text| id::DetourId::new(text).map(drop).map_err(|error| error.to_string()),
        "SnapshotName" => |text| id::SnapshotName::new(text).map(drop).map_err(|error| error.to_string()),
        "ParamName" => |text| id::ParamName::new(text).map(drop).map_err(|error| error.to_string()),
        "Length" => |text| text.parse::<Length>().map(drop).map_err(|error| error.to_string()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_the_place_of_a_list_is_shown_as_the_list_that_was_meant() {
        for (key, text, list) in [
            ("exec", "ls -l", "write a list: [ls, -l]"),
            ("exec", "sleep 5", "write a list: [sleep, \"5\"]"),
            ("exec", "echo {{params.who}}", "write a list: [echo, \"{{params.who}}\"]"),
            ("needs", "one two", "write a list: [one, two]"),
            ("needs", "one, two", "write a list: [one, two]"),
            ("inputs", "my notes.md, b.md", "write a list: [my notes.md, b.md]"),
            ("inputs", "a: b", "write a list: [\"a: b\"]"),
        ] {
            assert_eq!(list_hint(key, text), list);
            let yaml = list.strip_prefix("write a list: ").unwrap();
            let read = crate::spec::yaml::parse("x", format!("l: {yaml}").as_bytes()).unwrap().value();
            assert!(read["l"].as_array().unwrap().iter().all(Value::is_string), "{read}");
        }
        assert!(list_hint("exec", "ls | wc -l").contains("`run: …`"));
    }
}
