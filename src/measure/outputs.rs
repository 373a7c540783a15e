//! Files that a step needs or promises.
//! In: paths as the flow writes them. Out: size and digest of each, or why it is not there.
//! Never: a file outside the workspace and the run, however it is linked; a whole file in memory.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use sha2::Digest as _;

use crate::{
    id::Sha256,
    record::{Check, InputFile, OutputFile},
};

/// Where the paths of a flow begin.
#[derive(Debug, Clone)]
pub struct Roots {
    pub workspace: PathBuf,
    /// RUN_BASE: what other flows of the run left may be read.
    pub run_base: PathBuf,
    /// RUN_BASE/<flow>: where `artifacts/…` is.
    pub flow_dir: PathBuf,
}

/// Why a path cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    #[error("does not exist")]
    Missing,
    #[error("leads out of the workspace and of the run")]
    Outside,
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("is neither a file nor a directory")]
    Odd,
    #[error("holds more than {ENTRIES_MAX} files")]
    Many,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct There {
    pub bytes: u64,
    /// Of a directory: of the names and digests of all its files.
    pub sha256: Sha256,
}

/// More files in one declared directory are a mistake rather than an input.
const ENTRIES_MAX: usize = 10_000;

impl Roots {
    /// The place that a path of the flow means; nothing is looked at.
    pub fn place(&self, path: &str) -> PathBuf {
        let artifact = path == "artifacts" || path.starts_with("artifacts/");
        if artifact { self.flow_dir.join(path) } else { self.workspace.join(path) }
    }

    /// The place after all links, which must lie inside the workspace or the run.
    ///
    /// # Errors
    /// It does not exist, or lies elsewhere.
    pub fn find(&self, path: &str) -> Result<PathBuf, Unfit> {
        let real = self.place(path).canonicalize().map_err(missing)?;
        if self.holds(&real) { Ok(real) } else { Err(Unfit::Outside) }
    }

    /// Whether a place without links lies inside the workspace or the run.
    pub fn holds(&self, real: &Path) -> bool {
        [&self.workspace, &self.run_base]
            .into_iter()
            .filter_map(|root| root.canonicalize().ok())
            .any(|root| real.starts_with(root))
    }

    /// Why it is not there; and where a file of that name is instead, for whoever took the workspace for `$ARTIFACTS` or the other
    /// way round.
    fn said(&self, path: &str, why: &Unfit) -> String {
        let instead = match (why, path.strip_prefix("artifacts/")) {
            (Unfit::Missing, None) => {
                let there = format!("artifacts/{path}");
                self.find(&there).is_ok().then(|| format!("in the workspace; `{there}` does"))
            }
            (Unfit::Missing, Some(name)) => [path, name]
                .into_iter()
                .find(|there| self.workspace.join(there).canonicalize().is_ok_and(|real| self.holds(&real)))
                .map(|there| format!("in $ARTIFACTS; `{there}` in the workspace does")),
            _ => None,
        };
        instead.map_or_else(|| why.to_string(), |instead| format!("{why} {instead}"))
    }

    /// Size and digest of what is at a path. Blocks.
    ///
    /// # Errors
    /// It is not there, is elsewhere, or cannot be read.
    pub fn look(&self, path: &str) -> Result<There, Unfit> {
        let real = self.find(path)?;
        let meta = real.metadata().map_err(missing)?;
        if meta.is_dir() {
            directory(&real)
        } else if meta.is_file() {
            Ok(digest(&real)?)
        } else {
            Err(Unfit::Odd)
        }
    }
}

fn missing(error: io::Error) -> Unfit {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Unfit::Missing,
        _ => Unfit::Io(error),
    }
}

/// Size and digest of one file, read in pieces.
///
/// # Errors
/// The file cannot be read.
pub fn digest(path: &Path) -> io::Result<There> {
    digest_and_head(File::open(path)?, 0).map(|(there, _)| there)
}

/// Size and digest of all that is read, and the first bytes of just that.
///
/// # Errors
/// It cannot be read.
pub fn digest_and_head(mut from: impl io::Read, head_bytes_max: usize) -> io::Result<(There, Vec<u8>)> {
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    let (mut total, mut head) = (0, Vec::new());
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok((There { bytes: total, sha256: Sha256::from_raw(&hasher.finalize()) }, head)),
            bytes => {
                hasher.update(&buffer[..bytes]);
                head.extend_from_slice(&buffer[..bytes.min(head_bytes_max - head.len())]);
                total += bytes as u64;
            }
        }
    }
}

/// A directory as the sorted list of its files; links in it are named, not followed.
fn directory(root: &Path) -> Result<There, Unfit> {
    let mut hasher = sha2::Sha256::new();
    let mut total = 0;
    for (at, entry) in walkdir::WalkDir::new(root).sort_by_file_name().into_iter().enumerate() {
        if at > ENTRIES_MAX {
            return Err(Unfit::Many);
        }
        let entry = entry.map_err(io::Error::from)?;
        let name = entry.path().strip_prefix(root).unwrap_or(entry.path());
        hasher.update(name.as_os_str().as_encoded_bytes());
        hasher.update([0]);
        if entry.file_type().is_file() {
            let there = digest(entry.path())?;
            hasher.update(there.sha256.as_str());
            total += there.bytes;
        }
        hasher.update([b'\n']);
    }
    Ok(There { bytes: total, sha256: Sha256::from_raw(&hasher.finalize()) })
}

/// What a step needs, each with its digest. Blocks.
///
/// # Errors
/// Everything that is missing, at once, each as a sentence.
pub fn inputs(paths: &[String], roots: &Roots) -> Result<Vec<InputFile>, Vec<String>> {
    let (mut there, mut missing) = (Vec::new(), Vec::new());
    for path in paths {
        match roots.look(path) {
            Ok(found) => there.push(InputFile { path: path.clone(), sha256: found.sha256 }),
            Err(why) => missing.push(format!("{path} {}", roots.said(path, &why))),
        }
    }
    if missing.is_empty() { Ok(there) } else { Err(missing) }
}

/// What a step promised, each with its check. Blocks.
pub fn outputs(paths: &[String], roots: &Roots) -> Vec<(OutputFile, Check)> {
    paths
        .iter()
        .map(|path| {
            let seen = roots.look(path);
            let check = Check {
                name: format!("output {path}"),
                passed: seen.is_ok(),
                expected: "exists".to_owned(),
                actual: seen.as_ref().map_or_else(|why| roots.said(path, why), |there| format!("{} bytes", there.bytes)),
                evidence_path: None,
            };
            let file = match seen {
                Ok(there) => OutputFile { path: path.clone(), bytes: there.bytes, sha256: Some(there.sha256), exists: true },
                Err(_) => OutputFile { path: path.clone(), bytes: 0, sha256: None, exists: false },
            };
            (file, check)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots(dir: &Path) -> Roots {
        let (workspace, run_base) = (dir.join("w"), dir.join("r"));
        std::fs::create_dir_all(run_base.join("f/artifacts")).unwrap();
        std::fs::create_dir_all(&workspace).unwrap();
        Roots { workspace, flow_dir: run_base.join("f"), run_base }
    }

    #[test]
    fn artifacts_belong_to_the_flow_and_the_rest_to_the_workspace() {
        let dir = tempfile::tempdir().unwrap();
        let roots = roots(dir.path());
        std::fs::write(roots.flow_dir.join("artifacts/a"), "1").unwrap();
        std::fs::write(roots.workspace.join("b"), "22").unwrap();
        assert_eq!(roots.look("artifacts/a").unwrap().sha256, Sha256::of(b"1"));
        assert_eq!(roots.look("b").unwrap().bytes, 2);
        assert!(matches!(roots.look("a"), Err(Unfit::Missing)));
    }

    #[test]
    fn a_link_that_leaves_is_refused_and_one_that_stays_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let roots = roots(dir.path());
        std::fs::write(dir.path().join("secret"), "x").unwrap();
        std::fs::write(roots.workspace.join("real"), "x").unwrap();
        std::os::unix::fs::symlink(dir.path().join("secret"), roots.workspace.join("out")).unwrap();
        std::os::unix::fs::symlink("real", roots.workspace.join("in")).unwrap();
        assert!(matches!(roots.look("out"), Err(Unfit::Outside)));
        assert!(matches!(roots.look("../secret"), Err(Unfit::Outside)));
        assert!(matches!(roots.look("/etc/passwd"), Err(Unfit::Outside)));
        assert!(roots.look("in").is_ok());
    }

    #[test]
    fn everything_missing_is_told_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let missing = inputs(&["a".to_owned(), "artifacts/b".to_owned()], &roots(dir.path())).unwrap_err();
        assert_eq!(missing, ["a does not exist", "artifacts/b does not exist"]);
    }

    #[test]
    fn a_file_in_the_other_place_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let roots = roots(dir.path());
        std::fs::write(roots.flow_dir.join("artifacts/a"), "1").unwrap();
        std::fs::write(roots.workspace.join("b"), "2").unwrap();
        std::fs::create_dir(roots.workspace.join("artifacts")).unwrap();
        std::fs::write(roots.workspace.join("artifacts/c"), "3").unwrap();
        let said = |path: &str| inputs(&[path.to_owned()], &roots).unwrap_err().remove(0);
        assert_eq!(said("a"), "a does not exist in the workspace; `artifacts/a` does");
        assert_eq!(said("artifacts/b"), "artifacts/b does not exist in $ARTIFACTS; `b` in the workspace does");
        assert_eq!(said("artifacts/c"), "artifacts/c does not exist in $ARTIFACTS; `artifacts/c` in the workspace does");
        assert_eq!(outputs(&["a".to_owned()], &roots)[0].1.actual, said("a").strip_prefix("a ").unwrap());
        // What is there of that name, but elsewhere, is named to nobody.
        std::os::unix::fs::symlink("/etc/passwd", roots.flow_dir.join("artifacts/d")).unwrap();
        assert_eq!(said("d"), "d does not exist");
        assert_eq!(said("artifacts//etc/passwd"), "artifacts//etc/passwd does not exist");
    }

    #[test]
    fn a_directory_has_a_digest_that_its_files_decide() {
        let dir = tempfile::tempdir().unwrap();
        let roots = roots(dir.path());
        std::fs::create_dir(roots.workspace.join("d")).unwrap();
        std::fs::write(roots.workspace.join("d/x"), "1").unwrap();
        let before = roots.look("d").unwrap();
        std::fs::write(roots.workspace.join("d/x"), "2").unwrap();
        assert_ne!(before, roots.look("d").unwrap());
    }
}
