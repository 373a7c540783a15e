//! TAP 12 to 14; subtests are indented and count as their parent.

use super::{Tally, Unread};
use crate::record::TestFigures;

pub(super) fn read(text: &str) -> Result<TestFigures, Unread> {
    let mut tally = Tally::default();
    let (mut planned, mut seen) = (None, 0);
    for line in text.lines() {
        if let Some(count) = line.strip_prefix("1..") {
            planned = count.split_whitespace().next().and_then(|count| count.parse::<u64>().ok()).or(planned);
            continue;
        }
        if let Some(why) = line.strip_prefix("Bail out!") {
            tally.failed += 1;
            tally.failure(&format!("Bail out!{why}"));
            planned = Some(seen);
            break;
        }
        let (ok, rest) = match (line.strip_prefix("not ok"), line.strip_prefix("ok")) {
            (Some(rest), _) if rest.is_empty() || rest.starts_with(' ') => (false, rest),
            (None, Some(rest)) if rest.is_empty() || rest.starts_with(' ') => (true, rest),
            _ => continue,
        };
        seen += 1;
        let (name, directive) = rest.split_once(" # ").unwrap_or((rest, ""));
        let directive = directive.to_ascii_uppercase();
        if directive.starts_with("SKIP") || directive.starts_with("TODO") {
            tally.skipped += 1;
        } else if ok {
            tally.passed += 1;
        } else {
            tally.failed += 1;
            tally.failure(name.trim().trim_start_matches(|c: char| c.is_ascii_digit()).trim().trim_start_matches("- "));
        }
    }
    match planned {
        Some(planned) if planned != seen => Err(Unread::Plan { planned, seen }),
        Some(_) => Ok(tally.figures()),
        None if seen == 0 => Err(Unread::NoSummary("TAP")),
        // It stands at the beginning or at the end, so the end is missing.
        None => Err(Unread::Cut("TAP", format!("{seen} tests and no plan"))),
    }
}
