//! A flow's definition of today in the place of the frozen one.
//! In: the new book. Out: a frame in which what is over and unchanged stays over, and everything else starts anew.

use std::sync::Arc;

use crate::{
    id::{FramePath, Sha256, Time},
    kernel::state::{Frame, FramePhase, Life, Settled, State, StepState},
    plan::StepIx,
};

use super::{
    again::dropped,
    clock::calm,
    flows::new_frame,
    lives::{reset, set_life},
};

/// What failed is not over: the flow goes on only if it runs again.
pub(super) fn stays(frame: &Frame, step: StepIx, state: &StepState) -> bool {
    let failed = |state: &StepState| state.life == Life::Settled(Settled::Failed);
    let items = state.group.as_ref().map_or(0, |group| u32::try_from(group.items.len()).unwrap_or(0));
    let broken = failed(state) || (0..items).any(|item| frame.items.get(&(step, item)).is_some_and(failed));
    matches!(state.life, Life::Settled(_) | Life::Held(_)) && !broken
}

pub(super) fn refreshed(state: &mut State, flow: &FramePath, definition: &Sha256, now: Time) {
    let Some(book) = state.books.get(definition).cloned() else { return };
    let Some(key) = state.frame(flow).map(|frame| frame.key.clone()) else { return };
    let Some(plan) = book.flows.get(&key).cloned() else { return };
    calm(state, flow, now, |_| true);
    let Some(old) = state.frames.get(flow).cloned() else { return };
    let mut fresh = new_frame(flow.clone(), book, plan.clone(), Some(&old));
    fresh.generation = old.generation;
    fresh.params = old.params.clone();
    fresh.options = old.options.clone();
    fresh.parent = old.parent.clone();
    fresh.git = old.git.clone();
    fresh.by.clone_from(&old.by);
    fresh.executions = old.executions;
    fresh.active_ms = old.active_ms;
    fresh.phase = FramePhase::Open;
    fresh.warnings = old.warnings.clone();
    fresh.items = imbl::OrdMap::new();
    let same = |at: usize| {
        let step = &plan.steps[at].spec;
        old.plan.find(step.id.as_str()).filter(|ix| old.plan.step(*ix).spec.sha256 == step.sha256)
    };
    // Steps that are over and have not changed stay over, and a person who decides on one still does;
    // everything else is worked out anew from them.
    let (mut open, mut anew) = (Vec::new(), Vec::new());
    for at in 0..plan.steps.len() {
        let step = StepIx(u32::try_from(at).expect("the loader takes at most 20,000 steps"));
        let needs_over = plan.steps[at].needs.iter().all(|need| !open.contains(need));
        let before = same(at).and_then(|ix| Some((ix, old.steps.get(ix.at())?))).filter(|_| needs_over);
        match before {
            Some((ix, state)) if stays(&old, ix, state) => {
                let life = state.life.clone();
                *fresh.state_mut(step.into()) = StepState { life: Life::Idle, ..(**state).clone() };
                if matches!(life, Life::Held(_)) {
                    open.push(step);
                }
                set_life(&mut fresh, step.into(), life);
                let items = state.group.as_ref().map_or(0, |group| u32::try_from(group.items.len()).unwrap_or(0));
                for item in 0..items {
                    if let Some(one) = old.items.get(&(ix, item)) {
                        fresh.items.insert((step, item), one.clone());
                    }
                }
            }
            _ => {
                open.push(step);
                anew.push(step);
            }
        }
    }
    fresh.finished = old.finished.iter().filter(|name| plan.find(name.base()).is_some()).cloned().collect();
    reset(&mut fresh, &anew);
    // What was opened below steps that start anew is over.
    let kept = |path: &FramePath| {
        let step = path.as_str()[flow.as_str().len()..].trim_start_matches('.').split('.').next().unwrap_or_default();
        let base = step.split('[').next().unwrap_or_default();
        plan.find(base).is_some_and(|ix| !anew.contains(&ix))
    };
    let prefix = format!("{flow}.");
    let below: Vec<FramePath> =
        state.open_frames.iter().filter(|path| path.as_str().starts_with(&prefix) && !kept(path)).cloned().collect();
    for path in below {
        dropped(state, &path, now);
    }
    state.frames.insert(flow.clone(), Arc::new(fresh));
    state.open_frames.insert(flow.clone());
}
