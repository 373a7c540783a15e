//! What is left of a value when its flaws are taken out of it.
//! In: the value and its flaws. Out: a value that fits the schema. Never: an item taken out of a list, which would move the others.

use serde_json::{Map, Value, json};

use super::{Fix, Flaw, PLACEHOLDER, Walk, rule_of, words_of};

/// `value` with every flaw taken out or replaced by something harmless.
pub(in super::super) fn patched(value: &Value, flaws: &[Flaw]) -> Value {
    let mut value = value.clone();
    // Nothing is taken out of a list, so pointers stay true in any order.
    for flaw in flaws {
        match &flaw.fix {
            Fix::Remove => remove(&mut value, &flaw.pointer),
            Fix::Put(new) => put(&mut value, &flaw.pointer, new.clone()),
        }
    }
    value
}

fn parent(pointer: &str) -> Option<(&str, String)> {
    let (parent, last) = pointer.rsplit_once('/')?;
    Some((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn remove(value: &mut Value, pointer: &str) {
    if let Some((parent, key)) = parent(pointer)
        && let Some(Value::Object(map)) = value.pointer_mut(parent)
    {
        map.remove(&key);
    }
}

fn put(value: &mut Value, pointer: &str, new: Value) {
    let Some((parent, key)) = parent(pointer) else {
        *value = new;
        return;
    };
    match value.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            map.insert(key, new);
        }
        Some(Value::Array(items)) => {
            if let Some(item) = key.parse::<usize>().ok().and_then(|at| items.get_mut(at)) {
                *item = new;
            }
        }
        _ => {}
    }
}

impl<'a> Walk<'a> {
    /// Something that fits the schema and says nothing.
    pub(super) fn placeholder(&mut self, schema: &'a Value, def: Option<&str>, depth: usize) -> Value {
        if def == Some("Length") {
            return json!("1s");
        }
        if def.and_then(rule_of).is_some() {
            self.placeholders += 1;
            return json!(format!("{PLACEHOLDER}{}", self.placeholders));
        }
        if let Some(words) = words_of(schema) {
            return json!(words[0]);
        }
        if let Some(first) = schema.get("anyOf").and_then(|branches| branches.get(0)) {
            return self.placeholder(first, None, depth);
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("object") => {
                let mut made = Map::new();
                let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
                for key in required.filter(|_| depth < 8) {
                    let (inner, def) = self.follow(&schema["properties"][key]);
                    made.insert(key.to_owned(), self.placeholder(inner, def, depth + 1));
                }
                Value::Object(made)
            }
            Some("array") => match (schema.get("items"), schema.get("minItems")) {
                (Some(item), Some(_)) if depth < 8 => {
                    let (inner, def) = self.follow(item);
                    json!([self.placeholder(inner, def, depth + 1)])
                }
                _ => json!([]),
            },
            Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
            Some("boolean") => json!(false),
            _ => json!("placeholder"),
        }
    }
}
