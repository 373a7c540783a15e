//! The repository that the workspace stands in.
//! In: the workspace's path. Out: commit, branch, whether anything is changed; a marker that tells when to ask again.
//! Never: a lock taken, a hook or a pager run, more than five seconds waited.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, SystemTime},
};

use crate::record::Git;

const WAIT_MAX: Duration = Duration::from_secs(5);

/// What git says of the workspace; `None`: no repository, no git, or no answer in time.
pub async fn git_state(workspace: &Path, path: Option<&str>, home: Option<&str>) -> Option<Git> {
    let mut command = tokio::process::Command::new("git");
    command
        // A repository's own configuration may name a program to ask for changes; it is not run.
        .args(["-c", "core.fsmonitor=false", "status", "--porcelain=v2", "--branch"])
        .current_dir(workspace)
        // Started from a hook, we would else be told of another repository.
        .env_clear()
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    for (name, value) in [("PATH", path), ("HOME", home)] {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    let output = tokio::time::timeout(WAIT_MAX, command.output()).await.ok()?.ok()?;
    output.status.success().then(|| parse(&String::from_utf8_lossy(&output.stdout)))
}

fn parse(text: &str) -> Git {
    let header = |key: &str| text.lines().filter_map(|line| line.strip_prefix("# ")).find_map(|line| line.strip_prefix(key));
    Git {
        sha: header("branch.oid ").filter(|sha| *sha != "(initial)").map(str::to_owned),
        branch: header("branch.head ").filter(|branch| *branch != "(detached)").map(str::to_owned),
        dirty: Some(text.lines().any(|line| !line.is_empty() && !line.starts_with("# "))),
    }
}

/// What is cheap to look at: the same marker means that commit, branch and index are what they were. A file of the
/// work tree may still have been edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    git_dir: PathBuf,
    head: Option<SystemTime>,
    /// The branch's own file moves with a commit, while HEAD stays.
    branch: Option<SystemTime>,
    packed: Option<SystemTime>,
    index: Option<SystemTime>,
}

/// Where a repository keeps its things.
#[derive(Debug, Clone)]
pub struct Repository {
    git_dir: PathBuf,
    /// Of all its worktrees.
    common: PathBuf,
}

impl Repository {
    /// Found by walking up; `None`: there is none.
    pub fn around(workspace: &Path) -> Option<Self> {
        let git_dir = workspace.ancestors().find_map(|directory| {
            let git = directory.join(".git");
            if git.is_dir() {
                return Some(git);
            }
            // A worktree or submodule: `gitdir: <path>`.
            let text = std::fs::read_to_string(&git).ok()?;
            Some(directory.join(text.strip_prefix("gitdir: ")?.trim_end()))
        })?;
        let common = match std::fs::read_to_string(git_dir.join("commondir")) {
            Ok(text) => git_dir.join(text.trim_end()),
            Err(_) => git_dir.clone(),
        };
        Some(Self { git_dir, common })
    }
    pub fn index(&self) -> PathBuf {
        self.git_dir.join("index")
    }
    pub fn objects(&self) -> PathBuf {
        self.common.join("objects")
    }
    /// Its objects are named by SHA-256.
    pub fn has_long_names(&self) -> bool {
        let config = std::fs::read_to_string(self.common.join("config")).unwrap_or_default().to_lowercase();
        config.lines().any(|line| line.replace(' ', "").trim() == "objectformat=sha256")
    }
}

/// `None`: there is no repository.
pub fn git_marker(workspace: &Path) -> Option<Marker> {
    let Repository { git_dir, common } = Repository::around(workspace)?;
    let modified = |path: PathBuf| path.metadata().and_then(|meta| meta.modified()).ok();
    let head = std::fs::read_to_string(git_dir.join("HEAD")).unwrap_or_default();
    Some(Marker {
        head: modified(git_dir.join("HEAD")),
        branch: head.strip_prefix("ref: ").and_then(|branch| modified(common.join(branch.trim_end()))),
        packed: modified(common.join("packed-refs")),
        index: modified(git_dir.join("index")),
        git_dir,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(dir: &Path, args: &[&str]) {
        let done = std::process::Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"])
            .args(args)
            .current_dir(dir)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    #[tokio::test]
    async fn a_repository_is_asked_for_its_commit_and_changes() {
        let dir = tempfile::tempdir().unwrap();
        let path = std::env::var("PATH").unwrap();
        git(dir.path(), &["init", "-q"]);
        let fresh = git_state(dir.path(), Some(&path), None).await.unwrap();
        assert_eq!(fresh, Git { sha: None, branch: Some("main".to_owned()), dirty: Some(false) });
        let before = git_marker(dir.path()).unwrap();
        git(dir.path(), &["commit", "-q", "--allow-empty", "-m", "one"]);
        assert_ne!(before, git_marker(dir.path()).unwrap());
        std::fs::write(dir.path().join("new"), "").unwrap();
        let state = git_state(dir.path(), Some(&path), None).await.unwrap();
        assert_eq!((state.sha.unwrap().len(), state.dirty), (40, Some(true)));
    }

    #[test]
    fn no_repository_has_no_marker() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(git_marker(dir.path()), None);
    }
}
