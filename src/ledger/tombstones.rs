//! What retention took from a run that is still there, so that nobody takes it for tampering.
//! In: `retention.jsonl`. Out: paths with their digests and when they went. Never: a line that excuses a journal, a receipt or a decision.

use std::{
    collections::BTreeMap,
    io::{self, Read as _},
};

use crate::{
    id::Sha256,
    record::{KeptKind, RetentionAct, RetentionLine},
};

use super::{
    findings::{Finding, FindingKind},
    run_dir::RunDir,
};

/// Larger ones are not read to their end; what their last lines name counts as missing.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    pub sha256: Sha256,
    /// The last line of the journal when it went.
    pub journal_seq: u64,
    pub by: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tombstones {
    gone: BTreeMap<String, Tombstone>,
    /// Lines that excuse nothing.
    pub(super) findings: Vec<Finding>,
}

impl Tombstones {
    /// # Errors
    /// What the file system says; a run without the file has no tombstones.
    pub fn read(run: &RunDir) -> io::Result<Self> {
        let mut text = Vec::new();
        let (mut dir, place) = (run.dir()?, run.retention());
        match dir.reader(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            // It excuses nothing, and keeps nobody from looking.
            Err(error) => match dir.in_the_way(&place)? {
                Some(found) => {
                    let finding = Finding::new(found.place.as_str(), FindingKind::Differs, found.to_string(), false);
                    return Ok(Self { gone: BTreeMap::new(), findings: vec![finding] });
                }
                None => return Err(error),
            },
            other => other?.take(BYTES_MAX).read_to_end(&mut text)?,
        };
        let mut found = Self::default();
        // What stands behind the last newline was never acknowledged.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines = text[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        for (at, line) in lines.enumerate() {
            match serde_json::from_slice::<RetentionLine>(line) {
                Ok(line) if line.run_id == *run.id() => found.take(line),
                Ok(line) => found.wrong(run, at, format!("it is about run `{}`", line.run_id)),
                Err(error) => found.wrong(run, at, format!("it does not parse: {error}")),
            }
        }
        Ok(found)
    }

    fn wrong(&mut self, run: &RunDir, at: usize, detail: String) {
        let path = format!("{}:{}", run.retention(), at + 1);
        self.findings.push(Finding::new(&path, FindingKind::Differs, detail, false));
    }

    fn take(&mut self, line: RetentionLine) {
        if line.act != RetentionAct::Pruned {
            return;
        }
        let journal_seq = line.journal_seq.unwrap_or(0);
        for file in line.files {
            if KeptKind::of(&file.path).is_some() {
                self.gone.insert(file.path, Tombstone { sha256: file.sha256, journal_seq, by: line.by.clone() });
            } else {
                let detail = "retention.jsonl names it, but retention never removes such a file";
                self.findings.push(Finding::new(&file.path, FindingKind::Differs, detail, false));
            }
        }
    }

    pub fn of(&self, path: &str) -> Option<&Tombstone> {
        self.gone.get(path)
    }

    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.gone.keys().map(String::as_str)
    }

    pub fn is_empty(&self) -> bool {
        self.gone.is_empty()
    }
}
