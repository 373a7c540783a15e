//! What the kernel wants to be going on, right now. The runner makes it so, and stops what is not wanted.

use crate::{
    id::{EscalationId, Time},
    record::At,
    spec::OnTimeout,
};

use super::{breaker, state::State};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Command {
    /// One attempt of a step is to be performed.
    Perform { at: At, execution: u32, attempt: u32 },
    /// The attempt is to be ended; its reply will say how far it came.
    End { at: At, execution: u32, attempt: u32 },
    /// The evidence of a question is to be looked at.
    Show { id: EscalationId },
    /// The kernel is to be told when this time has come.
    WakeAt(Time),
    /// Nothing runs, nothing can, nothing is due.
    Rest,
}

/// In a fixed order. The cost grows with what is going on, not with what has been.
pub fn commands(state: &State) -> Vec<Command> {
    let mut wanted = Vec::with_capacity(state.running.len() + 1);
    for (at, running) in &state.running {
        let (at, execution, attempt) = (at.clone(), running.execution, running.attempt);
        wanted.push(if running.unwanted {
            Command::End { at, execution, attempt }
        } else {
            Command::Perform { at, execution, attempt }
        });
    }
    wanted.extend(state.requested.keys().map(|id| Command::Show { id: id.clone() }));
    if state.rested.is_some() {
        if wanted.is_empty() {
            wanted.push(Command::Rest);
        }
        return wanted;
    }
    let busy = !wanted.is_empty();
    let stopping = state.stop.is_some() || state.fatal.is_some();
    let held = breaker::next_start(state).filter(|_| state.line_stops.is_empty());
    let wake = if stopping { None } else { next_time(state).into_iter().chain(held).min() };
    match wake {
        Some(at) => wanted.push(Command::WakeAt(at)),
        None if !busy => wanted.push(Command::Rest),
        None => {}
    }
    if !busy && state.due_here().next().is_none() && held.is_none() && !stopping && wake.is_some_and(|at| at > state.now) {
        // Only a deadline of a person is left: it is computed from stored data whenever the run is looked at again, and
        // one that has passed is acted on then, before the run rests.
        wanted.push(Command::Rest);
    }
    wanted
}

fn next_time(state: &State) -> Option<Time> {
    let due = state.due_here().next().map(|(time, _)| *time);
    // A deadline after which one keeps waiting is for people to read; nothing happens then.
    let deadline = |id| state.questions.get(id).filter(|one| one.on_timeout != OnTimeout::Wait)?.deadline;
    let deadline = state.open_questions.iter().filter_map(deadline).min();
    let wall = state.open_frames.iter().filter_map(|path| state.wall_due(path));
    let overtime = state.open_frames.iter().filter_map(|path| state.overtime(path));
    due.into_iter().chain(deadline).chain(wall.min()).chain(overtime.min()).min()
}
