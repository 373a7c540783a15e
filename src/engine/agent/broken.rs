//! Why an agent's work ended before its handoff.

use crate::{
    engine::Task,
    record::{ErrorClass, Failure, FailureKind, LimitHit, LimitName, ReplyOutcome},
};

pub(crate) struct Broken {
    pub outcome: ReplyOutcome,
    pub retry_after_ms: Option<u64>,
    pub limit: Option<LimitHit>,
}

impl Broken {
    pub fn failed(kind: FailureKind, class: ErrorClass, message: impl Into<String>) -> Self {
        Self::of(Failure { kind, class, message: message.into(), exit_code: None })
    }
    pub fn of(failure: Failure) -> Self {
        Self { outcome: ReplyOutcome::Failed(failure), retry_after_ms: None, limit: None }
    }
    pub fn stopped() -> Self {
        let why = "stopped while the agent worked".to_owned();
        Self { outcome: ReplyOutcome::Interrupted { why }, retry_after_ms: None, limit: None }
    }
    /// The next call would pass a limit.
    pub fn limited(hit: LimitHit) -> Self {
        let why = match hit.limit {
            LimitName::Usd => "the next call would pass the limit of money".to_owned(),
            LimitName::Turns => "the next call would pass the limit of calls".to_owned(),
            LimitName::UnknownCost => "the cost of a call is not known".to_owned(),
            LimitName::Tokens | LimitName::Wall | LimitName::Timeout | LimitName::Steps => {
                "the next call would pass the limit of tokens".to_owned()
            }
        };
        Self { outcome: ReplyOutcome::Interrupted { why }, retry_after_ms: None, limit: Some(hit) }
    }
    pub fn late(task: &Task<'_>) -> Self {
        let time = crate::spec::Length::from_ms(task.job.timeout_ms.unwrap_or_default());
        Self::failed(FailureKind::Timeout, ErrorClass::Retriable, format!("not done after {time}"))
    }
}
