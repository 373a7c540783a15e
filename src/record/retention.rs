//! `retention.jsonl`: what was held, released and removed, by whom, with the digests of what is gone.
//! In: nothing. Out: a line, and the kinds of files that may go while their run stays. Never: the journal, a receipt or a decision among them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{RunId, Sha256, Time};

/// Files that may be removed while the rest of their run stays. Journal, receipts, handoffs, decisions, questions and frozen
/// flows are not here: they go with the run, or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeptKind {
    /// `<flow>/llm/`
    Transcripts,
    /// `<flow>/logs/`: events, and the whole output of commands.
    Logs,
    /// `<flow>/artifacts/`
    Artifacts,
    /// `<flow>/snapshots/`
    Snapshots,
    /// `<flow>/work/`: directories of steps.
    Work,
}

impl KeptKind {
    pub const ALL: [Self; 5] = [Self::Transcripts, Self::Logs, Self::Artifacts, Self::Snapshots, Self::Work];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transcripts => "transcripts",
            Self::Logs => "logs",
            Self::Artifacts => "artifacts",
            Self::Snapshots => "snapshots",
            Self::Work => "work",
        }
    }

    /// Its directory in a flow's.
    pub fn directory(self) -> &'static str {
        match self {
            Self::Transcripts => "llm",
            Self::Logs | Self::Artifacts | Self::Snapshots | Self::Work => self.as_str(),
        }
    }

    /// What a file of a run is, by its path in the run.
    pub fn of(path: &str) -> Option<Self> {
        let mut parts = path.split('/');
        let (flow, directory) = (parts.next()?, parts.next()?);
        let below_a_flow = !matches!(flow, "frozen" | "inbox") && parts.next().is_some();
        Self::ALL.into_iter().find(|kind| below_a_flow && kind.directory() == directory)
    }
}

impl fmt::Display for KeptKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RetentionAct {
    Held,
    Released,
    /// The files of the line were about to be removed; a kill may have left some of them.
    Pruned,
    /// The whole run was about to be removed. Stands beside the runs, not in one.
    Removed,
}

/// `flow-studio/retention/v1`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RetentionLine {
    #[schemars(extend("const" = "flow-studio/retention/v1"))]
    pub schema: String,
    pub at: Time,
    pub run_id: RunId,
    pub act: RetentionAct,
    pub by: String,
    /// Of a hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The last line of the journal at that moment, and its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal_seq: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal_head: Option<Sha256>,
    /// All that went, these lines of one act together.
    pub bytes: u64,
    /// Each file by name, where the run stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PrunedFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<Archived>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrunedFile {
    /// Relative to RUN_BASE.
    pub path: String,
    pub bytes: u64,
    /// Of a link: of what it named.
    pub sha256: Sha256,
}

/// Where a copy went before anything was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Archived {
    pub path: String,
    pub sha256: Sha256,
}

/// Why a run is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    pub reason: String,
    pub by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.since.map(|since| format!(" since {since}")).unwrap_or_default();
        write!(f, "{} (by {}{since})", self.reason, self.by)
    }
}

impl RetentionLine {
    pub const SCHEMA: &'static str = "flow-studio/retention/v1";

    pub fn new(at: Time, run_id: RunId, act: RetentionAct, by: String) -> Self {
        let schema = Self::SCHEMA.to_owned();
        let (reason, journal_seq, journal_head, archive) = (None, None, None, None);
        Self { schema, at, run_id, act, by, reason, journal_seq, journal_head, bytes: 0, files: Vec::new(), archive }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proves_something_is_of_no_kind_that_goes_alone() {
        for path in [
            "journal.jsonl",
            "frozen.jsonl",
            "run.json",
            "retention.jsonl",
            "x/receipts/a-shell.json",
            "x/handoffs/a-shell.json",
            "logs/a.jsonl",
            "x/routing/decisions.jsonl",
            "x/escalations/q.json",
            "frozen/logs/a.yaml",
            "inbox/work/a",
            "x/logs",
            "x/report.md",
        ] {
            assert_eq!(KeptKind::of(path), None, "{path}");
        }
        assert_eq!(KeptKind::of("x.fix/logs/a.1.stdout"), Some(KeptKind::Logs));
        assert_eq!(KeptKind::of("x/llm/a-b-openai.jsonl"), Some(KeptKind::Transcripts));
    }
}
