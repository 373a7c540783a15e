//! Failures that say by their words, their kind or their exit code what they are.
//! In: one execution that failed. Out: whether it fits. Never: a pattern looked for in what succeeded.

use std::sync::LazyLock;

use regex::Regex;

use super::super::remains::Ran;

/// Any of the three is enough; an empty one fits nothing.
#[derive(Debug)]
pub struct Pattern {
    /// Kinds of failure, as receipts spell them.
    pub kinds: &'static [&'static str],
    pub exits: &'static [i64],
    /// A regular expression over the error and the end of what was printed.
    pub text: &'static str,
}

impl Pattern {
    pub(super) fn fits(&self, ran: &Ran) -> bool {
        self.kinds.contains(&ran.kind()) || ran.exit_code().is_some_and(|code| self.exits.contains(&code)) || self.text_fits(ran)
    }

    fn text_fits(&self, ran: &Ran) -> bool {
        if self.text.is_empty() {
            return false;
        }
        let found = COMPILED.iter().find(|(text, _)| *text == self.text);
        let said = |regex: &Regex| {
            let checks =
                ran.failed_checks().filter_map(|check| check.get("actual")?.as_str()).any(|actual| regex.is_match(actual));
            regex.is_match(ran.error()) || checks
        };
        found.is_some_and(|(_, regex)| said(regex))
    }
}

/// Each compiled once; a test compiles them all.
static COMPILED: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    let texts = super::table::CAUSES.iter().filter_map(super::causes::Cause::text).filter(|text| !text.is_empty());
    texts.map(|text| (text, Regex::new(text).expect("a constant pattern"))).collect()
});
