//! Questions whose time is up.
//! In: the time. Out: the answer that the flow wrote for that case, or the same question, louder.
//! Never: an approval that the flow did not write, or an answer that the question does not have.

use crate::{
    id::EscalationId,
    record::{Answer, Channel, Fact, Identity, QuestionKind},
    spec::{OnTimeout, Severity},
};

use super::{answer, ask, state::Life, turn::Turn};

/// A question's time is up: what the flow said for that case, and never an approval that it did not write.
pub(super) fn expire(turn: &mut Turn) {
    let now = turn.now;
    let late =
        |id: &&EscalationId| turn.state.questions.get(*id).and_then(|one| one.deadline).is_some_and(|deadline| deadline <= now);
    let ids: Vec<EscalationId> = turn.state.open_questions.iter().filter(late).cloned().collect();
    for id in ids {
        let Some(question) = turn.state.questions.get(&id).cloned() else { continue };
        let choose = match question.on_timeout {
            OnTimeout::Wait => continue,
            // Time chooses no answer that a person could not: flows frozen before that was looked at may still say so.
            OnTimeout::Approve if question.options.iter().any(|option| option.key == "approve") => "approve",
            OnTimeout::Approve | OnTimeout::Reject | OnTimeout::Fail => "reject",
            OnTimeout::Escalate => {
                turn.emit(Fact::EscalationExpired { id: id.clone() });
                let mut asked = ask::Asked::new(
                    question.kind,
                    question.rule,
                    format!("nobody answered {id} in time"),
                    question.question.clone(),
                    question.options.clone(),
                );
                asked.severity = Severity::High;
                // Louder, and still nobody else's to answer.
                asked.to.clone_from(&question.to);
                asked.action.clone_from(&question.action);
                asked.evidence = question.shown.iter().map(|one| one.path.clone()).collect();
                ask::raise(turn, &question.flow_path, &question.step_id, question.step_sha256.clone(), asked);
                continue;
            }
        };
        let answer = Answer {
            note: Some("nobody answered in time".to_owned()),
            identity: Identity::Program,
            ..Answer::new(choose, "timeout", Channel::Timeout, now, question.subject_digest.clone())
        };
        turn.emit(Fact::EscalationAnswered { id: id.clone(), answer: answer.clone() });
        let open = turn.state.frame(&question.flow_path).and_then(|frame| frame.slot(&question.step_id));
        let waits = |slot| matches!(turn.step(&question.flow_path, slot).life, Life::Gated(_) | Life::Asking(_) | Life::Ready);
        // A line of "done" may have the name of a step, whose life says nothing of it.
        if question.kind == QuestionKind::Done || open.is_none_or(waits) {
            answer::carry_out(turn, &question, &answer, None);
        }
    }
}
