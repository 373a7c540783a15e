//! What a `flow:` step would give the flow that it opens, as far as it is known before it runs.
//! In: `with`, the flow's parameters, what is known. Out: values, and why the step would fail. Never: a step's result guessed.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    id::ParamName,
    spec::{flow::WithValue, params, text::ParamText},
};

use super::{Known, fits, text};

type Declared = BTreeMap<ParamName, ParamText>;

/// The parameters of the flow, and every value that it may not have. What is not known yet stands as it is written.
pub(super) fn handed_on(
    declared: &Declared,
    with: &BTreeMap<ParamName, WithValue>,
    known: &Known,
) -> (BTreeMap<ParamName, Value>, Vec<String>) {
    let mut values: BTreeMap<ParamName, Value> =
        declared.iter().filter_map(|(name, param)| Some((name.clone(), param.default.clone()?))).collect();
    let mut refused = Vec::new();
    for (name, given) in with {
        let value = match given {
            WithValue::Value(value) => value.clone(),
            WithValue::Template(template) => {
                let text = text(template, known);
                match declared.get(name).filter(|_| fits(template.reads(), known)) {
                    None => Value::String(text),
                    Some(param) => {
                        let seen = Value::Object(known.clone());
                        params::handed_on(name, param, template.sole(&seen), &text).unwrap_or_else(|why| {
                            refused.push(format!("it would fail: {why}"));
                            Value::String(text)
                        })
                    }
                }
            }
        };
        values.insert(name.clone(), value);
    }
    (values, refused)
}
