//! What every workload needs: flows, the program, the studio behind a socket, and a client that is only a socket.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// One figure, as it is printed.
pub struct Row {
    pub name: String,
    pub figure: String,
    pub target: &'static str,
    pub beside: String,
}

impl Row {
    pub fn new(name: impl Into<String>, figure: impl Into<String>, target: &'static str, beside: impl Into<String>) -> Self {
        Self { name: name.into(), figure: figure.into(), target, beside: beside.into() }
    }
}

pub struct Bed {
    pub program: PathBuf,
    pub dir: PathBuf,
}

impl Bed {
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).arg("-q").current_dir(&self.dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.env_clear().envs(std::env::vars().filter(|(name, _)| matches!(name.as_str(), "PATH" | "HOME" | "TMPDIR")));
        command
    }

    /// A chain of so many steps, each with this verb.
    pub fn chain(&self, steps: usize, verb: &str) {
        let mut text = String::from("flow: chain\nsteps:\n");
        for at in 0..steps {
            let _ = writeln!(text, "  - {{id: s{at}, {verb}}}");
        }
        for (name, text) in
            [("flows/chain.yaml", text.as_str()), ("agents/worker.md", "---\nname: worker\ndescription: works\n---\nWork.\n")]
        {
            let path = self.dir.join(name);
            fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
            fs::write(path, text).expect("a file");
        }
    }

    /// Lines of a run's journal.
    pub fn journal(&self, run: &str) -> Vec<String> {
        let text = fs::read_to_string(self.dir.join("run_base").join(run).join("journal.jsonl")).expect("a journal");
        text.trim_end_matches('\0').lines().map(str::to_owned).collect()
    }

    pub fn serve(&self) -> Studio {
        let mut child =
            self.command(&["serve", "--bind", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().expect("the studio starts");
        let mut link = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut link).expect("a link");
        let (address, token) = link.trim().split_once("/login?token=").expect("a link");
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a port");
        Studio { child, door: Door { port, token: token.to_owned() } }
    }
}

pub struct Studio {
    child: Child,
    pub door: Door,
}

impl Studio {
    /// Most that it ever had in memory, and what it has now.
    pub fn memory(&self) -> (String, String) {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let mib = |name: &str| {
            let kib = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
            kib.map_or("?".to_owned(), |kib| format!("{}.{} MiB", kib / 1024, kib % 1024 * 10 / 1024))
        };
        (mib("VmHWM:"), mib("VmRSS:"))
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How to get in.
#[derive(Clone)]
pub struct Door {
    port: u16,
    token: String,
}

impl Door {
    fn ask(&self, path: &str, head: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_mins(2))).expect("a socket");
        // In HTTP/1.0 an answer ends with its connection, and is not cut into pieces.
        let text =
            format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\n{head}\r\n", self.port, self.token);
        stream.write_all(text.as_bytes()).expect("it listens");
        BufReader::new(stream)
    }

    /// The whole answer: its status, its bytes, how long it took from the first byte sent to the last one read.
    pub fn get(&self, path: &str) -> (u16, usize, Duration) {
        let start = Instant::now();
        let mut bytes = Vec::new();
        self.ask(path, "").read_to_end(&mut bytes).expect("an answer");
        let status = String::from_utf8_lossy(&bytes[..bytes.len().min(16)]).split(' ').nth(1).and_then(|code| code.parse().ok());
        (status.unwrap_or(0), bytes.len(), start.elapsed())
    }

    /// The events of a run behind one that is known, until one is not taken; `false`: there are none yet.
    pub fn events(&self, run: &str, last: Option<u64>, mut take: impl FnMut(u64, &str) -> bool) -> bool {
        let head = last.map(|last| format!("Last-Event-ID: {last}\r\n")).unwrap_or_default();
        let mut reader = self.ask(&format!("/api/v1/runs/{run}/events"), &head);
        let mut line = String::new();
        let mut next = |line: &mut String| {
            line.clear();
            reader.read_line(line).is_ok_and(|read| read > 0)
        };
        if !next(&mut line) || !line.contains(" 200 ") {
            return false;
        }
        let mut id = 0;
        while next(&mut line) {
            if let Some(number) = line.strip_prefix("id: ") {
                id = number.trim().parse().expect("a number");
            } else if let Some(data) = line.strip_prefix("data: ")
                && !take(id, data.trim_end_matches('\n'))
            {
                break;
            }
        }
        true
    }
}

pub fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// The time below which so many of a hundred are.
pub fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).copied().unwrap_or_default()
}
