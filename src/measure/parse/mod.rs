//! Reports of tools, read as figures: tests, findings, coverage.
//! In: the text that a tool printed or wrote. Out: what it counts, or why it counts nothing.
//! Never: a guess. A report that is cut, foreign or out of all bounds is `Unread`, and what was not run is no success.

mod cargo;
mod cobertura;
mod coverage;
mod findings;
mod go;
mod junit;
mod pytest;
mod tap;
mod xml;

pub(super) use coverage::percent;

use crate::{
    record::{CoverageFigures, FindingFigures, TestFigures},
    spec::ParseAs,
};

/// Why a report gave no figures. A fragment that reads well after "not measured: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    #[error("no summary of {0} in the output")]
    NoSummary(&'static str),
    #[error("malformed {0}: {1}")]
    Malformed(&'static str, String),
    #[error("the report of {0} ends in the middle: {1}")]
    Cut(&'static str, String),
    #[error("TAP plans {planned} tests and reports {seen}")]
    Plan { planned: u64, seen: u64 },
    #[error("a number in the report of {0} is out of all bounds")]
    Overflow(&'static str),
    #[error("{0} looked at nothing")]
    Empty(&'static str),
    #[error("the report is UTF-16; let the tool write UTF-8")]
    Utf16,
}

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    Tests(TestFigures),
    Findings(FindingFigures),
    Coverage(CoverageFigures),
}

/// More names help nobody.
pub const FAILURES_MAX: usize = 50;
pub const FINDINGS_MAX: usize = 20;
const NAME_CHARS_MAX: usize = 200;

/// Reads a report. `None`: the exit code says it all.
///
/// # Errors
/// The text is not what this tool writes, or not all of it.
pub fn read(parse: ParseAs, text: &str) -> Option<Result<Reading, Unread>> {
    let tests = |figures: Result<TestFigures, Unread>| figures.map(Reading::Tests);
    let findings = |figures: Result<FindingFigures, Unread>| figures.map(Reading::Findings);
    let covered = |figures: Result<CoverageFigures, Unread>| figures.map(Reading::Coverage);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if parse != ParseAs::Exit && is_utf16(text) {
        return Some(Err(Unread::Utf16));
    }
    Some(match parse {
        ParseAs::Exit => return None,
        ParseAs::CargoTest => tests(cargo::test(text)),
        ParseAs::Nextest => tests(cargo::nextest(text)),
        ParseAs::Pytest => tests(pytest::read(text)),
        ParseAs::GoTest => tests(go::read(text)),
        ParseAs::Junit => tests(junit::read(text)),
        ParseAs::Tap => tests(tap::read(text)),
        ParseAs::Sarif => findings(findings::sarif(text)),
        ParseAs::Clippy => findings(findings::clippy(text)),
        ParseAs::Eslint => findings(findings::eslint(text)),
        ParseAs::Ruff => findings(findings::ruff(text)),
        ParseAs::Cobertura => covered(cobertura::read(text)),
        ParseAs::Lcov => covered(coverage::lcov(text)),
        ParseAs::LlvmCov => covered(coverage::llvm(text)),
        ParseAs::Istanbul => covered(coverage::istanbul(text)),
    })
}

/// Read as UTF-8, every second character of UTF-16 is a zero.
fn is_utf16(text: &str) -> bool {
    let zeros = text.bytes().take(200).filter(|byte| *byte == 0).count();
    zeros * 3 > text.len().min(200)
}

/// Tests as they are counted one by one.
#[derive(Debug, Default)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
    failures: Vec<String>,
}

impl Tally {
    fn failure(&mut self, name: &str) {
        let name = cut(name.trim());
        if !name.is_empty() && self.failures.len() < FAILURES_MAX && !self.failures.contains(&name) {
            self.failures.push(name);
        }
    }
    fn add(&mut self, passed: u64, failed: u64, skipped: u64, tool: &'static str) -> Result<(), Unread> {
        for (sum, more) in [(&mut self.passed, passed), (&mut self.failed, failed), (&mut self.skipped, skipped)] {
            *sum = sum.checked_add(more).filter(|sum| *sum <= COUNT_MAX).ok_or(Unread::Overflow(tool))?;
        }
        Ok(())
    }
    fn figures(self) -> TestFigures {
        let Self { passed, failed, skipped, failures } = self;
        TestFigures { passed, failed, skipped, total: passed + failed + skipped, failures, by_check: Vec::new() }
    }
}

/// No suite has so many tests; sums of a few of them fit into what every reader of JSON takes for a number.
const COUNT_MAX: u64 = 1 << 48;

fn cut(text: &str) -> String {
    text.chars().take(NAME_CHARS_MAX).collect()
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

/// The number before a word: `3 failed`. `None`: the word is not there after a number.
fn count(text: &str, word: &str, tool: &'static str) -> Result<Option<u64>, Unread> {
    let mut words = text.split([' ', ',', ';', '(', ')', '=']).filter(|word| !word.is_empty()).peekable();
    while let Some(number) = words.next() {
        if words.peek().is_some_and(|next| *next == word) && number.bytes().all(|byte| byte.is_ascii_digit()) {
            let number = number.parse().ok().filter(|number| *number <= COUNT_MAX);
            return number.map(Some).ok_or(Unread::Overflow(tool));
        }
    }
    Ok(None)
}

fn sum(text: &str, words: &[&str], tool: &'static str) -> Result<u64, Unread> {
    words.iter().try_fold(0u64, |sum, word| Ok(sum + count(text, word, tool)?.unwrap_or(0)))
}

#[cfg(test)]
mod tests;
