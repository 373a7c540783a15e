//! What each fact changes. It writes and cannot fail: whatever could fail was refused before the fact was written.

mod again;
mod clock;
mod flows;
mod lives;
mod questions;
mod refresh;
mod routed;

use std::sync::Arc;

use crate::{
    id::{StepRef, Time},
    record::{EngineWord, Entry, Fact, QuestionKind, QuestionStatus, SkipReason, Status, WaitReason},
};

use self::{
    again::{reopened, superseded},
    clock::{busy, calm, count_execution, limit_raised, limit_reached, nobody_ran},
    flows::{flow_completed, flow_started, otherwise},
    lives::{confine, locate, make_ready, once_begins, ready_again, reset, set_life, settle, skipped_result},
    questions::{close_question, hold, pass_note, voided},
    refresh::refreshed,
    routed::{loop_body, routed},
};
pub(super) use lives::leaves_out;

use super::state::{
    DoneState, FramePhase, Group, Life, LoopState, RunInfo, Running, Settled, Slot, State, StepResult, StepState,
};
use super::{breaker::Breaker, counts, doubt, result::Cut, scope};

impl State {
    /// Replays one line of the journal.
    pub fn apply(&mut self, entry: &Entry) {
        self.before = self.now;
        self.now = self.now.max(entry.ts);
        for fact in &entry.facts {
            apply_fact(self, fact, self.now);
        }
        self.seq = entry.seq;
    }
}

pub(super) fn apply_fact(state: &mut State, fact: &Fact, now: Time) {
    if !matches!(fact, Fact::RunRested { .. }) && state.rested.take().is_some() {
        clock::goes_on(state, now);
    }
    match fact {
        Fact::RunCreated { run_id, workspace, host, version, by } => {
            state.run = Some(Arc::new(RunInfo {
                id: run_id.clone(),
                created_at: now,
                workspace: workspace.as_str().into(),
                host: host.as_str().into(),
                version: version.as_str().into(),
                by: by.as_str().into(),
            }));
        }
        Fact::FlowStarted { .. } => flow_started(state, fact),
        Fact::StepStarted { at, execution, iteration, timeout_ms, approved_by } => {
            count_execution(state, &at.flow);
            once_begins(state, at);
            let Some((frame, slot)) = locate(state, &at.flow, &at.step) else { return };
            let asks = matches!(frame.plan.step(slot.step).spec.verb, crate::spec::Verb::Ask(_) | crate::spec::Verb::Flow { .. });
            if slot.item.is_some() {
                // An item's place in the list is another one when the list is.
                let executed = frame.executed.entry(at.step.clone()).or_insert(0);
                *executed = (*executed).max(*execution);
            }
            let step = frame.state_mut(slot);
            step.execution = *execution;
            step.attempt = 1;
            step.started_at = Some(now);
            step.poll_until = None;
            step.last_signature = None;
            step.once_inside = false;
            step.approved.clone_from(approved_by);
            set_life(frame, slot, Life::Running);
            if asks {
                return;
            }
            let running = Running {
                execution: *execution,
                attempt: 1,
                started_at: now,
                timeout_ms: *timeout_ms,
                iteration: *iteration,
                unwanted: false,
            };
            state.running.insert(at.clone(), running);
            busy(state, &at.flow, true, now);
        }
        Fact::AttemptEnded { at, attempt, why, due, signature, .. } => {
            let Some((frame, slot)) = locate(state, &at.flow, &at.step) else { return };
            let poll = frame.plan.step(slot.step).spec.poll;
            let step = frame.state_mut(slot);
            step.attempt = *attempt;
            step.last_signature = Some(signature.as_str().into());
            if *why == WaitReason::Poll && step.poll_until.is_none() {
                step.poll_until = step.started_at.zip(poll).map(|(at, poll)| at.plus(poll.for_ms));
            }
            set_life(frame, slot, Life::Waiting { due: *due });
            state.running.remove(at);
            state.due.insert((*due, at.clone()));
        }
        Fact::AttemptStarted { at, execution, attempt } => {
            let Some((frame, slot)) = locate(state, &at.flow, &at.step) else { return };
            let iteration = frame.iteration(slot.step);
            let timeout_ms = frame.plan.step(slot.step).spec.timeout_ms;
            let step = frame.state_mut(slot);
            step.attempt = *attempt;
            let Life::Waiting { due } = step.life else { return };
            set_life(frame, slot, Life::Running);
            state.due.remove(&(due, at.clone()));
            let running =
                Running { execution: *execution, attempt: *attempt, started_at: now, timeout_ms, iteration, unwanted: false };
            state.running.insert(at.clone(), running);
        }
        Fact::StepEnded { at, execution, proof, handoff, kept } => {
            let ran = state.running.remove(at).is_some();
            state.cost.add(proof);
            let seq = state.seq;
            let Some((frame, slot)) = locate(state, &at.flow, &at.step) else { return };
            counts::remember(frame, at, *execution, proof, seq);
            let waited = if let Life::Waiting { due } = frame.state_mut(slot).life { Some(due) } else { None };
            let keep = frame.plan.step(slot.step).keep;
            let speaks = matches!(frame.plan.step(slot.step).spec.verb, crate::spec::Verb::Agent(_));
            // What an agent ran on its way says nothing of how it ended.
            let command = proof.commands.first().filter(|_| !speaks);
            let kept = kept.as_deref();
            let text = |text: &Option<String>| text.as_deref().map(Arc::from);
            let person = kept.and_then(|kept| kept.json.as_ref()).filter(|_| proof.engine == EngineWord::Human);
            let word = |key: &str| person.and_then(|json| json.get(key)?.as_str().map(Arc::from));
            // It ran because somebody approved it, perhaps with a word.
            let before = frame.state(slot).filter(|step| person.is_none() && step.approved.is_some());
            let (approved, noted) = (before.map(|_| Arc::from("approve")), before.and_then(|step| step.note.clone()));
            let result = StepResult {
                status: handoff.status,
                passed: proof.status == crate::record::ReceiptStatus::Succeeded && handoff.status != Status::Blocked,
                skipped: false,
                exit_code: command.and_then(|command| command.exit_code),
                iteration: proof.iteration,
                error: proof.error.as_deref().map(Arc::from),
                choice: word("choice").or(approved),
                note: word("note").or(noted),
                stdout: kept.and_then(|kept| text(&kept.stdout)),
                stderr: kept.and_then(|kept| text(&kept.stderr)),
                json: kept.and_then(|kept| kept.json.clone()).map(Arc::new),
                cut: command.map(|command| Cut::of(command, kept)).unwrap_or_default(),
                handoff: speaks.then(|| handoff.clone()),
                envelope: (keep.handoff && !speaks).then(|| handoff.clone()),
                high_concerns: u32::try_from(
                    handoff.concerns.iter().filter(|one| one.severity == crate::spec::Severity::High).count(),
                )
                .unwrap_or(u32::MAX),
                can_help: handoff.routing.can_further_iteration_help,
                tree: proof.tree.clone(),
                checks: u32::try_from(proof.checks.len()).unwrap_or(u32::MAX),
                measured: scope::figures_of(proof).map(Arc::new),
                proof: (proof.status != crate::record::ReceiptStatus::Succeeded || keep.figures).then(|| proof.clone()),
            };
            frame.step_ended(slot, proof, result.passed);
            let step = frame.state_mut(slot);
            step.result = Some(Arc::new(result));
            step.note = None;
            let once = frame.plan.step(slot.step).spec.effects == crate::spec::Effects::Once;
            let interrupted = proof.status == crate::record::ReceiptStatus::Interrupted;
            // An interrupted step has no verdict: it runs again, unless it may not be repeated; then a question follows in the same line.
            set_life(frame, slot, if interrupted && !once { Life::Idle } else { Life::Ended });
            if interrupted && !once {
                make_ready(frame, slot);
            }
            if let Some(due) = waited {
                state.due.remove(&(due, at.clone()));
            }
            if ran || waited.is_some() {
                busy(state, &at.flow, false, now);
            }
        }
        Fact::StepSkipped { at, why, detail } => {
            let Some((frame, slot)) = locate(state, &at.flow, &at.step) else { return };
            frame.doomed.remove(&slot.step);
            let over = *why == SkipReason::ObserveOnly || frame.options.observe_only && *why == SkipReason::NeedSkipped;
            if over {
                frame.state_mut(slot).passed_over = Some(detail.as_str().into());
            }
            let note = frame.state_mut(slot).note.take().filter(|_| *why == SkipReason::Person);
            frame.state_mut(slot).result = Some(Arc::new(StepResult { note, ..skipped_result() }));
            let counts = *why == SkipReason::Person;
            settle(frame, slot, if counts { Settled::Standing } else { Settled::Skipped });
        }
        Fact::FannedOut { at, items } => {
            let Some((frame, slot)) = locate(state, &at.flow, &at.step) else { return };
            frame.ready.remove(&slot);
            let group = Group { items: items.clone().into(), settled: 0, standing: 0 };
            frame.state_mut(slot).group = Some(Arc::new(group));
            set_life(frame, slot, Life::Fanned);
            let note = frame.state_mut(slot).note.take();
            for item in 0..u32::try_from(items.len()).unwrap_or(u32::MAX) {
                let one = Slot { step: slot.step, item: Some(item) };
                let execution = frame.executed_as(one);
                let before = frame.state_mut(one);
                // The same item: what was taken back of it is known by the same numbers.
                let undone = if before.execution == execution { before.undone } else { 0 };
                *before = StepState { execution, undone, note: note.clone(), ..StepState::default() };
                make_ready(frame, one);
            }
            if items.is_empty() {
                frame.state_mut(slot).result = Some(Arc::new(StepResult { passed: true, skipped: false, ..skipped_result() }));
                settle(frame, slot, Settled::Passed);
            }
        }
        Fact::Routed { flow, decision } => routed(state, flow, decision),
        Fact::LoopAgain { at, iteration } => {
            let body: Vec<StepRef> =
                locate(state, &at.flow, &at.step).map_or_else(Vec::new, |(frame, slot)| loop_body(frame, slot));
            calm(state, &at.flow, now, |step| body.iter().any(|inside| inside.as_str() == step.base()));
            doubt::looped(state, &at.flow, &body);
            let Some((frame, slot)) = locate(state, &at.flow, &at.step) else { return };
            let plan = frame.plan.clone();
            let Some(which) = plan.step(slot.step).ends_loop else { return };
            reset(frame, &plan.loops[which].body);
            for (at, inner) in plan.loops.iter().enumerate() {
                if inner.outer == Some(which) {
                    frame.loops.set(at, LoopState { iteration: 1, ..LoopState::default() });
                }
            }
            if let Some(state) = frame.loops.get_mut(which) {
                state.iteration = *iteration;
            }
        }
        Fact::Superseded { flow, steps, named, .. } => {
            superseded(state, flow, steps, now);
            if let (Some(named), Some(frame)) = (named, state.frame_mut(flow)) {
                frame.settle_doubts(named);
            }
        }
        Fact::Reopened { flow, step, into, dependents } => reopened(state, flow, step, into, dependents, now),
        Fact::EscalationRequested { question } => {
            state.requested.insert(question.id.clone(), Arc::new((**question).clone()));
            hold(state, question);
        }
        Fact::EscalationRaised { question } => {
            state.requested.remove(&question.id);
            state.open_questions.insert(question.id.clone());
            state.questions.insert(question.id.clone(), Arc::new((**question).clone()));
            hold(state, question);
        }
        Fact::EscalationAnswered { id, answer } => {
            let asked = state.questions.get(id).is_some_and(|one| one.rule == crate::record::Rule::CircuitOpen);
            if asked {
                let open = |breaker: &Breaker| Breaker { until: None, ..*breaker };
                state.breakers = state.breakers.iter().map(|(engine, breaker)| (*engine, open(breaker))).collect();
            }
            close_question(state, id, |question| {
                question.status = QuestionStatus::Answered;
                question.answer = Some(answer.clone());
            });
            let Some(question) = state.questions.get(id).cloned() else { return };
            let Some(frame) = state.frame_mut(&question.flow_path) else { return };
            if question.kind == QuestionKind::Limit {
                frame.limited = None;
                return;
            }
            pass_note(frame, &question, answer);
            frame.doubts_answered(&question.step_id, &answer.choose);
            if question.kind == QuestionKind::Approval
                && answer.choose == "approve"
                && let Some(slot) = frame.slot(&question.step_id)
            {
                frame.state_mut(slot).approved = Some(id.clone());
                // Where the flow is confined to another step, it is ready when that is lifted.
                set_life(frame, slot, Life::Idle);
                make_ready(frame, slot);
            }
        }
        Fact::AnswerRefused { .. } => {}
        Fact::EscalationVoided { id, .. } => voided(state, id),
        Fact::EscalationExpired { id } => close_question(state, id, |question| question.status = QuestionStatus::Expired),
        Fact::DriverLost { seen } => nobody_ran(state, *seen, now),
        Fact::StepLost { at, .. } => {
            nobody_ran(state, state.before, now);
            state.running.remove(at);
            let Some((frame, slot)) = locate(state, &at.flow, &at.step) else { return };
            frame.step_lost(slot);
            if frame.plan.step(slot.step).spec.effects == crate::spec::Effects::Once {
                // A question follows in the same line.
                set_life(frame, slot, Life::Ended);
            } else {
                set_life(frame, slot, Life::Idle);
                make_ready(frame, slot);
            }
            busy(state, &at.flow, false, now);
        }
        Fact::LineStopped { by } => {
            state.line_stops.insert(by.clone());
        }
        Fact::LineReleased { by } => {
            state.line_stops.remove(by);
        }
        Fact::LimitReached { flow, limit, used, max } => limit_reached(state, flow, *limit, *used, *max),
        Fact::EngineFailed { engine, failures, until } => {
            state.breakers.insert(*engine, Breaker { failures: *failures, until: *until });
        }
        Fact::EngineAnswered { engine } => drop(state.breakers.remove(engine)),
        Fact::LimitRaised { flow, limit, max } => limit_raised(state, flow, *limit, *max),
        Fact::DoneChecked { flow, id, passed, detail, rollback } => {
            if let Some(frame) = state.frame_mut(flow) {
                if *rollback && frame.failing.is_none() {
                    frame.failing = Some(Arc::new((StepRef::from(id), detail.clone(), true)));
                }
                frame.done.insert(id.clone(), if *passed { DoneState::Holds } else { DoneState::Broken(detail.clone()) });
            }
        }
        Fact::FlowClosing { flow } => {
            if let Some(frame) = state.frame_mut(flow) {
                frame.phase = FramePhase::Closing;
            }
        }
        Fact::FlowCompleted { flow, outcome, reason, warnings } => flow_completed(state, flow, *outcome, reason, warnings, now),
        Fact::ParamsChanged { flow, changes } => {
            if let Some(frame) = state.frame_mut(flow) {
                let mut params = (*frame.params).clone();
                params.extend(changes.iter().map(|change| (change.name.clone(), change.to.clone())));
                frame.params = Arc::new(params);
            }
        }
        Fact::DefinitionRefreshed { flow, definition, keeps, .. } => refreshed(state, flow, definition, *keeps, now),
        Fact::Resumed { options, .. } => {
            otherwise(state, *options);
            // Whoever starts it again has a reason to.
            state.breakers.clear();
            nobody_ran(state, state.before, now);
            state.stop = None;
            // Whoever goes on after a fatal failure has seen it.
            state.fatal = None;
            // A flow that is over may be opened again by what follows: it is confined no longer, either.
            let confined = state.frames.iter().filter(|(_, frame)| frame.allowed.is_some());
            for path in confined.map(|(path, _)| path.clone()).collect::<Vec<_>>() {
                let Some(frame) = state.frame_mut(&path) else { continue };
                frame.allowed = None;
                if frame.is_open() {
                    ready_again(frame);
                }
            }
        }
        Fact::Confined { flow, only } => {
            let Some(frame) = state.frame_mut(flow) else { return };
            let only = only.as_ref().map(|only| frame.plan.find(only.as_str()));
            // A step that the flow does not have confines nothing.
            if only != Some(None) {
                confine(frame, only.flatten().as_slice());
            }
        }
        Fact::StopRequested { cause, .. } => state.stop = state.stop.max(Some(*cause)),
        Fact::RunRested { status } => {
            clock::rests(state, now);
            state.rested = Some(*status);
        }
    }
}
