//! Reports of test tools, read as figures.
//! In: the text that a tool printed or wrote. Out: how many tests passed, failed and were skipped, and which failed.
//! Never: a guess. A report that says nothing of the kind is `Unread`, and a run of no tests is no success.

use std::borrow::Cow;

use quick_xml::events::{BytesStart, Event};
use serde_json::Value;

use crate::{record::TestFigures, spec::ParseAs};

/// Why a report gave no figures. A fragment that reads well after "not measured: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    #[error("no summary of {0} in the output")]
    NoSummary(&'static str),
    #[error("malformed {0}: {1}")]
    Malformed(&'static str, String),
    #[error("TAP plans {planned} tests and reports {seen}")]
    Plan { planned: u64, seen: u64 },
}

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    Tests(TestFigures),
    /// Findings of a scanner, by level.
    Findings {
        errors: u64,
        warnings: u64,
        notes: u64,
    },
}

/// More names help nobody.
pub const FAILURES_MAX: usize = 50;
const NAME_CHARS_MAX: usize = 200;

/// Reads a report. `None`: the exit code says it all.
///
/// # Errors
/// The text is not what this tool writes.
pub fn read(parse: ParseAs, text: &str) -> Option<Result<Reading, Unread>> {
    let tests = |figures: Result<TestFigures, Unread>| Some(figures.map(Reading::Tests));
    match parse {
        ParseAs::Exit => None,
        ParseAs::CargoTest => tests(cargo_test(text)),
        ParseAs::Pytest => tests(pytest(text)),
        ParseAs::Junit => tests(junit(text)),
        ParseAs::Tap => tests(tap(text)),
        ParseAs::Sarif => Some(sarif(text)),
    }
}

#[derive(Debug, Default)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
    failures: Vec<String>,
}

impl Tally {
    fn failure(&mut self, name: &str) {
        let name: String = name.trim().chars().take(NAME_CHARS_MAX).collect();
        if !name.is_empty() && self.failures.len() < FAILURES_MAX && !self.failures.contains(&name) {
            self.failures.push(name);
        }
    }
    fn figures(self) -> TestFigures {
        let Self { passed, failed, skipped, failures } = self;
        TestFigures { passed, failed, skipped, total: passed + failed + skipped, failures }
    }
}

/// Text without colours: `ESC [ … letter`.
fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        if char == '\u{1b}' {
            for char in chars.by_ref().skip_while(|char| *char == '[') {
                if char.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            out.push(char);
        }
    }
    out
}

/// The number before a word: `3 failed`.
fn count(text: &str, word: &str) -> Option<u64> {
    let mut words = text.split([' ', ',', ';', '(', ')', '=']).filter(|word| !word.is_empty()).peekable();
    while let Some(number) = words.next() {
        if words.peek().is_some_and(|next| *next == word)
            && let Ok(number) = number.parse()
        {
            return Some(number);
        }
    }
    None
}

/// `cargo test`, one line per test binary, or the one summary of `cargo nextest run`.
fn cargo_test(text: &str) -> Result<TestFigures, Unread> {
    let mut tally = Tally::default();
    let mut seen = false;
    for line in text.lines() {
        let line = plain(line);
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("test result: ") {
            seen = true;
            tally.passed += count(rest, "passed").unwrap_or(0);
            tally.failed += count(rest, "failed").unwrap_or(0);
            tally.skipped += count(rest, "ignored").unwrap_or(0);
        } else if line.starts_with("Summary [") && line.contains(" run:") {
            seen = true;
            let rest = line.split_once(" run:").map_or("", |(_, rest)| rest);
            tally.passed += count(rest, "passed").unwrap_or(0);
            let others = ["failed", "timed", "exec"].iter().filter_map(|word| count(rest, word)).sum::<u64>();
            tally.failed += others;
            tally.skipped += count(rest, "skipped").unwrap_or(0);
        } else if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            tally.failure(name);
        } else if let Some(rest) = ["FAIL [", "TIMEOUT [", "ABORT ["].iter().find_map(|mark| line.strip_prefix(mark)) {
            // `FAIL [   0.006s] (1/3) crate tests::name`
            let name = rest.split_once(']').map_or("", |(_, name)| name.trim());
            tally.failure(name.strip_prefix('(').and_then(|name| name.split_once(')')).map_or(name, |(_, name)| name));
        }
    }
    if seen { Ok(tally.figures()) } else { Err(Unread::NoSummary("cargo test or nextest")) }
}

/// pytest's last line, `== 1 failed, 2 passed in 0.1s ==`, also with `-q`.
fn pytest(text: &str) -> Result<TestFigures, Unread> {
    let mut tally = Tally::default();
    let mut summary = None;
    for line in text.lines() {
        let line = plain(line);
        let bare = line.trim().trim_matches('=').trim();
        const WORDS: [&str; 6] = ["passed", "failed", "error", "errors", "skipped", "xfailed"];
        if bare.starts_with("no tests ran in ") || bare.contains(" in ") && WORDS.iter().any(|word| count(bare, word).is_some()) {
            summary = Some(bare.to_owned());
        } else if let Some(name) = bare.strip_prefix("FAILED ").or_else(|| bare.strip_prefix("ERROR ")) {
            tally.failure(name.split(" - ").next().unwrap_or(name));
        }
    }
    let summary = summary.ok_or(Unread::NoSummary("pytest"))?;
    let of = |words: &[&str]| words.iter().filter_map(|word| count(&summary, word)).sum::<u64>();
    tally.passed = of(&["passed", "xpassed"]);
    tally.failed = of(&["failed", "error", "errors"]);
    tally.skipped = of(&["skipped", "xfailed"]);
    Ok(tally.figures())
}

/// JUnit XML: the test cases themselves are counted, not what the suites say of them.
fn junit(text: &str) -> Result<TestFigures, Unread> {
    let malformed = |why: String| Unread::Malformed("JUnit XML", why.chars().take(NAME_CHARS_MAX).collect());
    let mut reader = quick_xml::Reader::from_str(text);
    let mut tally = Tally::default();
    let (mut suites, mut depth) = (0u32, 0u32);
    let mut case: Option<(String, bool, bool)> = None;
    loop {
        let event = reader.read_event().map_err(|error| malformed(error.to_string()))?;
        let (start, open) = match &event {
            Event::Start(start) => (Some(start), true),
            Event::Empty(start) => (Some(start), false),
            _ => (None, false),
        };
        if let Some(start) = start {
            match start.local_name().as_ref() {
                "testsuites" | "testsuite" => suites += 1,
                "testcase" => case = Some((case_name(start), false, false)),
                "failure" | "error" => case.iter_mut().for_each(|case| case.1 = true),
                "skipped" => case.iter_mut().for_each(|case| case.2 = true),
                _ => {}
            }
            depth += u32::from(open);
        }
        let ends_case = match &event {
            Event::End(end) => {
                depth = depth.saturating_sub(1);
                end.local_name().as_ref() == "testcase"
            }
            Event::Empty(empty) => empty.local_name().as_ref() == "testcase",
            _ => false,
        };
        if ends_case && let Some((name, failed, skipped)) = case.take() {
            match (failed, skipped) {
                (true, _) => {
                    tally.failed += 1;
                    tally.failure(&name);
                }
                (false, true) => tally.skipped += 1,
                (false, false) => tally.passed += 1,
            }
        }
        if matches!(event, Event::Eof) {
            return match (suites, depth) {
                (0, _) => Err(malformed("no testsuite in it".to_owned())),
                (_, 0) => Ok(tally.figures()),
                (_, _) => Err(malformed("it ends in the middle".to_owned())),
            };
        }
    }
}

fn case_name(case: &BytesStart<'_>) -> String {
    let attribute = |name: &str| {
        let value = case.try_get_attribute(name).ok().flatten()?;
        Some(quick_xml::escape::unescape(&value.value).unwrap_or(Cow::Borrowed(&value.value)).into_owned())
    };
    match (attribute("classname"), attribute("name")) {
        (Some(class), Some(name)) if !class.is_empty() => format!("{class}::{name}"),
        (_, name) => name.unwrap_or_default(),
    }
}

/// TAP 12 to 14; subtests are indented and count as their parent.
fn tap(text: &str) -> Result<TestFigures, Unread> {
    let mut tally = Tally::default();
    let (mut planned, mut seen) = (None, 0);
    for line in text.lines() {
        if let Some(count) = line.strip_prefix("1..") {
            planned = count.split_whitespace().next().and_then(|count| count.parse::<u64>().ok()).or(planned);
            continue;
        }
        if let Some(why) = line.strip_prefix("Bail out!") {
            tally.failed += 1;
            tally.failure(&format!("Bail out!{why}"));
            planned = Some(seen);
            break;
        }
        let (ok, rest) = match (line.strip_prefix("not ok"), line.strip_prefix("ok")) {
            (Some(rest), _) if rest.is_empty() || rest.starts_with(' ') => (false, rest),
            (None, Some(rest)) if rest.is_empty() || rest.starts_with(' ') => (true, rest),
            _ => continue,
        };
        seen += 1;
        let (name, directive) = rest.split_once(" # ").unwrap_or((rest, ""));
        let directive = directive.to_ascii_uppercase();
        if directive.starts_with("SKIP") || directive.starts_with("TODO") {
            tally.skipped += 1;
        } else if ok {
            tally.passed += 1;
        } else {
            tally.failed += 1;
            tally.failure(name.trim().trim_start_matches(|char: char| char.is_ascii_digit()).trim().trim_start_matches("- "));
        }
    }
    match planned {
        Some(planned) if planned != seen => Err(Unread::Plan { planned, seen }),
        None if seen == 0 => Err(Unread::NoSummary("TAP")),
        Some(_) | None => Ok(tally.figures()),
    }
}

/// SARIF 2.1: results by level; a result without one is a warning, as the format says.
fn sarif(text: &str) -> Result<Reading, Unread> {
    let malformed = |why: String| Unread::Malformed("SARIF", why);
    let log: Value = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
    let runs = log.get("runs").and_then(Value::as_array).ok_or_else(|| malformed("no runs in it".to_owned()))?;
    let (mut errors, mut warnings, mut notes) = (0, 0, 0);
    for result in runs.iter().filter_map(|run| run.get("results")?.as_array()).flatten() {
        match result.get("level").and_then(Value::as_str) {
            Some("error") => errors += 1,
            Some("note") => notes += 1,
            Some("none") => {}
            Some(_) | None => warnings += 1,
        }
    }
    Ok(Reading::Findings { errors, warnings, notes })
}

#[cfg(test)]
#[path = "tools_tests.rs"]
mod tests;
