//! What the facts of one line say about each other.
//! In: a line, and one of its facts. Out: where the kernel went, what took a question's place, where a choice is kept.

use crate::{
    id::{EscalationId, FramePath},
    ledger::{place::InRun, run_dir::RunDir},
    record::{At, Decision, DecisionKind, Fact, Question},
};

/// Where the kernel went after this execution, if it says so in the same line.
pub(super) fn routed<'a>(line: &'a [Fact], at: &At, execution: u32) -> Option<&'a Decision> {
    line.iter().find_map(|fact| match fact {
        // A proposal moves nothing.
        Fact::Routed { decision, .. } if decision.decision == DecisionKind::ExtendGraph => None,
        Fact::Routed { flow, decision } if *flow == at.flow && decision.step_id == at.step && decision.execution == execution => {
            Some(decision.as_ref())
        }
        _ => None,
    })
}

/// The execution that the decision is about ended in the same line.
pub(super) fn ended(line: &[Fact], flow: &FramePath, decision: &Decision) -> bool {
    line.iter().any(|fact| match fact {
        Fact::StepEnded { at, execution, .. } | Fact::StepLost { at, execution, .. } => {
            at.flow == *flow && at.step == decision.step_id && *execution == decision.execution
        }
        _ => false,
    })
}

/// The question that the same line asks in the place of this one.
pub fn replacement(line: &[Fact], of: &Question) -> Option<EscalationId> {
    line.iter().find_map(|fact| match fact {
        Fact::EscalationRaised { question } | Fact::EscalationRequested { question }
            if question.flow_path == of.flow_path && question.step_id == of.step_id && question.id != of.id =>
        {
            Some(question.id.clone())
        }
        _ => None,
    })
}

/// The file of its own that a decision has: what was put in, and what was proposed. Others stand only in `decisions.jsonl`.
pub(super) fn place_of_choice(paths: &RunDir, flow: &FramePath, decision: &Decision) -> Option<InRun> {
    match decision.decision {
        DecisionKind::InjectFlow | DecisionKind::InjectNodes => {
            decision.injected.as_ref().map(|injected| paths.injection(flow, injected.number, &decision.step_id))
        }
        DecisionKind::ExtendGraph => Some(paths.proposal(flow, &decision.step_id, decision.execution)),
        DecisionKind::Continue | DecisionKind::Loop | DecisionKind::Detour | DecisionKind::Terminate | DecisionKind::Escalate => {
            None
        }
    }
}
