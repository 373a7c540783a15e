//! The files that a reviewer should look at, and why: at most eight, the most telling first.
//! In: changes, outputs, concerns, failing tests, claims. Out: paths with reasons. Never: a file that nothing points to.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    super::{
        remains::{Ran, number, real},
        words::{count, first_line},
    },
    Ground, Hotspot,
    fresh::{in_artifacts, listed},
    work::changed_paths,
};

const SPOTS_MAX: usize = 8;

/// Parts of paths where a mistake is dear, and what they are.
const SENSITIVE: &[(&str, &str)] = &[
    ("auth", "who may do what"),
    ("login", "who may do what"),
    ("permission", "who may do what"),
    ("secret", "secrets"),
    ("credential", "secrets"),
    ("password", "secrets"),
    (".env", "secrets"),
    ("crypto", "cryptography"),
    ("payment", "money"),
    ("billing", "money"),
    ("migration", "data that cannot be made again"),
    ("schema", "a format that others read"),
    ("deploy", "what goes live"),
    ("dockerfile", "what goes live"),
    (".github/", "what builds and publishes"),
    (".ci/", "what builds and publishes"),
    ("makefile", "what builds and publishes"),
    (".lock", "what is depended on"),
];

#[derive(Default)]
struct Spot {
    weight: f64,
    why: Vec<String>,
}

impl Spot {
    fn add(&mut self, weight: f64, why: String) {
        self.weight += weight;
        if !self.why.contains(&why) {
            self.why.push(why);
        }
    }
}

pub(super) fn hotspots(ground: &Ground<'_>) -> Vec<Hotspot> {
    let mut spots: BTreeMap<String, Spot> = BTreeMap::new();
    let mut touched: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for ran in &ground.all {
        for path in touches(ran) {
            let by = touched.entry(path).or_default();
            if !by.contains(&ran.step) {
                by.push(ran.step.clone());
            }
        }
        for (path, lines) in changed_lines(ran) {
            spots.entry(path).or_default().add(1.0 + lines / 50.0, format!("{lines:.0} lines changed by {}", ran.step));
        }
    }
    for (path, by) in touched {
        let spot = spots.entry(path.clone()).or_default();
        if by.len() > 1 {
            spot.add(2.0 * real(by.len()), format!("touched by {}: {}", count(by.len(), "step"), by.join(", ")));
        } else {
            spot.add(0.5, format!("written by {}", by[0]));
        }
        let lower = path.to_lowercase();
        if let Some((_, what)) = SENSITIVE.iter().find(|(part, _)| lower.contains(part)) {
            spot.add(3.0, format!("sensitive: {what}"));
        }
    }
    for ran in &ground.counting {
        for concern in ran.concerns() {
            let word = |name: &str| concern.get(name).and_then(Value::as_str).unwrap_or_default();
            let Some(path) = file_of(word("location")) else { continue };
            let weight = match word("severity") {
                "HIGH" => 5.0,
                "LOW" => 1.0,
                _ => 2.0,
            };
            spots
                .entry(path)
                .or_default()
                .add(weight, format!("{} of {}: {}", word("severity"), ran.step, first_line(word("description"))));
        }
        let failures = ran.measured("tests").and_then(|tests| tests.get("failures")?.as_array()).into_iter().flatten();
        for name in failures.filter_map(Value::as_str) {
            let file = name.split("::").next().filter(|file| file.contains(['/', '.']));
            let path = file.map_or_else(|| name.to_owned(), str::to_owned);
            spots.entry(path).or_default().add(4.0, format!("test fails: {}", first_line(name)));
        }
        for claim in ran.list("claims").filter(|claim| claim.get("agrees").and_then(Value::as_bool) == Some(false)) {
            let word = |name: &str| claim.get(name).and_then(Value::as_str).unwrap_or_default();
            let named = word("claim").split('`').nth(1).and_then(file_of);
            if let Some(path) = named {
                spots
                    .entry(path)
                    .or_default()
                    .add(4.0, format!("claimed by {}, measured: {}", ran.step, first_line(word("measured"))));
            }
        }
    }
    let mut found: Vec<(String, Spot)> = spots.into_iter().filter(|(_, spot)| !spot.why.is_empty()).collect();
    found.sort_by(|a, b| b.1.weight.total_cmp(&a.1.weight).then_with(|| a.0.cmp(&b.0)));
    found.into_iter().take(SPOTS_MAX).map(|(path, spot)| Hotspot { path, why: spot.why }).collect()
}

/// Files of the workspace that an execution is known to have written.
fn touches(ran: &Ran) -> Vec<String> {
    let mut found = changed_paths(ran);
    let written = ran.list("outputs").filter_map(|output| output.get("path")?.as_str());
    found.extend(written.filter(|path| !in_artifacts(path)).map(str::to_owned));
    found.sort();
    found.dedup();
    found
}

/// Lines per file, where the receipt has them.
fn changed_lines(ran: &Ran) -> Vec<(String, f64)> {
    let Some(changes) = ran.measured("changes") else { return Vec::new() };
    let files = listed(changes).into_iter().flatten();
    let of = |one: &Value| {
        let lines = number(one, &["added", "insertions"]).unwrap_or(0.0)
            + number(one, &["removed", "deletions", "deleted"]).unwrap_or(0.0);
        Some((one.get("path")?.as_str()?.to_owned(), lines)).filter(|_| lines > 0.0)
    };
    files.filter_map(of).collect()
}

/// `src/a.rs:40` is about `src/a.rs`; a word that names no file is about none.
fn file_of(location: &str) -> Option<String> {
    let path = location.trim().split([':', ' ', '#']).next()?.trim_start_matches("./");
    (path.contains(['/', '.']) && !path.is_empty() && !path.ends_with('.')).then(|| path.to_owned())
}
