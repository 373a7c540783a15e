//! A studio under test, and a client without a library: what is sent is what stands in the test.
//! In: a workspace. Out: answers with their heads, events in their order. Never: a wait without an end.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::common::Test;

/// Longer than anything takes; a server that says nothing ends the test.
const PATIENCE: Duration = Duration::from_mins(1);

pub struct Studio {
    child: Child,
    _says: BufReader<ChildStdout>,
    pub port: u16,
    pub token: String,
    pub cookie: String,
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub head: BTreeMap<String, String>,
    pub body: String,
}

impl Answer {
    #[track_caller]
    pub fn code(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}\n{}", self.head, self.body);
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.body.contains(text), "`{text}` is not in\n{}", self.body);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn kind(&self) -> &str {
        self.head.get("content-type").map_or("", String::as_str)
    }
}

impl Studio {
    /// One that leaves runs as they are: what a test sees in them is what the test did.
    pub fn start(test: &Test) -> Self {
        Self::after(test.command(&["serve", "--bind", "127.0.0.1:0", "--no-continue"]))
    }

    /// Where one was before: its cookies and links are good again.
    pub fn again(test: &Test, port: u16) -> Self {
        Self::after(test.command(&["serve", "--bind", &format!("127.0.0.1:{port}"), "--no-continue"]))
    }

    pub fn after(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program starts");
        let mut says = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut link = String::new();
        says.read_line(&mut link).expect("a line");
        let (address, token) = link.trim().split_once("/login?token=").unwrap_or_else(|| panic!("no link: {link:?}"));
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a port");
        let mut studio = Self { child, _says: says, port, token: token.to_owned(), cookie: String::new() };
        let let_in = studio.ask("GET", &format!("/login?token={token}"), &[], None).code(303);
        studio.cookie = let_in.head["set-cookie"].split(';').next().expect("a cookie").to_owned();
        studio
    }

    /// As a machine that fails would.
    pub fn kill(mut self) -> u16 {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
        self.port
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
        stream
    }

    /// A request whose head is these lines and nothing else, but for the end of the connection.
    pub fn ask(&self, method: &str, path: &str, head: &[(&str, &str)], body: Option<&str>) -> Answer {
        let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !head.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            text += &format!("Host: 127.0.0.1:{}\r\n", self.port);
        }
        for (name, value) in head {
            text += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = body {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        let mut stream = self.connect();
        stream.write_all(format!("{text}\r\n{}", body.unwrap_or_default()).as_bytes()).expect("it listens");
        read(stream)
    }

    /// As a browser that was let in.
    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[("Cookie", &self.cookie)], None)
    }

    /// As a program with the token.
    pub fn api(&self, path: &str) -> Answer {
        self.ask("GET", path, &[("Authorization", &format!("Bearer {}", self.token))], None)
    }

    pub fn api_post(&self, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        self.ask("POST", path, &[("Authorization", &bearer), ("Content-Type", "application/json")], Some(&body.to_string()))
    }

    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = fields.iter().fold(form_urlencoded::Serializer::new(String::new()), |mut all, (name, value)| {
            all.append_pair(name, value);
            all
        });
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        let head = [("Cookie", self.cookie.as_str()), ("Origin", &self.origin()), kind];
        self.ask("POST", path, &head, Some(&{ body }.finish()))
    }

    /// What a form brings back unseen.
    pub fn hidden(&self, page: &str) -> (String, String) {
        let text = self.get(page).code(200).body;
        let value = |name: &str| {
            let after = text.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("no {name}: {text}"));
            after.split('"').next().expect("a value").to_owned()
        };
        (value("slip"), value("digest"))
    }

    /// Events of a run, behind one that is known.
    pub fn follow(&self, path: &str, last: Option<u64>) -> Events {
        // In HTTP/1.0 a stream ends with its connection, and is not cut into pieces.
        let last = last.map(|last| format!("Last-Event-ID: {last}\r\n")).unwrap_or_default();
        let head = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\nCookie: {}\r\n{last}\r\n", self.port, self.cookie);
        Events::begin(self.connect(), &head)
    }
}

impl Events {
    fn begin(mut stream: TcpStream, head: &str) -> Self {
        stream.write_all(head.as_bytes()).expect("it listens");
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).expect("a status");
        assert!(line.contains(" 200 "), "{line}");
        while !line.trim().is_empty() {
            line.clear();
            reader.read_line(&mut line).expect("a head");
        }
        Self(reader)
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// To its end. Whoever was let go in the middle has no status.
pub fn read(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    // A server that has heard enough may end the connection with what it did not read.
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
    let head = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    Answer { status, head: head.collect(), body: body.to_owned() }
}

pub struct Events(BufReader<TcpStream>);

impl Events {
    /// The next one with its id; `None` where the connection ended.
    pub fn next(&mut self) -> Option<(String, String)> {
        let (mut id, mut data) = (String::new(), String::new());
        let start = Instant::now();
        loop {
            // A server that has nothing to tell says so now and then.
            assert!(start.elapsed() < PATIENCE, "waited in vain for an event");
            let mut line = String::new();
            match self.0.read_line(&mut line) {
                Ok(0) => return None,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no event: {error}"),
                Ok(_) => {}
            }
            let line = line.trim_end_matches('\n');
            if let Some(one) = line.strip_prefix("id: ") {
                id = one.to_owned();
            } else if let Some(one) = line.strip_prefix("data: ") {
                data += one;
            } else if line.is_empty() && !data.is_empty() {
                return Some((id, data));
            }
        }
    }
}

/// A browser or a program of somebody with a name, under the name by which they call the studio.
pub struct Guest<'s> {
    studio: &'s Studio,
    pub host: String,
    pub origin: String,
    pub token: String,
    pub cookie: String,
}

impl Studio {
    /// As whoever has this link comes in: by the form that it shows.
    pub fn guest(&self, link: &str) -> Guest<'_> {
        let (origin, token) = link.split_once("/login?token=").unwrap_or_else(|| panic!("no link: {link}"));
        let host = origin.split_once("://").expect("a scheme").1.to_owned();
        let (origin, token) = (origin.to_owned(), token.to_owned());
        let mut guest = Guest { studio: self, host, origin, token, cookie: String::new() };
        let let_in = guest.form("/login", &[("token", &guest.token)]).code(303);
        guest.cookie = let_in.head["set-cookie"].split(';').next().expect("a cookie").to_owned();
        guest
    }
}

impl Guest<'_> {
    pub fn get(&self, path: &str) -> Answer {
        self.studio.ask("GET", path, &[("Host", &self.host), ("Cookie", &self.cookie)], None)
    }

    pub fn api(&self, path: &str) -> Answer {
        self.studio.ask("GET", path, &[("Host", &self.host), ("Authorization", &format!("Bearer {}", self.token))], None)
    }

    pub fn api_post(&self, path: &str, body: &str) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let head = [("Host", self.host.as_str()), ("Authorization", &bearer), ("Content-Type", "application/json")];
        self.studio.ask("POST", path, &head, Some(body))
    }

    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post(path, &[("Origin", &self.origin)], fields)
    }

    /// A form, with nothing in its head that is not said here.
    pub fn post(&self, path: &str, more: &[(&str, &str)], fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        let own = [("Host", self.host.as_str()), ("Cookie", &self.cookie), kind];
        let head: Vec<(&str, &str)> = own.into_iter().chain(more.iter().copied()).collect();
        self.studio.ask("POST", path, &head, Some(&body))
    }

    /// Of the form on a page that goes to this address.
    pub fn hidden(&self, page: &str, action: &str, name: &str) -> String {
        let text = self.get(page).code(200).body;
        let form = text.split(&format!("action=\"{action}\"")).nth(1).unwrap_or_else(|| panic!("no form to {action}: {text}"));
        let value = form.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("no {name}: {form}"));
        value.split('"').next().expect("a value").to_owned()
    }

    pub fn follow(&self, path: &str) -> Events {
        let stream = self.studio.connect();
        Events::begin(stream, &format!("GET {path} HTTP/1.0\r\nHost: {}\r\nCookie: {}\r\n\r\n", self.host, self.cookie))
    }
}
