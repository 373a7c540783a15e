//! The JSON Schemas of what people write, made from the Rust types, for editors and for our own messages.
//! In: nothing. Out: schemas, draft 2020-12. Never: a rule that the loader does not hold as well.

use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde_json::{Value, json};

use super::{
    shape::Schema as Rules,
    text::{AgentText, DetoursText, FlowText},
};

/// The verbs of a step, in the order in which messages name them.
pub(super) const VERBS: &[&str] = &["run", "exec", "agent", "ask", "flow", "snapshot", "compare", "render", "scan"];

/// A name, not an address: nothing is to be fetched from it.
pub const ID: &str = "urn:flow-studio:schema:";

/// `flows/<flow>.yaml`.
pub fn flow() -> Value {
    made::<FlowText>("flow", "Flow")
}

/// The front matter of `agents/<agent>.md`.
pub fn agent() -> Value {
    made::<AgentText>("agent", "Agent front matter")
}

/// `flows/detours.yaml`.
pub fn detours() -> Value {
    let mut schema = detours_read();
    if let Some(Value::Object(keys)) = schema.pointer_mut("/$defs/StepText/properties") {
        keys.retain(|key, _| !NOT_IN_DETOURS.contains(&key.as_str()));
    }
    schema
}

/// As the loader reads it: it knows the keys that it refuses, and says why.
fn detours_read() -> Value {
    made::<DetoursText>("detours", "Detours")
}

/// Keys of steps that are refused in a detour: its steps run one after the other, and it declares no secrets.
const NOT_IN_DETOURS: &[&str] = &["needs", "needs_skipped", "join", "loop", "for_each", "as", "route", "inject", "secrets"];

// For the loader, what it reads of the schemas, as it is committed: reading that costs a fraction of making it, and a file is loaded in
// every process. A test holds it equal to what the types say.
pub(super) static FLOW: LazyLock<Rules<'static>> = LazyLock::new(|| committed(include_str!("rules/flow.json")));
pub(super) static AGENT: LazyLock<Rules<'static>> = LazyLock::new(|| committed(include_str!("rules/agent.json")));
pub(super) static DETOURS: LazyLock<Rules<'static>> = LazyLock::new(|| committed(include_str!("rules/detours.json")));

fn committed(text: &'static str) -> Rules<'static> {
    Rules::read(text).expect("a committed schema is one, or the tests would not pass")
}

const KEBAB: &str = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$";
const WORD: &str = "^[A-Za-z][A-Za-z0-9_-]*$";

/// The names of `id` that people write, with their patterns.
const NAMES: &[(&str, &str)] = &[
    ("FlowKey", KEBAB),
    ("StepId", KEBAB),
    ("DetourId", KEBAB),
    ("SnapshotName", KEBAB),
    ("ProgramName", KEBAB),
    ("AgentKey", WORD),
    ("ParamName", WORD),
];

/// The mappings whose keys are names.
const KEYS: &[(&str, &str)] = &[
    ("/properties/params", "ParamName"),
    ("/$defs/StepText/properties/with", "ParamName"),
    ("/$defs/SnapshotText/properties/commands", "SnapshotName"),
];

pub(super) fn made<T: JsonSchema>(name: &str, title: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(NoNull);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Value::Object(root) = &mut schema {
        root.insert("$id".to_owned(), json!(format!("{ID}{name}")));
        root.insert("title".to_owned(), json!(title));
    }
    for (def, pattern) in NAMES {
        // Length beside the pattern: editors know no other way to hold `NAME_BYTES_MAX`.
        let rule = json!({"type": "string", "pattern": pattern, "maxLength": crate::id::NAME_BYTES_MAX});
        match schema.pointer_mut(&format!("/$defs/{def}")) {
            Some(Value::Object(known)) => known.extend(rule.as_object().cloned().unwrap_or_default()),
            _ => schema["$defs"][def] = rule,
        }
    }
    for (pointer, def) in KEYS {
        if let Some(Value::Object(map)) = schema.pointer_mut(pointer) {
            map.insert("propertyNames".to_owned(), json!({"$ref": format!("#/$defs/{def}")}));
        }
    }
    if let Some(Value::Object(step)) = schema.pointer_mut("/$defs/StepText") {
        let one = |verb: &&str| json!({"required": [verb]});
        step.insert("oneOf".to_owned(), Value::Array(VERBS.iter().map(one).collect()));
    }
    schema
}

/// A key without a value is a mistake, not an absent key; so `null` is taken out of every schema.
#[derive(Debug, Clone)]
struct NoNull;

impl schemars::transform::Transform for NoNull {
    fn transform(&mut self, schema: &mut Schema) {
        schemars::transform::transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else { return };
        let is_null = |value: &Value| value == "null" || value == &json!({"type": "null"}) || value.is_null();
        for list in ["type", "anyOf", "enum"] {
            let Some(Value::Array(all)) = object.get_mut(list) else { continue };
            all.retain(|one| !is_null(one));
            let [only] = all.as_slice() else { continue };
            let only = only.clone();
            match (list, only) {
                ("type", only) => {
                    object.insert("type".to_owned(), only);
                }
                ("anyOf", Value::Object(only)) => {
                    object.remove("anyOf");
                    for (key, value) in only {
                        object.entry(key).or_insert(value);
                    }
                }
                _ => {}
            }
        }
        if object.get("default").is_some_and(Value::is_null) {
            object.remove("default");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Most of a schema is said to people and to editors.
    const UNREAD: [&str; 7] = ["description", "title", "$schema", "$id", "default", "pattern", "maxLength"];

    fn less(schema: &mut Value) {
        if let Value::Object(keys) = schema {
            keys.retain(|key, _| !UNREAD.contains(&key.as_str()));
            for (key, value) in keys {
                match (key.as_str(), value) {
                    // These keys are names that the schema gives.
                    ("properties" | "$defs", Value::Object(named)) => named.values_mut().for_each(less),
                    (_, value) => less(value),
                }
            }
        } else if let Value::Array(all) = schema {
            all.iter_mut().for_each(less);
        }
    }

    #[test]
    fn committed_schemas_of_the_loader_are_those_of_the_types() {
        for (name, made) in [("flow", flow()), ("agent", agent()), ("detours", detours_read())] {
            let mut rules = made.clone();
            less(&mut rules);
            let (less, made) = (rules.to_string(), made.to_string());
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/spec/rules/{name}.json"));
            if std::env::var_os("UPDATE_SCHEMAS").is_some() {
                std::fs::write(&path, format!("{less}\n")).unwrap();
            }
            let committed = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(committed.trim_end() == less, "{name}: run UPDATE_SCHEMAS=1 cargo test --lib committed_schemas");
            // What was left out, the loader does not read.
            let read = |text: &str| format!("{:?}", Rules::read(text).unwrap());
            assert!(!read(&less).contains("is no schema"), "{}", read(&less));
            assert_eq!(read(&less), read(&made), "{name}");
        }
    }
}
