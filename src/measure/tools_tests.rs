use super::*;

fn tests(parse: ParseAs, text: &str) -> TestFigures {
    match read(parse, text) {
        Some(Ok(Reading::Tests(figures))) => figures,
        other => panic!("{other:?}"),
    }
}

fn numbers(figures: &TestFigures) -> (u64, u64, u64, u64) {
    (figures.passed, figures.failed, figures.skipped, figures.total)
}

const CARGO: &str = "
   Compiling demo v0.1.0 (/tmp/demo)
    Finished `test` profile [unoptimized + debuginfo] target(s) in 0.34s
     Running unittests src/lib.rs (target/debug/deps/demo-3b6d3f8f8c1f2f6f)

running 3 tests
test tests::adds ... ok
test tests::later ... ignored
test tests::subtracts ... FAILED

failures:

---- tests::subtracts stdout ----
assertion `left == right` failed

failures:
    tests::subtracts

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

     Running tests/api.rs (target/debug/deps/api-1c7e2b)

running 2 tests
test one ... ok
test two ... ok

test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.01s
";

#[test]
fn cargo_test_is_summed_over_its_binaries() {
    let figures = tests(ParseAs::CargoTest, CARGO);
    assert_eq!(numbers(&figures), (3, 1, 1, 5));
    assert_eq!(figures.failures, ["tests::subtracts"]);
}

#[test]
fn nextest_is_read_by_its_summary() {
    let text = "\u{1b}[32;1m    Starting\u{1b}[0m 4 tests across 2 binaries (2 tests skipped)
        \u{1b}[32;1mPASS\u{1b}[0m [   0.005s] (1/4) demo tests::adds
        FAIL [   0.006s] (2/4) demo tests::subtracts
  stderr ───
    thread panicked
        PASS [   0.004s] (3/4) demo::api one
     TIMEOUT [  60.004s] (4/4) demo::api two
────────────
     Summary [  60.010s] 4 tests run: 2 passed, 1 failed, 1 timed out, 2 skipped
        FAIL [   0.006s] (2/4) demo tests::subtracts
     TIMEOUT [  60.004s] (4/4) demo::api two
error: test run failed
";
    let figures = tests(ParseAs::CargoTest, text);
    assert_eq!(numbers(&figures), (2, 2, 2, 6));
    assert_eq!(figures.failures, ["demo tests::subtracts", "demo::api two"]);
}

#[test]
fn pytest_is_read_by_its_last_line() {
    let text = "============================= test session starts ==============================
platform linux -- Python 3.12.3, pytest-8.3.2, pluggy-1.5.0
collected 6 items

test_demo.py .F.sxE                                                      [100%]

=================================== FAILURES ===================================
E       assert 1 == 2
=========================== short test summary info ============================
FAILED test_demo.py::test_sub - assert 1 == 2
ERROR test_demo.py::test_fixture - RuntimeError: no database
======= 1 failed, 2 passed, 1 skipped, 1 xfailed, 1 error in 0.12s ========
";
    let figures = tests(ParseAs::Pytest, text);
    assert_eq!(numbers(&figures), (2, 2, 2, 6));
    assert_eq!(figures.failures, ["test_demo.py::test_sub", "test_demo.py::test_fixture"]);
    assert_eq!(numbers(&tests(ParseAs::Pytest, "...\n3 passed in 0.01s\n")), (3, 0, 0, 3));
    assert_eq!(numbers(&tests(ParseAs::Pytest, "\nno tests ran in 0.01s\n")), (0, 0, 0, 0));
}

#[test]
fn junit_counts_the_cases_themselves() {
    let text = r#"<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" errors="0" failures="0" skipped="0" tests="99" time="0.045">
  <testcase classname="test_demo" name="test_add" time="0.001" />
  <testcase classname="test_demo" name="test_sub"><failure message="assert 1 == 2">def test_sub():
&gt; assert 1 == 2</failure></testcase>
  <testcase classname="test_demo" name="test_skip"><skipped type="pytest.skip" message="later"/></testcase>
  <testcase classname="test_demo" name="test_err"><error message="boom"/></testcase>
</testsuite></testsuites>"#;
    let figures = tests(ParseAs::Junit, text);
    assert_eq!(numbers(&figures), (1, 2, 1, 4));
    assert_eq!(figures.failures, ["test_demo::test_sub", "test_demo::test_err"]);
}

#[test]
fn tap_knows_directives_plans_and_bail_outs() {
    let text = "TAP version 13
1..5
ok 1 - opens
not ok 2 - closes
  ---
  message: still open
  ...
ok 3 - windows only # SKIP not here
not ok 4 - one day # TODO
    ok 1 - a subtest
ok 5
";
    let figures = tests(ParseAs::Tap, text);
    assert_eq!(numbers(&figures), (2, 1, 2, 5));
    assert_eq!(figures.failures, ["closes"]);
    assert_eq!(read(ParseAs::Tap, "1..3\nok 1\n"), Some(Err(Unread::Plan { planned: 3, seen: 1 })));
    assert_eq!(numbers(&tests(ParseAs::Tap, "1..3\nok 1\nBail out! no database\n")), (1, 1, 0, 2));
    assert_eq!(numbers(&tests(ParseAs::Tap, "1..0 # SKIP all\n")), (0, 0, 0, 0));
}

#[test]
fn sarif_counts_by_level() {
    let text = r#"{"version":"2.1.0","runs":[{"results":[{"level":"error"},{"level":"note"},{"message":{}}]},{}]}"#;
    assert_eq!(read(ParseAs::Sarif, text), Some(Ok(Reading::Findings { errors: 1, warnings: 1, notes: 1 })));
}

#[test]
fn what_no_tool_wrote_is_not_measured() {
    for parse in [ParseAs::CargoTest, ParseAs::Pytest, ParseAs::Junit, ParseAs::Tap, ParseAs::Sarif] {
        for text in ["", "all good!", "<html><body>", "<testsuites><testsuite>", "{\"runs\": 3}", "\u{1b}[", "ok", "=="] {
            // `ok` alone is a whole TAP line.
            if (parse, text) != (ParseAs::Tap, "ok") {
                assert!(matches!(read(parse, text), Some(Err(_))), "{parse:?} {text:?}");
            }
        }
    }
}

#[test]
fn failed_names_have_a_limit() {
    let text: String = (0..80).map(|n| format!("not ok {n} - case {n}\n")).collect();
    let figures = tests(ParseAs::Tap, &text);
    assert_eq!((figures.failed, figures.failures.len()), (80, FAILURES_MAX));
}
