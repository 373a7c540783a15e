//! An answer given in one line.

use crate::{
    error::Error,
    id::RunId,
    record::RunStatus,
    workspace::{AnswerReport, AnswerRequest, Answered},
};

use super::super::context::Context;

pub(super) fn run(request: &AnswerRequest, context: &Context) -> Result<u8, Error> {
    let answered = context.workspace.answer(request)?;
    let report = AnswerReport::new(request, answered);
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
        Answered::Recorded(RunStatus::Succeeded) => format!("answer recorded; run {run} succeeded"),
        Answered::Recorded(status) => {
            let id = RunId::new(run).expect("the workspace has just opened it");
            format!("answer recorded; run {run} {status}, see: {}", context.workspace.paste().status(&id))
        }
    }
}
