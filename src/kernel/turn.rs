//! One decision in the making: a copy of the state, changed by each fact as it is found.

use crate::{
    id::{FramePath, Time},
    record::Fact,
};

use super::{
    apply::apply_fact,
    state::{Frame, Slot, State, StepState},
};

pub(super) struct Turn {
    pub state: State,
    pub facts: Vec<Fact>,
    pub now: Time,
    /// Somebody is there to perform what is started.
    pub driven: bool,
}

impl Turn {
    pub fn new(state: &State, now: Time) -> Self {
        let (before, now) = (state.now, now.max(state.now));
        let mut state = state.clone();
        state.before = before;
        state.now = now;
        Self { state, facts: Vec::new(), now, driven: true }
    }

    /// The fact holds from here on.
    pub fn emit(&mut self, fact: Fact) {
        apply_fact(&mut self.state, &fact, self.now);
        self.facts.push(fact);
    }

    pub fn frame(&self, path: &FramePath) -> &Frame {
        self.state.frame(path).expect("a frame that a fact named exists")
    }

    pub fn step(&self, path: &FramePath, slot: Slot) -> &StepState {
        self.frame(path).state(slot).expect("a slot is made from the plan")
    }
}
