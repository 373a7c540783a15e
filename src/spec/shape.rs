//! A value held against its schema: unknown keys, wrong types, words that are not among the known ones.
//! In: a tree that serde refused, and the schema. Out: every difference in our own words, and the value with all
//! of them patched, so that the checks behind can still look at the rest. Never: called for a file without mistakes.

use serde_json::{Map, Value, json};

use crate::id;

use super::{
    Length, Part,
    diagnostic::{Diagnostic, did_you_mean, nearest, one_of},
    expr::describe,
    source::segment,
};

/// One difference, by JSON pointer.
pub(super) struct Flaw {
    pub(super) pointer: String,
    pub(super) part: Part,
    pub(super) diagnostic: Diagnostic,
    fix: Fix,
    /// A name was lost: what refers to it cannot be checked.
    pub(super) lost_name: bool,
}

enum Fix {
    Remove,
    Put(Value),
}

/// Everything in which `value` differs from `schema`.
pub(super) fn differences(value: &Value, schema: &Value) -> Vec<Flaw> {
    let mut walk = Walk { root: schema, flaws: Vec::new(), placeholders: 0 };
    walk.value(value, schema, "", true);
    walk.flaws
}

/// `value` with every flaw taken out or replaced by something harmless.
pub(super) fn patched(value: &Value, flaws: &[Flaw]) -> Value {
    let mut value = value.clone();
    // Nothing is taken out of a list, so pointers stay true in any order.
    for flaw in flaws {
        match &flaw.fix {
            Fix::Remove => remove(&mut value, &flaw.pointer),
            Fix::Put(new) => put(&mut value, &flaw.pointer, new.clone()),
        }
    }
    value
}

fn parent(pointer: &str) -> Option<(&str, String)> {
    let (parent, last) = pointer.rsplit_once('/')?;
    Some((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn remove(value: &mut Value, pointer: &str) {
    if let Some((parent, key)) = parent(pointer)
        && let Some(Value::Object(map)) = value.pointer_mut(parent)
    {
        map.remove(&key);
    }
}

fn put(value: &mut Value, pointer: &str, new: Value) {
    let Some((parent, key)) = parent(pointer) else {
        *value = new;
        return;
    };
    match value.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            map.insert(key, new);
        }
        Some(Value::Array(items)) => {
            if let Some(item) = key.parse::<usize>().ok().and_then(|at| items.get_mut(at)) {
                *item = new;
            }
        }
        _ => {}
    }
}

static ANYTHING: Value = Value::Bool(true);

/// A file with more differences is not a flow with mistakes, it is something else.
const FLAWS_MAX: usize = 1000;

struct Walk<'a> {
    root: &'a Value,
    flaws: Vec<Flaw>,
    placeholders: usize,
}

impl<'a> Walk<'a> {
    /// The schema behind a reference, and the name of its definition.
    fn follow(&self, schema: &'a Value) -> (&'a Value, Option<&'a str>) {
        let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix("#/$defs/")) else {
            return (schema, None);
        };
        (self.root.pointer(&format!("/$defs/{name}")).unwrap_or(schema), Some(name))
    }

    fn value(&mut self, value: &Value, schema: &'a Value, pointer: &str, required: bool) {
        if self.flaws.len() >= FLAWS_MAX {
            return;
        }
        let (schema, def) = self.follow(schema);
        if value.is_null() {
            let expected = self.expected(schema, def);
            let missing = Diagnostic::error("no-value", format!("`{}` has no value", last(pointer)));
            let hint = format!("write {expected}, or remove the key");
            return self.flaw(pointer, Part::Key, missing.hint(hint), schema, def, required);
        }
        if let Some(rule) = def.and_then(|def| rule_of(def)) {
            return match value {
                Value::String(text) => match rule(text) {
                    Ok(()) => {}
                    Err(sentence) => {
                        let code = if def == Some("Length") { "bad-length" } else { "bad-name" };
                        self.flaw(pointer, Part::Value, Diagnostic::error(code, sentence), schema, def, required);
                    }
                },
                other => self.wrong_type(other, pointer, schema, def, required),
            };
        }
        if let Some(words) = words_of(schema) {
            return self.word(value, &words, pointer, schema, def, required);
        }
        if let Some(branches) = schema.get("anyOf").and_then(Value::as_array) {
            let mut probe = |branch: &'a Value| {
                let before = self.flaws.len();
                self.value(value, branch, pointer, true);
                let fits = self.flaws.len() == before;
                self.flaws.truncate(before);
                fits
            };
            if !branches.iter().any(&mut probe) {
                self.wrong_type(value, pointer, schema, def, required);
            }
            return;
        }
        match (schema.get("type").and_then(Value::as_str), value) {
            (None, _) | (Some("string"), Value::String(_)) | (Some("boolean"), Value::Bool(_)) => {}
            (Some("object"), Value::Object(map)) => self.object(map, schema, pointer),
            (Some("array"), Value::Array(items)) => self.array(items, schema, def, pointer, required),
            (Some("integer"), Value::Number(n)) if !n.is_f64() => self.number(n, schema, def, pointer, required),
            (Some("number"), Value::Number(n)) => self.number(n, schema, def, pointer, required),
            (Some(_), other) => self.wrong_type(other, pointer, schema, def, required),
        }
    }

    fn object(&mut self, map: &Map<String, Value>, schema: &'a Value, pointer: &str) {
        static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        let known = schema.get("properties").and_then(Value::as_object).unwrap_or(&NONE);
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        for (key, value) in map {
            let below = format!("{pointer}/{}", segment(key));
            if let Some(property) = known.get(key) {
                self.value(value, property, &below, required.contains(&key.as_str()));
                continue;
            }
            match schema.get("additionalProperties") {
                Some(Value::Bool(false)) => {
                    self.flaws.push(Flaw {
                        pointer: below.clone(),
                        part: Part::Key,
                        diagnostic: unknown_key(key, known, map),
                        fix: Fix::Remove,
                        lost_name: false,
                    });
                }
                Some(Value::Bool(true)) if value.is_null() => self.value(value, &ANYTHING, &below, false),
                Some(Value::Bool(true)) | None => {}
                Some(item) => self.value(value, item, &below, false),
            }
            self.key(key, schema, &below);
        }
        for key in required.iter().filter(|key| !map.contains_key(**key)) {
            self.missing(key, &known[*key], map, pointer);
        }
    }

    /// A key that is a name: a parameter, a snapshot's command.
    fn key(&mut self, key: &str, schema: &'a Value, pointer: &str) {
        let Some(names) = schema.get("propertyNames") else { return };
        let Some(Err(sentence)) = self.follow(names).1.and_then(rule_of).map(|rule| rule(key)) else { return };
        let diagnostic = Diagnostic::error("bad-name", sentence);
        self.flaws.push(Flaw { pointer: pointer.to_owned(), part: Part::Key, diagnostic, fix: Fix::Remove, lost_name: true });
    }

    fn missing(&mut self, key: &str, schema: &'a Value, map: &Map<String, Value>, pointer: &str) {
        let (inner, def) = self.follow(schema);
        let typo = map.keys().find(|written| nearest(written, [key]).is_some());
        let message =
            match map.get("id").and_then(Value::as_str).filter(|_| pointer.contains("/steps/") || pointer.contains("/done/")) {
                Some(id) => format!("`{id}` has no `{key}`"),
                None => format!("the key `{key}` is missing"),
            };
        let example = self.expected(inner, def);
        let mut diagnostic = Diagnostic::error("missing-key", message).hint(format!("add `{key}:` with {example}"));
        if let Some(written) = typo {
            diagnostic = diagnostic.hint(format!("is `{written}` meant to be `{key}`?"));
        }
        let lost_name = def.is_some_and(|def| rule_of(def).is_some());
        let fix = Fix::Put(self.placeholder(inner, def, 0));
        self.flaws.push(Flaw { pointer: format!("{pointer}/{}", segment(key)), part: Part::Value, diagnostic, fix, lost_name });
    }

    fn array(&mut self, items: &[Value], schema: &'a Value, def: Option<&'a str>, pointer: &str, required: bool) {
        let length = |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        if length("minItems").is_some_and(|least| items.len() < least) {
            let empty = Diagnostic::error("empty-list", format!("`{}` is empty", last(pointer))).hint("write at least one item");
            self.flaw(pointer, Part::Key, empty, schema, def, required);
        }
        if let Some(most) = length("maxItems").filter(|most| items.len() > *most) {
            let many = format!("`{}` has {} items; at most {most} are read", last(pointer), items.len());
            return self.flaw(pointer, Part::Key, Diagnostic::error("too-many-items", many), schema, def, required);
        }
        let Some(item) = schema.get("items") else { return };
        for (at, value) in items.iter().enumerate() {
            self.value(value, item, &format!("{pointer}/{at}"), true);
        }
    }

    fn number(&mut self, n: &serde_json::Number, schema: &'a Value, def: Option<&'a str>, pointer: &str, required: bool) {
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        let value = n.as_f64().unwrap_or(f64::INFINITY);
        let most = bound("maximum").or(match schema.get("format").and_then(Value::as_str) {
            Some("int32") => Some(f64::from(i32::MAX)),
            Some("uint32") => Some(f64::from(u32::MAX)),
            _ => None,
        });
        let least =
            bound("minimum").or((schema.get("format").and_then(Value::as_str) == Some("int32")).then(|| f64::from(i32::MIN)));
        let sentence = match (least, most) {
            (Some(least), Some(most)) if value < least || value > most => format!("from {least} to {most}"),
            (Some(least), _) if value < least => format!("of at least {least}"),
            (_, Some(most)) if value > most => format!("of at most {most}"),
            _ => return,
        };
        let diagnostic =
            Diagnostic::error("out-of-range", format!("`{}` is {n}, but must be a number {sentence}", last(pointer)));
        self.flaw(pointer, Part::Value, diagnostic, schema, def, required);
    }

    fn word(&mut self, value: &Value, words: &[&str], pointer: &str, schema: &'a Value, def: Option<&'a str>, required: bool) {
        let Value::String(text) = value else { return self.wrong_type(value, pointer, schema, def, required) };
        if words.contains(&text.as_str()) {
            return;
        }
        let hint =
            did_you_mean(text, words.iter().copied()).unwrap_or_else(|| format!("write {}", one_of(words.iter().copied())));
        let diagnostic = Diagnostic::error("unknown-word", format!("`{}` cannot be `{}`", last(pointer), cut(text))).hint(hint);
        self.flaw(pointer, Part::Value, diagnostic, schema, def, required);
    }

    fn wrong_type(&mut self, value: &Value, pointer: &str, schema: &'a Value, def: Option<&'a str>, required: bool) {
        let expected = self.expected(schema, def);
        let message = if pointer.is_empty() {
            format!("expected {expected}, found {}", found(value))
        } else {
            format!("`{}`: expected {expected}, found {}", last(pointer), found(value))
        };
        let hint = self.type_hint(value, schema, def, &expected);
        self.flaw(pointer, Part::Value, Diagnostic::error("wrong-type", message).maybe_hint(hint), schema, def, required);
    }

    fn type_hint(&self, value: &Value, schema: &'a Value, def: Option<&str>, expected: &str) -> Option<String> {
        let wanted = schema.get("type").and_then(Value::as_str);
        Some(match (wanted, value) {
            _ if def == Some("Length") && value.is_number() => format!("say the unit: {value}s, {value}m, {value}ms"),
            (Some("string"), Value::Number(_) | Value::Bool(_)) => format!("put it in quotes: \"{value}\""),
            (Some("string"), Value::Object(_)) => {
                "a text that holds `: ` or begins with `{` needs quotes, or `|` and a line of its own".to_owned()
            }
            (Some("array"), Value::String(text)) if text.len() <= 60 => format!("write a list: [{text}]"),
            (Some("array"), Value::Object(_)) => "begin each item with `- `".to_owned(),
            (Some("boolean"), Value::String(text)) => {
                let yes = matches!(text.to_ascii_lowercase().as_str(), "yes" | "on" | "y" | "true");
                format!("write `{}`, without quotes", if yes { "true" } else { "false" })
            }
            (Some("integer" | "number"), Value::String(text)) if text.parse::<f64>().is_ok() => {
                format!("write {text} without quotes")
            }
            (Some("object"), _) => {
                let keys: Vec<&str> = schema
                    .get("properties")
                    .and_then(Value::as_object)
                    .into_iter()
                    .flatten()
                    .map(|(key, _)| key.as_str())
                    .collect();
                if keys.is_empty() { return None } else { format!("{expected} has the keys {}", one_of(keys)) }
            }
            _ => return None,
        })
    }

    fn flaw(
        &mut self,
        pointer: &str,
        part: Part,
        diagnostic: Diagnostic,
        schema: &'a Value,
        def: Option<&'a str>,
        required: bool,
    ) {
        let lost_name = def.is_some_and(|def| def != "Length" && rule_of(def).is_some());
        let fix = if required { Fix::Put(self.placeholder(schema, def, 0)) } else { Fix::Remove };
        self.flaws.push(Flaw { pointer: pointer.to_owned(), part, diagnostic, fix, lost_name });
    }

    /// Something that fits the schema and says nothing.
    fn placeholder(&mut self, schema: &'a Value, def: Option<&str>, depth: usize) -> Value {
        if def == Some("Length") {
            return json!("1s");
        }
        if def.and_then(rule_of).is_some() {
            self.placeholders += 1;
            return json!(format!("placeholder-{}", self.placeholders));
        }
        if let Some(words) = words_of(schema) {
            return json!(words[0]);
        }
        if let Some(first) = schema.get("anyOf").and_then(|branches| branches.get(0)) {
            return self.placeholder(first, None, depth);
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("object") => {
                let mut made = Map::new();
                let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
                for key in required.filter(|_| depth < 8) {
                    let (inner, def) = self.follow(&schema["properties"][key]);
                    made.insert(key.to_owned(), self.placeholder(inner, def, depth + 1));
                }
                Value::Object(made)
            }
            Some("array") => match (schema.get("items"), schema.get("minItems")) {
                (Some(item), Some(_)) if depth < 8 => {
                    let (inner, def) = self.follow(item);
                    json!([self.placeholder(inner, def, depth + 1)])
                }
                _ => json!([]),
            },
            Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
            Some("boolean") => json!(false),
            _ => json!("placeholder"),
        }
    }

    /// What belongs here, in a person's words.
    fn expected(&self, schema: &'a Value, def: Option<&str>) -> String {
        match def {
            Some("Length") => return "a length of time like 30s, 10m or 1h30m".to_owned(),
            Some("StepId") => return "a step id".to_owned(),
            Some("FlowKey") => return "a flow's name".to_owned(),
            Some("AgentKey") => return "an agent's name".to_owned(),
            Some("SnapshotName") => return "a snapshot's name".to_owned(),
            Some("DetourId") => return "a detour id".to_owned(),
            Some("JoinText") => return "`all`, `any` or a whole number".to_owned(),
            Some("ToolsText") => return "a list of texts, or one text with commas".to_owned(),
            Some("StepText") => return "a step".to_owned(),
            _ => {}
        }
        if let Some(words) = words_of(schema) {
            return one_of(words);
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("string") => "a text".to_owned(),
            Some("integer") => "a whole number".to_owned(),
            Some("number") => "a number".to_owned(),
            Some("boolean") => "true or false".to_owned(),
            Some("array") => match schema.get("items").map(|items| self.follow(items)) {
                Some((item, def)) => format!("a list of {}", plural(&self.expected(item, def))),
                None => "a list".to_owned(),
            },
            Some("object") => "a mapping".to_owned(),
            _ => "a value".to_owned(),
        }
    }
}

fn plural(one: &str) -> String {
    let bare = one.strip_prefix("a ").or_else(|| one.strip_prefix("an ")).unwrap_or(one);
    if bare.contains('`') { bare.to_owned() } else { format!("{bare}s") }
}

fn found(value: &Value) -> String {
    match value {
        Value::String(text) => format!("the text `{}`", cut(text)),
        Value::Number(n) => format!("the number {n}"),
        Value::Bool(yes) => format!("`{yes}`"),
        other => describe(other).to_owned(),
    }
}

fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(40).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// The key that a pointer ends in; for an item of a list, the list's.
fn last(pointer: &str) -> String {
    let key = pointer.rsplit('/').find(|name| name.parse::<usize>().is_err()).unwrap_or_default();
    let key = key.replace("~1", "/").replace("~0", "~");
    if key.is_empty() { "the file".to_owned() } else { cut(&key) }
}

fn unknown_key(key: &str, known: &Map<String, Value>, written: &Map<String, Value>) -> Diagnostic {
    // A key that is already there is not what was meant.
    let free = || known.keys().map(String::as_str).filter(|name| !written.contains_key(*name));
    let hint = match borrowed(key).filter(|(_, ours)| known.contains_key(ours.split(['.', ':']).next().unwrap_or(ours))) {
        Some((_, ours)) => format!("here it is written `{ours}`"),
        None => did_you_mean(key, free())
            .unwrap_or_else(|| format!("known keys: {}", known.keys().map(String::as_str).collect::<Vec<_>>().join(", "))),
    };
    Diagnostic::error("unknown-key", format!("unknown key `{}`", cut(key))).hint(hint)
}

/// Words that other tools use for the same thing.
fn borrowed(key: &str) -> Option<(&'static str, &'static str)> {
    const WORDS: &[(&str, &str)] = &[
        ("depends", "needs"),
        ("depends_on", "needs"),
        ("dependsOn", "needs"),
        ("command", "run"),
        ("cmd", "run"),
        ("script", "run"),
        ("shell", "run"),
        ("name", "id: or title:"),
        ("if", "when"),
        ("condition", "when"),
        ("preconditions", "when"),
        ("foreach", "for_each"),
        ("matrix", "for_each"),
        ("retries", "retry: {attempts: …}"),
        ("retryPolicy", "retry: {attempts: …}"),
        ("timeout-minutes", "timeout: 10m"),
        ("timeoutSec", "timeout: 10s"),
        ("continue-on-error", "on_failure: continue"),
        ("continueOn", "on_failure: continue"),
        ("environment", "env"),
        ("jobs", "steps"),
        ("tasks", "steps"),
        ("parameters", "params"),
        ("inputs", "params"),
        ("concurrency", "jobs"),
        ("maxActiveSteps", "jobs"),
        ("description", "title"),
    ];
    WORDS.iter().copied().find(|(theirs, _)| *theirs == key)
}

/// The words of an enumeration; the generator writes those with descriptions as `oneOf` constants.
fn words_of(schema: &Value) -> Option<Vec<&str>> {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().map(Value::as_str).collect();
    }
    let branches = schema.get("oneOf").and_then(Value::as_array).filter(|_| schema.get("properties").is_none())?;
    let mut words = Vec::new();
    for branch in branches {
        match (branch.get("const"), branch.get("enum").and_then(Value::as_array)) {
            (Some(word), _) => words.push(word.as_str()?),
            (None, Some(more)) => words.extend(more.iter().filter_map(Value::as_str)),
            (None, None) => return None,
        }
    }
    (!words.is_empty()).then_some(words)
}

type Rule = fn(&str) -> Result<(), String>;

/// The texts whose rule is more than a type.
fn rule_of(def: &str) -> Option<Rule> {
    Some(match def {
        "FlowKey" => |text| id::FlowKey::new(text).map(drop).map_err(|error| error.to_string()),
        "StepId" => |text| id::StepId::new(text).map(drop).map_err(|error| error.to_string()),
        "AgentKey" => |text| id::AgentKey::new(text).map(drop).map_err(|error| error.to_string()),
        "DetourId" => |text| id::DetourId::new(text).map(drop).map_err(|error| error.to_string()),
        "SnapshotName" => |text| id::SnapshotName::new(text).map(drop).map_err(|error| error.to_string()),
        "ParamName" => |text| id::ParamName::new(text).map(drop).map_err(|error| error.to_string()),
        "Length" => |text| text.parse::<Length>().map(drop).map_err(|error| error.to_string()),
        _ => return None,
    })
}
