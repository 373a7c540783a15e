//! How this program speaks to servers: one way to make a client, and what an address says.
//! In: an address. Out: a client that sends each request once. Never: a redirect followed, a request repeated, a key kept.

use std::{sync::OnceLock, time::Duration};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client for one server; connections are kept between calls. Nothing is sent yet.
///
/// # Errors
/// The system's certificates cannot be read.
pub fn client(base_url: &str) -> reqwest::Result<reqwest::Client> {
    static PROVIDER: OnceLock<()> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        // Another part of the process may have chosen one; any will do.
        drop(rustls::crypto::ring::default_provider().install_default());
    });
    let mut http = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        // A redirect would take what is sent, and a key with it, to somebody whom nobody named.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("flow-studio/", env!("CARGO_PKG_VERSION")));
    if is_local(base_url) {
        http = http.no_proxy();
    }
    if base_url.starts_with("http://") {
        // Nothing is encrypted, so the system's certificates need not be read, which takes longer than a call.
        http = http.tls_certs_only([]);
    }
    http.build()
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
mod tests {
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
