//! What an agent may be told, gathered from the run as it stands.

use std::collections::BTreeMap;

use crate::{
    context::{Brief, Decided, Findings, Fixes, Handed, Round, Said, Teaching},
    kernel::{Frame, Running, Slot, State, StepResult, handoffs, template_scope},
    plan::StepIx,
    record::{At, Envelope, FailureKind},
    spec::{Agent, Template, flow::AgentStep},
};

use super::{
    choice::{choice, failed_before, figures},
    perform::Scene,
};

/// Steps that lie further back are told of, the nearest first, up to so many.
const HISTORY_MAX: usize = 40;

pub(super) struct Asked<'a> {
    pub state: &'a State,
    pub scene: &'a Scene,
    pub frame: &'a Frame,
    pub slot: Slot,
    pub running: &'a Running,
    pub step: &'a AgentStep,
    pub agent: &'a Agent,
}

/// # Errors
/// A template of the teaching note or of the agent that cannot be filled in.
pub(super) fn brief(asked: &Asked<'_>) -> Result<Brief, (FailureKind, String)> {
    let Asked { state, scene, frame, slot, running, step, agent } = *asked;
    let render = |template: &Template| {
        let seen = template_scope(state, frame, template.reads(), slot);
        template.render(&seen).map_err(|error| (FailureKind::Template, error.to_string()))
    };
    let all = |templates: &[Template]| templates.iter().map(render).collect::<Result<Vec<_>, _>>();
    let flow = &frame.plan.flow;
    let spec = &frame.plan.step(slot.step).spec;
    let run = state.run.as_ref().ok_or((FailureKind::Unknown, "there is no run".to_owned()))?;
    let teach = &step.teach;
    let chooses = spec.navigates.is_some();
    Ok(Brief {
        run_id: run.id.clone(),
        run_started_at: run.created_at,
        flow: frame.key.clone(),
        flow_path: frame.path.clone(),
        flow_title: flow.title.clone(),
        step: frame.name(slot),
        step_title: spec.title.clone(),
        agent: step.agent.clone(),
        body: if agent.templated { render(&agent.prompt)? } else { agent.prompt.text().to_owned() },
        execution: running.execution,
        round: round(frame, slot),
        role: flow.role.clone(),
        charter: flow.charter.clone(),
        teaching: Teaching {
            objective: teach.objective.as_ref().map(render).transpose()?,
            inputs: all(&teach.inputs)?,
            outputs: all(&teach.outputs)?,
            behavior: all(&teach.behavior)?,
            success: all(&teach.success)?,
            when_stuck: all(&teach.when_stuck)?,
        },
        params: frame.params.iter().map(|(name, value)| (name.to_string(), value.clone())).collect::<BTreeMap<_, _>>(),
        item: spec.for_each.as_ref().and_then(|each| Some((each.name.clone(), frame.item_value(slot)?.clone()))),
        read_first: if chooses { Vec::new() } else { flow.read_first.clone() },
        include: step.context.include.clone(),
        inputs: spec.inputs.clone(),
        outputs: spec.outputs.clone(),
        verify: spec.verify.iter().map(|verify| (verify.id.to_string(), verify.run.clone())).collect(),
        handed: if chooses { figures(frame, handed(frame, slot)) } else { handed(frame, slot) },
        trail: if chooses { Vec::new() } else { trail(state, frame, slot) },
        choice: chooses.then(|| choice(state, frame, slot)),
        findings: if chooses { Vec::new() } else { findings(frame, slot) },
        note: frame.state(slot).and_then(|state| state.note.as_deref()).map(str::to_owned),
        fixes: fixes(state, frame).filter(|_| !chooses),
        access: spec.access,
        budget_tokens: step.context.budget,
        workspace: scene.workspace.clone(),
        run_base: scene.run_base.clone(),
        flow_dir: scene.run_base.join(frame.path.as_str()),
    })
}

fn round(frame: &Frame, slot: Slot) -> Option<Round> {
    let around = frame.plan.step(slot.step).in_loop?;
    let granted = frame.loops.get(around).map_or(0, |state| state.granted);
    let iterations_max = frame.plan.loops.get(around)?.iterations_max + granted;
    Some(Round { iteration: frame.iteration(slot.step)?, iterations_max })
}

/// What the steps before left: those that the step needs, then the others that led here, the nearest first.
fn handed(frame: &Frame, slot: Slot) -> Vec<Handed> {
    let needs = &frame.plan.step(slot.step).needs;
    let one = |step: StepIx, direct: bool| {
        let result = frame.steps.get(step.at())?.result.as_deref().filter(|result| !result.skipped)?;
        Some(told(frame, step.into(), result, direct))
    };
    let mut found: Vec<Handed> = needs.iter().filter_map(|need| one(*need, true)).collect();
    let before = frame.plan.upstream(slot.step);
    let further = before.iter().rev().filter(|step| **step != slot.step && !needs.contains(step));
    found.extend(further.filter_map(|step| one(*step, false)).take(HISTORY_MAX));
    found
}

/// Decisions and assumptions of agents that are not told of as handoffs: of other flows in the run, of other branches.
fn trail(state: &State, frame: &Frame, slot: Slot) -> Vec<Decided> {
    let before = frame.plan.upstream(slot.step);
    let told: Vec<_> = before.iter().chain([&slot.step]).map(|step| frame.at((*step).into())).collect();
    let one = |(at, envelope): (At, &Envelope)| {
        let decisions = envelope.summary.key_decisions.clone();
        let assumptions: Vec<String> = envelope.assumptions.iter().map(|one| one.assumption.clone()).collect();
        let nothing = decisions.is_empty() && assumptions.is_empty();
        (!nothing && !told.contains(&at)).then(|| Decided { by: at.to_string(), decisions, assumptions })
    };
    handoffs(state).filter_map(one).take(HISTORY_MAX).collect()
}

fn told(frame: &Frame, slot: Slot, result: &StepResult, direct: bool) -> Handed {
    let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned).filter(|text| !text.is_empty());
    let said = match envelope(result) {
        Some(envelope) => Said::Agent(Box::new(envelope)),
        None => Said::Result {
            exit_code: result.exit_code,
            error: text(&result.error),
            answer: text(&result.choice),
            note: text(&result.note),
        },
    };
    Handed { step: frame.name(slot), direct, status: result.status, passed: result.passed, said, path: path(frame, slot) }
}

fn envelope(result: &StepResult) -> Option<Envelope> {
    result.handoff.as_deref().cloned()
}

fn path(frame: &Frame, slot: Slot) -> String {
    format!("{}/handoffs/{}-{}.json", frame.path, frame.name(slot), frame.agent_key(slot.step))
}

/// In a later round: what the loop's last step had against the round before, and how this step itself failed then. Else, for
/// a step that is done again: what came of its last execution.
fn findings(frame: &Frame, slot: Slot) -> Vec<Findings> {
    let critic = frame.plan.step(slot.step).in_loop.and_then(|around| frame.plan.loops.get(around)).map(|around| around.last);
    let of = |told: Slot| {
        let before = frame.state(told)?.before.as_deref()?;
        let (own, error) = (told == slot, before.error.as_deref().map(str::to_owned));
        // Its own failed checks stand in the error already.
        let concerns = if own && error.is_some() { None } else { envelope(before) };
        Some(Findings {
            step: frame.name(told),
            own,
            status: before.status,
            concerns: concerns.map(|envelope| envelope.concerns).unwrap_or_default(),
            error,
            path: path(frame, told),
        })
    };
    let critics = critic.map(Slot::from).filter(|critic| *critic != slot).and_then(of);
    let own = of(slot).filter(|own| critics.is_none() || own.error.is_some());
    critics.into_iter().chain(own).collect()
}

fn fixes(state: &State, frame: &Frame) -> Option<Fixes> {
    let failed = failed_before(state, frame)?;
    let error = state.step(&failed)?.result.as_deref()?.error.as_deref()?.to_owned();
    Some(Fixes { step: failed.step, error })
}
