//! What an agent says of itself, beside what was measured.
//! In: a draft, the commands that ran, the files on disk. Out: claims, each with whether it agrees.
//! Never: a claim believed for want of a measure: what cannot be measured is not listed.

use std::time::{Duration, SystemTime};

use crate::{
    id::Time,
    measure::Roots,
    record::{Claim, CommandRun, Draft, TestFigures},
};

/// Claims of one kind that are looked at.
const CLAIMS_MAX: usize = 100;
/// A file system's clock may lag a little behind the system's.
const LAG: Duration = Duration::from_secs(2);

/// Looks at every file that the agent says it produced. Blocks.
pub(super) fn produced(draft: &Draft, roots: &Roots, run_started_at: Time) -> Vec<Claim> {
    let since = SystemTime::UNIX_EPOCH + Duration::from_millis(run_started_at.as_ms().unsigned_abs()) - LAG;
    let look = |path: &String| {
        let name = path.trim().trim_start_matches("./");
        let (measured, agrees) = match roots.look(name) {
            Err(why) => (format!("it {why}"), false),
            Ok(there) => match roots.find(name).ok().and_then(|real| real.metadata().ok()) {
                Some(meta) if meta.is_file() && meta.modified().is_ok_and(|modified| modified < since) => {
                    (format!("it has {} bytes, and was last written before this run", there.bytes), false)
                }
                _ => (format!("it is there, {} bytes", there.bytes), true),
            },
        };
        Claim { claim: format!("produced `{name}`"), measured, agrees }
    };
    draft.summary.evidence.artifacts_produced.iter().take(CLAIMS_MAX).map(look).collect()
}

/// Holds the commands that the agent says it ran against those that ran.
pub(super) fn ran(draft: &Draft, commands: &[CommandRun]) -> Vec<Claim> {
    let texts: Vec<String> = commands
        .iter()
        .filter_map(|command| command.run.clone().or_else(|| command.argv.as_ref().map(|argv| argv.join(" "))))
        .collect();
    let check = |said: &String| {
        let claimed: Vec<&str> = words(said).collect();
        // A person's words around a command are no lie: it is enough that a program of it was run.
        let found = texts.iter().zip(commands).find(|(text, _)| programs(text).any(|program| claimed.contains(&program)));
        let measured = match found {
            None if texts.is_empty() => "no command was run".to_owned(),
            None => "no command like it was run".to_owned(),
            Some((text, command)) => {
                let first = text.trim().lines().next().unwrap_or_default();
                let first = crate::redact::cut(first, 120).unwrap_or(first);
                match command.exit_code {
                    Some(code) => format!("ran `{first}`, exit code {code}"),
                    None => format!("ran `{first}`, which did not end by itself"),
                }
            }
        };
        Claim { claim: format!("ran `{}`", said.trim()), measured, agrees: found.is_some() }
    };
    draft.summary.evidence.commands_run.iter().take(CLAIMS_MAX).map(check).collect()
}

/// Holds figures of tests against those that were measured.
pub(super) fn figures(draft: &Draft, tests: &TestFigures) -> Vec<Claim> {
    let measured = [("tests_passed", tests.passed), ("tests_failed", tests.failed), ("tests_total", tests.total)];
    let said = &draft.summary.evidence.measurements;
    let claims = measured.into_iter().filter_map(|(name, seen)| {
        let claimed = said.get(name)?.as_u64()?;
        Some(Claim { claim: format!("{name} = {claimed}"), measured: format!("{name} = {seen}"), agrees: claimed == seen })
    });
    claims.collect()
}

/// The programs that shell text starts.
fn programs(text: &str) -> impl Iterator<Item = &str> {
    let commands = text.split(['\n', ';', '|', '&', '(', ')', '`']);
    commands
        .filter_map(|command| {
            let mut words = command.split_whitespace().map(base);
            // `FOO=1 pytest`, `cd app`: the first word that is a program of interest.
            words.find(|word| !word.contains('=') && !["env", "sudo", "time", "exec", "then", "do", "if"].contains(word))
        })
        .chain(
            text.split_whitespace()
                .zip(text.split_whitespace().skip(1))
                .filter_map(|(dash, module)| (dash == "-m").then_some(module)),
        )
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter.is_whitespace() || "`'\"(),;:&|".contains(letter)).filter(|word| !word.is_empty()).map(base)
}

/// A program by its name, not by its path.
fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{DraftRouting, Evidence, Status, Summary};

    fn draft(evidence: Evidence) -> Draft {
        let summary = Summary { evidence, ..Summary::default() };
        Draft {
            status: Status::Verified,
            summary,
            concerns: Vec::new(),
            assumptions: Vec::new(),
            routing: DraftRouting::default(),
        }
    }

    #[test]
    fn a_file_that_is_not_there_was_not_produced() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("new.py"), "x = 1\n").unwrap();
        std::fs::write(dir.path().join("old.py"), "x = 1\n").unwrap();
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        std::fs::File::options().write(true).open(dir.path().join("old.py")).unwrap().set_modified(old).unwrap();
        let roots =
            Roots { workspace: dir.path().to_owned(), run_base: dir.path().join("run"), flow_dir: dir.path().join("run/flow") };
        let paths = ["new.py", "old.py", "none.py", "../out"].map(str::to_owned).to_vec();
        let claims =
            produced(&draft(Evidence { artifacts_produced: paths, ..Evidence::default() }), &roots, Time::from_ms(2_000_000));
        let told: Vec<(bool, &str)> = claims.iter().map(|claim| (claim.agrees, claim.measured.as_str())).collect();
        assert_eq!(
            told,
            [
                (true, "it is there, 6 bytes"),
                (false, "it has 6 bytes, and was last written before this run"),
                (false, "it does not exist"),
                (
                    false,
                    if dir.path().parent().unwrap().join("out").exists() {
                        "it leads out of the workspace and of the run"
                    } else {
                        "it does not exist"
                    }
                ),
            ]
        );
    }

    #[test]
    fn a_command_that_nobody_ran_is_a_lie_and_words_around_one_are_not() {
        let run = |text: &str| CommandRun { run: Some(text.to_owned()), exit_code: Some(0), ..CommandRun::default() };
        let commands = [run("cd app && python -m pytest -q tests/"), run("FOO=1 ./scripts/lint.sh src | tail")];
        let said = ["pytest (12 passed)", "Ran `python -m pytest`", "scripts/lint.sh", "cargo test", "mypy src"];
        let claims = ran(&draft(Evidence { commands_run: said.map(str::to_owned).to_vec(), ..Evidence::default() }), &commands);
        let agrees: Vec<bool> = claims.iter().map(|claim| claim.agrees).collect();
        assert_eq!(agrees, [true, true, true, false, false]);
        assert_eq!(
            ran(&draft(Evidence { commands_run: vec!["make".to_owned()], ..Evidence::default() }), &[])[0].measured,
            "no command was run"
        );
    }

    #[test]
    fn figures_are_held_against_figures() {
        let tests = TestFigures { passed: 3, failed: 1, skipped: 0, total: 4, failures: Vec::new() };
        let measurements =
            [("tests_passed".to_owned(), 4.into()), ("tests_failed".to_owned(), 1.into()), ("mood".to_owned(), "good".into())];
        let claims = figures(&draft(Evidence { measurements: measurements.into(), ..Evidence::default() }), &tests);
        assert_eq!(claims.iter().map(|claim| claim.agrees).collect::<Vec<_>>(), [false, true]);
    }
}
