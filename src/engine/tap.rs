//! One output stream of a process on its way out: read, redacted, counted, watched, handed over.
//! In: a pipe. Out: pieces for the ledger, a digest, the parts that were asked for.
//! Never: more than a bounded part in memory, however much is printed.

use sha2::Digest as _;

use crate::{
    id::{FramePath, Sha256, StepRef},
    measure::Watch,
    record::{Kept, Stream},
    redact::{Clean, Redactor, StreamRedactor},
};

use super::{Outlet, Piece, process::Drain};

/// More of one stream is counted and hashed, but not kept: a runaway step must not fill the disk.
pub const OUTPUT_FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// What `stderr_tail` holds.
pub const TAIL_BYTES_MAX: usize = 4 * 1024;

/// Where a stream is kept.
#[derive(Debug, Clone)]
pub(crate) enum Sink {
    /// The step's output. Paths are relative to RUN_BASE.
    Stream { flow: FramePath, step: StepRef, stream: Stream, path: String },
    /// A file of its own, whose raw bytes are hashed too.
    Part { path: String },
}

impl Sink {
    fn path(&self) -> &str {
        match self {
            Self::Stream { path, .. } | Self::Part { path } => path,
        }
    }
    fn piece(&self, at: u64, bytes: Clean<Vec<u8>>) -> Piece {
        match self.clone() {
            Self::Stream { flow, step, stream, path } => Piece::Output { flow, step, stream, path, bytes },
            Self::Part { path } => Piece::Part { path, at, bytes },
        }
    }
}

#[derive(Debug)]
pub(crate) struct Tap {
    redactor: Option<StreamRedactor>,
    sink: Sink,
    hasher: sha2::Sha256,
    /// Of what came in, where that is asked for.
    raw: Option<sha2::Sha256>,
    raw_bytes: u64,
    bytes: u64,
    filed: u64,
    handed: u64,
    head: Vec<u8>,
    head_bytes_max: usize,
    tail: Vec<u8>,
    watches: Vec<Watch>,
    /// Redacted and not yet handed over.
    pending: Clean<Vec<u8>>,
}

/// What is known of a stream after its end.
#[derive(Debug, Default)]
pub(crate) struct Tapped {
    /// `None`: nothing was printed.
    pub path: Option<String>,
    pub sha256: Option<Sha256>,
    pub bytes: u64,
    pub raw_sha256: Option<Sha256>,
    pub raw_bytes: u64,
    pub truncated: bool,
    /// The first bytes, as many as were asked for.
    pub head: Vec<u8>,
    pub tail: Vec<u8>,
    /// For each watch, whether it was found.
    pub found: Vec<bool>,
}

impl Tap {
    pub(crate) fn new(redactor: &Redactor, sink: Sink, head_bytes_max: usize, watches: Vec<Watch>) -> Self {
        Self {
            redactor: Some(redactor.stream()),
            raw: matches!(sink, Sink::Part { .. }).then(sha2::Sha256::new),
            raw_bytes: 0,
            handed: 0,
            sink,
            hasher: sha2::Sha256::new(),
            bytes: 0,
            filed: 0,
            head: Vec::new(),
            head_bytes_max,
            tail: Vec::new(),
            watches,
            pending: Clean::default(),
        }
    }

    fn keep(&mut self, mut redacted: Clean<Vec<u8>>) {
        let clean = redacted.get();
        if clean.is_empty() {
            return;
        }
        self.hasher.update(clean);
        self.bytes += clean.len() as u64;
        for watch in &mut self.watches {
            watch.push(clean);
        }
        let room = self.head_bytes_max - self.head.len();
        self.head.extend_from_slice(&clean[..clean.len().min(room)]);
        self.tail.extend_from_slice(&clean[clean.len().saturating_sub(TAIL_BYTES_MAX)..]);
        if self.tail.len() > 2 * TAIL_BYTES_MAX {
            self.tail.drain(..self.tail.len() - TAIL_BYTES_MAX);
        }
        let room = usize::try_from(OUTPUT_FILE_BYTES_MAX - self.filed).unwrap_or(usize::MAX);
        redacted.truncate(room);
        self.filed += redacted.get().len() as u64;
        self.pending.append(redacted);
    }

    /// The end of the stream: the rest is handed over and summed up.
    pub(crate) async fn finish(mut self, outlet: &Outlet) -> Tapped {
        if let Some(redactor) = self.redactor.take() {
            let rest = redactor.finish();
            self.keep(rest);
        }
        self.hand_over(outlet).await;
        let printed = self.bytes > 0;
        self.tail.drain(..self.tail.len().saturating_sub(TAIL_BYTES_MAX));
        Tapped {
            truncated: self.filed < self.bytes,
            path: printed.then(|| self.sink.path().to_owned()),
            raw_sha256: self.raw.filter(|_| printed).map(|raw| Sha256::from_raw(&raw.finalize())),
            raw_bytes: self.raw_bytes,
            sha256: printed.then(|| Sha256::from_raw(&self.hasher.finalize())),
            bytes: self.bytes,
            head: self.head,
            tail: self.tail,
            found: self.watches.into_iter().map(Watch::finish).collect(),
        }
    }
}

impl Drain for Tap {
    fn take(&mut self, raw: &[u8]) {
        self.raw_bytes += raw.len() as u64;
        if let Some(hasher) = &mut self.raw {
            hasher.update(raw);
        }
        if let Some(redactor) = &mut self.redactor {
            let clean = redactor.push(raw);
            self.keep(clean);
        }
    }

    async fn hand_over(&mut self, outlet: &Outlet) {
        if self.pending.get().is_empty() {
            return;
        }
        let room = outlet.room().await;
        let bytes = std::mem::take(&mut self.pending);
        let at = self.handed;
        self.handed += bytes.get().len() as u64;
        if let Some(room) = room {
            room.send(self.sink.piece(at, bytes));
        }
    }
}

impl Tapped {
    /// Text for expressions and templates: the beginning, at most `Kept::BYTES_MAX`, and a mark where it was cut.
    pub(crate) fn kept(&self) -> String {
        let text = String::from_utf8_lossy(&self.head[..self.head.len().min(Kept::BYTES_MAX)]);
        if self.bytes <= Kept::BYTES_MAX as u64 && text.len() <= Kept::BYTES_MAX {
            return text.into_owned();
        }
        let path = self.path.as_deref().unwrap_or("nowhere");
        let mark = Kept::mark(self.bytes, path);
        let cut = text.floor_char_boundary(Kept::BYTES_MAX - mark.len());
        format!("{}{mark}", &text[..cut])
    }

    /// The last lines as text, at most `TAIL_BYTES_MAX`.
    pub(crate) fn tail_text(&self) -> String {
        let text = String::from_utf8_lossy(&self.tail);
        let from = text.ceil_char_boundary(text.len().saturating_sub(TAIL_BYTES_MAX));
        text[from..].to_owned()
    }

    /// All of it, if the head holds all of it.
    pub(crate) fn whole(&self) -> Option<&[u8]> {
        (self.head.len() as u64 == self.bytes).then_some(&self.head)
    }
}
