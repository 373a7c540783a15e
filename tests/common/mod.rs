//! The real binary in a directory of its own: flows written inline, a fixed environment, everything readable afterwards.
//! In: flows, files, arguments, signals. Out: exit codes, both outputs, the journal, files of the run.
//! Never: a sleep, a config that somebody else left, a process that outlives its test.

#![allow(dead_code, reason = "every test file takes what it needs of this")]

use std::{
    collections::BTreeMap,
    fs,
    io::{PipeReader, Read as _, Write as _},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

pub mod agents;
pub mod apis;
pub mod llm;
pub mod programs;
pub mod secrets;
pub mod terminal;

/// Nothing here takes so long; a test that waits in vain ends by this, with a word on what for.
const PATIENCE: Duration = Duration::from_secs(30);

pub const BIN: &str = env!("CARGO_BIN_EXE_flow-studio");

/// A workspace with `flows/`, `run_base/` and nothing else.
pub struct Test {
    dir: TempDir,
    env: BTreeMap<String, String>,
}

/// A process that ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Test {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("fs-").tempdir().expect("a temporary directory");
        fs::create_dir_all(dir.path().join("flows")).expect("flows/");
        fs::create_dir_all(dir.path().join("home")).expect("home/");
        let home = dir.path().join("home").display().to_string();
        let env = [
            ("PATH", std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned())),
            ("HOME", home.clone()),
            ("XDG_CONFIG_HOME", home),
            ("LANG", "C.UTF-8".to_owned()),
            ("USER", "tester".to_owned()),
        ];
        Self { env: env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(), dir }
    }

    /// `steps` and whatever else the flow has; its name is put in front.
    pub fn flow(self, name: &str, body: &str) -> Self {
        self.file(&format!("flows/{name}.yaml"), &format!("flow: {name}\ntitle: {name}\n{body}"))
    }

    /// The flow is another from now on.
    pub fn flow_again(&self, name: &str, body: &str) {
        self.write(&format!("flows/{name}.yaml"), &format!("flow: {name}\ntitle: {name}\n{body}"));
    }

    pub fn file(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A pipe with a name: whoever opens it waits for the other side.
    pub fn fifo(self, path: &str) -> Self {
        let done = Command::new("mkfifo").arg(self.at(path)).status().expect("mkfifo");
        assert!(done.success(), "mkfifo {path}");
        self
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().expect("below the workspace")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BIN);
        self.dress(&mut command).args(args);
        command
    }

    /// Started by a shell that first does `before`, for limits and file descriptors.
    pub fn command_after(&self, before: &str, args: &[&str]) -> Command {
        let mut command = Command::new("/bin/sh");
        self.dress(&mut command).args(["-c", &format!("{before}; exec \"$0\" \"$@\""), BIN]).args(args);
        command
    }

    /// The fixed environment, the workspace, no input.
    pub fn dress<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env_clear().envs(&self.env).current_dir(self.root()).stdin(Stdio::null())
    }

    /// Runs it to its end.
    pub fn go(&self, args: &[&str]) -> Ran {
        finish(self.command(args))
    }

    pub fn start(&self, args: &[&str]) -> Live {
        Live::start(self.command(args))
    }

    /// The report of `verify`, which must end with this code.
    #[track_caller]
    pub fn verified(&self, code: i32) -> Value {
        self.go(&["verify", "r", "--json"]).code(code).json()["report"].clone()
    }

    pub fn run_base(&self, run: &str) -> PathBuf {
        self.at("run_base").join(run)
    }

    /// Text of a file of the run, or nothing.
    pub fn text(&self, path: &str) -> String {
        fs::read(self.at(path)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    pub fn json(&self, path: &str) -> Value {
        let text = fs::read_to_string(self.at(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}\n{text}"))
    }

    pub fn manifest(&self, run: &str) -> Value {
        self.json(&format!("run_base/{run}/run.json"))
    }

    /// Whole lines of the journal, as far as they are written.
    pub fn journal(&self, run: &str) -> Vec<Value> {
        let bytes = fs::read(self.run_base(run).join("journal.jsonl")).unwrap_or_default();
        let written = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        let whole = bytes[..written].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines = bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).expect("a line of the journal is JSON")).collect()
    }

    /// Facts of one kind, in order.
    pub fn facts(&self, run: &str, kind: &str) -> Vec<Value> {
        let all = self.journal(run).into_iter().flat_map(|line| line["facts"].as_array().cloned().unwrap_or_default());
        all.filter(|fact| fact["kind"] == kind).collect()
    }

    /// Every byte below a directory, for looking for what must not be there.
    pub fn every_file(&self, below: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        walk(&self.at(below), &mut found);
        found
    }

    /// Times, digests, process ids and the temporary directory made the same every time.
    pub fn steady(&self, text: &str) -> String {
        let filters = [
            (regex::escape(&self.root().display().to_string()), "[DIR]"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z".to_owned(), "[TIME]"),
            (r"\b[0-9a-f]{64}\b".to_owned(), "[SHA256]"),
            (r"\d+\.\d\d s\b".to_owned(), "[SPAN]"),
            (r"\bpid \d+".to_owned(), "pid [PID]"),
        ];
        filters.iter().fold(text.to_owned(), |text, (from, to)| {
            regex::Regex::new(from).expect("a constant pattern").replace_all(&text, *to).into_owned()
        })
    }
}

fn walk(dir: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for item in fs::read_dir(dir).into_iter().flatten().flatten() {
        let kind = item.file_type().expect("a kind");
        if kind.is_dir() {
            walk(&item.path(), found);
        } else if kind.is_file() {
            found.push((item.path(), fs::read(item.path()).expect("a readable file")));
        }
    }
}

impl Ran {
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!((self.code, self.signal), (Some(code), None), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "`{text}` is not in stderr:\n{}\nstdout:\n{}", self.stderr, self.stdout);
        self
    }

    #[track_caller]
    pub fn silent_on(self, text: &str) -> Self {
        assert!(!self.stderr.contains(text) && !self.stdout.contains(text), "`{text}` was said:\n{}{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr))
    }

    fn of(status: ExitStatus, stdout: Vec<u8>, stderr: Vec<u8>) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let ran = Self { code: status.code(), signal: status.signal(), stdout: text(stdout), stderr: text(stderr) };
        assert!(!ran.stderr.contains("panicked at"), "it panicked:\n{}", ran.stderr);
        ran
    }
}

pub fn finish(mut command: Command) -> Ran {
    let output = command.output().expect("the program starts");
    Ran::of(output.status, output.stdout, output.stderr)
}

/// A process under way, in a group of its own; killed if the test forgets it.
pub struct Live {
    child: Option<Child>,
    outputs: Vec<std::thread::JoinHandle<Vec<u8>>>,
}

impl Live {
    pub fn start(mut command: Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn().expect("the program starts");
        let outputs = vec![drain(child.stdout.take()), drain(child.stderr.take())];
        Self { child: Some(child), outputs }
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status().expect("kill");
        assert!(sent.success(), "kill -{name}");
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| child.try_wait().expect("it is our child").is_some())
    }

    pub fn wait(mut self) -> Ran {
        let status = self.child.take().expect("nobody waited yet").wait().expect("it is our child");
        let mut read = std::mem::take(&mut self.outputs).into_iter().map(|thread| thread.join().expect("the reader"));
        Ran::of(status, read.next().unwrap_or_default(), read.next().unwrap_or_default())
    }

    /// Kills the process itself and nothing else, as a machine that fails would.
    pub fn kill(mut self) -> Ran {
        let child = self.child.as_mut().expect("nobody waited yet");
        child.kill().expect("it is our child");
        self.wait()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn drain(pipe: Option<impl std::io::Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// A pipe that a process and all it starts hold open (file descriptor 9): its end says that all of them are gone.
pub struct Fence(PipeReader);

impl Fence {
    /// The program behind a fence.
    pub fn around(test: &Test, args: &[&str]) -> (Self, Live) {
        Self::around_after(test, ":", args)
    }

    pub fn around_after(test: &Test, before: &str, args: &[&str]) -> (Self, Live) {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let mut command = test.command_after(&format!("exec 9>&0 </dev/null; {before}"), args);
        command.stdin(writer);
        let live = Live::start(command);
        (Self(reader), live)
    }

    /// Blocks until nobody is left. A step that never ends makes this wait for ever, and the test's own limit ends it.
    pub fn all_gone(mut self) {
        let _ = self.0.read(&mut [0]);
    }
}

/// Looks until it holds.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::yield_now();
    }
}

/// Opens a named pipe for writing, says one word and lets go: whoever reads it goes on.
pub fn let_go(fifo: &Path) {
    let mut pipe = fs::OpenOptions::new().write(true).open(fifo).expect("the pipe");
    let _ = pipe.write_all(b"go\n");
}

/// Blocks until somebody writes to a named pipe.
pub fn await_word(fifo: &Path) -> String {
    fs::read_to_string(fifo).expect("the pipe")
}

/// Whether a process with this id is there and no zombie.
pub fn alive(pid: u32) -> bool {
    let state = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().expect("ps");
    let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

/// A small generator: the same numbers for the same seed on every machine.
pub struct Luck(u64);

impl Luck {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % bound
    }
}

/// Two steps, a question, and a step more.
pub const THREE: &str = r#"
steps:
  - {id: one, run: 'echo one >> "$RUN_BASE/../../ran"; echo hello'}
  - {id: two, run: 'echo two >> "$RUN_BASE/../../ran"'}
  - {id: ask-me, ask: {question: "Go on?"}}
  - {id: three, run: 'echo three >> "$RUN_BASE/../../ran"'}
"#;

/// Run `r` of it: it waits for a person.
pub fn waiting() -> Test {
    let test = Test::new().flow("three", THREE);
    test.go(&["run", "three", "--run-id", "r"]).code(4);
    assert_eq!(test.text("ran"), "one\ntwo\n");
    test
}
