//! `go test -json`: one event per line. Tests and subtests count, as they do in go's own tools.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Tally, Unread, cut};
use crate::record::TestFigures;

const TOOL: &str = "go test -json";

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "Action")]
    action: String,
    #[serde(rename = "Package", default)]
    package: String,
    #[serde(rename = "Test", default)]
    test: String,
}

pub(super) fn read(text: &str) -> Result<TestFigures, Unread> {
    let mut tally = Tally::default();
    // What was started and has not ended: packages (without a test's name) and tests.
    let mut open: BTreeSet<(String, String)> = BTreeSet::new();
    let mut red: BTreeSet<String> = BTreeSet::new();
    let mut seen = false;
    for (at, line) in text.lines().enumerate() {
        // A compiler's words stand between the events.
        if !line.starts_with('{') {
            continue;
        }
        let event: Line = serde_json::from_str(line)
            .map_err(|error| Unread::Malformed(TOOL, format!("line {}: {}", at + 1, cut(&error.to_string()))))?;
        seen = true;
        let name = (event.package.clone(), event.test.clone());
        match (event.action.as_str(), event.test.is_empty()) {
            ("start", true) | ("run", false) => drop(open.insert(name)),
            ("pass" | "fail" | "skip", whole) => {
                open.remove(&name);
                let failed = event.action == "fail";
                if failed && !whole {
                    red.insert(event.package.clone());
                    tally.failure(&format!("{}.{}", event.package, event.test));
                }
                match (event.action.as_str(), whole) {
                    ("pass", false) => tally.add(1, 0, 0, TOOL)?,
                    ("skip", false) => tally.add(0, 0, 1, TOOL)?,
                    ("fail", false) => tally.add(0, 1, 0, TOOL)?,
                    // It does not build, or broke down outside of a test.
                    ("fail", true) if !red.contains(&event.package) => {
                        tally.failure(&event.package);
                        tally.add(0, 1, 0, TOOL)?;
                    }
                    _ => {}
                }
            }
            // Output, pause, cont, bench, build events.
            _ => {}
        }
    }
    match open.first() {
        Some((package, test)) => {
            let dot = if test.is_empty() { "" } else { "." };
            Err(Unread::Cut(TOOL, format!("{} began and did not end", cut(&format!("{package}{dot}{test}")))))
        }
        None if !seen => Err(Unread::NoSummary(TOOL)),
        None => Ok(tally.figures()),
    }
}
