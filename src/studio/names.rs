//! The names by which browsers call the studio, and the pages that are its own.
//! In: the address where it listens, and the one where it is found. Out: whether a name is ours, and which. Never: a name that only a
//! request says (a page elsewhere may point any name at us: DNS rebinding).

use std::net::SocketAddr;

use crate::error::{Error, Kind};

/// `http(s)://host[:port]`, where browsers find a studio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    secure: bool,
    /// In lower case, an address of IPv6 in brackets.
    host: String,
    /// `None`: the usual one.
    port: Option<u16>,
}

impl Origin {
    /// # Errors
    /// It is no scheme, host and port.
    pub fn new(text: &str) -> Result<Self, Error> {
        let bad = || {
            Error::new(Kind::Invalid, format!("`{text}` is not where a browser finds a studio"))
                .hint("give scheme and host, and a port if it is not the usual one: https://studio.example")
        };
        let (secure, rest) = match text.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => return Err(bad()),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest).to_ascii_lowercase();
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse::<u16>().map_err(|_| bad())?)),
            _ => (rest.as_str(), None),
        };
        let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_host = match inside {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')),
        };
        let usual = if secure { 443 } else { 80 };
        if is_host { Ok(Self { secure, host: host.to_owned(), port: port.filter(|port| *port != usual) }) } else { Err(bad()) }
    }

    fn of(at: SocketAddr) -> Self {
        let host = if at.is_ipv6() { format!("[{}]", at.ip()) } else { at.ip().to_string() };
        Self { secure: false, host, port: Some(at.port()).filter(|port| *port != 80) }
    }

    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Leads to this machine from this machine, whatever others do.
    pub fn is_local(&self) -> bool {
        let address = self.host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// `Host` of a request that means this. A proxy may leave the port away, or say the usual one.
    fn is_called(&self, host: &str) -> bool {
        let usual = if self.secure { 443 } else { 80 };
        let with = format!("{}:{}", self.host, self.port.unwrap_or(usual));
        host.eq_ignore_ascii_case(&with) || (host.eq_ignore_ascii_case(&self.host) && (self.port.is_none() || !self.is_local()))
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// All of ours; the first is the one that a hint gives.
#[derive(Debug, Clone)]
pub(super) struct Names(Vec<Origin>);

impl Names {
    /// # Errors
    /// Others can reach it, and nobody says by which name.
    pub fn of(at: SocketAddr, found: Option<&Origin>) -> Result<Self, Error> {
        let mut all: Vec<Origin> = found.cloned().into_iter().collect();
        if !at.ip().is_unspecified() {
            all.push(Origin::of(at));
        } else if found.is_none() {
            return Err(Error::new(Kind::Refused, format!("{} is every address of this machine, and no name of one", at.ip()))
                .hint(format!("say how browsers call it: --origin http://studio.example:{}", at.port())));
        }
        if at.ip().is_loopback() || at.ip().is_unspecified() {
            let ports = ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("http://{host}:{}", at.port()));
            all.extend(ports.iter().filter_map(|text| Origin::new(text).ok()));
        }
        Ok(Self(all))
    }

    pub fn first(&self) -> &Origin {
        &self.0[0]
    }

    /// Somebody on another machine can come in by one of them.
    pub fn reach_out(&self) -> bool {
        self.0.iter().any(|name| !name.is_local())
    }

    /// Which of ours a request calls.
    pub fn called(&self, host: &str) -> Option<&Origin> {
        self.0.iter().find(|name| name.is_called(host))
    }

    /// Whether it is a page of ours, by whatever name.
    pub fn is_own_page(&self, origin: &str) -> bool {
        self.0.iter().any(|name| name.to_string() == origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(at: &str, found: Option<&str>) -> Names {
        Names::of(at.parse().unwrap(), found.map(|text| Origin::new(text).unwrap()).as_ref()).unwrap()
    }

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        for (text, shown) in [
            ("https://Studio.Example", "https://studio.example"),
            ("https://studio.example:443/", "https://studio.example"),
            ("http://studio.example:8080", "http://studio.example:8080"),
            ("http://[fd00::1]:7340", "http://[fd00::1]:7340"),
            ("http://[fd00::1]", "http://[fd00::1]"),
        ] {
            assert_eq!(Origin::new(text).unwrap().to_string(), shown);
        }
        for bad in [
            "",
            "studio.example",
            "ftp://x",
            "https://",
            "https://a b",
            "https://x/y",
            "https://x:y",
            "https://u@x",
            "http://[x]",
            "https://x\r\ny",
            "null",
        ] {
            assert!(Origin::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_our_own_names_are_ours() {
        let local = names("127.0.0.1:7340", None);
        for host in ["127.0.0.1:7340", "localhost:7340", "LOCALHOST:7340", "[::1]:7340"] {
            assert!(local.called(host).is_some(), "{host}");
        }
        for host in
            ["", "127.0.0.1", "localhost", "127.0.0.1:1", "evil.example:7340", "127.0.0.1:7340.evil.example", "127.0.0.2:7340"]
        {
            assert!(local.called(host).is_none(), "{host}");
        }
        assert!(!local.reach_out() && local.is_own_page("http://localhost:7340"));
        for page in ["https://localhost:7340", "http://localhost", "null", "http://evil.example", ""] {
            assert!(!local.is_own_page(page), "{page}");
        }
    }

    #[test]
    fn behind_a_proxy_the_name_is_the_one_that_was_given() {
        let behind = names("127.0.0.1:7340", Some("https://studio.example"));
        for host in ["studio.example", "studio.example:443", "Studio.Example"] {
            assert!(behind.called(host).is_some_and(Origin::is_secure), "{host}");
        }
        assert!(behind.called("studio.example:80").is_none() && behind.called("x.studio.example").is_none());
        assert!(behind.is_own_page("https://studio.example") && !behind.is_own_page("http://studio.example"));
        assert!(behind.reach_out() && behind.called("localhost:7340").is_some_and(Origin::is_local));
        assert_eq!(behind.first().to_string(), "https://studio.example");
    }

    #[test]
    fn every_address_needs_a_name_and_a_certain_one_is_its_own() {
        assert!(
            Names::of("0.0.0.0:7340".parse().unwrap(), None).is_err() && Names::of("[::]:7340".parse().unwrap(), None).is_err()
        );
        let all = names("0.0.0.0:7340", Some("http://studio.example:7340"));
        assert!(all.called("localhost:7340").is_some() && all.called("192.0.2.1:7340").is_none());
        let one = names("192.0.2.1:7340", None);
        assert!(one.reach_out() && one.called("192.0.2.1:7340").is_some() && one.called("localhost:7340").is_none());
        assert!(one.is_own_page("http://192.0.2.1:7340"));
        assert!(!names("127.0.0.1:7340", Some("http://localhost:8000")).reach_out());
    }
}
