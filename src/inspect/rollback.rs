//! What a rollback took back, and what it did not.
//! In: a view, a flow or a step. Out: the first undo step that did not do it; what became of a step's work; dated sentences.
//! Never: the outcome of the flow believed, whose steps go on; a step that was done again taken for one that was taken back.

use std::collections::BTreeMap;

use crate::{
    id::{FramePath, StepRef},
    kernel::{Frame, FramePhase, Life, Settled, Slot, State},
    plan::undone,
    record::{At, Fact, Parent, ReceiptStatus},
};

use super::{explain::Sentence, figures::receipt_path, view::RunView, words::first_line};

/// As the reason of the flow around it has it, with what `diagnose` advises.
pub(super) const INCOMPLETE: &str = "ROLLBACK INCOMPLETE, look at what stands now by hand before anything runs again";

/// `None` for any other flow, for a rollback that is not over, and for one that took everything back.
pub(super) fn not_undone(frame: &Frame) -> Option<StepRef> {
    if !frame.parent.as_deref().is_some_and(Parent::takes_back) || !matches!(frame.phase, FramePhase::Done(_)) {
        return None;
    }
    slots(frame).find(|slot| stands(frame, *slot)).map(|slot| frame.name(slot))
}

/// Of each rollback that is incomplete, the first step that did not do it: what it left is looked at before anything runs again.
pub fn left_standing(state: &State) -> Vec<(FramePath, StepRef)> {
    state.frames.values().filter_map(|frame| Some((frame.path.clone(), not_undone(frame)?))).collect()
}

/// The first step of a flow that its rollback took back: only from there does the flow go on, whatever failed in it.
pub fn first_taken_back(state: &State, flow: &FramePath) -> Option<StepRef> {
    let first = *state.taken_back(flow).first()?;
    Some(StepRef::from(&state.frame(flow)?.plan.step(first).spec.id))
}

/// Where one goes on when a step of a flow failed: at that step, or at one that was taken back and would not run again with it.
pub(super) struct Begin {
    pub at: At,
    pub taken_back: bool,
}

impl Begin {
    /// What to do there, for somebody who looks at a step of this flow.
    pub(super) fn words(&self, flow: &FramePath) -> String {
        let At { flow: own, step } = &self.at;
        let of = if own == flow { String::new() } else { format!(" of {own}") };
        if self.taken_back { format!("begin at {step}{of}, which was taken back") } else { format!("run {step} again and go on") }
    }
}

/// The flows around are looked at, too: what a rollback of one of them took back runs first.
pub(super) fn begin(state: &State, at: &At) -> Begin {
    let gone = first_taken_back(state, &at.flow);
    let taken_back = gone.is_some();
    let mut begin = Begin { at: At { step: gone.unwrap_or_else(|| at.step.clone()), ..at.clone() }, taken_back };
    let mut path = &at.flow;
    while let Some(Parent::SubFlow { at } | Parent::Detour { at, .. } | Parent::Injected { at, .. }) =
        state.frame(path).and_then(|frame| frame.parent.as_deref())
    {
        path = &at.flow;
        let Some(frame) = state.frame(path) else { break };
        let again = frame.plan.find(at.step.base()).map(|step| frame.plan.downstream(step)).unwrap_or_default();
        if state.taken_back(path).iter().any(|gone| !again.contains(gone))
            && let Some(step) = first_taken_back(state, path)
        {
            begin = Begin { at: At { flow: path.clone(), step }, taken_back: true };
        }
    }
    begin
}

fn slots(frame: &Frame) -> impl Iterator<Item = Slot> {
    frame.plan.steps.iter().filter_map(|planned| frame.slot(&StepRef::from(&planned.spec.id)))
}

/// It was to take something back, and did not.
fn stands(frame: &Frame, slot: Slot) -> bool {
    let life = frame.state(slot).map(|state| &state.life);
    matches!(life, Some(Life::Settled(Settled::Standing | Settled::Failed)))
}

/// What became of a step's work when its flow was rolled back.
pub(super) struct Undo {
    /// The step of the rollback, the one that did not do it if there is one.
    pub by: At,
    pub whole: bool,
}

impl Undo {
    pub(super) const fn words(&self) -> &'static str {
        taken_back_words(self.whole)
    }
}

/// Of a step's work in a flow that was rolled back.
pub const fn taken_back_words(whole: bool) -> &'static str {
    if whole { "taken back" } else { "NOT taken back" }
}

/// By step. Nothing while nothing was undone, and once something of the flow was done again.
pub(super) fn undos(view: &RunView, flow: &FramePath) -> BTreeMap<StepRef, Undo> {
    let mut found = BTreeMap::new();
    let rolled_back = || {
        let frame = view.state.frame(flow).filter(|frame| frame.rolled_back)?;
        let rollback = view.state.frame(&flow.child("rollback").ok()?)?;
        let (Parent::Rollback { steps, .. } | Parent::Undo { steps, .. }) = rollback.parent.as_deref()? else { return None };
        Some((frame, rollback, steps))
    };
    let Some((frame, rollback, steps)) = rolled_back() else { return found };
    let gone = view.state.taken_back(flow);
    for slot in slots(rollback) {
        let name = rollback.name(slot);
        let Some(step) = undone(steps, name.as_str()) else { continue };
        let whole = !stands(rollback, slot);
        let passed = rollback.state(slot).is_some_and(|state| state.life == Life::Settled(Settled::Passed));
        if whole && !(passed && frame.slot(step).is_some_and(|slot| gone.contains(&slot.step))) {
            continue;
        }
        // Items are undone one by one; the step with items is, where one of them is.
        for told in [Some(step.clone()), StepRef::new(step.base()).ok()].into_iter().flatten() {
            let by = At { flow: rollback.path.clone(), step: name.clone() };
            let known = found.entry(told).or_insert_with(|| Undo { by: by.clone(), whole });
            if known.whole && !whole {
                *known = Undo { by, whole };
            }
        }
    }
    found
}

/// The step itself, or an item of it.
fn is_of(undone: &StepRef, step: &StepRef) -> bool {
    undone == step || (step.item().is_none() && undone.base() == step.base())
}

/// What undo steps did about a step, each time its flow was rolled back, by their places in the view's moments.
pub(super) fn sentences(view: &RunView, at: &At) -> BTreeMap<usize, Sentence> {
    let mut found = BTreeMap::new();
    let Ok(path) = at.flow.child("rollback") else { return found };
    for (undo, story) in view.stories(&path) {
        for place in &story.moments {
            let moment = &view.moments[*place];
            let Fact::StepEnded { execution, proof, .. } = moment.fact.as_ref() else { continue };
            let Some((steps, why)) = rolled_back_at(view, &path, moment.seq) else { continue };
            if !undone(steps, undo.step.as_str()).is_some_and(|step| is_of(step, &at.step)) {
                continue;
            }
            let of = |what: &str| format!("{} of {path} {what}, because {why}", undo.step);
            let text = match proof.status {
                ReceiptStatus::Succeeded => of("took it back"),
                ReceiptStatus::Failed | ReceiptStatus::Interrupted => {
                    let why = proof.error.as_deref().map(|why| format!(": {}", first_line(why))).unwrap_or_default();
                    of("was to take it back") + ", and did not" + &why
                }
            };
            let receipt = view.executions(undo).iter().find(|one| one.number == *execution);
            let proof = receipt.and_then(|one| receipt_path(view, undo, one));
            let proof = proof.unwrap_or_else(|| "journal.jsonl".to_owned());
            found.insert(*place, Sentence { at: moment.ts, line: moment.seq, text, rule: None, proof });
        }
    }
    found
}

/// The steps that the rollback that ran at this line was to take back, and why it did.
fn rolled_back_at<'v>(view: &'v RunView, path: &FramePath, seq: u64) -> Option<(&'v [StepRef], String)> {
    let started = view.flow_moments(path).filter(|moment| moment.seq <= seq);
    let began = started.filter_map(|moment| match moment.fact.as_ref() {
        Fact::FlowStarted { parent: Some(Parent::Rollback { failed, steps, .. }), .. } => {
            Some((steps.as_slice(), format!("{failed} failed")))
        }
        Fact::FlowStarted { parent: Some(Parent::Undo { steps, .. }), .. } => {
            Some((steps.as_slice(), "the flow around it was rolled back".to_owned()))
        }
        _ => None,
    });
    began.last()
}
