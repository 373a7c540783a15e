//! The samples were printed by the tools themselves, run on small projects; go's and llvm-cov's are by their documentation.

use super::*;

fn tests(parse: ParseAs, text: &str) -> TestFigures {
    match read(parse, text) {
        Some(Ok(Reading::Tests(figures))) => figures,
        other => panic!("{parse:?}: {other:?}"),
    }
}

fn numbers(figures: &TestFigures) -> (u64, u64, u64, u64) {
    (figures.passed, figures.failed, figures.skipped, figures.total)
}

fn found(parse: ParseAs, text: &str) -> FindingFigures {
    match read(parse, text) {
        Some(Ok(Reading::Findings(figures))) => figures,
        other => panic!("{parse:?}: {other:?}"),
    }
}

fn levels(figures: &FindingFigures) -> (u64, u64, u64, u64) {
    (figures.errors, figures.warnings, figures.notes, figures.total)
}

fn covered(parse: ParseAs, text: &str) -> CoverageFigures {
    match read(parse, text) {
        Some(Ok(Reading::Coverage(figures))) => figures,
        other => panic!("{parse:?}: {other:?}"),
    }
}

fn unread(parse: ParseAs, text: &str) -> String {
    match read(parse, text) {
        Some(Err(why)) => why.to_string(),
        other => panic!("{parse:?}: {other:?}"),
    }
}

/// Every sample, with how it is read.
const SAMPLES: &[(ParseAs, &str)] = &[
    (ParseAs::CargoTest, include_str!("samples/cargo-test.txt")),
    (ParseAs::CargoTest, include_str!("samples/cargo-test-q.txt")),
    (ParseAs::CargoTest, include_str!("samples/cargo-test-nocapture.txt")),
    (ParseAs::Nextest, include_str!("samples/nextest.txt")),
    (ParseAs::Junit, include_str!("samples/nextest-junit.xml")),
    (ParseAs::Pytest, include_str!("samples/pytest.txt")),
    (ParseAs::Junit, include_str!("samples/pytest-junit.xml")),
    (ParseAs::GoTest, include_str!("samples/go-test.jsonl")),
    (ParseAs::Tap, include_str!("samples/node.tap")),
    (ParseAs::Junit, include_str!("samples/node-junit.xml")),
    (ParseAs::Sarif, include_str!("samples/ruff.sarif")),
    (ParseAs::Sarif, include_str!("samples/eslint.sarif")),
    (ParseAs::Clippy, include_str!("samples/clippy.jsonl")),
    (ParseAs::Eslint, include_str!("samples/eslint.json")),
    (ParseAs::Ruff, include_str!("samples/ruff.json")),
    (ParseAs::Cobertura, include_str!("samples/coverage-py-cobertura.xml")),
    (ParseAs::Cobertura, include_str!("samples/c8-cobertura.xml")),
    (ParseAs::Lcov, include_str!("samples/coverage-py.lcov")),
    (ParseAs::Lcov, include_str!("samples/c8.lcov")),
    (ParseAs::LlvmCov, include_str!("samples/llvm-cov.json")),
    (ParseAs::Istanbul, include_str!("samples/c8-summary.json")),
];

#[test]
fn cargo_test_is_summed_over_its_binaries() {
    for sample in &SAMPLES[..3] {
        let figures = tests(sample.0, sample.1);
        assert_eq!((numbers(&figures), figures.failures.as_slice()), ((4, 1, 1, 6), &["tests::subtracts".to_owned()][..]));
    }
    let cut = "test result: ok. 7 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
    assert_eq!(numbers(&tests(ParseAs::CargoTest, cut)), (7, 0, 1, 8));
}

#[test]
fn a_test_binary_that_crashed_is_not_counted_as_if_it_had_not_been_there() {
    let text = "running 2 tests\ntest one ... ok\nerror: test failed\n\nrunning 3 tests\ntest result: ok. 3 passed; 0 failed; 0 ignored; 0 measured\n";
    assert!(unread(ParseAs::CargoTest, text).contains("announced 2 tests and has no summary"));
}

#[test]
fn nextest_is_read_by_its_summary() {
    for parse in [ParseAs::Nextest, ParseAs::CargoTest] {
        let figures = tests(parse, SAMPLES[3].1);
        assert_eq!((numbers(&figures), figures.failures.as_slice()), ((3, 1, 1, 5), &["demo tests::subtracts".to_owned()][..]));
    }
    let text = "\u{1b}[32;1m    Starting\u{1b}[0m 4 tests across 2 binaries (2 tests skipped)
     TIMEOUT [  60.004s] (4/4) demo::api two
     Summary [  60.010s] 4 tests run: 2 passed (1 slow), 1 failed, 1 timed out, 2 skipped
";
    assert_eq!(numbers(&tests(ParseAs::Nextest, text)), (2, 2, 2, 6));
    assert_eq!(
        unread(ParseAs::Nextest, "    Starting 4 tests\n        PASS [ 0.01s] a"),
        "no summary of cargo nextest in the output"
    );
}

#[test]
fn pytest_is_read_by_its_last_line() {
    let figures = tests(ParseAs::Pytest, SAMPLES[5].1);
    assert_eq!(numbers(&figures), (3, 2, 2, 7));
    assert_eq!(figures.failures, ["test_calc.py::test_sub", "test_calc.py::test_err"]);
    assert_eq!(numbers(&tests(ParseAs::Pytest, "...\n3 passed in 0.01s\n")), (3, 0, 0, 3));
    assert_eq!(numbers(&tests(ParseAs::Pytest, "\nno tests ran in 0.01s\n")), (0, 0, 0, 0));
    // What a test prints is not the summary.
    assert_eq!(numbers(&tests(ParseAs::Pytest, "1 failed in 0.1s\nall 9 passed in my head\n")), (0, 1, 0, 1));
}

#[test]
fn junit_counts_the_cases_themselves() {
    let of = |at: usize| numbers(&tests(SAMPLES[at].0, SAMPLES[at].1));
    assert_eq!((of(4), of(6), of(9)), ((3, 1, 0, 4), (3, 2, 2, 7), (1, 1, 1, 3)));
    let text = "<testsuite tests='99' failures='0'><testcase name='a'><system-out><failure/></system-out></testcase>
        <testcase name='b' classname='c'><error/></testcase></testsuite>";
    let figures = tests(ParseAs::Junit, text);
    assert_eq!((numbers(&figures), figures.failures.as_slice()), ((1, 1, 0, 2), &["c::b".to_owned()][..]));
}

#[test]
fn go_counts_tests_and_subtests_and_packages_that_do_not_build() {
    let figures = tests(ParseAs::GoTest, SAMPLES[7].1);
    assert_eq!(numbers(&figures), (2, 3, 1, 6));
    assert_eq!(figures.failures, ["example.com/m/a.TestB/inner", "example.com/m/a.TestB", "example.com/m/b"]);
    let half: String = SAMPLES[7].1.lines().take(4).map(|line| format!("{line}\n")).collect();
    assert!(unread(ParseAs::GoTest, &half).contains("began and did not end"));
}

#[test]
fn tap_knows_directives_plans_and_bail_outs() {
    assert_eq!(numbers(&tests(ParseAs::Tap, SAMPLES[8].1)), (1, 1, 1, 3));
    let text = "TAP version 13\n1..5\nok 1 - opens\nnot ok 2 - closes\n  ---\n  message: still open\n  ...
ok 3 - windows only # SKIP not here\nnot ok 4 - one day # TODO\n    ok 1 - a subtest\nok 5\n";
    let figures = tests(ParseAs::Tap, text);
    assert_eq!((numbers(&figures), figures.failures.as_slice()), ((2, 1, 2, 5), &["closes".to_owned()][..]));
    assert_eq!(read(ParseAs::Tap, "1..3\nok 1\n"), Some(Err(Unread::Plan { planned: 3, seen: 1 })));
    assert_eq!(numbers(&tests(ParseAs::Tap, "1..3\nok 1\nBail out! no database\n")), (1, 1, 0, 2));
    assert_eq!(numbers(&tests(ParseAs::Tap, "1..0 # SKIP all\n")), (0, 0, 0, 0));
}

#[test]
fn sarif_counts_by_level_and_leaves_out_what_is_no_finding() {
    assert_eq!(levels(&found(ParseAs::Sarif, SAMPLES[10].1)), (3, 0, 0, 3));
    // It could not parse a file, and says that it did not succeed.
    assert_eq!(levels(&found(ParseAs::Sarif, SAMPLES[11].1)), (3, 2, 0, 5));
    let text = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"rules":[{"id":"r","defaultConfiguration":{"level":"error"}}]}},
        "results":[{"level":"error"},{"level":"note"},{"message":{}},{"ruleId":"r"},{"level":"none"},
        {"level":"error","kind":"pass"},{"level":"error","suppressions":[{"kind":"inSource"}]}]}]}"#;
    assert_eq!(levels(&found(ParseAs::Sarif, text)), (2, 1, 1, 4));
    assert!(unread(ParseAs::Sarif, r#"{"runs":[{"tool":{}}]}"#).contains("no results"));
}

#[test]
fn linters_are_counted_finding_by_finding_the_worst_first() {
    let eslint = found(ParseAs::Eslint, SAMPLES[13].1);
    assert_eq!(levels(&eslint), (3, 2, 0, 5));
    assert_eq!(eslint.findings[0], "/project/src/a.mjs:1 eqeqeq Expected '===' and instead saw '=='.");
    let ruff = found(ParseAs::Ruff, SAMPLES[14].1);
    assert_eq!((levels(&ruff), ruff.findings[1].as_str()), ((3, 0, 0, 3), "/project/calc.py:1 F401 `os` imported but unused"));
    assert_eq!(levels(&found(ParseAs::Ruff, "[]")), (0, 0, 0, 0));
    // Found in the library and in its tests, it is one finding.
    assert_eq!(levels(&found(ParseAs::Clippy, SAMPLES[12].1)), (0, 2, 0, 2));
}

#[test]
fn what_looked_at_nothing_is_not_clean() {
    assert_eq!(unread(ParseAs::Eslint, "[]"), "eslint looked at nothing");
    assert_eq!(unread(ParseAs::Ruff, "[]warning: No Python files found under the given path(s)"), "ruff looked at nothing");
    assert_eq!(unread(ParseAs::Lcov, "SF:a\nend_of_record\n"), "lcov looked at nothing");
    assert_eq!(unread(ParseAs::Sarif, r#"{"runs":[]}"#), "SARIF looked at nothing");
    assert_eq!(unread(ParseAs::Cobertura, "<coverage line-rate='1'/>"), "Cobertura XML looked at nothing");
}

#[test]
fn coverage_is_counted_line_by_line() {
    let of = |at: usize| {
        let seen = covered(SAMPLES[at].0, SAMPLES[at].1);
        (seen.lines_covered, seen.lines_total, seen.branches_covered, seen.branches_total, seen.files)
    };
    assert_eq!(of(15), (23, 27, Some(1), Some(2), 2));
    assert_eq!(of(17), of(15), "the same run, in the other format");
    assert_eq!((of(16), of(18)), ((1, 1, Some(1), Some(1), 1), (1, 1, Some(1), Some(1), 1)));
    assert_eq!((of(19), of(20)), ((10, 12, Some(3), Some(4), 1), (1, 1, Some(1), Some(1), 1)));
    assert!((covered(SAMPLES[15].0, SAMPLES[15].1).percent - 85.18).abs() < 1e-9);
    // Each test has its record; a line is covered by any of them.
    let twice = "TN:one\nSF:a\nDA:1,0\nDA:2,1\nend_of_record\nTN:two\nSF:a\nDA:1,18446744073709551616\nDA:2,-1\nend_of_record\n";
    let seen = covered(ParseAs::Lcov, twice);
    assert_eq!((seen.lines_covered, seen.lines_total, seen.files), (2, 2, 1));
}

#[test]
fn what_no_tool_wrote_is_not_measured() {
    for (parse, _) in SAMPLES {
        for text in [
            "",
            "all good!",
            "<html><body>",
            "<testsuites><testsuite>",
            "{\"runs\": 3}",
            "\u{1b}[",
            "ok",
            "==",
            "{",
            "[{",
            "<coverage>",
        ] {
            assert!(matches!(read(*parse, text), Some(Err(_))), "{parse:?} {text:?}");
        }
    }
}

#[test]
fn a_report_cut_anywhere_is_never_better_than_the_whole() {
    for (parse, text) in SAMPLES {
        let whole = read(*parse, text).unwrap().unwrap();
        for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            match (read(*parse, &text[..at]).unwrap(), &whole) {
                (Err(_), _) => {}
                (Ok(Reading::Tests(part)), Reading::Tests(whole)) => {
                    // Plain text can be cut between two whole summaries; what remains must not invent a test.
                    assert!(part.passed <= whole.passed && part.total <= whole.total, "{parse:?} at {at}: {part:?}");
                    let plain = matches!(parse, ParseAs::CargoTest | ParseAs::Pytest | ParseAs::Nextest | ParseAs::GoTest);
                    assert!(plain || *parse == ParseAs::Tap || part == *whole, "{parse:?} at {at}: {part:?}");
                }
                (Ok(Reading::Coverage(part)), Reading::Coverage(whole)) => {
                    assert!(part.lines_covered <= whole.lines_covered, "{parse:?} at {at}: {part:?}");
                }
                (Ok(part), whole) => assert_eq!(part, *whole, "{parse:?} at {at}"),
            }
        }
    }
}

#[test]
fn numbers_out_of_all_bounds_are_said_and_never_taken_for_zero() {
    let huge = "99999999999999999999999";
    for (parse, text) in [
        (ParseAs::CargoTest, format!("test result: ok. 1 passed; {huge} failed; 0 ignored")),
        (ParseAs::Nextest, format!("Summary [ 0.1s] 2 tests run: 1 passed, {huge} failed")),
        (ParseAs::Pytest, format!("1 passed, {huge} failed in 0.1s")),
        (ParseAs::CargoTest, format!("test result: ok. {} passed; 0 failed\n", u64::MAX).repeat(3)),
    ] {
        assert!(unread(parse, &text).contains("out of all bounds"), "{text}");
    }
    let coverage = |covered: &str, all: &str| format!("SF:a\nLF:{all}\nLH:{covered}\nend_of_record\n");
    assert!(unread(ParseAs::Lcov, &coverage("1", &u64::MAX.to_string())).contains("out of all bounds"));
    assert!(unread(ParseAs::Lcov, &coverage(huge, huge)).contains("malformed"));
    assert!(unread(ParseAs::Lcov, &coverage("2", "1")).contains("more was run than there is"));
}

#[test]
fn bombs_and_foreign_encodings_are_refused() {
    let bomb = "<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]><testsuite><testcase name=\"&b;\"/></testsuite>";
    assert!(unread(ParseAs::Junit, bomb).contains("entities"));
    let deep = format!("{}{}", "<testsuite>".repeat(100_000), "</testsuite>".repeat(100_000));
    assert!(unread(ParseAs::Junit, &deep).contains("nested"));
    let deep = format!("{{\"runs\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(unread(ParseAs::Sarif, &deep).contains("malformed"));
    let wide: Vec<u8> = "<testsuite><testcase name='a'/></testsuite>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(unread(ParseAs::Junit, &String::from_utf8_lossy(&wide)).contains("UTF-16"));
    // A mark in front of UTF-8 is no reason to refuse it.
    assert_eq!(numbers(&tests(ParseAs::Junit, "\u{feff}<testsuite><testcase name='a'/></testsuite>")), (1, 0, 0, 1));
}

#[test]
fn failed_names_have_a_limit() {
    let text: String = (0..80).map(|n| format!("not ok {n} - case {n}\n")).chain(["1..80".to_owned()]).collect();
    let figures = tests(ParseAs::Tap, &text);
    assert_eq!((figures.failed, figures.failures.len()), (80, FAILURES_MAX));
}
