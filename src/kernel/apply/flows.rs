//! Flows that open and flows that end.
//! In: `FlowStarted`, `FlowCompleted`. Out: a frame, and the step of the flow around it that waits, or has ended.

use std::sync::Arc;

use imbl::OrdMap;

use crate::{
    id::{FlowKey, FramePath, StepRef, Time},
    kernel::{
        doubt,
        state::{Frame, FramePhase, Life, LoopState, Settled, State, StepState},
    },
    plan::{Book, Plan, PlannedStep, StepIx},
    record::{CallLimits, Fact, Injection, Outcome, Parent, ResumeOptions},
    spec::text::OnUnknownCost,
};

use super::lives::{confine, locate, make_ready, set_life, skipped_result, wake};

/// Whoever goes on with the run wants it done in another way: all that is in it, as what was over may be opened again.
pub(super) fn otherwise(state: &mut State, options: ResumeOptions) {
    if options.is_none() {
        return;
    }
    for path in state.frames.keys().cloned().collect::<Vec<_>>() {
        let Some(frame) = state.frame_mut(&path) else { continue };
        // How many steps run at once is said by the flow that holds all others.
        let jobs = options.jobs.filter(|_| frame.parent.is_none());
        frame.options = Arc::new(frame.options.changed(ResumeOptions { jobs, ..options }));
    }
}

pub(super) fn flow_started(state: &mut State, fact: &Fact) {
    let Fact::FlowStarted { flow, key, definition, generation, parent, params, options, git, by } = fact else { return };
    let Some(book) = state.books.get(definition).cloned() else {
        debug_assert!(false, "the definition is made known before its entry is applied");
        return;
    };
    let plan = match parent {
        Some(Parent::Rollback { of, steps, inside, .. } | Parent::Undo { of, steps, inside, .. }) => {
            state.frame(of).map(|of| Arc::new(book.rollback(&of.plan, steps, inside)))
        }
        Some(Parent::SubFlow { .. } | Parent::Detour { .. } | Parent::Injected { .. }) | None => {
            written_plan(&book, key, parent.as_ref())
        }
    };
    let Some(plan) = plan else { return };
    let mut frame = new_frame(flow.clone(), book, plan, state.frame(flow));
    frame.definition = definition.clone();
    frame.generation = *generation;
    frame.parent = parent.clone().map(Arc::new);
    frame.params = Arc::new(params.clone());
    frame.options = Arc::new(options.clone());
    frame.git.clone_from(git);
    frame.by = by.as_deref().map(Arc::from);
    frame.time_ms_max = timeout_of(state, parent.as_ref());
    // What it did before it was started again, and what nobody took back, is still to be taken back.
    if let (Some(Parent::SubFlow { .. }), Some(before)) = (parent, state.frame(flow)) {
        frame.finished.clone_from(&before.finished);
    }
    if let (Some(before), Some(parent)) = (state.frame(flow), parent.as_ref().filter(|parent| parent.takes_back())) {
        frame.doubts = doubt::carried_undos(before, &frame.plan, parent);
    }
    if let Some(until) = options.until.as_ref().and_then(|step| frame.plan.find(step.as_str())) {
        let upstream = frame.plan.upstream(until);
        confine(&mut frame, &upstream);
    }
    if let Some(from) = options.from.as_ref().and_then(|step| frame.plan.find(step.as_str())) {
        let downstream = frame.plan.downstream(from);
        for at in 0..frame.plan.steps.len() {
            let step = StepIx(u32::try_from(at).expect("the loader takes at most 20,000 steps"));
            if downstream.binary_search(&step).is_err() {
                frame.state_mut(step.into()).result = Some(Arc::new(skipped_result()));
                set_life(&mut frame, step.into(), Life::Settled(Settled::Skipped));
            }
        }
        let plan = frame.plan.clone();
        for &step in &downstream {
            // What was left out is taken as given, also by steps that name it.
            let outside = plan.step(step).needs.iter().filter(|need| downstream.binary_search(need).is_err()).count();
            frame.state_mut(step.into()).met = u32::try_from(outside).unwrap_or(u32::MAX);
            wake(&mut frame, &plan, step);
        }
    } else {
        // What a person wrote for the step that opens it is for what comes first in it.
        let opens = if let Some(Parent::SubFlow { at }) = parent { state.step(at) } else { None };
        let note = opens.and_then(|step| step.note.clone());
        for at in 0..frame.plan.steps.len() {
            if frame.plan.steps[at].needs.is_empty() {
                let step = StepIx(u32::try_from(at).expect("the loader takes at most 20,000 steps"));
                frame.state_mut(step.into()).note.clone_from(&note);
                make_ready(&mut frame, step.into());
            }
        }
    }
    match parent {
        Some(Parent::SubFlow { at } | Parent::Undo { at, .. }) => {
            if let Some((above, slot)) = locate(state, &at.flow, &at.step) {
                set_life(above, slot, Life::InFlow(flow.clone()));
            }
        }
        Some(Parent::Detour { at, detour }) => {
            if let Some((above, slot)) = locate(state, &at.flow, &at.step) {
                let step = above.state_mut(slot);
                let mut used = step.detours.as_deref().cloned().unwrap_or_default();
                *used.entry(detour.clone()).or_insert(0) += 1;
                step.detours = Some(Arc::new(used));
                set_life(above, slot, Life::InDetour(flow.clone()));
            }
        }
        Some(Parent::Injected { at, .. }) => {
            if let Some((above, slot)) = locate(state, &at.flow, &at.step) {
                above.injections += 1;
                above.state_mut(slot).injections += 1;
                set_life(above, slot, Life::InDetour(flow.clone()));
            }
        }
        Some(Parent::Rollback { .. }) => {}
        None => {
            // What the flow did the last time stands.
            for path in state.frames.keys().filter(|path| state.is_in(path, flow)).cloned().collect::<Vec<_>>() {
                if let Some(inner) = state.frame_mut(&path) {
                    inner.finished = imbl::Vector::new();
                }
            }
        }
    }
    if let Some(Parent::Rollback { of, steps, .. } | Parent::Undo { of, steps, .. }) = parent
        && let Some(of) = state.frame_mut(of)
    {
        of.rolled_back = true;
        // Taken back once; after a retry, only what is done anew.
        of.finished = imbl::Vector::new();
        for slot in steps.iter().filter_map(|step| of.slot(step)).collect::<Vec<_>>() {
            let step = of.state_mut(slot);
            step.undone = step.execution;
        }
    }
    state.open_frames.insert(flow.clone());
    state.frames.insert(flow.clone(), Arc::new(frame));
}

/// How long something may run in a flow by the timeout of the step that opens it.
pub(super) fn timeout_of(state: &State, parent: Option<&Parent>) -> Option<u64> {
    let Some(Parent::SubFlow { at }) = parent else { return None };
    let above = state.frame(&at.flow)?;
    above.plan.step(above.slot(&at.step)?.step).spec.timeout_ms
}

/// The plan of a flow that somebody wrote; that of a rollback is made from what was done.
pub(super) fn written_plan(book: &Book, key: &FlowKey, parent: Option<&Parent>) -> Option<Arc<Plan>> {
    match parent {
        None | Some(Parent::SubFlow { .. }) => book.flows.get(key).cloned(),
        Some(Parent::Injected { what: Injection::Flow(flow), .. }) => book.flows.get(flow).cloned(),
        Some(Parent::Detour { detour, .. } | Parent::Injected { what: Injection::Detour(detour), .. }) => {
            book.detours.get(detour).map(|detour| detour.plan.clone())
        }
        Some(Parent::Rollback { .. } | Parent::Undo { .. }) => None,
    }
}

/// How often whatever had a name in this flow was started: files are named for it, also when the plan is another one.
fn executed_before(old: &Frame) -> OrdMap<StepRef, u32> {
    let mut executed = old.executed.clone();
    for (planned, state) in old.plan.steps.iter().zip(&old.steps).filter(|(_, state)| state.execution > 0) {
        let known = executed.entry(StepRef::from(&planned.spec.id)).or_insert(0);
        *known = (*known).max(state.execution);
    }
    executed
}

/// Up to which execution a step of this name was taken back.
fn undone_before(old: Option<&Frame>, planned: &PlannedStep) -> u32 {
    let state = |old: &Frame| old.steps.get(old.plan.find(planned.spec.id.as_str())?.at()).map(|state| state.undone);
    old.and_then(state).unwrap_or(0)
}

pub(super) fn new_frame(path: FramePath, book: Arc<Book>, plan: Arc<Plan>, before: Option<&Frame>) -> Frame {
    let mut executed = before.map(executed_before).unwrap_or_default();
    // Steps that nothing has happened to are one and the same.
    let untouched = Arc::new(StepState::default());
    let mut state = |planned: &PlannedStep| {
        let execution = if executed.is_empty() { None } else { executed.remove(&StepRef::from(&planned.spec.id)) };
        let undone = || undone_before(before, planned);
        let known = |execution| Arc::new(StepState { execution, undone: undone(), ..StepState::default() });
        execution.map_or_else(|| untouched.clone(), known)
    };
    let steps = plan.steps.iter().map(&mut state).collect();
    let limits = plan.flow.limits;
    Frame {
        path,
        key: plan.key.clone(),
        definition: book.definition.clone(),
        book,
        generation: 1,
        parent: None,
        params: Arc::default(),
        options: Arc::default(),
        git: None,
        by: None,
        phase: FramePhase::Open,
        failing: None,
        rolled_back: false,
        steps,
        items: OrdMap::new(),
        executed,
        ready: imbl::OrdSet::new(),
        unsettled: u32::try_from(plan.steps.len()).unwrap_or(u32::MAX),
        live: 0,
        busy: 0,
        doomed: imbl::OrdSet::new(),
        loops: plan.loops.iter().map(|_| LoopState { iteration: 1, ..LoopState::default() }).collect(),
        finished: imbl::Vector::new(),
        executions: 0,
        steps_max: limits.steps_max,
        wall_ms_max: limits.wall_ms_max,
        time_ms_max: None,
        calls: CallLimits {
            tokens_max: limits.tokens_max,
            usd_millionths_max: limits.usd_millionths(),
            turns_max: limits.turns_max,
            // Not one, until a person says so.
            unknown_max: (limits.on_unknown_cost == Some(OnUnknownCost::Stop)).then_some(0),
        },
        active_ms: 0,
        active_since: None,
        limited: None,
        reached: None,
        allowed: None,
        warnings: imbl::Vector::new(),
        done: OrdMap::new(),
        outcome_reason: None,
        last_decision: None,
        injections: before.map_or(0, |old| old.injections),
        asked: before.map(|old| old.asked.clone()).unwrap_or_default(),
        counts: before.map(|old| old.counts.clone()).unwrap_or_default(),
        doubts: doubt::carried(before, &plan),
        plan,
    }
}

pub(super) fn flow_completed(
    state: &mut State,
    flow: &FramePath,
    outcome: Outcome,
    reason: &str,
    warnings: &[String],
    now: Time,
) {
    state.open_frames.remove(flow);
    let Some(frame) = state.frame_mut(flow) else { return };
    frame.phase = FramePhase::Done(outcome);
    frame.outcome_reason = Some(reason.into());
    frame.warnings = warnings.iter().map(|warning| Arc::from(warning.as_str())).collect();
    if let Some(since) = frame.active_since.take() {
        frame.active_ms += now.since(since);
    }
    match frame.parent.as_deref().cloned() {
        Some(Parent::SubFlow { at } | Parent::Detour { at, .. } | Parent::Injected { at, .. } | Parent::Undo { at, .. }) => {
            if let Some((above, slot)) = locate(state, &at.flow, &at.step)
                && matches!(above.state_mut(slot).life, Life::InFlow(_) | Life::InDetour(_))
            {
                set_life(above, slot, Life::Ended);
            }
        }
        Some(Parent::Rollback { .. }) | None => {}
    }
}
