//! pytest's last line, `== 1 failed, 2 passed in 0.1s ==`, also with `-q`.

use super::{Tally, Unread, count, plain, sum};
use crate::record::TestFigures;

const TOOL: &str = "pytest";
const WORDS: [&str; 7] = ["passed", "failed", "error", "errors", "skipped", "xfailed", "xpassed"];

pub(super) fn read(text: &str) -> Result<TestFigures, Unread> {
    let mut tally = Tally::default();
    let mut summary = None;
    for line in text.lines() {
        let line = plain(line);
        let bare = line.trim_matches('=').trim();
        if bare.starts_with("no tests ran in ") || is_summary(bare)? {
            summary = Some(bare.to_owned());
        } else if let Some(name) = bare.strip_prefix("FAILED ").or_else(|| bare.strip_prefix("ERROR ")) {
            tally.failure(name.split(" - ").next().unwrap_or(name));
        }
    }
    let summary = summary.ok_or(Unread::NoSummary(TOOL))?;
    let failed = sum(&summary, &["failed", "error", "errors"], TOOL)?;
    tally.add(sum(&summary, &["passed", "xpassed"], TOOL)?, failed, sum(&summary, &["skipped", "xfailed"], TOOL)?, TOOL)?;
    Ok(tally.figures())
}

/// A number first, one of its words, and how long it took: `3 passed in 0.01s`.
fn is_summary(bare: &str) -> Result<bool, Unread> {
    if !bare.starts_with(|c: char| c.is_ascii_digit()) || !bare.contains(" in ") {
        return Ok(false);
    }
    for word in WORDS {
        if count(bare, word, TOOL)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
