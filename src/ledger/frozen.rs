//! What defined a flow when it started: a line of `frozen.jsonl`, which is synced, and the same as files in `frozen/<flow>/…`, a later
//! generation in `frozen/<flow>@<n>/…`, which are not.
//! In: files as people wrote them, cleaned. Out: the same files, each compared with its digest.
//! Never: a frozen file changed. `digests.json` is written last: with it the set is complete, without it nothing is there.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write as _},
};

use serde::{Deserialize, Serialize};

use crate::{
    id::{FramePath, Sha256},
    redact::Clean,
};

use super::{
    dir::Dir,
    lines::{jsonl, pretty},
    place::{BadPlace, InRun},
    run_dir::RunDir,
};

const SCHEMA: &str = "flow-studio/frozen/v1";
const LINE_SCHEMA: &str = "flow-studio/frozen-line/v1";
const INDEX: &str = "digests.json";
/// A definition is text that people wrote.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// All definitions of a run.
const LINES_BYTES_MAX: u64 = 256 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum FrozenError {
    #[error("nothing is frozen in {0}")]
    Missing(String),
    #[error("{0} was frozen before with another content")]
    Taken(String),
    #[error("frozen file {path} {what}")]
    Broken { path: String, what: &'static str },
    #[error(transparent)]
    Place(#[from] BadPlace),
    #[error("could not {act} {path}")]
    Io { act: &'static str, path: String, source: io::Error },
}

impl FrozenError {
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_))
    }
}

/// Files and directories that were written, and might not survive a power failure yet.
#[must_use = "give it to the journal"]
#[derive(Debug)]
pub struct Unsynced(pub(super) Vec<File>);

/// A flow's definition as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// As the journal names it.
    pub definition: Sha256,
    pub files: BTreeMap<String, Vec<u8>>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Index {
    schema: String,
    flow: FramePath,
    generation: u32,
    pub definition: Sha256,
    files: BTreeMap<String, Sha256>,
}

/// The same in one line, in `frozen.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    schema: String,
    flow: FramePath,
    generation: u32,
    definition: Sha256,
    files: BTreeMap<String, String>,
}

impl Frozen {
    /// Writes the line, which is synced together with the journal's that names `definition` and comes after, and the files, which
    /// are not: `read` knows what a power failure can leave of them. Doing it again is harmless.
    ///
    /// # Errors
    /// `Taken` if this generation holds something else.
    pub fn write(
        run: &RunDir,
        flow: &FramePath,
        generation: u32,
        definition: &Sha256,
        files: &[(String, Clean<Vec<u8>>)],
    ) -> Result<Unsynced, FrozenError> {
        let here = run.frozen(flow, generation);
        let mut texts = BTreeMap::new();
        for (path, bytes) in files {
            let place = here.child(path)?;
            let text = std::str::from_utf8(bytes.get()).map_err(|error| failing("write", &place)(io::Error::other(error)))?;
            texts.insert(path.clone(), text.to_owned());
        }
        let (schema, definition) = (LINE_SCHEMA.to_owned(), definition.clone());
        let line = Line { schema, flow: flow.clone(), generation, definition, files: texts };
        let index = line.index();
        let missing = match read_index(run, &here) {
            Ok(there) if there == index => false,
            Ok(_) => return Err(FrozenError::Taken(here.as_str().to_owned())),
            // A part of it at most, of a process that was killed or had no room.
            Err(FrozenError::Missing(_) | FrozenError::Broken { .. }) => true,
            Err(error) => return Err(error),
        };
        let mut dir = run.dir().map_err(failing("open", &here))?;
        let lines = run.frozen_lines();
        let kept = line.append(&mut dir, &lines).map_err(failing("write", &lines))?;
        if missing {
            line.copy(&mut dir, &here)?;
        }
        let mut unsynced = dir.above(&[lines]).map_err(failing("open", &here))?;
        unsynced.push(kept);
        Ok(Unsynced(unsynced))
    }

    /// Reads the definition back and compares each file with its digest. Files that are not there, or not whole, as after a power
    /// failure, are taken from the line; others that say something else are not.
    ///
    /// # Errors
    /// `Missing` or `Broken`, or what the file system says.
    pub fn read(run: &RunDir, flow: &FramePath, generation: u32) -> Result<Self, FrozenError> {
        let error = match Self::files(run, flow, generation) {
            Err(error @ (FrozenError::Missing(_) | FrozenError::Broken { .. })) => error,
            read => return read,
        };
        match Line::read(run, flow, generation)? {
            Some(line) if line.may_have_left(run, &run.frozen(flow, generation))? => {
                let files = line.files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect();
                Ok(Self { definition: line.definition, files })
            }
            _ => Err(error),
        }
    }

    /// The files alone.
    ///
    /// # Errors
    /// As [`Frozen::read`].
    pub(super) fn files(run: &RunDir, flow: &FramePath, generation: u32) -> Result<Self, FrozenError> {
        let here = run.frozen(flow, generation);
        let index = read_index(run, &here)?;
        let mut dir = run.dir().map_err(failing("open", &here))?;
        let mut files = BTreeMap::new();
        for (path, digest) in index.files {
            let place = here.child(&path)?;
            let bytes = match dir.read(&place, FILE_BYTES_MAX) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound || dir.is_no_file(&place) => {
                    return Err(FrozenError::Broken { path: place.as_str().to_owned(), what: "is not there" });
                }
                Err(source) => return Err(failing("read", &place)(source)),
            };
            if Sha256::of(&bytes) != digest {
                return Err(FrozenError::Broken { path: place.as_str().to_owned(), what: "was changed" });
            }
            files.insert(path, bytes);
        }
        Ok(Self { definition: index.definition, files })
    }

    /// Adds the line that says what these files do.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn keep(&self, run: &RunDir, flow: &FramePath, generation: u32) -> Result<(), FrozenError> {
        let place = run.frozen_lines();
        let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).map_err(io::Error::other);
        let files = self.files.iter().map(|(path, bytes)| Ok((path.clone(), text(bytes)?)));
        let files = files.collect::<io::Result<_>>().map_err(failing("write", &place))?;
        let (schema, definition) = (LINE_SCHEMA.to_owned(), self.definition.clone());
        let line = Line { schema, flow: flow.clone(), generation, definition, files };
        let mut dir = run.dir().map_err(failing("open", &place))?;
        let file = line.append(&mut dir, &place).map_err(failing("write", &place))?;
        file.sync_data().map_err(failing("write", &place))
    }

    /// Makes the files anew from the line, if that is of this definition.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn mend(run: &RunDir, flow: &FramePath, generation: u32, definition: &Sha256) -> Result<(), FrozenError> {
        let here = run.frozen(flow, generation);
        match Line::read(run, flow, generation)? {
            Some(line) if line.definition == *definition => {
                let mut dir = run.dir().map_err(failing("open", &here))?;
                line.copy(&mut dir, &here)
            }
            _ => Ok(()),
        }
    }
}

/// Every definition that `frozen.jsonl` holds; of two of one generation, the last.
pub(super) struct Lines(BTreeMap<(FramePath, u32), Line>);

impl Lines {
    /// # Errors
    /// What the file system says.
    pub fn read(run: &RunDir) -> Result<Self, FrozenError> {
        let bytes = Line::bytes(run)?;
        Ok(Self(Line::all(&bytes).map(|line| ((line.flow.clone(), line.generation), line)).collect()))
    }

    /// A flow's generations, and what each is of.
    pub fn of(&self, flow: &FramePath) -> impl Iterator<Item = (u32, &Sha256)> {
        self.0.iter().filter(move |((of, _), _)| of == flow).map(|((_, generation), line)| (*generation, &line.definition))
    }

    /// The files of this generation, as its line names them.
    pub fn places(&self, run: &RunDir, flow: &FramePath, generation: u32) -> Vec<InRun> {
        let here = run.frozen(flow, generation);
        let names = self.0.get(&(flow.clone(), generation)).into_iter().flat_map(|line| line.files.keys().map(String::as_str));
        names.chain([INDEX]).filter_map(|name| here.child(name).ok()).collect()
    }

    /// Whether the line of this generation says the same; `None`: there is no such line.
    pub fn agree(&self, flow: &FramePath, generation: u32, frozen: &Frozen) -> Option<bool> {
        let line = self.0.get(&(flow.clone(), generation))?;
        let files = line.files.iter().map(|(path, text)| (path.as_str(), text.as_bytes()));
        let same = files.eq(frozen.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())));
        Some(same && line.definition == frozen.definition)
    }
}

impl Line {
    /// The last one of this generation: one before it is of a process that was killed before it began.
    fn read(run: &RunDir, flow: &FramePath, generation: u32) -> Result<Option<Self>, FrozenError> {
        Ok(Self::among(&Self::bytes(run)?, flow, generation))
    }

    fn bytes(run: &RunDir) -> Result<Vec<u8>, FrozenError> {
        let place = run.frozen_lines();
        Ok(read(run, &place, LINES_BYTES_MAX)?.unwrap_or_default())
    }

    /// Those that are whole.
    fn all(bytes: &[u8]) -> impl DoubleEndedIterator<Item = Self> {
        // The end of the last line is none, and need not be told by a parser.
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.filter_map(|line| serde_json::from_slice::<Self>(line).ok()).filter(|line| line.schema == LINE_SCHEMA)
    }

    fn among(bytes: &[u8], flow: &FramePath, generation: u32) -> Option<Self> {
        Self::all(bytes).rev().find(|line| line.flow == *flow && line.generation == generation)
    }

    fn index(&self) -> Index {
        Index {
            schema: SCHEMA.to_owned(),
            flow: self.flow.clone(),
            generation: self.generation,
            definition: self.definition.clone(),
            files: self.files.iter().map(|(path, text)| (path.clone(), Sha256::of(text.as_bytes()))).collect(),
        }
    }

    /// Adds the line, below one that may be torn, unless it is there.
    fn append(&self, dir: &mut Dir, place: &InRun) -> io::Result<File> {
        let there = match dir.read(place, LINES_BYTES_MAX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound || dir.clear(place)? => Vec::new(),
            read => read?,
        };
        let mut file = dir.append(place)?;
        let known = Self::among(&there, &self.flow, self.generation).is_some_and(|line| line.index() == self.index());
        if !known {
            let mut bytes = if there.last().is_some_and(|last| *last != b'\n') { b"\n".to_vec() } else { Vec::new() };
            bytes.extend(jsonl(&[self])?);
            file.write_all(&bytes)?;
        }
        Ok(file)
    }

    /// Writes the files, the index last.
    fn copy(&self, dir: &mut Dir, here: &InRun) -> Result<(), FrozenError> {
        for (path, text) in &self.files {
            let place = here.child(path)?;
            write(dir, &place, text.as_bytes())?;
        }
        let place = here.child(INDEX)?;
        let bytes = pretty(&self.index()).map_err(|error| failing("write", &place)(error.into()))?;
        write(dir, &place, &bytes)
    }

    /// Whether what stands there is what is left of these files when the power fails: each is as it was, ends early, ends in zeros, or
    /// is not there.
    fn may_have_left(&self, run: &RunDir, here: &InRun) -> Result<bool, FrozenError> {
        let place = here.child(INDEX)?;
        let index = pretty(&self.index()).map_err(|error| failing("read", &place)(error.into()))?;
        let files = self.files.iter().map(|(path, text)| Ok((here.child(path)?, text.as_bytes())));
        for file in files.chain([Ok::<_, FrozenError>((place, index.as_slice()))]) {
            let (place, whole) = file?;
            let Some(bytes) = read(run, &place, FILE_BYTES_MAX)? else { continue };
            let written = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count();
            if bytes.len() > whole.len() || !whole.starts_with(&bytes[..written]) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// `None`: there is no such file; also where something else stands in its place, of which nothing is read.
fn read(run: &RunDir, place: &InRun, bytes_max: u64) -> Result<Option<Vec<u8>>, FrozenError> {
    let mut dir = run.dir().map_err(failing("open", place))?;
    match dir.read(place, bytes_max) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound || dir.is_no_file(place) => Ok(None),
        Err(source) => Err(failing("read", place)(source)),
    }
}

/// In place of whatever else stands there, which is put aside.
fn write(dir: &mut Dir, place: &InRun, bytes: &[u8]) -> Result<(), FrozenError> {
    let written = match dir.write(place, bytes) {
        Err(met) => dir.clear(place).and_then(|cleared| if cleared { dir.write(place, bytes) } else { Err(met) }),
        written => written,
    };
    written.map_err(failing("write", place))
}

pub(super) fn failing(act: &'static str, place: &InRun) -> impl FnOnce(io::Error) -> FrozenError + use<> {
    let path = place.as_str().to_owned();
    move |source| FrozenError::Io { act, path, source }
}

pub(super) fn read_index(run: &RunDir, here: &InRun) -> Result<Index, FrozenError> {
    let place = here.child(INDEX)?;
    let bytes = read(run, &place, FILE_BYTES_MAX)?.ok_or_else(|| FrozenError::Missing(here.as_str().to_owned()))?;
    serde_json::from_slice(&bytes).map_err(|_| FrozenError::Broken { path: place.as_str().to_owned(), what: "does not parse" })
}
