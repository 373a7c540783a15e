//! What an answer to a question brings along: declared like parameters, held against what a person gave.
//! In: a form and values. Out: one value per field, or every mistake in one sentence. Never: a field guessed, an unknown name taken.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::id::ParamName;

use super::{
    check::{value_fits, whole},
    diagnostic::did_you_mean,
    params::{Given, from_text},
    text::{ParamText, ParamType},
};

pub type Form = BTreeMap<ParamName, ParamText>;

/// The form as a JSON Schema, for whoever draws it or fills it in by a program.
pub fn schema(form: &Form) -> Value {
    let properties: serde_json::Map<String, Value> =
        form.iter().map(|(name, field)| (name.to_string(), schema_of(field))).collect();
    let required: Vec<&str> = form.iter().filter(|(_, field)| field.required).map(|(name, _)| name.as_str()).collect();
    json!({"type": "object", "additionalProperties": false, "properties": properties, "required": required})
}

fn schema_of(field: &ParamText) -> Value {
    let mut schema = match field.r#type {
        ParamType::String => json!({"type": "string"}),
        ParamType::Integer => json!({"type": "integer"}),
        ParamType::Number => json!({"type": "number"}),
        ParamType::Boolean => json!({"type": "boolean"}),
        ParamType::Enum => json!({"type": "string", "enum": field.values}),
        ParamType::List => json!({"type": "array", "items": {"type": "string"}}),
    };
    // The whole text must match, in a schema as in a parameter.
    let pattern = field.pattern.as_ref().map(|pattern| Value::from(whole(pattern)));
    let described = field.description.as_ref().map(|text| Value::from(text.clone()));
    for (key, value) in [("pattern", pattern), ("description", described), ("default", field.default.clone())] {
        if let Some(value) = value {
            schema[key] = value;
        }
    }
    schema
}

/// One value per field that was given or has a default.
///
/// # Errors
/// Every mistake, in one sentence.
pub fn fill(form: &Form, given: &BTreeMap<String, Given>) -> Result<BTreeMap<ParamName, Value>, String> {
    let mut wrong = Vec::new();
    for name in given.keys().filter(|name| !form.keys().any(|known| known.as_str() == *name)) {
        let known = || form.keys().map(ParamName::as_str);
        let hint = match form.len() {
            0 => "it takes no values".to_owned(),
            _ => did_you_mean(name, known()).unwrap_or_else(|| format!("it takes {}", known().collect::<Vec<_>>().join(", "))),
        };
        wrong.push(format!("`{name}` is not asked for ({hint})"));
    }
    let mut values = BTreeMap::new();
    for (name, field) in form {
        let value = match given.get(name.as_str()) {
            Some(Given::Text(text)) => from_text(field, text).and_then(|value| value_fits(field, &value).map(|()| value)),
            Some(Given::Value(value)) => value_fits(field, value).map(|()| value.clone()),
            None => match &field.default {
                Some(default) => Ok(default.clone()),
                None if field.required => Err(("it is missing".to_owned(), field.description.clone())),
                None => continue,
            },
        };
        match value {
            Ok(value) => drop(values.insert(name.clone(), value)),
            Err((message, hint)) => {
                wrong.push(format!("`{name}`: {message}{}", hint.map(|hint| format!(" ({hint})")).unwrap_or_default()));
            }
        }
    }
    if wrong.is_empty() { Ok(values) } else { Err(wrong.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form {
        let text = r#"{
            "seats": {"type": "integer", "required": true, "description": "How many"},
            "plan": {"type": "enum", "values": ["small", "large"], "default": "small"},
            "code": {"type": "string", "pattern": "[A-Z]{3}"},
            "tags": {"type": "list"}}"#;
        serde_json::from_str(text).unwrap()
    }

    fn given(pairs: &[(&str, Given)]) -> BTreeMap<String, Given> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn texts_become_what_the_form_asks_for_and_defaults_fill_in() {
        let text = |text: &str| Given::Text(text.to_owned());
        let values = fill(&form(), &given(&[("seats", text("4")), ("tags", text("a,b"))])).unwrap();
        assert_eq!(json!(values), json!({"plan": "small", "seats": 4, "tags": ["a", "b"]}));
    }

    #[test]
    fn nothing_fits_a_pattern_that_cannot_be_read() {
        let form: Form =
            serde_json::from_str(r#"{"x": {"type": "string", "pattern": "(?x) [a-z]+  # lower case only"}}"#).unwrap();
        let said = fill(&form, &given(&[("x", Given::Value(json!("-rf / ; EVIL 9")))])).unwrap_err();
        assert!(said.contains("cannot be held against the pattern"), "{said}");
    }

    #[test]
    fn every_mistake_is_said_at_once() {
        let wrong =
            [("plan", Given::Value(json!("huge"))), ("code", Given::Value(json!("abcd"))), ("seat", Given::Value(json!(1)))];
        let said = fill(&form(), &given(&wrong)).unwrap_err();
        for part in [
            "`seat` is not asked for",
            "did you mean",
            "`plan`: `huge` is not among",
            "`code`: `abcd` does not match",
            "`seats`: it is missing (How many)",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(fill(&Form::new(), &given(&wrong[..1])).unwrap_err().contains("it takes no values"));
    }

    #[test]
    fn an_independent_validator_reads_the_schema_as_we_do() {
        let validator = jsonschema::validator_for(&schema(&form())).unwrap();
        for value in [json!({"seats": 1}), json!({"seats": 2, "code": "ABC", "tags": []}), json!({"seats": 1, "plan": "large"})] {
            let ours: BTreeMap<String, Given> =
                value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), Given::Value(value.clone()))).collect();
            assert!(validator.is_valid(&value) && fill(&form(), &ours).is_ok(), "{value}");
        }
        for value in [
            json!({}),
            json!({"seats": "1"}),
            json!({"seats": 1, "code": "ABCD"}),
            json!({"seats": 1, "x": 1}),
            json!({"seats": 1.5}),
        ] {
            let ours: BTreeMap<String, Given> =
                value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), Given::Value(value.clone()))).collect();
            assert!(!validator.is_valid(&value) && fill(&form(), &ours).is_err(), "{value}");
        }
    }
}
