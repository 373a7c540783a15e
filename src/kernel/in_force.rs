//! What a flow that did not succeed leaves in force.
//! In: a flow that is over. Out: its steps with an `undo`, and those of the flows inside it, that nothing took back.
//! Never: a step whose work another one's undo takes back; anything of a flow that succeeded, or is not over.

use crate::{
    id::FramePath,
    plan::undone,
    record::{At, Outcome, Parent},
};

use super::{
    again::slots,
    state::{Frame, FramePhase, Life, Settled, Slot, State},
    undo,
};

/// A step whose work stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    pub at: At,
    /// The shell text that would take it back.
    pub undo: String,
    /// It did not end well, or its undo did not: nobody knows how much of it stands.
    pub partly: bool,
}

impl State {
    /// What a flow that a person started left in force, where it failed or was cancelled.
    pub fn in_force(&self, root: &FramePath) -> Vec<InForce> {
        let lost = |frame: &Frame| matches!(frame.phase, FramePhase::Done(Outcome::Failed | Outcome::Cancelled));
        if !self.frame(root).is_some_and(lost) {
            return Vec::new();
        }
        let inside = self.frames.values().filter(|frame| self.is_in(&frame.path, root));
        let own = inside.filter(|frame| !frame.parent.as_deref().is_some_and(Parent::takes_back) && !self.is_covered(frame));
        own.flat_map(|frame| self.left_by(frame)).collect()
    }

    /// A step around it says itself how it is taken back.
    fn is_covered(&self, frame: &Frame) -> bool {
        let mut here = frame;
        while let Some(Parent::SubFlow { at } | Parent::Detour { at, .. } | Parent::Injected { at, .. }) = here.parent.as_deref()
        {
            let Some(above) = self.frame(&at.flow) else { return false };
            let opens = matches!(here.parent.as_deref(), Some(Parent::SubFlow { .. }));
            if opens && above.slot(&at.step).is_some_and(|slot| above.plan.step(slot.step).spec.undo.is_some()) {
                return true;
            }
            here = above;
        }
        false
    }

    fn left_by(&self, frame: &Frame) -> Vec<InForce> {
        let left = |slot: Slot, partly: bool| {
            let undo = frame.plan.step(slot.step).spec.undo.clone()?;
            Some(InForce { at: frame.at(slot), undo, partly })
        };
        let done = frame.finished.iter().filter_map(|step| left(frame.slot(step)?, false));
        // Since it began nobody has heard that it is done, and it was not sent round again.
        let half = slots(frame).filter(|(slot, state)| {
            let whole = state.group.is_some() || frame.finished.contains(&frame.name(*slot));
            !whole && state.started_at.is_some() && undo::began(state)
        });
        done.chain(half.filter_map(|(slot, _)| left(slot, true))).chain(self.not_taken_back(frame, left)).collect()
    }

    /// Of a flow that was rolled back: undos that failed, and those that did not come to run.
    fn not_taken_back(&self, frame: &Frame, left: impl Fn(Slot, bool) -> Option<InForce>) -> Vec<InForce> {
        let rollback = frame.path.child("rollback").ok().filter(|_| frame.rolled_back).and_then(|path| self.frame(&path));
        let Some(rollback) = rollback else { return Vec::new() };
        let Some(Parent::Rollback { steps, .. } | Parent::Undo { steps, .. }) = rollback.parent.as_deref() else {
            return Vec::new();
        };
        let stands = slots(rollback).filter(|(_, undo)| undo.life != Life::Settled(Settled::Passed));
        let of = stands.filter_map(|(slot, undo)| {
            let step = frame.slot(undone(steps, rollback.name(slot).as_str())?)?;
            let failed = frame.state(step).is_some_and(|state| state.life == Life::Settled(Settled::Failed));
            left(step, undo.execution > 0 || failed)
        });
        of.collect()
    }
}
