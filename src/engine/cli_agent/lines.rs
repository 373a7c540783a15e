//! The output of a program on its way into the transcript: each line kept as it came, and taken in.
//! In: a pipe. Out: lines of the transcript, what was heard, a word to the watchdog. Never: a line that is longer than is
//! bearable kept in memory, a line held back.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::{
    engine::{Outlet, agent::Transcript, process::Drain, watchdog::Watchdog},
    record::{ErrorClass, FailureKind},
};

use super::{heard::Heard, program::Program, trouble::Trouble};

/// A line, or a whole output. Three megabytes have been seen; more than this is a mistake.
const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;
const HEAD_BYTES_MAX: usize = 4096;
/// How much of a line is kept for a message.
pub(super) const LINE_CHARS_MAX: usize = 400;
/// After its last word it has this long to end, or as long as it may be silent; some versions never do.
const LINGER: std::time::Duration = std::time::Duration::from_secs(30);

pub(super) struct Lines<'l, 't> {
    pub program: &'l Program,
    pub transcript: &'l mut Transcript<'t>,
    pub watchdog: &'l Watchdog,
    pub turns_max: u32,
    pub heard: Heard,
    rest: Vec<u8>,
    /// The line that is read is too long.
    skipping: bool,
    /// Heard, and not yet in the transcript.
    pending: VecDeque<Value>,
}

impl<'l, 't> Lines<'l, 't> {
    pub fn new(program: &'l Program, transcript: &'l mut Transcript<'t>, watchdog: &'l Watchdog, turns_max: u32) -> Self {
        Self {
            program,
            transcript,
            watchdog,
            turns_max,
            heard: Heard::default(),
            rest: Vec::new(),
            skipping: false,
            pending: VecDeque::new(),
        }
    }

    fn line(&mut self) {
        let line = std::mem::take(&mut self.rest);
        if std::mem::take(&mut self.skipping) {
            self.pending
                .push_back(json!({"event": "skipped", "message": "a line that is too long", "bytes_max": LINE_BYTES_MAX}));
            return;
        }
        let line = line.trim_ascii();
        if line.is_empty() {
            return;
        }
        self.heard.events += 1;
        let said = match serde_json::from_slice::<Value>(line) {
            Ok(event @ Value::Object(_)) => {
                self.program.hear(&event, &mut self.heard);
                event
            }
            // Half a line, or noise: kept, and it says nothing.
            Ok(_) | Err(_) => {
                let words = String::from_utf8_lossy(line).into_owned();
                self.heard.words = Some(words.chars().take(LINE_CHARS_MAX).collect());
                words.into()
            }
        };
        self.pending.push_back(json!({"event": "said", "said": said}));
        self.tell();
    }

    /// What the watchdog has to know.
    fn tell(&self) {
        if self.heard.ended {
            self.watchdog.give_up(LINGER.min(self.program.idle));
        } else if self.heard.hopeless.is_some() || self.heard.turns > self.turns_max {
            self.watchdog.give_up(std::time::Duration::ZERO);
        }
    }

    /// The end of the stream.
    pub async fn finish(mut self, outlet: &Outlet) -> Heard {
        if self.program.speaks_lines() {
            self.line();
        } else if self.skipping {
            let message = format!("its output has more than {LINE_BYTES_MAX} bytes");
            self.heard.error = Some(Trouble::new(FailureKind::BadOutput, ErrorClass::Permanent, message));
        } else {
            let text = String::from_utf8_lossy(&std::mem::take(&mut self.rest)).into_owned();
            self.program.hear_whole(&text, &mut self.heard);
            self.pending.push_back(json!({"event": "said", "said": text}));
        }
        self.hand_over(outlet).await;
        self.heard
    }
}

impl Drain for Lines<'_, '_> {
    fn take(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let whole = part.ends_with(b"\n");
            if self.rest.len() + part.len() > LINE_BYTES_MAX {
                self.skipping = true;
                self.rest.clear();
            }
            if !self.skipping {
                self.rest.extend_from_slice(part);
            }
            if whole && self.program.speaks_lines() {
                self.line();
            }
        }
    }

    async fn hand_over(&mut self, outlet: &Outlet) {
        let any = !self.pending.is_empty();
        while let Some(line) = self.pending.front() {
            // Taken off when it was handed over: this may be dropped while it waits for room.
            self.transcript.line(line.clone()).await;
            self.pending.pop_front();
        }
        if any {
            outlet.written().await;
        }
    }
}

/// The beginning of a short output.
#[derive(Debug, Default)]
pub(super) struct Head(pub Vec<u8>);

impl Drain for Head {
    fn take(&mut self, bytes: &[u8]) {
        let room = HEAD_BYTES_MAX - self.0.len();
        self.0.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    async fn hand_over(&mut self, _: &Outlet) {}
}
