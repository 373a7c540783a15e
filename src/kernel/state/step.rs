//! A step as it stands: its life, how it ended, what it is remembered for.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    id::{DetourId, EscalationId, FramePath, StepId, Time},
    kernel::result::StepResult,
    record::Item,
};

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Life {
    #[default]
    Idle,
    Ready,
    /// An approval is asked; nothing has run.
    Gated(EscalationId),
    Running,
    /// Between two attempts.
    Waiting {
        due: Time,
    },
    /// The step is itself a question.
    Asking(EscalationId),
    /// A sub-flow performs it.
    InFlow(FramePath),
    /// It ended, and something is done before it starts again: a known fix, or what a navigator put in.
    InDetour(FramePath),
    /// It ended, and the kernel has not yet decided.
    Ended,
    /// It ended, and a person decides.
    Held(EscalationId),
    /// It is its instances.
    Fanned,
    Settled(Settled),
}

/// How a step is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    Passed,
    /// It failed, or was left with concerns, and the flow goes on.
    Standing,
    Failed,
    Skipped,
}

/// A `for_each` step and how far its instances are.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    pub items: Arc<[Item]>,
    pub settled: u32,
    pub standing: u32,
}

impl Life {
    /// An execution is under way, or is over: what was approved for it was used.
    pub(in crate::kernel) fn uses_approval(&self) -> bool {
        match self {
            Self::Idle | Self::Ready | Self::Gated(_) | Self::InDetour(_) | Self::Fanned => false,
            Self::Running | Self::Waiting { .. } | Self::Asking(_) | Self::InFlow(_) => true,
            Self::Ended | Self::Held(_) | Self::Settled(_) => true,
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct StepState {
    pub life: Life,
    /// Started so often in this run.
    pub execution: u32,
    /// Its executions up to this one were taken back, or were to be.
    pub undone: u32,
    pub attempt: u32,
    /// Of a step that opens flows: since it began, something inside has begun that may run once only.
    pub once_inside: bool,
    pub started_at: Option<Time>,
    /// End of the polling window.
    pub poll_until: Option<Time>,
    /// Needs that are done, and needs that can no longer be.
    pub met: u32,
    pub dead: u32,
    pub result: Option<Arc<StepResult>>,
    /// The result that no longer counts, since the step is done again: an agent is told of it.
    pub before: Option<Arc<StepResult>>,
    pub group: Option<Arc<Group>>,
    pub detours: Option<Arc<BTreeMap<DetourId, u32>>>,
    /// How often it put something in.
    pub injections: u32,
    /// Of a step that chooses: the one that goes on.
    pub chosen: Option<StepId>,
    /// Signature of the attempt before.
    pub last_signature: Option<Arc<str>>,
    /// What a person wrote for the next execution.
    pub note: Option<Arc<str>>,
    pub approved: Option<EscalationId>,
    /// What it would have done, had the run not only observed.
    pub passed_over: Option<Arc<str>>,
}

impl StepState {
    /// The same step, of which nothing counts but how often it was started, and which of that was taken back.
    pub(in crate::kernel) fn anew(&self) -> Self {
        Self { execution: self.execution, undone: self.undone, ..Self::default() }
    }

    /// An approval that was given, and that no execution has used.
    pub fn unused_approval(&self) -> Option<&EscalationId> {
        self.approved.as_ref().filter(|_| !self.life.uses_approval())
    }
}
