//! A run as it stands: flows, steps, questions, clocks. Made of persistent collections, so a copy costs little.

mod step;

use std::{collections::BTreeMap, sync::Arc};

use imbl::{OrdMap, OrdSet, Vector};
use serde_json::Value;

use crate::{
    id::{EscalationId, FlowKey, FramePath, ParamName, Sha256, StepId, StepRef, Time},
    plan::{Book, Plan, StepIx},
    record::{
        At, CallLimits, Decision, EngineWord, Git, InputNote, LimitName, Outcome, Parent, Question, RunOptions, RunStatus,
        StopCause,
    },
    spec::Verb,
};

pub use super::{
    result::StepResult,
    running::{RunInfo, Running},
};
pub use step::{Group, Life, Settled, StepState};

use super::{
    again::slots,
    breaker::Breaker,
    cost::Cost,
    counts::{CountKey, Counted},
    doubt::Doubt,
    rounds::Round,
};

/// A step of a flow, or one instance of a `for_each` step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    pub step: StepIx,
    pub item: Option<u32>,
}

impl From<StepIx> for Slot {
    fn from(step: StepIx) -> Self {
        Self { step, item: None }
    }
}

#[derive(Debug, Clone, Default)]
pub struct LoopState {
    /// The round that runs now, from 1.
    pub iteration: u32,
    /// Rounds that a person granted besides the limit.
    pub granted: u32,
    /// What the rounds before left, the last one first; only as many as the brake looks at.
    pub rounds: Vector<Round>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FramePhase {
    Open,
    /// All steps are settled; the Definition of Done is being checked.
    Closing,
    Done(Outcome),
}

/// One flow of the run.
#[derive(Debug, Clone)]
pub struct Frame {
    pub path: FramePath,
    pub key: FlowKey,
    pub definition: Sha256,
    pub book: Arc<Book>,
    pub plan: Arc<Plan>,
    pub generation: u32,
    pub parent: Option<Arc<Parent>>,
    pub params: Arc<BTreeMap<ParamName, Value>>,
    pub options: Arc<RunOptions>,
    pub git: Option<Git>,
    /// Who asked for it, of a flow that is no part of another.
    pub by: Option<Arc<str>>,
    pub phase: FramePhase,
    /// TERMINATE was decided: (the step, why, roll back first).
    pub failing: Option<Arc<(StepRef, String, bool)>>,
    pub rolled_back: bool,
    /// Shared, so that a copy of the flow that differs in one step copies one step.
    pub steps: Vector<Arc<StepState>>,
    pub items: OrdMap<(StepIx, u32), StepState>,
    /// How often each item was started, and each step that the plan does not have any more: whatever comes again under that name is
    /// counted on.
    pub executed: OrdMap<StepRef, u32>,
    pub ready: OrdSet<Slot>,
    /// Steps of the plan that are not settled.
    pub unsettled: u32,
    /// Slots in the middle of something that gives an input by itself: running, between attempts, in a sub-flow or detour.
    pub live: u32,
    /// Executions that run in it or in a flow below it.
    pub busy: u32,
    /// Steps whose join can no longer be met.
    pub doomed: OrdSet<StepIx>,
    pub loops: Vector<LoopState>,
    /// In the order they were done, for rollback.
    pub finished: Vector<StepRef>,
    pub executions: u32,
    pub steps_max: Option<u32>,
    pub wall_ms_max: Option<u64>,
    /// What `active_ms` may become by the timeout of the step that opened it.
    pub time_ms_max: Option<u64>,
    pub calls: CallLimits,
    /// Time during which something of it ran, up to `active_since`.
    pub active_ms: u64,
    pub active_since: Option<Time>,
    pub limited: Option<EscalationId>,
    /// Which limit was reached last.
    pub reached: Option<(LimitName, u64)>,
    /// `--until` and `--only`: no other step starts. One flag per step of the plan.
    pub allowed: Option<Arc<[bool]>>,
    pub warnings: Vector<Arc<str>>,
    pub done: OrdMap<StepId, DoneState>,
    pub outcome_reason: Option<Arc<str>>,
    pub last_decision: Option<Arc<Decision>>,
    /// What navigators of this flow put in so far, for the files' names.
    pub injections: u32,
    /// Questions asked so far per step, for their names.
    pub asked: OrdMap<StepRef, u32>,
    /// Tests that verify commands counted.
    pub counts: OrdMap<CountKey, Counted>,
    /// Once-only steps that do not start without a person's word; also from before the flow was started again.
    pub doubts: OrdMap<StepRef, Doubt>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DoneState {
    Holds,
    Broken(String),
    Asking(EscalationId),
}

/// Everything the kernel knows of one run.
#[derive(Debug, Clone)]
pub struct State {
    pub(super) books: OrdMap<Sha256, Arc<Book>>,
    pub run: Option<Arc<RunInfo>>,
    /// Shared, so that a copy of the run copies no flow in which nothing happened, nor the room for fifteen more.
    pub frames: OrdMap<FramePath, Arc<Frame>>,
    pub open_frames: OrdSet<FramePath>,
    pub running: OrdMap<At, Running>,
    /// Attempts that wait for their time.
    pub due: OrdSet<(Time, At)>,
    pub questions: OrdMap<EscalationId, Arc<Question>>,
    pub open_questions: OrdSet<EscalationId>,
    /// Questions whose evidence is being looked at.
    pub requested: OrdMap<EscalationId, Arc<Question>>,
    /// Stop-the-line questions; while there is one, nothing starts anywhere.
    pub line_stops: OrdSet<EscalationId>,
    pub stop: Option<StopCause>,
    pub fatal: Option<Arc<str>>,
    pub rested: Option<RunStatus>,
    pub now: Time,
    /// Of the executions that have ended.
    pub cost: Cost,
    /// Engines whose last call failed.
    pub breakers: OrdMap<EngineWord, Breaker>,
    /// The time of the line before this one: until then, whatever runs was seen.
    pub(super) before: Time,
    pub seq: u64,
}

impl State {
    pub fn new() -> Self {
        Self {
            books: OrdMap::new(),
            run: None,
            frames: OrdMap::new(),
            open_frames: OrdSet::new(),
            running: OrdMap::new(),
            due: OrdSet::new(),
            questions: OrdMap::new(),
            open_questions: OrdSet::new(),
            requested: OrdMap::new(),
            line_stops: OrdSet::new(),
            stop: None,
            fatal: None,
            rested: None,
            now: Time::from_ms(0),
            cost: Cost::default(),
            breakers: OrdMap::new(),
            before: Time::from_ms(0),
            seq: 0,
        }
    }

    /// Makes a definition known. A journal names it by its digest, so this comes before the entry that does.
    pub fn know(&mut self, book: Arc<Book>) {
        self.books.insert(book.definition.clone(), book);
    }

    /// All definitions that flows of this run have had.
    pub fn books(&self) -> impl Iterator<Item = &Arc<Book>> {
        self.books.values()
    }
    pub fn knows(&self, definition: &Sha256) -> bool {
        self.books.contains_key(definition)
    }

    pub fn frame(&self, path: &FramePath) -> Option<&Frame> {
        self.frames.get(path).map(AsRef::as_ref)
    }

    pub(super) fn frame_mut(&mut self, path: &FramePath) -> Option<&mut Frame> {
        self.frames.get_mut(path).map(Arc::make_mut)
    }

    /// Whether somebody started the flow that a question is asked in: also one that was added to a run of somebody else.
    pub fn was_started_by(&self, flow: &FramePath, who: &str) -> bool {
        let asked = self.frame(&super::open::root(flow)).and_then(|frame| frame.by.as_deref());
        asked.or_else(|| self.run.as_ref().map(|run| &*run.by)) == Some(who)
    }

    /// Something of it counts as running: executions, and attempts that are due.
    pub fn is_active(&self) -> bool {
        self.open_frames.iter().filter_map(|path| self.frame(path)).any(|frame| frame.active_since.is_some())
    }

    /// Attempts that wait for their time, the next one first, but those that `--only` leaves where they are until somebody goes on.
    pub(super) fn due_here(&self) -> impl Iterator<Item = &(Time, At)> {
        self.due.iter().filter(|(_, at)| {
            let confined = self.frame(&at.flow).and_then(|frame| Some((frame.slot(&at.step)?, frame.allowed.as_ref()?)));
            confined.is_none_or(|(slot, allowed)| allowed.get(slot.step.at()).copied().unwrap_or(false))
        })
    }

    /// The approvals of flows that were given and that nothing has used yet.
    pub fn approved_flows(&self) -> Vec<Arc<Question>> {
        let flows = |frame: &Frame| {
            let plan = frame.plan.clone();
            let opens = move |slot: Slot| matches!(plan.step(slot.step).spec.verb, Verb::Flow { .. });
            let given = slots(frame).filter(move |(slot, _)| opens(*slot)).filter_map(|(_, state)| state.unused_approval());
            given.filter_map(|id| self.questions.get(id).cloned()).collect::<Vec<_>>()
        };
        self.open_frames.iter().filter_map(|path| self.frame(path)).flat_map(flows).collect()
    }

    pub fn step(&self, at: &At) -> Option<&StepState> {
        let frame = self.frame(&at.flow)?;
        frame.slot(&at.step).and_then(|slot| frame.state(slot))
    }

    /// Where the run stands, from what happened and nothing else.
    pub fn status(&self) -> RunStatus {
        if let Some(rested) = self.rested {
            return rested;
        }
        if self.run.is_some() { RunStatus::Running } else { RunStatus::Interrupted }
    }

    /// The question whose answer was the last input of a run that nobody drives: it can go on, and nobody has gone on with it since.
    pub fn waits_to_be_resumed(&self, last: &InputNote) -> Option<&EscalationId> {
        let InputNote::Answered { id } = last else { return None };
        let open = matches!(self.status(), RunStatus::Running | RunStatus::Interrupted) && self.stop.is_none();
        let answered = open && self.running.is_empty() && self.questions.get(id)?.answer.is_some();
        self.questions.get_key_value(id).filter(|_| answered).map(|(id, _)| id)
    }

    /// What the run would rest as if it rested now.
    pub fn resting_status(&self) -> RunStatus {
        if self.stop == Some(StopCause::Cancel) {
            return RunStatus::Cancelled;
        }
        let roots = || self.frames.values().filter(|frame| frame.parent.is_none());
        let open = roots().any(|frame| !matches!(frame.phase, FramePhase::Done(_)));
        if self.stop.is_some() && open {
            RunStatus::Interrupted
        } else if open && !self.open_questions.is_empty() {
            RunStatus::Waiting
        } else if open {
            RunStatus::Interrupted
        } else if roots().any(|frame| frame.phase == FramePhase::Done(Outcome::Cancelled)) {
            RunStatus::Cancelled
        } else if roots().any(|frame| frame.phase == FramePhase::Done(Outcome::Failed)) {
            RunStatus::Failed
        } else {
            RunStatus::Succeeded
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}

impl Frame {
    pub fn state(&self, slot: Slot) -> Option<&StepState> {
        match slot.item {
            None => self.steps.get(slot.step.at()).map(AsRef::as_ref),
            Some(item) => self.items.get(&(slot.step, item)),
        }
    }

    pub(super) fn state_mut(&mut self, slot: Slot) -> &mut StepState {
        match slot.item {
            None => Arc::make_mut(self.steps.get_mut(slot.step.at()).expect("a slot is made from the plan")),
            Some(item) => self.items.entry((slot.step, item)).or_default(),
        }
    }

    /// The slot of a step or instance by name.
    pub fn slot(&self, step: &StepRef) -> Option<Slot> {
        let ix = self.plan.find(step.base())?;
        match step.item() {
            None => Some(ix.into()),
            Some(key) => {
                let group = self.steps.get(ix.at())?.group.as_ref()?;
                let item = group.items.iter().position(|item| item.key == key)?;
                Some(Slot { step: ix, item: u32::try_from(item).ok() })
            }
        }
    }

    pub fn name(&self, slot: Slot) -> StepRef {
        let id = &self.plan.step(slot.step).spec.id;
        let item = slot.item.and_then(|item| {
            let group = self.steps.get(slot.step.at())?.group.as_ref()?;
            StepRef::instance(id, &group.items.get(item as usize)?.key).ok()
        });
        item.unwrap_or_else(|| StepRef::from(id))
    }

    pub fn at(&self, slot: Slot) -> At {
        At { flow: self.path.clone(), step: self.name(slot) }
    }

    /// The number of the next execution. None is given twice, whatever became of the step, or of its item, in between.
    pub(super) fn next_execution(&self, slot: Slot) -> u32 {
        self.state(slot).map_or(0, |state| state.execution).max(self.executed_as(slot)) + 1
    }

    /// How often something of this name was started, as far as the step itself does not know.
    pub(super) fn executed_as(&self, slot: Slot) -> u32 {
        if self.executed.is_empty() { 0 } else { self.executed.get(&self.name(slot)).copied().unwrap_or(0) }
    }

    pub fn item_value(&self, slot: Slot) -> Option<&Value> {
        let group = self.steps.get(slot.step.at())?.group.as_ref()?;
        group.items.get(slot.item? as usize).map(|item| &item.value)
    }

    /// The round of the innermost loop around a step.
    pub fn iteration(&self, step: StepIx) -> Option<u32> {
        let around = self.plan.step(step).in_loop?;
        self.loops.get(around).map(|state| state.iteration)
    }

    pub fn is_open(&self) -> bool {
        !matches!(self.phase, FramePhase::Done(_))
    }

    /// Milliseconds during which something of this flow ran.
    pub fn active_ms_at(&self, now: Time) -> u64 {
        self.active_ms + self.active_since.map_or(0, |since| now.since(since))
    }
}
