//! Runs as readers see them: a view of one, the list of all, and what time it is.

use crate::{
    error::{Error, Kind},
    id::Time,
    inspect::{Paste, RunList, RunView, ViewError},
    ledger::RunDir,
    runner::Clock,
};

use super::{Workspace, frozen_book, no_run, run_id};

impl Workspace {
    /// A run, read whole, with its directory; another process may be writing it.
    ///
    /// # Errors
    /// There is no such run, nothing has happened in it, or its record is damaged.
    pub fn view(&self, id: &str) -> Result<(RunView, RunDir), Error> {
        let id = run_id(id)?;
        let run = self.runs.open(&id).map_err(|error| no_run(&self.runs, &id).because(&error))?;
        let books = |run: &RunDir, wanted: crate::inspect::Wanted<'_>| {
            frozen_book(run, wanted.flow, wanted.definition).map_err(Into::into)
        };
        let view = RunView::load(&run, books).map_err(|error| {
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

    /// Every run, from its manifest.
    ///
    /// # Errors
    /// The runs directory cannot be read.
    pub fn list_runs(&self) -> Result<RunList, Error> {
        RunList::read(&self.runs).map_err(|error| Error::new(Kind::System, "the runs cannot be listed").because(&error))
    }

    /// How commands are spelled for this runs directory.
    pub fn paste(&self) -> Paste {
        let runs = &self.config.runs_dir;
        let usual = runs.file_name().is_some_and(|name| name == "run_base")
            && (runs.parent().is_none_or(|above| above.as_os_str().is_empty() || above == self.root));
        if usual { Paste::default() } else { Paste::with_runs(&runs.display().to_string()) }
    }

    /// For ages in lists; nothing is decided by it.
    pub fn now(&self) -> Time {
        Clock::after(Time::from_ms(0)).now()
    }
}
