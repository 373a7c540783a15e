//! Values for a flow's parameters: texts from a command line, values from a file, defaults.
//! In: what was given. Out: one value per declared parameter, or everything that is wrong with what was given.
//! Never: a value rounded, a parameter guessed, an unknown name ignored.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value, json};

use crate::id::ParamName;

use super::{
    Diagnostic, Diagnostics,
    check::{value_fits, whole},
    diagnostic::{did_you_mean, one_of},
    flow::Flow,
    text::{ParamText, ParamType},
};

/// A list from a command line has at most so many items.
const ITEMS_MAX: usize = 10_000;

/// What may be given, as the JSON Schema of one object: for programs, and for forms.
pub fn schema(flow: &Flow) -> Value {
    let one = |param: &ParamText| {
        let mut schema = match param.r#type {
            ParamType::String => json!({ "type": "string" }),
            ParamType::Integer => json!({ "type": "integer" }),
            ParamType::Number => json!({ "type": "number" }),
            ParamType::Boolean => json!({ "type": "boolean" }),
            ParamType::Enum => json!({ "type": "string", "enum": param.values }),
            ParamType::List => json!({ "type": "array", "items": { "type": "string" }, "maxItems": ITEMS_MAX }),
        };
        if let Some(pattern) = &param.pattern {
            schema["pattern"] = whole(pattern).into();
        }
        for (name, value) in [("default", param.default.clone()), ("description", param.description.clone().map(Value::from))] {
            if let Some(value) = value {
                schema[name] = value;
            }
        }
        schema
    };
    let properties: Map<String, Value> = flow.params.iter().map(|(name, param)| (name.to_string(), one(param))).collect();
    let required = flow.params.iter().filter(|(_, param)| param.required).map(|(name, _)| name.as_str());
    json!({ "type": "object", "properties": properties, "required": required.collect::<Vec<_>>(), "additionalProperties": false })
}

/// A value as it was given.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// `k=v`: converted by the parameter's type.
    Text(String),
    /// From a file: it must have the parameter's type already.
    Value(Value),
}

/// A value, or message and hint.
pub(super) type Converted = Result<Value, (String, Option<String>)>;

/// What is wrong with one of the values that were given, by its name.
pub type Mistake = (String, Diagnostic);

/// One value per declared parameter; what is neither given nor has a default is null.
///
/// # Errors
/// Unknown names, missing values, and values that do not fit, all at once.
pub fn resolve(flow: &Flow, given: &BTreeMap<String, Given>) -> Result<BTreeMap<ParamName, Value>, Diagnostics> {
    resolve_each(flow, given).map_err(|mistakes| {
        let mut found = Diagnostics::default();
        found.extend(mistakes.into_iter().map(|(_, mistake)| mistake));
        found
    })
}

/// The same for a form, where each mistake stands beside its field.
///
/// # Errors
/// As [`resolve`].
pub fn resolve_each(flow: &Flow, given: &BTreeMap<String, Given>) -> Result<BTreeMap<ParamName, Value>, Vec<Mistake>> {
    let mut values = BTreeMap::new();
    let mut found = Vec::new();
    for name in given.keys().filter(|name| !flow.params.keys().any(|known| known.as_str() == *name)) {
        found.push((name.clone(), unknown(flow, name)));
    }
    for (name, param) in &flow.params {
        let value = match given.get(name.as_str()) {
            None if param.required => {
                found.push((name.to_string(), missing(flow, name, param)));
                continue;
            }
            None => Ok(param.default.clone().unwrap_or(Value::Null)),
            Some(Given::Text(text)) => from_text(param, text).and_then(|value| value_fits(param, &value).map(|()| value)),
            Some(Given::Value(value)) => value_fits(param, value).map(|()| value.clone()),
        };
        match value {
            Ok(value) => {
                values.insert(name.clone(), value);
            }
            Err((message, hint)) => {
                let mistake = Diagnostic::error("bad-param", format!("the parameter `{name}`: {message}")).maybe_hint(hint);
                found.push((name.to_string(), mistake));
            }
        }
    }
    if found.is_empty() { Ok(values) } else { Err(found) }
}

/// What a step gives a parameter of the flow that it opens: the value itself where it fits, else its text converted by the
/// parameter's type, without the line end of a command's output where that does not fit. Nothing, where it does not fit
/// either, leaves the parameter out.
///
/// # Errors
/// A value that the parameter may not have, in one sentence.
pub fn handed_on(name: &ParamName, param: &ParamText, value: Option<&Value>, text: &str) -> Result<Value, String> {
    if let Some(value) = value.filter(|value| value_fits(param, value).is_ok()) {
        return Ok(value.clone());
    }
    let convert = |text: &str| from_text(param, text).and_then(|value| value_fits(param, &value).map(|()| value));
    match convert(text).or_else(|_| convert(text.trim_end_matches(['\n', '\r']))) {
        Ok(value) => Ok(value),
        Err(_) if value.is_some_and(Value::is_null) && !param.required => Ok(param.default.clone().unwrap_or(Value::Null)),
        Err((message, hint)) => {
            let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            Err(format!("the parameter `{name}`: {message}{hint}"))
        }
    }
}

fn unknown(flow: &Flow, name: &str) -> Diagnostic {
    let shown: String = name.chars().take(80).collect();
    let known = || flow.params.keys().map(ParamName::as_str);
    let hint = did_you_mean(name, known()).unwrap_or_else(|| match flow.params.len() {
        0 => "it takes none".to_owned(),
        _ => format!("it takes {}", one_of(known())),
    });
    Diagnostic::error("unknown-param", format!("the flow `{}` has no parameter `{shown}`", flow.key)).hint(hint)
}

fn missing(flow: &Flow, name: &ParamName, param: &ParamText) -> Diagnostic {
    let about = param.description.as_ref().map(|about| format!(" ({about})")).unwrap_or_default();
    let example = match param.r#type {
        ParamType::Enum => param.values.first().cloned().unwrap_or_default(),
        ParamType::Boolean => "true".to_owned(),
        ParamType::Integer | ParamType::Number => "1".to_owned(),
        ParamType::List => "one,two".to_owned(),
        ParamType::String => "…".to_owned(),
    };
    Diagnostic::error("missing-param", format!("the flow `{}` requires the parameter `{name}`{about}", flow.key))
        .hint(format!("--param {name}={example}"))
}

/// A text as a value of the parameter's type; `Err` is message and hint.
pub(super) fn from_text(param: &ParamText, text: &str) -> Converted {
    let shown: String = text.chars().take(60).collect();
    match param.r#type {
        ParamType::String | ParamType::Enum => Ok(Value::String(text.to_owned())),
        ParamType::Boolean => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err((format!("expected true or false, found `{shown}`"), None)),
        },
        ParamType::Integer => {
            let signed = text.parse::<i64>().map(Number::from);
            let number = signed.or_else(|_| text.parse::<u64>().map(Number::from));
            number.map(Value::Number).map_err(|_| (format!("expected a whole number, found `{shown}`"), None))
        }
        ParamType::Number => {
            if let Ok(whole) = text.parse::<i64>() {
                return Ok(Value::from(whole));
            }
            let number = text.parse::<f64>().ok().and_then(Number::from_f64);
            number.map(Value::Number).ok_or_else(|| (format!("expected a number, found `{shown}`"), None))
        }
        ParamType::List => list(text).ok_or_else(|| {
            let hint = "write one,two or a JSON list of texts: [\"one\", \"two, too\"]".to_owned();
            (format!("expected a list of texts, found `{shown}`"), Some(hint))
        }),
    }
}

fn list(text: &str) -> Option<Value> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str::<Vec<String>>(text).ok().filter(|items| items.len() <= ITEMS_MAX).map(Value::from);
    }
    let items: Vec<&str> = text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
    (items.len() <= ITEMS_MAX).then(|| Value::from(items))
}
