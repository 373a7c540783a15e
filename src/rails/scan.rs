//! Looks for what must not leave: secrets, files that hold them, commands that destroy history.
//! In: files, a diff, a run. Out: findings without the secret in them, and how much was looked at.
//! Never: a secret in a finding, a file passed over without a word, a rule for shapes other than redaction's own.

mod allow;
mod assigned;
mod commands;
mod diff;
mod files;
mod paths;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::Sha256,
    redact::{Redactor, shapes_in},
    spec::Severity,
};

pub use allow::{Allow, BadAllow, allow_text};
pub use diff::DiffError;

/// More findings are counted, not listed.
const FINDINGS_MAX: usize = 1000;
/// How much of a line is shown.
const SHOWN_CHARS_MAX: usize = 160;

/// One thing that must not be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    pub rule: String,
    pub severity: Severity,
    pub path: String,
    /// From 1; absent when the file itself is the finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// In characters, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The line with what was found taken out; or why the file is a finding.
    pub shown: String,
    /// For the allow-list: of rule, path and what was found.
    pub fingerprint: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotLookedAt {
    pub path: String,
    pub why: String,
}

/// What a scan found; `scan --json`, and the head of `boundary_scan.log`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScanReport {
    #[schemars(extend("const" = "flow-studio/scan/v1"))]
    pub schema: String,
    pub files: u64,
    pub bytes: u64,
    /// The first thousand.
    pub findings: Vec<Finding>,
    pub found: u64,
    /// Findings that the allow-list knows.
    pub allowed: u64,
    /// Entries of the allow-list that nothing matched.
    pub unused: Vec<String>,
    pub not_looked_at: Vec<NotLookedAt>,
}

impl ScanReport {
    pub const SCHEMA: &'static str = "flow-studio/scan/v1";

    pub fn is_clean(&self) -> bool {
        self.found == 0
    }

    /// `boundary_scan.log`: for people, also when nothing was found.
    pub fn log(&self) -> String {
        use std::fmt::Write as _;
        let mut text = format!("{}\n", self.sum());
        for one in &self.findings {
            let place = match (one.line, one.column) {
                (Some(line), Some(column)) => format!("{}:{line}:{column}", one.path),
                (Some(line), None) => format!("{}:{line}", one.path),
                (None, _) => one.path.clone(),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{:6} {} {place}  [{}]\n       {}",
                one.severity.to_string(),
                one.rule,
                one.fingerprint,
                one.shown
            );
        }
        if self.found > self.findings.len() as u64 {
            let _ = writeln!(text, "… and {} more", self.found - self.findings.len() as u64);
        }
        for one in &self.unused {
            let _ = writeln!(text, "unused {one}");
        }
        for one in &self.not_looked_at {
            let _ = writeln!(text, "not looked at: {}, {}", one.path, one.why);
        }
        text
    }

    /// One sentence.
    pub fn sum(&self) -> String {
        let found = match self.found {
            0 => "clean".to_owned(),
            1 => "1 finding".to_owned(),
            more => format!("{more} findings"),
        };
        format!("{found} in {} files, {} bytes; {} allowed", self.files, self.bytes, self.allowed)
    }
}

/// Where a text, of no particular language, gives a value that looks like a secret to a name that says so.
pub fn assigned_secrets(text: &str) -> Vec<(usize, usize)> {
    assigned::values("", text)
}

/// A scan under way.
pub struct Scanner<'s> {
    allow: Allow,
    redactor: &'s Redactor,
    report: ScanReport,
}

impl<'s> Scanner<'s> {
    pub fn new(allow: Allow, redactor: &'s Redactor) -> Self {
        let report = ScanReport {
            schema: ScanReport::SCHEMA.to_owned(),
            files: 0,
            bytes: 0,
            findings: Vec::new(),
            found: 0,
            allowed: 0,
            unused: Vec::new(),
            not_looked_at: Vec::new(),
        };
        Self { allow, redactor, report }
    }

    pub fn finish(mut self) -> ScanReport {
        self.report.unused = self.allow.unused();
        self.report
    }

    /// A file's name alone. `text`: what it holds, where that is text.
    pub(super) fn name(&mut self, path: &str, text: Option<&str>) {
        if let Some(why) = paths::sensitive(path, text) {
            self.found("sensitive-file", Severity::High, path, None, why.to_owned(), path.as_bytes());
        }
    }

    /// Text of a file that begins at this line of it.
    pub(super) fn text(&mut self, path: &str, text: &str, first_line: u32) {
        let mut hidden: Vec<(usize, usize, String)> = Vec::new();
        for shape in shapes_in(text.as_bytes()) {
            if !assigned::is_placeholder(&text[floor(text, shape.start)..floor(text, shape.end)]) {
                hidden.push((shape.start, shape.end, shape.name.to_owned()));
            }
        }
        for (start, end) in assigned::values(path, text) {
            if !hidden.iter().any(|(from, until, _)| start < *until && *from < end) {
                hidden.push((start, end, "assigned-secret".to_owned()));
            }
        }
        hidden.sort();
        let lines = Lines::new(text);
        for (start, end, rule) in &hidden {
            let at = lines.at(*start);
            let shown = shown(text, at, &hidden);
            let place = (first_line.saturating_add(at.number), Some(column(text, at.start, *start)));
            self.found(rule, Severity::High, path, Some(place), shown, &text.as_bytes()[*start..*end]);
        }
        if commands::may_hold(path) {
            for one in commands::destructive(text) {
                let at = lines.at(one.at);
                let place = (first_line.saturating_add(at.number), None);
                let shown = shown(text, at, &hidden);
                self.found(one.rule, Severity::High, path, Some(place), shown, one.command.as_bytes());
            }
        }
    }

    pub(super) fn counted(&mut self, bytes: usize) {
        self.report.files += 1;
        self.report.bytes += bytes as u64;
    }

    /// More of the same file.
    pub(super) fn more(&mut self, bytes: usize) {
        self.report.bytes += bytes as u64;
    }

    pub(super) fn not_looked_at(&mut self, path: &str, why: impl Into<String>) {
        self.report.not_looked_at.push(NotLookedAt { path: path.to_owned(), why: why.into() });
    }

    fn found(
        &mut self,
        rule: &str,
        severity: Severity,
        path: &str,
        place: Option<(u32, Option<u32>)>,
        shown: String,
        what: &[u8],
    ) {
        let mut all = format!("{rule}\0{path}\0").into_bytes();
        all.extend_from_slice(what);
        let fingerprint = Sha256::of(&all).as_str()[..16].to_owned();
        if self.allow.knows(rule, path, &fingerprint) {
            self.report.allowed += 1;
            return;
        }
        self.report.found += 1;
        if self.report.findings.len() < FINDINGS_MAX {
            let (line, column) = (place.map(|(line, _)| line), place.and_then(|(_, column)| column));
            let path = self.redactor.text(path).into_inner();
            let shown = self.redactor.text(&shown).into_inner();
            self.report.findings.push(Finding { rule: rule.to_owned(), severity, path, line, column, shown, fingerprint });
        }
    }
}

/// The nearest place at or before it where a character begins.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Where lines begin.
struct Lines(Vec<usize>);

#[derive(Clone, Copy)]
struct Line {
    /// From 0.
    number: u32,
    start: usize,
}

impl Lines {
    fn new(text: &str) -> Self {
        Self(std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1)).collect())
    }
    fn at(&self, place: usize) -> Line {
        let line = self.0.partition_point(|start| *start <= place).saturating_sub(1);
        Line { number: u32::try_from(line).unwrap_or(u32::MAX), start: self.0[line] }
    }
}

fn column(text: &str, line: usize, at: usize) -> u32 {
    u32::try_from(text[line..floor(text, at)].chars().count() + 1).unwrap_or(u32::MAX)
}

/// The line, with everything hidden that was found in it, wherever it began or ends.
fn shown(text: &str, line: Line, hidden: &[(usize, usize, String)]) -> String {
    let end = text[line.start..].find('\n').map_or(text.len(), |at| line.start + at);
    let mut out = String::new();
    let mut done = line.start;
    for (from, until, rule) in hidden.iter().filter(|(from, until, _)| *from < end && *until > line.start) {
        let (from, until) = (floor(text, *from).max(done), floor(text, *until).min(end));
        if from >= done && until >= from {
            out.push_str(&text[done..from]);
            out.push_str(&format!("[REDACTED:{rule}]"));
            done = until;
        }
    }
    out.push_str(&text[done.min(end)..end]);
    let cut: String = out.trim().chars().take(SHOWN_CHARS_MAX).collect();
    if cut.len() < out.trim().len() { format!("{cut}…") } else { cut }
}
