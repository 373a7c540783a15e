//! What other processes say to the one that drives a run: `inbox/<name>.json`.
//! In: an answer or a cancel, put there whole. Out: letters in a fixed order, each until it is `done`.
//! Never: half a letter read, one of two letters with the same name lost, a letter believed: the kernel decides; one that was refused kept
//! as it was written.

use std::{
    collections::BTreeSet,
    io::{self, Read as _},
};

use rustix::fs::FileType;

use serde::{Deserialize, Serialize};

use crate::{
    id::{EscalationId, Sha256},
    record::Answer,
    redact::{Clean, Redactor},
};

use super::{dir::Dir, lines::pretty, place::InRun, run_dir::RunDir};

const SCHEMA: &str = "flow-studio/inbox/v1";
/// An answer with a long note; a larger file is refused.
const LETTER_BYTES_MAX: u64 = 256 * 1024;
/// Letters of one name that wait at once.
const SAME_NAME_MAX: u32 = 1000;

#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    #[error("could not {act} {path}")]
    Io { act: &'static str, path: String, source: io::Error },
    #[error("{0} letters with this name wait already; is the run driven by anybody?")]
    Full(u32),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Message {
    Answer {
        schema: String,
        question: EscalationId,
        answer: Answer,
    },
    Cancel {
        schema: String,
        by: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

impl Message {
    pub fn answer(question: EscalationId, answer: Answer) -> Self {
        Self::Answer { schema: SCHEMA.to_owned(), question, answer }
    }
    pub fn cancel(by: String, reason: Option<String>) -> Self {
        Self::Cancel { schema: SCHEMA.to_owned(), by, reason }
    }
    fn schema(&self) -> &str {
        match self {
            Self::Answer { schema, .. } | Self::Cancel { schema, .. } => schema,
        }
    }
    fn name(&self) -> String {
        match self {
            Self::Answer { question, .. } => format!("answer-{question}"),
            Self::Cancel { .. } => "cancel".to_owned(),
        }
    }
}

/// A message that was found, under the name that `done` takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    pub name: String,
    pub message: Message,
}

/// The reader's side. There is one per run: the process that holds the lock.
pub struct Inbox {
    run: RunDir,
    dir: Dir,
    redactor: Redactor,
    taken: BTreeSet<String>,
}

impl Inbox {
    /// The redactor is the run's: what people write by hand went through none.
    ///
    /// # Errors
    /// When the run's directory cannot be opened.
    pub fn open(run: &RunDir, redactor: &Redactor) -> Result<Self, InboxError> {
        let dir = run.dir().map_err(|source| at("open", &run.inbox(), source))?;
        Ok(Self { run: run.clone(), dir, redactor: redactor.clone(), taken: BTreeSet::new() })
    }

    /// Puts a message into a run's inbox, from any process. Returns the letter's name.
    ///
    /// # Errors
    /// `Full`, or what the file system says.
    pub fn put(run: &RunDir, message: &Clean<Message>) -> Result<String, InboxError> {
        let inbox = run.inbox();
        let mut dir = run.dir().map_err(|source| at("open", &inbox, source))?;
        let bytes = pretty(message.get()).map_err(|error| at("write to", &inbox, error.into()))?;
        let stem = message.get().name();
        for n in 1..=SAME_NAME_MAX {
            let name = if n == 1 { format!("{stem}.json") } else { format!("{stem}.{n}.json") };
            let place = inbox.child(&name).map_err(|error| at("write to", &inbox, io::Error::other(error)))?;
            match dir.write_if_absent(&place, &bytes) {
                Ok(()) => return Ok(name),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(at("write", &place, source)),
            }
        }
        Err(InboxError::Full(SAME_NAME_MAX))
    }

    /// Whether a letter still lies there: this one, and not a later one that got its name.
    pub fn holds(run: &RunDir, name: &str, letter: &Clean<Message>) -> bool {
        is_at(run, &run.inbox(), name, letter)
    }

    /// Why a letter was refused, if it was: this one, and not an earlier one that had its name.
    pub fn reason(run: &RunDir, name: &str, letter: &Clean<Message>) -> Option<String> {
        if !is_at(run, &run.inbox_refused(), name, letter) {
            return None;
        }
        let place = run.inbox_refused().child(&format!("{name}.reason.txt")).ok()?;
        let bytes = run.read(&place, LETTER_BYTES_MAX).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }

    /// Letters that were not taken before, by name. Files that are no letters are put into `inbox/refused/`, clean, with
    /// the reason.
    ///
    /// # Errors
    /// What the file system says.
    pub fn take(&mut self) -> Result<Vec<Letter>, InboxError> {
        let inbox = self.run.inbox();
        let mut names = self.dir.names(&inbox).map_err(|source| at("read", &inbox, source))?;
        // A name that no program of ours can write is of no letter.
        let ours = |name: &String| name.ends_with(".json") && !name.starts_with('.') && inbox.child(name).is_ok();
        names.retain(|name| ours(name) && !self.taken.contains(name));
        names.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        let mut letters = Vec::new();
        for name in names {
            match self.read(&inbox, &name) {
                Ok(message) => {
                    self.taken.insert(name.clone());
                    letters.push(Letter { name, message });
                }
                Err(why) => match self.refuse(&name, &why) {
                    Err(InboxError::Io { source, .. }) if !is_full(&source) => {
                        // Whatever somebody put there to be in the way: it stops no run, and is looked at once.
                        tracing::warn!(error = %source, name = ?name, "what is no letter stays in the inbox");
                        self.taken.insert(name);
                    }
                    other => other?,
                },
            }
        }
        Ok(letters)
    }

    fn read(&mut self, inbox: &InRun, name: &str) -> Result<Message, String> {
        let place = inbox.child(name).map_err(|error| error.to_string())?;
        let bytes = self.dir.read(&place, LETTER_BYTES_MAX).map_err(|error| format!("it cannot be read: {error}"))?;
        let message: Message = serde_json::from_slice(&bytes).map_err(|error| format!("it is not a message: {error}"))?;
        if message.schema() == SCHEMA { Ok(message) } else { Err(format!("its schema is not {SCHEMA}")) }
    }

    /// Puts a letter out of the way, with the reason beside it: a file that is none, or that was turned down. What is kept of it is clean.
    ///
    /// # Errors
    /// What the file system says.
    pub fn refuse(&mut self, name: &str, why: &str) -> Result<(), InboxError> {
        let (inbox, refused) = (self.run.inbox(), self.run.inbox_refused());
        let place = |above: &InRun, name: &str| above.child(name).map_err(|error| at("refuse", &inbox, io::Error::other(error)));
        let kept = self.clean_name(name);
        let (from, to, reason) = (place(&inbox, name)?, place(&refused, &kept)?, place(&refused, &format!("{kept}.reason.txt"))?);
        self.taken.remove(name);
        self.dir.make(&refused).map_err(|source| at("make", &refused, source))?;
        let why = self.redactor.text(&format!("{why}\n")).into_inner();
        let clean = match self.clean(&from) {
            // Whoever wrote it took it back.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(|source| at("read", &from, source))?,
        };
        if let Some(clean) = &clean {
            self.dir.write_atomic(&to, clean).map_err(|source| at("write", &to, source))?;
        }
        // Whoever waits until it is gone finds the reason.
        self.dir.write_atomic(&reason, why.as_bytes()).map_err(|source| at("write", &reason, source))?;
        let gone = if clean.is_some() { self.dir.remove(&from) } else { self.dir.rename(&from, &to) };
        match gone {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at("move", &from, error)),
            _ => Ok(()),
        }
    }

    /// What may be kept of a letter: JSON, or text as far as it is text. `None`: a link, a directory, a pipe, of which nothing is read.
    fn clean(&mut self, place: &InRun) -> io::Result<Option<Vec<u8>>> {
        if !matches!(self.dir.look(place)?, (FileType::RegularFile, _)) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        self.dir.reader(place)?.take(LETTER_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if let Ok(value) = serde_json::from_slice(&bytes) {
            // The values one by one, and then what is no text in it, such as numbers.
            let clean = self.redactor.json(value).into_inner();
            return Ok(Some(self.redactor.bytes(pretty(&clean)?).into_inner()));
        }
        let text = text_of(&bytes);
        let whole = text.len() == bytes.len() && bytes.len() as u64 <= LETTER_BYTES_MAX;
        // The end of what was cut may be the beginning of a secret.
        let clean = if whole { self.redactor.bytes(text.to_vec()) } else { self.redactor.stream().push(text) };
        Ok(Some(clean.into_inner()))
    }

    fn clean_name(&self, name: &str) -> String {
        if self.redactor.text(name).get() == name {
            return name.to_owned();
        }
        format!("letter-{}.json", &Sha256::of(name.as_bytes()).as_str()[..12])
    }

    /// Removes a letter once the entry that it led to is committed.
    ///
    /// # Errors
    /// What the file system says.
    pub fn done(&mut self, name: &str) -> Result<(), InboxError> {
        let inbox = self.run.inbox();
        let place = inbox.child(name).map_err(|error| at("remove from", &inbox, io::Error::other(error)))?;
        self.taken.remove(name);
        match self.dir.remove(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at("remove", &place, error)),
            _ => Ok(()),
        }
    }
}

/// There is no room, and there will be some.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

/// Up to the first byte that no text has: in another encoding no secret would be found.
fn text_of(bytes: &[u8]) -> &[u8] {
    let text = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let end = text.find(|c: char| c.is_control() && !c.is_whitespace()).unwrap_or(text.len());
    &text.as_bytes()[..end]
}

fn is_at(run: &RunDir, dir: &InRun, name: &str, letter: &Clean<Message>) -> bool {
    let bytes = dir.child(name).ok().and_then(|place| run.read(&place, LETTER_BYTES_MAX).ok());
    bytes.is_some_and(|bytes| pretty(letter.get()).is_ok_and(|own| own == bytes))
}

fn at(act: &'static str, place: &InRun, source: io::Error) -> InboxError {
    InboxError::Io { act, path: place.as_str().to_owned(), source }
}
