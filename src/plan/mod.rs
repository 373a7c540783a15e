//! A flow made executable: steps by number, edges both ways, loops as annotations with single-exit bodies.
//! In: a checked `Library`. Out: a `Book` of `Plan`s, or what is wrong with the graph, each with the key it stands at.
//! Never: a cycle, a loop that can be left anywhere but at its end, anything that changes while a run goes on.

mod book;
mod build;
pub mod draw;
mod region;

pub use book::{Book, DetourPlan, undone};
pub use build::{GraphMistake, Keep, LoopPlan, Plan, PlannedStep, chain};
pub use region::StepIx;

#[cfg(test)]
mod tests;
