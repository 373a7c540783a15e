//! How a view is put together: each fact is applied by the kernel, and noted with the steps and the flow it concerns.
//! In: entries in order, and the definitions they name by digest. Out: a `RunView`, or why there is none.
//! Never: a fact applied twice, a definition guessed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    id::{FramePath, RunId, Sha256, StepRef},
    kernel::State,
    ledger::{JournalError, Lock, LockError, Reader, RunDir, spent},
    plan::Book,
    record::{At, DecisionKind, Entry, Fact, InputNote, ReceiptStatus, Rule},
};

use super::{
    saw::{over, saw},
    view::{Attempt, Driver, Execution, Moment, RunView, SetAside, StepStory},
};

/// Whatever the reader of frozen definitions says.
pub type BookError = Box<dyn std::error::Error + Send + Sync>;

/// A definition that the journal names: `frozen/<flow>`, or `frozen/<flow>@<generation>`.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub flow: &'a FramePath,
    pub generation: u32,
    pub definition: &'a Sha256,
}

#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    #[error("the run has no journal yet: nothing has happened in it")]
    Empty,
    /// Where the chain does not hold; nothing behind that line can be believed.
    #[error("line {line} of the journal is broken: {why}")]
    Broken { line: u64, why: String },
    #[error("the journal could not be read")]
    Journal(#[source] BookError),
    #[error("what defined flow `{flow}` (generation {generation}) could not be read")]
    Definition { flow: FramePath, generation: u32, source: BookError },
}

impl ViewError {
    /// The record itself is damaged: exit code 7.
    pub fn is_integrity(&self) -> bool {
        match self {
            Self::Broken { .. } | Self::Definition { .. } => true,
            Self::Empty | Self::Journal(_) => false,
        }
    }
}

impl RunView {
    /// Reads the run's journal and folds it. A line that was never finished is passed over; a broken chain is an error.
    ///
    /// # Errors
    /// The journal is empty, broken or unreadable, or a definition that it names is.
    pub fn load(run: &RunDir, books: impl FnMut(&RunDir, Wanted<'_>) -> Result<Arc<Book>, BookError>) -> Result<Self, ViewError> {
        match Self::load_as_far(run, books) {
            (_, Some(error)) => Err(error),
            (view, None) => view.ok_or(ViewError::Empty),
        }
    }

    /// As far as the journal can be believed, and why it cannot be further; for whoever asks what is wrong with it.
    pub fn load_as_far(
        run: &RunDir,
        mut books: impl FnMut(&RunDir, Wanted<'_>) -> Result<Arc<Book>, BookError>,
    ) -> (Option<Self>, Option<ViewError>) {
        // Asked before and after: a process that ended, or came, while the journal was read.
        let before = driver(run);
        let (mut view, mut noted) = (Self::empty(run.id().clone()), Noted::default());
        let mut loading = Loading::new(&mut view, &mut noted, |wanted: Wanted<'_>| books(run, wanted));
        let mut reader = match Reader::open(run).map_err(unreadable) {
            Ok(reader) => reader,
            Err(error) => return (None, Some(error)),
        };
        let failed = reader.find_map(|entry| entry.map_err(unreadable).and_then(|entry| loading.add(entry)).err());
        if view.moments.is_empty() {
            return (None, failed.or(Some(ViewError::Empty)));
        }
        view.torn_bytes = reader.replayed().torn_bytes;
        // What it cost is told beside the story; without it the story still stands.
        view.spent = spent(run).unwrap_or_default();
        view.driver = driver_since(before, run);
        (Some(view), failed)
    }

    /// The same from all its entries, in memory; nobody drives it.
    ///
    /// # Errors
    /// There is no entry, or a definition is missing.
    pub fn replay(
        run_id: RunId,
        entries: impl IntoIterator<Item = Entry>,
        books: impl FnMut(Wanted<'_>) -> Result<Arc<Book>, BookError>,
    ) -> Result<Self, ViewError> {
        let (mut view, mut noted) = (Self::empty(run_id), Noted::default());
        let mut loading = Loading::new(&mut view, &mut noted, books);
        for entry in entries {
            loading.add(entry)?;
        }
        if view.moments.is_empty() { Err(ViewError::Empty) } else { Ok(view) }
    }

    /// Before anything happened.
    pub(super) fn empty(run_id: RunId) -> Self {
        Self {
            run_id,
            state: State::new(),
            moments: Vec::new(),
            steps: BTreeMap::new(),
            flows: BTreeMap::new(),
            flow_order: Vec::new(),
            torn_bytes: 0,
            driver: Driver::Nobody,
            spent: BTreeMap::new(),
        }
    }
}

/// Who drives a run now; a lock that cannot be asked about is taken for nobody's.
pub(super) fn driver(run: &RunDir) -> Driver {
    match Lock::holder(run) {
        Ok(Some(holder)) => Driver::Process { pid: Some(holder.pid) },
        Err(LockError::Held(_)) => Driver::Process { pid: None },
        Ok(None) | Err(LockError::Io(_)) => Driver::Nobody,
    }
}

/// Who drives it, when somebody did before: a process that ended, or came, while the journal was read.
pub(super) fn driver_since(before: Driver, run: &RunDir) -> Driver {
    match (before, driver(run)) {
        (Driver::Nobody, after) => after,
        (before, _) => before,
    }
}

pub(super) fn unreadable(error: JournalError) -> ViewError {
    match error {
        JournalError::Broken { line, why } => ViewError::Broken { line, why },
        JournalError::Missing => ViewError::Empty,
        other => ViewError::Journal(Box::new(other)),
    }
}

/// What is known of the definitions that were met on the way.
#[derive(Debug, Default)]
pub(super) struct Noted {
    known: BTreeSet<Sha256>,
    generations: BTreeMap<FramePath, u32>,
}

/// A view in the making.
pub(super) struct Loading<'v, F> {
    books: F,
    noted: &'v mut Noted,
    view: &'v mut RunView,
}

impl<'v, F: FnMut(Wanted<'_>) -> Result<Arc<Book>, BookError>> Loading<'v, F> {
    pub(super) fn new(view: &'v mut RunView, noted: &'v mut Noted, books: F) -> Self {
        Self { books, noted, view }
    }

    pub(super) fn add(&mut self, entry: Entry) -> Result<(), ViewError> {
        let Entry { seq, ts, prev, input, facts } = entry;
        let input = Arc::new(input);
        for fact in facts {
            self.know(&fact)?;
            let (saw, over) = (saw(&self.view.state, &fact), over(&self.view.state, &fact));
            let concerned = self.concerned(&fact);
            // One fact at a time, so that what a condition saw is read from the state it was decided on.
            let mut one = Entry { seq, ts, prev: prev.clone(), input: InputNote::Ticked, facts: vec![fact] };
            self.view.state.apply(&one);
            let Some(fact) = one.facts.pop().map(Arc::new) else { continue };
            self.note(&fact, &concerned);
            let place = self.view.moments.len();
            let about_flow = concerned.is_empty() || matches!(*fact, Fact::FlowStarted { .. });
            if let Some(flow) = fact.flow().filter(|_| about_flow) {
                self.view.flows.entry(flow.clone()).or_default().push(place);
            }
            for at in concerned {
                self.view.steps.entry(at).or_default().moments.push(place);
            }
            self.view.moments.push(Moment { seq, ts, input: input.clone(), fact, saw, over });
        }
        Ok(())
    }

    fn know(&mut self, fact: &Fact) -> Result<(), ViewError> {
        let (flow, generation, definition) = match fact {
            Fact::FlowStarted { flow, generation, definition, .. } => {
                if !self.noted.generations.contains_key(flow) {
                    self.view.flow_order.push(flow.clone());
                }
                (flow, *generation, definition)
            }
            Fact::DefinitionRefreshed { flow, definition, .. } => {
                (flow, self.noted.generations.get(flow).copied().unwrap_or(0) + 1, definition)
            }
            _ => return Ok(()),
        };
        let latest = self.noted.generations.entry(flow.clone()).or_default();
        *latest = generation.max(*latest);
        if self.noted.known.insert(definition.clone()) {
            let wanted = Wanted { flow, generation, definition };
            let book = (self.books)(wanted).map_err(|source| ViewError::Definition { flow: flow.clone(), generation, source })?;
            self.view.state.know(book);
        }
        Ok(())
    }

    /// The steps that a fact is about, as they stand before it.
    fn concerned(&self, fact: &Fact) -> Vec<At> {
        match fact {
            Fact::StepStarted { at, .. }
            | Fact::AttemptEnded { at, .. }
            | Fact::AttemptStarted { at, .. }
            | Fact::StepEnded { at, .. }
            | Fact::StepSkipped { at, .. }
            | Fact::FannedOut { at, .. }
            | Fact::StepLost { at, .. } => vec![at.clone()],
            Fact::Routed { flow, decision } => vec![At { flow: flow.clone(), step: decision.step_id.clone() }],
            Fact::LoopAgain { at, .. } => self.body(at),
            Fact::Superseded { flow, steps, .. } => self.with_instances(flow, steps),
            Fact::Reopened { flow, step, dependents, .. } => {
                let mut all = vec![step.clone()];
                all.extend(dependents.iter().cloned());
                self.with_instances(flow, &all)
            }
            Fact::EscalationRequested { question } | Fact::EscalationRaised { question } => {
                vec![At { flow: question.flow_path.clone(), step: question.step_id.clone() }]
            }
            Fact::EscalationAnswered { id, .. }
            | Fact::AnswerRefused { id, .. }
            | Fact::EscalationVoided { id, .. }
            | Fact::EscalationExpired { id } => {
                let question = self.view.state.questions.get(id).or_else(|| self.view.state.requested.get(id));
                question.map(|one| At { flow: one.flow_path.clone(), step: one.step_id.clone() }).into_iter().collect()
            }
            Fact::FlowStarted { parent: Some(parent), .. } if parent.step().is_some() => {
                parent.step().cloned().into_iter().collect()
            }
            Fact::RunCreated { .. }
            | Fact::FlowStarted { .. }
            | Fact::LineStopped { .. }
            | Fact::LineReleased { .. }
            | Fact::LimitReached { .. }
            | Fact::LimitRaised { .. }
            | Fact::EngineFailed { .. }
            | Fact::EngineAnswered { .. }
            | Fact::DoneChecked { .. }
            | Fact::FlowClosing { .. }
            | Fact::FlowCompleted { .. }
            | Fact::ParamsChanged { .. }
            | Fact::DefinitionRefreshed { .. }
            | Fact::Resumed { .. }
            | Fact::DriverLost { .. }
            | Fact::Confined { .. }
            | Fact::StopRequested { .. }
            | Fact::RunRested { .. } => Vec::new(),
        }
    }

    fn body(&self, at: &At) -> Vec<At> {
        let Some(frame) = self.view.state.frame(&at.flow) else { return Vec::new() };
        let Some(which) = frame.slot(&at.step).and_then(|slot| frame.plan.step(slot.step).ends_loop) else { return Vec::new() };
        let names: Vec<StepRef> =
            frame.plan.loops[which].body.iter().map(|step| StepRef::from(&frame.plan.step(*step).spec.id)).collect();
        self.with_instances(&at.flow, &names)
    }

    fn with_instances(&self, flow: &FramePath, steps: &[StepRef]) -> Vec<At> {
        let mut found: Vec<At> = steps.iter().map(|step| At { flow: flow.clone(), step: step.clone() }).collect();
        let instance =
            |at: &&At| at.flow == *flow && at.step.item().is_some() && steps.iter().any(|step| step.as_str() == at.step.base());
        found.extend(self.view.steps.keys().filter(instance).cloned());
        found.sort();
        found.dedup();
        found
    }

    fn story(&mut self, at: &At) -> &mut StepStory {
        self.view.steps.entry(at.clone()).or_default()
    }

    fn note(&mut self, fact: &Arc<Fact>, concerned: &[At]) {
        let now = self.view.state.now;
        match fact.as_ref() {
            Fact::StepStarted { at, execution, iteration, approved_by, .. } => {
                let generation = self.noted.generations.get(&at.flow).copied().unwrap_or(1);
                let story = self.story(at);
                if let Some(before) = story.executions.last_mut().filter(|before| before.set_aside.is_none()) {
                    before.set_aside = Some(why_again(before));
                }
                story.executions.push(Execution {
                    number: *execution,
                    generation,
                    iteration: *iteration,
                    started_at: now,
                    approved_by: approved_by.clone(),
                    attempts: Vec::new(),
                    ended: None,
                    lost_at: None,
                    decisions: Vec::new(),
                    set_aside: None,
                });
            }
            Fact::AttemptEnded { at, attempt, why, due, error, .. } => {
                let attempt = Attempt { attempt: *attempt, why: *why, ended_at: now, due: *due, error: error.clone() };
                if let Some(execution) = self.story(at).executions.last_mut() {
                    execution.attempts.push(attempt);
                }
            }
            Fact::StepEnded { at, execution, .. } => {
                if let Some(one) = self.story(at).executions.iter_mut().rfind(|one| one.number == *execution) {
                    one.ended = Some((now, fact.clone()));
                }
            }
            Fact::StepLost { at, execution, .. } => {
                if let Some(one) = self.story(at).executions.iter_mut().rfind(|one| one.number == *execution) {
                    one.lost_at = Some(now);
                }
            }
            Fact::Routed { flow, decision } => {
                let at = At { flow: flow.clone(), step: decision.step_id.clone() };
                let decision = Arc::new((**decision).clone());
                if let Some(one) = self.story(&at).executions.iter_mut().rfind(|one| one.number == decision.execution) {
                    one.decisions.push(decision);
                }
            }
            Fact::LoopAgain { .. } => self.set_aside(concerned, &SetAside::Loop),
            Fact::Superseded { why, .. } => self.set_aside(concerned, &SetAside::Superseded(*why)),
            Fact::Reopened { dependents, .. } => {
                let dependents: Vec<At> =
                    concerned.iter().filter(|at| dependents.iter().any(|one| one.as_str() == at.step.base())).cloned().collect();
                self.set_aside(&dependents, &SetAside::Superseded(crate::record::SupersedeReason::Retry));
            }
            Fact::FlowStarted { flow, generation, .. } if *generation > 1 => {
                for (_, story) in self.view.steps.iter_mut().filter(|(at, _)| at.flow == *flow) {
                    if let Some(last) = story.executions.last_mut().filter(|last| last.set_aside.is_none()) {
                        last.set_aside = Some(SetAside::FlowAgain);
                    }
                }
            }
            Fact::RunCreated { .. }
            | Fact::FlowStarted { .. }
            | Fact::AttemptStarted { .. }
            | Fact::StepSkipped { .. }
            | Fact::FannedOut { .. }
            | Fact::EscalationRequested { .. }
            | Fact::EscalationRaised { .. }
            | Fact::EscalationAnswered { .. }
            | Fact::AnswerRefused { .. }
            | Fact::EscalationVoided { .. }
            | Fact::EscalationExpired { .. }
            | Fact::LineStopped { .. }
            | Fact::LineReleased { .. }
            | Fact::LimitReached { .. }
            | Fact::LimitRaised { .. }
            | Fact::EngineFailed { .. }
            | Fact::EngineAnswered { .. }
            | Fact::DoneChecked { .. }
            | Fact::FlowClosing { .. }
            | Fact::FlowCompleted { .. }
            | Fact::ParamsChanged { .. }
            | Fact::DefinitionRefreshed { .. }
            | Fact::Resumed { .. }
            | Fact::DriverLost { .. }
            | Fact::Confined { .. }
            | Fact::StopRequested { .. }
            | Fact::RunRested { .. } => {}
        }
    }

    fn set_aside(&mut self, steps: &[At], why: &SetAside) {
        for at in steps {
            let Some(story) = self.view.steps.get_mut(at) else { continue };
            if let Some(last) = story.executions.last_mut().filter(|last| last.set_aside.is_none()) {
                last.set_aside = Some(why.clone());
            }
        }
    }
}

/// Why a step started again although nothing had set its last execution aside.
fn why_again(before: &Execution) -> SetAside {
    let back = |rule| matches!(rule, Rule::DetourDone | Rule::InjectionDone);
    let detoured = before.decisions.iter().any(|one| one.decision == DecisionKind::Detour || back(one.rule));
    let interrupted = before.lost_at.is_some()
        || before.ended.is_none()
        || before.proof().is_some_and(|proof| proof.status == ReceiptStatus::Interrupted);
    if detoured && !interrupted { SetAside::Detour } else { SetAside::Interrupted }
}
