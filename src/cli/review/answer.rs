//! An answer given in one line.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::Error,
    id::RunId,
    record::RunStatus,
    workspace::{AnswerRequest, Answered},
};

use super::super::context::Context;

/// What became of an answer: `schemas/cli/review-answer.schema.json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AnswerReport {
    pub run_id: String,
    pub question: String,
    pub choose: String,
    pub outcome: AnswerOutcome,
    /// The run as it stands, where nobody drives it.
    pub run_status: Option<RunStatus>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerOutcome {
    /// It stands in the journal; `resume` goes on.
    Recorded,
    /// The process that drives the run has taken it.
    Taken,
    /// It lies in the inbox of the process that drives the run.
    Delivered,
}

pub(super) fn run(request: &AnswerRequest, context: &Context) -> Result<u8, Error> {
    let answered = context.workspace.answer(request)?;
    let (outcome, run_status) = match answered {
        Answered::Recorded(status) => (AnswerOutcome::Recorded, Some(status)),
        Answered::Taken => (AnswerOutcome::Taken, None),
        Answered::Delivered => (AnswerOutcome::Delivered, None),
    };
    let report = AnswerReport {
        run_id: request.run_id.clone(),
        question: request.question.clone(),
        choose: request.choose.clone(),
        outcome,
        run_status,
    };
    context.out(&report, || text(&request.run_id, answered, context))?;
    Ok(0)
}

pub(super) fn text(run: &str, answered: Answered, context: &Context) -> String {
    match answered {
        Answered::Taken => format!("answer delivered; the process that drives {run} has taken it and goes on"),
        Answered::Delivered => format!("answer delivered to the process that drives {run}; it has not looked yet"),
        Answered::Recorded(RunStatus::Waiting) => {
            let id = RunId::new(run).expect("the workspace has just opened it");
            format!("answer recorded; go on with: {}", context.workspace.paste().resume(&id))
        }
        Answered::Recorded(status) => format!("answer recorded; run {run} {status}"),
    }
}
