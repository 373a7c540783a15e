//! What a question asks for beside the choice.
//! In: a question. Out: its form's fields, and the command that gives one answer. Never: a value judged; that is the kernel's to do.

use crate::{
    id::RunId,
    record::{Question, QuestionKind},
};

use super::paste::{Paste, quoted};

/// The fields of a question's form: name, schema, and whether it must be given.
pub fn form_fields(question: &Question) -> Vec<(String, serde_json::Value, bool)> {
    let Some(schema) = &question.answer_schema else { return Vec::new() };
    let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let all = schema["properties"].as_object().into_iter().flatten();
    all.map(|(name, field)| (name.clone(), field.clone(), required(name))).collect()
}

/// The command for one choice, with a place for whatever else the kernel wants of it.
pub(super) fn answer_with(paste: &Paste, run: &RunId, question: &Question, choose: &str) -> String {
    let mut command = paste.answer(run, &question.id, choose);
    match choose {
        "mark-done" => command.push_str(" --note '…'"),
        // Who says no fills in nothing.
        "reject" => {}
        _ if question.kind == QuestionKind::Ask => {
            let must =
                form_fields(question).into_iter().filter(|(_, field, required)| *required && field.get("default").is_none());
            must.for_each(|(name, ..)| command.push_str(&format!(" --set {}", quoted(&format!("{name}=…")))));
        }
        _ => {}
    }
    command
}
