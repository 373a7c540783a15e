//! What a routing decision does to the step that it is about.
//! In: the decision. Out: the step settled, ready, or left to what follows in the same line.

use std::sync::Arc;

use crate::{
    id::{FramePath, StepRef},
    kernel::{
        ended::UNEVALUATED,
        navigator::sends_to,
        rounds::Round,
        state::{Frame, Life, Running, Settled, Slot, State},
    },
    record::{Decision, DecisionKind, Rule, Status},
};

use super::lives::{locate, make_ready, set_life, settle};

pub(super) fn loop_body(frame: &Frame, last: Slot) -> Vec<StepRef> {
    let body = frame.plan.step(last.step).ends_loop.map(|which| &frame.plan.loops[which].body);
    body.into_iter().flatten().map(|step| StepRef::from(&frame.plan.step(*step).spec.id)).collect()
}

/// Whose warning it is: it begins with the name of its step, or of one of the step's items.
pub(super) fn warned(warning: &str) -> &str {
    warning.split([':', '[']).next().unwrap_or_default()
}

pub(super) fn routed(state: &mut State, flow: &FramePath, decision: &Arc<Decision>) {
    let Some((frame, slot)) = locate(state, flow, &decision.step_id) else { return };
    frame.last_decision = Some(decision.clone());
    // What a person wants done again, or has done, is only told here: the facts beside it do it.
    if matches!(decision.rule, Rule::Retry | Rule::PushBack | Rule::MarkDone) {
        return;
    }
    let settled = matches!(frame.state_mut(slot).life, Life::Settled(_));
    let round = frame.state_mut(slot).result.as_deref().map(Round::of).unwrap_or_default();
    if let Some(which) = frame.plan.step(slot.step).ends_loop
        && let Some(around) = frame.loops.get_mut(which)
        && decision.iteration.is_some()
        && !settled
    {
        around.rounds = round.then(&around.rounds);
    }
    let standing = {
        let step = frame.state_mut(slot);
        step.result.as_ref().is_some_and(|result| !result.passed || result.status != Status::Verified)
    };
    match decision.decision {
        // A person skipped it, and it is settled by that: how it ended stands as a warning.
        DecisionKind::Continue if settled => {
            let text = format!("{}: {}", decision.step_id, decision.reason);
            frame.warnings.push_back(text.as_str().into());
        }
        // It starts like any other step: not while the run is stopping or the line is stopped.
        DecisionKind::Continue if matches!(decision.rule, Rule::DetourDone | Rule::InjectionDone) => {
            set_life(frame, slot, Life::Idle);
            make_ready(frame, slot);
        }
        DecisionKind::Continue => {
            if frame.plan.step(slot.step).spec.navigates.is_some() {
                frame.state_mut(slot).chosen = sends_to(decision);
            }
            let failed = frame.state_mut(slot).result.as_ref().is_some_and(|result| !result.passed);
            let open_end = matches!(decision.rule, Rule::LoopExhausted | Rule::LoopNoFurtherHelp | Rule::LoopSameSignature);
            // A journal of before does not have it, and gives the state that it gave.
            let unevaluated = decision.forensic_summary.contains_key(UNEVALUATED);
            if failed || ((standing || unevaluated) && open_end) || decision.rule == Rule::Answered && standing {
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
        // What failed in a round that is done over stands no more; the receipts keep it.
        DecisionKind::Loop => {
            let body = loop_body(frame, slot);
            frame.warnings.retain(|warning| !body.iter().any(|step| step.base() == warned(warning)));
        }
        DecisionKind::Detour
        | DecisionKind::Escalate
        | DecisionKind::InjectFlow
        | DecisionKind::InjectNodes
        | DecisionKind::ExtendGraph => {}
    }
}
