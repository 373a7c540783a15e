//! Flow Studio runs runbooks: flows of commands, agents and questions to people, with proof on disk for every step.
//!
//! The way of data is a loop: input → decide → journal → apply → commands → engine → input. See ARCHITECTURE.md.

pub mod engine;
pub mod id;
pub mod kernel;
pub mod measure;
pub mod plan;
pub mod rails;
pub mod record;
pub mod redact;
pub mod spec;
