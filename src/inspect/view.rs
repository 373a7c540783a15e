//! One run, read whole: the state that the kernel's fold gives, and beside it every fact, found by step and by flow.
//! In: entries in order. Out: `RunView`. Never: a fact left out, a status worked out from anything but the state.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use serde_json::Value;

use crate::{
    id::{EscalationId, FramePath, RunId, StepId, StepRef, Time},
    kernel::{Frame, State},
    record::{
        At, Decision, Envelope, Fact, InputNote, Observed, Parent, Proof, Question, QuestionStatus, RunStatus, Spent,
        SupersedeReason, WaitReason,
    },
};

/// One fact, with the line of the journal that holds it and what the rule behind it could see.
#[derive(Debug, Clone)]
pub struct Moment {
    /// Line of the journal.
    pub seq: u64,
    pub ts: Time,
    pub input: Arc<InputNote>,
    pub fact: Arc<Fact>,
    /// The values that a condition of the flow looked at, by name.
    pub saw: Vec<(String, Value)>,
    /// For the first start of a join that needs only some of its steps: those that were over.
    pub over: Vec<StepId>,
}

/// An attempt that did not do it.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    pub attempt: u32,
    pub why: WaitReason,
    pub ended_at: Time,
    pub due: Time,
    pub error: String,
}

/// Why an execution's result no longer counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetAside {
    /// Its loop went round again.
    Loop,
    Superseded(SupersedeReason),
    /// It was interrupted or lost, and ran again.
    Interrupted,
    /// The flow was started again in this run.
    FlowAgain,
    /// A known fix was tried, or something was put in, and the step ran again after it.
    Detour,
}

/// One execution of a step, from its start to what was decided after it.
#[derive(Debug, Clone)]
pub struct Execution {
    pub number: u32,
    /// The flow's generation that it belongs to.
    pub generation: u32,
    pub iteration: Option<u32>,
    pub started_at: Time,
    pub approved_by: Option<EscalationId>,
    pub attempts: Vec<Attempt>,
    /// `StepEnded`, when it ended.
    pub ended: Option<(Time, Arc<Fact>)>,
    /// When its process was found to be gone.
    pub lost_at: Option<Time>,
    pub decisions: Vec<Arc<Decision>>,
    pub set_aside: Option<SetAside>,
}

impl Execution {
    pub fn proof(&self) -> Option<&Proof> {
        match self.ended.as_ref()?.1.as_ref() {
            Fact::StepEnded { proof, .. } => Some(proof),
            _ => None,
        }
    }
    pub fn handoff(&self) -> Option<&Envelope> {
        match self.ended.as_ref()?.1.as_ref() {
            Fact::StepEnded { handoff, .. } => Some(handoff),
            _ => None,
        }
    }
    pub fn ended_at(&self) -> Option<Time> {
        self.ended.as_ref().map(|(at, _)| *at).or(self.lost_at)
    }
    /// The last decision after it: what became of it.
    pub fn decision(&self) -> Option<&Decision> {
        self.decisions.last().map(AsRef::as_ref)
    }
    /// Milliseconds from start to end, retries and their waits included.
    pub fn duration_ms(&self) -> Option<u64> {
        // When it was over, not when that was written: as its receipt and the terminal have it.
        let over = self.proof().map(|proof| proof.completed_at).filter(|over| *over >= self.started_at);
        self.ended_at().map(|end| over.map_or(end, |over| over.min(end)).since(self.started_at))
    }
}

/// Everything that happened to one step.
#[derive(Debug, Clone, Default)]
pub struct StepStory {
    /// Places in `RunView::moments`.
    pub moments: Vec<usize>,
    pub executions: Vec<Execution>,
}

/// Who drives the run at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    Nobody,
    /// `None`: it has not written its name yet.
    Process {
        pid: Option<u32>,
    },
}

/// A run, read whole.
#[derive(Debug, Clone)]
pub struct RunView {
    pub run_id: RunId,
    pub state: State,
    pub moments: Vec<Moment>,
    pub steps: BTreeMap<At, StepStory>,
    /// Facts about a flow and none of its steps: places in `moments`.
    pub flows: BTreeMap<FramePath, Vec<usize>>,
    /// Flows in the order they were first started.
    pub flow_order: Vec<FramePath>,
    /// Bytes of a line that was never finished.
    pub torn_bytes: u64,
    pub driver: Driver,
    /// What calls of models used, by flow.
    pub spent: BTreeMap<FramePath, Spent>,
}

impl RunView {
    /// Where the run stands. A run that says it is running while no process drives it was interrupted.
    pub fn status(&self) -> RunStatus {
        match self.state.status() {
            RunStatus::Running if self.driver == Driver::Nobody => RunStatus::Interrupted,
            status => status,
        }
    }

    /// What flows that a person started, and that only observe, have passed over.
    pub fn observed(&self) -> Option<Observed> {
        let mut all = self.roots().filter_map(|frame| self.state.observed(&frame.path)).peekable();
        all.peek()?;
        Some(Observed { passed_over: all.flat_map(|one| one.passed_over).collect() })
    }

    /// The question whose answer was the last that happened: nobody has gone on with the run since.
    pub fn waits_to_be_resumed(&self) -> Option<&Question> {
        let last = self.moments.last().filter(|_| self.driver == Driver::Nobody && self.status() == RunStatus::Interrupted)?;
        self.state.waits_to_be_resumed(&last.input).and_then(|id| self.state.questions.get(id)).map(AsRef::as_ref)
    }

    /// What a flow and the flows below it used; `None`: no model was called.
    pub fn spent_by(&self, flow: &FramePath) -> Option<Spent> {
        let below = |path: &FramePath| {
            path.as_str().strip_prefix(flow.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let sum: Spent = self.spent.iter().filter(|(path, _)| below(path)).map(|(_, spent)| *spent).sum();
        (sum.calls > 0).then_some(sum)
    }

    /// The time of the last line.
    pub fn updated_at(&self) -> Time {
        self.state.now
    }

    pub fn story(&self, at: &At) -> Option<&StepStory> {
        self.steps.get(at)
    }

    pub fn executions(&self, at: &At) -> &[Execution] {
        self.steps.get(at).map_or(&[], |story| story.executions.as_slice())
    }

    /// The execution whose result counts now.
    pub fn current(&self, at: &At) -> Option<&Execution> {
        self.executions(at).last().filter(|one| one.set_aside.is_none() || one.ended.is_none())
    }

    pub fn moments_of(&self, at: &At) -> impl Iterator<Item = &Moment> {
        let places = self.steps.get(at).map_or(&[][..], |story| story.moments.as_slice());
        places.iter().map(|place| &self.moments[*place])
    }

    pub fn flow_moments(&self, flow: &FramePath) -> impl Iterator<Item = &Moment> {
        self.flows.get(flow).map_or(&[][..], Vec::as_slice).iter().map(|place| &self.moments[*place])
    }

    /// Flows that a person started, in order.
    pub fn roots(&self) -> impl Iterator<Item = &Frame> {
        self.frames().filter(|frame| frame.parent.is_none())
    }

    /// All flows, in the order they were first started.
    pub fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.flow_order.iter().filter_map(|path| self.state.frame(path))
    }

    /// Questions that wait for an answer, the oldest first.
    pub fn open_questions(&self) -> Vec<&Question> {
        let mut open: Vec<&Question> =
            self.state.open_questions.iter().filter_map(|id| self.state.questions.get(id).map(AsRef::as_ref)).collect();
        open.sort_by(|a, b| (a.raised_at, &a.id).cmp(&(b.raised_at, &b.id)));
        open
    }

    /// Questions of a flow that a person answered, in the order they were asked.
    pub fn answered(&self, flow: &FramePath) -> Vec<&Question> {
        let mut found: Vec<&Question> = self
            .state
            .questions
            .values()
            .map(AsRef::as_ref)
            .filter(|one| one.flow_path == *flow && one.status == QuestionStatus::Answered)
            .collect();
        found.sort_by_key(|one| (one.answer.as_ref().map(|answer| answer.at), one.id.clone()));
        found
    }

    /// All steps of a flow in file order; instances of a `for_each` step stand behind it.
    pub fn step_names(&self, frame: &Frame) -> Vec<StepRef> {
        let mut instances: BTreeMap<&str, Vec<&StepRef>> = BTreeMap::new();
        for (at, _) in self.stories(&frame.path).filter(|(at, _)| at.step.item().is_some()) {
            instances.entry(at.step.base()).or_default().push(&at.step);
        }
        let mut names = Vec::with_capacity(frame.plan.steps.len());
        for planned in &frame.plan.steps {
            let own = StepRef::from(&planned.spec.id);
            let group = frame.slot(&own).and_then(|slot| frame.state(slot)?.group.clone());
            names.push(own);
            match group {
                Some(group) => {
                    names.extend(group.items.iter().filter_map(|item| StepRef::instance(&planned.spec.id, &item.key).ok()));
                }
                None => names.extend(instances.remove(planned.spec.id.as_str()).into_iter().flatten().cloned()),
            }
        }
        names
    }

    /// What happened to the steps of one flow, by their names.
    pub fn stories<'v>(&'v self, flow: &'v FramePath) -> impl Iterator<Item = (&'v At, &'v StepStory)> {
        // Names are sorted, and none is before this one.
        let first = StepRef::new("a").map(|step| At { flow: flow.clone(), step });
        let from = first.map_or(Bound::Unbounded, Bound::Included);
        self.steps
            .range((from, Bound::Unbounded))
            .skip_while(move |(at, _)| at.flow != *flow)
            .take_while(move |(at, _)| at.flow == *flow)
    }

    /// Flows that a flow opened: sub-flows, detours, its rollback.
    pub fn children<'a>(&'a self, flow: &'a FramePath) -> impl Iterator<Item = &'a Frame> {
        self.frames().filter(move |frame| match frame.parent.as_deref() {
            Some(Parent::SubFlow { at } | Parent::Detour { at, .. } | Parent::Injected { at, .. } | Parent::Undo { at, .. }) => {
                at.flow == *flow
            }
            Some(Parent::Rollback { of, .. }) => of == flow,
            None => false,
        })
    }
}
