//! Sentences that begin like a command: `make sure that …`, `find the call in …`.
//! In: a line. Out: yes or no. Never: a line called prose for one small word alone, unless its program is an English verb.

use std::sync::LazyLock;

use regex::Regex;

static QUOTED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#""[^"]*"|'[^']*'"#).expect("a pattern"));
/// An end of a sentence and the beginning of the next, or a dash that got lost between two words.
static SENTENCES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[a-z)]{2}[.!?](?:\s*-)?\s*[A-Z][a-z]|[A-Za-z>)]  \(?[a-z]").expect("a pattern"));

const SMALL: &str = " the a an is are was your you that this these from to and or of with for it its in on at be not whatever should \
                     which when then ";
const VERBS: &str = " make find test go set head cut sort service date kill free mount touch stat ping sleep source which cat ";

pub fn is_prose(line: &str) -> bool {
    let line = QUOTED.replace_all(line.trim(), "x");
    let line = line.split(" #").next().unwrap_or_default();
    let first = line.split_whitespace().next().unwrap_or_default();
    let of_shell = matches!(first, "for" | "if" | "while" | "until" | "case" | "then" | "do" | "else" | "function");
    if first.starts_with(['#', '.', '/', '$', '[']) || first.contains('=') || of_shell && !line.ends_with('.') {
        return false;
    }
    let is = |table: &str, word: &str| table.contains(&format!(" {} ", word.trim_matches([',', '.', ':', ';']).to_lowercase()));
    let small = line.split_whitespace().skip(1).filter(|word| is(SMALL, word)).count();
    let begins =
        first.starts_with(char::is_uppercase) && first.chars().all(|c| c.is_alphabetic() || matches!(c, ',' | '\'' | '’'));
    let enough = if begins || is(VERBS, first) { 1 } else { 2 };
    let ends = line.ends_with(['.', ':', '?', '!']) && line.split_whitespace().count() > 2 && !line.ends_with(" .");
    SENTENCES.is_match(line) || small >= enough || begins && ends || line.contains("n't ") || line.contains("n’t ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_told_from_commands() {
        for line in [
            "make sure that it is up",
            "find the call in the console",
            "test the new key before anything else",
            "Restart the service",
            "Wait, then look again.",
            "docker is needed for this",
            "curl -X POST <address>from your terminal  expect an answer, not 404.- Check the log",
            "shopctl use <name> verify the right one is active.- Take a snapshot",
            "git won't help here",
            "service must be up, and the queue is empty",
        ] {
            assert!(is_prose(line), "{line}");
        }
        for line in [
            "make deploy",
            "find . -name x",
            "test -f x && cat x",
            "git log --oneline -5",
            "grep 'the end of the line' x",
            "echo \"this is for you\"",
            "ls -la /srv/app",
            "tar -C a -cf - . | tar -xf -",
            "curl -sf https://a.invalid/health # is the API up?",
            "./deploy.sh to production",
            "X=1 make it",
            "for x in a b; do echo $x; done",
            "cp a .",
            "cargo test --workspace",
        ] {
            assert!(!is_prose(line), "{line}");
        }
    }
}
