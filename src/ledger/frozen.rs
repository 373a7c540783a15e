//! What defined a flow when it started: `frozen/<flow>/…`, a later generation in `frozen/<flow>@<n>/…`.
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
    lines::pretty,
    place::{BadPlace, InRun},
    run_dir::RunDir,
};

const SCHEMA: &str = "flow-studio/frozen/v1";
const INDEX: &str = "digests.json";
/// A definition is text that people wrote.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

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
struct Index {
    schema: String,
    flow: FramePath,
    generation: u32,
    definition: Sha256,
    files: BTreeMap<String, Sha256>,
}

impl Frozen {
    /// Writes the files; they are synced together with the journal's line that names `definition`, which comes after.
    /// Doing it again is harmless.
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
        let digests = files.iter().map(|(path, bytes)| (path.clone(), Sha256::of(bytes.get()))).collect();
        let index =
            Index { schema: SCHEMA.to_owned(), flow: flow.clone(), generation, definition: definition.clone(), files: digests };
        match read_index(run, &here) {
            Ok(there) if there == index => return Ok(Unsynced(Vec::new())),
            Ok(_) => return Err(FrozenError::Taken(here.as_str().to_owned())),
            // A part of it at most, of a process that was killed or had no room.
            Err(FrozenError::Missing(_) | FrozenError::Broken { .. }) => {}
            Err(error) => return Err(error),
        }
        let fail = |place: &InRun| {
            let path = place.as_str().to_owned();
            move |source| FrozenError::Io { act: "write", path, source }
        };
        let mut dir = run.dir().map_err(fail(&here))?;
        let mut written = Vec::with_capacity(files.len());
        for (path, bytes) in files {
            let place = here.child(path)?;
            let mut file = dir.create(&place).map_err(fail(&place))?;
            file.write_all(bytes.get()).map_err(fail(&place))?;
            written.push((place, file));
        }
        let place = here.child(INDEX)?;
        let bytes = pretty(&index).map_err(|error| fail(&place)(error.into()))?;
        let mut file = dir.create(&place).map_err(fail(&place))?;
        file.write_all(&bytes).map_err(fail(&place))?;
        written.push((place, file));
        let (places, mut files): (Vec<InRun>, Vec<File>) = written.into_iter().unzip();
        files.extend(dir.above(&places).map_err(fail(&here))?);
        Ok(Unsynced(files))
    }

    /// Reads the files back and compares each with its digest.
    ///
    /// # Errors
    /// `Missing` or `Broken`, or what the file system says.
    pub fn read(run: &RunDir, flow: &FramePath, generation: u32) -> Result<Self, FrozenError> {
        let here = run.frozen(flow, generation);
        let index = read_index(run, &here)?;
        let mut dir = run.dir().map_err(|source| FrozenError::Io { act: "open", path: here.as_str().to_owned(), source })?;
        let mut files = BTreeMap::new();
        for (path, digest) in index.files {
            let place = here.child(&path)?;
            let bytes = match dir.read(&place, FILE_BYTES_MAX) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(FrozenError::Broken { path: place.as_str().to_owned(), what: "is not there" });
                }
                Err(source) => return Err(FrozenError::Io { act: "read", path: place.as_str().to_owned(), source }),
            };
            if Sha256::of(&bytes) != digest {
                return Err(FrozenError::Broken { path: place.as_str().to_owned(), what: "was changed" });
            }
            files.insert(path, bytes);
        }
        Ok(Self { definition: index.definition, files })
    }
}

fn read_index(run: &RunDir, here: &InRun) -> Result<Index, FrozenError> {
    let place = here.child(INDEX)?;
    let bytes = match run.read(&place, FILE_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(FrozenError::Missing(here.as_str().to_owned())),
        Err(source) => return Err(FrozenError::Io { act: "read", path: place.as_str().to_owned(), source }),
    };
    serde_json::from_slice(&bytes).map_err(|_| FrozenError::Broken { path: place.as_str().to_owned(), what: "does not parse" })
}
