//! The pure heart of a run: what has happened decides what may happen next.
//! In: a `State` and one `Input`, with the time as a value. Out: facts, or why the input is refused; and the commands now wanted.
//! Never: a clock, a file, a socket, randomness, a hash-ordered map, async.
//!
//! `decide` works on a copy of the state that it changes by the very facts it returns, so what a live run did and
//! what a replay does are the same code. Copies are cheap: the state is made of persistent collections.

mod action;
mod advance;
mod again;
mod answer;
mod apply;
mod ask;
mod breaker;
mod close;
mod command;
mod cost;
mod counts;
mod decide;
mod detour;
mod doubt;
mod ended;
mod expire;
mod in_force;
mod input;
mod limits;
mod navigator;
mod nesting;
mod observe;
mod offer;
mod open;
mod overtime;
mod performer;
mod recover;
mod refresh;
mod result;
mod rounds;
mod route;
mod running;
mod scope;
mod signature;
mod state;
mod trail;
mod tries;
mod turn;
mod undo;

pub use breaker::Breaker;
pub use command::{Command, commands};
pub use decide::{Decided, Next, decide, decide_parked};
pub use in_force::InForce;
pub use input::{Input, RefreshPlan, Refused, Request, Resume, Retry, Roles};
pub use route::{Chosen, LoopExit, LoopSeen, Route, Seen, loop_exit, route};
pub use scope::{measured_of_result, scope_at, scope_value, template_scope};
pub use signature::signature;
pub use state::{DoneState, Frame, FramePhase, Group, Life, LoopState, Running, Settled, Slot, State, StepResult, StepState};

pub use navigator::{title, ways};
pub use trail::handoffs;

#[cfg(test)]
mod tests;
