//! What people say to a run that is being driven: letters of other processes, and the answers that a scenario gives for them.
//! In: the inbox, the scenario. Out: inputs, and for each letter whether it was taken. Never: a letter taken twice.

use crate::{
    engine::StopLevel,
    kernel::{Input, Roles},
    ledger::Message,
};

use super::{
    super::{evidence::look, inbox, recover::note},
    Drive, DriveError,
};

impl Drive<'_> {
    /// Approvals of flows that were given while nobody drove the run: nobody looks at their evidence when the kernel opens the flow, so
    /// it is looked at now. What an engine performs is looked at when it is performed.
    pub(super) fn look_again(&mut self) -> Result<(), DriveError> {
        for question in self.opened.state.approved_flows() {
            let shown = look(&self.opened.run, &self.setup.scene.workspace, &question);
            if shown == question.shown {
                continue;
            }
            let input = Input::Shown { id: question.id.clone(), shown };
            if let Ok(entry) = note(&mut self.opened, &input, &self.setup.redactor)? {
                self.observer.word(&format!("what {} showed has changed since it was answered: it is asked anew", question.id));
                self.observer.entry(&self.opened.state, &entry);
            }
        }
        Ok(())
    }

    /// Decides what other processes ask for. Returns whether there was anything.
    pub(super) fn take_letters(&mut self) -> Result<bool, DriveError> {
        let letters = self.inbox.take()?;
        let any = !letters.is_empty();
        for letter in letters {
            if matches!(letter.message, Message::Answer { .. }) {
                drop(self.opened.projector.flush());
            }
            let cancels = matches!(letter.message, Message::Cancel { .. });
            // Whoever wrote it may not have known what must not be written down.
            let message = match self.setup.redactor.clean(letter.message) {
                Ok(message) => message.into_inner(),
                Err(leak) => {
                    self.inbox.refuse(&letter.name, &leak.to_string())?;
                    continue;
                }
            };
            let input = inbox::input(message, &self.opened, self.setup);
            let before = self.refused.len();
            self.decide_all(vec![input])?;
            match self.refused.get(before) {
                Some(refused) => self.inbox.refuse(&letter.name, &refused.to_string())?,
                None => self.inbox.done(&letter.name)?,
            }
            self.refused.truncate(before);
            if cancels {
                self.pool.end_all(StopLevel::Term);
            }
        }
        Ok(any)
    }

    /// People's answers in a scenario, each to its question once.
    pub(super) fn answers_of_scenario(&mut self, inputs: &mut Vec<Input>) {
        let Some(scenario) = self.setup.scenario.as_deref() else { return };
        for id in &self.opened.state.open_questions {
            let Some(question) = self.opened.state.questions.get(id).filter(|_| !self.answered.contains(id)) else { continue };
            let Some(said) = scenario.answer(id, &question.step_id) else { continue };
            let by = said.by.clone().unwrap_or_else(|| "scenario".to_owned());
            let answer = said.answer(by.clone(), self.opened.state.now, question.subject_digest.clone());
            let shown_now = look(&self.opened.run, &self.setup.scene.workspace, question);
            // In a scenario the name is a role: that is what it stands for.
            let roles = Roles { has: Some(vec![by]), self_approval: true };
            let roles = if question.to.is_empty() { Roles { has: None, self_approval: true } } else { roles };
            self.answered.insert(id.clone());
            inputs.push(Input::Answered { id: id.clone(), answer, shown_now, roles });
        }
    }
}
