//! `report.md` of every flow that a person started, written when the run rests.
//! In: a run that was just driven, or answered, with the definitions that are loaded already. Out: one file per flow, whole or as it was.
//! Never: a run that failed because its story could not be written.

use crate::{
    error::{Error, Kind},
    inspect::{RunView, ViewError, Wanted, report},
    kernel::State,
    ledger::RunDir,
    redact::Redactor,
};

use super::super::{Workspace, frozen_book};

/// A story of more is not read from end to end: `report` tells it when it is asked for, and it costs no run its time.
const EXECUTIONS_MAX: u32 = 500;

impl Workspace {
    /// The story so far of a run that this process drove. A run of more than [`EXECUTIONS_MAX`] executions gets none.
    ///
    /// # Errors
    /// The run cannot be read, or a report not be written.
    pub fn tell(&self, run: &RunDir, state: &State) -> Result<(), Error> {
        let executions = state.frames.values().map(|frame| frame.executions).fold(0, u32::saturating_add);
        if executions > EXECUTIONS_MAX { Ok(()) } else { self.tell_whole(run, state) }
    }

    /// The same, however long it is; a definition that `state` does not know is read from what was frozen.
    ///
    /// # Errors
    /// As [`Workspace::tell`].
    pub fn tell_whole(&self, run: &RunDir, state: &State) -> Result<(), Error> {
        let book = |run: &RunDir, wanted: Wanted<'_>| {
            let known = state.books().find(|book| book.definition == *wanted.definition);
            known.map_or_else(|| frozen_book(run, wanted.flow, wanted.definition).map_err(Into::into), |book| Ok(book.clone()))
        };
        let view = match RunView::load(run, book) {
            // Nothing has happened in it.
            Err(ViewError::Empty) => return Ok(()),
            other => other.map_err(|error| Error::new(Kind::System, "no report was written").because(&error))?,
        };
        let paste = self.paste();
        for frame in view.roots() {
            let Some(text) = report(&view, &frame.path, &paste) else { continue };
            // Made from the journal, which is clean; shapes are looked for once more all the same.
            let clean = Redactor::default().bytes(text.into_bytes());
            run.write(&run.report(&frame.path), &clean).map_err(|error| {
                Error::new(Kind::System, format!("the report of `{}` could not be written", frame.path)).because(&error)
            })?;
        }
        Ok(())
    }
}
