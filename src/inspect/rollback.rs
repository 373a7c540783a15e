//! Whether a rollback took everything back.
//! In: the frame of a flow. Out: the first undo step that did not do it. Never: the outcome of the flow believed, whose steps go on.

use crate::{
    id::StepRef,
    kernel::{Frame, FramePhase, Life, Settled, Slot},
    record::Parent,
};

/// As the reason of the flow around it has it, with what `diagnose` advises.
pub(super) const INCOMPLETE: &str = "ROLLBACK INCOMPLETE, look at what stands now by hand before anything runs again";

/// `None` for any other flow, for a rollback that is not over, and for one that took everything back.
pub(super) fn not_undone(frame: &Frame) -> Option<StepRef> {
    if !matches!(frame.parent.as_deref(), Some(Parent::Rollback { .. } | Parent::Undo { .. }))
        || !matches!(frame.phase, FramePhase::Done(_))
    {
        return None;
    }
    let slots = frame.plan.steps.iter().filter_map(|planned| frame.slot(&StepRef::from(&planned.spec.id)));
    let stands = |slot: &Slot| {
        let life = frame.state(*slot).map(|state| &state.life);
        matches!(life, Some(Life::Settled(Settled::Standing | Settled::Failed)))
    };
    slots.into_iter().find(stands).map(|slot| frame.name(slot))
}
