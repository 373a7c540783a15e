//! The API's own document, as the studio serves it.
//! In: what was answered. Out: nothing, where it is what the document promises. Never: an answer that the document does not know.

use serde_json::Value;

use crate::client::Studio;

pub struct Document(pub Value);

impl Document {
    pub fn of(studio: &Studio) -> Self {
        Self(studio.api("/api/v1/openapi.json").code(200).json())
    }

    /// Whether a value is what the operation at this path promises.
    #[track_caller]
    pub fn holds(&self, path: &str, method: &str, status: u16, kind: &str, value: &Value) {
        let responses = &self.0["paths"][path][method]["responses"];
        let response = responses.get(status.to_string()).unwrap_or(&responses["default"]);
        let mut schema = response["content"][kind]["schema"].clone();
        assert!(schema.is_object(), "{method} {path} {status} {kind} is not in the document");
        schema["components"] = self.0["components"].clone();
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let found: Vec<String> =
            validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(found.is_empty(), "{method} {path} {status}: {found:#?}");
    }
}
