//! A YAML tree as one of our types; where it is not one, every difference, and what can still be checked of it.
//! In: places and a schema. Out: the typed value, or flaws and a patched value. Never: the schema touched for a good file.

use std::sync::LazyLock;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Diagnostic, Part, Places,
    check::Finding,
    shape::{self, Flaw},
    source::{Node, What},
};

/// A value, and the flaws that were patched to get it.
pub(super) struct Typed<T> {
    pub(super) value: Option<T>,
    flaws: Vec<Flaw>,
}

pub(super) fn typed<T: DeserializeOwned>(places: &Places, schema: &LazyLock<Value>) -> (Typed<T>, Vec<Diagnostic>) {
    let good = (!has_null(&places.root)).then(|| serde_json::from_value(places.root.to_value()).ok()).flatten();
    if good.is_some() {
        return (Typed { value: good, flaws: Vec::new() }, Vec::new());
    }
    let value = places.root.to_value();
    let flaws = shape::differences(&value, schema);
    let mut found: Vec<Diagnostic> =
        flaws.iter().map(|flaw| places.mark(&flaw.pointer, flaw.part, flaw.diagnostic.clone())).collect();
    let value = match serde_json::from_value(shape::patched(&value, &flaws)) {
        Ok(value) => Some(value),
        Err(error) => {
            // The schema let it pass, or the patch did not fit: say what serde says rather than nothing.
            if flaws.is_empty() {
                found.push(places.mark("", Part::Value, Diagnostic::error("bad-value", error.to_string())));
            }
            None
        }
    };
    (Typed { value, flaws }, found)
}

impl<T> Typed<T> {
    /// Whether a finding says something about what was written, not about a patch.
    pub(super) fn still_holds(&self, finding: &Finding) -> bool {
        const NAMES: &[&str] = &[
            "unknown-step",
            "unknown-param",
            "unknown-name",
            "unknown-snapshot",
            "unknown-agent",
            "unknown-flow",
            "unknown-template",
            "duplicate-id",
            "duplicate-need",
            "undeclared-secret",
            "compare-with-itself",
        ];
        const ABSENCES: &[&str] = &[
            "no-verb",
            "two-verbs",
            "detour-when",
            "poll-without-expect",
            "key-without-effect",
            "no-expectation",
            "empty-snapshot",
            "enum-without-values",
            "approves-by-timeout",
            "required-with-default",
            "join-too-big",
            "rollback-without-undo",
            "bad-default",
        ];
        let code = finding.diagnostic.code;
        let around = finding.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        !self.flaws.iter().any(|flaw| {
            let below =
                |outer: &str, inner: &str| inner == outer || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
            below(&flaw.pointer, &finding.pointer)
                || (flaw.lost_name && NAMES.contains(&code))
                || (ABSENCES.contains(&code) && below(around, &flaw.pointer))
        })
    }
}

fn has_null(node: &Node) -> bool {
    match &node.what {
        What::Null => true,
        What::List(items) => items.iter().any(has_null),
        What::Map(pairs) => pairs.iter().any(|(_, node)| has_null(node)),
        What::Bool(_) | What::Number(_) | What::Text(_) => false,
    }
}
