//! Cobertura XML: the lines of its classes are counted, not what its head says of them.

use std::collections::BTreeMap;

use super::{
    Unread,
    coverage::{Source, figures},
    xml::{Tag, attribute, walk},
};
use crate::record::CoverageFigures;

const WHAT: &str = "Cobertura XML";

pub(super) fn read(text: &str) -> Result<CoverageFigures, Unread> {
    let mut files: BTreeMap<String, Source> = BTreeMap::new();
    let mut class = None;
    let mut coverage = false;
    walk(text, WHAT, |tag| {
        let Tag::Open(tag, around) = tag else { return Ok(()) };
        match tag.local_name().as_ref() {
            "coverage" if around.is_empty() => coverage = true,
            "class" => class = attribute(tag, "filename"),
            // The lines of a method stand in its class as well.
            "line" if around.ends_with(&["class".to_owned(), "lines".to_owned()]) => {
                let malformed = |why: &str| Unread::Malformed(WHAT, why.to_owned());
                let name = class.clone().ok_or_else(|| malformed("a class has no filename"))?;
                let number = attribute(tag, "number").and_then(|text| text.parse().ok());
                let number: u64 = number.ok_or_else(|| malformed("a line has no number"))?;
                let hits = attribute(tag, "hits").ok_or_else(|| malformed("a line has no hits"))?;
                if hits.is_empty() || !hits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(malformed("a line's hits are no number"));
                }
                let source = files.entry(name).or_default();
                *source.lines.entry(number).or_default() |= hits.bytes().any(|byte| byte != b'0');
                if let Some((run, all)) = attribute(tag, "condition-coverage").as_deref().and_then(conditions) {
                    let most = source.branch_counts.entry(number).or_insert((run, all));
                    *most = (most.0.max(run), most.1.max(all));
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    if coverage { figures(&files, WHAT) } else { Err(Unread::Malformed(WHAT, "no coverage in it".to_owned())) }
}

/// `50% (1/2)`
fn conditions(text: &str) -> Option<(u64, u64)> {
    let (run, all) = text.split_once('(')?.1.strip_suffix(')')?.split_once('/')?;
    let (run, all) = (run.parse::<u64>().ok()?, all.parse::<u64>().ok()?);
    (run <= all).then_some((run, all))
}
