//! `cost.jsonl`: what the calls of models used, one line per call.
//! In: the file, as far as it is there. Out: the sum of its lines. Never: a torn line counted, an unknown cost taken for 0.

use std::{collections::BTreeMap, io};

use crate::{
    id::FramePath,
    record::{CostLine, Spent},
};

use super::run_dir::RunDir;

/// A line has some 400 bytes: a hundred thousand calls.
const COST_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What was used so far, by flow. Each line is a call that was made, whatever became of its step.
///
/// # Errors
/// What the file system says; a run without calls has spent nothing.
pub fn read(run: &RunDir) -> io::Result<BTreeMap<FramePath, Spent>> {
    let bytes = match run.read(&run.cost(), COST_BYTES_MAX) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        other => other?,
    };
    let mut spent: BTreeMap<FramePath, Spent> = BTreeMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(line) = serde_json::from_slice::<CostLine>(line) {
            spent.entry(line.call.flow.clone()).or_default().add(&line.call);
        }
    }
    Ok(spent)
}

/// The sum over all flows, for the line that comes next.
pub(super) fn total(run: &RunDir) -> Spent {
    // For people only; a file that cannot be read is told of when it cannot be written.
    read(run).unwrap_or_default().values().copied().sum()
}
