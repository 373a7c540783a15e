//! Who looks on while a run is driven: a terminal, hooks that tell people.
//! In: committed lines, the passing of time, words. Out: nothing that the run would wait for. Never: a say in what happens.

use std::sync::Arc;

use crate::{kernel::State, record::Entry};

/// Sees what happens, as it happens.
pub trait Observer {
    /// A line was committed; `state` is after it.
    fn entry(&mut self, _state: &State, _entry: &Arc<Entry>) {}
    /// Time has passed.
    fn tick(&mut self, _state: &State) {}
    /// Something worth a word that is no fact: a refused input, a drain that begins.
    fn word(&mut self, _text: &str) {}
    /// Whether a word reaches anybody: a warning is drawn only for somebody who sees it.
    fn hears(&self) -> bool {
        false
    }
}

/// Sees nothing.
pub struct Silent;
impl Observer for Silent {}
