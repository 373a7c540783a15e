//! The one entrance: an input and the time, to facts or a refusal.

use crate::{
    id::Time,
    record::{At, Entry, Fact, InputNote, StopCause},
};

use super::{
    advance, answer, ask, close, ended, expire,
    input::{Input, Refused},
    limits, open, overtime, recover, refresh,
    state::State,
    turn::Turn,
};

/// What follows from an input, as facts in order, with the note that names the input in the journal.
///
/// # Errors
/// The input is not for this state: late, doubled, not allowed, or not possible. Nothing has changed then.
pub fn decide(state: &State, input: &Input, now: Time) -> Result<Decided, Refused> {
    worked_out(state, input, now, true)
}

/// The same for a run that nobody drives: what an answer means is written down, and no step is started by it.
///
/// # Errors
/// As [`decide`].
pub fn decide_parked(state: &State, input: &Input, now: Time) -> Result<Decided, Refused> {
    worked_out(state, input, now, false)
}

/// What an input means, not yet written down.
pub struct Decided {
    pub note: InputNote,
    pub facts: Vec<Fact>,
    pub next: Next,
}

/// The state that facts were worked out on. It holds once they stand in the journal.
pub struct Next(State);

impl Next {
    /// The state after the entry that the decision became: what [`State::apply`] would make of it, already worked out.
    #[must_use]
    pub fn after(self, entry: &Entry) -> State {
        let mut state = self.0;
        state.seq = entry.seq;
        state
    }
}

fn worked_out(state: &State, input: &Input, now: Time, driven: bool) -> Result<Decided, Refused> {
    let mut turn = Turn::new(state, now);
    turn.driven = driven;
    let note = match input {
        Input::RunRequested(request) => open::run_requested(&mut turn, request)?,
        Input::Replied { at, execution, attempt, reply } => ended::replied(&mut turn, at, *execution, *attempt, reply)?,
        Input::Shown { id, shown } => match turn.state.requested.get(id).cloned() {
            Some(question) => {
                ask::shown(&mut turn, &question, shown.clone());
                InputNote::Shown { id: id.clone() }
            }
            None => recover::looked_again(&mut turn, id, shown)?,
        },
        Input::Answered { id, answer, shown_now, roles } => answer::answered(&mut turn, id, answer, shown_now.clone(), roles)?,
        Input::Ticked => ticked(&mut turn),
        Input::Lost { seen } => recover::lost(&mut turn, *seen)?,
        Input::Resumed(resume) => recover::resumed(&mut turn, resume)?,
        Input::Retried(retry) => recover::retried(&mut turn, retry)?,
        Input::Refreshed(refresh) => refresh::refreshed(&mut turn, refresh)?,
        Input::StopRequested { cause, by } => {
            if turn.state.stop >= Some(*cause) {
                return Err(Refused::Nothing);
            }
            // What is over ended as it did. A run that is only about to begin has ended nothing yet.
            if *cause == StopCause::Cancel && turn.state.open_frames.is_empty() && turn.state.run.is_some() {
                return Err(Refused::NothingToCancel { status: turn.state.resting_status().to_string() });
            }
            turn.emit(Fact::StopRequested { cause: *cause, by: by.clone() });
            match cause {
                StopCause::Cancel => InputNote::CancelRequested { by: by.clone() },
                StopCause::Sigint | StopCause::Sigterm => InputNote::StopRequested { by: by.clone() },
            }
        }
        Input::Rest => {
            let note = close::rest(&mut turn)?;
            return Ok(decided(note, turn));
        }
    };
    advance::advance(&mut turn);
    if turn.facts.is_empty() {
        return Err(Refused::Nothing);
    }
    if !driven && state.rested.is_some() {
        turn.emit(Fact::RunRested { status: turn.state.resting_status() });
    }
    Ok(decided(note, turn))
}

fn decided(note: InputNote, turn: Turn) -> Decided {
    Decided { note, facts: turn.facts, next: Next(turn.state) }
}

/// Attempts that are due, questions whose time is up, flows that ran as long as they may.
fn ticked(turn: &mut Turn) -> InputNote {
    if turn.state.stop.is_none() && turn.state.fatal.is_none() {
        // First the limits: an attempt does not start in a flow whose time is up.
        overtime::watch(turn);
        limits::wall(turn);
        let due: Vec<At> = turn.state.due_here().take_while(|(due, _)| *due <= turn.now).map(|(_, at)| at.clone()).collect();
        for at in due {
            let Some(step) = turn.state.step(&at) else { continue };
            let (execution, attempt) = (step.execution, step.attempt + 1);
            turn.emit(Fact::AttemptStarted { at, execution, attempt });
        }
        expire::expire(turn);
    }
    InputNote::Ticked
}
