//! JSON values into the evaluator and out of it, and what every macro goes through.
//! In: JSON or CEL values. Out: the other. Never: an order that hashing chose.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use cel::ExecutionError;
use serde_json::Value;

use super::CUT;

/// Elements that `all`, `exists`, `filter` and `map` may visit during one evaluation.
const VISITS_MAX: u64 = 200_000;

/// The elements that a macro goes through, counted; a map gives its keys in order.
pub(super) fn items(list: cel::Value, visits: &AtomicU64) -> Result<cel::Value, ExecutionError> {
    let (list, count) = match list {
        cel::Value::List(items) => {
            let count = items.len();
            (cel::Value::List(items), count)
        }
        cel::Value::Map(map) => {
            let mut keys: Vec<_> = map.map.keys().cloned().collect();
            keys.sort();
            let count = keys.len();
            (cel::Value::List(Arc::new(keys.iter().map(cel::Value::from).collect())), count)
        }
        other => return Err(ExecutionError::function_error("all/exists/filter/map", format!("{} is no list", kind(&other)))),
    };
    // One at least, so that a loop over nothing inside a loop is counted too.
    let before = visits.fetch_add(count.max(1) as u64, Ordering::Relaxed);
    if before + count as u64 > VISITS_MAX {
        return Err(ExecutionError::function_error(
            "all/exists/filter/map",
            format!("more than {VISITS_MAX} elements were visited"),
        ));
    }
    Ok(list)
}

fn kind(value: &cel::Value) -> String {
    format!("a value of type {}", value.type_of())
}

/// The engine's errors as sentences; values in them are cut, they may be whole outputs.
pub(super) fn sentence(error: &ExecutionError) -> String {
    let mut text = match error {
        ExecutionError::NoSuchKey(key) => format!("there is no `{key}` here; test for it with has(…)"),
        ExecutionError::UndeclaredReference(name) => format!("the name `{name}` has no value here"),
        other => other.to_string(),
    };
    if text.len() > 300 {
        let end = (0..=297).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

pub(in super::super) fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(n) if n.is_f64() => "a number",
        Value::Number(_) => "a whole number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

pub(super) fn to_cel(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(yes) => cel::Value::Bool(*yes),
        Value::Number(n) => match (n.as_i64(), n.as_u64()) {
            (Some(int), _) => cel::Value::Int(int),
            (None, Some(uint)) => cel::Value::UInt(uint),
            (None, None) => cel::Value::Float(n.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => cel::Value::String(Arc::new(text.clone())),
        Value::Array(items) => cel::Value::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(pairs) => {
            // A step that was picked by a computed name: its fields without a value are not there.
            let cut = pairs.get(CUT).and_then(Value::as_object);
            let without = |key: &String| cut.is_some_and(|cut| key == CUT || cut.contains_key(key));
            let pairs: std::collections::HashMap<String, cel::Value> =
                pairs.iter().filter(|(k, _)| !without(k)).map(|(k, v)| (k.clone(), to_cel(v))).collect();
            cel::Value::Map(pairs.into())
        }
    }
}

pub(super) fn from_cel(value: &cel::Value) -> Result<Value, String> {
    Ok(match value {
        cel::Value::Null => Value::Null,
        cel::Value::Bool(yes) => Value::Bool(*yes),
        cel::Value::Int(int) => Value::from(*int),
        cel::Value::UInt(uint) => Value::from(*uint),
        cel::Value::Float(float) => {
            serde_json::Number::from_f64(*float).map(Value::Number).ok_or("gave a number without a value")?
        }
        cel::Value::String(text) => Value::String(text.to_string()),
        cel::Value::List(items) => Value::Array(items.iter().map(from_cel).collect::<Result<_, _>>()?),
        cel::Value::Map(map) => {
            let sorted: BTreeMap<String, &cel::Value> = map.map.iter().map(|(key, value)| (key.to_string(), value)).collect();
            Value::Object(sorted.into_iter().map(|(key, value)| Ok((key, from_cel(value)?))).collect::<Result<_, String>>()?)
        }
        other => return Err(format!("gave {}, which a flow cannot use", kind(other))),
    })
}
