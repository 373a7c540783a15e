//! What was read of runs, kept for whoever looks again: the list of all, and views of those that were looked at last.
//! In: runs. Out: views as they are now. Never: more memory than `MEMORY_MAX`, but for the one view that was asked for last.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use crate::{
    id::{RunId, Sha256},
    inspect::{Growing, RunIndex, RunView, ViewError, Wanted},
    ledger::RunDir,
    plan::Book,
};

use super::super::frozen_book;

/// For all views together.
const MEMORY_MAX: u64 = 64 * 1024 * 1024;
/// A view takes about so many times the bytes of its journal: 10,000 trivial steps have 13 MiB, and make the studio 110 MiB larger.
const BYTES_PER_BYTE: u64 = 8;
/// … and a flow's definition, its plan and all that does not grow.
const BYTES_EACH: u64 = 128 * 1024;

pub struct Seen {
    pub(super) index: RunIndex,
    /// `None`: nobody looks twice, as on the command line.
    pub(super) views: Option<Views>,
}

#[derive(Default)]
pub(super) struct Views {
    /// The one that was asked for last stands last.
    held: Mutex<Vec<Held>>,
    /// Many runs have one definition: it is read, and kept, once for all views of them.
    books: Mutex<BTreeMap<Sha256, Weak<Book>>>,
}

struct Held {
    run: RunId,
    /// One thread reads it at a time; whoever waits finds it read. `None`: it could not be read.
    growing: Arc<Mutex<Option<Growing>>>,
    memory: u64,
}

impl Default for Seen {
    fn default() -> Self {
        Self { index: RunIndex::new(read), views: None }
    }
}

impl Seen {
    pub(in crate::workspace) fn keep_views(&mut self) {
        self.views.get_or_insert_default();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A run, read whole.
pub(super) fn read(run: &RunDir) -> Result<Arc<RunView>, ViewError> {
    RunView::load(run, |run, wanted| frozen_book(run, wanted.flow, wanted.definition).map_err(Into::into)).map(Arc::new)
}

impl Views {
    /// A run as it is now; only what was written since the last look is read.
    pub(super) fn get(&self, run: &RunDir) -> Result<Arc<RunView>, ViewError> {
        let books = |run: &RunDir, wanted: Wanted<'_>| self.book(run, wanted).map_err(Into::into);
        let slot = self.slot(run.id());
        let mut held = lock(&slot);
        let mut growing = held.take().unwrap_or_else(|| Growing::new(run.id().clone()));
        growing.read_on(run, books)?;
        let view = growing.view();
        let memory = BYTES_EACH + growing.bytes() * BYTES_PER_BYTE;
        *held = Some(growing);
        drop(held);
        self.weigh(run.id(), memory);
        Ok(view)
    }

    fn book(&self, run: &RunDir, wanted: Wanted<'_>) -> Result<Arc<Book>, String> {
        if let Some(book) = lock(&self.books).get(wanted.definition).and_then(Weak::upgrade) {
            return Ok(book);
        }
        let book = frozen_book(run, wanted.flow, wanted.definition)?;
        let mut books = lock(&self.books);
        books.retain(|_, book| book.strong_count() > 0);
        books.insert(book.definition.clone(), Arc::downgrade(&book));
        Ok(book)
    }

    fn slot(&self, run: &RunId) -> Arc<Mutex<Option<Growing>>> {
        let mut all = lock(&self.held);
        let found = all.iter().position(|held| held.run == *run).map(|at| all.remove(at));
        let held = found.unwrap_or_else(|| Held { run: run.clone(), growing: Arc::default(), memory: BYTES_EACH });
        let slot = held.growing.clone();
        all.push(held);
        slot
    }

    /// Those that nobody asked for longest make room.
    fn weigh(&self, run: &RunId, memory: u64) {
        let mut all = lock(&self.held);
        if let Some(held) = all.iter_mut().find(|held| held.run == *run) {
            held.memory = memory;
        }
        while all.len() > 1 && all.iter().map(|held| held.memory).sum::<u64>() > MEMORY_MAX {
            all.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_nobody_asked_for_longest_make_room_and_the_last_stays_whatever_its_size() {
        let views = Views::default();
        let look = |id: &str, memory: u64| {
            let run = RunId::new(id).unwrap();
            drop(views.slot(&run));
            views.weigh(&run, memory);
            lock(&views.held).iter().map(|held| held.run.to_string()).collect::<Vec<_>>()
        };
        look("a", MEMORY_MAX / 2);
        assert_eq!(look("b", MEMORY_MAX / 2), ["a", "b"]);
        assert_eq!(look("a", MEMORY_MAX / 2), ["b", "a"]);
        assert_eq!(look("c", MEMORY_MAX / 4), ["a", "c"]);
        assert_eq!(look("huge", 9 * MEMORY_MAX), ["huge"]);
    }
}
