//! Captures files as they are now.
//! In: globs relative to the workspace. Out: the redacted bytes, piece by piece, and an index with raw digests.
//! Never: a link followed out of the workspace, a file larger than `FILE_BYTES_MAX`, a whole file in memory.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use globset::{Glob, GlobMatcher};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::{
    id::{Sha256, SnapshotName},
    redact::{Clean, Redactor},
};

/// Larger files are data, not configuration; a step can hash them itself.
pub const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// More files are a glob that says too little.
const FILES_MAX: usize = 10_000;
/// Larger files leave in parts.
const PART_BYTES: usize = 256 * 1024;

/// `snapshots/<name>/index.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Index {
    #[schemars(extend("const" = "flow-studio/snapshot/v1"))]
    pub schema: String,
    pub name: SnapshotName,
    /// The execution of the step that took it. Those before it are beside it, as `<name>.<execution>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<u32>,
    pub files: Vec<CapturedFile>,
    pub commands: Vec<CapturedCommand>,
}

impl Index {
    pub const SCHEMA: &'static str = "flow-studio/snapshot/v1";
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CapturedFile {
    /// Relative to the workspace; its copy is `files/<path>`.
    pub path: String,
    pub bytes: u64,
    /// Of the file itself; this one decides whether two states are equal.
    pub sha256: Sha256,
    /// Of the copy.
    pub stored_sha256: Sha256,
    /// The copy hides something.
    pub redacted: bool,
    /// Octal, like `644`.
    pub mode: String,
    /// Where a link that leaves the workspace points; it has no copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CapturedCommand {
    /// Its output is `commands/<name>.txt`.
    pub name: SnapshotName,
    pub bytes: u64,
    pub sha256: Sha256,
    pub stored_sha256: Sha256,
    pub redacted: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("`{glob}` is not a glob: {why}")]
    Glob { glob: String, why: String },
    #[error("`{0}` must be relative to the workspace, without `..`")]
    Outside(String),
    #[error("{path} has {bytes} bytes; a snapshot takes files up to {FILE_BYTES_MAX}")]
    Large { path: String, bytes: u64 },
    #[error("the globs match more than {FILES_MAX} files")]
    Many,
    #[error("{0} has a name that is not UTF-8")]
    Name(String),
    #[error("{path} cannot be read: {why}")]
    Read { path: String, why: io::Error },
    #[error("stopped")]
    Stopped,
}

/// Takes the next bytes of a copy: its path below `files/`, where they belong, and the bytes. `false`: stop.
pub type Take<'t> = dyn FnMut(&str, u64, Clean<Vec<u8>>) -> bool + 't;

/// Captures every file that a glob matches; in order of their paths. `omit`: a directory that is not looked into. Blocks.
///
/// # Errors
/// A glob or a file that cannot be used. What was handed over until then is no snapshot.
pub fn capture(
    workspace: &Path,
    omit: &Path,
    globs: &[String],
    redactor: &Redactor,
    take: &mut Take<'_>,
) -> Result<Vec<CapturedFile>, SnapshotError> {
    let root = workspace.canonicalize().map_err(|why| SnapshotError::Read { path: workspace.display().to_string(), why })?;
    let mut found = std::collections::BTreeSet::new();
    for glob in globs {
        matches(&root, omit, glob, &mut found)?;
    }
    found.iter().map(|path| one(&root, path, redactor, take)).collect()
}

pub(super) fn matcher(glob: &str) -> Result<GlobMatcher, SnapshotError> {
    let clean = glob.strip_prefix("./").unwrap_or(glob);
    if clean.starts_with('/') || clean.split('/').any(|part| part == "..") {
        return Err(SnapshotError::Outside(glob.to_owned()));
    }
    let built: Result<Glob, _> = globset::GlobBuilder::new(clean).literal_separator(true).build();
    let built = built.map_err(|error| SnapshotError::Glob { glob: glob.to_owned(), why: error.kind().to_string() })?;
    Ok(built.compile_matcher())
}

/// The part of a glob before its first wildcard: where the walk begins.
fn literal_base(glob: &str) -> PathBuf {
    let clean = glob.strip_prefix("./").unwrap_or(glob);
    clean.split('/').take_while(|part| !part.contains(['*', '?', '[', '{', '\\'])).collect()
}

fn matches(root: &Path, omit: &Path, glob: &str, found: &mut std::collections::BTreeSet<String>) -> Result<(), SnapshotError> {
    let matcher = matcher(glob)?;
    let start = root.join(literal_base(glob));
    // A base that leaves through a link is not walked.
    if !start.parent().and_then(|parent| parent.canonicalize().ok()).is_some_and(|real| real.starts_with(root) || start == root) {
        return Ok(());
    }
    // A base that is itself a link is walked only where it leads back inside; else it is an entry like others.
    let inside = start.canonicalize().is_ok_and(|real| real.starts_with(root));
    let inner =
        |entry: &walkdir::DirEntry| !(entry.file_type().is_dir() && (entry.file_name() == ".git" || entry.path() == omit));
    for entry in walkdir::WalkDir::new(&start).follow_root_links(inside).into_iter().filter_entry(inner) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.io_error().is_some_and(|why| why.kind() == io::ErrorKind::NotFound) => continue,
            Err(error) => {
                let path = error.path().unwrap_or(&start).display().to_string();
                return Err(SnapshotError::Read { path, why: error.into() });
            }
        };
        let Ok(relative) = entry.path().strip_prefix(root) else { continue };
        if entry.file_type().is_dir() || !matcher.is_match(relative) {
            continue;
        }
        let path = relative.to_str().ok_or_else(|| SnapshotError::Name(relative.display().to_string()))?;
        found.insert(path.to_owned());
        if found.len() > FILES_MAX {
            return Err(SnapshotError::Many);
        }
    }
    Ok(())
}

fn one(root: &Path, path: &str, redactor: &Redactor, take: &mut Take<'_>) -> Result<CapturedFile, SnapshotError> {
    let read = |why| SnapshotError::Read { path: path.to_owned(), why };
    let place = root.join(path);
    let real = place.canonicalize();
    if !real.as_ref().is_ok_and(|real| real.starts_with(root)) {
        let target = std::fs::read_link(&place).map_err(read)?.display().to_string();
        let sha256 = Sha256::of(target.as_bytes());
        let link = redactor.text(&target).into_inner();
        return Ok(CapturedFile {
            path: path.to_owned(),
            bytes: 0,
            stored_sha256: Sha256::of(link.as_bytes()),
            sha256,
            redacted: link != target,
            mode: "link".to_owned(),
            link: Some(link),
        });
    }
    let real = real.map_err(read)?;
    let meta = real.metadata().map_err(read)?;
    if !meta.is_file() {
        return Err(read(io::Error::other("it is neither a file nor a directory")));
    }
    let mut file = File::open(&real).map_err(read)?;
    let mut copy = Copy { stream: Some(redactor.stream()), raw: sha2::Sha256::new(), stored: sha2::Sha256::new(), at: 0 };
    let mut buffer = vec![0; PART_BYTES.min(usize::try_from(meta.len()).unwrap_or(PART_BYTES) + 1)];
    let mut bytes = 0;
    loop {
        let got = file.read(&mut buffer).map_err(read)?;
        bytes += got as u64;
        // Asked while it is read: the file may grow.
        if bytes > FILE_BYTES_MAX {
            return Err(SnapshotError::Large { path: path.to_owned(), bytes: meta.len().max(bytes) });
        }
        if !copy.next(path, &buffer[..got], take) {
            return Err(SnapshotError::Stopped);
        }
        if got == 0 {
            break;
        }
    }
    let (sha256, stored_sha256) = (Sha256::from_raw(&copy.raw.finalize()), Sha256::from_raw(&copy.stored.finalize()));
    Ok(CapturedFile {
        path: path.to_owned(),
        bytes,
        redacted: sha256 != stored_sha256,
        sha256,
        stored_sha256,
        mode: format!("{:o}", meta.permissions().mode() & 0o7777),
        link: None,
    })
}

/// One file on its way into the snapshot.
struct Copy {
    stream: Option<crate::redact::StreamRedactor>,
    raw: sha2::Sha256,
    stored: sha2::Sha256,
    at: u64,
}

impl Copy {
    /// No bytes are the end.
    fn next(&mut self, path: &str, raw: &[u8], take: &mut Take<'_>) -> bool {
        self.raw.update(raw);
        let clean = match (&mut self.stream, raw.is_empty()) {
            (Some(stream), false) => stream.push(raw),
            (stream, _) => stream.take().map_or_else(Clean::default, crate::redact::StreamRedactor::finish),
        };
        let end = raw.is_empty();
        self.stored.update(clean.get());
        let bytes = clean.get().len() as u64;
        // An empty file is a file: its copy begins, and ends, with nothing.
        let go_on = if bytes > 0 || end && self.at == 0 { take(path, self.at, clean) } else { true };
        self.at += bytes;
        go_on
    }
}
