//! A YAML tree as one of our types; where it is not one, every difference, and what can still be checked of it.
//! In: places and a schema. Out: the typed value and what is wrong with the file. Never: the rest unchecked because of a part.

use serde::de::DeserializeOwned;

use super::{
    Diagnostic, Diagnostics, Part, Places,
    check::Finding,
    schema,
    shape::{self, Flaw, Schema},
};

/// A value, and the flaws that were patched to get it.
pub(super) struct Typed<T> {
    pub(super) value: Option<T>,
    flaws: Vec<Flaw>,
}

/// Reads YAML that people write for other modules, a scenario for one; `name` is its schema's.
///
/// # Errors
/// Everything in it that is not a `T`, each with its place.
pub fn read_as<T: DeserializeOwned + schemars::JsonSchema>(
    file: &str,
    bytes: &[u8],
    name: &str,
) -> Result<(T, Places), Diagnostics> {
    let places = super::yaml::parse(file, bytes)?;
    // The usual case costs no schema.
    if let Ok(value) = serde_json::from_value(places.value()) {
        return Ok((value, places));
    }
    let text = schema::made::<T>("other", "Other").to_string();
    let rules = Schema::read(&text).expect("a schema that was just made");
    let (typed, found) = typed::<T>(&places, &rules);
    match typed.value {
        Some(value) if found.is_empty() => Ok((value, places)),
        Some(_) => Err(found.into_iter().collect()),
        None if found.is_empty() => Err(Diagnostic::error("bad-value", format!("not a {name}")).into()),
        None => Err(found.into_iter().collect()),
    }
}

/// `None` in the value: not even what is left of the file could be read.
pub(super) fn typed<T: DeserializeOwned>(places: &Places, schema: &Schema<'_>) -> (Typed<T>, Vec<Diagnostic>) {
    let value = places.value();
    let flaws = shape::differences(&value, schema);
    let mark = |flaw: &Flaw| Some(places.mark(&flaw.pointer, flaw.part, flaw.diagnostic.clone()?));
    let mut found: Vec<Diagnostic> = flaws.iter().filter_map(mark).collect();
    let patched = if flaws.is_empty() { value } else { shape::patched(&value, &flaws) };
    let value = match serde_json::from_value(patched) {
        Ok(value) => Some(value),
        Err(error) => {
            // The schema let it pass, or the patch did not fit: say what serde says rather than nothing.
            if found.is_empty() {
                found.push(places.mark("", Part::Value, Diagnostic::error("bad-value", error.to_string())));
            }
            None
        }
    };
    (Typed { value, flaws }, found)
}

impl<T> Typed<T> {
    /// The findings that say something about what was written, not about a patch.
    pub(super) fn sifted(&self, findings: Vec<Finding>) -> Vec<Diagnostic> {
        let held = findings.into_iter().filter(|finding| self.still_holds(finding));
        held.map(|Finding { mut diagnostic, .. }| {
            // A name that a patch made up helps nobody.
            diagnostic.hint = diagnostic.hint.filter(|hint| self.flaws.is_empty() || !hint.contains(shape::PLACEHOLDER));
            diagnostic
        })
        .collect()
    }

    /// Whether a finding says something about what was written, not about a patch.
    fn still_holds(&self, finding: &Finding) -> bool {
        !self
            .flaws
            .iter()
            .any(|flaw| below(&flaw.pointer, &finding.pointer) || lost_reference(flaw, finding) || lost_key(flaw, finding))
    }
}

fn below(outer: &str, inner: &str) -> bool {
    inner == outer || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
}

/// A name that is only unknown because the patch took it away.
fn lost_reference(flaw: &Flaw, finding: &Finding) -> bool {
    const NAMES: &[&str] = &["unknown-step", "unknown-param", "unknown-snapshot", "undeclared-secret", "unknown-name"];
    let Diagnostic { code, message, .. } = &finding.diagnostic;
    let names = |name: &str| message.contains(&format!("`{name}`"));
    let key = flaw.pointer.rsplit('/').next().unwrap_or_default();
    // A whole step that is no mapping, a whole list that is no list: nobody knows which names were in it.
    let unread = flaw.lost.is_none() && flaw.diagnostic.as_ref().is_none_or(|flaw| flaw.code != "empty-list");
    let around =
        ["/steps", "/params", "/secrets"].iter().find_map(|list| flaw.pointer.split_once(list)).map_or("", |(before, _)| before);
    let whole = unread
        && below(around, &finding.pointer)
        && (key.parse::<usize>().is_ok() || matches!(key, "steps" | "params" | "secrets" | "snapshot"));
    // A step without an id, a snapshot without a name: what refers to it may be right.
    let nameless = match *code {
        "unknown-step" => key == "id" && flaw.lost.is_none(),
        "unknown-snapshot" => flaw.pointer.contains("/snapshot"),
        _ => false,
    };
    NAMES.contains(code) && (whole || nameless || names(key) || flaw.lost.as_deref().is_some_and(names))
}

/// Something that is only missing, or only alone, because the patch took its neighbour away.
fn lost_key(flaw: &Flaw, finding: &Finding) -> bool {
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
    let around = match finding.diagnostic.code {
        "detour-when" | "empty-snapshot" => &finding.pointer,
        _ => finding.pointer.rsplit_once('/').map_or("", |(parent, _)| parent),
    };
    ABSENCES.contains(&finding.diagnostic.code) && below(around, &flaw.pointer)
}
