//! Coverage: lcov's tracefile line by line, and the summaries of llvm-cov and istanbul.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{COUNT_MAX, Unread, cut};
use crate::record::CoverageFigures;

/// Lines and branches of one source file: whether they were ever run.
#[derive(Default)]
pub(super) struct Source {
    pub lines: BTreeMap<u64, bool>,
    pub branches: BTreeMap<String, bool>,
    /// Counts of branches where the report names none.
    pub branch_counts: BTreeMap<u64, (u64, u64)>,
    /// What the report says of the file where it names no lines.
    said: (u64, u64),
}

/// What all files together have.
pub(super) fn figures(files: &BTreeMap<String, Source>, tool: &'static str) -> Result<CoverageFigures, Unread> {
    let (mut lines, mut branches) = ((0u64, 0u64), (0u64, 0u64));
    for file in files.values() {
        let of = |all: usize, run: usize| (run as u64, all as u64);
        let counted = of(file.lines.len(), file.lines.values().filter(|run| **run).count());
        let (run, all) = if file.lines.is_empty() { file.said } else { counted };
        lines = (lines.0.saturating_add(run), lines.1.saturating_add(all));
        let (run, all) = of(file.branches.len(), file.branches.values().filter(|run| **run).count());
        branches = (branches.0.saturating_add(run), branches.1.saturating_add(all));
        for (run, all) in file.branch_counts.values() {
            branches = (branches.0.saturating_add(*run), branches.1.saturating_add(*all));
        }
    }
    let branches = (branches.1 > 0).then_some(branches);
    checked(lines, branches, files.len() as u64, tool)
}

/// Figures that can be: as many were run as there are, at most, and there are some.
pub(super) fn checked(
    (covered, total): (u64, u64),
    branches: Option<(u64, u64)>,
    files: u64,
    tool: &'static str,
) -> Result<CoverageFigures, Unread> {
    if total == 0 {
        return Err(Unread::Empty(tool));
    }
    let (branches_covered, branches_total) = branches.unzip();
    if total > COUNT_MAX || branches_total.is_some_and(|all| all > COUNT_MAX) {
        return Err(Unread::Overflow(tool));
    }
    if covered > total || branches_covered > branches_total {
        return Err(Unread::Malformed(tool, "more was run than there is".to_owned()));
    }
    let percent = percent(covered, total);
    Ok(CoverageFigures { lines_covered: covered, lines_total: total, percent, branches_covered, branches_total, files })
}

/// Rounded down to two places: what is not reached is not shown as reached.
#[expect(clippy::cast_precision_loss, reason = "at most 10,000")]
pub(in crate::measure) fn percent(covered: u64, total: u64) -> f64 {
    let hundredths = u128::from(covered) * 10_000 / u128::from(total.max(1));
    u64::try_from(hundredths).unwrap_or(u64::MAX) as f64 / 100.0
}

/// `SF:`, `DA:<line>,<hits>`, `BRDA:<line>,<block>,<branch>,<taken>`, `LF:`, `LH:`, `end_of_record`. A file that stands
/// in several records, one per test, is one file.
pub(super) fn lcov(text: &str) -> Result<CoverageFigures, Unread> {
    const TOOL: &str = "lcov";
    let mut files: BTreeMap<String, Source> = BTreeMap::new();
    let mut open: Option<String> = None;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_end();
        let malformed = || Unread::Malformed(TOOL, format!("line {}: {}", at + 1, cut(line)));
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| malformed());
        let (key, rest) = line.split_once(':').unwrap_or((line, ""));
        match (key, &open) {
            ("SF", None) => {
                files.entry(rest.to_owned()).or_default();
                open = Some(rest.to_owned());
            }
            ("SF", Some(_)) => return Err(malformed()),
            ("end_of_record", Some(_)) => open = None,
            ("DA" | "BRDA" | "LF" | "LH", Some(name)) => {
                let file = files.entry(name.clone()).or_default();
                let fields: Vec<&str> = rest.split(',').collect();
                match (key, fields.as_slice()) {
                    ("DA", [line, hits, ..]) => {
                        *file.lines.entry(number(line)?).or_default() |= hit(hits).ok_or_else(malformed)?;
                    }
                    ("BRDA", [line, .., taken]) if fields.len() >= 4 => {
                        number(line)?;
                        let which = rest.rsplit_once(',').map_or(rest, |(which, _)| which).to_owned();
                        *file.branches.entry(which).or_default() |= *taken != "-" && hit(taken).ok_or_else(malformed)?;
                    }
                    ("LF", [all]) => file.said.1 = number(all)?,
                    ("LH", [run]) => file.said.0 = number(run)?,
                    _ => return Err(malformed()),
                }
            }
            _ => {}
        }
    }
    match open {
        Some(name) => Err(Unread::Cut(TOOL, format!("the record of {} has no end", cut(&name)))),
        None if files.is_empty() => Err(Unread::NoSummary(TOOL)),
        None => figures(&files, TOOL),
    }
}

/// Whether a count of hits is above zero, however large it is. Some tools write a negative count for an overflow of their own.
fn hit(text: &str) -> Option<bool> {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    number.then(|| !text.starts_with('-') && digits.bytes().any(|byte| byte != b'0'))
}

#[derive(Deserialize)]
struct Llvm {
    r#type: String,
    data: Vec<LlvmData>,
}

#[derive(Deserialize)]
struct LlvmData {
    totals: LlvmTotals,
    #[serde(default)]
    files: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct LlvmTotals {
    lines: LlvmCount,
    #[serde(default)]
    branches: Option<LlvmCount>,
}

#[derive(Deserialize)]
struct LlvmCount {
    count: u64,
    covered: u64,
}

/// `cargo llvm-cov --json`, `llvm-cov export`, also with `--summary-only`.
pub(super) fn llvm(text: &str) -> Result<CoverageFigures, Unread> {
    const TOOL: &str = "llvm-cov";
    let export: Llvm = json(text, TOOL)?;
    let [LlvmData { totals, files }] = export.data.as_slice() else {
        return Err(Unread::Malformed(TOOL, format!("{} exports in one", export.data.len())));
    };
    if export.r#type != "llvm.coverage.json.export" {
        return Err(Unread::Malformed(TOOL, format!("its type is {}", cut(&export.r#type))));
    }
    let branches = totals.branches.as_ref().filter(|all| all.count > 0).map(|all| (all.covered, all.count));
    checked((totals.lines.covered, totals.lines.count), branches, files.len() as u64, TOOL)
}

#[derive(Deserialize)]
struct IstanbulFile {
    lines: IstanbulCount,
    #[serde(default)]
    branches: Option<IstanbulCount>,
}

#[derive(Deserialize)]
struct IstanbulCount {
    total: u64,
    covered: u64,
}

/// `coverage-summary.json` of istanbul, nyc, c8, jest and vitest: the sum is made here of the files' own figures.
pub(super) fn istanbul(text: &str) -> Result<CoverageFigures, Unread> {
    const TOOL: &str = "istanbul's json-summary";
    let mut files: BTreeMap<String, IstanbulFile> = json(text, TOOL)?;
    let Some(total) = files.remove("total") else {
        return Err(Unread::Malformed(TOOL, "no total in it".to_owned()));
    };
    let mut lines = (0u64, 0u64);
    for file in files.values() {
        lines = (lines.0.saturating_add(file.lines.covered), lines.1.saturating_add(file.lines.total));
    }
    if lines != (total.lines.covered, total.lines.total) {
        return Err(Unread::Malformed(TOOL, "its total is not the sum of its files".to_owned()));
    }
    let branches = total.branches.filter(|all| all.total > 0).map(|all| (all.covered, all.total));
    checked(lines, branches, files.len() as u64, TOOL)
}

fn json<'t, T: Deserialize<'t>>(text: &'t str, tool: &'static str) -> Result<T, Unread> {
    serde_json::from_str(text).map_err(|error| match error.is_eof() {
        true => Unread::Cut(tool, format!("line {}, column {}", error.line(), error.column())),
        false => Unread::Malformed(tool, cut(&error.to_string())),
    })
}
