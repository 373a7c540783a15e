//! What an agent is told: everything that it may know about its step, packed into two texts of a bounded size.
//! In: a `Brief` with what the run knows, and the files that it names. Out: system and user prompt, and what was cut.
//! Never: text of an agent, a command or a parameter rendered as a template, a cut without its mark, a file written.

mod brief;
mod choice;
pub mod handoff;
mod pack;
mod prompt;
mod tokens;

pub use brief::{Brief, Decided, Findings, Fixes, Handed, Round, Said, Teaching};
pub use choice::{Choice, Form, Offer, PutIn};
pub use pack::{BUDGET_TOKENS, FileText, Pack, pack};
pub use prompt::steady;
pub use tokens::{Tokenizer, estimate};
