//! Letters of other processes, as inputs.

use crate::{
    kernel::{Input, Roles},
    ledger::Message,
    record::StopCause,
};

use super::{
    drive::Setup,
    evidence::{look, look_at},
    recover::Opened,
};

/// What a letter asks of the kernel. An answer comes with the evidence as it stands now.
pub(super) fn input(message: Message, opened: &Opened, setup: &Setup) -> Input {
    match message {
        Message::Answer { question, mut answer, .. } => {
            let (run, workspace) = (&opened.run, &setup.scene.workspace);
            let asked = opened.state.questions.get(&question);
            let shown_now = asked.map(|asked| look(run, workspace, asked)).unwrap_or_default();
            // A letter's own word for what its evidence looks like is not taken.
            answer.proof = match asked {
                Some(asked) => look_at(run, workspace, &asked.flow_path, &answer.evidence),
                None => Vec::new(),
            };
            let roles: Roles = (setup.roles)(&answer.by);
            Input::Answered { id: question, answer, shown_now, roles }
        }
        Message::Cancel { by, .. } => Input::StopRequested { cause: StopCause::Cancel, by },
    }
}
