//! JUnit XML: the test cases themselves are counted, not what the suites say of them.

use super::{
    Tally, Unread,
    xml::{Tag, attribute, walk},
};
use crate::record::TestFigures;

const WHAT: &str = "JUnit XML";

pub(super) fn read(text: &str) -> Result<TestFigures, Unread> {
    let mut tally = Tally::default();
    let mut suites = 0u32;
    // Name, failed, skipped.
    let mut case: Option<(String, bool, bool)> = None;
    walk(text, WHAT, |tag| {
        match tag {
            Tag::Open(tag, around) => match tag.local_name().as_ref() {
                "testsuites" | "testsuite" => suites = suites.saturating_add(1),
                "testcase" => {
                    let (class, name) =
                        (attribute(tag, "classname").unwrap_or_default(), attribute(tag, "name").unwrap_or_default());
                    case = Some((if class.is_empty() { name } else { format!("{class}::{name}") }, false, false));
                }
                // Only as a child: a test's own output may hold anything.
                "failure" | "error" if in_case(around) => case.iter_mut().for_each(|case| case.1 = true),
                "skipped" if in_case(around) => case.iter_mut().for_each(|case| case.2 = true),
                // A suite that broke down as a whole.
                "error" if around.last().is_some_and(|name| name == "testsuite") => tally.add(0, 1, 0, WHAT)?,
                _ => {}
            },
            Tag::Close("testcase") => {
                if let Some((name, failed, skipped)) = case.take() {
                    if failed {
                        tally.failure(&name);
                    }
                    let one = |yes: bool| u64::from(yes);
                    tally.add(one(!failed && !skipped), one(failed), one(skipped && !failed), WHAT)?;
                }
            }
            Tag::Close(_) => {}
        }
        Ok(())
    })?;
    if suites == 0 { Err(Unread::Malformed(WHAT, "no testsuite in it".to_owned())) } else { Ok(tally.figures()) }
}

fn in_case(around: &[String]) -> bool {
    around.last().is_some_and(|name| name == "testcase")
}
