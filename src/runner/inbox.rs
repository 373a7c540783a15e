//! Letters of other processes, as inputs.

use crate::{
    kernel::{Input, Roles, State},
    ledger::Message,
    record::StopCause,
};

use super::{drive::Setup, evidence::look};

/// What a letter asks of the kernel. An answer comes with the evidence as it stands now.
pub(super) fn input(message: Message, state: &State, setup: &Setup) -> Input {
    match message {
        Message::Answer { question, answer, .. } => {
            let shown_now = state
                .questions
                .get(&question)
                .map(|question| look(&setup.scene.run_base, &setup.scene.workspace, question))
                .unwrap_or_default();
            let roles: Roles = (setup.roles)(&answer.by);
            Input::Answered { id: question, answer, shown_now, roles }
        }
        Message::Cancel { by, .. } => Input::StopRequested { cause: StopCause::Cancel, by },
    }
}
