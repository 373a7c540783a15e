//! What each fact changes. It writes and cannot fail: whatever could fail was refused before the fact was written.

use std::sync::Arc;

use crate::{
    id::{FramePath, StepRef, Time},
    plan::{Plan, StepIx},
    record::{
        At, DecisionKind, Entry, Fact, LimitName, Outcome, Parent, Question, QuestionKind, QuestionStatus, Rule, SkipReason,
        Status, WaitReason,
    },
};

use super::state::{
    DoneState, Frame, FramePhase, Group, Life, LoopState, RunInfo, Running, Settled, Slot, State, StepResult, StepState,
};

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
    if !matches!(fact, Fact::RunRested { .. }) {
        state.rested = None;
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
            let Some((frame, slot)) = locate(state, &at.flow, &at.step) else { return };
            let asks = matches!(frame.plan.step(slot.step).spec.verb, crate::spec::Verb::Ask(_) | crate::spec::Verb::Flow { .. });
            let step = frame.state_mut(slot);
            step.execution = *execution;
            step.attempt = 1;
            step.started_at = Some(now);
            step.poll_until = None;
            step.last_signature = None;
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
        Fact::StepEnded { at, proof, handoff, kept, .. } => {
            let ran = state.running.remove(at).is_some();
            let Some((frame, slot)) = locate(state, &at.flow, &at.step) else { return };
            let waited = if let Life::Waiting { due } = frame.state_mut(slot).life { Some(due) } else { None };
            let speaks = matches!(frame.plan.step(slot.step).spec.verb, crate::spec::Verb::Agent(_));
            let kept = kept.as_deref();
            let text = |text: &Option<String>| text.as_deref().map(Arc::from);
            let person = kept.and_then(|kept| kept.json.as_ref()).filter(|_| proof.agent_key == "human");
            let word = |key: &str| person.and_then(|json| json.get(key)?.as_str().map(Arc::from));
            let result = StepResult {
                status: handoff.status,
                passed: proof.status == crate::record::ReceiptStatus::Succeeded && handoff.status != Status::Blocked,
                skipped: false,
                exit_code: proof.commands.first().and_then(|command| command.exit_code),
                iteration: proof.iteration,
                error: proof.error.as_deref().map(Arc::from),
                choice: word("choice"),
                note: word("note"),
                stdout: kept.and_then(|kept| text(&kept.stdout)),
                stderr: kept.and_then(|kept| text(&kept.stderr)),
                json: kept.and_then(|kept| kept.json.clone()).map(Arc::new),
                handoff: speaks.then(|| handoff.clone()),
                high_concerns: u32::try_from(
                    handoff.concerns.iter().filter(|one| one.severity == crate::spec::Severity::High).count(),
                )
                .unwrap_or(u32::MAX),
                can_help: handoff.routing.can_further_iteration_help,
                proof: (proof.status != crate::record::ReceiptStatus::Succeeded).then(|| proof.clone()),
            };
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
        Fact::StepSkipped { at, why, .. } => {
            let Some((frame, slot)) = locate(state, &at.flow, &at.step) else { return };
            frame.doomed.remove(&slot.step);
            frame.state_mut(slot).result = Some(Arc::new(skipped_result()));
            let counts = *why == SkipReason::Person;
            settle(frame, slot, if counts { Settled::Standing } else { Settled::Skipped });
        }
        Fact::FannedOut { at, items } => {
            let Some((frame, slot)) = locate(state, &at.flow, &at.step) else { return };
            frame.ready.remove(&slot);
            let group = Group { items: items.clone().into(), settled: 0, standing: 0 };
            frame.state_mut(slot).group = Some(Arc::new(group));
            set_life(frame, slot, Life::Fanned);
            for item in 0..u32::try_from(items.len()).unwrap_or(u32::MAX) {
                let one = Slot { step: slot.step, item: Some(item) };
                let before = frame.state_mut(one);
                *before = StepState { execution: before.execution, ..StepState::default() };
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
        Fact::Superseded { flow, steps, .. } => superseded(state, flow, steps, now),
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
            close_question(state, id, |question| {
                question.status = QuestionStatus::Answered;
                question.answer = Some(answer.clone());
            });
            let Some(question) = state.questions.get(id).cloned() else { return };
            let Some(frame) = state.frames.get_mut(&question.flow_path) else { return };
            if question.kind == QuestionKind::Limit {
                frame.limited = None;
                return;
            }
            pass_note(frame, &question, answer);
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
        Fact::StepLost { at, .. } => {
            nobody_ran(state, now);
            state.running.remove(at);
            let Some((frame, slot)) = locate(state, &at.flow, &at.step) else { return };
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
        Fact::LimitReached { flow, limit: LimitName::Wall, .. } => {
            let ends: Vec<At> = state.drawing(flow).cloned().collect();
            for at in ends {
                if let Some(running) = state.running.get_mut(&at) {
                    running.unwanted = true;
                }
            }
        }
        Fact::LimitReached { limit: LimitName::Steps, .. } => {}
        Fact::LimitRaised { flow, limit, max } => {
            if let Some(frame) = state.frames.get_mut(flow) {
                frame.limited = None;
                match limit {
                    LimitName::Steps => frame.steps_max = u32::try_from(*max).ok(),
                    LimitName::Wall => frame.wall_ms_max = Some(*max),
                }
            }
        }
        Fact::DoneChecked { flow, id, passed, detail } => {
            if let Some(frame) = state.frames.get_mut(flow) {
                frame.done.insert(id.clone(), if *passed { DoneState::Holds } else { DoneState::Broken(detail.clone()) });
            }
        }
        Fact::FlowClosing { flow } => {
            if let Some(frame) = state.frames.get_mut(flow) {
                frame.phase = FramePhase::Closing;
            }
        }
        Fact::FlowCompleted { flow, outcome, reason, warnings } => flow_completed(state, flow, *outcome, reason, warnings, now),
        Fact::ParamsChanged { flow, changes } => {
            if let Some(frame) = state.frames.get_mut(flow) {
                let mut params = (*frame.params).clone();
                params.extend(changes.iter().map(|change| (change.name.clone(), change.to.clone())));
                frame.params = Arc::new(params);
            }
        }
        Fact::DefinitionRefreshed { flow, definition, .. } => refreshed(state, flow, definition, now),
        Fact::Resumed { .. } => {
            nobody_ran(state, now);
            state.stop = None;
            // Whoever goes on after a fatal failure has seen it.
            state.fatal = None;
            for path in state.open_frames.clone() {
                if let Some(frame) = state.frames.get_mut(&path)
                    && frame.allowed.take().is_some()
                {
                    ready_again(frame);
                }
            }
        }
        Fact::Confined { flow, only } => {
            if let Some(frame) = state.frames.get_mut(flow)
                && let Some(step) = frame.plan.find(only.as_str())
            {
                confine(frame, &[step]);
            }
        }
        Fact::StopRequested { cause, .. } => state.stop = state.stop.max(Some(*cause)),
        Fact::RunRested { status } => state.rested = Some(*status),
    }
}

fn loop_body(frame: &Frame, last: Slot) -> Vec<StepRef> {
    let body = frame.plan.step(last.step).ends_loop.map(|which| &frame.plan.loops[which].body);
    body.into_iter().flatten().map(|step| StepRef::from(&frame.plan.step(*step).spec.id)).collect()
}

fn locate<'a>(state: &'a mut State, flow: &FramePath, step: &StepRef) -> Option<(&'a mut Frame, Slot)> {
    let frame = state.frames.get_mut(flow)?;
    let slot = frame.slot(step)?;
    Some((frame, slot))
}

fn skipped_result() -> StepResult {
    StepResult {
        status: Status::Unverified,
        passed: false,
        skipped: true,
        exit_code: None,
        iteration: None,
        error: None,
        choice: None,
        note: None,
        stdout: None,
        stderr: None,
        json: None,
        handoff: None,
        high_concerns: 0,
        can_help: None,
        proof: None,
    }
}

fn is_live(life: &Life) -> bool {
    match life {
        Life::Running | Life::Waiting { .. } | Life::InFlow(_) | Life::InDetour(_) | Life::Ended => true,
        Life::Idle | Life::Ready | Life::Gated(_) | Life::Asking(_) | Life::Held(_) | Life::Fanned | Life::Settled(_) => false,
    }
}

/// The one place where a step's life changes, so that the counters cannot drift.
fn set_life(frame: &mut Frame, slot: Slot, life: Life) {
    let old = std::mem::replace(&mut frame.state_mut(slot).life, life.clone());
    frame.live = frame.live + u32::from(is_live(&life)) - u32::from(is_live(&old));
    if slot.item.is_none() {
        let open = |life: &Life| u32::from(!matches!(life, Life::Settled(_)));
        frame.unsettled = frame.unsettled + open(&life) - open(&old);
    }
    if old == Life::Ready {
        frame.ready.remove(&slot);
    }
}

fn make_ready(frame: &mut Frame, slot: Slot) {
    if frame.allowed.as_ref().is_some_and(|allowed| !allowed.get(slot.step.at()).copied().unwrap_or(false)) {
        return;
    }
    set_life(frame, slot, Life::Ready);
    frame.ready.insert(slot);
}

/// A step is over: those that need it learn of it.
fn settle(frame: &mut Frame, slot: Slot, how: Settled) {
    set_life(frame, slot, Life::Settled(how));
    if matches!(how, Settled::Passed | Settled::Standing) {
        let name = frame.name(slot);
        // A group is taken back by its instances.
        let ran = frame.state_mut(slot).group.is_none();
        if ran && frame.plan.step(slot.step).spec.undo.is_some() {
            frame.finished.retain(|step| *step != name);
            frame.finished.push_back(name);
        }
    }
    if slot.item.is_some() {
        let group_slot = Slot::from(slot.step);
        let Some(group) = frame.state_mut(group_slot).group.as_mut().map(Arc::make_mut) else { return };
        group.settled += 1;
        group.standing += u32::from(how != Settled::Passed);
        if group.settled as usize == group.items.len() {
            let standing = group.standing;
            let result = StepResult {
                status: if standing == 0 { Status::Verified } else { Status::Unverified },
                passed: standing == 0,
                skipped: false,
                ..skipped_result()
            };
            frame.state_mut(group_slot).result = Some(Arc::new(result));
            settle(frame, group_slot, if standing == 0 { Settled::Passed } else { Settled::Standing });
        }
        return;
    }
    let plan = frame.plan.clone();
    for &dependent in &plan.step(slot.step).dependents {
        let (met, dead) = contribution(&plan, dependent, how);
        let step = frame.state_mut(dependent.into());
        step.met += met;
        step.dead += dead;
        wake(frame, &plan, dependent);
    }
}

/// What a settled need is worth to a step that needs it: (met, dead).
fn contribution(plan: &Plan, dependent: StepIx, how: Settled) -> (u32, u32) {
    match how {
        Settled::Passed | Settled::Standing => (1, 0),
        Settled::Failed => (0, 0),
        Settled::Skipped => {
            let needs = &plan.step(dependent).spec.needs;
            if needs.implied || needs.skipped_ok { (1, 0) } else { (0, 1) }
        }
    }
}

fn wake(frame: &mut Frame, plan: &Plan, step: StepIx) {
    let planned = plan.step(step);
    let state = frame.state_mut(step.into());
    if state.life != Life::Idle {
        return;
    }
    let needs = u32::try_from(planned.needs.len()).unwrap_or(u32::MAX);
    if state.met >= planned.required {
        make_ready(frame, step.into());
    } else if needs - state.dead < planned.required {
        frame.doomed.insert(step);
    }
}

/// These steps have not happened (but their executions are counted on).
fn reset(frame: &mut Frame, steps: &[StepIx]) {
    let plan = frame.plan.clone();
    for &step in steps {
        let items = frame.steps.get(step.at()).and_then(|state| state.group.as_ref()).map_or(0, |group| group.items.len());
        for item in 0..u32::try_from(items).unwrap_or(0) {
            let slot = Slot { step, item: Some(item) };
            set_life(frame, slot, Life::Idle);
            let old = frame.state_mut(slot);
            *old = StepState { execution: old.execution, note: old.note.take(), ..StepState::default() };
        }
        set_life(frame, step.into(), Life::Idle);
        let old = frame.state_mut(step.into());
        let kept =
            StepState { execution: old.execution, note: old.note.take(), detours: old.detours.take(), ..StepState::default() };
        *old = kept;
        frame.doomed.remove(&step);
    }
    for &step in steps {
        let (mut met, mut dead) = (0, 0);
        for need in &plan.step(step).needs {
            if let Some(Life::Settled(how)) = frame.steps.get(need.at()).map(|state| &state.life) {
                let (m, d) = contribution(&plan, step, *how);
                met += m;
                dead += d;
            }
        }
        let state = frame.state_mut(step.into());
        (state.met, state.dead) = (met, dead);
        wake(frame, &plan, step);
    }
}

fn confine(frame: &mut Frame, steps: &[StepIx]) {
    let allowed: Vec<bool> = (0..frame.plan.steps.len()).map(|at| steps.iter().any(|step| step.at() == at)).collect();
    for slot in frame.ready.clone() {
        if !allowed[slot.step.at()] {
            set_life(frame, slot, Life::Idle);
        }
    }
    frame.allowed = Some(allowed.into());
}

/// After a confinement was lifted: whatever could have started may start.
fn ready_again(frame: &mut Frame) {
    let plan = frame.plan.clone();
    for at in 0..plan.steps.len() {
        let step = StepIx(u32::try_from(at).expect("the loader takes at most 20,000 steps"));
        wake(frame, &plan, step);
        let open = frame.steps.get(at).filter(|state| state.life == Life::Fanned);
        let items = open.and_then(|state| state.group.as_ref()).map_or(0, |group| group.items.len());
        for item in 0..u32::try_from(items).unwrap_or(0) {
            let slot = Slot { step, item: Some(item) };
            if frame.state_mut(slot).life == Life::Idle {
                make_ready(frame, slot);
            }
        }
    }
}

/// One account: what a sub-flow or a detour executes counts in the flows around it, too.
fn count_execution(state: &mut State, path: &FramePath) {
    let mut path = Some(path.clone());
    while let Some(frame) = path.as_ref().and_then(|path| state.frames.get_mut(path)) {
        frame.executions += 1;
        path = match frame.parent.as_deref() {
            Some(Parent::SubFlow { at } | Parent::Detour { at, .. }) => Some(at.flow.clone()),
            Some(Parent::Rollback { .. }) | None => None,
        };
    }
}

/// Attempts of these steps that are due are not wanted any more.
fn calm(state: &mut State, flow: &FramePath, now: Time, concerns: impl Fn(&StepRef) -> bool) {
    let waiting: Vec<(Time, At)> = state.due.iter().filter(|(_, at)| at.flow == *flow && concerns(&at.step)).cloned().collect();
    for one in waiting {
        if let Some((frame, slot)) = locate(state, flow, &one.1.step) {
            set_life(frame, slot, Life::Idle);
        }
        state.due.remove(&one);
        busy(state, flow, false, now);
    }
}

/// One more or one less execution runs in this flow and in all above it.
fn busy(state: &mut State, path: &FramePath, more: bool, now: Time) {
    let mut path = Some(path.clone());
    while let Some(frame) = path.as_ref().and_then(|path| state.frames.get_mut(path)) {
        if more {
            frame.busy += 1;
            frame.active_since.get_or_insert(now);
        } else {
            frame.busy = frame.busy.saturating_sub(1);
            if frame.busy == 0
                && let Some(since) = frame.active_since.take()
            {
                frame.active_ms += now.since(since);
            }
        }
        path = frame.parent.as_deref().map(|parent| match parent {
            Parent::SubFlow { at } | Parent::Detour { at, .. } => at.flow.clone(),
            Parent::Rollback { of, .. } => of.clone(),
        });
    }
}

/// Since the line before, there was no process: that is nobody's running time.
fn nobody_ran(state: &mut State, now: Time) {
    for path in state.open_frames.clone() {
        if let Some(frame) = state.frames.get_mut(&path)
            && let Some(since) = frame.active_since.filter(|since| *since < now)
        {
            frame.active_ms += state.before.since(since);
            frame.active_since = Some(now);
        }
    }
}

fn flow_started(state: &mut State, fact: &Fact) {
    let Fact::FlowStarted { flow, key, definition, generation, parent, params, options, git } = fact else { return };
    let Some(book) = state.books.get(definition).cloned() else {
        debug_assert!(false, "the definition is made known before its entry is applied");
        return;
    };
    let plan = match parent {
        None | Some(Parent::SubFlow { .. }) => book.flows.get(key).cloned(),
        Some(Parent::Detour { detour, .. }) => book.detours.get(detour).map(|detour| detour.plan.clone()),
        Some(Parent::Rollback { of, steps, .. }) => state.frames.get(of).map(|of| Arc::new(book.rollback(&of.plan, steps))),
    };
    let Some(plan) = plan else { return };
    let mut frame = new_frame(flow.clone(), book, plan, state.frames.get(flow));
    frame.definition = definition.clone();
    frame.generation = *generation;
    frame.parent = parent.clone().map(Arc::new);
    frame.params = Arc::new(params.clone());
    frame.options = Arc::new(options.clone());
    frame.git.clone_from(git);
    if let Some(until) = options.until.as_ref().and_then(|step| frame.plan.find(step.as_str())) {
        let upstream = frame.plan.upstream(until);
        confine(&mut frame, &upstream);
    }
    if let Some(from) = options.from.as_ref().and_then(|step| frame.plan.find(step.as_str())) {
        let downstream = frame.plan.downstream(from);
        for at in 0..frame.plan.steps.len() {
            let step = StepIx(u32::try_from(at).expect("the loader takes at most 20,000 steps"));
            if downstream.binary_search(&step).is_err() {
                frame.state_mut(step.into()).result = Some(Arc::new(skipped_result()));
                set_life(&mut frame, step.into(), Life::Settled(Settled::Skipped));
            }
        }
        let plan = frame.plan.clone();
        for &step in &downstream {
            // What was left out is taken as given, also by steps that name it.
            let outside = plan.step(step).needs.iter().filter(|need| downstream.binary_search(need).is_err()).count();
            frame.state_mut(step.into()).met = u32::try_from(outside).unwrap_or(u32::MAX);
            wake(&mut frame, &plan, step);
        }
    } else {
        for at in 0..frame.plan.steps.len() {
            if frame.plan.steps[at].needs.is_empty() {
                let step = StepIx(u32::try_from(at).expect("the loader takes at most 20,000 steps"));
                make_ready(&mut frame, step.into());
            }
        }
    }
    match parent {
        Some(Parent::SubFlow { at }) => {
            if let Some((above, slot)) = locate(state, &at.flow, &at.step) {
                set_life(above, slot, Life::InFlow(flow.clone()));
            }
        }
        Some(Parent::Detour { at, detour }) => {
            if let Some((above, slot)) = locate(state, &at.flow, &at.step) {
                let step = above.state_mut(slot);
                let mut used = step.detours.as_deref().cloned().unwrap_or_default();
                *used.entry(detour.clone()).or_insert(0) += 1;
                step.detours = Some(Arc::new(used));
                set_life(above, slot, Life::InDetour(flow.clone()));
            }
        }
        Some(Parent::Rollback { of, .. }) => {
            if let Some(above) = state.frames.get_mut(of) {
                above.rolled_back = true;
                // Taken back once; after a retry, only what is done anew.
                above.finished = imbl::Vector::new();
            }
        }
        None => {}
    }
    state.open_frames.insert(flow.clone());
    state.frames.insert(flow.clone(), frame);
}

fn new_frame(path: FramePath, book: Arc<crate::plan::Book>, plan: Arc<Plan>, before: Option<&Frame>) -> Frame {
    let executed = |at: usize| {
        before.filter(|old| old.plan.key == plan.key).map_or(0, |old| {
            old.plan
                .find(plan.steps[at].spec.id.as_str())
                .and_then(|ix| old.steps.get(ix.at()))
                .map_or(0, |state| state.execution)
        })
    };
    // Steps that nothing has happened to are one and the same.
    let untouched = Arc::new(StepState::default());
    let state = |at| match executed(at) {
        0 => untouched.clone(),
        execution => Arc::new(StepState { execution, ..StepState::default() }),
    };
    let steps = (0..plan.steps.len()).map(state).collect();
    let items = before.map(|old| old.items.clone()).unwrap_or_default();
    let items =
        items.into_iter().map(|(key, old)| (key, StepState { execution: old.execution, ..StepState::default() })).collect();
    let limits = plan.flow.limits;
    Frame {
        path,
        key: plan.key.clone(),
        definition: book.definition.clone(),
        book,
        generation: 1,
        parent: None,
        params: Arc::default(),
        options: Arc::default(),
        git: None,
        phase: FramePhase::Open,
        failing: None,
        rolled_back: false,
        steps,
        items,
        ready: imbl::OrdSet::new(),
        unsettled: u32::try_from(plan.steps.len()).unwrap_or(u32::MAX),
        live: 0,
        busy: 0,
        doomed: imbl::OrdSet::new(),
        loops: plan.loops.iter().map(|_| LoopState { iteration: 1, ..LoopState::default() }).collect(),
        finished: imbl::Vector::new(),
        executions: 0,
        steps_max: limits.steps_max,
        wall_ms_max: limits.wall_ms_max,
        active_ms: 0,
        active_since: None,
        limited: None,
        allowed: None,
        warnings: imbl::Vector::new(),
        done: imbl::OrdMap::new(),
        outcome_reason: None,
        last_decision: None,
        asked: before.map(|old| old.asked.clone()).unwrap_or_default(),
        plan,
    }
}

fn routed(state: &mut State, flow: &FramePath, decision: &Arc<crate::record::Decision>) {
    let Some((frame, slot)) = locate(state, flow, &decision.step_id) else { return };
    frame.last_decision = Some(decision.clone());
    let figures = frame.state_mut(slot).result.as_ref().and_then(|result| result.figures());
    if let Some(which) = frame.plan.step(slot.step).ends_loop
        && let Some(around) = frame.loops.get_mut(which)
        && decision.iteration.is_some()
    {
        around.last_signature = decision.signature.as_deref().map(Arc::from);
        around.last_figures = figures.map(Arc::from);
    }
    let standing = {
        let step = frame.state_mut(slot);
        step.result.as_ref().is_some_and(|result| !result.passed || result.status != Status::Verified)
    };
    match decision.decision {
        // It starts like any other step: not while the run is stopping or the line is stopped.
        DecisionKind::Continue if decision.rule == Rule::DetourDone => {
            set_life(frame, slot, Life::Idle);
            make_ready(frame, slot);
        }
        DecisionKind::Continue => {
            let failed = frame.state_mut(slot).result.as_ref().is_some_and(|result| !result.passed);
            let open_end = matches!(decision.rule, Rule::LoopExhausted | Rule::LoopNoFurtherHelp | Rule::LoopSameSignature);
            if failed || (standing && open_end) || decision.rule == Rule::Answered && standing {
                let text = format!("{}: {}", decision.step_id, decision.reason);
                frame.warnings.push_back(text.as_str().into());
            }
            settle(frame, slot, if standing { Settled::Standing } else { Settled::Passed });
        }
        DecisionKind::Terminate if decision.rule == Rule::Terminal => {
            settle(frame, slot, if standing { Settled::Standing } else { Settled::Passed });
        }
        DecisionKind::Terminate => {
            let back = decision.forensic_summary.get("rollback").is_some_and(|value| value == true);
            if frame.failing.is_none() {
                frame.failing = Some(Arc::new((decision.step_id.clone(), decision.reason.clone(), back)));
            }
            // A step with a question of its own keeps it until the flow is over, if another question decided.
            let over = match &frame.state_mut(slot).life {
                Life::Held(own) | Life::Gated(own) | Life::Asking(own) => {
                    decision.escalation_id.as_ref().is_none_or(|id| id == own)
                }
                life => matches!(life, Life::Ended | Life::Ready),
            };
            if over {
                settle(frame, slot, Settled::Failed);
            }
            if decision.rule == Rule::Fatal {
                state.fatal = Some(decision.reason.as_str().into());
                state.running = state
                    .running
                    .iter()
                    .map(|(at, running)| (at.clone(), Running { unwanted: true, ..running.clone() }))
                    .collect();
            }
        }
        DecisionKind::Loop
        | DecisionKind::Detour
        | DecisionKind::Escalate
        | DecisionKind::InjectFlow
        | DecisionKind::InjectNodes
        | DecisionKind::ExtendGraph => {}
    }
}

fn hold(state: &mut State, question: &Question) {
    let id = question.id.clone();
    let Some(frame) = state.frames.get_mut(&question.flow_path) else { return };
    let asked = frame.asked.entry(question.step_id.clone()).or_insert(0);
    // The name ends in its number; a question that was first requested and then raised counts once.
    let number = id.as_str().rsplit('-').next().and_then(|n| n.parse::<u32>().ok()).unwrap_or(*asked + 1);
    *asked = (*asked).max(number);
    match question.kind {
        QuestionKind::Done => {
            if let Ok(done) = crate::id::StepId::new(question.step_id.as_str()) {
                frame.done.insert(done, DoneState::Asking(id));
            }
        }
        QuestionKind::Limit => frame.limited = Some(id),
        QuestionKind::Approval
        | QuestionKind::Ask
        | QuestionKind::Failed
        | QuestionKind::Blocked
        | QuestionKind::EscalateWhen
        | QuestionKind::StopTheLine
        | QuestionKind::LoopExhausted
        | QuestionKind::Lost => {
            let Some(slot) = frame.slot(&question.step_id) else { return };
            let life = match question.kind {
                QuestionKind::Approval => Life::Gated(id),
                QuestionKind::Ask => Life::Asking(id),
                _ => Life::Held(id),
            };
            set_life(frame, slot, life);
        }
    }
}

fn close_question(state: &mut State, id: &crate::id::EscalationId, change: impl FnOnce(&mut Question)) {
    state.open_questions.remove(id);
    state.requested.remove(id);
    if let Some(question) = state.questions.get_mut(id) {
        change(Arc::make_mut(question));
    }
}

/// What a person wrote reaches the step that runs next by it.
fn pass_note(frame: &mut Frame, question: &Question, answer: &crate::record::Answer) {
    let Some(note) = &answer.note else { return };
    let own = frame.slot(&question.step_id);
    let target = match answer.choose.strip_prefix("push-back:") {
        Some(back) => frame.plan.find(back).map(Slot::from),
        None if question.kind == QuestionKind::LoopExhausted => {
            let around = own.and_then(|slot| frame.plan.step(slot.step).ends_loop);
            around.map(|which| frame.plan.loops[which].first.into())
        }
        None => own,
    };
    if let Some(slot) = target {
        frame.state_mut(slot).note = Some(note.as_str().into());
    }
}

/// A question that nobody answers any more: what waited for it is asked again when its flow goes on.
fn voided(state: &mut State, id: &crate::id::EscalationId) {
    let question = state.questions.get(id).or_else(|| state.requested.get(id)).cloned();
    close_question(state, id, |question| question.status = QuestionStatus::Voided);
    let Some(question) = question else { return };
    let Some(frame) = state.frames.get_mut(&question.flow_path) else { return };
    if frame.limited.as_ref() == Some(id) {
        frame.limited = None;
    }
    if let Some(asked) =
        frame.done.iter().find(|(_, done)| **done == DoneState::Asking(id.clone())).map(|(asked, _)| asked.clone())
    {
        frame.done.remove(&asked);
    }
    let Some(slot) = frame.slot(&question.step_id) else { return };
    let life = frame.state_mut(slot).life.clone();
    if life == Life::Gated(id.clone()) || life == Life::Asking(id.clone()) {
        set_life(frame, slot, Life::Idle);
        make_ready(frame, slot);
    }
}

/// A step waits for its inner flow again, and what needs it for the step.
fn reopened(state: &mut State, flow: &FramePath, step: &StepRef, into: &FramePath, dependents: &[StepRef], now: Time) {
    if matches!(state.frames.get(into).and_then(|frame| frame.parent.as_deref()), Some(Parent::Rollback { .. })) {
        // It has failed, and is over again when what it did is taken back.
        if let Some(frame) = state.frames.get_mut(flow) {
            frame.phase = FramePhase::Open;
            frame.outcome_reason = None;
        }
        state.open_frames.insert(flow.clone());
        return;
    }
    // Its known fixes, if one was being tried, are not waited for any more.
    let opened = std::slice::from_ref(step);
    let beside = state.open_frames.iter().filter(|path| state.is_below(path, flow, opened) && !state.is_in(path, into));
    for path in beside.cloned().collect::<Vec<_>>() {
        dropped(state, &path, now);
    }
    calm(state, flow, now, |waiting| waiting == step);
    let fixes = matches!(state.frames.get(into).and_then(|frame| frame.parent.as_deref()), Some(Parent::Detour { .. }));
    // First the step waits, then those that need it: they must not find it done.
    if let Some((frame, slot)) = locate(state, flow, step) {
        frame.doomed.remove(&slot.step);
        if slot.item.is_some() {
            item_again(frame, slot);
        }
        set_life(frame, slot, if fixes { Life::InDetour(into.clone()) } else { Life::InFlow(into.clone()) });
        if frame.failing.as_ref().is_some_and(|failing| failing.0 == *step) {
            frame.failing = None;
            frame.rolled_back = false;
        }
    }
    superseded(state, flow, dependents, now);
}

/// A flow that nothing waits for any more.
fn dropped(state: &mut State, path: &FramePath, now: Time) {
    calm(state, path, now, |_| true);
    state.open_frames.remove(path);
    let Some(frame) = state.frames.get_mut(path).filter(|frame| frame.is_open()) else { return };
    frame.phase = FramePhase::Done(Outcome::Cancelled);
    // What it waited for is dropped with it. If a person ever goes on in it, these steps start anew.
    let inner = |state: &StepState| matches!(state.life, Life::InFlow(_) | Life::InDetour(_));
    let whole = (0..frame.plan.steps.len()).map(|at| Slot::from(StepIx(u32::try_from(at).unwrap_or(u32::MAX))));
    let items = frame.items.keys().map(|(step, item)| Slot { step: *step, item: Some(*item) });
    let waiting = whole.chain(items).filter(|slot| frame.state(*slot).is_some_and(inner)).collect::<Vec<_>>();
    for slot in waiting {
        set_life(frame, slot, Life::Idle);
    }
}

/// One item of a group is not over any more, and the group is open again with it.
fn item_again(frame: &mut Frame, slot: Slot) {
    let group_slot = Slot::from(slot.step);
    if let Life::Settled(how) = frame.state_mut(slot).life
        && let Some(group) = frame.state_mut(group_slot).group.as_mut().map(Arc::make_mut)
    {
        group.settled -= 1;
        group.standing -= u32::from(how != Settled::Passed);
    }
    set_life(frame, slot, Life::Idle);
    set_life(frame, group_slot, Life::Fanned);
}

fn superseded(state: &mut State, flow: &FramePath, steps: &[StepRef], now: Time) {
    let below: Vec<FramePath> = state.frames.keys().filter(|path| state.is_below(path, flow, steps)).cloned().collect();
    for path in below {
        dropped(state, &path, now);
    }
    calm(state, flow, now, |waiting| steps.iter().any(|step| step == waiting || step.as_str() == waiting.base()));
    let Some(frame) = state.frames.get_mut(flow) else { return };
    let was_done = !frame.is_open();
    frame.phase = FramePhase::Open;
    // Another step's failure stands, whatever becomes of these.
    let again = |failed: &StepRef| steps.iter().any(|step| step == failed || step.as_str() == failed.base());
    if was_done || frame.failing.as_ref().is_some_and(|failing| again(&failing.0)) {
        frame.failing = None;
        frame.rolled_back = false;
    }
    frame.outcome_reason = None;
    frame.done = imbl::OrdMap::new();
    let mut whole: Vec<StepIx> = Vec::new();
    for step in steps {
        let Some(slot) = frame.slot(step) else { continue };
        match slot.item {
            None => whole.push(slot.step),
            Some(_) => {
                item_again(frame, slot);
                let old = frame.state_mut(slot);
                *old = StepState { execution: old.execution, note: old.note.take(), ..StepState::default() };
                make_ready(frame, slot);
            }
        }
    }
    let plan = frame.plan.clone();
    for (at, around) in plan.loops.iter().enumerate() {
        if whole.contains(&around.first) && whole.contains(&around.last) {
            frame.loops.set(at, LoopState { iteration: 1, ..LoopState::default() });
        }
    }
    whole.sort_unstable();
    whole.dedup();
    reset(frame, &whole);
    // A warning begins with the name of its step, or of one of the step's items.
    let of = |warning: &str| warning.split([':', '[']).next().unwrap_or_default().to_owned();
    frame.warnings.retain(|warning| !steps.iter().any(|step| step.base() == of(warning)));
    // Whoever sends a step round again by hand gives it its known fixes again as well.
    for step in &whole {
        frame.state_mut((*step).into()).detours = None;
    }
    if was_done {
        ready_again(frame);
    }
    state.open_frames.insert(flow.clone());
}

fn flow_completed(state: &mut State, flow: &FramePath, outcome: Outcome, reason: &str, warnings: &[String], now: Time) {
    state.open_frames.remove(flow);
    let Some(frame) = state.frames.get_mut(flow) else { return };
    frame.phase = FramePhase::Done(outcome);
    frame.outcome_reason = Some(reason.into());
    frame.warnings = warnings.iter().map(|warning| Arc::from(warning.as_str())).collect();
    if let Some(since) = frame.active_since.take() {
        frame.active_ms += now.since(since);
    }
    match frame.parent.as_deref().cloned() {
        Some(Parent::SubFlow { at } | Parent::Detour { at, .. }) => {
            if let Some((above, slot)) = locate(state, &at.flow, &at.step)
                && matches!(above.state_mut(slot).life, Life::InFlow(_) | Life::InDetour(_))
            {
                set_life(above, slot, Life::Ended);
            }
        }
        Some(Parent::Rollback { .. }) | None => {}
    }
}

/// What failed is not over: the flow goes on only if it runs again.
fn stays(frame: &Frame, step: StepIx, state: &StepState) -> bool {
    let failed = |state: &StepState| state.life == Life::Settled(Settled::Failed);
    let items = state.group.as_ref().map_or(0, |group| u32::try_from(group.items.len()).unwrap_or(0));
    let broken = failed(state) || (0..items).any(|item| frame.items.get(&(step, item)).is_some_and(failed));
    matches!(state.life, Life::Settled(_) | Life::Held(_)) && !broken
}

fn refreshed(state: &mut State, flow: &FramePath, definition: &crate::id::Sha256, now: Time) {
    let Some(book) = state.books.get(definition).cloned() else { return };
    let Some(key) = state.frames.get(flow).map(|frame| frame.key.clone()) else { return };
    let Some(plan) = book.flows.get(&key).cloned() else { return };
    calm(state, flow, now, |_| true);
    let Some(old) = state.frames.get(flow).cloned() else { return };
    let mut fresh = new_frame(flow.clone(), book, plan.clone(), Some(&old));
    fresh.generation = old.generation;
    fresh.params = old.params.clone();
    fresh.options = old.options.clone();
    fresh.parent = old.parent.clone();
    fresh.git = old.git.clone();
    fresh.executions = old.executions;
    fresh.active_ms = old.active_ms;
    fresh.phase = FramePhase::Open;
    fresh.warnings = old.warnings.clone();
    fresh.items = imbl::OrdMap::new();
    let same = |at: usize| {
        let step = &plan.steps[at].spec;
        old.plan.find(step.id.as_str()).filter(|ix| old.plan.step(*ix).spec.sha256 == step.sha256)
    };
    // Steps that are over and have not changed stay over, and a person who decides on one still does;
    // everything else is worked out anew from them.
    let (mut open, mut anew) = (Vec::new(), Vec::new());
    for at in 0..plan.steps.len() {
        let step = StepIx(u32::try_from(at).expect("the loader takes at most 20,000 steps"));
        let needs_over = plan.steps[at].needs.iter().all(|need| !open.contains(need));
        let before = same(at).and_then(|ix| Some((ix, old.steps.get(ix.at())?))).filter(|_| needs_over);
        match before {
            Some((ix, state)) if stays(&old, ix, state) => {
                let life = state.life.clone();
                *fresh.state_mut(step.into()) = StepState { life: Life::Idle, ..(**state).clone() };
                if matches!(life, Life::Held(_)) {
                    open.push(step);
                }
                set_life(&mut fresh, step.into(), life);
                let items = state.group.as_ref().map_or(0, |group| u32::try_from(group.items.len()).unwrap_or(0));
                for item in 0..items {
                    if let Some(one) = old.items.get(&(ix, item)) {
                        fresh.items.insert((step, item), one.clone());
                    }
                }
            }
            _ => {
                open.push(step);
                anew.push(step);
            }
        }
    }
    fresh.finished = old.finished.iter().filter(|name| plan.find(name.base()).is_some()).cloned().collect();
    reset(&mut fresh, &anew);
    // What was opened below steps that start anew is over.
    let kept = |path: &FramePath| {
        let step = path.as_str()[flow.as_str().len()..].trim_start_matches('.').split('.').next().unwrap_or_default();
        let base = step.split('[').next().unwrap_or_default();
        plan.find(base).is_some_and(|ix| !anew.contains(&ix))
    };
    let prefix = format!("{flow}.");
    let below: Vec<FramePath> =
        state.open_frames.iter().filter(|path| path.as_str().starts_with(&prefix) && !kept(path)).cloned().collect();
    for path in below {
        dropped(state, &path, now);
    }
    state.frames.insert(flow.clone(), fresh);
    state.open_frames.insert(flow.clone());
}
