//! A view that is kept, and read on from where it stood.
//! In: a run that may have gone on. Out: its view as it is now; whoever has the one before keeps that.
//! Never: a line taken twice; a journal believed that changed while nobody drove the run: then it is read from its first line.

use std::sync::Arc;

use crate::{
    id::RunId,
    ledger::{Reader, Replayed, RunDir, Stamp, spent},
    plan::Book,
};

use super::{
    load::{BookError, Loading, Noted, ViewError, Wanted, driver, driver_since, unreadable},
    view::{Driver, RunView},
};

#[derive(Debug)]
pub struct Growing {
    view: Arc<RunView>,
    noted: Noted,
    replayed: Replayed,
    seen: Stamps,
    /// Nobody drove it at the last look.
    alone: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamps {
    journal: Option<Stamp>,
    manifest: Option<Stamp>,
    cost: Option<Stamp>,
}

impl Stamps {
    fn of(run: &RunDir) -> Self {
        let stamp = |place| run.stamp(&place).ok().flatten();
        Self { journal: stamp(run.journal()), manifest: stamp(run.run_json()), cost: stamp(run.cost()) }
    }
}

impl Growing {
    /// Of which nothing was read yet.
    pub fn new(run_id: RunId) -> Self {
        let seen = Stamps { journal: None, manifest: None, cost: None };
        Self {
            view: Arc::new(RunView::empty(run_id)),
            noted: Noted::default(),
            replayed: Replayed::nothing(),
            seen,
            alone: false,
        }
    }

    /// The run as it was when it was last read.
    pub fn view(&self) -> Arc<RunView> {
        self.view.clone()
    }

    /// Bytes of the journal that the view was made of.
    pub fn bytes(&self) -> u64 {
        self.replayed.bytes
    }

    /// Reads what was written since. After an error it is of no use any more.
    ///
    /// # Errors
    /// As [`RunView::load`].
    pub fn read_on(
        &mut self,
        run: &RunDir,
        mut books: impl FnMut(&RunDir, Wanted<'_>) -> Result<Arc<Book>, BookError>,
    ) -> Result<(), ViewError> {
        // All asked before it is read: what is written meanwhile shows at the next look.
        let before = driver(run);
        let now = Stamps::of(run);
        let alone = before == Driver::Nobody;
        // Two lines may be written in one tick of the file system's clock: a driven run is looked into each time.
        let same = alone && self.alone && (now.journal, now.manifest) == (self.seen.journal, self.seen.manifest);
        if !same || self.view.moments.is_empty() {
            let grown = match (&now.journal, &self.seen.journal) {
                (Some(now), Some(seen)) => now.may_have_grown_from(seen, self.replayed.bytes),
                _ => false,
            };
            // Whoever drives a run only adds lines. Anybody else could have done anything.
            if alone || !grown || self.read(run, &mut books).is_err() {
                *self = Self::new(run.id().clone());
                self.read(run, &mut books)?;
            }
        }
        if now.cost != self.seen.cost {
            // What it cost is told beside the story; without it the story still stands.
            Arc::make_mut(&mut self.view).spent = spent(run).unwrap_or_default();
        }
        (self.seen, self.alone) = (now, alone);
        let driver = driver_since(before, run);
        if driver != self.view.driver {
            Arc::make_mut(&mut self.view).driver = driver;
        }
        Ok(())
    }

    fn read(
        &mut self,
        run: &RunDir,
        books: &mut impl FnMut(&RunDir, Wanted<'_>) -> Result<Arc<Book>, BookError>,
    ) -> Result<(), ViewError> {
        let mut reader = Reader::go_on(run, &self.replayed).map_err(unreadable)?;
        let mut next = reader.next();
        // A view that somebody holds is copied, but only where there is something to add.
        if next.is_some() {
            let view = Arc::make_mut(&mut self.view);
            let mut loading = Loading::new(view, &mut self.noted, |wanted: Wanted<'_>| books(run, wanted));
            while let Some(entry) = next {
                loading.add(entry.map_err(unreadable)?)?;
                next = reader.next();
            }
        }
        if self.view.moments.is_empty() {
            return Err(ViewError::Empty);
        }
        self.replayed = reader.replayed().clone();
        if self.view.torn_bytes != self.replayed.torn_bytes {
            Arc::make_mut(&mut self.view).torn_bytes = self.replayed.torn_bytes;
        }
        Ok(())
    }
}
