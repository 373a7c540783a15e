//! Expectations on output, watched while it streams by.
//! In: redacted bytes, cut anywhere. Out: whether the text was found, as a `Check`. Never: the whole output in memory.

use std::borrow::Cow;

use memchr::memmem;
use serde_json::{Value, json};

use crate::{
    record::Check,
    spec::{
        StepField,
        expr::{CUT, Expr, Scope},
        flow::Matcher,
    },
};

/// Looks for one text in a stream. A literal is found wherever it stands; a match of a regular expression is found
/// if it is at most `MATCH_BYTES_MAX` long.
#[derive(Debug)]
pub struct Watch {
    look: Look,
    found: bool,
}

#[derive(Debug)]
enum Look {
    Literal {
        finder: Box<memmem::Finder<'static>>,
        /// The last bytes, one fewer than the literal has.
        carry: Vec<u8>,
    },
    Regex {
        regex: regex::Regex,
        window: Vec<u8>,
        first: bool,
    },
}

impl Watch {
    /// Two matches apart in different windows are each found; one match longer than this may be missed.
    pub const MATCH_BYTES_MAX: usize = 64 * 1024;
    const WINDOW_BYTES: usize = 1024 * 1024;

    pub fn new(matcher: &Matcher) -> Self {
        let look = match matcher {
            Matcher::Holds(text) => {
                Look::Literal { finder: Box::new(memmem::Finder::new(text.as_bytes()).into_owned()), carry: Vec::new() }
            }
            Matcher::Matches(regex) => Look::Regex { regex: regex.clone(), window: Vec::new(), first: true },
        };
        Self { look, found: false }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        if self.found {
            return;
        }
        match &mut self.look {
            Look::Literal { finder, carry } => {
                let overlap = finder.needle().len().saturating_sub(1);
                let edge = carry.len();
                carry.extend_from_slice(&bytes[..bytes.len().min(overlap)]);
                self.found = edge > 0 && finder.find(carry).is_some() || finder.find(bytes).is_some();
                if bytes.len() > overlap {
                    carry.clear();
                    carry.extend_from_slice(&bytes[bytes.len() - overlap..]);
                } else {
                    carry.drain(..carry.len().saturating_sub(overlap));
                }
            }
            Look::Regex { regex, window, first } => {
                window.extend_from_slice(bytes);
                if window.len() >= Self::WINDOW_BYTES {
                    self.found = found_in(regex, window, *first, false);
                    *first = false;
                    window.drain(..window.len() - Self::MATCH_BYTES_MAX);
                }
            }
        }
    }

    /// Whether the text was there, now that nothing more comes.
    pub fn finish(self) -> bool {
        self.found
            || match self.look {
                Look::Literal { finder, .. } => finder.needle().is_empty(),
                Look::Regex { regex, window, first } => found_in(&regex, &window, first, true),
            }
    }
}

/// `first`: the window begins where the text begins, so that `^` may match there. `last`: likewise for its end.
fn found_in(regex: &regex::Regex, window: &[u8], first: bool, last: bool) -> bool {
    let text = String::from_utf8_lossy(window);
    // One character in, `^` cannot match; the overlap is long enough to lose it.
    let from = if first { 0 } else { text.chars().next().map_or(0, char::len_utf8) };
    // A match that ends before the window does holds whatever comes next.
    regex.shortest_match_at(&text, from).is_some_and(|end| last || end < text.len())
}

/// How much of an expectation stands in a check.
const SHOWN_CHARS_MAX: usize = 200;

pub(crate) fn shown(text: &str) -> String {
    let mut cut: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

/// A text that must be there, or (`wanted` false) must not.
pub fn text_check(name: &str, matcher: &Matcher, wanted: bool, found: bool, evidence_path: Option<String>) -> Check {
    let what = match matcher {
        Matcher::Holds(text) => format!("`{}`", shown(text)),
        Matcher::Matches(regex) => format!("/{}/", shown(regex.as_str())),
    };
    let not = if wanted { "" } else { "no " };
    Check {
        name: name.to_owned(),
        passed: found == wanted,
        expected: format!("{not}{what}"),
        actual: if found { "found" } else { "not found" }.to_owned(),
        evidence_path,
    }
}

/// The exit code that the flow expects.
pub fn exit_check(name: &str, expected: i32, actual: Option<i32>, evidence_path: Option<String>) -> Check {
    Check {
        name: name.to_owned(),
        passed: actual == Some(expected),
        expected: format!("exit {expected}"),
        actual: actual.map_or_else(|| "no exit code".to_owned(), |code| format!("exit {code}")),
        evidence_path,
    }
}

/// A command that has just ended, as `expect.json` sees it. What comes later (`verify`, the envelope) is not known yet.
#[derive(Debug)]
pub struct Ended<'e> {
    pub exit_code: Option<i32>,
    pub json: Value,
    pub stdout: Cow<'e, str>,
    /// `Err`: it printed so many bytes as errors that they are not looked at.
    pub stderr: Result<Cow<'e, str>, u64>,
    /// Everything that was looked at before.
    pub checks: &'e [Check],
}

impl Ended<'_> {
    /// What the flow gives, and what the command left: the same for a command that ran and for one that a scenario scripts.
    fn scope(self, expr: &Expr, own: &Scope) -> Scope {
        let Self { exit_code, json, stdout, stderr, checks } = self;
        let failed: Vec<&str> = checks.iter().filter(|check| !check.passed).map(|check| check.name.as_str()).collect();
        let passed = failed.is_empty();
        let mut step = json!({"exit_code": exit_code, "passed": passed, "json": json});
        if expr.reads().step.contains(&StepField::Stdout) {
            step["stdout"] = json!(stdout);
        }
        match stderr {
            Ok(text) if expr.reads().step.contains(&StepField::Stderr) => step["stderr"] = json!(text),
            Ok(_) => {}
            Err(bytes) => {
                let why =
                    format!("has no value: the step printed {bytes} bytes on standard error; look at it with `expect.stderr`");
                step[CUT] = json!({ "stderr": why });
            }
        }
        let measured = json!({"exit_code": exit_code, "passed": passed, "checks": checks.len(), "checks_failed": failed});
        let mut scope = own.clone();
        scope.extend([("json".to_owned(), json), ("step".to_owned(), step), ("measured".to_owned(), measured)]);
        scope
    }
}

/// An expression over the JSON that was printed; `Err` says why there is none.
pub fn json_check(expr: &Expr, own: &Scope, ended: Result<Ended<'_>, String>, evidence_path: Option<String>) -> Check {
    let scope = ended.map(|ended| ended.scope(expr, own));
    let answer = scope.and_then(|scope| expr.eval_bool(&scope).map_err(|error| error.message));
    Check {
        name: "json".to_owned(),
        passed: answer == Ok(true),
        expected: shown(expr.text()),
        actual: answer.map_or_else(|why| shown(&why), |holds| holds.to_string()),
        evidence_path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(matcher: &Matcher, text: &[u8], pieces: usize) -> bool {
        let mut watch = Watch::new(matcher);
        text.chunks(pieces).for_each(|piece| watch.push(piece));
        watch.finish()
    }

    fn regex(text: &str) -> Matcher {
        Matcher::Matches(regex::Regex::new(text).unwrap())
    }

    #[test]
    fn a_literal_is_found_however_the_stream_is_cut() {
        let text = b"some status=ok here";
        for pieces in 1..text.len() {
            assert!(found(&Matcher::Holds("status=ok".to_owned()), text, pieces), "{pieces}");
            assert!(!found(&Matcher::Holds("status=no".to_owned()), text, pieces), "{pieces}");
        }
    }

    #[test]
    fn a_match_is_found_far_into_a_long_stream() {
        let mut text = vec![b'x'; 5 << 20];
        text.extend_from_slice(b"\ncount: 17\n");
        text.extend(vec![b'y'; 3 << 20]);
        assert!(found(&regex(r"count: \d+"), &text, 65536));
        assert!(found(&regex(r"^x"), &text, 65536));
        assert!(found(&regex(r"y$"), &text, 65536));
        assert!(!found(&regex(r"^y"), &text, 65536));
        assert!(!found(&regex(r"x$"), &text, 65536));
    }
}
