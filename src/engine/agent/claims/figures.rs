//! Numbers that an agent names, and its word that tests are green or lint is clean.
//! In: the draft, the figures of the step's verify commands, the commands that ran. Out: claims.
//! Never: a hidden exit code taken for a test's own: `pytest | tail` proves nothing.

use serde_json::Value;

use crate::record::{Claim, CommandRun, Draft, Reply};

use super::{
    super::super::changes::Changed,
    commands::{ended, program, simple, text, words},
    prose::{self, Topic},
};

/// Figures by the names that the handoff asks for.
pub(super) fn named(draft: &Draft, reply: &Reply, changed: &Changed) -> Vec<Claim> {
    let mut claims = Vec::new();
    let said = &draft.summary.evidence.measurements;
    let mut exact = |name: &str, seen: u64| {
        if let Some(claimed) = said.get(name).and_then(number) {
            #[expect(clippy::cast_precision_loss, reason = "counts of tests and findings")]
            let agrees = (claimed - seen as f64).abs() < 1e-9;
            claims.push(Claim { claim: format!("{name} = {claimed}"), measured: format!("{name} = {seen}"), agrees });
        }
    };
    if let Some(tests) = reply.tests.as_ref().and_then(|tests| tests.figures.as_ref()) {
        exact("tests_passed", tests.passed);
        exact("tests_failed", tests.failed);
        exact("tests_skipped", tests.skipped);
        exact("tests_total", tests.total);
    }
    if let Some(lint) = reply.lint.as_ref().and_then(|lint| lint.figures.as_ref()) {
        exact("lint_errors", lint.errors);
        exact("lint_warnings", lint.warnings);
    }
    if let Some(coverage) = reply.coverage.as_ref().and_then(|coverage| coverage.figures.as_ref()) {
        for name in ["coverage", "coverage_percent", "line_coverage"] {
            if let Some(claimed) = said.get(name).and_then(number) {
                // Whole percents are no lie, and neither is 0.85.
                let percent = if claimed <= 1.0 && coverage.percent > 1.0 { claimed * 100.0 } else { claimed };
                let agrees = (percent - coverage.percent).abs() <= 0.5 + 1e-9;
                claims.push(Claim {
                    claim: format!("{name} = {claimed}"),
                    measured: format!("{}% of lines", coverage.percent),
                    agrees,
                });
            }
        }
    }
    if let (Some(files), Some(claimed)) = (&changed.files, said.get("files_changed").and_then(number)) {
        // What counts as a file is a matter of taste; whether any was changed is not.
        let seen = files.len() + changed.artifacts.as_ref().map_or(0, std::collections::BTreeSet::len);
        let agrees = (claimed > 0.0) == (seen > 0);
        claims.push(Claim {
            claim: format!("files_changed = {claimed}"),
            measured: format!("{seen} files are other than before"),
            agrees,
        });
    }
    claims
}

/// `12`, `"12"`, `84.5`, `"84.5%"`
fn number(value: &Value) -> Option<f64> {
    let parsed = value.as_f64().or_else(|| value.as_str()?.trim().trim_end_matches('%').trim_end().parse().ok());
    parsed.filter(|number| number.is_finite())
}

/// What the agent says in sentences: tests are green, lint is clean.
pub(super) fn said(draft: &Draft, reply: &Reply, changed: &Changed) -> Vec<Claim> {
    let mut claims = Vec::new();
    if let Some(sentence) = prose::says(draft, Topic::TestsGreen) {
        let measured = match reply.tests.as_ref() {
            Some(tests) => tests.figures.as_ref().map(|tests| {
                (
                    format!("{} passed, {} failed, {} skipped", tests.passed, tests.failed, tests.skipped),
                    tests.failed == 0 && tests.passed > 0,
                )
            }),
            None => by_command(&reply.commands, is_test).or_else(|| {
                let worked = changed.files.as_ref().is_some_and(|files| !files.is_empty());
                let ran_any = reply.commands.iter().any(|command| simple(&text(command)).any(is_test));
                (worked && !ran_any).then(|| ("nothing that was run in this step is a test".to_owned(), false))
            }),
        };
        claims.extend(measured.map(|(measured, agrees)| Claim { claim: sentence, measured, agrees }));
    }
    if let Some(sentence) = prose::says(draft, Topic::LintClean) {
        let measured = match reply.lint.as_ref() {
            Some(lint) => lint.figures.as_ref().map(|lint| {
                let strict = sentence.to_lowercase().contains("warning");
                let clean = lint.errors == 0 && (!strict || lint.warnings == 0);
                (format!("{} errors, {} warnings", lint.errors, lint.warnings), clean)
            }),
            None => by_command(&reply.commands, is_lint),
        };
        claims.extend(measured.map(|(measured, agrees)| Claim { claim: sentence, measured, agrees }));
    }
    claims
}

/// The last command of a kind whose exit code is its own.
fn by_command(commands: &[CommandRun], of_kind: fn(&str) -> bool) -> Option<(String, bool)> {
    let of = |command: &&CommandRun| simple(&text(command)).any(of_kind);
    let last = commands.iter().rfind(of)?;
    let shell = text(last);
    let shell = shell.replace("2>&1", "").replace(">&2", "");
    let own = match last.argv {
        Some(_) => true,
        None => is_own(&shell, of_kind),
    };
    own.then(|| (ended(last), last.exit_code == Some(0)))
}

/// Nothing stands behind the last command of the kind but what `&&` joins, so that its failure is the whole text's failure.
fn is_own(shell: &str, of_kind: fn(&str) -> bool) -> bool {
    let last = simple(shell).filter(|command| of_kind(command)).last();
    let Some(at) = last.and_then(|command| shell.rfind(command).map(|at| at + command.len())) else { return false };
    let rest = shell[at..].replace("&&", "");
    !rest.trim().contains(['|', ';', '&', '\n'])
}

/// Programs that only look at files, whatever these are called.
const LOOKERS: &[&str] = &[
    "cat", "ls", "grep", "rg", "find", "head", "tail", "sed", "awk", "git", "echo", "printf", "wc", "mkdir", "touch", "rm", "cp",
    "mv", "diff", "cd", "test", "[", "which", "export", "set", "chmod", "less", "tree", "stat",
];

fn is_test(command: &str) -> bool {
    let Some(program) = program(command).filter(|program| !LOOKERS.contains(program)) else { return false };
    const RUNNERS: &[&str] = &["tox", "nox", "jest", "vitest", "mocha", "ava", "rspec", "nextest", "phpunit", "ctest"];
    RUNNERS.contains(&program) || words(command).any(|word| RUNNERS.contains(&word) || word.contains("test"))
}

fn is_lint(command: &str) -> bool {
    let Some(program) = program(command).filter(|program| !LOOKERS.contains(program)) else { return false };
    const LINTERS: &[&str] = &["ruff", "eslint", "clippy", "flake8", "pylint", "mypy", "shellcheck", "golangci-lint", "biome"];
    LINTERS.contains(&program) || words(command).any(|word| LINTERS.contains(&word) || word.contains("lint"))
}

#[cfg(test)]
mod tests {
    use super::super::prose::tests::draft;
    use super::*;
    use crate::{
        id::Time,
        record::{CoverageFigures, EngineWord, Figures, FileChange, Mode, ReplyOutcome, TestFigures},
    };

    fn reply() -> Reply {
        Reply::new(ReplyOutcome::Done, EngineWord::Openai, Mode::Api, Time::from_ms(0), Time::from_ms(0))
    }

    fn ran(shell: &str, code: i32) -> CommandRun {
        CommandRun { run: Some(shell.to_owned()), exit_code: Some(code), ..CommandRun::default() }
    }

    #[test]
    fn figures_are_held_against_figures() {
        let tests = TestFigures { passed: 3, failed: 1, total: 4, ..TestFigures::default() };
        let coverage = CoverageFigures { lines_covered: 846, lines_total: 1000, percent: 84.6, ..CoverageFigures::default() };
        let reply =
            Reply { tests: Some(Figures::of(tests, None)), coverage: Some(Box::new(Figures::of(coverage, None))), ..reply() };
        let mut draft = draft("");
        let said = serde_json::json!({"tests_passed": 4, "tests_failed": "1", "coverage": "85%", "coverage_percent": 90, "mood": "good", "files_changed": 3});
        draft.summary.evidence.measurements = serde_json::from_value(said).unwrap();
        let changed = Changed { files: Some(Vec::new()), ..Changed::default() };
        let agrees: Vec<(String, bool)> =
            named(&draft, &reply, &changed).into_iter().map(|one| (one.claim, one.agrees)).collect();
        let agrees: Vec<(&str, bool)> = agrees.iter().map(|(claim, agrees)| (claim.as_str(), *agrees)).collect();
        assert_eq!(
            agrees,
            [
                ("tests_passed = 4", false),
                ("tests_failed = 1", true),
                ("coverage = 85", true),
                ("coverage_percent = 90", false),
                ("files_changed = 3", false)
            ]
        );
    }

    #[test]
    fn green_is_judged_by_what_was_recorded() {
        let green = draft("Fixed it. All tests pass now.");
        let judged = |commands: Vec<CommandRun>, changed: &Changed| -> Option<bool> {
            let claims = said(&green, &Reply { commands, ..reply() }, changed);
            claims.first().map(|claim| claim.agrees)
        };
        let (none, file) =
            (Changed::default(), serde_json::from_str::<FileChange>(r#"{"path":"a","change":"modified"}"#).unwrap());
        let some = Changed { files: Some(vec![file]), ..Changed::default() };
        assert_eq!(judged(vec![ran("pytest", 1), ran("cd a && pytest -q 2>&1", 0), ran("ls tests", 0)], &none), Some(true));
        assert_eq!(judged(vec![ran("cargo test", 0), ran("make test", 2)], &none), Some(false));
        // Whose exit code it is cannot be known, and a reader of other people's work need not run anything.
        assert_eq!(judged(vec![ran("pytest | tail -1", 0)], &some), None);
        assert_eq!(judged(vec![ran("pytest; echo done", 0)], &some), None);
        assert_eq!(judged(Vec::new(), &none), None);
        assert_eq!(judged(vec![ran("cat tests/test_a.py", 0)], &some), Some(false));
        let tests = TestFigures { passed: 3, failed: 1, total: 4, ..TestFigures::default() };
        let measured = Reply { tests: Some(Figures::of(tests, None)), commands: vec![ran("pytest", 0)], ..reply() };
        assert_eq!(said(&green, &measured, &none)[0].measured, "3 passed, 1 failed, 0 skipped");
        assert!(!said(&green, &measured, &none)[0].agrees);
    }

    #[test]
    fn lint_is_clean_when_its_command_says_so() {
        let clean = draft("Tidied up; ruff is clean.");
        let of = |code| said(&clean, &Reply { commands: vec![ran("ruff check .", code)], ..reply() }, &Changed::default());
        assert_eq!((of(0)[0].agrees, of(1)[0].agrees), (true, false));
        assert!(said(&clean, &reply(), &Changed::default()).is_empty());
    }
}
