//! Where a step stands, in the words that every reader uses: the terminal, the report, the drawing.
//! In: the kernel's `Life`. Out: one word of a closed list. Never: a second opinion.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    kernel::{Frame, Life, Settled, Slot, StepState},
    record::QuestionKind,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It waits for the steps before it.
    Pending,
    /// It may start as soon as there is room.
    Ready,
    Running,
    /// Between two attempts.
    Retrying,
    /// A person is asked.
    Waiting,
    /// What it needs is not there, and a person is asked.
    Blocked,
    /// A sub-flow performs it.
    InFlow,
    /// A known fix is being tried, or what a navigator put in.
    InDetour,
    Succeeded,
    /// It ended with concerns or failed, and the flow went on.
    Concerns,
    Failed,
    Skipped,
    /// Its flow ended before it did.
    Stopped,
}

impl Standing {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Waiting => "waiting",
            Self::Blocked => "blocked",
            Self::InFlow => "in-flow",
            Self::InDetour => "in-detour",
            Self::Succeeded => "succeeded",
            Self::Concerns => "concerns",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Stopped => "stopped",
        }
    }

    pub(super) fn of(frame: &Frame, slot: Slot, asks: impl Fn(&crate::id::EscalationId) -> Option<QuestionKind>) -> Self {
        let standing = frame.state(slot).map_or(Self::Pending, |state| of_state(state, asks));
        match standing {
            // All its items have ended, and one of them stopped the flow.
            Self::Concerns if slot.item.is_none() && stopped_by_an_item(frame, slot) => Self::Failed,
            Self::Succeeded | Self::Concerns | Self::Failed | Self::Skipped | Self::Stopped => standing,
            _ if frame.is_open() => standing,
            _ => Self::Stopped,
        }
    }
}

fn stopped_by_an_item(frame: &Frame, slot: Slot) -> bool {
    let failing = frame.failing.as_deref().map(|(step, ..)| step);
    failing.is_some_and(|failing| failing.item().is_some() && frame.name(slot).as_str() == failing.base())
}

fn of_state(state: &StepState, asks: impl Fn(&crate::id::EscalationId) -> Option<QuestionKind>) -> Standing {
    match &state.life {
        Life::Idle => Standing::Pending,
        Life::Ready => Standing::Ready,
        Life::Running => Standing::Running,
        Life::Waiting { .. } => Standing::Retrying,
        Life::Gated(_) | Life::Asking(_) => Standing::Waiting,
        Life::Held(id) if asks(id) == Some(QuestionKind::Blocked) => Standing::Blocked,
        Life::Held(_) => Standing::Waiting,
        Life::InFlow(_) => Standing::InFlow,
        Life::InDetour(_) => Standing::InDetour,
        // It ended, and what follows stands in the same line of the journal.
        Life::Ended | Life::Fanned => Standing::Running,
        Life::Settled(Settled::Passed) => Standing::Succeeded,
        Life::Settled(Settled::Standing) => Standing::Concerns,
        Life::Settled(Settled::Failed) => Standing::Failed,
        Life::Settled(Settled::Skipped) => Standing::Skipped,
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
