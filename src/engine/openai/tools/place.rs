//! Where a model's path leads: into the workspace or the flow's artifacts, and nowhere else.
//! In: a path as a model wrote it. Out: the same path, relative and plain, or why it is refused.
//! Never: `..`, a link out, the repository's own files, another run.

use std::path::{Component, Path, PathBuf};

use crate::measure::Roots;

/// Directories that are not looked into: they are large, and nobody writes them by hand.
pub(super) const SKIPPED: &[&str] = &[".git", "node_modules", "target", ".venv", "__pycache__"];

/// The path as the rest of the program writes it. An absolute path inside of the workspace is made relative.
pub(super) fn relative(roots: &Roots, path: &str) -> Result<String, String> {
    let path = path.trim();
    if path.is_empty() || path == "." {
        return Ok(".".to_owned());
    }
    if path.contains('\0') {
        return Err("a path holds no zero byte".to_owned());
    }
    let given = Path::new(path);
    let inside: PathBuf = if given.is_absolute() {
        let artifacts = given.strip_prefix(roots.flow_dir.join("artifacts")).map(|rest| Path::new("artifacts").join(rest));
        let real = || roots.workspace.canonicalize().ok().and_then(|real| given.strip_prefix(real).ok().map(Path::to_path_buf));
        let outside = || format!("`{path}` leads out of the workspace; paths are relative to it");
        artifacts
            .or_else(|_| given.strip_prefix(&roots.workspace).map(Path::to_path_buf))
            .or_else(|_| real().ok_or_else(outside))?
    } else {
        given.to_path_buf()
    };
    let mut parts = Vec::new();
    for part in inside.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::CurDir => {}
            Component::ParentDir => return Err(format!("`{path}` holds `..`; paths are relative to the workspace")),
            Component::RootDir | Component::Prefix(_) => return Err(format!("`{path}` leads out of the workspace")),
        }
    }
    Ok(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

/// What a tool may read, looked up once per call.
pub(super) struct Readable {
    workspace: PathBuf,
    run: PathBuf,
    /// The directory of all runs, where it lies in the workspace.
    runs: Option<PathBuf>,
}

impl Readable {
    pub fn new(roots: &Roots) -> Self {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let (workspace, run) = (real(&roots.workspace), real(&roots.run_base));
        let runs = run.parent().filter(|runs| runs.starts_with(&workspace) && *runs != workspace).map(Path::to_owned);
        Self { workspace, run, runs }
    }

    /// The workspace without its runs, and of this run the artifacts of its flows. `real`: without links.
    pub fn holds(&self, real: &Path) -> bool {
        if let Ok(rest) = real.strip_prefix(&self.run) {
            return rest.components().nth(1).is_some_and(|part| part.as_os_str() == "artifacts");
        }
        real.starts_with(&self.workspace) && !self.runs.as_ref().is_some_and(|runs| real.starts_with(runs))
    }

    /// The place of a path that is there, after all links.
    pub fn existing(&self, roots: &Roots, path: &str) -> Result<PathBuf, String> {
        let real = roots.place(path).canonicalize().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => format!("`{path}` does not exist"),
            _ => format!("`{path}` cannot be read: {error}"),
        })?;
        if self.holds(&real) { Ok(real) } else { Err(format!("`{path}` leads out of the workspace")) }
    }
}

/// What a tool may write. A hook in `.git` would run later, with nobody looking.
pub(super) fn may_write(path: &str) -> Result<(), String> {
    if path == "." || path == "artifacts" {
        return Err(format!("`{path}` is a directory"));
    }
    if path.split('/').any(|part| part.eq_ignore_ascii_case(".git")) {
        return Err(format!("`{path}` belongs to the repository itself; use git by run_command"));
    }
    Ok(())
}
