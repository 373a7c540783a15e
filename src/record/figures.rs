//! Figures that were measured: tests, findings, coverage, changes. A measure that failed says why, and is never a zero.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{StepId, StepRef};

/// `{measured: true, figures: {…}, evidence_path}` or `{measured: false, reason}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figures<T = TestFigures> {
    /// `false`: there are none, and `reason` says why.
    pub measured: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<T>,
    /// The report that was read, or the output of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_path: Option<String>,
    /// Why nothing was measured; beside figures, what of them is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl<T> Figures<T> {
    pub fn of(figures: T, evidence_path: Option<String>) -> Self {
        Self { measured: true, figures: Some(figures), evidence_path, reason: None }
    }
    pub fn unmeasured(reason: String, evidence_path: Option<String>) -> Self {
        Self { measured: false, figures: None, evidence_path, reason: Some(reason) }
    }
}

/// Figures of a test run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestFigures {
    /// Tests that are green.
    pub passed: u64,
    /// Tests that are red.
    pub failed: u64,
    /// Tests that did not run.
    pub skipped: u64,
    /// All of them.
    pub total: u64,
    /// Names of failed tests, at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
    /// Each verify command by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_check: Vec<TestCount>,
}

/// What one verify command counted, beside what the same one counted before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestCount {
    pub id: StepId,
    /// Green.
    pub passed: u64,
    /// Red.
    pub failed: u64,
    /// Not run.
    pub skipped: u64,
    /// All of them.
    pub total: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<CountBefore>,
}

impl TestCount {
    /// Tests that were run.
    pub const fn ran(&self) -> u64 {
        self.passed + self.failed
    }
    /// How many fewer there are, or run, than before.
    pub fn fewer(&self) -> u64 {
        let before = self.before.as_ref();
        before.map_or(0, |before| before.total.saturating_sub(self.total).max(before.ran.saturating_sub(self.ran())))
    }
}

/// The last time that the same verify command counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CountBefore {
    pub step: StepRef,
    /// The execution that counted so.
    pub execution: u32,
    /// All of them, then.
    pub total: u64,
    /// Those that ran, then.
    pub ran: u64,
    /// Those that were red, then.
    pub failed: u64,
}

/// Findings of a linter or a scanner, by level.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingFigures {
    /// Findings that are errors.
    pub errors: u64,
    /// Findings that are warnings.
    pub warnings: u64,
    /// Findings that are neither.
    pub notes: u64,
    /// All of them.
    pub total: u64,
    /// The worst first, `src/app.py:3 F401 unused import`; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
}

/// How much of the code the tests ran.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CoverageFigures {
    /// Lines that tests reached.
    pub lines_covered: u64,
    /// Lines there are.
    pub lines_total: u64,
    /// Of lines, rounded down to two places.
    pub percent: f64,
    /// Branches that tests reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branches_covered: Option<u64>,
    /// Branches there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branches_total: Option<u64>,
    /// Source files in the report.
    pub files: u64,
}

/// What a step changed in the repository around the workspace: committed or not, tracked or new, but nothing that git
/// ignores. Contents are compared, not times.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeFigures {
    /// How many.
    pub files: u64,
    /// Lines; those of binary files are not counted.
    pub added: u64,
    /// Lines that are gone.
    pub removed: u64,
    /// At most 200, by path; `evidence_path` has all of them where there are more.
    pub per_file: Vec<FileChange>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileChange {
    /// Relative to the workspace. Bytes that are no text are shown as `\xff`, control characters as `\n`, `\t`, `\x1b`.
    pub path: String,
    /// What became of it.
    pub change: ChangeKind,
    /// Absent: a binary file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added: Option<u64>,
    /// Lines that are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    Added,
    Modified,
    Deleted,
    /// A file became a link, a submodule moved, or the other way round.
    Retyped,
}

impl ChangeKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Modified => "modified",
            Self::Deleted => "deleted",
            Self::Retyped => "retyped",
        }
    }
}
