//! What defined a flow when it started: `frozen/<flow>/…`, a later generation in `frozen/<flow>@<n>/…`.
//! In: files as people wrote them, cleaned. Out: the same files, each compared with its digest.
//! Never: a frozen file changed. `digests.json` is written last: with it the set is complete, without it nothing is there.

use std::{
    collections::BTreeMap,
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
    /// Writes and syncs the files; the journal's line that names `definition` comes after. Doing it again is harmless.
    ///
    /// # Errors
    /// `Taken` if this generation holds something else.
    pub fn write(
        run: &RunDir,
        flow: &FramePath,
        generation: u32,
        definition: &Sha256,
        files: &[(String, Clean<Vec<u8>>)],
    ) -> Result<(), FrozenError> {
        let here = run.frozen(flow, generation);
        let digests = files.iter().map(|(path, bytes)| (path.clone(), Sha256::of(bytes.get()))).collect();
        let index =
            Index { schema: SCHEMA.to_owned(), flow: flow.clone(), generation, definition: definition.clone(), files: digests };
        match read_index(run, &here) {
            Ok(there) if there == index => return Ok(()),
            Ok(_) => return Err(FrozenError::Taken(here.as_str().to_owned())),
            Err(FrozenError::Missing(_)) => {}
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
        for (place, file) in &written {
            file.sync_data().map_err(fail(place))?;
        }
        let places: Vec<_> = written.iter().map(|(place, _)| place).collect();
        dir.sync_above(&places).map_err(fail(&here))?;
        let place = here.child(INDEX)?;
        let bytes = pretty(&index).map_err(|error| fail(&place)(error.into()))?;
        dir.write_synced(&place, &bytes).map_err(fail(&place))
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
