//! The engine `openai`: a model behind the chat completions API, of OpenAI or of any server that speaks it.
//! In: `AgentWork` and the packed prompts. Out: what the agent did and said, with every call counted.
//! Never: streaming, a call retried here (the kernel decides that), a capability taken for granted: what a server
//! lacks is tried once, remembered, and said in the log.

mod abilities;
mod answer;
mod ask;
mod converse;
mod text_tools;
mod tools;
mod wire;

use std::sync::{Arc, OnceLock};

pub(crate) use converse::perform;

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

/// The server is on this machine: it wants no key, and no proxy stands before it.
pub fn is_local(base_url: &str) -> bool {
    let host = host(base_url);
    host == "localhost" || host == "[::1]" || host == "0.0.0.0" || host.starts_with("127.") || host.ends_with(".localhost")
}

/// The name of the server in its address, without a port: what receipts call the provider.
pub fn host(base_url: &str) -> &str {
    let rest = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inside, _)) => &authority[..inside.len() + 2],
        None => authority.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod address_tests {
    use super::*;

    #[test]
    fn a_server_on_this_machine_is_known_by_its_address() {
        for local in ["http://localhost:11434/v1", "http://127.0.0.1:8080/v1", "http://[::1]:1/v1", "http://a:b@localhost/v1"] {
            assert!(is_local(local), "{local}");
        }
        for far in ["https://api.openai.com/v1", "http://localhost.example.com/v1", "http://127.0.0.1@example.com/v1", ""] {
            assert!(!is_local(far), "{far}");
        }
        assert_eq!(host("https://api.openai.com/v1"), "api.openai.com");
    }
}
