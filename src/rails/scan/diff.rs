//! Lines that a work tree has and a revision has not.
//! In: what `git diff` prints. Out: the added lines, looked at. Never: a hook, a filter or a pager of the repository run.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Stdio},
};

use super::Scanner;

#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    #[error("git cannot be run: {0}")]
    Start(#[from] std::io::Error),
    #[error("git does not give the difference to `{rev}`: {why}")]
    Git { rev: String, why: String },
}

impl Scanner<'_> {
    /// Looks at what was added in `directory` since `rev`, committed or not; files that git does not know yet are new as
    /// a whole. Blocks.
    ///
    /// # Errors
    /// There is no git, no repository, or no such revision.
    pub fn diff(&mut self, directory: &Path, rev: &str, env: &BTreeMap<String, String>) -> Result<(), DiffError> {
        let git = |args: &[&str]| -> Result<String, DiffError> {
            let mut command = Command::new("git");
            command.args(["-c", "core.fsmonitor=false", "-c", "core.quotePath=false"]).args(args).current_dir(directory);
            let output =
                command.env_clear().envs(env).env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C").stdin(Stdio::null()).output()?;
            if output.status.success() {
                return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
            }
            let why = String::from_utf8_lossy(&output.stderr);
            let why = why.lines().next().unwrap_or_default().to_owned();
            Err(DiffError::Git { rev: rev.to_owned(), why })
        };
        const PLAIN: [&str; 8] = [
            "--no-ext-diff",
            "--no-textconv",
            "--no-color",
            "--unified=0",
            "--relative",
            "--src-prefix=a/",
            "--dst-prefix=b/",
            "--no-renames",
        ];
        let mut args = vec!["diff"];
        args.extend(PLAIN);
        args.extend(["--end-of-options", rev, "--"]);
        let text = git(&args)?;
        self.added(&text);
        for path in git(&["ls-files", "--others", "--exclude-standard", "-z"])?.split('\0').filter(|path| !path.is_empty()) {
            if let Err(error) = self.path(&directory.join(path), path, true, None) {
                self.not_looked_at(path, error.to_string());
            }
        }
        Ok(())
    }

    /// The added lines of a diff, hunk by hunk.
    pub(super) fn added(&mut self, diff: &str) {
        let mut path = String::new();
        let mut hunk = String::new();
        let mut first = 0;
        let mut in_hunk = false;
        for line in diff.split_inclusive('\n') {
            match line.strip_prefix('+') {
                Some(added) if in_hunk => {
                    hunk.push_str(added);
                    continue;
                }
                Some(_) | None => {}
            }
            if in_hunk && (line.starts_with('-') || line.starts_with('\\')) {
                continue;
            }
            self.hunk(&path, &mut hunk, first);
            if let Some(after) = line.strip_prefix("@@ ") {
                in_hunk = true;
                let new = after.split_whitespace().find_map(|part| part.strip_prefix('+')).unwrap_or_default();
                first = new.split(',').next().and_then(|number| number.parse().ok()).unwrap_or(0);
            } else if line.starts_with("diff --git ") {
                in_hunk = false;
                path.clear();
            } else if let Some(new) = line.strip_prefix("+++ b/").filter(|_| !in_hunk) {
                new.trim_end_matches(['\n', '\t']).clone_into(&mut path);
                self.counted(0);
                self.name(&path.clone(), None);
            }
        }
        self.hunk(&path, &mut hunk, first);
    }

    fn hunk(&mut self, path: &str, hunk: &mut String, first: u32) {
        if !hunk.is_empty() {
            self.more(hunk.len());
            self.text(path, &std::mem::take(hunk), first);
        }
    }
}
