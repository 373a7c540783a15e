//! How a flow is opened: by a person, by a `flow:` step, by a navigator, as a detour, as a rollback.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::{
    id::{DetourId, FramePath, ParamName},
    record::{At, Fact, Injected, Injection, InputNote, Parent, ResumeOptions},
    spec::{Verb, text::ParamText},
};

use super::{
    action,
    input::{Refused, Request},
    state::{FramePhase, Slot},
    turn::Turn,
    undo,
};

/// Flows inside flows, detours included: deep enough for a runbook that calls runbooks, shallow enough to read.
pub(super) const DEPTH_MAX: usize = 6;

pub(super) fn run_requested(turn: &mut Turn, request: &Request) -> Result<InputNote, Refused> {
    let path = FramePath::from(&request.flow);
    let generation = match turn.state.frame(&path) {
        None => 1,
        Some(frame) if matches!(frame.phase, FramePhase::Done(_)) => frame.generation + 1,
        Some(_) => return Err(Refused::StillOpen { flow: request.flow.to_string() }),
    };
    turn.state.know(request.book.clone());
    if turn.state.run.is_none() {
        turn.emit(Fact::RunCreated {
            run_id: request.run_id.clone(),
            workspace: request.workspace.clone(),
            host: request.host.clone(),
            version: request.version.clone(),
            by: request.by.clone(),
        });
    } else {
        turn.emit(Fact::Resumed { by: request.by.clone(), options: ResumeOptions::default() });
    }
    turn.emit(Fact::FlowStarted {
        flow: path,
        key: request.flow.clone(),
        definition: request.book.definition.clone(),
        generation,
        parent: None,
        params: request.params.clone(),
        options: request.options.clone(),
        git: request.git.clone(),
        by: Some(request.by.clone()),
    });
    Ok(InputNote::RunRequested { by: request.by.clone() })
}

/// The parameters of a sub-flow: what `with` gives, then the defaults of the flow.
pub(super) fn sub_flow(turn: &mut Turn, path: &FramePath, slot: Slot) -> Result<(), String> {
    let frame = turn.frame(path);
    let spec = frame.plan.step(slot.step).spec.clone();
    let Verb::Flow { flow, with } = &spec.verb else { return Err("not a flow step".to_owned()) };
    if matches!(frame.parent.as_deref(), Some(Parent::Rollback { .. } | Parent::Undo { .. })) {
        let at = frame.at(slot);
        return undo::inner(turn, &at, slot);
    }
    let child = path.child(frame.name(slot).as_str()).map_err(|error| error.to_string())?;
    if child.depth() >= DEPTH_MAX {
        return Err(format!("flows are nested more than {DEPTH_MAX} deep"));
    }
    let book = frame.book.clone();
    let plan = book.flows.get(flow).ok_or_else(|| format!("flow `{flow}` is not in the frozen definition"))?;
    let mut params: BTreeMap<ParamName, Value> =
        plan.flow.params.iter().filter_map(|(name, param)| Some((name.clone(), param.default.clone()?))).collect();
    params.extend(action::given(&turn.state, frame, slot, flow, with)?);
    let generation = turn.state.frame(&child).map_or(1, |old| old.generation + 1);
    let options = frame.options.inherited();
    let fact = Fact::FlowStarted {
        flow: child,
        key: flow.clone(),
        definition: book.definition.clone(),
        generation,
        parent: Some(Parent::SubFlow { at: frame.at(slot) }),
        params,
        options,
        git: frame.git.clone(),
        by: None,
    };
    turn.emit(fact);
    Ok(())
}

/// Enters a known fix for a failed step.
pub(super) fn detour(turn: &mut Turn, at: &At, detour: &DetourId) -> bool {
    let frame = turn.frame(&at.flow);
    let Some(plan) = frame.book.detours.get(detour) else { return false };
    let Ok(child) = at.flow.child(at.step.as_str()).and_then(|path| path.child(detour.as_str())) else { return false };
    let fact = Fact::FlowStarted {
        flow: child.clone(),
        key: plan.plan.key.clone(),
        definition: frame.definition.clone(),
        generation: turn.state.frame(&child).map_or(1, |old| old.generation + 1),
        parent: Some(Parent::Detour { at: at.clone(), detour: detour.clone() }),
        params: (*frame.params).clone(),
        options: frame.options.inherited(),
        git: frame.git.clone(),
        by: None,
    };
    turn.emit(fact);
    true
}

/// Puts in what a navigator chose. A flow gets what it shares with the one around it by name, then its own defaults.
pub(super) fn injection(turn: &mut Turn, at: &At, injected: Injected) {
    let frame = turn.frame(&at.flow);
    let Injected { what, into, .. } = injected;
    let (key, params) = match &what {
        Injection::Detour(detour) => {
            (frame.book.detours.get(detour).map(|detour| detour.plan.key.clone()), (*frame.params).clone())
        }
        Injection::Flow(flow) => {
            let declared = frame.book.flows.get(flow).map(|plan| &plan.flow.params);
            let value = |(name, param): (&ParamName, &ParamText)| {
                Some((name.clone(), frame.params.get(name).or(param.default.as_ref())?.clone()))
            };
            (Some(flow.clone()), declared.into_iter().flatten().filter_map(value).collect())
        }
    };
    let Some(key) = key else { return };
    let fact = Fact::FlowStarted {
        generation: turn.state.frame(&into).map_or(1, |old| old.generation + 1),
        flow: into,
        key,
        definition: frame.definition.clone(),
        parent: Some(Parent::Injected { at: at.clone(), what }),
        params,
        options: frame.options.inherited(),
        git: frame.git.clone(),
        by: None,
    };
    turn.emit(fact);
}

/// The root flow of a path: it is the one that `jobs` and limits are set on.
pub(super) fn root(path: &FramePath) -> FramePath {
    let name = path.as_str().split('.').next().unwrap_or_default();
    FramePath::new(name).expect("the first part of a path is a flow key")
}

/// Kept for error texts that list what exists.
pub(super) fn known_flows(turn: &Turn) -> String {
    let names: Vec<Arc<str>> = turn.state.frames.keys().map(|path| Arc::from(path.as_str())).collect();
    names.join(", ")
}
