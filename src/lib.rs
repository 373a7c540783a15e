//! Flow Studio runs runbooks: flows of commands, agents and questions to people, with proof on disk for every step.
//!
//! The way of data is a loop: input → decide → journal → apply → commands → engine → input. See ARCHITECTURE.md.

// Held here and not in Cargo.toml, so that tests may wait, unwrap and look at the clock.
#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::unwrap_used))]

pub mod cli;
pub mod config;
pub mod context;
pub mod engine;
pub mod error;
pub mod id;
pub mod import;
pub mod inspect;
pub mod kernel;
pub mod ledger;
pub mod measure;
pub mod net;
pub mod notify;
pub mod plan;
pub mod rails;
pub mod record;
pub mod redact;
pub mod runner;
pub mod spec;
pub mod studio;
pub mod workspace;
