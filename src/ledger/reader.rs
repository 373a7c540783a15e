//! The journal read back, line by line, every line checked before it is handed out.
//! In: journal.jsonl and the head that run.json names. Out: entries in order, then where the journal ends.
//! Never: a line after a broken one, a line whose newline was not written, the whole file in memory.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom},
};

use crate::{
    id::Sha256,
    record::{Entry, Manifest},
};

use super::{
    journal::{Head, Journal, JournalError, LINE_BYTES_MAX},
    lock::Lock,
    run_dir::RunDir,
};

/// Bytes read at once: a few dozen lines.
const READ_BYTES: usize = 64 * 1024;
/// Smallest unit a disk writes as a whole. A power failure leaves holes of whole units, an editor does not.
const SECTOR_BYTES: u64 = 512;

/// Reads without the lock. A line that is being written at this moment is not seen yet.
///
/// The journal ends at the first NUL byte (space kept for later lines) or at a tail without newline. Only what a power
/// failure can leave may stand behind that point: zeros, and parts of the commit that was never acknowledged, on
/// sector borders. Anything else is `Broken`.
#[derive(Debug)]
pub struct Reader {
    input: BufReader<File>,
    line: Vec<u8>,
    replayed: Replayed,
    named: Option<Head>,
    done: bool,
}

/// What a journal held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// Its last whole line.
    pub head: Head,
    /// Its length up to and with that line's newline.
    pub bytes: u64,
    /// Bytes of a line that was never finished; cut when the journal is opened for writing.
    pub torn_bytes: u64,
    /// The last line was compared with run.json, or lies behind the line that run.json names.
    pub head_checked: bool,
}

impl Replayed {
    /// Before the first line.
    pub fn nothing() -> Self {
        Self { head: Head::start(), bytes: 0, torn_bytes: 0, head_checked: false }
    }
}

impl Reader {
    /// # Errors
    /// `Missing`, or what the file system says.
    pub fn open(run: &RunDir) -> Result<Self, JournalError> {
        // First run.json, then the journal: the journal may be ahead, never behind.
        let named = named_head(run)?;
        let file =
            run.dir().and_then(|mut dir| dir.reader(&run.journal())).map_err(|error| opening(run, error, named.as_ref()))?;
        Ok(Self::new(file, named))
    }

    /// Behind what was read of the same journal before. What lies before that is not looked at again.
    ///
    /// # Errors
    /// As [`Reader::open`]; run.json names another line than the last that was read.
    pub fn go_on(run: &RunDir, replayed: &Replayed) -> Result<Self, JournalError> {
        let mut reader = Self::open(run)?;
        reader.input.seek(SeekFrom::Start(replayed.bytes)).map_err(JournalError::reading)?;
        reader.replayed = Replayed { torn_bytes: 0, ..replayed.clone() };
        let other = |named: &&Head| named.seq == replayed.head.seq && **named != replayed.head;
        match reader.named.as_ref().filter(other) {
            Some(_) => {
                Err(JournalError::Broken { line: replayed.head.seq, why: "run.json names another digest for it".to_owned() })
            }
            None => Ok(reader),
        }
    }

    pub(super) fn new(file: File, named: Option<Head>) -> Self {
        let replayed = Replayed::nothing();
        Self { input: BufReader::with_capacity(READ_BYTES, file), line: Vec::new(), replayed, named, done: false }
    }

    /// What was read so far; the whole journal once the iterator has ended.
    pub fn replayed(&self) -> &Replayed {
        &self.replayed
    }

    fn broken(&self, why: impl Into<String>) -> JournalError {
        JournalError::Broken { line: self.replayed.head.seq + 1, why: why.into() }
    }

    fn read(&mut self) -> Result<Option<Entry>, JournalError> {
        self.line.clear();
        let read = (&mut self.input).take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut self.line);
        read.map_err(JournalError::reading)?;
        if self.line.last() != Some(&b'\n') || self.line.contains(&0) {
            self.read_tail()?;
            return self.check_end().map(|()| None);
        }
        let text = &self.line[..self.line.len() - 1];
        let entry: Entry = serde_json::from_slice(text).map_err(|error| self.broken(format!("it does not parse: {error}")))?;
        let Head { seq, digest } = &self.replayed.head;
        if entry.seq != seq + 1 {
            return Err(self.broken(format!("it says it is line {}", entry.seq)));
        }
        if entry.prev != *digest {
            return Err(self.broken("its `prev` is not the digest of the line before: one of the two was changed"));
        }
        let digest = Sha256::of(text);
        if let Some(named) = self.named.as_ref().filter(|named| named.seq == entry.seq) {
            if named.digest != digest {
                return Err(self.broken("run.json names another digest for it: it was changed"));
            }
            self.replayed.head_checked = true;
        }
        self.replayed.head = Head { seq: entry.seq, digest };
        self.replayed.bytes += self.line.len() as u64;
        Ok(Some(entry))
    }

    /// Everything after the last whole line: zeros, or a commit that was never acknowledged.
    fn read_tail(&mut self) -> Result<(), JournalError> {
        let start = self.replayed.bytes;
        let mut tail = Tail { start, at: start, zeros_from: None, data_end: start };
        let mut fine = tail.take(&self.line);
        while fine {
            let chunk = self.input.fill_buf().map_err(JournalError::reading)?;
            if chunk.is_empty() {
                break;
            }
            fine = tail.take(chunk);
            let taken = chunk.len();
            self.input.consume(taken);
            fine &= tail.at - start <= TAIL_BYTES_MAX;
        }
        if !fine {
            return Err(self.broken(format!("there is no line at byte {start}, but something stands behind it")));
        }
        self.replayed.torn_bytes = tail.data_end - start;
        Ok(())
    }

    fn check_end(&mut self) -> Result<(), JournalError> {
        let Some(named) = &self.named else { return Ok(()) };
        let seq = self.replayed.head.seq;
        if named.seq > seq {
            let why = format!("run.json names line {}, but the journal ends with line {seq}: its tail is missing", named.seq);
            return Err(self.broken(why));
        }
        Ok(())
    }
}

/// A commit of many lines, and the space kept behind it.
const TAIL_BYTES_MAX: u64 = 4 * LINE_BYTES_MAX as u64;

struct Tail {
    start: u64,
    at: u64,
    zeros_from: Option<u64>,
    data_end: u64,
}

impl Tail {
    /// Whether these bytes can be what a power failure left: holes of zeros lie on sector borders.
    fn take(&mut self, bytes: &[u8]) -> bool {
        let sector = |at: u64| at.is_multiple_of(SECTOR_BYTES);
        for run in bytes.chunk_by(|a, b| (*a == 0) == (*b == 0)) {
            if run[0] == 0 {
                self.zeros_from.get_or_insert(self.at);
            } else {
                if let Some(from) = self.zeros_from.take()
                    && !(sector(self.at) && (from == self.start || sector(from)))
                {
                    return false;
                }
                self.data_end = self.at + run.len() as u64;
            }
            self.at += run.len() as u64;
        }
        true
    }
}

impl Iterator for Reader {
    type Item = Result<Entry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.read().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

/// A journal that is being opened for writing: read it to its end, then `finish`.
#[derive(Debug)]
pub struct Replay {
    reader: Reader,
    file: File,
}

impl Replay {
    pub(super) fn open(run: &RunDir) -> Result<Self, JournalError> {
        let named = named_head(run)?;
        let file =
            run.dir().and_then(|mut dir| dir.writer(&run.journal())).map_err(|error| opening(run, error, named.as_ref()))?;
        let reader = Reader::new(file.try_clone().map_err(JournalError::reading)?, named);
        Ok(Self { reader, file })
    }

    /// Checks what was not read yet, cuts a torn tail, and hands over the journal for writing.
    ///
    /// # Errors
    /// `Broken`, or what the file system says.
    pub fn finish(mut self, _lock: &Lock) -> Result<(Journal, Replayed), JournalError> {
        for entry in &mut self.reader {
            entry?;
        }
        let replayed = self.reader.replayed;
        self.file.set_len(replayed.bytes).map_err(|source| JournalError::Io { act: "cut the torn tail of", source })?;
        // A process killed between its write and its sync leaves lines that only the memory has. From here on they
        // count, and run.json may name them.
        self.file.sync_data().map_err(|source| JournalError::Io { act: "sync", source })?;
        Ok((Journal::continued(self.file, &replayed), replayed))
    }
}

impl Iterator for Replay {
    type Item = Result<Entry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.reader.next()
    }
}

/// A journal that is not there is broken at its first line, if run.json has seen it; one that is no file is in any case.
fn opening(run: &RunDir, error: std::io::Error, named: Option<&Head>) -> JournalError {
    if let Ok(Some(found)) = run.dir().and_then(|mut dir| dir.in_the_way(&run.journal())) {
        return JournalError::Broken { line: 1, why: found.to_string() };
    }
    match (JournalError::opening(error), named) {
        (JournalError::Missing, Some(named)) => {
            JournalError::Broken { line: 1, why: format!("run.json names line {}, but there is no journal", named.seq) }
        }
        (error, _) => error,
    }
}

fn named_head(run: &RunDir) -> Result<Option<Head>, JournalError> {
    let head = |manifest: Manifest| Head { seq: manifest.journal_seq, digest: manifest.journal_head };
    let manifest = run.manifest().map_err(|source| JournalError::Io { act: "read run.json beside", source })?;
    Ok(manifest.map(head).filter(|head| head.seq > 0))
}
