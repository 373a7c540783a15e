//! What a fact is about. In: a fact. Out: the flow it belongs to. Never: a second reading of what it means.

use crate::id::FramePath;

use super::{At, Fact, Parent};

impl Parent {
    /// The step that opened it, and that waits for it. A rollback is opened by the failure of a whole flow.
    pub fn step(&self) -> Option<&At> {
        match self {
            Self::SubFlow { at } | Self::Detour { at, .. } | Self::Injected { at, .. } | Self::Undo { at, .. } => Some(at),
            Self::Rollback { .. } => None,
        }
    }

    /// Its steps take back what others did.
    pub fn takes_back(&self) -> bool {
        matches!(self, Self::Rollback { .. } | Self::Undo { .. })
    }
}

impl Fact {
    /// The flow that it stands in; `None`: it is about the run.
    pub fn flow(&self) -> Option<&FramePath> {
        match self {
            Self::FlowStarted { flow, .. }
            | Self::LimitReached { flow, .. }
            | Self::LimitRaised { flow, .. }
            | Self::DoneChecked { flow, .. }
            | Self::FlowClosing { flow }
            | Self::FlowCompleted { flow, .. }
            | Self::ParamsChanged { flow, .. }
            | Self::DefinitionRefreshed { flow, .. }
            | Self::Confined { flow, .. }
            | Self::Superseded { flow, .. }
            | Self::Reopened { flow, .. }
            | Self::Routed { flow, .. } => Some(flow),
            Self::StepStarted { at, .. }
            | Self::AttemptEnded { at, .. }
            | Self::AttemptStarted { at, .. }
            | Self::StepEnded { at, .. }
            | Self::StepSkipped { at, .. }
            | Self::FannedOut { at, .. }
            | Self::LoopAgain { at, .. }
            | Self::StepLost { at, .. } => Some(&at.flow),
            Self::EscalationRequested { question } | Self::EscalationRaised { question } => Some(&question.flow_path),
            Self::RunCreated { .. }
            | Self::EngineFailed { .. }
            | Self::EngineAnswered { .. }
            | Self::EscalationAnswered { .. }
            | Self::AnswerRefused { .. }
            | Self::EscalationVoided { .. }
            | Self::EscalationExpired { .. }
            | Self::LineStopped { .. }
            | Self::LineReleased { .. }
            | Self::Resumed { .. }
            | Self::DriverLost { .. }
            | Self::StopRequested { .. }
            | Self::RunRested { .. } => None,
        }
    }
}
