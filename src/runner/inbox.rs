//! Letters of other processes, as inputs.

use crate::{
    kernel::{Input, Roles, State},
    ledger::Message,
    record::StopCause,
};

use super::{
    drive::Setup,
    evidence::{look, look_at},
};

/// What a letter asks of the kernel. An answer comes with the evidence as it stands now.
pub(super) fn input(message: Message, state: &State, setup: &Setup) -> Input {
    match message {
        Message::Answer { question, mut answer, .. } => {
            let (run_base, workspace) = (&setup.scene.run_base, &setup.scene.workspace);
            let asked = state.questions.get(&question);
            let shown_now = asked.map(|asked| look(run_base, workspace, asked)).unwrap_or_default();
            // A letter's own word for what its evidence looks like is not taken.
            answer.proof = match asked {
                Some(asked) => look_at(run_base, workspace, &asked.flow_path, &answer.evidence),
                None => Vec::new(),
            };
            let roles: Roles = (setup.roles)(&answer.by);
            Input::Answered { id: question, answer, shown_now, roles }
        }
        Message::Cancel { by, .. } => Input::StopRequested { cause: StopCause::Cancel, by },
    }
}
