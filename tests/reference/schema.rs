//! A JSON Schema as Markdown: a table per object, with the words of every closed list.
//! In: a schema that the types give. Out: text. Never: a row that says nothing.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Objects that are not repeated on this page: where they stand.
pub struct Page<'s> {
    schema: &'s Value,
    /// Names of definitions, in the order in which they are first needed.
    order: Vec<String>,
    /// Keys without a word on what they are.
    pub silent: Vec<String>,
}

impl<'s> Page<'s> {
    pub fn new(schema: &'s Value) -> Self {
        Self { schema, order: Vec::new(), silent: Vec::new() }
    }

    /// The object at the root, then each object that it names, each once.
    pub fn render(&mut self, title: &str, out: &mut String) {
        let _ = writeln!(out, "## {title}\n");
        if let Some(text) = self.schema["description"].as_str() {
            let _ = writeln!(out, "{}\n", flat(text));
        }
        self.table(title, &self.schema.clone(), out);
        let mut next = 0;
        while let Some(name) = self.order.get(next).cloned() {
            next += 1;
            let object = self.schema["$defs"][&name].clone();
            let _ = writeln!(out, "\n### {}\n", heading(&name));
            if let Some(text) = object["description"].as_str() {
                let _ = writeln!(out, "{}\n", flat(text));
            }
            if object["properties"].is_object() {
                self.table(&heading(&name), &object, out);
            } else {
                self.ways(&object, out);
            }
        }
    }

    fn table(&mut self, whole: &str, object: &Value, out: &mut String) {
        let none = Map::new();
        let keys = object["properties"].as_object().unwrap_or(&none);
        let required: Vec<&str> = object["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        out.push_str("| key | value | meaning |\n| --- | --- | --- |\n");
        for (key, value) in keys {
            let must = if required.contains(&key.as_str()) { ", required" } else { "" };
            let says = value["description"].as_str().map(str::to_owned).or_else(|| self.says_of(value)).unwrap_or_default();
            if says.is_empty() {
                self.silent.push(format!("{whole}: {key}"));
            }
            let kind = self.kind(value);
            let default = default(value).map(|text| format!(" Default: {text}.")).unwrap_or_default();
            let _ = writeln!(out, "| `{key}` | {kind}{must} | {}{default} |", flat(&says).replace('|', "\\|"));
        }
    }

    /// One of several forms: each with its fields.
    fn ways(&mut self, object: &Value, out: &mut String) {
        let ways = object["oneOf"].as_array().or_else(|| object["anyOf"].as_array()).cloned().unwrap_or_default();
        for way in ways {
            if let Some(text) = way["description"].as_str() {
                let _ = writeln!(out, "{}\n", flat(text));
            }
            if way["properties"].is_object() {
                self.table("one form", &way, out);
                out.push('\n');
            } else {
                let kind = self.kind(&way);
                let _ = writeln!(out, "- {kind}");
            }
        }
    }

    fn says_of(&self, value: &Value) -> Option<String> {
        let named = self.named(value)?;
        self.schema["$defs"][named]["description"].as_str().map(str::to_owned)
    }

    fn named<'v>(&self, value: &'v Value) -> Option<&'v str> {
        let direct = value["$ref"].as_str();
        let optional = || value["anyOf"].as_array()?.iter().find_map(|one| one["$ref"].as_str());
        direct.or_else(optional)?.strip_prefix("#/$defs/")
    }

    /// What may stand there, in a few words; an object is a link to its table.
    fn kind(&mut self, value: &Value) -> String {
        if let Some(name) = value["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
            let definition = self.schema["$defs"][name].clone();
            return self.kind_of_definition(name, &definition);
        }
        if let Some(list) = value["anyOf"].as_array().or_else(|| value["oneOf"].as_array()) {
            let kinds: Vec<String> = list.iter().filter(|one| one["type"] != "null").map(|one| self.kind(one)).collect();
            return kinds.join(" or ");
        }
        if let Some(word) = value["const"].as_str() {
            return format!("`{word}`");
        }
        if let Some(words) = value["enum"].as_array() {
            return words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
        }
        let kinds: Vec<&str> = match &value["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect(),
            kind => kind.as_str().into_iter().collect(),
        };
        match kinds.as_slice() {
            ["array"] => format!("list: {}", self.kind(&value["items"])),
            ["object"] if value["additionalProperties"].is_object() => {
                format!("names to: {}", self.kind(&value["additionalProperties"]))
            }
            ["string"] => "text".to_owned(),
            ["integer"] => "whole number".to_owned(),
            ["boolean"] => "`true` or `false`".to_owned(),
            ["object"] => "names to anything".to_owned(),
            [] => "anything".to_owned(),
            several => several.join(" or "),
        }
    }

    fn kind_of_definition(&mut self, name: &str, definition: &Value) -> String {
        let forms = definition["oneOf"].as_array().or_else(|| definition["anyOf"].as_array());
        let of_objects = forms.is_some_and(|forms| forms.iter().any(|form| form["properties"].is_object()));
        if definition["properties"].is_object() || of_objects {
            if !self.order.iter().any(|known| known == name) {
                self.order.push(name.to_owned());
            }
            let heading = heading(name);
            return format!("[{heading}](#{heading})");
        }
        if forms.is_some() || definition["enum"].is_array() {
            return self.kind(&without_description(definition));
        }
        if name == "Length" { "length of time".to_owned() } else { self.kind(definition) }
    }
}

fn without_description(value: &Value) -> Value {
    let mut value = value.clone();
    value.as_object_mut().map(|object| object.remove("description"));
    value
}

/// A default that says something: not nothing, and no table of nothings.
fn default(value: &Value) -> Option<String> {
    match value.get("default")? {
        Value::Null | Value::Object(_) => None,
        Value::Array(list) if list.is_empty() => None,
        Value::String(text) if text.is_empty() => None,
        other => Some(format!("`{}`", other.as_str().map_or_else(|| other.to_string(), str::to_owned))),
    }
}

/// `StepText` is `step`.
fn heading(name: &str) -> String {
    let name = name.trim_end_matches("Text").trim_end_matches("File");
    let mut words = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            words.push('-');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

pub fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
