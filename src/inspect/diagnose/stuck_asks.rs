//! Why a run does not go on although a person could say how: answers that were not taken, questions that stand for a fault.
//! In: open questions, the inbox, the time as a value. Out: a cause, if it is this one.

use crate::{
    record::{Fact, InputNote, Question, QuestionKind, Rule, RunStatus},
    spec::OnTimeout,
};

use super::{
    super::{
        form::answer_with,
        words::{first_line, length},
    },
    case::{Case, Found},
};

/// Answers that are spelled out; with the question itself, and what comes after it, no more than `rank` prints.
const ANSWERS_MAX: usize = 5;

/// A question with where it stands and how it is answered.
pub(super) fn asks(case: &Case<'_>, question: &Question, says: String) -> Found {
    let since = length(case.remains.now.since(question.raised_at) / 1000 * 1000);
    let to: Vec<String> = question.to.iter().map(ToString::to_string).collect();
    let to = if to.is_empty() { "anybody".to_owned() } else { to.join(", ") };
    let found = Found::new(says).at(Case::question_path(question), format!("asked {since} ago, for {to}: {}", question.question));
    let found = found.then("read it with its evidence", case.paste.review(case.run(), &question.id));
    // One command per answer, so that each can be pasted; where there are too many, the question itself lists them.
    let options = question.options.iter().filter(|_| question.options.len() <= ANSWERS_MAX);
    let found = options.fold(found, |found, option| {
        let command = answer_with(case.paste, case.run(), question, &option.key);
        found.then(format!("answer {}: {}", option.key, option.label), command)
    });
    if case.driven() { found } else { found.then("then go on", case.resume()) }
}

/// The same, with the execution that the question is about.
pub(super) fn asks_about(case: &Case<'_>, question: &Question, says: String) -> Found {
    let found = asks(case, question, says);
    match case.last(question.flow_path.as_str(), question.step_id.as_str()) {
        Some(ran) => case.story(found, ran),
        None => found,
    }
}

pub(super) fn not_taken(case: &Case<'_>) -> Option<Found> {
    let view = case.view()?;
    if case.driven() {
        return None;
    }
    let open = |letter: &&super::super::remains::LetterSeen| match &letter.answers {
        Some(id) => view.state.open_questions.contains(id),
        None => view.state.rested.is_none_or(|status| status == RunStatus::Waiting || status == RunStatus::Interrupted),
    };
    let letter = case.remains.letters.iter().find(open)?;
    let what = letter.answers.as_ref().map_or_else(|| "a letter".to_owned(), |id| format!("an answer to {id}"));
    let found = Found::new(format!("{what} lies in the inbox, and no process drives the run"));
    Some(found.at(&letter.path, "not taken yet").then("take it, and go on", case.resume()))
}

pub(super) fn answered(case: &Case<'_>) -> Option<Found> {
    let view = case.view().filter(|view| view.status() == RunStatus::Interrupted)?;
    let last = view.moments.last()?;
    let InputNote::Answered { id } = last.input.as_ref() else { return None };
    if !view.state.open_questions.is_empty() || !view.state.running.is_empty() && !last_started(view) {
        return None;
    }
    let question = view.state.questions.get(id)?;
    let by = question.answer.as_ref().map(|answer| format!("{} answered {}", answer.by, answer.choose)).unwrap_or_default();
    let found = Found::new(format!("{by} to {id} at {}, and nobody went on", last.ts));
    Some(found.at(Case::question_path(question), by).then("go on", case.resume()))
}

/// What runs was allowed by the last line: nobody has begun it.
fn last_started(view: &super::super::view::RunView) -> bool {
    let last = view.state.seq;
    let started = view.moments.iter().filter(|one| one.seq == last && matches!(*one.fact, Fact::StepStarted { .. })).count();
    started == view.state.running.len()
}

pub(super) fn deadline(case: &Case<'_>) -> Option<Found> {
    let view = case.view().filter(|_| !case.driven())?;
    let late = |one: &&Question| one.on_timeout != OnTimeout::Wait && one.deadline.is_some_and(|at| at <= case.remains.now);
    let open = view.open_questions();
    let question = open.into_iter().find(late)?;
    let since = length(case.remains.now.since(question.deadline?) / 1000 * 1000);
    let found = Found::new(format!("the time of {} is over since {since}, and no process acts on it", question.id));
    let found = found.at(Case::question_path(question), format!("deadline {}", question.deadline?));
    Some(found.then("let the flow act on it", case.resume()))
}

pub(super) fn refused(case: &Case<'_>) -> Option<Found> {
    let view = case.view()?;
    let turned_down = view.moments.iter().rev().find_map(|moment| match moment.fact.as_ref() {
        Fact::AnswerRefused { id, answer, why } if view.state.open_questions.contains(id) => {
            Some((id.clone(), format!("{} answered {}, refused: {why}", answer.by, answer.choose)))
        }
        _ => None,
    });
    if let Some((id, says)) = turned_down {
        let question = view.state.questions.get(&id)?;
        return Some(asks(case, question, says));
    }
    // Letters that were no answers at all.
    let path = case.remains.refused_letters.first()?;
    let question = view.open_questions().into_iter().next()?;
    let found = Found::new(format!("a letter to this run was refused, and {} is still open", question.id));
    let found = found.at(format!("{path}.reason.txt"), "why it was refused");
    Some(found.then("answer it here", case.paste.review(case.run(), &question.id)))
}

pub(super) fn arrived(case: &Case<'_>) -> Option<Found> {
    let (id, path) = case.remains.arrived.first()?;
    let question = case.asked(QuestionKind::Blocked).find(|one| one.id == *id)?;
    let found = Found::new(format!("{path} is there now, which {} lacked", question.step_id)).at(path, "is there now");
    let found = found.then("let the step try again", case.paste.answer(case.run(), id, "retry"));
    Some(if case.driven() { found } else { found.then("then go on", case.resume()) })
}

fn because(question: &Question) -> String {
    format!("{}/{}: {}", question.flow_path, question.step_id, first_line(&question.reason))
}

pub(super) fn blocked(case: &Case<'_>) -> Option<Found> {
    let question = case.asked(QuestionKind::Blocked).next()?;
    let found = asks_about(case, question, format!("{} is BLOCKED: {}", question.step_id, first_line(&question.reason)));
    // Who should have made it.
    let missing = &question.reason;
    let makers = case.view()?.frames().flat_map(|frame| {
        let makes =
            frame.plan.steps.iter().filter(|planned| planned.spec.outputs.iter().any(|path| missing.contains(path.as_str())));
        makes.map(|planned| format!("{}/{}", frame.path, planned.spec.id)).collect::<Vec<_>>()
    });
    let maker = makers.into_iter().next();
    Some(match maker {
        Some(maker) => {
            let (flow, step) = maker.split_once('/').unwrap_or_default();
            let path = case.last(flow, step).map(|ran| ran.receipt_path.clone()).unwrap_or_default();
            found.at(path, format!("{maker} was to make it"))
        }
        None => found,
    })
}

pub(super) fn lost(case: &Case<'_>) -> Option<Found> {
    let question = case.asked(QuestionKind::Lost).next()?;
    Some(asks_about(case, question, because(question)))
}

fn looped(case: &Case<'_>, rule: Rule) -> Option<Found> {
    let question = case.asked(QuestionKind::LoopExhausted).find(|one| one.rule == rule)?;
    Some(asks_about(case, question, because(question)))
}

pub(super) fn loop_same(case: &Case<'_>) -> Option<Found> {
    looped(case, Rule::LoopSameSignature)
}

pub(super) fn loop_no_help(case: &Case<'_>) -> Option<Found> {
    looped(case, Rule::LoopNoFurtherHelp)
}

pub(super) fn loop_spent(case: &Case<'_>) -> Option<Found> {
    let question = case
        .asked(QuestionKind::LoopExhausted)
        .find(|one| !matches!(one.rule, Rule::LoopSameSignature | Rule::LoopNoFurtherHelp))?;
    Some(asks_about(case, question, because(question)))
}

pub(super) fn limit(case: &Case<'_>) -> Option<Found> {
    let question = case.asked(QuestionKind::Limit).next()?;
    Some(asks(case, question, because(question)))
}

pub(super) fn engine(case: &Case<'_>) -> Option<Found> {
    let open = case.view()?.open_questions();
    let question = open.into_iter().find(|one| one.rule == Rule::CircuitOpen)?;
    Some(asks_about(case, question, because(question)).then("see whether it can be reached", case.command("doctor")))
}

pub(super) fn navigator(case: &Case<'_>) -> Option<Found> {
    let question = case.asked(QuestionKind::Navigator).next()?;
    Some(asks_about(case, question, because(question)))
}
