//! A step's life, and what it means for the steps around it: ready, settled, skipped, not yet happened.
//! In: a frame and a slot. Out: the frame, with its counters right. Never: a life that changes anywhere but in `set_life`.

use std::sync::Arc;

use crate::{
    id::{FramePath, StepRef},
    kernel::{
        again::slots,
        result::Cut,
        state::{Frame, Life, Settled, Slot, State, StepResult, StepState},
    },
    plan::{Plan, StepIx},
    record::{At, Parent, Status},
    spec::{Effects, Verb},
};

pub(super) fn locate<'a>(state: &'a mut State, flow: &FramePath, step: &StepRef) -> Option<(&'a mut Frame, Slot)> {
    let frame = state.frame_mut(flow)?;
    let slot = frame.slot(step)?;
    Some((frame, slot))
}

/// The steps around this one learn that it begins, if it may run once only: begun anew, they would run it again.
pub(super) fn once_begins(state: &mut State, at: &At) {
    let once =
        locate(state, &at.flow, &at.step).is_some_and(|(frame, slot)| frame.plan.step(slot.step).spec.effects == Effects::Once);
    let mut path = Some(at.flow.clone()).filter(|_| once);
    while let Some(parent) = path.as_ref().and_then(|path| state.frame(path)?.parent.clone()) {
        path = match parent.as_ref() {
            Parent::SubFlow { at } | Parent::Detour { at, .. } | Parent::Injected { at, .. } => {
                if let Some((frame, slot)) = locate(state, &at.flow, &at.step) {
                    frame.state_mut(slot).once_inside = true;
                }
                Some(at.flow.clone())
            }
            Parent::Rollback { .. } | Parent::Undo { .. } => None,
        };
    }
}

/// Something of this flow, or of one inside it, has begun that may run once only.
pub(super) fn once_began(frame: &Frame) -> bool {
    let once = |slot: Slot| frame.plan.step(slot.step).spec.effects == Effects::Once;
    slots(frame).any(|(slot, state)| state.once_inside || state.execution > 0 && once(slot))
}

pub(super) fn skipped_result() -> StepResult {
    StepResult {
        status: Status::Unverified,
        passed: false,
        skipped: true,
        exit_code: None,
        iteration: None,
        error: None,
        choice: None,
        note: None,
        stdout: None,
        stderr: None,
        json: None,
        cut: Cut::default(),
        handoff: None,
        envelope: None,
        high_concerns: 0,
        can_help: None,
        tree: None,
        checks: 0,
        measured: None,
        proof: None,
    }
}

pub(super) fn is_live(life: &Life) -> bool {
    match life {
        Life::Running | Life::Waiting { .. } | Life::InFlow(_) | Life::InDetour(_) | Life::Ended => true,
        Life::Idle | Life::Ready | Life::Gated(_) | Life::Asking(_) | Life::Held(_) | Life::Fanned | Life::Settled(_) => false,
    }
}

/// The one place where a step's life changes, so that the counters cannot drift.
pub(super) fn set_life(frame: &mut Frame, slot: Slot, life: Life) {
    let step = frame.state_mut(slot);
    let old = std::mem::replace(&mut step.life, life.clone());
    // An approval is used once: whatever becomes of the execution that it was for, another one is asked for.
    if old.uses_approval() && !life.uses_approval() {
        step.approved = None;
    }
    frame.live = frame.live + u32::from(is_live(&life)) - u32::from(is_live(&old));
    if slot.item.is_none() {
        let open = |life: &Life| u32::from(!matches!(life, Life::Settled(_)));
        frame.unsettled = frame.unsettled + open(&life) - open(&old);
    }
    if old == Life::Ready {
        frame.ready.remove(&slot);
    }
}

pub(super) fn make_ready(frame: &mut Frame, slot: Slot) {
    if frame.allowed.as_ref().is_some_and(|allowed| !allowed.get(slot.step.at()).copied().unwrap_or(false)) {
        return;
    }
    set_life(frame, slot, Life::Ready);
    frame.ready.insert(slot);
}

/// A step is over: those that need it learn of it.
pub(super) fn settle(frame: &mut Frame, slot: Slot, how: Settled) {
    set_life(frame, slot, Life::Settled(how));
    if matches!(how, Settled::Passed | Settled::Standing) {
        let name = frame.name(slot);
        // A group is taken back by its instances.
        let ran = frame.state_mut(slot).group.is_none();
        let spec = &frame.plan.step(slot.step).spec;
        if ran && (spec.undo.is_some() || matches!(spec.verb, Verb::Flow { .. })) {
            frame.finished.retain(|step| *step != name);
            frame.finished.push_back(name);
        }
    }
    if slot.item.is_some() {
        let group_slot = Slot::from(slot.step);
        let Some(group) = frame.state_mut(group_slot).group.as_mut().map(Arc::make_mut) else { return };
        group.settled += 1;
        group.standing += u32::from(how != Settled::Passed);
        if group.settled as usize == group.items.len() {
            let standing = group.standing;
            let result = StepResult {
                status: if standing == 0 { Status::Verified } else { Status::Unverified },
                passed: standing == 0,
                skipped: false,
                ..skipped_result()
            };
            frame.state_mut(group_slot).result = Some(Arc::new(result));
            settle(frame, group_slot, if standing == 0 { Settled::Passed } else { Settled::Standing });
        }
        return;
    }
    let plan = frame.plan.clone();
    for &dependent in &plan.step(slot.step).dependents {
        let (met, dead) = contribution(frame, slot.step, dependent, how);
        let step = frame.state_mut(dependent.into());
        step.met += met;
        step.dead += dead;
        wake(frame, &plan, dependent);
    }
}

/// What a settled need is worth to a step that needs it: (met, dead).
fn contribution(frame: &Frame, need: StepIx, dependent: StepIx, how: Settled) -> (u32, u32) {
    if leaves_out(frame, need, dependent) {
        return (0, 1);
    }
    let plan = &frame.plan;
    match how {
        Settled::Passed | Settled::Standing => (1, 0),
        Settled::Failed => (0, 0),
        Settled::Skipped => {
            let needs = &plan.step(dependent).spec.needs;
            if needs.implied || needs.skipped_ok { (1, 0) } else { (0, 1) }
        }
    }
}

/// The step chose, and it chose another.
pub(in crate::kernel) fn leaves_out(frame: &Frame, chooser: StepIx, step: StepIx) -> bool {
    let chosen = frame.steps.get(chooser.at()).and_then(|state| state.chosen.as_ref());
    chosen.is_some_and(|chosen| *chosen != frame.plan.step(step).spec.id)
}

pub(super) fn wake(frame: &mut Frame, plan: &Plan, step: StepIx) {
    let planned = plan.step(step);
    let state = frame.state_mut(step.into());
    if state.life != Life::Idle {
        return;
    }
    let needs = u32::try_from(planned.needs.len()).unwrap_or(u32::MAX);
    if state.met >= planned.required {
        make_ready(frame, step.into());
    } else if needs - state.dead < planned.required {
        frame.doomed.insert(step);
    }
}

/// These steps have not happened (but their executions are counted on).
pub(super) fn reset(frame: &mut Frame, steps: &[StepIx]) {
    let plan = frame.plan.clone();
    for &step in steps {
        let items = frame.steps.get(step.at()).and_then(|state| state.group.as_ref()).map_or(0, |group| group.items.len());
        for item in 0..u32::try_from(items).unwrap_or(0) {
            let slot = Slot { step, item: Some(item) };
            set_life(frame, slot, Life::Idle);
            let old = frame.state_mut(slot);
            *old = old.again();
        }
        set_life(frame, step.into(), Life::Idle);
        let old = frame.state_mut(step.into());
        let (detours, injections) = (old.detours.take(), old.injections);
        *old = StepState { detours, injections, ..old.again() };
        frame.doomed.remove(&step);
    }
    for &step in steps {
        count_needs(frame, &plan, step);
        wake(frame, &plan, step);
    }
}

/// What the needs of a step that are settled are worth to it.
pub(super) fn count_needs(frame: &mut Frame, plan: &Plan, step: StepIx) {
    let (mut met, mut dead) = (0, 0);
    for need in &plan.step(step).needs {
        if let Some(Life::Settled(how)) = frame.steps.get(need.at()).map(|state| &state.life) {
            let (m, d) = contribution(frame, *need, step, *how);
            met += m;
            dead += d;
        }
    }
    let state = frame.state_mut(step.into());
    (state.met, state.dead) = (met, dead);
}

pub(super) fn confine(frame: &mut Frame, steps: &[StepIx]) {
    let allowed: Vec<bool> = (0..frame.plan.steps.len()).map(|at| steps.iter().any(|step| step.at() == at)).collect();
    for slot in frame.ready.clone() {
        if !allowed[slot.step.at()] {
            set_life(frame, slot, Life::Idle);
        }
    }
    frame.allowed = Some(allowed.into());
}

/// After a confinement was lifted: whatever could have started may start.
pub(super) fn ready_again(frame: &mut Frame) {
    let plan = frame.plan.clone();
    for at in 0..plan.steps.len() {
        let step = StepIx(u32::try_from(at).expect("the loader takes at most 20,000 steps"));
        wake(frame, &plan, step);
        let open = frame.steps.get(at).filter(|state| state.life == Life::Fanned);
        let items = open.and_then(|state| state.group.as_ref()).map_or(0, |group| group.items.len());
        for item in 0..u32::try_from(items).unwrap_or(0) {
            let slot = Slot { step, item: Some(item) };
            if frame.state_mut(slot).life == Life::Idle {
                make_ready(frame, slot);
            }
        }
    }
}

impl StepState {
    /// The same step, done again: executions are counted on, and what no longer counts is remembered.
    pub(super) fn again(&mut self) -> Self {
        let before = self.result.take().or_else(|| self.before.take());
        Self { note: self.note.take(), before, ..self.anew() }
    }
}
