//! Going on after a stop: what was lost, what is to run again, and what changed in between.

use std::collections::BTreeMap;

use crate::{
    id::{EscalationId, FramePath, StepId, StepRef},
    plan::StepIx,
    record::{At, Change, EngineWord, Fact, InputNote, Mode, QuestionKind, Rule, StopCause, SupersedeReason},
    spec::{Effects, Severity, Verb},
};

use super::{
    advance,
    ask::{Asked, raise, repair_options},
    input::{RefreshPlan, Refused, Resume, Retry},
    state::{Life, Slot},
    turn::Turn,
};

/// The process that ran these is gone. What may run twice runs again; what may not is asked.
pub(super) fn lost(turn: &mut Turn) -> Result<InputNote, Refused> {
    let running: Vec<(At, super::state::Running)> =
        turn.state.running.iter().map(|(at, one)| (at.clone(), one.clone())).collect();
    if running.is_empty() {
        return Err(Refused::Nothing);
    }
    for (at, one) in running {
        let Some(slot) = advance::slot_at(turn, &at) else { continue };
        let once = turn.frame(&at.flow).plan.step(slot.step).spec.effects == Effects::Once;
        let again = turn.frame(&at.flow).failing.is_none() && !one.unwanted && turn.state.stop != Some(StopCause::Cancel);
        if once || again {
            let lost = step_lost(turn, &at, slot, &one);
            turn.emit(lost);
        }
        if once {
            ask_lost(turn, &at.flow, slot, "the process that ran it is gone");
        } else if again && !turn.driven {
            // Whoever goes on with the run says first what is to run again; nothing is started before that.
            turn.emit(Fact::Superseded { flow: at.flow.clone(), steps: vec![at.step.clone()], why: SupersedeReason::Retry });
        } else if again {
            advance::begin(turn, &at.flow, slot, None);
        } else {
            super::ended::fail_started(
                turn,
                &at.flow,
                slot,
                crate::record::FailureKind::Cancelled,
                "lost while the flow was stopping",
            );
        }
    }
    Ok(InputNote::Lost)
}

fn step_lost(turn: &Turn, at: &At, slot: Slot, one: &super::state::Running) -> Fact {
    let frame = turn.frame(&at.flow);
    let spec = &frame.plan.step(slot.step).spec;
    let (engine, mode) = match spec.verb {
        Verb::Run { .. } | Verb::Exec { .. } => (EngineWord::Shell, Mode::Local),
        Verb::Agent(_) => (EngineWord::Stub, Mode::Stub),
        Verb::Ask(_) => (EngineWord::Human, Mode::Human),
        Verb::Flow { .. } | Verb::Snapshot { .. } | Verb::Compare { .. } | Verb::Render { .. } => {
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

/// Closes the questions about steps that are going to run again.
pub(super) fn void_for(turn: &mut Turn, path: &FramePath, steps: &[StepRef], why: &str) {
    let below: Vec<String> = steps.iter().map(|step| format!("{path}.{step}")).collect();
    let concerns = |flow: &FramePath, step: &StepRef| {
        let own = flow == path && steps.iter().any(|one| one == step || one.as_str() == step.base());
        own || below.iter().any(|prefix| flow.as_str() == prefix || flow.as_str().starts_with(&format!("{prefix}.")))
    };
    let open = turn.state.open_questions.iter().filter_map(|id| turn.state.questions.get(id));
    let all = open.chain(turn.state.requested.values());
    let ids: Vec<EscalationId> = all.filter(|one| concerns(&one.flow_path, &one.step_id)).map(|one| one.id.clone()).collect();
    for id in ids {
        if turn.state.line_stops.contains(&id) {
            turn.emit(Fact::LineReleased { by: id.clone() });
        }
        turn.emit(Fact::EscalationVoided { id, why: why.to_owned() });
    }
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
    turn.emit(Fact::Resumed { by: resume.by.clone() });
    if let Some((flow, step)) = target {
        let steps = turn.frame(&flow).plan.downstream(step);
        supersede(turn, &flow, &steps, SupersedeReason::From)?;
    }
    Ok(InputNote::ResumeRequested { by: resume.by.clone() })
}

pub(super) fn retried(turn: &mut Turn, retry: &Retry) -> Result<InputNote, Refused> {
    let step = find(turn, &retry.flow, &retry.step)?;
    turn.emit(Fact::Resumed { by: retry.by.clone() });
    change_params(turn, &retry.flow, &retry.set);
    let steps = turn.frame(&retry.flow).plan.downstream(step);
    supersede(turn, &retry.flow, &steps, SupersedeReason::Retry)?;
    if retry.only {
        turn.emit(Fact::Confined { flow: retry.flow.clone(), only: retry.step.clone() });
    }
    Ok(InputNote::RetryRequested { by: retry.by.clone() })
}

fn change_params(turn: &mut Turn, flow: &FramePath, set: &BTreeMap<crate::id::ParamName, serde_json::Value>) {
    let params = turn.frame(flow).params.clone();
    let changed = set.iter().filter(|(name, value)| params.get(*name) != Some(*value));
    let changes: Vec<Change> = changed
        .map(|(name, value)| Change {
            name: name.clone(),
            from: params.get(name).cloned().unwrap_or_default(),
            to: value.clone(),
        })
        .collect();
    if !changes.is_empty() {
        turn.emit(Fact::ParamsChanged { flow: flow.clone(), changes });
    }
}

fn find(turn: &Turn, flow: &FramePath, step: &StepId) -> Result<StepIx, Refused> {
    let known = || super::open::known_flows(turn);
    let frame = turn.state.frames.get(flow).ok_or_else(|| Refused::NoFlow { flow: flow.to_string(), known: known() })?;
    frame.plan.find(step.as_str()).ok_or_else(|| {
        let near = frame
            .plan
            .steps
            .iter()
            .map(|planned| planned.spec.id.as_str())
            .min_by_key(|id| strsim::damerau_levenshtein(id, step.as_str()));
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Refused::NoStep { flow: flow.to_string(), step: step.to_string(), hint }
    })
}

fn supersede(turn: &mut Turn, flow: &FramePath, steps: &[StepIx], why: SupersedeReason) -> Result<(), Refused> {
    let frame = turn.frame(flow);
    let names: Vec<StepRef> = steps.iter().map(|step| StepRef::from(&frame.plan.step(*step).spec.id)).collect();
    let below: Vec<String> = names.iter().map(|step| format!("{flow}.{step}.")).collect();
    let runs = |at: &&At| {
        (at.flow == *flow && names.iter().any(|name| name.as_str() == at.step.base()))
            || below.iter().any(|prefix| format!("{}.", at.flow).starts_with(prefix))
    };
    if let Some(at) = turn.state.running.keys().find(runs) {
        return Err(Refused::Busy { what: at.to_string() });
    }
    void_for(turn, flow, &names, "the step runs again");
    turn.emit(Fact::Superseded { flow: flow.clone(), steps: names, why });
    // A flow inside a flow is opened again with everything that waits for it.
    reopen_parents(turn, flow);
    Ok(())
}

fn reopen_parents(turn: &mut Turn, flow: &FramePath) {
    use crate::record::Parent;
    let parent = turn.frame(flow).parent.clone();
    if let Some(Parent::SubFlow { at } | Parent::Detour { at, .. }) = parent.as_deref() {
        let Some(slot) = advance::slot_at(turn, at) else { return };
        if matches!(turn.step(&at.flow, slot).life, Life::InFlow(_) | Life::InDetour(_)) {
            return;
        }
        let dependents: Vec<StepIx> =
            turn.frame(&at.flow).plan.downstream(slot.step).into_iter().filter(|one| *one != slot.step).collect();
        let names: Vec<StepRef> =
            dependents.iter().map(|one| StepRef::from(&turn.frame(&at.flow).plan.step(*one).spec.id)).collect();
        void_for(turn, &at.flow, &names, "the step runs again");
        turn.emit(Fact::Reopened { flow: at.flow.clone(), step: at.step.clone(), into: flow.clone(), dependents: names });
        reopen_parents(turn, &at.flow.clone());
    }
}

pub(super) fn refreshed(turn: &mut Turn, refresh: &RefreshPlan) -> Result<InputNote, Refused> {
    let known = super::open::known_flows(turn);
    let Some(frame) = turn.state.frames.get(&refresh.flow) else {
        return Err(Refused::NoFlow { flow: refresh.flow.to_string(), known });
    };
    if frame.parent.is_some() {
        return Err(Refused::CannotRefresh { why: "it is part of another flow; refresh that one".to_owned() });
    }
    if let Some(at) = turn.state.running.keys().find(|at| super::open::root(&at.flow) == refresh.flow) {
        return Err(Refused::Busy { what: at.to_string() });
    }
    let Some(fresh) = refresh.book.flows.get(&frame.key) else {
        return Err(Refused::CannotRefresh { why: "the flow is gone".to_owned() });
    };
    let ids = |plan: &crate::plan::Plan| {
        plan.steps.iter().map(|one| (one.spec.id.clone(), one.spec.sha256.clone())).collect::<BTreeMap<_, _>>()
    };
    let (old, new) = (ids(&frame.plan), ids(fresh));
    let added = new.keys().filter(|id| !old.contains_key(*id)).cloned().collect();
    let removed: Vec<StepId> = old.keys().filter(|id| !new.contains_key(*id)).cloned().collect();
    let changed: Vec<StepId> =
        new.iter().filter(|(id, sha)| old.get(*id).is_some_and(|before| before != *sha)).map(|(id, _)| id.clone()).collect();
    let touched: Vec<StepRef> = removed.iter().chain(&changed).map(StepRef::from).collect();
    void_for(turn, &refresh.flow, &touched, "the flow was changed");
    turn.state.know(refresh.book.clone());
    turn.emit(Fact::DefinitionRefreshed {
        flow: refresh.flow.clone(),
        definition: refresh.book.definition.clone(),
        added,
        removed,
        changed,
    });
    Ok(InputNote::RefreshRequested { by: refresh.by.clone() })
}
