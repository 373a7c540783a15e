//! A value held against its schema: unknown keys, wrong types, words that are not among the known ones.
//! In: a value and the schema. Out: every difference in our own words, and the value with all of them patched,
//! so that the checks behind can still look at the rest. Never: more than 1000 differences.

mod patch;
mod schema;
mod wording;

use serde_json::{Map, Value};

use super::{
    Part,
    diagnostic::{Diagnostic, did_you_mean, one_of},
    source::segment,
};
use schema::Additional;
use wording::{cut, found, last, meant, rule_of, slug, type_hint, unknown_key};

pub(super) use patch::patched;
pub(super) use schema::Schema;

/// One difference, by JSON pointer.
pub(super) struct Flaw {
    pub(super) pointer: String,
    pub(super) part: Part,
    /// `None`: another flaw says it already.
    pub(super) diagnostic: Option<Diagnostic>,
    fix: Fix,
    /// The text that was lost: what refers to it as a name cannot be checked.
    pub(super) lost: Option<String>,
}

enum Fix {
    Remove,
    Put(Value),
}

/// Everything in which `value` differs from `schema`.
pub(super) fn differences(value: &Value, schema: &Schema<'_>) -> Vec<Flaw> {
    let anything = Schema::default();
    let mut walk = Walk { root: schema, anything: &anything, flaws: Vec::new(), placeholders: 0 };
    walk.value(value, schema, "", true);
    walk.flaws
}

/// A file with more differences is not a flow with mistakes, it is something else.
const FLAWS_MAX: usize = 1000;

/// How names begin that a patch makes up.
pub(super) const PLACEHOLDER: &str = "placeholder-";

struct Walk<'a, 's> {
    root: &'a Schema<'s>,
    anything: &'a Schema<'s>,
    flaws: Vec<Flaw>,
    placeholders: usize,
}

/// A value, what it should be, and where it stands.
#[derive(Clone, Copy)]
struct Spot<'a, 's, 'v> {
    value: &'v Value,
    schema: &'a Schema<'s>,
    /// The name of the schema's definition.
    def: Option<&'a str>,
    pointer: &'v str,
    required: bool,
}

impl<'a, 's> Walk<'a, 's> {
    /// The schema behind a reference, and the name of its definition.
    fn follow(&self, schema: &'a Schema<'s>) -> (&'a Schema<'s>, Option<&'a str>) {
        match schema.def {
            None => (schema, None),
            Some(name) => (self.root.defs.get(name).unwrap_or(schema), Some(name)),
        }
    }

    fn value(&mut self, value: &Value, schema: &'a Schema<'s>, pointer: &str, required: bool) {
        if self.flaws.len() >= FLAWS_MAX {
            return;
        }
        let (schema, def) = self.follow(schema);
        let spot = Spot { value, schema, def, pointer, required };
        if value.is_null() {
            let hint = format!("write {}, or remove the key", self.expected(schema, def));
            return self.flaw(
                spot,
                Part::Key,
                Diagnostic::error("no-value", format!("`{}` has no value", last(pointer))).hint(hint),
            );
        }
        if let Some(rule) = def.and_then(rule_of) {
            return self.name(spot, rule);
        }
        if let Some(words) = &schema.words {
            return self.word(spot, words);
        }
        if !schema.any_of.is_empty() {
            if !schema.any_of.iter().any(|branch| self.fits(value, branch, pointer)) {
                self.wrong_type(spot);
            }
            return;
        }
        match (schema.kind, value) {
            (None, _) | (Some("string"), Value::String(_)) | (Some("boolean"), Value::Bool(_)) => {}
            (Some("object"), Value::Object(map)) => self.object(map, spot),
            (Some("array"), Value::Array(items)) => self.array(items, spot),
            (Some("integer"), Value::Number(n)) if !n.is_f64() => self.number(n, spot),
            (Some("number"), Value::Number(n)) => self.number(n, spot),
            (Some(_), _) => self.wrong_type(spot),
        }
    }

    fn fits(&mut self, value: &Value, branch: &'a Schema<'s>, pointer: &str) -> bool {
        let before = self.flaws.len();
        self.value(value, branch, pointer, true);
        let fits = self.flaws.len() == before;
        self.flaws.truncate(before);
        fits
    }

    fn name(&mut self, spot: Spot<'a, 's, '_>, rule: wording::Rule) {
        let Value::String(text) = spot.value else { return self.wrong_type(spot) };
        let Err(sentence) = rule(text) else { return };
        let diagnostic = match spot.def {
            Some("Length") => Diagnostic::error("bad-length", sentence),
            _ => Diagnostic::error("bad-name", sentence).maybe_hint(slug(text)),
        };
        self.flaw(spot, Part::Value, diagnostic);
    }

    fn object(&mut self, map: &Map<String, Value>, spot: Spot<'a, 's, '_>) {
        let Spot { schema, pointer, .. } = spot;
        let Schema { properties: known, required, .. } = schema;
        for (key, value) in map {
            if self.flaws.len() >= FLAWS_MAX {
                return;
            }
            let below = format!("{pointer}/{}", segment(key));
            if let Some(property) = known.get(key) {
                self.value(value, property, &below, required.contains(&key.as_str()));
                continue;
            }
            self.key(key, schema, &below);
            match &schema.additional {
                Additional::Nothing => {
                    let diagnostic = Some(unknown_key(key, known, map));
                    self.flaws.push(Flaw { pointer: below, part: Part::Key, diagnostic, fix: Fix::Remove, lost: None });
                }
                Additional::Anything if value.is_null() => self.value(value, self.anything, &below, false),
                Additional::Anything | Additional::Unsaid => {}
                Additional::Of(item) => self.value(value, item, &below, false),
            }
        }
        for key in required.iter().filter(|key| !map.contains_key(**key)) {
            self.missing(key, map, schema, pointer);
        }
    }

    /// A key that is a name: a parameter, a snapshot's command.
    fn key(&mut self, key: &str, schema: &'a Schema<'s>, pointer: &str) {
        let Some(names) = &schema.names else { return };
        let Some(Err(sentence)) = self.follow(names).1.and_then(rule_of).map(|rule| rule(key)) else { return };
        let diagnostic = Some(Diagnostic::error("bad-name", sentence).maybe_hint(slug(key)));
        let lost = Some(key.to_owned());
        self.flaws.push(Flaw { pointer: pointer.to_owned(), part: Part::Key, diagnostic, fix: Fix::Remove, lost });
    }

    fn missing(&mut self, key: &str, map: &Map<String, Value>, around: &'a Schema<'s>, pointer: &str) {
        let known = &around.properties;
        let (schema, def) = self.follow(known.get(key).unwrap_or(self.anything));
        // Where a misspelt key is reported, the right one is not missing besides.
        let typo = map.keys().any(|written| !known.has(written) && meant(written, known, map) == Some(key));
        let message = match map.get("id").and_then(Value::as_str) {
            Some(id) => format!("`{}` has no `{key}`", cut(id)),
            None => format!("the key `{key}` is missing"),
        };
        let hint = format!("add `{key}:` with {}", self.expected(schema, def));
        let diagnostic = (!typo).then(|| Diagnostic::error("missing-key", message).hint(hint));
        let fix = Fix::Put(self.placeholder(schema, def, 0));
        self.flaws.push(Flaw { pointer: format!("{pointer}/{}", segment(key)), part: Part::Value, diagnostic, fix, lost: None });
    }

    fn array(&mut self, items: &[Value], spot: Spot<'a, 's, '_>) {
        let Spot { schema, pointer, .. } = spot;
        if schema.items_min.is_some_and(|least| items.len() < least) {
            let empty = Diagnostic::error("empty-list", format!("`{}` is empty", last(pointer))).hint("write at least one item");
            return self.flaw(spot, Part::Key, empty);
        }
        if let Some(most) = schema.items_max.filter(|most| items.len() > *most) {
            let many = format!("`{}` has {} items; at most {most} are read", last(pointer), items.len());
            return self.flaw(spot, Part::Key, Diagnostic::error("too-many-items", many));
        }
        let Some(item) = &schema.items else { return };
        for (at, value) in items.iter().enumerate() {
            self.value(value, item, &format!("{pointer}/{at}"), true);
        }
    }

    fn number(&mut self, n: &serde_json::Number, spot: Spot<'a, 's, '_>) {
        let bound = |said: &Option<serde_json::Number>| said.as_ref().and_then(serde_json::Number::as_f64);
        let value = n.as_f64().unwrap_or(f64::INFINITY);
        let (lowest, highest) = match spot.schema.format {
            Some("int32") => (Some(f64::from(i32::MIN)), Some(f64::from(i32::MAX))),
            Some("uint32") => (Some(0.0), Some(f64::from(u32::MAX))),
            _ => (None, None),
        };
        let sentence = match (bound(&spot.schema.minimum).or(lowest), bound(&spot.schema.maximum).or(highest)) {
            (Some(least), Some(most)) if value < least || value > most => format!("from {least} to {most}"),
            (Some(least), _) if value < least => format!("of at least {least}"),
            (_, Some(most)) if value > most => format!("of at most {most}"),
            _ => return,
        };
        let message = format!("`{}` is {n}, but must be a number {sentence}", last(spot.pointer));
        self.flaw(spot, Part::Value, Diagnostic::error("out-of-range", message));
    }

    fn word(&mut self, spot: Spot<'a, 's, '_>, words: &[&str]) {
        let Value::String(text) = spot.value else { return self.wrong_type(spot) };
        if words.contains(&text.as_str()) {
            return;
        }
        let hint =
            did_you_mean(text, words.iter().copied()).unwrap_or_else(|| format!("write {}", one_of(words.iter().copied())));
        let message = format!("`{}` cannot be `{}`", last(spot.pointer), cut(text));
        self.flaw(spot, Part::Value, Diagnostic::error("unknown-word", message).hint(hint));
    }

    fn wrong_type(&mut self, spot: Spot<'a, 's, '_>) {
        let (expected, found) = (self.expected(spot.schema, spot.def), found(spot.value));
        let message = if spot.pointer.is_empty() {
            format!("expected {expected}, found {found}")
        } else {
            format!("`{}`: expected {expected}, found {found}", last(spot.pointer))
        };
        let hint = type_hint(&last(spot.pointer), spot.value, spot.schema, spot.def);
        self.flaw(spot, Part::Value, Diagnostic::error("wrong-type", message).maybe_hint(hint));
    }

    fn flaw(&mut self, spot: Spot<'a, 's, '_>, part: Part, diagnostic: Diagnostic) {
        let fix = if spot.required { Fix::Put(self.placeholder(spot.schema, spot.def, 0)) } else { Fix::Remove };
        let lost = spot.value.as_str().map(str::to_owned);
        self.flaws.push(Flaw { pointer: spot.pointer.to_owned(), part, diagnostic: Some(diagnostic), fix, lost });
    }
}
