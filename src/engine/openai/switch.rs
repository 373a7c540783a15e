//! From one model to the next of its list, in the middle of a conversation or between two attempts.
//! In: a model that the server does not have, or did not answer with. Out: the next one, and a record of why.
//! Never: a switch that nobody can see.

use serde_json::json;

use crate::record::Switch;

use super::{converse::Talk, voice::Voice};

impl Talk<'_, '_, '_> {
    /// Goes on to the first model of the list that the server may have. Returns whether there is one.
    pub(super) async fn next_model(&mut self, why: &str) -> bool {
        let (from, mut why) = (self.using.name.clone(), why.to_owned());
        while let Some(next) = self.fallbacks.pop_front() {
            let left = std::mem::replace(&mut self.using, next).name;
            self.note_switch(&left, &why).await;
            let Voice::Server(server) = &self.voice else { return true };
            let known = &server.shared.0.known;
            let Some(absent) = known.absent(&self.using.name) else {
                self.abilities = known.of(&self.using.name);
                self.model.clone_from(&self.using.name);
                return true;
            };
            why = absent;
        }
        self.using.name != from
    }

    /// Says that a model was left for the one in use: in the transcript, the log and the receipt.
    pub(super) async fn note_switch(&mut self, from: &str, why: &str) {
        let to = self.using.name.clone();
        let line = json!({"event": "model_switched", "from": from, "to": to, "why": why});
        self.transcript.line(line.clone()).await;
        self.log(line).await;
        let attempt = self.task.job.attempt;
        self.switches.push(Switch { attempt, from: from.to_owned(), to, why: self.task.redactor.text(why).into_inner() });
    }
}
