//! What a step changes in the repository around the workspace, and in its flow's artifacts.
//! In: a task, before and after its work. Out: figures for the receipt, and what claims are held against.
//! Never: the repository's own index, objects or locks touched; a program run that its configuration or attributes name;
//! a file's time believed.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use crate::{
    id::Sha256,
    measure::{self, PER_FILE_MAX, Repository},
    record::{Figures, FileChange, Reply},
};

use super::{Piece, Task, contract::blocking};

/// For one question to git; a large work tree that was never looked at takes a while.
const WAIT_MAX: Duration = Duration::from_secs(20);
/// More artifacts, or larger ones, are not digested; then their times have to do.
const ARTIFACTS_MAX: usize = 2_000;
const ARTIFACT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Paths of one question to git.
const ASKED_MAX: usize = 200;
/// The tree without files: attributes are read from there, and so there are none. Of repositories with SHA-1, and with SHA-256.
const EMPTY_TREES: [&str; 2] =
    ["4b825dc642cb6eb9a060e54bf8d69288fbee4904", "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"];

const LEAVE_OUT: &str = ":(exclude,literal)";

/// The contents as they were before the work.
pub(crate) struct Before {
    /// `None`: nobody asked.
    repository: Option<Result<Scratch, String>>,
    artifacts: Option<BTreeMap<PathBuf, Sha256>>,
}

/// What is different after it.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// Relative to the workspace; `None`: not measured.
    pub files: Option<Vec<FileChange>>,
    /// Artifacts that are new or other than before, as `artifacts/…`; `None`: not measured.
    pub artifacts: Option<BTreeSet<String>>,
    pub(in crate::engine) scratch: Option<Scratch>,
}

/// An index and an object store of our own, beside the repository's.
#[derive(Debug)]
pub(crate) struct Scratch {
    directory: tempfile::TempDir,
    workspace: PathBuf,
    objects: PathBuf,
    no_attributes: &'static str,
    path: Option<String>,
    home: Option<String>,
    /// The directory of all runs, where it lies in the workspace.
    leave_out: Option<OsString>,
}

/// Looks at what is there, as far as the job wants to know.
pub(crate) async fn before(task: &Task<'_>, reply_tree: &mut Option<Sha256>) -> Before {
    let job = task.job;
    let mut repository = None;
    if job.watched.changes || job.watched.tree {
        let scratch = match Scratch::new(task) {
            Ok(scratch) => scratch.take_in().await.map(|()| scratch),
            Err(why) => Err(why),
        };
        if let (true, Ok(scratch)) = (job.watched.tree, &scratch) {
            *reply_tree = scratch.tree().await;
        }
        repository = job.watched.changes.then_some(scratch);
    }
    let artifacts = match job.watched.artifacts {
        true => artifacts(task).await,
        false => None,
    };
    Before { repository, artifacts }
}

impl Before {
    /// Compares, and writes the figures into the reply.
    pub async fn after(self, task: &Task<'_>, reply: &mut Reply) -> Changed {
        let mut changed = Changed::default();
        if let Some(before) = self.artifacts
            && let Some(now) = artifacts(task).await
        {
            let other = now.iter().filter(|(path, sha256)| before.get(*path) != Some(sha256));
            changed.artifacts = Some(other.map(|(path, _)| format!("artifacts/{}", path.display())).collect());
        }
        let found = match self.repository {
            None => return changed,
            Some(Err(why)) => Err(why),
            Some(Ok(scratch)) => match scratch.compare().await {
                Ok((files, partly)) => {
                    changed.scratch = Some(scratch);
                    Ok((files, partly))
                }
                Err(why) => Err(why),
            },
        };
        reply.changes = Some(Box::new(match found {
            Err(why) => Figures::unmeasured(why, None),
            Ok((files, partly)) => {
                let evidence = if files.len() > PER_FILE_MAX { Some(keep(task, &files).await) } else { None };
                changed.files = Some(files.clone());
                Figures { reason: partly, ..Figures::of(measure::change_figures(files), evidence) }
            }
        }));
        changed
    }
}

async fn keep(task: &Task<'_>, files: &[FileChange]) -> String {
    let path = task.changes_path();
    let bytes = task.redactor.bytes(measure::change_list(files).into_bytes());
    task.outlet.send(Piece::File { path: path.clone(), bytes }).await;
    path
}

impl Changed {
    /// Which of these paths git would see if they changed: they are there, and not ignored.
    pub async fn known(&self, paths: &[String]) -> BTreeSet<String> {
        let Some(scratch) = self.scratch.as_ref().filter(|_| !paths.is_empty()) else { return BTreeSet::new() };
        let mut args: Vec<OsString> = ["--literal-pathspecs", "ls-files", "-z", "--"].map(OsString::from).into();
        args.extend(paths.iter().take(ASKED_MAX).map(OsString::from));
        let names = scratch.git(args).await.map(|(out, _)| out).unwrap_or_default();
        names
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty())
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect()
    }
}

impl Scratch {
    fn new(task: &Task<'_>) -> Result<Self, String> {
        let job = task.job;
        let repository = Repository::around(&job.workspace).ok_or("the workspace is in no git repository")?;
        let directory = tempfile::tempdir().map_err(|error| format!("no scratch directory: {error}"))?;
        // With the repository's own index, git need not read again what has not changed since.
        match std::fs::copy(repository.index(), directory.path().join("index")) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("the repository's index cannot be read: {error}")),
        }
        std::fs::create_dir(directory.path().join("objects")).map_err(|error| format!("no scratch directory: {error}"))?;
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let (workspace, run) = (real(&job.workspace), real(&job.run_base));
        let runs = run.parent().and_then(|runs| runs.strip_prefix(&workspace).ok()).filter(|rest| !rest.as_os_str().is_empty());
        let leave_out = runs.map(|runs| {
            let mut text = OsString::from(LEAVE_OUT);
            text.push(runs);
            text
        });
        let var = |name: &str| job.env.get(name).cloned();
        let no_attributes = EMPTY_TREES[usize::from(repository.has_long_names())];
        Ok(Self {
            directory,
            objects: repository.objects(),
            no_attributes,
            path: var("PATH"),
            home: var("HOME"),
            leave_out,
            workspace,
        })
    }

    /// All that is there now becomes the index to compare with.
    async fn take_in(&self) -> Result<(), String> {
        self.git(self.here(&["add", "--all", "--ignore-errors"])).await.map(drop)
    }

    /// What differs from it, and what git could not read.
    async fn compare(&self) -> Result<(Vec<FileChange>, Option<String>), String> {
        // Files that are new are in the index by name only, so that they are compared, too.
        let (_, partly) = self.git(self.here(&["add", "--intent-to-add", "--ignore-removal", "--ignore-errors"])).await?;
        let ask = ["diff-files", "--raw", "--numstat", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", "--relative"];
        let (answer, _) = self.git(self.here(&ask)).await?;
        Ok((measure::changes(&answer)?, partly))
    }

    async fn tree(&self) -> Option<Sha256> {
        let (out, _) = self.git(vec![OsString::from("write-tree")]).await.ok()?;
        Some(Sha256::of(out.trim_ascii()))
    }

    /// The command over everything below the workspace but the runs.
    fn here(&self, command: &[&str]) -> Vec<OsString> {
        let mut args: Vec<OsString> = command.iter().map(OsString::from).collect();
        args.extend(["--", "."].map(OsString::from));
        args.extend(self.leave_out.clone());
        args
    }

    /// Standard output, and what it could not do of what was asked.
    async fn git(&self, args: Vec<OsString>) -> Result<(Vec<u8>, Option<String>), String> {
        let mut command = tokio::process::Command::new("git");
        command
            // A repository's own configuration and attributes may name programs; none is run.
            .args([
                "-c",
                "core.fsmonitor=false",
                "-c",
                "core.hooksPath=/dev/null",
                "-c",
                "core.autocrlf=false",
                "-c",
                "core.safecrlf=false",
            ])
            .args(["-c", "advice.addEmbeddedRepo=false"])
            .args(args)
            .current_dir(&self.workspace)
            .env_clear()
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_ATTR_SOURCE", self.no_attributes)
            // What a partial clone lacks is not fetched for this.
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_INDEX_FILE", self.directory.path().join("index"))
            .env("GIT_OBJECT_DIRECTORY", self.directory.path().join("objects"))
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", quoted(&self.objects))
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        for (name, value) in [("PATH", &self.path), ("HOME", &self.home)] {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        let output = match tokio::time::timeout(WAIT_MAX, command.output()).await {
            Err(_) => return Err(format!("git did not answer within {} s", WAIT_MAX.as_secs())),
            Ok(Err(error)) => return Err(format!("git cannot be started: {error}")),
            Ok(Ok(output)) => output,
        };
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said.lines().map(str::trim).find(|line| !line.is_empty() && !self.is_known(line));
        let first = || first.unwrap_or("it says no more").chars().take(200).collect::<String>();
        match output.status.code() {
            Some(0) => Ok((output.stdout, None)),
            // With --ignore-errors: all but what it names.
            Some(1) if first() == "it says no more" => Ok((output.stdout, None)),
            Some(1) => Ok((output.stdout, Some(format!("without what git cannot read: {}", first())))),
            _ => Err(format!("git: {}", first())),
        }
    }

    /// That the runs are ignored anyway is no news; git says it where they are left out by name.
    fn is_known(&self, line: &str) -> bool {
        let runs = self.leave_out.as_ref().and_then(|text| text.to_str()?.strip_prefix(LEAVE_OUT));
        // From the top of the repository, of which the workspace may be a part.
        let is_runs = runs.is_some_and(|runs| line.strip_suffix(runs).is_some_and(|rest| rest.is_empty() || rest.ends_with('/')));
        is_runs || line.starts_with("hint:") || line.starts_with("The following paths are ignored by")
    }
}

/// A path in a list that is separated by colons.
fn quoted(path: &Path) -> OsString {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    let bytes = path.as_os_str().as_bytes();
    if !bytes.contains(&b':') && !bytes.starts_with(b"\"") {
        return path.as_os_str().to_owned();
    }
    let mut out = vec![b'"'];
    for byte in bytes {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
    OsString::from_vec(out)
}

/// Digests of the flow's artifacts, by their path below `artifacts/`.
async fn artifacts(task: &Task<'_>) -> Option<BTreeMap<PathBuf, Sha256>> {
    // What the step handed over stands in its file.
    if task.outlet.sent_anything() {
        task.outlet.written().await;
    }
    let base = task.job.flow_dir.join("artifacts");
    blocking(move || {
        let (mut found, mut bytes) = (BTreeMap::new(), 0u64);
        for entry in walkdir::WalkDir::new(&base).into_iter().flatten().filter(|entry| entry.file_type().is_file()) {
            bytes = bytes.saturating_add(entry.metadata().map_or(0, |meta| meta.len()));
            if found.len() == ARTIFACTS_MAX || bytes > ARTIFACT_BYTES_MAX {
                return None;
            }
            let name = entry.path().strip_prefix(&base).unwrap_or(entry.path()).to_owned();
            found.insert(name, measure::digest(entry.path()).ok()?.sha256);
        }
        Some(found)
    })
    .await
}
