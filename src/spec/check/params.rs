//! Declared parameters: types, defaults, choices and patterns that go together.
//! In: `ParamText`s. Out: findings. Never: a value converted (that is `spec::params`).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::id::ParamName;

use super::super::{
    Diagnostic, Part,
    diagnostic::{did_you_mean, one_of},
    expr::describe,
    text::{ParamText, ParamType},
};
use super::Check;

impl Check<'_> {
    pub(super) fn params(&mut self, params: &BTreeMap<ParamName, ParamText>) {
        let mut env: BTreeMap<String, &ParamName> = BTreeMap::new();
        for (name, param) in params {
            self.param(&format!("/params/{name}"), name, param);
            if let Some(other) = env.insert(env_name(name), name) {
                let message = format!("`{other}` and `{name}` would both be {} in a step's environment", env_name(name));
                self.say(
                    &format!("/params/{name}"),
                    Part::Key,
                    Diagnostic::error("param-collision", message).hint("rename one of the two"),
                );
            }
        }
    }

    /// The fields of a question's form: declared like parameters, but no variable of a step.
    pub(super) fn form(&mut self, pointer: &str, form: &BTreeMap<ParamName, ParamText>) {
        for (name, field) in form {
            self.param(&format!("{pointer}/{name}"), name, field);
        }
    }

    fn param(&mut self, pointer: &str, name: &ParamName, param: &ParamText) {
        let is_enum = param.r#type == ParamType::Enum;
        if is_enum && param.values.is_empty() {
            let diagnostic = Diagnostic::error("enum-without-values", format!("the enum `{name}` has no `values`"));
            self.say(&format!("{pointer}/type"), Part::Value, diagnostic.hint("add `values: [one, other]`"));
        }
        if !is_enum && !param.values.is_empty() {
            let diagnostic = Diagnostic::error("key-without-effect", "`values` belongs to `type: enum`");
            self.say(&format!("{pointer}/values"), Part::Key, diagnostic.hint("write `type: enum`, or remove `values`"));
        }
        for (at, value) in param.values.iter().enumerate().filter(|(at, value)| param.values[..*at].contains(value)) {
            let diagnostic = Diagnostic::error("duplicate-value", format!("`{value}` is already among the values"));
            self.say(&format!("{pointer}/values/{at}"), Part::Value, diagnostic.hint("remove it"));
        }
        let mut readable = true;
        if let Some(pattern) = &param.pattern {
            if param.r#type == ParamType::String {
                readable = self.pattern(&format!("{pointer}/pattern"), pattern);
            } else {
                let diagnostic = Diagnostic::error("key-without-effect", "`pattern` belongs to `type: string`");
                self.say(&format!("{pointer}/pattern"), Part::Key, diagnostic.hint("remove it, or make the parameter a string"));
            }
        }
        let Some(default) = param.default.as_ref().filter(|default| readable || !default.is_string()) else { return };
        if param.required {
            let diagnostic =
                Diagnostic::error("required-with-default", format!("`{name}` is required, so its default is never used"));
            self.say(&format!("{pointer}/default"), Part::Key, diagnostic.hint("remove `required: true` or `default`"));
        }
        if let Err((message, hint)) = value_fits(param, default) {
            let diagnostic = Diagnostic::error("bad-default", format!("the default of `{name}`: {message}")).maybe_hint(hint);
            self.say(&format!("{pointer}/default"), Part::Value, diagnostic);
        }
    }

    /// A pattern must be one by itself, and must still be one where the whole text has to match.
    fn pattern(&mut self, pointer: &str, pattern: &str) -> bool {
        if self.regex(pointer, pattern).is_none() {
            return false;
        }
        let Err(why) = super::regex_of(&whole(pattern)) else { return true };
        let message = format!("this pattern cannot be matched against a whole text: {why}");
        let hint = "leave out a comment at its end, or end the comment's line";
        // A run that began with it goes on; what is given from now on does not fit.
        if !self.shelf.is_frozen() {
            self.say(pointer, Part::Value, Diagnostic::error("bad-regex", message).hint(hint));
        }
        false
    }
}

/// `PARAM_CHANGE_TYPE` for `change-type`.
pub(super) fn env_name(name: &ParamName) -> String {
    format!("PARAM_{}", name.as_str().to_ascii_uppercase().replace('-', "_"))
}

/// Whether `value` is one that the parameter may have; `Err` is message and hint.
pub(in super::super) fn value_fits(param: &ParamText, value: &Value) -> Result<(), (String, Option<String>)> {
    if has_nul(value) {
        return Err(("it holds a NUL character, and no command can be given one".to_owned(), None));
    }
    let expected = match (param.r#type, value) {
        (ParamType::String, Value::String(text)) => return pattern_fits(param, text),
        (ParamType::Integer, Value::Number(n)) if !n.is_f64() => return Ok(()),
        (ParamType::Number, Value::Number(_)) | (ParamType::Boolean, Value::Bool(_)) => return Ok(()),
        (ParamType::Enum, Value::String(text)) => return choice_fits(param, text),
        (ParamType::List, Value::Array(items)) if items.iter().all(Value::is_string) => return Ok(()),
        (ParamType::String, _) => "a text",
        (ParamType::Integer, _) => "a whole number",
        (ParamType::Number, _) => "a number",
        (ParamType::Boolean, _) => "true or false",
        (ParamType::Enum, _) => "one of its values",
        (ParamType::List, _) => "a list of texts",
    };
    let hint = matches!(param.r#type, ParamType::String | ParamType::Enum)
        .then(|| format!("put it in quotes: \"{value}\""))
        .filter(|_| value.is_number() || value.is_boolean());
    let found = match value {
        Value::Number(_) => format!("the number {value}"),
        Value::Array(_) => "a list with other things in it".to_owned(),
        other => describe(other).to_owned(),
    };
    Err((format!("expected {expected}, found {found}"), hint))
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

fn pattern_fits(param: &ParamText, text: &str) -> Result<(), (String, Option<String>)> {
    let Some(pattern) = &param.pattern else { return Ok(()) };
    let shown: String = text.chars().take(60).collect();
    match super::regex_of(&whole(pattern)) {
        Ok(regex) if regex.is_match(text) => Ok(()),
        Ok(_) => Err((format!("`{shown}` does not match the pattern {pattern}"), param.description.clone())),
        // It is reported where it stands, too; until it can be read nothing fits it.
        Err(why) => Err((format!("`{shown}` cannot be held against the pattern {pattern}: {why}"), None)),
    }
}

/// The pattern as it is matched, and as schemas say it: the whole text.
pub(in super::super) fn whole(pattern: &str) -> String {
    format!("^(?:{pattern})$")
}

fn choice_fits(param: &ParamText, text: &str) -> Result<(), (String, Option<String>)> {
    if param.values.is_empty() || param.values.iter().any(|value| value == text) {
        return Ok(());
    }
    let shown: String = text.chars().take(60).collect();
    let values = || param.values.iter().map(String::as_str);
    let hint = did_you_mean(text, values()).unwrap_or_else(|| format!("write {}", one_of(values())));
    Err((format!("`{shown}` is not among its values"), Some(hint)))
}
