//! The studio as a process, asked over a socket.
//! In: a workspace. Out: answers to GET. Never: a process that outlives its test.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Stdio},
};

use super::{
    common::Test,
    html::{Tree, wrong_with},
};

pub struct Studio {
    child: Child,
    at: String,
    cookie: String,
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("a page is text")
    }
    pub fn says(&self, header: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case(header).then_some(value)
        })
    }
}

impl Studio {
    pub fn of(test: &Test) -> Self {
        let mut command = test.command(&["--quiet", "serve", "--bind", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program starts");
        let mut link = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut link).expect("a link");
        let rest = link.trim().strip_prefix("http://").unwrap_or_else(|| panic!("no link: {link}"));
        let (at, path) = rest.split_once('/').expect("a path");
        let mut studio = Self { child, at: at.to_owned(), cookie: String::new() };
        let login = studio.get(&format!("/{path}"));
        assert_eq!(login.status, 303);
        studio.cookie = login.says("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie").to_owned();
        studio
    }

    pub fn get(&self, path: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.at).expect("the studio listens");
        let (at, cookie) = (&self.at, &self.cookie);
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {at}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n").expect("sent");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("an answer");
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
        Answer { status, head, body: bytes[end + 4..].to_vec() }
    }

    /// A page that is as every page has to be.
    #[track_caller]
    pub fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        let text = answer.text();
        assert_eq!(answer.status, 200, "{path}: {text}");
        let wrong = wrong_with(&Tree::read(&text));
        assert!(wrong.is_empty(), "{path}:\n  {}", wrong.join("\n  "));
        text
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
