//! Failure signatures: the same cause gives the same signature, whatever numbers, paths and times the message holds.
//! And the figures that a signature leaves out, which tell a loop that gets on from one that is stuck.

use std::sync::LazyLock;

use regex::Regex;

use crate::{id::Sha256, record::FailureKind};

/// What is folded away, in this order; the word that stands for it.
static FOLDS: LazyLock<[(Regex, &str); 6]> = LazyLock::new(|| {
    let rule = |pattern: &str| Regex::new(pattern).expect("a constant pattern");
    [
        (rule(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?|\b\d\d:\d\d:\d\d(\.\d+)?\b"), "<time>"),
        (rule(r#""[^"\n]*"|'[^'\n]*'|`[^`\n]*`"#), "<text>"),
        (rule(r"(?:[A-Za-z]:)?[\w.~-]*(?:/[\w.@+~-]+)+/?(?::\d+)*"), "<path>"),
        (
            rule(r"\b0x[0-9a-fA-F]+\b|\b[0-9a-fA-F]*[0-9][0-9a-fA-F]*[a-fA-F][0-9a-fA-F]{5,}\b|\b[0-9a-f]{8}-[0-9a-f-]{27}\b"),
            "<hex>",
        ),
        (rule(r"\d+(?:\.\d+)?"), "<n>"),
        (rule(r"\s+"), " "),
    ]
});

/// Sixteen hex digits over the failure's kind and its folded message.
pub fn signature(kind: FailureKind, message: &str) -> String {
    // The first 2 KiB: causes stand at the beginning or at the end of what was already cut to a few lines.
    let mut cut = message.len().min(2048);
    while !message.is_char_boundary(cut) {
        cut -= 1;
    }
    let mut text = message[..cut].trim().to_lowercase();
    for (pattern, word) in FOLDS.iter() {
        if let std::borrow::Cow::Owned(folded) = pattern.replace_all(&text, *word) {
            text = folded;
        }
    }
    Sha256::of(format!("{kind}\n{}", text.trim()).as_bytes()).as_str()[..16].to_owned()
}

/// Where the numbers stand among the folds: before them, everything is gone that holds digits and counts nothing.
const NUMBERS: usize = 4;

/// A number, and the unit of time that makes it a duration: those differ from run to run and say nothing.
static FIGURE: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(\d+(?:\.\d+)?)(\s*(?:ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b)?";
    Regex::new(pattern).expect("a constant pattern")
});

/// The numbers that [`signature`] folds away, in their order, from the first line of a message.
pub fn figures(message: &str) -> String {
    let mut text = message.lines().next().unwrap_or_default().to_lowercase();
    for (pattern, word) in FOLDS.iter().take(NUMBERS) {
        text = pattern.replace_all(&text, *word).into_owned();
    }
    let counts = FIGURE.captures_iter(&text).filter(|found| found.get(2).is_none());
    counts.filter_map(|found| found.get(1)).map(|figure| figure.as_str()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_cause_gives_the_same_signature() {
        let one = "2026-01-02T10:11:12Z /srv/a/tests/api.py:40: expected 3 but found \"x9\" at 0xdeadbeef";
        let two = "2027-03-04T01:02:03.555Z /home/b/t/api.py:512: expected 77 but found \"hello\" at 0xcafe12";
        assert_eq!(signature(FailureKind::Exit, one), signature(FailureKind::Exit, two));
    }

    #[test]
    fn figures_are_what_counts_something() {
        for (message, counted) in [
            ("exit code 1: 5 errors left", "1 5"),
            ("exit code 1: 2 failed, 7.5% covered in 0.31s (40 ms each)", "1 2 7.5"),
            ("exit code 1: tests/api.py:40: 3 of 'x9' at 0xdeadbeef 10:11:12", "1 3"),
            ("not done\n17 lines of output", ""),
            ("", ""),
        ] {
            assert_eq!(figures(message), counted, "{message}");
        }
    }

    #[test]
    fn another_cause_or_another_kind_gives_another() {
        let of = |text| signature(FailureKind::Exit, text);
        assert_ne!(of("ModuleNotFoundError: requests"), of("AssertionError: requests"));
        assert_ne!(of("boom"), signature(FailureKind::Timeout, "boom"));
    }
}
