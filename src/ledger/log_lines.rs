//! Which lines of a step's log say that they come from the journal: by their number, or by a word that only it uses.
//! In: a log, line by line. Out: those lines. Never: a line believed; a line without its end, or one without end, taken whole.

use std::io::{self, BufRead, Read as _};

use serde_json::Value;

use super::journal::LINE_BYTES_MAX;

/// What `Projection` writes of a step; engines have words of their own.
const WORDS: &[&str] = &["start", "attempt_ended", "attempt_started", "check", "end"];

/// Whether a line of a log says that it comes from the journal.
pub fn from_the_journal(line: &Value) -> bool {
    line.get("seq").is_some() || line.get("event").and_then(Value::as_str).is_some_and(|event| WORDS.contains(&event))
}

/// The next line with its newline, and what it is; `None` at the end, where a line may be torn.
pub(super) fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<Value>> {
    line.clear();
    let read = input.take(LINE_BYTES_MAX as u64).read_until(b'\n', line)?;
    if read == 0 || (line.last() != Some(&b'\n') && read < LINE_BYTES_MAX) {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(line).unwrap_or(Value::Null)))
}

/// Passes over what else we write; a line that is none of ours is not passed over.
pub(super) fn next_from_the_journal(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<Value>> {
    while let Some(said) = next_line(input, line)? {
        if from_the_journal(&said) || !said.is_object() {
            return Ok(Some(said));
        }
    }
    Ok(None)
}
