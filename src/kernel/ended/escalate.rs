//! The question that ESCALATE asks: its kind by the rule, its words by the flow, its answers by the kind.

use crate::{
    id::{EscalationId, FramePath},
    kernel::{
        ask::{Asked, option, raise, repair_options},
        navigator,
        scope::{scope, scope_value},
        state::Slot,
        turn::Turn,
    },
    record::{QuestionKind, Rule},
    spec::{Halt, Severity},
};

use super::written::failed_concerns;

pub(super) fn escalate(turn: &mut Turn, path: &FramePath, slot: Slot, rule: Rule, reason: &str) -> EscalationId {
    let frame = turn.frame(path);
    let spec = frame.plan.step(slot.step).spec.clone();
    let step = frame.name(slot);
    let result = turn.step(path, slot).result.clone().expect("a step that ended has a result");
    // What an agent found stands in its handoff, what it failed among it.
    let concerns = match &result.handoff {
        Some(handoff) => handoff.concerns.clone(),
        None => result.proof.as_deref().map(failed_concerns).unwrap_or_default(),
    };
    let loops = matches!(rule, Rule::LoopExhausted | Rule::LoopNoFurtherHelp | Rule::LoopSameSignature);
    let by_flow = matches!(rule, Rule::StopTheLine | Rule::EscalateWhen);
    let chooses = navigator::chosen(&turn.state, frame, slot).is_some();
    let kind = match rule {
        _ if chooses => QuestionKind::Navigator,
        Rule::StopTheLine => QuestionKind::StopTheLine,
        Rule::EscalateWhen => QuestionKind::EscalateWhen,
        Rule::Blocked => QuestionKind::Blocked,
        _ if loops => QuestionKind::LoopExhausted,
        _ => QuestionKind::Failed,
    };
    let options = if loops {
        vec![
            option("retry", "One more round", "the loop's body runs once more, your note goes with it"),
            option("skip", "Go on as it is", "what stands open stays on the report as a warning"),
            option("abort", "Stop the flow", "no further step of this flow starts"),
        ]
    } else if chooses {
        navigator::options(&turn.state, frame, slot)
    } else if by_flow {
        vec![
            option("approve", "Go on", "the step counts as it ended and the flow goes on"),
            option("retry", "Run it again", "the step runs again, your note goes with it"),
            option("abort", "Stop the flow", "no further step of this flow starts"),
        ]
    } else {
        repair_options()
    };
    let written = spec.escalate.as_ref().filter(|_| by_flow);
    let question = written.and_then(|escalate| escalate.question.as_ref()).map(|template| {
        let value = scope_value(scope(&turn.state, frame, template.reads(), Some(slot), None));
        template
            .render(&value)
            .unwrap_or_else(|error| format!("{} (the flow's question could not be filled in: {error})", template.text()))
    });
    let question = question.unwrap_or_else(|| match kind {
        QuestionKind::Blocked => {
            format!(
                "{step} is blocked: {}. How to go on?",
                reason.strip_prefix("blocked: ").unwrap_or(reason).trim_end_matches('.')
            )
        }
        QuestionKind::Navigator => format!("{step}: {reason}. Which way?"),
        QuestionKind::LoopExhausted => format!("{step}: {reason}. How to go on?"),
        QuestionKind::StopTheLine | QuestionKind::EscalateWhen => format!("{step}: {reason}. Go on?"),
        _ => format!("{step} failed: {reason}. How to go on?"),
    });
    let mut asked = Asked::new(kind, rule, reason, question, options);
    asked.severity = written.map_or(if loops { Severity::High } else { Severity::Medium }, |escalate| escalate.severity);
    asked.to = written.map(|escalate| escalate.to.clone()).unwrap_or_default();
    asked.halt = written.map_or(Halt::Branch, |escalate| escalate.halt);
    asked.concerns = concerns;
    raise(turn, path, &step, spec.sha256.clone(), asked)
}
