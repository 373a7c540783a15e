//! Going on after a stop: what was lost, what is to run again, and what changed in between.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    id::{EscalationId, FramePath, ParamName, StepId, StepRef, Time},
    plan::{Plan, StepIx},
    record::{At, Change, EngineWord, Fact, InputNote, Mode, Question, QuestionKind, Rule, Shown, SupersedeReason},
    spec::{Effects, Severity, Verb},
};

use super::{
    advance,
    again::{again, ask_orphans, half_run, rolling_back, slots},
    ask::{Asked, raise, repair_options},
    input::{RefreshPlan, Refused, Resume, Retry},
    state::{DoneState, Life, Slot, StepState},
    turn::Turn,
};

/// Items that a refusal names.
const ITEMS_TOLD: usize = 10;

/// The process that ran these is gone. What may run twice runs again; what may not is asked.
pub(super) fn lost(turn: &mut Turn, seen: Option<Time>) -> Result<InputNote, Refused> {
    if !turn.state.is_active() {
        return Err(Refused::Nothing);
    }
    // A clock that was set back, a file that was touched: no earlier than what is written, no later than now.
    let seen = seen.unwrap_or(turn.state.before).clamp(turn.state.before, turn.now);
    turn.emit(Fact::DriverLost { seen });
    let running: Vec<(At, super::state::Running)> =
        turn.state.running.iter().map(|(at, one)| (at.clone(), one.clone())).collect();
    for (at, one) in running {
        let Some(slot) = advance::slot_at(turn, &at) else { continue };
        let lost = step_lost(turn, &at, slot, &one);
        turn.emit(lost);
        let once = turn.frame(&at.flow).plan.step(slot.step).spec.effects == Effects::Once;
        if once {
            ask_lost(turn, &at.flow, slot, "the process that ran it is gone");
        }
    }
    Ok(InputNote::Lost)
}

fn step_lost(turn: &Turn, at: &At, slot: Slot, one: &super::state::Running) -> Fact {
    let frame = turn.frame(&at.flow);
    let spec = &frame.plan.step(slot.step).spec;
    let (engine, mode) = match &spec.verb {
        Verb::Run { .. } | Verb::Exec { .. } => (EngineWord::Shell, Mode::Local),
        Verb::Agent(agent) => {
            let engine = frame.engine_of(agent);
            (engine, super::performer::mode_of(engine))
        }
        Verb::Ask(_) => (EngineWord::Human, Mode::Human),
        Verb::Flow { .. } | Verb::Snapshot { .. } | Verb::Compare { .. } | Verb::Render { .. } | Verb::Scan(_) => {
            (EngineWord::Builtin, Mode::Local)
        }
    };
    Fact::StepLost {
        at: at.clone(),
        execution: one.execution,
        started_at: one.started_at,
        attempt: one.attempt,
        engine,
        mode,
        agent_key: frame.agent_key(slot.step),
        definition: spec.sha256.clone(),
    }
}

/// A once-only step that may have half run.
pub(super) fn ask_lost(turn: &mut Turn, path: &FramePath, slot: Slot, why: &str) {
    let frame = turn.frame(path);
    let spec = frame.plan.step(slot.step).spec.clone();
    let step = frame.name(slot);
    let execution = turn.step(path, slot).execution;
    let question = format!("{step} may have half run ({why}), and it must not be repeated without your word. How to go on?");
    let reason = format!("execution {execution} of a once-only step did not end: {why}");
    let mut asked = Asked::new(QuestionKind::Lost, Rule::Lost, reason, question, repair_options());
    asked.severity = Severity::High;
    raise(turn, path, &step, spec.sha256.clone(), asked);
}

pub(super) fn resumed(turn: &mut Turn, resume: &Resume) -> Result<InputNote, Refused> {
    if turn.state.run.is_none() {
        return Err(Refused::NothingToResume { status: "not started".to_owned() });
    }
    if resume.from.is_none() && turn.state.open_frames.is_empty() {
        return Err(Refused::NothingToResume { status: turn.state.resting_status().to_string() });
    }
    let target = match &resume.from {
        None => None,
        Some((flow, step)) => Some((flow.clone(), find(turn, flow, step)?)),
    };
    turn.emit(Fact::Resumed { by: resume.by.clone(), options: resume.options });
    if let Some((flow, step)) = target {
        again(turn, &flow, step.into(), SupersedeReason::From)?;
    }
    Ok(InputNote::ResumeRequested { by: resume.by.clone() })
}

pub(super) fn retried(turn: &mut Turn, retry: &Retry) -> Result<InputNote, Refused> {
    let slot = find_slot(turn, &retry.flow, &retry.step)?;
    let changes = changes(turn, &retry.flow, &retry.set);
    if let Some(what) = between_attempts(turn, &retry.flow).filter(|_| !changes.is_empty()) {
        return Err(Refused::Approved { what });
    }
    turn.emit(Fact::Resumed { by: retry.by.clone(), options: retry.options });
    change_params(turn, &retry.flow, changes);
    again(turn, &retry.flow, slot, SupersedeReason::Retry)?;
    if retry.only {
        let only = turn.frame(&retry.flow).plan.step(slot.step).spec.id.clone();
        turn.emit(Fact::Confined { flow: retry.flow.clone(), only: Some(only) });
        // Its flow may end by it: nothing starts by that in those around it, and nothing in those beside it.
        for flow in turn.state.open_frames.clone().into_iter().filter(|flow| *flow != retry.flow) {
            turn.emit(Fact::Confined { flow, only: None });
        }
    }
    Ok(InputNote::RetryRequested { by: retry.by.clone() })
}

fn changes(turn: &Turn, flow: &FramePath, set: &BTreeMap<ParamName, Value>) -> Vec<Change> {
    let params = &turn.frame(flow).params;
    let changed = set.iter().filter(|(name, value)| params.get(*name) != Some(*value));
    let change = |(name, value): (&ParamName, &Value)| Change {
        name: name.clone(),
        from: params.get(name).cloned().unwrap_or_default(),
        to: value.clone(),
    };
    changed.map(change).collect()
}

/// An approved step that would go on with parameters that nobody approved: its next attempt needs no approval of its own.
fn between_attempts(turn: &Turn, flow: &FramePath) -> Option<String> {
    let frame = turn.frame(flow);
    let waits = |state: &StepState| state.approved.is_some() && matches!(state.life, Life::Running | Life::Waiting { .. });
    slots(frame).find(|(_, state)| waits(state)).map(|(slot, _)| frame.name(slot).to_string())
}

fn change_params(turn: &mut Turn, flow: &FramePath, changes: Vec<Change>) {
    if changes.is_empty() {
        return;
    }
    turn.emit(Fact::ParamsChanged { flow: flow.clone(), changes });
    // An approval covers the parameters that were shown, also one that was given and not used yet.
    let open =
        turn.state.open_questions.iter().filter_map(|id| turn.state.questions.get(id)).chain(turn.state.requested.values());
    let mut ids: Vec<EscalationId> =
        open.filter(|one| one.flow_path == *flow && one.kind == QuestionKind::Approval).map(|one| one.id.clone()).collect();
    ids.extend(slots(turn.frame(flow)).filter_map(|(_, state)| state.unused_approval()).cloned());
    for id in ids {
        turn.emit(Fact::EscalationVoided { id, why: "the parameters have changed".to_owned() });
    }
}

/// Somebody looked at the evidence of an approval that was given and not used yet.
pub(super) fn looked_again(turn: &mut Turn, id: &EscalationId, shown: &[Shown]) -> Result<InputNote, Refused> {
    let question = turn.state.questions.get(id).cloned().ok_or_else(|| Refused::NoQuestion { id: id.clone() })?;
    let frame = turn.state.frame(&question.flow_path);
    let unused = frame.and_then(|frame| frame.state(frame.slot(&question.step_id)?)?.unused_approval());
    if unused != Some(id) || question.shown == shown {
        return Err(Refused::Nothing);
    }
    turn.emit(Fact::EscalationVoided { id: id.clone(), why: "what was shown has changed since it was answered".to_owned() });
    Ok(InputNote::Shown { id: id.clone() })
}

fn find(turn: &Turn, flow: &FramePath, step: &StepId) -> Result<StepIx, Refused> {
    let known = || super::open::known_flows(turn);
    let frame = turn.state.frame(flow).ok_or_else(|| Refused::NoFlow { flow: flow.to_string(), known: known() })?;
    find_in(&frame.plan, flow, step)
}

/// A step, or an item that it had when it was worked out.
fn find_slot(turn: &Turn, flow: &FramePath, step: &StepRef) -> Result<Slot, Refused> {
    let id = StepId::new(step.base()).map_err(|_| Refused::NoStep {
        flow: flow.to_string(),
        step: step.to_string(),
        hint: String::new(),
    })?;
    let whole = find(turn, flow, &id)?;
    if step.item().is_none() {
        return Ok(whole.into());
    }
    let frame = turn.frame(flow);
    frame.slot(step).filter(|slot| frame.state(*slot).is_some()).ok_or_else(|| {
        let group = frame.steps.get(whole.at()).and_then(|state| state.group.as_ref());
        let keys: Vec<&str> =
            group.iter().flat_map(|group| group.items.iter()).map(|item| item.key.as_str()).take(ITEMS_TOLD).collect();
        let hint = if keys.is_empty() { "; it has no items".to_owned() } else { format!("; its items are {}", keys.join(", ")) };
        Refused::NoStep { flow: flow.to_string(), step: step.to_string(), hint }
    })
}

fn find_in(plan: &Plan, flow: &FramePath, step: &StepId) -> Result<StepIx, Refused> {
    plan.find(step.as_str()).ok_or_else(|| {
        let hint = plan.meant(step.as_str()).map(|hint| format!("; {hint}")).unwrap_or_default();
        Refused::NoStep { flow: flow.to_string(), step: step.to_string(), hint }
    })
}

/// Closes the questions of a flow that nothing waits for any more.
fn void_stale(turn: &mut Turn, flow: &FramePath) {
    let below = format!("{flow}.");
    let inside = |path: &FramePath| path == flow || path.as_str().starts_with(&below);
    let waits = |one: &Question| {
        let Some(frame) = turn.state.frame(&one.flow_path).filter(|frame| frame.is_open()) else { return false };
        match one.kind {
            QuestionKind::Limit => frame.limited.as_ref() == Some(&one.id),
            QuestionKind::Done => frame.done.values().any(|done| *done == DoneState::Asking(one.id.clone())),
            QuestionKind::Approval
            | QuestionKind::Ask
            | QuestionKind::Failed
            | QuestionKind::Blocked
            | QuestionKind::EscalateWhen
            | QuestionKind::StopTheLine
            | QuestionKind::LoopExhausted
            | QuestionKind::Navigator
            | QuestionKind::Lost => {
                let step = frame.slot(&one.step_id).and_then(|slot| frame.state(slot));
                matches!(step.map(|step| &step.life), Some(Life::Gated(id) | Life::Asking(id) | Life::Held(id)) if *id == one.id)
            }
        }
    };
    let open =
        turn.state.open_questions.iter().filter_map(|id| turn.state.questions.get(id)).chain(turn.state.requested.values());
    let stale: Vec<EscalationId> = open.filter(|one| inside(&one.flow_path) && !waits(one)).map(|one| one.id.clone()).collect();
    for id in stale {
        if turn.state.line_stops.contains(&id) {
            turn.emit(Fact::LineReleased { by: id.clone() });
        }
        turn.emit(Fact::EscalationVoided { id, why: "the flow was changed".to_owned() });
    }
}

/// By name: the numbers of steps are others after a refresh.
fn half_run_ids(turn: &Turn, flow: &FramePath) -> Vec<StepId> {
    let plan = turn.frame(flow).plan.clone();
    let all: Vec<StepRef> = plan.steps.iter().map(|planned| StepRef::from(&planned.spec.id)).collect();
    half_run(turn, flow, &all).into_iter().map(|step| plan.step(step).spec.id.clone()).collect()
}

pub(super) fn refreshed(turn: &mut Turn, refresh: &RefreshPlan) -> Result<InputNote, Refused> {
    let known = super::open::known_flows(turn);
    let Some(frame) = turn.state.frame(&refresh.flow) else {
        return Err(Refused::NoFlow { flow: refresh.flow.to_string(), known });
    };
    if frame.parent.is_some() {
        return Err(Refused::CannotRefresh { why: "it is part of another flow; refresh that one".to_owned() });
    }
    if let Some(at) = turn.state.running.keys().find(|at| super::open::root(&at.flow) == refresh.flow) {
        return Err(Refused::Busy { what: at.to_string() });
    }
    if let Some(rollback) = rolling_back(turn, &refresh.flow, &[]) {
        return Err(Refused::CannotRefresh { why: format!("{rollback} is taking back what was done; let that end first") });
    }
    let Some(fresh) = refresh.book.flows.get(&frame.key) else {
        return Err(Refused::CannotRefresh { why: "the flow is gone".to_owned() });
    };
    let from = match &refresh.from {
        None => None,
        Some(step) => Some(find_in(fresh, &refresh.flow, step)?),
    };
    let ids =
        |plan: &Plan| plan.steps.iter().map(|one| (one.spec.id.clone(), one.spec.sha256.clone())).collect::<BTreeMap<_, _>>();
    let (old, new) = (ids(&frame.plan), ids(fresh));
    let added = new.keys().filter(|id| !old.contains_key(*id)).cloned().collect();
    let removed: Vec<StepId> = old.keys().filter(|id| !new.contains_key(*id)).cloned().collect();
    let changed: Vec<StepId> =
        new.iter().filter(|(id, sha)| old.get(*id).is_some_and(|before| before != *sha)).map(|(id, _)| id.clone()).collect();
    let once = half_run_ids(turn, &refresh.flow);
    turn.state.know(refresh.book.clone());
    if !refresh.options.is_none() {
        turn.emit(Fact::Resumed { by: refresh.by.clone(), options: refresh.options });
    }
    turn.emit(Fact::DefinitionRefreshed {
        flow: refresh.flow.clone(),
        definition: refresh.book.definition.clone(),
        added,
        removed,
        changed,
    });
    void_stale(turn, &refresh.flow);
    ask_orphans(turn, &refresh.flow);
    // A once-only step that may have half run is still not repeated without a word.
    for id in once {
        let Some(step) = turn.frame(&refresh.flow).plan.find(id.as_str()) else { continue };
        let asked = matches!(turn.step(&refresh.flow, step.into()).life, Life::Held(_));
        if !asked {
            ask_lost(turn, &refresh.flow, step.into(), "its definition was changed since");
        }
    }
    if let Some(step) = from {
        again(turn, &refresh.flow, step.into(), SupersedeReason::From)?;
    }
    Ok(InputNote::RefreshRequested { by: refresh.by.clone() })
}
