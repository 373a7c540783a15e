//! Where two JSON documents differ, as JSON pointers.
//! In: two texts. Out: each place with the old and the new value. Never: an order of keys taken for a difference.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// More places are a document that was replaced.
const PLACES_MAX: usize = 1000;
/// Larger values are named by their kind.
const VALUE_BYTES_MAX: usize = 400;

/// One place at which they differ. A value that is absent was not there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Differs {
    /// RFC 6901; empty: the whole document.
    pub pointer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl fmt::Display for Differs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<Value>| value.as_ref().map_or_else(|| "(absent)".to_owned(), Value::to_string);
        write!(f, "{}: {} is now {}", self.pointer, shown(&self.before), shown(&self.after))
    }
}

/// Empty when they say the same, or when one of them is no JSON.
pub(super) fn pointers(before: &str, after: &str) -> Vec<Differs> {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok().filter(|value| value.is_object() || value.is_array());
    let (Some(before), Some(after)) = (read(before), read(after)) else { return Vec::new() };
    let mut found = Vec::new();
    walk(&mut found, &mut String::new(), Some(&before), Some(&after));
    found
}

fn walk(found: &mut Vec<Differs>, pointer: &mut String, before: Option<&Value>, after: Option<&Value>) {
    if before == after || found.len() >= PLACES_MAX {
        return;
    }
    match (before, after) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                below(found, pointer, &key.replace('~', "~0").replace('/', "~1"), old.get(key), new.get(key));
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            for at in 0..old.len().max(new.len()) {
                below(found, pointer, &at.to_string(), old.get(at), new.get(at));
            }
        }
        (before, after) => {
            found.push(Differs { pointer: pointer.clone(), before: before.map(short), after: after.map(short) });
        }
    }
}

fn below(found: &mut Vec<Differs>, pointer: &mut String, part: &str, before: Option<&Value>, after: Option<&Value>) {
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(part);
    walk(found, pointer, before, after);
    pointer.truncate(length);
}

fn short(value: &Value) -> Value {
    let bytes = value.to_string().len();
    if bytes <= VALUE_BYTES_MAX {
        return value.clone();
    }
    let kind = match value {
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
        Value::String(_) => "a text",
        Value::Null | Value::Bool(_) | Value::Number(_) => "a value",
    };
    Value::String(format!("({kind} of {bytes} bytes)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(before: &str, after: &str) -> Vec<String> {
        pointers(before, after).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn places_are_named_and_order_is_no_difference() {
        assert_eq!(told(r#"{"a": 1, "b": [1, 2]}"#, r#"{"b": [1, 2], "a": 1}"#), [""; 0]);
        let (before, after) = (
            r#"{"a": {"x/y": 1, "m~n": 2}, "l": [1, 2, 3], "gone": true}"#,
            r#"{"a": {"x/y": 9, "m~n": 3}, "l": [1, 5], "new": null}"#,
        );
        let expected = [
            "/a/m~0n: 2 is now 3",
            "/a/x~1y: 1 is now 9",
            "/gone: true is now (absent)",
            "/l/1: 2 is now 5",
            "/l/2: 3 is now (absent)",
            "/new: (absent) is now null",
        ];
        assert_eq!(told(before, after), expected);
        assert_eq!(told("{}", "[]"), [": {} is now []"]);
        assert_eq!(told("no json", "{}"), [""; 0]);
        assert!(told(r#"{"a": ""}"#, &format!(r#"{{"a": "{}"}}"#, "x".repeat(5000)))[0].contains("a text of 5002 bytes"));
    }
}
