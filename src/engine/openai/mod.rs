//! The engine `openai`: a model behind the chat completions API, of OpenAI or of any server that speaks it.
//! In: `AgentWork` and the packed prompts. Out: what the agent did and said, with every call counted.
//! Never: streaming, a call retried here (the kernel decides that), a capability taken for granted: what a server
//! lacks is tried once, remembered, and said in the log.

mod abilities;
mod answer;
mod ask;
mod converse;
mod switch;
mod text_tools;
mod tools;
mod voice;
mod wire;

use std::sync::{Arc, OnceLock};

pub(crate) use answer::{Answer, ToolCall};
pub(crate) use converse::perform;
pub(crate) use voice::{Tape, Told, Voice};

pub use crate::net::{host, is_local};

use abilities::Known;
use converse::Broke;

use super::agent::Parking;

/// What is shared by all steps that use one server: connections, and what the server was found to lack.
#[derive(Clone, Default)]
pub struct Shared(Arc<Inner>);

#[derive(Default)]
struct Inner {
    server: OnceLock<Result<wire::Server, wire::CallError>>,
    known: Known,
    parking: Parking<Broke>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}
