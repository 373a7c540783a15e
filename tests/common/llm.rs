//! A server of the chat completions API, on this machine, that answers from a script and keeps what it was asked.
//! In: replies, one per request, or a function. Out: requests. Never: a sleep; whoever hangs, hangs until the test ends.

#![allow(dead_code, reason = "every test file takes what it needs of this")]

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// What the server does with one request.
#[derive(Debug, Clone)]
pub enum Turn {
    Json {
        status: u16,
        headers: Vec<(String, String)>,
        body: Value,
    },
    /// These bytes and no more, whatever was promised.
    Raw(Vec<u8>),
    /// The connection is closed without a word.
    Drop,
    /// Nothing is answered while the test goes on.
    Hang,
}

pub struct Llm {
    pub url: String,
    shared: Arc<Shared>,
}

/// The number of a request, from 1, and its body.
type Answering = dyn Fn(usize, &Value) -> Turn + Send + Sync;

struct Shared {
    asked: Mutex<Vec<Value>>,
    came: Condvar,
    heads: Mutex<Vec<String>>,
    answer: Box<Answering>,
}

impl Llm {
    /// One reply per request; a request too many is answered with 599.
    pub fn script(turns: impl IntoIterator<Item = Turn>) -> Self {
        let turns: Mutex<VecDeque<Turn>> = Mutex::new(turns.into_iter().collect());
        Self::answering(move |_, _| turns.lock().unwrap().pop_front().unwrap_or_else(|| error(418, "the script is over")))
    }

    pub fn answering(answer: impl Fn(usize, &Value) -> Turn + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let (asked, heads) = (Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { asked, came: Condvar::new(), heads, answer: Box::new(answer) });
        let serving = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = serving.clone();
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { url, shared }
    }

    /// Everything that was asked so far.
    pub fn asked(&self) -> Vec<Value> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Heads of the requests, with their headers.
    pub fn heads(&self) -> Vec<String> {
        self.shared.heads.lock().unwrap().clone()
    }

    /// Waits until so many requests have come.
    #[track_caller]
    pub fn wait_for(&self, requests: usize) {
        let until = Instant::now() + Duration::from_secs(30);
        let mut asked = self.shared.asked.lock().unwrap();
        while asked.len() < requests {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "only {} of {requests} requests came", asked.len());
            asked = self.shared.came.wait_timeout(asked, left).unwrap().0;
        }
    }
}

fn serve(stream: TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut stream = stream;
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line == "\r\n" {
                break;
            }
            if let Some(bytes) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = bytes.trim().parse().unwrap_or(0);
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        // A request without a body asks whether anybody is there.
        let asked: Value = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect("a request is JSON") };
        let number = {
            let mut all = shared.asked.lock().unwrap();
            all.push(asked.clone());
            shared.heads.lock().unwrap().push(head);
            shared.came.notify_all();
            all.len()
        };
        match (shared.answer)(number, &asked) {
            Turn::Json { status, headers, body } => {
                let text = body.to_string();
                let mut answer =
                    format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n", text.len());
                for (name, value) in headers {
                    answer.push_str(&format!("{name}: {value}\r\n"));
                }
                answer.push_str("\r\n");
                answer.push_str(&text);
                if stream.write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
            Turn::Raw(bytes) => {
                let _ = stream.write_all(&bytes);
                return;
            }
            Turn::Drop => return,
            // Until the client gives up, or is killed.
            Turn::Hang => {
                let _ = reader.read(&mut [0]);
                return;
            }
        }
    }
}

fn answer(message: &Value, finish: &str) -> Turn {
    let usage = json!({"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110});
    let choices = json!([{"index": 0, "finish_reason": finish, "message": message}]);
    Turn::Json { status: 200, headers: Vec::new(), body: json!({"id": "x", "model": "m-1", "choices": choices, "usage": usage}) }
}

pub fn says(text: &str) -> Turn {
    answer(&json!({"role": "assistant", "content": text}), "stop")
}

pub fn refuses(text: &str) -> Turn {
    answer(&json!({"role": "assistant", "content": null, "refusal": text}), "stop")
}

/// Calls of tools in one answer: name and arguments.
pub fn calls(list: &[(&str, Value)]) -> Turn {
    let calls: Vec<Value> = list
        .iter()
        .enumerate()
        .map(|(at, (name, arguments))| {
            let arguments = arguments.as_str().map_or_else(|| arguments.to_string(), str::to_owned);
            json!({"id": format!("c{at}"), "type": "function", "function": {"name": name, "arguments": arguments}})
        })
        .collect();
    answer(&json!({"role": "assistant", "content": null, "tool_calls": calls}), "tool_calls")
}

pub fn handoff(draft: &Value) -> Turn {
    says(&draft.to_string())
}

pub fn verified() -> Turn {
    handoff(&json!({"status": "VERIFIED", "summary": {"what_i_did": "the work"}}))
}

pub fn error(status: u16, message: &str) -> Turn {
    Turn::Json { status, headers: Vec::new(), body: json!({"error": {"message": message}}) }
}

pub fn error_with(status: u16, message: &str, header: (&str, &str)) -> Turn {
    let headers = vec![(header.0.to_owned(), header.1.to_owned())];
    Turn::Json { status, headers, body: json!({"error": {"message": message}}) }
}

impl Turn {
    /// Changes the body of an answer.
    pub fn edited(self, edit: impl FnOnce(&mut Value)) -> Self {
        match self {
            Self::Json { status, headers, mut body } => {
                edit(&mut body);
                Self::Json { status, headers, body }
            }
            other => other,
        }
    }
}
