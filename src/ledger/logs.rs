//! `logs/<step>.jsonl`: what happened while a step ran, its output lines among it.
//! In: pieces of output, cut anywhere. Out: whole lines as JSON, up to a limit per execution.
//! Never: a log that grows with what a command prints; the whole output has a file of its own.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Serialize;

use crate::record::{At, Stream};

/// Output lines per execution: what a person scrolls through. Everything is in the stream's own file.
pub(super) const OUTPUT_BYTES_MAX: usize = 256 * 1024;
/// Events of the engine per execution, besides output.
const EVENT_BYTES_MAX: usize = 256 * 1024;
/// A longer line is cut into several: nobody reads it, and it must not fill the memory.
const LINE_BYTES_MAX: usize = 8 * 1024;

#[derive(Default)]
pub(super) struct Logs {
    running: BTreeMap<At, Running>,
}

#[derive(Default)]
struct Running {
    /// The beginning of a line whose end has not come yet.
    begun: [Vec<u8>; 2],
    output_bytes: usize,
    event_bytes: usize,
}

#[derive(Serialize)]
struct OutputLine<'a> {
    event: &'static str,
    stream: Stream,
    line: Cow<'a, str>,
}

#[derive(Serialize)]
struct CappedLine<'a> {
    event: &'static str,
    stream: Stream,
    bytes_max: usize,
    path: &'a str,
}

impl Logs {
    pub(super) fn start(&mut self, at: &At) {
        self.running.insert(at.clone(), Running::default());
    }

    /// The log's lines for these bytes; none for a step that does not run.
    pub(super) fn output(&mut self, at: &At, stream: Stream, path: &str, bytes: &[u8]) -> Vec<u8> {
        let mut lines = Vec::new();
        let Some(running) = self.running.get_mut(at) else { return lines };
        if running.output_bytes > OUTPUT_BYTES_MAX {
            return lines;
        }
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (part, ended) = match part.strip_suffix(b"\n") {
                Some(part) => (part, true),
                None => (part, false),
            };
            let mut begun = std::mem::take(&mut running.begun[stream as usize]);
            begun.extend_from_slice(part);
            let mut rest = begun.as_slice();
            while rest.len() > LINE_BYTES_MAX {
                let (line, after) = rest.split_at(char_border(rest, LINE_BYTES_MAX));
                running.write(stream, line, path, &mut lines);
                rest = after;
            }
            if ended {
                running.write(stream, rest, path, &mut lines);
            } else {
                running.begun[stream as usize] = rest.to_vec();
            }
            if running.output_bytes > OUTPUT_BYTES_MAX {
                break;
            }
        }
        lines
    }

    /// Whether an event of so many bytes still has room.
    pub(super) fn event(&mut self, at: &At, bytes: usize) -> bool {
        let Some(running) = self.running.get_mut(at) else { return true };
        running.event_bytes += bytes;
        running.event_bytes <= EVENT_BYTES_MAX
    }

    /// The step ended: lines that never got their newline.
    pub(super) fn end(&mut self, at: &At) -> Vec<u8> {
        let mut lines = Vec::new();
        let Some(mut running) = self.running.remove(at) else { return lines };
        for stream in [Stream::Stdout, Stream::Stderr] {
            let begun = std::mem::take(&mut running.begun[stream as usize]);
            if !begun.is_empty() && running.output_bytes <= OUTPUT_BYTES_MAX {
                running.write(stream, &begun, "", &mut lines);
            }
        }
        lines
    }
}

impl Running {
    fn write(&mut self, stream: Stream, line: &[u8], path: &str, lines: &mut Vec<u8>) {
        if self.output_bytes > OUTPUT_BYTES_MAX {
            return;
        }
        self.output_bytes += line.len() + 1;
        let written = if self.output_bytes > OUTPUT_BYTES_MAX {
            serde_json::to_writer(&mut *lines, &CappedLine { event: "output_capped", stream, bytes_max: OUTPUT_BYTES_MAX, path })
        } else {
            let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
            serde_json::to_writer(&mut *lines, &OutputLine { event: "output", stream, line })
        };
        debug_assert!(written.is_ok(), "text and numbers serialise into memory");
        lines.push(b'\n');
    }
}

/// The last place at or before `at` that does not cut a UTF-8 character.
fn char_border(bytes: &[u8], at: usize) -> usize {
    (at.saturating_sub(3)..=at).rev().find(|at| bytes[*at] & 0xc0 != 0x80).unwrap_or(at)
}
