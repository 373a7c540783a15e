//! `scan`: what must not leave, looked for in files, in a diff, or in all of a run.
//! In: what was typed. Out: a report, or why nothing could be looked at. Never: a name taken for a clean path.

use std::path::{Path, PathBuf};

use crate::{
    error::{Error, Kind},
    rails::{Allow, ScanReport, Scanner, allow_text},
    redact::Redactor,
};

use super::{Workspace, run_id};

/// What `scan` is told.
#[derive(Debug, Clone, Default)]
pub struct ScanRequest {
    /// A path, or a run.
    pub target: String,
    pub diff: Option<String>,
    pub allow: Option<PathBuf>,
}

impl Workspace {
    /// Looks; writes nothing.
    ///
    /// # Errors
    /// There is no such path and no such run; the allow-list or the revision is none.
    pub fn scan(&self, request: &ScanRequest) -> Result<ScanReport, Error> {
        let redactor = Redactor::default();
        let mut scanner = Scanner::new(self.allow_list(request.allow.as_deref())?, &redactor);
        let path = self.root.join(&request.target);
        if let Some(rev) = &request.diff {
            let directory = if path.is_dir() { path } else { self.root.clone() };
            if rev.starts_with('-') || rev.trim().is_empty() {
                return Err(Error::new(Kind::Usage, format!("`{rev}` is not a revision of git"))
                    .hint("flow-studio scan --diff origin/main"));
            }
            scanner.diff(&directory, rev, &self.config.step_env).map_err(|error| {
                Error::new(Kind::Usage, format!("`{}` cannot be compared with `{rev}`", request.target)).because(&error)
            })?;
            return Ok(scanner.finish());
        }
        let cannot =
            |error: std::io::Error| Error::new(Kind::System, format!("`{}` cannot be looked at", request.target)).because(&error);
        if path.symlink_metadata().is_ok() {
            let omit = self.config.runs_dir.clone();
            scanner.path(&path, &request.target, false, Some(&omit)).map_err(cannot)?;
            return Ok(scanner.finish());
        }
        let run = run_id(&request.target).ok().and_then(|id| self.runs.open(&id).ok());
        let Some(run) = run else {
            return Err(Error::new(Kind::Usage, format!("`{}` is neither a path in the workspace nor a run", request.target))
                .hint("flow-studio list")
                .hint("flow-studio scan .            (the whole workspace)"));
        };
        scanner.path(run.base(), "", true, None).map_err(cannot)?;
        Ok(scanner.finish())
    }

    fn allow_list(&self, named: Option<&Path>) -> Result<Allow, Error> {
        let path = self.root.join(named.unwrap_or(Path::new("scan-allow.toml")));
        let bad = |cause: &(dyn std::error::Error + 'static)| {
            Error::new(Kind::Invalid, format!("{} cannot be used", path.display()))
                .because(cause)
                .hint("[[allow]]\nrule = \"api-key\"\npath = \"tests/fixtures/*\"\nreason = \"made up for a test\"")
        };
        match allow_text(&path) {
            Ok(text) => Allow::read(&text).map_err(|error| bad(&error)),
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(Allow::default()),
            Err(error) => Err(bad(&error)),
        }
    }
}
