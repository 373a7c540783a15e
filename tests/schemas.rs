//! The committed schemas are the ones that the types give. `UPDATE_SCHEMAS=1` writes them.

use flow_studio::spec::schema;
use serde_json::Value;

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    for (name, made) in [("flow", schema::flow()), ("agent", schema::agent()), ("detours", schema::detours())] {
        let path = format!("{}/schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
        let text = format!("{}\n", serde_json::to_string_pretty(&made).unwrap());
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == text, "{path} is not what the types give; run UPDATE_SCHEMAS=1 cargo test --test schemas");
    }
}

/// Whether an independent validator accepts `flow`.
fn accepts(flow: &Value) -> bool {
    jsonschema::validator_for(&schema::flow()).unwrap().is_valid(flow)
}

#[test]
fn an_editor_sees_what_the_loader_refuses() {
    let step = |step: Value| serde_json::json!({"flow": "x", "steps": [step]});
    assert!(accepts(&step(serde_json::json!({"id": "a", "run": "true"}))));
    for bad in [
        serde_json::json!({"id": "a"}),
        serde_json::json!({"id": "a", "run": "true", "exec": ["true"]}),
        serde_json::json!({"id": "A b", "run": "true"}),
        serde_json::json!({"id": "a", "run": "true", "retrys": 1}),
        serde_json::json!({"id": "a", "run": null}),
        serde_json::json!({"id": "a", "run": "true", "timeout": 3}),
        serde_json::json!({"id": "a", "snapshot": {"name": "s", "commands": {"A b": "true"}}}),
    ] {
        assert!(!accepts(&step(bad.clone())), "{bad}");
    }
}
