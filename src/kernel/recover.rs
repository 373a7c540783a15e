//! Going on after a stop: what was lost, what is to run again, and what changed in between.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    id::{EscalationId, FramePath, ParamName, StepId, StepRef, Time},
    plan::{Plan, StepIx},
    record::{At, Change, EngineWord, Fact, InputNote, Mode, QuestionKind, Rule, Shown, SupersedeReason},
    spec::{Effects, Severity, Verb},
};

use super::{
    advance,
    again::{again, slots},
    ask::{Asked, raise, repair_options},
    input::{Refused, Resume, Retry},
    state::{Life, Slot, StepState},
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

pub(super) fn find_in(plan: &Plan, flow: &FramePath, step: &StepId) -> Result<StepIx, Refused> {
    plan.find(step.as_str()).ok_or_else(|| {
        let hint = plan.meant(step.as_str()).map(|hint| format!("; {hint}")).unwrap_or_default();
        Refused::NoStep { flow: flow.to_string(), step: step.to_string(), hint }
    })
}
