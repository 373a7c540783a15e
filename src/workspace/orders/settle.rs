//! What became of an order whose process has ended: asked of the run's journal first, then of what the process said.
//! In: an order, how its process ended if we saw it. Out: done, back into the queue, or refused with its reason.
//! Never: an order done twice because we were killed before we wrote down that it was done.

use std::process::ExitStatus;

use crate::{
    error::{Error, Kind},
    record::{Errand, InputNote, Order, OrderState, RunStatus, StopCause},
};

use super::{super::Workspace, broken};

/// Processes that are started for one order, when they are killed again and again.
const TRIES_MAX: u32 = 3;
/// Of what a process complained of.
const WORDS_CHARS_MAX: usize = 2000;

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    UnderWay,
    Done,
    /// It goes back into the queue.
    Again,
    Refused,
}

/// The run as its journal has it now.
struct Found {
    /// What was asked for stands in it.
    taken: bool,
    rested: Option<RunStatus>,
    stop: Option<StopCause>,
}

impl Workspace {
    /// # Errors
    /// The queue cannot be read or written.
    pub fn settle(&self, number: u64, exit: Option<ExitStatus>, go_on: bool) -> Result<Settled, Error> {
        let queue = self.queue();
        if queue.is_under_way(number).map_err(|error| broken("read", &error))? {
            return Ok(Settled::UnderWay);
        }
        let order = queue.order(number).map_err(|error| broken("read", &error))?;
        let Some(order) = order else { return Ok(Settled::Done) };
        let OrderState::Begun(begun) = &order.state else { return Ok(Settled::Done) };
        let (object, words) = queue.said(number);
        let error = object.as_ref().and_then(|object| object.get("error")).map(told);
        let found = match self.found(&order, begun.seq) {
            Ok(found) => found,
            // The run cannot be read: what its process said of that is the better word.
            Err(unread) => return self.refuse(order, &error.unwrap_or(unread)).map(|_| Settled::Refused),
        };
        let driven = self.is_driven(&order.run_id);
        let asked = order.errand != Errand::Continue && !order.taken;
        if driven && (found.taken || !asked) {
            return self.done(&order);
        }
        if let Some(error) = error {
            return self.refuse(order, &error).map(|_| Settled::Refused);
        }
        let killed = exit.is_none_or(|exit| !exit.success());
        let open = match (found.taken || order.taken, found.rested) {
            // Its process ended by itself, and there was nothing to do; or it was killed before it began.
            (false, _) => killed,
            (true, None) => go_on,
            // A signal: who watched it knows that somebody meant it. At our own start it was the machine, most likely.
            (true, Some(RunStatus::Interrupted)) => {
                go_on && exit.is_none() && matches!(found.stop, Some(StopCause::Sigint | StopCause::Sigterm))
            }
            (true, Some(_)) => false,
        };
        if !open {
            return self.done(&order);
        }
        if order.tries >= TRIES_MAX {
            let error = Error::new(Kind::System, format!("the process of run `{}` was killed {TRIES_MAX} times", order.run_id));
            let error =
                if found.taken || order.taken { error.hint(format!("flow-studio resume {}", order.run_id)) } else { error };
            let words: String = words.chars().take(WORDS_CHARS_MAX).collect();
            let error = if words.is_empty() { error } else { error.because(&std::io::Error::other(words)) };
            return self.refuse(order, &error).map(|_| Settled::Refused);
        }
        let taken = order.taken || found.taken;
        self.changed(Order { state: OrderState::Waiting, taken, ..order })?;
        Ok(Settled::Again)
    }

    fn done(&self, order: &Order) -> Result<Settled, Error> {
        self.queue().remove(order.number).map_err(|error| broken("write", &error))?;
        Ok(Settled::Done)
    }

    fn found(&self, order: &Order, seq: u64) -> Result<Found, Error> {
        let mut taken = false;
        if self.runs.open(&order.run_id).is_err() {
            return Ok(Found { taken, rested: None, stop: None });
        }
        let read = self.read_run_with(order.run_id.as_str(), |entry| {
            taken |= entry.seq > seq && is_of(&order.errand, order.taken, &entry.input);
        })?;
        Ok(Found { taken, rested: read.state.rested, stop: read.state.stop })
    }
}

/// Whether a line of the journal was led to by this errand.
fn is_of(errand: &Errand, going_on: bool, input: &InputNote) -> bool {
    match (errand, input) {
        // A flow that joins a run from one of its steps on goes on with what the run has of it.
        (Errand::Start { .. }, InputNote::RunRequested { .. }) | (Errand::Retry { .. }, InputNote::RetryRequested { .. }) => {
            !going_on
        }
        (Errand::Start { .. } | Errand::Resume { .. } | Errand::Continue, InputNote::ResumeRequested { .. }) => true,
        (Errand::Retry { .. }, InputNote::ResumeRequested { .. }) => going_on,
        (_, _) => false,
    }
}

/// An error as the command line says it with `--json`.
fn told(error: &serde_json::Value) -> Error {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let all = |name: &str| error[name].as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
    let mut told = Error::new(Kind::Refused, text(&error["message"]));
    (told.because, told.hints) = (all("because"), all("hints"));
    told
}
