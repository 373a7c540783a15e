//! Which files follow from the journal, and what stands in them.
//! In: entries in order. Out: calls to a `Sink`: the live writer, the one that only remembers, or the one that settles.
//! Never: a file touched here, a clock, memory that grows with executions: a step is remembered by its last one.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    id::{AgentKey, EscalationId, FramePath, RunId, StepRef, Time},
    record::{At, Decision, Entry, Envelope, Fact, Header, LimitName, Proof, Question, QuestionStatus, Receipt, RoutingSignal},
};

use super::{
    lines::{LogLine, TimeoutLine, jsonl, pretty},
    place::InRun,
    run_dir::RunDir,
    scent::ScentTrail,
};

mod line;
mod lost;
mod past;

pub use line::replacement;
pub use past::Past;

pub(super) type Rendered = serde_json::Result<Vec<u8>>;

/// The two files that every execution leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Receipt,
    Handoff,
}

/// One execution of one step, by the agent that performed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Last {
    pub agent: AgentKey,
    pub execution: u32,
    pub seq: u64,
}

/// A receipt or handoff that is now the latest of its step.
pub(super) struct Latest<'a> {
    pub kind: Kind,
    pub at: &'a At,
    pub now: &'a Last,
    pub before: Option<&'a Last>,
}

/// Who takes the files. Content is made only when asked for.
pub(super) trait Sink {
    fn latest(&mut self, file: Latest<'_>, render: &dyn Fn() -> Rendered);
    /// A file that is replaced as a whole.
    fn whole(&mut self, seq: u64, place: InRun, render: &dyn Fn() -> Rendered);
    /// A line more in a file that only grows.
    fn line(&mut self, seq: u64, place: InRun, render: &dyn Fn() -> Rendered);
    /// Something that happened to a step, for its log.
    fn event(&mut self, seq: u64, at: &At, what: Event, render: &dyn Fn() -> Rendered);
    /// Facts that do not fit together.
    fn problem(&mut self, seq: u64, what: String);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Started,
    Between,
    Ended,
}

#[derive(Debug, Clone)]
struct RunPart {
    run_id: RunId,
    workspace: String,
    host: String,
}

#[derive(Debug, Clone)]
struct FlowPart {
    header: Header,
    scent: ScentTrail,
    /// The file does not say what `scent` says.
    scent_due: bool,
}

#[derive(Debug, Clone, Copy)]
struct Started {
    /// When its last attempt began.
    attempt_at: Time,
    iteration: Option<u32>,
    timeout_ms: Option<u64>,
}

/// Where the projections stand after the last entry.
#[derive(Debug, Clone)]
pub(super) struct Projection {
    paths: RunDir,
    run: Option<RunPart>,
    flows: BTreeMap<FramePath, FlowPart>,
    last: BTreeMap<At, Last>,
    started: BTreeMap<At, Started>,
    open: BTreeMap<EscalationId, Question>,
    seq: u64,
}

/// What comes from where in the journal.
#[derive(Clone, Copy)]
struct Stamp {
    seq: u64,
    ts: Time,
}

impl Projection {
    pub(super) fn new(run: &RunDir) -> Self {
        Self {
            paths: run.clone(),
            run: None,
            flows: BTreeMap::new(),
            last: BTreeMap::new(),
            started: BTreeMap::new(),
            open: BTreeMap::new(),
            seq: 0,
        }
    }

    /// The last entry that was applied.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    pub(super) fn last(&self, at: &At) -> Option<&Last> {
        self.last.get(at)
    }

    pub(super) fn flows(&self) -> impl Iterator<Item = &FramePath> {
        self.flows.keys()
    }

    pub(super) fn apply(&mut self, entry: &Entry, sink: &mut impl Sink) {
        self.take(entry.seq, entry.ts, &entry.facts, sink);
    }

    /// The same, of a line of which only these facts are at hand.
    pub(super) fn take(&mut self, seq: u64, ts: Time, facts: &[Fact], sink: &mut impl Sink) {
        let stamp = Stamp { seq, ts };
        let mut questions = BTreeSet::new();
        for fact in facts {
            self.fact(stamp, fact, facts, &mut questions, sink);
        }
        for id in questions {
            self.write_question(stamp, &id, sink);
        }
        self.seq = seq;
    }

    fn fact(&mut self, stamp: Stamp, fact: &Fact, line: &[Fact], questions: &mut BTreeSet<EscalationId>, sink: &mut impl Sink) {
        match fact {
            Fact::RunCreated { run_id, workspace, host, .. } => {
                self.run = Some(RunPart { run_id: run_id.clone(), workspace: workspace.clone(), host: host.clone() });
            }
            Fact::FlowStarted { flow, key, git, .. } => {
                let Some(run) = &self.run else {
                    return sink.problem(stamp.seq, format!("flow `{flow}` started before the run was created"));
                };
                let header = Header {
                    run_id: run.run_id.clone(),
                    flow: key.clone(),
                    frame: flow.clone(),
                    workspace: run.workspace.clone(),
                    host: run.host.clone(),
                    git: git.clone(),
                };
                let scent = self.flows.remove(flow).map(|part| part.scent);
                let scent = scent.unwrap_or_else(|| ScentTrail::new(run.run_id.clone(), key.clone()));
                self.flows.insert(flow.clone(), FlowPart { header, scent, scent_due: true });
            }
            Fact::StepStarted { at, execution, iteration, timeout_ms, approved_by } => {
                self.started.insert(at.clone(), Started { attempt_at: stamp.ts, iteration: *iteration, timeout_ms: *timeout_ms });
                let line = LogLine {
                    iteration: *iteration,
                    timeout_ms: *timeout_ms,
                    approved_by: approved_by.as_ref(),
                    ..LogLine::new(stamp.ts, stamp.seq, "start", *execution)
                };
                sink.event(stamp.seq, at, Event::Started, &|| jsonl(&[&line]));
            }
            Fact::AttemptEnded { at, execution, attempt, why, due, error, signature: _, failure } => {
                if *failure == Some(crate::record::FailureKind::Timeout) {
                    let started = self.started.get(at);
                    let line = TimeoutLine {
                        timeout_ms: started.and_then(|started| started.timeout_ms),
                        error: Some(error),
                        ..TimeoutLine::step(stamp.ts, &at.step, *execution, *attempt, started.map(|one| one.attempt_at))
                    };
                    sink.line(stamp.seq, self.paths.timeouts(&at.flow), &|| jsonl(&[&line]));
                }
                let line = LogLine {
                    attempt: Some(*attempt),
                    why: Some(*why),
                    due: Some(*due),
                    error: Some(error),
                    ..LogLine::new(stamp.ts, stamp.seq, "attempt_ended", *execution)
                };
                sink.event(stamp.seq, at, Event::Between, &|| jsonl(&[&line]));
            }
            Fact::AttemptStarted { at, execution, attempt } => {
                self.started.entry(at.clone()).and_modify(|started| started.attempt_at = stamp.ts);
                let line =
                    LogLine { attempt: Some(*attempt), ..LogLine::new(stamp.ts, stamp.seq, "attempt_started", *execution) };
                sink.event(stamp.seq, at, Event::Between, &|| jsonl(&[&line]));
            }
            Fact::StepEnded { at, execution, proof, handoff, kept: _ } => {
                self.ended(stamp, at, *execution, proof, handoff, line::routed(line, at, *execution), sink);
            }
            Fact::StepLost { at, execution, started_at, attempt, engine, mode, agent_key, definition } => {
                let Some(part) = self.flows.get(&at.flow) else { return sink.problem(stamp.seq, no_flow(at)) };
                let lost = lost::Lost {
                    execution: *execution,
                    attempt: *attempt,
                    iteration: self.started.get(at).and_then(|started| started.iteration),
                    started_at: *started_at,
                    noticed_at: stamp.ts,
                    engine: *engine,
                    mode: *mode,
                    agent_key,
                    definition,
                };
                let (proof, handoff) = (lost.proof(), lost.handoff(&part.header, at));
                self.ended(stamp, at, *execution, &proof, &handoff, line::routed(line, at, *execution), sink);
            }
            Fact::Routed { flow, decision } => {
                sink.line(stamp.seq, self.paths.decisions(flow), &|| jsonl(&[decision]));
                if let Some(place) = line::place_of_choice(&self.paths, flow, decision) {
                    sink.whole(stamp.seq, place, &|| pretty(decision));
                }
                if !line::ended(line, flow, decision)
                    && let Some(part) = self.flows.get_mut(flow)
                {
                    part.scent_due |= part.scent.note(None, Some(decision));
                }
            }
            Fact::EscalationRaised { question } => {
                self.open.insert(question.id.clone(), question.as_ref().clone());
                questions.insert(question.id.clone());
            }
            Fact::EscalationAnswered { id, answer } => {
                if let Some(question) = self.open.get_mut(id) {
                    question.status = QuestionStatus::Answered;
                    question.answer = Some(answer.clone());
                    questions.insert(id.clone());
                }
            }
            Fact::EscalationVoided { id, why: _ } => {
                if let Some(question) = self.open.get_mut(id) {
                    question.status = QuestionStatus::Voided;
                    question.replaced_by = replacement(line, question);
                    questions.insert(id.clone());
                }
            }
            Fact::EscalationExpired { id } => {
                if let Some(question) = self.open.get_mut(id) {
                    question.status = QuestionStatus::Expired;
                    questions.insert(id.clone());
                }
            }
            Fact::LimitReached { flow, limit, used, max } if *limit == LimitName::Wall => {
                let line = TimeoutLine {
                    timestamp: stamp.ts,
                    scope: "flow",
                    step_id: None,
                    agent_key: None,
                    execution: None,
                    attempt: None,
                    timeout_ms: Some(*max),
                    after_ms: *used,
                    error: None,
                };
                sink.line(stamp.seq, self.paths.timeouts(flow), &|| jsonl(&[&line]));
            }
            Fact::FlowCompleted { flow, .. } => self.write_scent(stamp, Some(flow), sink),
            Fact::RunRested { .. } => self.write_scent(stamp, None, sink),
            Fact::StepSkipped { .. }
            | Fact::FannedOut { .. }
            | Fact::LoopAgain { .. }
            | Fact::Reopened { .. }
            | Fact::Superseded { .. }
            | Fact::EscalationRequested { .. }
            | Fact::AnswerRefused { .. }
            | Fact::LineStopped { .. }
            | Fact::LineReleased { .. }
            | Fact::LimitReached { .. }
            | Fact::LimitRaised { .. }
            | Fact::EngineFailed { .. }
            | Fact::EngineAnswered { .. }
            | Fact::DoneChecked { .. }
            | Fact::FlowClosing { .. }
            | Fact::ParamsChanged { .. }
            | Fact::DefinitionRefreshed { .. }
            | Fact::Resumed { .. }
            | Fact::DriverLost { .. }
            | Fact::Confined { .. }
            | Fact::StopRequested { .. } => {}
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one execution's parts, named once and used once")]
    fn ended(
        &mut self,
        stamp: Stamp,
        at: &At,
        execution: u32,
        proof: &Proof,
        handoff: &Envelope,
        decision: Option<&Decision>,
        sink: &mut impl Sink,
    ) {
        let Some(part) = self.flows.get_mut(&at.flow) else { return sink.problem(stamp.seq, no_flow(at)) };
        let agent = match AgentKey::new(&proof.agent_key) {
            Ok(agent) => agent,
            Err(error) => return sink.problem(stamp.seq, format!("step `{at}` was performed by nobody: {error}")),
        };
        let now = Last { agent, execution, seq: stamp.seq };
        let before = self.last.get(at);
        let signal = || {
            decision.map(|decision| RoutingSignal {
                decision: decision.decision,
                next_step_ids: decision.next_step_ids.clone(),
                reason: decision.reason.clone(),
                rule: decision.rule,
            })
        };
        let file = |kind| Latest { kind, at, now: &now, before };
        let header = &part.header;
        sink.latest(file(Kind::Receipt), &|| pretty(&Receipt::new(header, &at.step, execution, proof, signal())));
        sink.latest(file(Kind::Handoff), &|| pretty(handoff));
        part.scent_due |= part.scent.note(Some(handoff), decision);
        let started = self.started.remove(at);
        if proof.error_detail.as_ref().is_some_and(|detail| detail.kind == crate::record::FailureKind::Timeout) {
            let line = TimeoutLine {
                agent_key: Some(&proof.agent_key),
                timeout_ms: started.and_then(|started| started.timeout_ms),
                after_ms: proof.completed_at.since(proof.started_at),
                error: proof.error.as_deref(),
                ..TimeoutLine::step(stamp.ts, &at.step, execution, proof.attempt, None)
            };
            sink.line(stamp.seq, self.paths.timeouts(&at.flow), &|| jsonl(&[&line]));
        }
        sink.event(stamp.seq, at, Event::Ended, &|| jsonl(&LogLine::ended(stamp.ts, stamp.seq, execution, proof)));
        self.last.insert(at.clone(), now);
    }

    /// Writes the question as it stands after this entry; one that is closed is not remembered any longer.
    fn write_question(&mut self, stamp: Stamp, id: &EscalationId, sink: &mut impl Sink) {
        let Some(question) = self.open.get(id) else { return };
        sink.whole(stamp.seq, self.paths.escalation(&question.flow_path, id), &|| pretty(question));
        if question.status != QuestionStatus::Open {
            self.open.remove(id);
        }
    }

    fn write_scent(&mut self, stamp: Stamp, of: Option<&FramePath>, sink: &mut impl Sink) {
        for (flow, part) in self.flows.iter_mut().filter(|(flow, part)| part.scent_due && of.is_none_or(|of| of == *flow)) {
            let scent = &part.scent;
            sink.whole(stamp.seq, self.paths.scent_trail(flow), &|| pretty(scent));
            part.scent_due = false;
        }
    }
}

fn no_flow(at: &At) -> String {
    format!("step `{at}` ended in a flow that never started")
}

/// Where a receipt or handoff lies: the latest of its step, or execution n that a later one superseded.
pub(super) fn place_of(paths: &RunDir, kind: Kind, at: &At, of: &Last, superseded: bool) -> InRun {
    let (flow, step): (&FramePath, &StepRef) = (&at.flow, &at.step);
    match (kind, superseded) {
        (Kind::Receipt, false) => paths.receipt(flow, step, &of.agent),
        (Kind::Receipt, true) => paths.receipt_superseded(flow, step, &of.agent, of.execution),
        (Kind::Handoff, false) => paths.handoff(flow, step, &of.agent),
        (Kind::Handoff, true) => paths.handoff_superseded(flow, step, &of.agent, of.execution),
    }
}
