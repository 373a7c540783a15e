//! What people write, as checked values: flows, agents, detours.
//! In: YAML and Markdown files. Out: `Flow`, `Detour`, `Agent`, or every mistake at once, each with its place.
//! Never: anything run, anything written, a mistake found only when the step starts.

pub mod expr;
pub mod flow;
pub mod template;
pub mod text;
mod words;

pub use expr::Expr;
pub use flow::{Agent, Detour, Flow, Library, Step, Verb};
pub use template::Template;
pub use words::{Access, BadLength, Effects, Halt, Length, OnExhausted, OnFailure, OnTimeout, ParseAs, Role, Severity};
