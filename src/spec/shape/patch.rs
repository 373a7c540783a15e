//! What is left of a value when its flaws are taken out of it.
//! In: the value and its flaws. Out: a value that fits the schema. Never: an item taken out of a list, which would move the others.

use serde_json::{Map, Value, json};

use super::{Fix, Flaw, PLACEHOLDER, Schema, Walk, rule_of};

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

impl<'a, 's> Walk<'a, 's> {
    /// Something that fits the schema and says nothing.
    pub(super) fn placeholder(&mut self, schema: &'a Schema<'s>, def: Option<&str>, depth: usize) -> Value {
        if def == Some("Length") {
            return json!("1s");
        }
        if def.and_then(rule_of).is_some() {
            self.placeholders += 1;
            return json!(format!("{PLACEHOLDER}{}", self.placeholders));
        }
        if let Some(first) = schema.words.as_ref().and_then(|words| words.first()) {
            return json!(first);
        }
        if let Some(first) = schema.any_of.first() {
            return self.placeholder(first, None, depth);
        }
        match schema.kind {
            Some("object") => {
                let mut made = Map::new();
                for key in schema.required.iter().filter(|_| depth < 8) {
                    let (inner, def) = self.follow(schema.properties.get(key).unwrap_or(self.anything));
                    made.insert((*key).to_owned(), self.placeholder(inner, def, depth + 1));
                }
                Value::Object(made)
            }
            Some("array") => match (&schema.items, schema.items_min) {
                (Some(item), Some(_)) if depth < 8 => {
                    let (inner, def) = self.follow(item);
                    json!([self.placeholder(inner, def, depth + 1)])
                }
                _ => json!([]),
            },
            Some("integer" | "number") => schema.minimum.clone().map_or_else(|| json!(1), Value::Number),
            Some("boolean") => json!(false),
            _ => json!("placeholder"),
        }
    }
}
