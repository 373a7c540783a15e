//! Where flows, agents and templates are read from: three directories, a frozen copy of them, or memory.
//! In: a name below one of the directories. Out: its bytes, and the name that messages show.
//! Never: more than 1 MiB read, a device or pipe opened, anything written.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::{
    diagnostic::{Diagnostic, Diagnostics},
    yaml::{FILE_BYTES_MAX, too_big},
};

/// More files in one directory are not listed.
const LISTED_MAX: usize = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dir {
    Flows,
    Agents,
    Workspace,
}

#[derive(Debug, Clone)]
pub(super) enum Files {
    Disk {
        flows: PathBuf,
        agents: PathBuf,
        workspace: PathBuf,
    },
    /// By the paths of a frozen copy: `flows/x.yaml`, `agents/a.md`, anything else below the workspace.
    Memory(BTreeMap<String, Vec<u8>>),
}

/// A file that was read.
pub(super) struct ReadFile {
    /// The name that messages show.
    pub(super) shown: String,
    pub(super) bytes: Vec<u8>,
}

impl Files {
    /// The directory's name as messages show it.
    pub(super) fn shown(&self, dir: Dir) -> String {
        match (self, dir) {
            (Self::Disk { flows, .. }, Dir::Flows) => flows.display().to_string(),
            (Self::Disk { agents, .. }, Dir::Agents) => agents.display().to_string(),
            (Self::Disk { workspace, .. }, Dir::Workspace) => workspace.display().to_string(),
            (Self::Memory(_), Dir::Flows) => "flows".to_owned(),
            (Self::Memory(_), Dir::Agents) => "agents".to_owned(),
            (Self::Memory(_), Dir::Workspace) => ".".to_owned(),
        }
    }

    /// `None`: there is no such file.
    pub(super) fn read(&self, dir: Dir, name: &str) -> Result<Option<ReadFile>, Diagnostics> {
        match self {
            Self::Disk { flows, agents, workspace } => {
                let base = match dir {
                    Dir::Flows => flows,
                    Dir::Agents => agents,
                    Dir::Workspace => workspace,
                };
                read_path(&base.join(name))
            }
            Self::Memory(files) => {
                let path = memory_path(dir, name);
                Ok(files.get(&path).map(|bytes| ReadFile { shown: path, bytes: bytes.clone() }))
            }
        }
    }

    pub(super) fn exists(&self, dir: Dir, name: &str) -> bool {
        match self {
            Self::Disk { flows, agents, workspace } => match dir {
                Dir::Flows => flows.join(name).is_file(),
                Dir::Agents => agents.join(name).is_file(),
                Dir::Workspace => workspace.join(name).is_file(),
            },
            Self::Memory(files) => files.contains_key(&memory_path(dir, name)),
        }
    }

    /// Names of the files in a directory, sorted; a folder counts by the `SKILL.md` in it.
    pub(super) fn list(&self, dir: Dir) -> Vec<String> {
        let mut names: Vec<String> = match self {
            Self::Disk { flows, agents, workspace } => {
                let base = match dir {
                    Dir::Flows => flows,
                    Dir::Agents => agents,
                    Dir::Workspace => workspace,
                };
                let entries = std::fs::read_dir(base).into_iter().flatten().take(LISTED_MAX).flatten();
                entries
                    .filter_map(|entry| {
                        let name = entry.file_name().into_string().ok()?;
                        let path = entry.path();
                        if path.is_dir() {
                            path.join("SKILL.md").is_file().then(|| format!("{name}/SKILL.md"))
                        } else {
                            Some(name)
                        }
                    })
                    .collect()
            }
            Self::Memory(files) => {
                let prefix = memory_path(dir, "");
                files.keys().filter_map(|path| path.strip_prefix(&prefix)).map(str::to_owned).collect()
            }
        };
        names.sort();
        names
    }
}

fn memory_path(dir: Dir, name: &str) -> String {
    match dir {
        Dir::Flows => format!("flows/{name}"),
        Dir::Agents => format!("agents/{name}"),
        Dir::Workspace => name.to_owned(),
    }
}

/// Reads a regular file of at most 1 MiB; `None` where there is none.
pub(super) fn read_path(path: &Path) -> Result<Option<ReadFile>, Diagnostics> {
    let shown = path.display().to_string();
    let failed =
        |error: &io::Error| Diagnostics::from(Diagnostic::error("unreadable-file", format!("{shown} cannot be read: {error}")));
    // Asked before it is opened: opening a pipe would wait for a writer.
    let about = match std::fs::metadata(path) {
        Ok(about) => about,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    if !about.is_file() {
        return Err(Diagnostic::error("unreadable-file", format!("{shown} is not a regular file")).into());
    }
    if about.len() > FILE_BYTES_MAX {
        return Err(too_big(&shown, about.len()).into());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(about.len()).unwrap_or(0));
    let file = File::open(path).map_err(|error| failed(&error))?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    Ok(Some(ReadFile { shown, bytes }))
}
