//! What people write, as checked values: flows, agents, detours.
//! In: YAML and Markdown files. Out: `Flow`, `Detour`, `Agent`, or every mistake at once, each with its place.
//! Never: anything run, anything written, a mistake found only when the step starts.

mod agent;
mod alone;
mod built_in;
mod charter;
mod check;
pub mod diagnostic;
pub mod expr;
mod files;
pub mod flow;
pub mod form;
mod injections;
mod length;
mod library;
mod limits;
pub mod load;
pub mod names;
pub mod params;
mod reads;
mod scalar;
pub mod schema;
mod shape;
mod source;
pub mod template;
pub mod text;
mod typed;
mod verify_text;
mod words;
pub mod yaml;

pub use alone::FileIs;
pub use diagnostic::{Diagnostic, Diagnostics, Level, Place, did_you_mean};
pub use expr::Expr;
pub use flow::{Agent, Detour, Flow, Library, Step, Verb};
pub use length::{BadLength, Length};
pub use load::{Listed, LoadOptions, Loaded, Loader};
pub use names::{Names, Problem, Reads, StepField, TOP_NAMES};
pub use source::{Part, Places};
pub use template::Template;
pub use typed::read_as;
pub use words::{
    About, Access, CountsAs, Effects, EngineText, Halt, Measure, Network, OnExhausted, OnFailure, OnFinding, OnTimeout, ParseAs,
    Role, Severity,
};
