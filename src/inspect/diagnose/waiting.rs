//! Whom a run waits for, and with what. These are no faults: the run goes on when a person has answered.

use crate::record::{Question, QuestionKind, Rule};

use super::{
    super::words::first_line,
    case::{Case, Found},
    stuck_asks::{asks, asks_about},
};

fn says(question: &Question) -> String {
    let to: Vec<String> = question.to.iter().map(ToString::to_string).collect();
    let to = if to.is_empty() { "a person".to_owned() } else { to.join(", ") };
    format!("waits for {to}: {}", first_line(&question.question))
}

fn first(case: &Case<'_>, kind: QuestionKind) -> Option<Found> {
    let question = case.asked(kind).next()?;
    Some(asks(case, question, says(question)))
}

pub(super) fn evidence_changed(case: &Case<'_>) -> Option<Found> {
    let (id, path) = case.remains.shown_changed.first()?;
    let view = case.view()?;
    let question = view.state.questions.get(id)?;
    let found = Found::new(format!("{path}, which {id} shows, is not what it was when it was asked"));
    let found =
        found.at(Case::question_path(question), format!("shows {path} with another digest")).at(path, "was changed since");
    Some(found.then("read the question, and the file as it is", case.paste.review(case.run(), id)))
}

pub(super) fn line(case: &Case<'_>) -> Option<Found> {
    let question = case.asked(QuestionKind::StopTheLine).next()?;
    Some(asks_about(case, question, format!("nothing starts until this is decided: {}", first_line(&question.reason))))
}

pub(super) fn approval(case: &Case<'_>) -> Option<Found> {
    first(case, QuestionKind::Approval)
}

pub(super) fn failure(case: &Case<'_>) -> Option<Found> {
    let question = case.asked(QuestionKind::Failed).find(|one| one.rule != Rule::CircuitOpen)?;
    Some(asks_about(
        case,
        question,
        format!("{} failed, and a person decides: {}", question.step_id, first_line(&question.reason)),
    ))
}

pub(super) fn escalation(case: &Case<'_>) -> Option<Found> {
    let question = case.asked(QuestionKind::EscalateWhen).next()?;
    Some(asks_about(case, question, says(question)))
}

pub(super) fn done(case: &Case<'_>) -> Option<Found> {
    first(case, QuestionKind::Done)
}

pub(super) fn ask(case: &Case<'_>) -> Option<Found> {
    first(case, QuestionKind::Ask)
}
