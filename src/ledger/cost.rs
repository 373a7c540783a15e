//! `cost.jsonl`: what the calls of models used, one line per call.
//! In: the file, as far as it is there. Out: the sum of its lines. Never: a torn line counted, an unknown cost taken for 0.

use std::io;

use crate::record::{CostLine, Spent};

use super::run_dir::RunDir;

/// A line has some 400 bytes: a hundred thousand calls.
const COST_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What was used so far. Each line is a call that was made, whatever became of its step.
pub(super) fn spent(run: &RunDir) -> Spent {
    // The sum is for people; a file that cannot be read is told where it is written.
    read(run).unwrap_or_default()
}

/// The same, for readers of a run.
///
/// # Errors
/// What the file system says; a run without calls has spent nothing.
pub fn read(run: &RunDir) -> io::Result<Spent> {
    let bytes = match run.read(&run.cost(), COST_BYTES_MAX) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Spent::default()),
        other => other?,
    };
    let mut spent = Spent::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(line) = serde_json::from_slice::<CostLine>(line) {
            spent.add(&line.call);
        }
    }
    Ok(spent)
}
