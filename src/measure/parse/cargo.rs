//! `cargo test`, one summary per test binary, and the one summary of `cargo nextest run`.

use super::{Tally, Unread, count, plain, sum};
use crate::record::TestFigures;

const TEST: &str = "cargo test";
const NEXTEST: &str = "cargo nextest";

/// What libtest prints for each binary: `running 3 tests`, …, `test result: ok. 2 passed; …`. A summary whose sum is not
/// what was announced was printed by a test, and counts nothing; of those that could be, the last is the binary's own.
pub(super) fn test(text: &str) -> Result<TestFigures, Unread> {
    let mut tally = Tally::default();
    let mut seen = false;
    // What the binary that is being read announced, and its summary so far.
    let mut binary: Option<(u64, Option<[u64; 3]>)> = None;
    for line in text.lines() {
        let line = plain(line);
        if summary_of_nextest(&line).is_some() {
            return nextest(text);
        }
        // Whatever is indented is a test's own output.
        let line = line.trim_end();
        if let Some(rest) = line.strip_prefix("test result: ") {
            let of = |word| Ok(count(rest, word, TEST)?.unwrap_or(0));
            let summary = [of("passed")? + of("measured")?, of("failed")?, of("ignored")?];
            match &mut binary {
                Some((announced, own)) if *announced == summary.iter().sum::<u64>() => *own = Some(summary),
                Some(_) => {}
                // Somebody cut the output down to its summaries.
                None => tally.add(summary[0], summary[1], summary[2], TEST)?,
            }
            seen = true;
        } else if let Some(tests) = announces(line)? {
            match binary {
                Some((_, None)) => {}
                Some((_, Some([passed, failed, ignored]))) => {
                    tally.add(passed, failed, ignored, TEST)?;
                    binary = Some((tests, None));
                }
                None => binary = Some((tests, None)),
            }
        } else if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            tally.failure(name);
        } else if let Some(name) = line.strip_suffix(" --- FAILED") {
            tally.failure(name);
        }
    }
    match binary {
        Some((tests, None)) => Err(Unread::Cut(TEST, format!("a binary announced {tests} tests and has no summary"))),
        Some((_, Some([passed, failed, ignored]))) => {
            tally.add(passed, failed, ignored, TEST)?;
            Ok(tally.figures())
        }
        None if seen => Ok(tally.figures()),
        None => Err(Unread::NoSummary("cargo test or nextest")),
    }
}

/// `running 3 tests`
fn announces(line: &str) -> Result<Option<u64>, Unread> {
    let Some(rest) = line.strip_prefix("running ") else { return Ok(None) };
    if !rest.ends_with(" tests") && !rest.ends_with(" test") {
        return Ok(None);
    }
    Ok(count(rest, "tests", TEST)?.or(count(rest, "test", TEST)?))
}

/// `     Summary [   0.173s] 4 tests run: 3 passed, 1 failed, 1 skipped`, also `3/4 tests run: …` where it was stopped.
fn summary_of_nextest(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("Summary [")?;
    rest.split_once(" run: ").map(|(_, rest)| rest)
}

pub(super) fn nextest(text: &str) -> Result<TestFigures, Unread> {
    let mut tally = Tally::default();
    let mut summary = None;
    for line in text.lines() {
        let line = plain(line);
        if let Some(rest) = summary_of_nextest(&line) {
            summary = Some(rest.to_owned());
        } else if let Some(rest) = MARKS.iter().find_map(|mark| line.trim_start().strip_prefix(mark)) {
            // `FAIL [   0.006s] (1/3) crate tests::name`
            let name = rest.split_once(']').map_or("", |(_, name)| name.trim());
            tally.failure(name.strip_prefix('(').and_then(|name| name.split_once(')')).map_or(name, |(_, name)| name));
        }
    }
    let summary = summary.ok_or(Unread::NoSummary(NEXTEST))?;
    let failed = sum(&summary, &["failed", "timed", "exec"], NEXTEST)?;
    tally.add(sum(&summary, &["passed"], NEXTEST)?, failed, sum(&summary, &["skipped"], NEXTEST)?, NEXTEST)?;
    Ok(tally.figures())
}

const MARKS: [&str; 5] = ["FAIL [", "TIMEOUT [", "ABORT [", "SIGSEGV [", "SIGABRT ["];
