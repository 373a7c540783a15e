//! A run as it lies on disk, for whoever asks what is wrong with it: whole or not, ours or not.
//! In: a run's name, or a path to its directory. Out: what is left of it, and how commands about it are spelled.
//! Never: a byte written, a lock taken.

use std::path::Path;

use crate::{
    engine,
    error::{Error, Kind},
    id::{FramePath, RunId, Time},
    inspect::{Machine, Paste, Remains, RunView, Wanted, evidence, run_html},
    ledger::{RunDir, RunDirError, RunsDir},
};

use super::super::{Workspace, errors::no_run, frozen_book, run_id};

impl Workspace {
    /// # Errors
    /// There is no such directory, or its name cannot be a run's.
    pub fn remains(&self, run: &str) -> Result<(Remains, Paste), Error> {
        self.remains_at(run, self.now())
    }

    /// The same, looked at from another time: how long something has been waiting for counts from there.
    ///
    /// # Errors
    /// As [`Workspace::remains`].
    pub fn remains_at(&self, run: &str, now: Time) -> Result<(Remains, Paste), Error> {
        let (runs, id, paste) = self.place_of(run)?;
        let dir = runs.open(&id).map_err(|error| match error {
            RunDirError::Missing(_) => no_run(&runs, &id),
            other => Error::new(Kind::Usage, format!("run `{id}` cannot be looked at")).because(&other),
        })?;
        let books = |run: &RunDir, wanted: Wanted<'_>| frozen_book(run, wanted.flow, wanted.definition).map_err(Into::into);
        let drifted = |view: &RunView, flow: &FramePath| matches!(self.today(&view.state, flow), Some(Ok(_)));
        let machine = Machine { orphans: &|base, under_way| engine::living(base, under_way), drifted: &drifted };
        Ok((Remains::look(&dir, now, &machine, books), paste))
    }

    /// A run, or one of its flows with what ran inside it, as one HTML file that needs nothing else.
    ///
    /// # Errors
    /// What is left of the run cannot be looked at.
    pub fn run_html(&self, view: &RunView, only: Option<&FramePath>) -> Result<String, Error> {
        let (remains, paste) = self.remains(view.run_id.as_str())?;
        let panel = evidence(&remains, only.map(FramePath::as_str), &paste);
        // Made from the journal, which is clean; secrets are looked for once more all the same.
        Ok(self.veil_of(view)?.text(&run_html(view, &panel, only, &paste), false))
    }

    /// A name means a run here; a path means that directory, wherever it lies.
    fn place_of(&self, run: &str) -> Result<(RunsDir, RunId, Paste), Error> {
        if !run.contains('/') && run != "." {
            return Ok((self.runs.clone(), run_id(run)?, self.paste()));
        }
        let path = Path::new(run);
        let real = path
            .canonicalize()
            .map_err(|error| Error::new(Kind::Usage, format!("there is no directory {}", path.display())).because(&error))?;
        let (Some(above), Some(name)) = (real.parent(), real.file_name().and_then(|name| name.to_str())) else {
            return Err(Error::new(Kind::Usage, format!("{} is not the directory of a run", path.display())));
        };
        let same = self.runs.path().canonicalize().is_ok_and(|runs| runs == above);
        let paste = if same { self.paste() } else { Paste::with_runs(&above.display().to_string()) };
        Ok((RunsDir::new(above), run_id(name)?, paste))
    }
}
