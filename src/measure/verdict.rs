//! From what was seen to what it means: checks of a verify command, its figures, the sentence of a failure.
//! In: exit codes and readings. Out: `Check`s, `Figures`, one line for people. Never: a passing check without a measure.

use crate::{
    record::{Check, CoverageFigures, Figures, FindingFigures, Reply, TestCount, TestFigures},
    spec::{About, CountsAs, flow::Verify},
};

use super::{
    expect::shown,
    parse::{FAILURES_MAX, FINDINGS_MAX, Reading, percent, read},
};

/// What the report of one verify command says.
#[derive(Debug, Clone, PartialEq)]
pub struct Reported {
    pub check: Check,
    measure: Measure,
}

#[derive(Debug, Clone, PartialEq)]
enum Measure {
    Tests(Figures),
    Findings(CountsAs, Box<Figures<FindingFigures>>),
    Coverage(Box<Figures<CoverageFigures>>),
}

/// Reads what one verify command reported. `None`: only its exit code counts.
pub fn report_check(verify: &Verify, report: Result<&str, String>, evidence_path: Option<&str>) -> Option<Reported> {
    if verify.parse.about() == About::Nothing {
        return None;
    }
    let evidence = evidence_path.map(str::to_owned);
    let reading = report.and_then(|text| {
        read(verify.parse, text).unwrap_or_else(|| unreachable!("`exit` returned above")).map_err(|why| why.to_string())
    });
    let (what, passed, expected, actual, measure) = match reading {
        Ok(Reading::Tests(mut tests)) => {
            let TestFigures { passed, failed, skipped, total, .. } = tests;
            tests.by_check = vec![TestCount { id: verify.id.clone(), passed, failed, skipped, total, before: None }];
            let ran = passed + failed;
            let actual = if ran == 0 { format!("0 tests ran{}", also_skipped(skipped)) } else { told(&tests) };
            let green = ran > 0 && failed == 0;
            ("tests", green, "tests ran, none failed".to_owned(), actual, Measure::Tests(Figures::of(tests, evidence.clone())))
        }
        Ok(Reading::Findings(found)) => {
            let few = verify.warnings_max.is_none_or(|max| found.warnings <= max);
            let expected = match verify.warnings_max {
                None => "no errors".to_owned(),
                Some(max) => format!("no errors, at most {max} warnings"),
            };
            let actual = told_findings(&found);
            let measure = Measure::Findings(verify.counts_as, Box::new(Figures::of(found.clone(), evidence.clone())));
            ("findings", found.errors == 0 && few, expected, actual, measure)
        }
        Ok(Reading::Coverage(seen)) => {
            let expected =
                verify.coverage_min.map_or_else(|| "a measured coverage".to_owned(), |min| format!("at least {min}% of lines"));
            let enough = verify.coverage_min.is_none_or(|min| reaches(&seen, min));
            let actual = told_coverage(&seen);
            ("coverage", enough, expected, actual, Measure::Coverage(Box::new(Figures::of(seen, evidence.clone()))))
        }
        Err(why) => {
            let actual = format!("not measured: {why}");
            let measure = match verify.parse.about() {
                About::Tests => Measure::Tests(Figures::unmeasured(why, evidence.clone())),
                About::Findings => Measure::Findings(verify.counts_as, Box::new(Figures::unmeasured(why, evidence.clone()))),
                About::Coverage | About::Nothing => Measure::Coverage(Box::new(Figures::unmeasured(why, evidence.clone()))),
            };
            ("report", false, "a report that can be read".to_owned(), actual, measure)
        }
    };
    let check = Check { name: format!("verify {}: {what}", verify.id), passed, expected, actual, evidence_path: evidence };
    Some(Reported { check, measure })
}

impl Reported {
    /// Into the reply: its check, and its figures added to those of the step's other verify commands.
    pub fn add_to(self, reply: &mut Reply) {
        reply.checks.push(self.check);
        match self.measure {
            Measure::Tests(next) => merge(&mut reply.tests, next, add_tests),
            Measure::Findings(CountsAs::Lint, next) => merge_boxed(&mut reply.lint, *next, add_findings),
            Measure::Findings(CountsAs::Security, next) => merge_boxed(&mut reply.security, *next, add_findings),
            Measure::Coverage(next) => merge_boxed(&mut reply.coverage, *next, add_coverage),
        }
    }
}

/// Compared without rounding, in millionths of a percent.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the flow's check holds it between 0 and 100")]
fn reaches(seen: &CoverageFigures, min: f64) -> bool {
    let min = (min * 1_000_000.0).round() as u128;
    u128::from(seen.lines_covered) * 100_000_000 >= min * u128::from(seen.lines_total)
}

fn also_skipped(skipped: u64) -> String {
    if skipped == 0 { String::new() } else { format!(", {skipped} skipped") }
}

fn told(tests: &TestFigures) -> String {
    let mut text = format!("{} passed, {} failed, {} skipped", tests.passed, tests.failed, tests.skipped);
    if let Some(first) = tests.failures.first() {
        text.push_str(": ");
        text.push_str(&shown(first));
    }
    text
}

fn told_findings(found: &FindingFigures) -> String {
    let mut text = format!("{} errors, {} warnings, {} notes", found.errors, found.warnings, found.notes);
    if let Some(first) = found.findings.first() {
        text.push_str(": ");
        text.push_str(&shown(first));
    }
    text
}

fn told_coverage(seen: &CoverageFigures) -> String {
    format!("{}% ({} of {} lines)", seen.percent, seen.lines_covered, seen.lines_total)
}

fn merge_boxed<T>(sum: &mut Option<Box<Figures<T>>>, next: Figures<T>, add: impl FnOnce(&mut T, T)) {
    let mut plain = sum.take().map(|sum| *sum);
    merge(&mut plain, next, add);
    *sum = plain.map(Box::new);
}

/// What was measured is added up; what could not be measured stays as a reason beside it.
fn merge<T>(sum: &mut Option<Figures<T>>, next: Figures<T>, add: impl FnOnce(&mut T, T)) {
    let Some(sum) = sum else {
        *sum = Some(next);
        return;
    };
    match (&mut sum.figures, next.figures) {
        (Some(sum), Some(next)) => add(sum, next),
        (None, Some(figures)) => {
            (sum.measured, sum.figures, sum.evidence_path) = (true, Some(figures), next.evidence_path);
        }
        (_, None) => {}
    }
    sum.reason = match (sum.reason.take(), next.reason) {
        (Some(one), Some(other)) => Some(format!("{one}; {other}")),
        (one, other) => one.or(other),
    };
}

fn add_tests(sum: &mut TestFigures, next: TestFigures) {
    sum.passed += next.passed;
    sum.failed += next.failed;
    sum.skipped += next.skipped;
    sum.total += next.total;
    sum.failures.extend(next.failures);
    sum.failures.truncate(FAILURES_MAX);
    sum.by_check.extend(next.by_check);
}

fn add_findings(sum: &mut FindingFigures, next: FindingFigures) {
    sum.errors += next.errors;
    sum.warnings += next.warnings;
    sum.notes += next.notes;
    sum.total += next.total;
    sum.findings.extend(next.findings);
    sum.findings.truncate(FINDINGS_MAX);
}

fn add_coverage(sum: &mut CoverageFigures, next: CoverageFigures) {
    let more = |one: Option<u64>, other: Option<u64>| match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other),
    };
    sum.lines_covered += next.lines_covered;
    sum.lines_total += next.lines_total;
    sum.percent = percent(sum.lines_covered, sum.lines_total);
    sum.branches_covered = more(sum.branches_covered, next.branches_covered);
    sum.branches_total = more(sum.branches_total, next.branches_total);
    sum.files += next.files;
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
    use crate::{
        id::{StepId, Time},
        record::{EngineWord, Mode, ReplyOutcome},
        spec::ParseAs,
    };

    fn verify(parse: ParseAs) -> Verify {
        let (counts_as, warnings_max, coverage_min) = (CountsAs::Lint, None, None);
        Verify {
            id: StepId::new("unit").unwrap(),
            run: String::new(),
            parse,
            report: None,
            counts_as,
            warnings_max,
            coverage_min,
        }
    }

    fn reported(verify: &Verify, text: &str) -> (Check, Reply) {
        let at = Time::from_ms(0);
        let mut reply = Reply::new(ReplyOutcome::Done, EngineWord::Shell, Mode::Local, at, at);
        report_check(verify, Ok(text), None).unwrap().add_to(&mut reply);
        (reply.checks.pop().unwrap(), reply)
    }

    #[test]
    fn green_tests_that_never_ran_are_not_green() {
        let text = "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 12 filtered out";
        let (check, reply) = reported(&verify(ParseAs::CargoTest), text);
        assert_eq!((check.passed, check.actual.as_str()), (false, "0 tests ran"));
        assert!(reply.tests.unwrap().measured);
        let (check, _) = reported(&verify(ParseAs::Pytest), "3 skipped in 0.01s");
        assert_eq!((check.passed, check.actual.as_str()), (false, "0 tests ran, 3 skipped"));
    }

    #[test]
    fn a_report_that_cannot_be_read_is_not_measured_and_does_not_pass() {
        let (check, reply) = reported(&verify(ParseAs::Pytest), "fine!");
        assert!(!check.passed);
        let figures = reply.tests.unwrap();
        assert_eq!((figures.measured, figures.reason.as_deref()), (false, Some("no summary of pytest in the output")));
        let (check, reply) = reported(&verify(ParseAs::Lcov), "SF:a\nDA:1,1\n");
        assert!(!check.passed && !reply.coverage.unwrap().measured);
        let (check, reply) = reported(&Verify { counts_as: CountsAs::Security, ..verify(ParseAs::Sarif) }, "{");
        assert!(!check.passed && !reply.security.unwrap().measured && reply.lint.is_none());
    }

    #[test]
    fn coverage_is_held_against_its_minimum_without_rounding() {
        let lines: String = (0..3000).map(|line| format!("DA:{line},{}\n", u8::from(line != 7))).collect();
        let text = format!("SF:a\n{lines}end_of_record\n");
        let with = |coverage_min| reported(&Verify { coverage_min, ..verify(ParseAs::Lcov) }, &text).0;
        assert_eq!(with(Some(100.0)).actual, "99.96% (2999 of 3000 lines)");
        assert_eq!([Some(100.0), Some(99.97), Some(99.96), None].map(|min| with(min).passed), [false, false, true, true]);
    }

    #[test]
    fn warnings_count_only_where_the_flow_says_so() {
        let text = r#"[{"filePath":"a.js","messages":[{"severity":1,"message":"m"}],"errorCount":0,"warningCount":1}]"#;
        let with = |warnings_max| reported(&Verify { warnings_max, ..verify(ParseAs::Eslint) }, text).0;
        assert_eq!([None, Some(1), Some(0)].map(|max| with(max).passed), [true, true, false]);
        assert_eq!(with(Some(0)).expected, "no errors, at most 0 warnings");
    }

    #[test]
    fn several_reports_are_added_up_and_one_that_failed_stays_as_a_reason() {
        let (_, mut reply) = reported(&verify(ParseAs::Pytest), "3 passed in 0.01s");
        report_check(&verify(ParseAs::Tap), Ok("1..2\nok 1\n"), None).unwrap().add_to(&mut reply);
        report_check(&verify(ParseAs::Tap), Ok("1..2\nok 1\nnot ok 2\n"), None).unwrap().add_to(&mut reply);
        let tests = reply.tests.unwrap();
        assert_eq!(tests.reason.as_deref(), Some("TAP plans 2 tests and reports 1"));
        let figures = tests.figures.unwrap();
        assert_eq!((figures.passed, figures.failed, figures.by_check.len()), (4, 1, 2));
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
