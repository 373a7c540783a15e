//! A library made executable: the plan of every flow that a run may open, and of every detour.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    id::{DetourId, FlowKey, Sha256, StepId, StepRef},
    spec::{
        Access, Detour, Flow, Library, OnFailure, Step, Verb,
        flow::{Expect, Retry},
    },
};

use super::build::{GraphMistake, Plan, chain};

/// A known fix, with the chain of its steps; the last one is its `verify`.
#[derive(Debug)]
pub struct DetourPlan {
    pub detour: Arc<Detour>,
    pub plan: Arc<Plan>,
}

/// Everything that defines a run's flow. Its digest is what `flow_started` records.
#[derive(Debug)]
pub struct Book {
    pub definition: Sha256,
    pub flows: BTreeMap<FlowKey, Arc<Plan>>,
    pub detours: BTreeMap<DetourId, DetourPlan>,
    pub library: Arc<Library>,
}

impl Book {
    /// # Errors
    /// The mistakes of every flow's graph, with the flow they stand in.
    pub fn build(library: &Arc<Library>) -> Result<Self, Vec<(FlowKey, GraphMistake)>> {
        let book = Self::of_frozen(library)?;
        let early =
            |(key, plan): (&FlowKey, &Arc<Plan>)| plan.texts_too_early().into_iter().map(|one| (key.clone(), one)).collect();
        let mistakes: Vec<_> = book.flows.iter().flat_map::<Vec<_>, _>(early).collect();
        if mistakes.is_empty() { Ok(book) } else { Err(mistakes) }
    }

    /// The book of a run that has begun: rules that are newer than it may be do not keep it from going on.
    ///
    /// # Errors
    /// As [`Book::build`].
    pub fn of_frozen(library: &Arc<Library>) -> Result<Self, Vec<(FlowKey, GraphMistake)>> {
        let mut flows = BTreeMap::new();
        let mut mistakes = Vec::new();
        for (key, flow) in &library.flows {
            match Plan::build(flow) {
                Ok(plan) => {
                    flows.insert(key.clone(), Arc::new(plan));
                }
                Err(found) => mistakes.extend(found.into_iter().map(|one| (key.clone(), one))),
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let any = library.flows.values().next();
        let detours =
            any.map(|flow| library.detours.iter().map(|detour| detour_plan(flow, detour)).collect()).unwrap_or_default();
        Ok(Self { definition: definition(library), flows, detours, library: library.clone() })
    }

    /// The undos of a flow, in this order, and for steps that are taken back `inside` the flow that they opened a step that opens
    /// the undos of that one. Each runs whatever became of the one before.
    pub fn rollback(&self, of: &Plan, steps: &[StepRef], inside: &[StepRef]) -> Plan {
        let undos = steps.iter().enumerate().filter_map(|(at, step)| {
            let planned = of.find(step.base()).map(|ix| of.step(ix))?;
            let id = undo_id(at, step)?;
            let mut undo = match &planned.spec.undo {
                Some(script) => command_step(&planned.spec, id, script.clone()),
                None if inside.contains(step) => {
                    let opens = Verb::Flow { flow: opened(&planned.spec.verb)?, with: BTreeMap::new() };
                    Step { verb: opens, ..command_step(&planned.spec, id, String::new()) }
                }
                None => return None,
            };
            undo.on_failure = OnFailure::Continue;
            undo.timeout_ms = planned.spec.timeout_ms;
            undo.title = Some(format!("take back {step}"));
            Some(Arc::new(undo))
        });
        let key = FlowKey::new("rollback").expect("a constant name");
        let titled = Flow { title: format!("Take back what {} did", of.key), ..Flow::clone(&of.flow) };
        chain(key, &titled, undos.collect())
    }
}

fn opened(verb: &Verb) -> Option<FlowKey> {
    if let Verb::Flow { flow, .. } = verb { Some(flow.clone()) } else { None }
}

/// The name of the undo of the step at this place of the list.
fn undo_id(at: usize, step: &StepRef) -> Option<StepId> {
    let name = if step.item().is_some() { format!("undo-{}-{}", step.base(), at + 1) } else { format!("undo-{}", step.base()) };
    StepId::new(&name).or_else(|_| StepId::new(&format!("undo-{}", at + 1))).ok()
}

/// Which of these steps an undo takes back.
pub fn undone<'s>(steps: &'s [StepRef], undo: &str) -> Option<&'s StepRef> {
    let mut all = steps.iter().enumerate();
    all.find(|(at, step)| undo_id(*at, step).is_some_and(|id| id.as_str() == undo)).map(|(_, step)| step)
}

/// A `run` step that inherits environment, secrets and access from another, and nothing else.
fn command_step(like: &Step, id: StepId, script: String) -> Step {
    Step {
        id,
        title: None,
        when: None,
        for_each: None,
        sha256: Sha256::of(script.as_bytes()),
        verb: Verb::Run { script },
        inputs: Vec::new(),
        outputs: Vec::new(),
        expect: Expect::default(),
        verify: Vec::new(),
        measures_changes: false,
        access: Access::Change,
        retry: Retry { attempts_max: 1, delay_ms: 0, delay_ms_max: 0, written: false },
        poll: None,
        undo: None,
        on_failure: OnFailure::Stop,
        escalate: None,
        approve: None,
        ends_loop: None,
        navigates: None,
        ..like.clone()
    }
}

fn detour_plan(flow: &Flow, detour: &Arc<Detour>) -> (DetourId, DetourPlan) {
    let mut steps = detour.steps.clone();
    if let Some(like) = detour.steps.last() {
        let id = StepId::new("verify").expect("a constant name");
        steps.push(Arc::new(command_step(like, id, detour.verify.clone())));
    }
    let key = FlowKey::new(detour.id.as_str()).expect("a detour id follows the same rule as a flow key");
    let titled = Flow { title: detour.title.clone(), ..flow.clone() };
    let plan = Arc::new(chain(key, &titled, steps));
    (detour.id.clone(), DetourPlan { detour: detour.clone(), plan })
}

fn definition(library: &Library) -> Sha256 {
    let mut parts: Vec<String> = library.flows.iter().map(|(key, flow)| format!("flow {key} {}", flow.sha256)).collect();
    parts.extend(library.detours.iter().map(|detour| format!("detour {} {}", detour.id, detour.sha256)));
    parts.extend(library.agents.iter().map(|(key, agent)| format!("agent {key} {}", agent.sha256)));
    Sha256::of(parts.join("\n").as_bytes())
}
