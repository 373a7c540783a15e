//! Runs as readers see them: a view of one, the list of all, and what time it is.

use std::{path::PathBuf, sync::Arc};

use crate::{
    error::{Error, Kind},
    id::{FramePath, RunId, Sha256, Time},
    inspect::{Paste, RunList, RunView, ViewError},
    ledger::{RunDir, RunDirError},
    redact::Redactor,
    runner::{self, Clock},
};

use super::{Workspace, run_id};

mod evidence;
mod remains;
mod seen;
mod story;
mod veil;

pub use evidence::{Evidence, Reach};
pub use seen::Seen;
pub(super) use story::EXECUTIONS_MAX;
pub use veil::Veil;

impl Workspace {
    /// A run, read whole, with its directory; another process may be writing it.
    ///
    /// # Errors
    /// There is no such run, nothing has happened in it, or its record is damaged.
    pub fn view(&self, id: &str) -> Result<(Arc<RunView>, RunDir), Error> {
        let id = run_id(id)?;
        let run = self.run_dir(&id)?;
        let read = self.seen.views.as_ref().map_or_else(|| seen::read(&run), |views| views.get(&run));
        let view = read.map_err(|error| {
            let kind = match &error {
                ViewError::Empty => Kind::Usage,
                ViewError::Broken { .. } | ViewError::Definition { .. } => Kind::Integrity,
                ViewError::Journal(_) => Kind::System,
            };
            let shown = Error::new(kind, format!("run `{id}` cannot be read")).because(&error);
            if error.is_integrity() { shown.hint(format!("flow-studio verify {id}")) } else { shown }
        })?;
        Ok((view, run))
    }

    /// From now on what was read of a run is kept, and only what is new is read when it is looked at again.
    pub fn keeping_views(mut self) -> Self {
        self.seen.keep_views();
        self
    }

    /// Where runs were looked for, to be put behind a sentence that there are none: whoever stands in another directory sees it.
    pub fn in_runs(&self) -> String {
        let here = crate::workspace::absolute(&self.config.runs_dir);
        if here.is_dir() { format!(" in {}", here.display()) } else { format!(": {} is not there", here.display()) }
    }

    /// Text of ours that is of no run, with shapes of secrets replaced; what is of one goes through its [`Veil`].
    pub(super) fn clean_text(&self, text: &str) -> String {
        Redactor::default().text(text).into_inner()
    }

    /// Every run, from its manifest.
    ///
    /// # Errors
    /// The runs directory cannot be read.
    pub fn list_runs(&self) -> Result<RunList, Error> {
        self.marked_runs().map(|(list, _)| list)
    }

    /// The same with the mark of the list and of the queue, which [`Workspace::look_at_runs`] gives as long as it is the same list.
    ///
    /// # Errors
    /// As [`Workspace::list_runs`].
    pub fn marked_runs(&self) -> Result<(RunList, String), Error> {
        let (list, mark) = self.seen.index.list(&self.runs).map_err(|error| unlisted(&error))?;
        Ok((list, self.with_queue(&mark)?))
    }

    /// The mark of the list of runs, after a look that costs the same however many runs are at rest: of those it looks at so many,
    /// in turns.
    ///
    /// # Errors
    /// As [`Workspace::list_runs`].
    pub fn look_at_runs(&self, at_rest_max: usize) -> Result<String, Error> {
        let mark = self.seen.index.look(&self.runs, at_rest_max).map_err(|error| unlisted(&error))?;
        self.with_queue(&mark)
    }

    /// What waits in the queue is a part of the list, too.
    fn with_queue(&self, mark: &str) -> Result<String, Error> {
        let orders = Sha256::of(&serde_json::to_vec(&self.orders()?).unwrap_or_default());
        Ok(format!("{mark}-{}", &orders.as_str()[..8]))
    }

    /// How commands are spelled for this runs directory.
    pub fn paste(&self) -> Paste {
        let runs = &self.config.runs_dir;
        let usual = runs.file_name().is_some_and(|name| name == "run_base")
            && (runs.parent().is_none_or(|above| above.as_os_str().is_empty() || above == self.root));
        if usual { Paste::default() } else { Paste::with_runs(&runs.display().to_string()) }
    }

    /// Where a file stands that a question shows. A run that cannot be read has its steps' files here.
    pub fn evidence(&self, id: &RunId, flow: &FramePath, path: &str) -> PathBuf {
        runner::evidence_path(&self.runs.path().join(id.as_str()), &self.workspace_of_run(id), flow, path)
    }

    fn workspace_of_run(&self, id: &RunId) -> PathBuf {
        let manifest = self.runs.open(id).ok().and_then(|run| run.manifest().ok().flatten());
        manifest.map_or_else(|| self.root.clone(), |manifest| PathBuf::from(manifest.workspace))
    }

    /// For ages in lists; nothing is decided by it.
    pub fn now(&self) -> Time {
        Clock::after(Time::from_ms(0)).now()
    }
}

fn unlisted(error: &RunDirError) -> Error {
    Error::new(Kind::System, "the runs cannot be listed").because(error)
}
