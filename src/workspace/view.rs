//! Runs as readers see them: a view of one, the list of all, and what time it is.

use std::{io, path::PathBuf};

use crate::{
    error::{Error, Kind},
    id::{FramePath, RunId, Time},
    inspect::{Paste, RunList, RunSummary, RunView, ViewError, report, summary},
    ledger::RunDir,
    redact::Redactor,
    runner::{self, Clock},
};

use super::{Workspace, frozen_book, run_id};

mod remains;

/// A report of more is not read from end to end, and making it would cost memory that the run itself did not need.
pub const TOLD_EXECUTIONS_MAX: u32 = 2_000;

impl Workspace {
    /// A run, read whole, with its directory; another process may be writing it.
    ///
    /// # Errors
    /// There is no such run, nothing has happened in it, or its record is damaged.
    pub fn view(&self, id: &str) -> Result<(RunView, RunDir), Error> {
        let id = run_id(id)?;
        let run = self.run_dir(&id)?;
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

    /// Writes `report.md` of every flow that a person started, and sums the run up.
    /// `None` for runs of more than [`TOLD_EXECUTIONS_MAX`] executions: `report` tells their story when asked.
    ///
    /// # Errors
    /// The run cannot be read, or a report not be written.
    pub fn tell(&self, id: &RunId, executions: u32) -> Result<Option<RunSummary>, Error> {
        if executions > TOLD_EXECUTIONS_MAX {
            return Ok(None);
        }
        let (view, run) = self.view(id.as_str())?;
        let paste = self.paste();
        for frame in view.roots() {
            let Some(text) = report(&view, &frame.path, &paste) else { continue };
            // Made from the journal, which is clean; shapes are looked for once more all the same.
            let clean = Redactor::default().bytes(text.into_bytes());
            run.write(&run.report(&frame.path), &clean).map_err(|error| {
                Error::new(Kind::System, format!("the report of `{}` could not be written", frame.path)).because(&error)
            })?;
        }
        Ok(Some(summary(&view, &paste)))
    }

    /// Text that leaves, with shapes of secrets replaced.
    pub fn clean_text(&self, text: &str) -> String {
        Redactor::default().text(text).into_inner()
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

    /// Where a file stands that a question shows. A run that cannot be read has its steps' files here.
    pub fn evidence(&self, id: &RunId, flow: &FramePath, path: &str) -> PathBuf {
        let run = self.runs.open(id).ok();
        let manifest = run.as_ref().and_then(|run| run.manifest().ok().flatten());
        let workspace = manifest.map_or_else(|| self.root.clone(), |manifest| PathBuf::from(manifest.workspace));
        runner::evidence_path(&self.runs.path().join(id.as_str()), &workspace, flow, path)
    }

    /// The beginning of what a question shows, and how long all of it is.
    ///
    /// # Errors
    /// It is no file, or what the file system says.
    pub fn evidence_head(&self, id: &RunId, flow: &FramePath, path: &str, bytes_max: usize) -> io::Result<(Vec<u8>, u64)> {
        let path = self.evidence(id, flow, path);
        // Looked at first: opening a pipe that somebody put there would wait for ever.
        let about = std::fs::metadata(&path)?;
        if !about.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        let file = std::fs::File::open(path)?;
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(file, bytes_max as u64), &mut bytes)?;
        Ok((bytes, about.len()))
    }

    /// For ages in lists; nothing is decided by it.
    pub fn now(&self) -> Time {
        Clock::after(Time::from_ms(0)).now()
    }
}
