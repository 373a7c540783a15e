//! Commands that an agent says it ran, and how they ended.
//! In: what it says, what was recorded. Out: a claim for each. Never: an exit code judged that belongs to another command.

use crate::record::{Claim, CommandRun, Draft};

use super::{CLAIMS_MAX, quoted};

/// Holds the commands that the agent says it ran against those that ran.
pub(super) fn ran(draft: &Draft, commands: &[CommandRun]) -> Vec<Claim> {
    let check = |said: &String| {
        let claimed: Vec<&str> = words(said).collect();
        // A person's words around a command are no lie: it is enough that a program of it was run. Of several, the one
        // that is most like it, and of those the last.
        let like = |text: &str| {
            let known = programs(text).iter().any(|program| claimed.contains(program));
            known.then(|| words(text).filter(|word| claimed.contains(word)).count())
        };
        let found = commands.iter().filter_map(|command| Some((like(&text(command))?, command))).max_by_key(|(same, _)| *same);
        let (measured, agrees) = match found {
            None if commands.is_empty() => ("no command was run".to_owned(), false),
            None => ("no command like it was run".to_owned(), false),
            Some((_, command)) => {
                let red = command.exit_code.is_none_or(|code| code != 0);
                (ended(command), !(red && says_green(said)))
            }
        };
        Claim { claim: format!("ran `{}`", said.trim()), measured, agrees }
    };
    draft.summary.evidence.commands_run.iter().take(CLAIMS_MAX).map(check).collect()
}

pub(super) fn text(command: &CommandRun) -> String {
    command.run.clone().or_else(|| command.argv.as_ref().map(|argv| argv.join(" "))).unwrap_or_default()
}

pub(super) fn ended(command: &CommandRun) -> String {
    let first = quoted(&text(command));
    match command.exit_code {
        Some(code) => format!("ran `{first}`, exit code {code}"),
        None => format!("ran `{first}`, which did not end by itself"),
    }
}

/// Whether the words after the command say that it went well: `pytest -q (12 passed)`, `cargo test: ok`, `make passed`.
fn says_green(said: &str) -> bool {
    const MARKS: [&str; 6] = ["(", ": ", " -> ", " => ", " — ", " - "];
    let after = MARKS.iter().filter_map(|mark| said.find(mark)).min().map(|at| &said[at..]);
    let after = after.or_else(|| said.rfind('`').map(|at| &said[at..]));
    // Without a mark, the last word by itself; a file may be called ok.py.
    let last = || said.split_whitespace().next_back().filter(|word| word.chars().all(char::is_alphabetic));
    let after = after.or_else(last).unwrap_or_default().to_lowercase();
    let has = |words: &[&str]| words_of(&after).any(|word| words.contains(&word));
    has(&["pass", "passed", "passes", "passing", "green", "ok", "succeeded", "success", "successful", "clean"])
        && !after.contains("fail")
        && !has(&["error", "errors", "red", "not", "no"])
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// The simple commands of shell text, in order.
pub(super) fn simple(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', ';', '|', '&', '(', ')', '`']).map(str::trim).filter(|command| !command.is_empty())
}

/// The programs that shell text starts.
fn programs(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = simple(text).filter_map(program).collect();
    let all: Vec<&str> = text.split_whitespace().collect();
    // `python -m pytest`
    found.extend(all.windows(2).filter(|pair| pair[0] == "-m").map(|pair| pair[1]));
    found
}

/// The program of one simple command: `FOO=1 env pytest`, `then make`.
pub(super) fn program(command: &str) -> Option<&str> {
    const BEFORE: [&str; 7] = ["env", "sudo", "time", "exec", "then", "do", "if"];
    command.split_whitespace().map(base).find(|word| !word.contains('=') && !BEFORE.contains(word))
}

pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter.is_whitespace() || "`'\"(),;:&|".contains(letter)).filter(|word| !word.is_empty()).map(base)
}

/// A program by its name, not by its path.
fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str, code: i32) -> CommandRun {
        CommandRun { run: Some(text.to_owned()), exit_code: Some(code), ..CommandRun::default() }
    }

    fn claims(said: &[&str], commands: &[CommandRun]) -> Vec<Claim> {
        let mut draft = super::super::prose::tests::draft("");
        draft.summary.evidence.commands_run = said.iter().map(|text| (*text).to_owned()).collect();
        ran(&draft, commands)
    }

    #[test]
    fn a_command_that_nobody_ran_is_a_lie_and_words_around_one_are_not() {
        let commands = [run("cd app && python -m pytest -q tests/", 0), run("FOO=1 ./scripts/lint.sh src | tail", 0)];
        let said = ["pytest (12 passed)", "Ran `python -m pytest`", "scripts/lint.sh", "cargo test", "mypy src"];
        let agrees: Vec<bool> = claims(&said, &commands).iter().map(|claim| claim.agrees).collect();
        assert_eq!(agrees, [true, true, true, false, false]);
        assert_eq!(claims(&["make"], &[])[0].measured, "no command was run");
    }

    #[test]
    fn a_result_is_judged_by_the_last_run_of_that_command() {
        let commands = [run("pytest -q", 1), run("python gen.py", 2), run("pytest -q", 0), run("make lint", 2)];
        let said = ["pytest -q (12 passed)", "make lint: clean", "`make lint` (2 errors)", "make lint", "python gen.py -> ok"];
        let agrees: Vec<bool> = claims(&said, &commands).iter().map(|claim| claim.agrees).collect();
        assert_eq!(agrees, [true, false, true, true, false]);
        let red_at_last = [run("pytest -q", 0), run("pytest -q", 1)];
        assert!(!claims(&["pytest -q passed"], &red_at_last)[0].agrees);
        assert!(claims(&["pytest tests/ok.py"], &red_at_last)[0].agrees);
    }
}
