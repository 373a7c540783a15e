//! From what was seen to what it means: checks of a verify command, figures of its tests, the sentence of a failure.
//! In: exit codes and readings. Out: `Check`s, `Figures`, one line for people. Never: a passing check without a measure.

use crate::{
    record::{Check, Figures, TestFigures},
    spec::ParseAs,
};

use super::{
    expect::shown,
    tools::{Reading, read},
};

/// What the report of one verify command says. `None`: only its exit code counts.
pub fn report_check(
    id: &str,
    parse: ParseAs,
    report: Result<&str, String>,
    evidence_path: Option<&str>,
) -> Option<(Check, Option<Figures>)> {
    if parse == ParseAs::Exit {
        return None;
    }
    let evidence_path = evidence_path.map(str::to_owned);
    let unmeasured =
        |reason: String| Figures { measured: false, figures: None, evidence_path: evidence_path.clone(), reason: Some(reason) };
    let reading = report.and_then(|text| {
        read(parse, text).unwrap_or_else(|| unreachable!("`exit` returned above")).map_err(|why| why.to_string())
    });
    let (what, expected, passed, actual, figures) = match reading {
        Ok(Reading::Tests(tests)) => {
            let ran = tests.passed + tests.failed;
            let actual = if ran == 0 { "0 tests ran".to_owned() } else { told(&tests) };
            let figures =
                Figures { measured: true, figures: Some(tests.clone()), evidence_path: evidence_path.clone(), reason: None };
            ("tests", "tests ran, none failed", ran > 0 && tests.failed == 0, actual, Some(figures))
        }
        Ok(Reading::Findings { errors, warnings, notes }) => {
            let actual = format!("{errors} errors, {warnings} warnings, {notes} notes");
            ("findings", "no errors", errors == 0, actual, None)
        }
        Err(why) => {
            let figures = (parse != ParseAs::Sarif).then(|| unmeasured(why.clone()));
            ("report", "a report that can be read", false, format!("not measured: {why}"), figures)
        }
    };
    let check = Check { name: format!("verify {id}: {what}"), passed, expected: expected.to_owned(), actual, evidence_path };
    Some((check, figures))
}

fn told(tests: &TestFigures) -> String {
    let mut text = format!("{} passed, {} failed, {} skipped", tests.passed, tests.failed, tests.skipped);
    if let Some(first) = tests.failures.first() {
        text.push_str(": ");
        text.push_str(&shown(first));
    }
    text
}

/// The figures of a step with several verify commands: what was measured is added up.
pub fn merged(sum: Option<Figures>, next: Option<Figures>) -> Option<Figures> {
    let (mut sum, next) = match (sum, next) {
        (Some(sum), Some(next)) => (sum, next),
        (sum, next) => return sum.or(next),
    };
    match (&mut sum.figures, next.figures) {
        (Some(sum), Some(next)) => {
            sum.passed += next.passed;
            sum.failed += next.failed;
            sum.skipped += next.skipped;
            sum.total += next.total;
            sum.failures.extend(next.failures);
            sum.failures.truncate(super::tools::FAILURES_MAX);
        }
        (None, Some(figures)) => {
            sum = Figures { measured: true, figures: Some(figures), evidence_path: next.evidence_path, reason: None };
        }
        (_, None) => {}
    }
    Some(sum)
}

/// More unmet checks in one sentence help nobody; the receipt has them all.
const UNMET_MAX: usize = 5;

/// What a step promised and did not keep, in one sentence. `None`: it kept everything.
pub fn failure_message(checks: &[Check]) -> Option<String> {
    let unmet: Vec<&Check> = checks.iter().filter(|check| !check.passed).collect();
    let told: Vec<String> = unmet
        .iter()
        .take(UNMET_MAX)
        .map(|check| match check.actual.as_str() {
            found @ ("found" | "not found") => format!("{}: expected {}, which was {found}", check.name, shown(&check.expected)),
            actual => format!("{}: expected {}, got {}", check.name, shown(&check.expected), shown(actual)),
        })
        .collect();
    match unmet.len() {
        0 => None,
        1..=UNMET_MAX => Some(told.join("; ")),
        many => Some(format!("{}; and {} more", told.join("; "), many - UNMET_MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn green_tests_that_never_ran_are_not_green() {
        let text = "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 12 filtered out";
        let (check, figures) = report_check("unit", ParseAs::CargoTest, Ok(text), None).unwrap();
        assert_eq!((check.passed, check.actual.as_str()), (false, "0 tests ran"));
        assert!(figures.unwrap().measured);
    }

    #[test]
    fn a_report_that_cannot_be_read_is_not_measured_and_does_not_pass() {
        let (check, figures) = report_check("unit", ParseAs::Pytest, Ok("fine!"), None).unwrap();
        assert!(!check.passed);
        let figures = figures.unwrap();
        assert_eq!((figures.measured, figures.reason.as_deref()), (false, Some("no summary of pytest in the output")));
    }

    #[test]
    fn a_failure_names_what_was_not_kept() {
        let check = |name: &str, passed| Check {
            name: name.to_owned(),
            passed,
            expected: "x".to_owned(),
            actual: "y".to_owned(),
            evidence_path: None,
        };
        assert_eq!(failure_message(&[check("a", true)]), None);
        assert_eq!(failure_message(&[check("a", true), check("b", false)]).unwrap(), "b: expected x, got y");
        let many: Vec<Check> = (0..9).map(|n| check(&n.to_string(), false)).collect();
        assert!(failure_message(&many).unwrap().ends_with("; and 4 more"));
    }
}
