//! Redaction of bytes that come in pieces: both passes, chained.
//! In: chunks, cut anywhere. Out: what is certain, at once. Never: more than a few KiB held back, or the longest form of a
//! known value where that is longer.

use std::sync::Arc;

use super::{Clean, broken::run, shapes::Shapes, values::Values};

/// Redacts a stream. However its input is cut, the output is that of the whole text.
#[derive(Debug)]
pub struct StreamRedactor {
    values: Option<Arc<Values>>,
    held: Vec<u8>,
    /// How long the line of base64 or hex is that what is held goes on with.
    before: usize,
    shapes: Shapes,
}

impl StreamRedactor {
    pub(super) fn new(values: Option<Arc<Values>>) -> Self {
        Self { values, held: Vec::new(), before: 0, shapes: Shapes::default() }
    }

    /// What can be said of the stream so far. Only bytes that may still become a secret are held back.
    pub fn push(&mut self, chunk: &[u8]) -> Clean<Vec<u8>> {
        self.step(chunk, false)
    }

    /// The rest, when nothing more comes.
    pub fn finish(mut self) -> Clean<Vec<u8>> {
        self.step(&[], true)
    }

    fn step(&mut self, chunk: &[u8], end: bool) -> Clean<Vec<u8>> {
        let Some(values) = &self.values else { return Clean(self.shapes.pass(chunk, end)) };
        let joined: &[u8] = if self.held.is_empty() {
            chunk
        } else {
            self.held.extend_from_slice(chunk);
            &self.held
        };
        match values.pass(joined, self.before, end) {
            None => {
                self.before = run(joined, joined.len(), self.before);
                let out = self.shapes.pass(joined, end);
                self.held.clear();
                Clean(out)
            }
            Some((certain, from)) => {
                self.before = run(joined, from, self.before);
                self.held = joined[from..].to_vec();
                Clean(self.shapes.pass(&certain, end))
            }
        }
    }
}
