//! placeholder until merge
use crate::{id::{EscalationId, StepRef}, record::*};
use super::Job;
#[derive(Debug, Clone, Default)]
pub struct Scenario {}
#[derive(Debug, Clone)]
pub struct Said { pub choose: String, pub by: Option<String>, pub note: Option<String> }
impl Scenario { pub fn parse(_t: &str) -> Result<Self, String> { Ok(Self::default()) } pub fn answer(&self, _id: &EscalationId, _step: &StepRef) -> Option<&Said> { None } }
pub fn stub_reply(_s: Option<&Scenario>, job: &Job) -> Box<Reply> {
    let mut r = Reply::new(ReplyOutcome::Done, EngineWord::Stub, Mode::Stub, job.started_at, job.started_at);
    r.draft = Some(Draft { status: Status::Verified, summary: Summary::default(), concerns: vec![], assumptions: vec![], routing: DraftRouting::default() });
    Box::new(r)
}
