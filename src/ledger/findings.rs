//! What is not as it should be in a run, as `verify` tells it.
//! In: one finding after the other. Out: a list that does not grow without end, and how many there were beyond it.

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    Missing,
    Differs,
    /// A receipt, handoff or question that the journal knows nothing of.
    Unaccounted,
}

impl FindingKind {
    /// What is said of the file.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Missing => "is not there, and the journal has it",
            Self::Differs => "is not what the journal says",
            Self::Unaccounted => "follows from no line of the journal",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Relative to RUN_BASE.
    pub path: String,
    pub kind: FindingKind,
    pub detail: String,
    /// Where `repair` put what stood there and was no file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub put_aside: Option<String>,
    /// From the journal, by `repair`. What commands printed, copies in snapshots and lines of retention stand in no other place.
    pub can_be_made: bool,
    /// The process that was to write it was killed before it came to that: a resume writes it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lags: bool,
}

impl Finding {
    pub(super) fn new(path: &str, kind: FindingKind, detail: impl Into<String>, can_be_made: bool) -> Self {
        Self { path: path.to_owned(), kind, detail: detail.into(), put_aside: None, can_be_made, lags: false }
    }
}

/// Findings that are listed; the rest is counted.
const FINDINGS_MAX: usize = 1000;

#[derive(Debug, Default)]
pub(super) struct Findings {
    pub list: Vec<Finding>,
    pub omitted: u64,
    pub executions: u64,
}

impl Findings {
    pub(super) fn add(&mut self, finding: Finding) {
        if self.list.len() < FINDINGS_MAX {
            self.list.push(finding);
        } else {
            self.omitted += 1;
        }
    }
}
