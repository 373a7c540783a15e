//! Findings of linters and scanners: SARIF, and the JSON of eslint, ruff and clippy. They are counted one by one.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{COUNT_MAX, FINDINGS_MAX, Unread, cut};
use crate::record::FindingFigures;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Error,
    Warning,
    Note,
}

#[derive(Default)]
struct Found {
    counts: [u64; 3],
    told: [Vec<String>; 3],
}

impl Found {
    fn add(&mut self, level: Level, place: &str, rule: &str, message: &str) {
        self.counts[level as usize] += 1;
        let told = &mut self.told[level as usize];
        if told.len() < FINDINGS_MAX {
            let message = message.lines().next().unwrap_or_default();
            let words = [place, rule, message].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
            told.push(cut(&words));
        }
    }
    fn figures(self, tool: &'static str) -> Result<FindingFigures, Unread> {
        let [errors, warnings, notes] = self.counts;
        let total = errors + warnings + notes;
        if total > COUNT_MAX {
            return Err(Unread::Overflow(tool));
        }
        let findings = self.told.into_iter().flatten().take(FINDINGS_MAX).collect();
        Ok(FindingFigures { errors, warnings, notes, total, findings })
    }
}

fn json<'t, T: Deserialize<'t>>(text: &'t str, tool: &'static str) -> Result<T, Unread> {
    serde_json::from_str(text).map_err(|error| {
        if error.is_eof() {
            Unread::Cut(tool, format!("line {}, column {}", error.line(), error.column()))
        } else {
            Unread::Malformed(tool, cut(&error.to_string()))
        }
    })
}

fn place(file: &str, line: Option<u64>) -> String {
    let file = file.strip_prefix("file://").unwrap_or(file);
    line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"))
}

#[derive(Deserialize)]
struct SarifLog {
    runs: Vec<SarifRun>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct SarifRun {
    /// Absent where the tool did not get so far.
    results: Option<Vec<SarifResult>>,
    tool: SarifTool,
    invocations: Vec<SarifInvocation>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SarifTool {
    driver: SarifDriver,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SarifDriver {
    rules: Vec<SarifRule>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct SarifRule {
    id: String,
    default_configuration: SarifLevel,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SarifLevel {
    level: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SarifInvocation {
    #[serde(default)]
    execution_successful: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct SarifResult {
    rule_id: String,
    level: Option<String>,
    kind: Option<String>,
    message: SarifMessage,
    locations: Vec<SarifLocation>,
    suppressions: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SarifMessage {
    text: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct SarifLocation {
    physical_location: SarifPlace,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct SarifPlace {
    artifact_location: SarifFile,
    region: SarifRegion,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SarifFile {
    uri: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct SarifRegion {
    start_line: Option<u64>,
}

/// SARIF 2.1: results by level; without one by their rule's level, and else warnings, as the format says. What is
/// suppressed, or is no failure (`kind: pass`), does not count. A tool that says it did not succeed is an error more.
pub(super) fn sarif(text: &str) -> Result<FindingFigures, Unread> {
    const TOOL: &str = "SARIF";
    let log: SarifLog = json(text, TOOL)?;
    if log.runs.is_empty() {
        return Err(Unread::Empty(TOOL));
    }
    let mut found = Found::default();
    for run in log.runs {
        let level_of: BTreeMap<&str, &str> = run
            .tool
            .driver
            .rules
            .iter()
            .filter_map(|rule| Some((rule.id.as_str(), rule.default_configuration.level.as_deref()?)))
            .collect();
        if run.invocations.iter().any(|invocation| invocation.execution_successful == Some(false)) {
            found.add(Level::Error, "", "", "the tool says that it did not succeed");
        }
        let Some(results) = run.results else {
            return Err(Unread::Malformed(TOOL, "a run in it has no results, not even none".to_owned()));
        };
        for result in &results {
            let counts = result.kind.as_deref().is_none_or(|kind| kind == "fail") && result.suppressions.is_empty();
            let level = match result.level.as_deref().or_else(|| level_of.get(result.rule_id.as_str()).copied()) {
                Some("error") => Level::Error,
                Some("note") => Level::Note,
                Some("none") => continue,
                Some(_) | None => Level::Warning,
            };
            if counts {
                let at = result.locations.first().map(|one| &one.physical_location);
                let at = at.map(|at| place(&at.artifact_location.uri, at.region.start_line)).unwrap_or_default();
                found.add(level, &at, &result.rule_id, &result.message.text);
            }
        }
    }
    found.figures(TOOL)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EslintFile {
    file_path: String,
    messages: Vec<EslintMessage>,
    error_count: u64,
    warning_count: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EslintMessage {
    #[serde(default)]
    rule_id: Option<String>,
    severity: u8,
    message: String,
    #[serde(default)]
    line: Option<u64>,
}

/// `eslint -f json`: every file that was looked at stands in it, also the clean ones.
pub(super) fn eslint(text: &str) -> Result<FindingFigures, Unread> {
    const TOOL: &str = "eslint";
    let files: Vec<EslintFile> = json(text, TOOL)?;
    if files.is_empty() {
        return Err(Unread::Empty(TOOL));
    }
    let mut found = Found::default();
    for file in &files {
        let before = found.counts;
        for message in &file.messages {
            let level = if message.severity >= 2 { Level::Error } else { Level::Warning };
            let at = place(&file.file_path, message.line);
            found.add(level, &at, message.rule_id.as_deref().unwrap_or_default(), &message.message);
        }
        let [errors, warnings, _] = found.counts;
        if (errors - before[0], warnings - before[1]) != (file.error_count, file.warning_count) {
            return Err(Unread::Malformed(TOOL, format!("{}: its messages are not as many as it says", cut(&file.file_path))));
        }
    }
    found.figures(TOOL)
}

#[derive(Deserialize)]
struct RuffFinding {
    #[serde(default)]
    code: Option<String>,
    filename: String,
    message: String,
    #[serde(default)]
    location: Option<RuffPlace>,
    /// Newer versions say it; for older ones every finding is an error.
    #[serde(default)]
    severity: Option<String>,
}

#[derive(Deserialize)]
struct RuffPlace {
    row: u64,
}

/// `ruff check --output-format json`. An empty list is what it prints for clean code and for no code; then the word that
/// it says on standard error stands before or after the list.
pub(super) fn ruff(text: &str) -> Result<FindingFigures, Unread> {
    const TOOL: &str = "ruff";
    if text.contains("No Python files found") {
        return Err(Unread::Empty(TOOL));
    }
    let mut found = Found::default();
    for finding in json::<Vec<RuffFinding>>(text, TOOL)? {
        let level = match finding.severity.as_deref() {
            Some("warning") => Level::Warning,
            Some("info" | "help" | "note") => Level::Note,
            Some(_) | None => Level::Error,
        };
        let at = place(&finding.filename, finding.location.map(|at| at.row));
        found.add(level, &at, finding.code.as_deref().unwrap_or_default(), &finding.message);
    }
    found.figures(TOOL)
}

#[derive(Deserialize)]
struct CargoLine {
    reason: String,
    #[serde(default)]
    message: Option<CargoMessage>,
}

#[derive(Deserialize)]
struct CargoMessage {
    level: String,
    message: String,
    #[serde(default)]
    code: Option<CargoCode>,
    #[serde(default)]
    spans: Vec<CargoSpan>,
}

#[derive(Deserialize)]
struct CargoCode {
    code: String,
}

#[derive(Deserialize)]
struct CargoSpan {
    file_name: String,
    line_start: u64,
    #[serde(default)]
    is_primary: bool,
}

/// `cargo clippy --message-format=json`, and `cargo check` and `build` alike. What is found in a library and again in
/// its tests counts once.
pub(super) fn clippy(text: &str) -> Result<FindingFigures, Unread> {
    const TOOL: &str = "cargo clippy --message-format=json";
    let mut found = Found::default();
    let mut told = std::collections::BTreeSet::new();
    let (mut seen, mut finished) = (false, false);
    for line in text.lines().filter(|line| line.starts_with('{')) {
        let line: CargoLine = json(line, TOOL)?;
        seen = true;
        finished |= line.reason == "build-finished";
        let Some(message) = line.message.filter(|_| line.reason == "compiler-message") else { continue };
        let level = match message.level.as_str() {
            "warning" => Level::Warning,
            "note" | "help" | "failure-note" => Level::Note,
            _ => Level::Error,
        };
        // `2 warnings emitted`, `aborting due to 1 previous error`: they count what stands above them.
        if message.spans.is_empty() && message.code.is_none() && level != Level::Error
            || message.message.starts_with("aborting due to ")
        {
            continue;
        }
        let span = message.spans.iter().find(|span| span.is_primary).or(message.spans.first());
        let at = span.map(|span| place(&span.file_name, Some(span.line_start))).unwrap_or_default();
        let rule = message.code.map(|code| code.code).unwrap_or_default();
        if told.insert((at.clone(), rule.clone(), message.message.clone())) {
            found.add(level, &at, &rule, &message.message);
        }
    }
    match (seen, finished) {
        (false, _) => Err(Unread::NoSummary(TOOL)),
        (true, false) => Err(Unread::Cut(TOOL, "the build did not finish".to_owned())),
        (true, true) => found.figures(TOOL),
    }
}
