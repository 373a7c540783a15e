//! `report.md` of every flow that a person started, written when the run rests.
//! In: a run that was just driven, or answered, with the definitions that are loaded already. Out: one file per flow, whole or as it was.
//! Never: a run that failed because its story could not be written.

use std::sync::Arc;

use crate::{
    error::{Error, Kind},
    inspect::{RunView, ViewError, Wanted, report},
    kernel::State,
    ledger::{self, RunDir},
    record::Entry,
    redact::Redactor,
};

use super::super::{Workspace, frozen_book};

/// A story of more is not read from end to end: `report` tells it when it is asked for, and it costs no run its time.
pub(in crate::workspace) const EXECUTIONS_MAX: u32 = 500;

impl Workspace {
    /// The story so far of a run that this process drove; all its `lines`, if they are at hand, need not be read again.
    /// A run of more than [`EXECUTIONS_MAX`] executions gets none.
    ///
    /// # Errors
    /// The run cannot be read, or a report not be written.
    pub(in crate::workspace) fn tell(&self, run: &RunDir, state: &State, lines: Option<Vec<Arc<Entry>>>) -> Result<(), Error> {
        let executions = state.frames.values().map(|frame| frame.executions).fold(0, u32::saturating_add);
        if executions > EXECUTIONS_MAX { Ok(()) } else { self.write_reports(run, state, lines) }
    }

    /// The same, however long it is, from what stands on disk.
    ///
    /// # Errors
    /// As [`Workspace::tell`].
    pub fn tell_whole(&self, run: &RunDir) -> Result<(), Error> {
        self.write_reports(run, &State::new(), None)
    }

    /// A definition that `state` does not know is read from what was frozen.
    fn write_reports(&self, run: &RunDir, state: &State, lines: Option<Vec<Arc<Entry>>>) -> Result<(), Error> {
        let book = |wanted: Wanted<'_>| {
            let known = state.books().find(|book| book.definition == *wanted.definition);
            known.map_or_else(|| frozen_book(run, wanted.flow, wanted.definition).map_err(Into::into), |book| Ok(book.clone()))
        };
        let view = match lines {
            Some(lines) => RunView::replay(run.id().clone(), lines.into_iter().map(Arc::unwrap_or_clone), book)
                .map(|view| RunView { spent: ledger::spent(run).unwrap_or_default(), ..view }),
            None => RunView::load(run, |_, wanted| book(wanted)),
        };
        let view = match view {
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
