//! Where a step may send its flow now: steps of the graph that may start, and work that its author lets it put in.
//! In: the state. Out: the ways, in the order of the flow. Never: more injections than the flow says, a flow inside itself,
//! one that the charter of a flow around it keeps out by name, one deeper than flows may nest.

use crate::{
    id::{FramePath, StepId},
    kernel::{
        open::DEPTH_MAX,
        scope::scope,
        state::{Frame, Life, Slot, State},
    },
    plan::{Plan, StepIx},
    record::{Injection, Parent, Way},
    spec::{Expr, flow::Navigates},
};

/// Steps first; what may be put in stands behind them. Without a step that may come next there is no way at all.
pub fn ways(state: &State, frame: &Frame, slot: Slot) -> Vec<Way> {
    let Some(navigates) = &frame.plan.step(slot.step).spec.navigates else { return Vec::new() };
    let open = |step: &&StepIx| may_start(state, frame, **step);
    let steps = frame.plan.step(slot.step).dependents.iter().filter(open);
    let mut found: Vec<Way> = steps.map(|step| Way::Step(frame.plan.step(*step).spec.id.clone())).collect();
    let used = frame.state(slot).map_or(0, |state| state.injections);
    if !found.is_empty() && used < navigates.injections_max {
        let may = |what: &Injection| may_put_in(state, frame, slot, what);
        found.extend(named(navigates).filter(may).map(Way::Inject));
    }
    found
}

fn named(navigates: &Navigates) -> impl Iterator<Item = Injection> {
    let flows = navigates.flows.iter().cloned().map(Injection::Flow);
    flows.chain(navigates.detours.iter().cloned().map(Injection::Detour))
}

/// It has not happened yet, and nothing that is known forbids it.
fn may_start(state: &State, frame: &Frame, step: StepIx) -> bool {
    let waits = frame.steps.get(step.at()).is_some_and(|state| matches!(state.life, Life::Idle | Life::Ready));
    waits && frame.plan.step(step).spec.when.as_ref().is_none_or(|when| !is_false(state, frame, when))
}

/// A condition on steps that are not over says nothing yet; one that cannot be evaluated is told when the step starts.
fn is_false(state: &State, frame: &Frame, when: &Expr) -> bool {
    let over = |name: &String| {
        let step = frame.plan.find(name).and_then(|step| frame.steps.get(step.at()));
        step.is_some_and(|step| matches!(step.life, Life::Settled(_)))
    };
    let known = !when.reads().steps_dynamic && when.reads().steps.keys().all(over);
    known && when.eval_bool(&scope(state, frame, when.reads(), None, None)).is_ok_and(|holds| !holds)
}

fn may_put_in(state: &State, frame: &Frame, slot: Slot, what: &Injection) -> bool {
    let around = || state.accounts(&frame.path).into_iter().filter_map(|path| state.frame(&path));
    let inside = around().any(|above| above.key.as_str() == what.name());
    // Known fixes have no charter of their own.
    let own = |frame: &&Frame| {
        !matches!(frame.parent.as_deref(), Some(Parent::Detour { .. } | Parent::Injected { what: Injection::Detour(_), .. }))
    };
    let excluded = around().filter(own).any(|above| above.plan.flow.charter.excludes(what.name()).is_some());
    !inside && !excluded && plan(frame, what).is_some() && into(frame, slot, what).is_some()
}

fn plan<'a>(frame: &'a Frame, what: &Injection) -> Option<&'a Plan> {
    match what {
        Injection::Flow(flow) => frame.book.flows.get(flow).map(AsRef::as_ref),
        Injection::Detour(detour) => frame.book.detours.get(detour).map(|detour| detour.plan.as_ref()),
    }
}

/// Where it works; `None`: flows would be nested too deep.
pub(in crate::kernel) fn into(frame: &Frame, slot: Slot, what: &Injection) -> Option<FramePath> {
    let path = frame.path.child(frame.name(slot).as_str()).and_then(|path| path.child(what.name())).ok()?;
    (path.depth() < DEPTH_MAX).then_some(path)
}

pub(super) fn nodes(frame: &Frame, what: &Injection) -> Vec<StepId> {
    plan(frame, what).map(|plan| plan.steps.iter().map(|step| step.spec.id.clone()).collect()).unwrap_or_default()
}

/// What the flow's author calls it.
pub fn title(frame: &Frame, way: &Way) -> Option<String> {
    match way {
        Way::Step(step) => frame.plan.find(step.as_str()).and_then(|step| frame.plan.step(step).spec.title.clone()),
        Way::Inject(what) => plan(frame, what).map(|plan| plan.flow.title.clone()),
    }
}
