//! The few sentences in which an agent claims something that can be measured.
//! In: what it did and found, in its words. Out: files that it says it changed; that tests are green, or lint is clean.
//! Never: a guess at what is meant: a sentence with a doubt, a condition or another's deed in it claims nothing here.

use std::sync::LazyLock;

use regex::Regex;

use crate::record::Draft;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    TestsGreen,
    LintClean,
}

/// What is said to have been done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// Listed among the artifacts.
    Produced,
    Created,
    Changed,
    Removed,
}

/// A sentence that claims this, as it was written.
pub(super) fn says(draft: &Draft, topic: Topic) -> Option<String> {
    static GREEN: LazyLock<Regex> = LazyLock::new(|| {
        regex(r"\btests?( suite)?( are| is| now| all| have| do| still)* (green|pass|passes|passed|passing|succeed|succeeded)\b")
    });
    static CLEAN: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"\b(lint|linter|linting|clippy|ruff|eslint)( checks?)?( is| are| now| reports?| finds?| shows?| found| says)* (clean|green|passes|passed|passing|no (errors?|warnings?|findings?|issues?))\b",
        )
    });
    // Whoever reports a failure, a wish or a plan does not claim that all is well.
    static DOUBT: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"\b(not|no longer|never|cannot|can't|don't|didn't|doesn't|if|unless|until|once|should|must|would|will|could|may|might|whether|ensure|make sure|so that|before|fail|fails|failed|failing|failures?|broken|some|most|only|none|few|claims?|claimed|says|author|they)\b",
        )
    });
    let about = match topic {
        Topic::TestsGreen => &GREEN,
        Topic::LintClean => &CLEAN,
    };
    sentences(draft).find(|sentence| {
        let lower = sentence.to_lowercase();
        about.find(&lower).is_some_and(|found| {
            // "no failures" beside "pass" is no doubt, and neither is "no errors" beside "clean".
            let around = lower.replace("no failures", "").replace(found.as_str(), "");
            !DOUBT.is_match(&around) && !lower.ends_with('?')
        })
    })
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|error| unreachable!("a constant pattern: {error}"))
}

fn sentences(draft: &Draft) -> impl Iterator<Item = String> {
    let texts = [&draft.summary.what_i_did, &draft.summary.what_i_found];
    texts.into_iter().flat_map(|text| split(text))
}

/// At line ends, and after marks that a blank follows: a file's name has a dot in it, too.
fn split(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut rest = line;
        while let Some(at) = rest
            .char_indices()
            .zip(rest.chars().skip(1))
            .find_map(|((at, mark), next)| (matches!(mark, '.' | '!' | '?' | ';') && next.is_whitespace()).then_some(at + 1))
        {
            found.push(rest[..at].to_owned());
            rest = &rest[at..];
        }
        found.push(rest.to_owned());
    }
    let bare =
        |sentence: String| sentence.trim().trim_start_matches(['-', '*', ' ']).trim_end_matches(['.', ';', '!']).to_owned();
    found.into_iter().map(bare).filter(|sentence| !sentence.is_empty()).collect()
}

/// Files that the agent says it made, changed or removed: `I changed src/x.py and src/y.py`, `Added a test to tests/z.rs`.
pub(super) fn deeds(draft: &Draft) -> Vec<(Deed, String)> {
    let decisions = draft.summary.key_decisions.iter().flat_map(|text| split(text));
    sentences(draft).chain(decisions).flat_map(|sentence| deeds_of(&sentence)).collect()
}

const CREATED: &[&str] = &["created", "wrote", "generated"];
const CHANGED: &[&str] = &[
    "changed",
    "edited",
    "modified",
    "updated",
    "rewrote",
    "fixed",
    "refactored",
    "extended",
    "added",
    "adapted",
    "implemented",
];
const REMOVED: &[&str] = &["removed", "deleted"];
/// Between the deed and the file.
const FILLERS: &[&str] = &[
    "the", "a", "an", "new", "file", "files", "in", "to", "into", "from", "of", "function", "method", "test", "tests", "code",
    "module", "both", "bug", "typo", "case", "cases", "missing", "existing",
];
const FILLERS_MAX: usize = 5;
/// What may follow a file that was made; another noun would make its name a part of something else.
const AFTER: &[&str] =
    &["and", "with", "to", "for", "so", "that", "which", "in", "as", "by", "from", "accordingly", "where", "because"];

fn deeds_of(sentence: &str) -> Vec<(Deed, String)> {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let lower: Vec<String> = words.iter().map(|word| bare(word).to_lowercase()).collect();
    let mut found = Vec::new();
    for (at, verb) in lower.iter().enumerate() {
        let verb = verb.as_str();
        let deed = match () {
            () if CREATED.contains(&verb) => Deed::Created,
            () if CHANGED.contains(&verb) => Deed::Changed,
            () if REMOVED.contains(&verb) => Deed::Removed,
            () => continue,
        };
        // Its own deed: at the beginning, or after `I` and what may stand between.
        let own = lower[..at]
            .iter()
            .all(|word| matches!(word.as_str(), "i" | "we" | "i've" | "have" | "then" | "also" | "first" | "next"));
        if !own {
            continue;
        }
        let mut next = at + 1;
        let mut inside = false;
        while next < words.len() && next <= at + FILLERS_MAX && FILLERS.contains(&lower[next].as_str()) {
            inside |= matches!(lower[next].as_str(), "in" | "to" | "into" | "from" | "of");
            next += 1;
        }
        // A part of a file was made or removed: the file was changed.
        let deed = if inside { Deed::Changed } else { deed };
        while let Some(path) = words.get(next).and_then(|word| path(word)) {
            let ends = words[next].ends_with([',', '.', ';', ':', ')']);
            let follows = lower.get(next + 1).map(String::as_str);
            if ends || follows.is_none_or(|word| AFTER.contains(&word)) {
                found.push((deed, path.to_owned()));
            }
            next += if follows == Some("and") { 2 } else { 1 };
        }
    }
    found
}

fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| "`'\"(),;:*[]".contains(c)).trim_end_matches('.')
}

/// A word that is the name of a file.
fn path(word: &str) -> Option<&str> {
    const ENDS: &[&str] = &[
        "rs", "py", "js", "mjs", "ts", "tsx", "jsx", "go", "java", "kt", "rb", "php", "c", "h", "cc", "cpp", "hpp", "cs",
        "swift", "sh", "sql", "md", "txt", "toml", "yaml", "yml", "json", "html", "css", "xml", "cfg", "ini", "lock", "tf",
    ];
    let path = bare(word).trim_start_matches("./");
    let plain = !path.is_empty() && !path.contains("://") && path.chars().all(|c| c.is_alphanumeric() || "/._-+@".contains(c));
    let end = path.rsplit('/').next()?.rsplit_once('.').map(|(stem, end)| !stem.is_empty() && ENDS.contains(&end));
    (plain && end == Some(true)).then_some(path)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::record::{DraftRouting, Status, Summary};

    pub(in super::super) fn draft(did: &str) -> Draft {
        Draft {
            status: Status::Verified,
            summary: Summary { what_i_did: did.to_owned(), ..Summary::default() },
            concerns: Vec::new(),
            assumptions: Vec::new(),
            routing: DraftRouting::default(),
        }
    }

    #[test]
    fn a_sentence_that_says_green_is_found_and_a_doubt_is_not() {
        for text in [
            "All tests pass.",
            "changed x, tests are green",
            "The 12 unit tests now pass with no failures",
            "Ran it. The test suite passed!",
        ] {
            assert!(says(&draft(text), Topic::TestsGreen).is_some(), "{text}");
        }
        for text in [
            "Tests should pass once the server is up",
            "The tests do not pass",
            "2 tests passed, 1 failed",
            "Wrote code so that tests pass",
            "The author claims that all tests pass",
            "Do the tests pass?",
            "passed the test data on",
        ] {
            assert_eq!(says(&draft(text), Topic::TestsGreen), None, "{text}");
        }
        assert!(says(&draft("clippy reports no warnings"), Topic::LintClean).is_some());
        assert_eq!(says(&draft("eslint is not clean"), Topic::LintClean), None);
    }

    #[test]
    fn its_own_deeds_are_found_and_those_of_others_are_not() {
        let of = |text: &str| deeds(&draft(text)).into_iter().map(|(deed, path)| format!("{deed:?} {path}")).collect::<Vec<_>>();
        assert_eq!(of("I changed src/x.py, and then I looked."), ["Changed src/x.py"]);
        assert_eq!(
            of("Edited `src/a.rs` and `src/b.rs`. Created tests/c.rs"),
            ["Changed src/a.rs", "Changed src/b.rs", "Created tests/c.rs"]
        );
        assert_eq!(of("- Added a test to tests/z.py"), ["Changed tests/z.py"]);
        assert_eq!(of("Removed the function from lib.rs"), ["Changed lib.rs"]);
        assert_eq!(of("Deleted old.py"), ["Removed old.py"]);
        for text in [
            "The author changed src/x.py",
            "I did not change src/x.py",
            "Added config.toml support",
            "changed the order",
            "I saw that it updated a.py",
        ] {
            assert_eq!(of(text), [""; 0], "{text}");
        }
    }
}
