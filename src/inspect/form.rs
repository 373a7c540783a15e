//! What a question asks for beside the choice.
//! In: a question. Out: its form's fields. Never: a value judged; that is the kernel's to do.

use crate::record::Question;

/// The fields of a question's form: name, schema, and whether it must be given.
pub fn form_fields(question: &Question) -> Vec<(String, serde_json::Value, bool)> {
    let Some(schema) = &question.answer_schema else { return Vec::new() };
    let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let all = schema["properties"].as_object().into_iter().flatten();
    all.map(|(name, field)| (name.clone(), field.clone(), required(name))).collect()
}
