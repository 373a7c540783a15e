//! Runs that are broken on purpose: made by the real program, then damaged, cut or written anew with a chain that holds.
//! In: a flow, and what is to be done to its run. Out: a directory, and what `diagnose` says of it at a given time.

use std::{fs, path::PathBuf, process::Child};

use flow_studio::{
    config::{Config, Flags},
    id::{RunId, Sha256, Time},
    inspect::{Diagnosis, Panel, diagnose, evidence},
    ledger::{Holder, Lock, RunsDir},
    workspace::Workspace,
};
use serde_json::Value;

use crate::common::Test;

/// The cause that a damaged run must be told to have, and how the run is made.
pub type Case = (&'static str, fn() -> Bed);

/// A run on disk, and how it is to be looked at.
pub struct Bed {
    pub test: Test,
    /// How long after now.
    pub after_ms: u64,
    /// A process drives it: this one.
    pub driven: bool,
    pub child: Option<Child>,
}

impl Drop for Bed {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Bed {
    pub fn empty() -> Self {
        Self { test: Test::new(), after_ms: 0, driven: false, child: None }
    }

    /// A run of a flow `f`, whatever becomes of it.
    pub fn run(body: &str) -> Self {
        Self::empty().flow(body).go(&["run", "f", "--run-id", "r"])
    }

    /// The same, with agents that answer from a script.
    pub fn scripted(body: &str, script: &str) -> Self {
        let bed = Self::empty().flow(body);
        bed.test.write("s.yaml", &format!("flow: f\nsteps:\n{script}"));
        bed.go(&["run", "f", "--run-id", "r", "--engine", "stub", "--scenario", "s.yaml"])
    }

    pub fn flow(self, body: &str) -> Self {
        self.test.write("flows/f.yaml", &format!("flow: f\ntitle: f\n{body}"));
        for agent in ["author", "critic"] {
            self.test.write(&format!("agents/{agent}.md"), &format!("---\nname: {agent}\ndescription: works\n---\nWork.\n"));
        }
        self
    }

    pub fn go(self, args: &[&str]) -> Self {
        let ran = self.test.go(args);
        assert!(!matches!(ran.code, Some(2 | 3) | None), "{args:?}: {ran:?}");
        self
    }

    /// An answer that may be refused.
    pub fn answer(self, question: &str, choose: &str) -> Self {
        let question = format!("r/{question}");
        let mut args = vec!["review", "answer", &question, "--choose", choose];
        if choose == "mark-done" {
            args.extend(["--note", "seen", "--evidence", "flows/f.yaml"]);
        }
        drop(self.test.go(&args));
        self
    }

    pub fn write(self, path: &str, text: &str) -> Self {
        self.test.write(path, text);
        self
    }

    pub fn remove(self, path: &str) -> Self {
        let path = self.test.at(path);
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self
    }

    pub fn later(mut self, ms: u64) -> Self {
        self.after_ms = ms;
        self
    }

    pub fn driven(mut self) -> Self {
        self.driven = true;
        self
    }

    pub fn base(&self) -> PathBuf {
        self.test.run_base("r")
    }

    pub fn journal(&self) -> Vec<String> {
        let bytes = fs::read(self.base().join("journal.jsonl")).expect("a journal");
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        String::from_utf8(bytes[..end].to_vec()).expect("UTF-8").lines().map(str::to_owned).collect()
    }

    fn put_journal(&self, lines: &[String]) {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(self.base().join("journal.jsonl"), text).expect("the journal");
    }

    /// Every line written anew, with a chain that holds and files that fit it.
    pub fn rewrite(self, change: impl Fn(&str) -> String) -> Self {
        let prev = regex::Regex::new(r#""prev":"[0-9a-f]{64}""#).expect("a constant pattern");
        let mut head = Sha256::from_raw(&[0; 32]);
        let mut lines: Vec<String> = Vec::new();
        let mut changed = false;
        for line in self.journal() {
            let new = change(&line);
            changed |= new != line;
            let chained =
                if lines.is_empty() { new } else { prev.replace(&new, format!("\"prev\":\"{head}\"").as_str()).into_owned() };
            head = Sha256::of(chained.as_bytes());
            lines.push(chained);
        }
        assert!(changed, "nothing was changed in\n{}", lines.join("\n"));
        self.put_journal(&lines);
        let path = self.base().join("run.json");
        let text = fs::read_to_string(&path).expect("run.json");
        let mut manifest: Value = serde_json::from_str(&text).expect("JSON");
        manifest["journal_head"] = Value::String(head.to_string());
        fs::write(&path, manifest.to_string()).expect("run.json");
        self.repaired()
    }

    pub fn replace(self, from: &str, to: &str) -> Self {
        self.rewrite(|line| line.replace(from, to))
    }

    /// The last line gets one more fact.
    pub fn and_fact(self, fact: &str) -> Self {
        let mut lines = self.journal();
        let last = lines.last_mut().expect("a line");
        *last = format!("{},{fact}]}}", last.strip_suffix("]}").expect("facts come last"));
        self.put_journal(&lines);
        // It named the line as it was; the repair makes it anew.
        fs::remove_file(self.base().join("run.json")).expect("run.json");
        self.repaired()
    }

    /// As if the process had been killed right after the first line that holds this.
    pub fn cut_after(self, mark: &str) -> Self {
        let lines = self.journal();
        let at =
            lines.iter().position(|line| line.contains(mark)).unwrap_or_else(|| panic!("{mark} is not in\n{}", lines.join("\n")));
        self.put_journal(&lines[..=at]);
        fs::remove_file(self.base().join("run.json")).expect("run.json");
        for name in ["receipts", "handoffs", "escalations", "routing"] {
            let _ = fs::remove_dir_all(self.base().join("f").join(name));
        }
        self.repaired()
    }

    pub fn repaired(self) -> Self {
        let ran = self.test.go(&["verify", "r", "--repair"]);
        assert!(matches!(ran.code, Some(0 | 7)), "{ran:?}");
        self
    }

    fn workspace(&self) -> Workspace {
        let flags = Flags {
            runs: Some(self.test.at("run_base")),
            flows: Some(self.test.at("flows")),
            agents: Some(self.test.at("agents")),
        };
        let config = Config::load(self.test.root(), &flags, std::iter::empty()).expect("no settings");
        Workspace::new(config, self.test.root().to_owned())
    }

    /// What `diagnose` and `evidence` say of it, and that they left it as it was.
    pub fn told(&self) -> (Diagnosis, Panel) {
        let workspace = self.workspace();
        let id = RunId::new("r").expect("a name");
        let now = workspace.now().plus(self.after_ms);
        let lock = self.driven.then(|| {
            let run = RunsDir::new(self.test.at("run_base")).open(&id).expect("a run");
            Lock::take(&run, &Holder { pid: std::process::id(), host: "box".to_owned(), since: now }).expect("the lock")
        });
        let before = self.test.every_file("run_base");
        let (remains, paste) = workspace.remains_at("r", now).expect("a directory");
        let told = (diagnose(&remains, &paste), evidence(&remains, None, &paste));
        assert!(before == self.test.every_file("run_base"), "the run was changed by looking at it");
        drop(lock);
        told
    }

    /// A letter in the inbox, as whoever answers a driven run leaves it.
    pub fn letter(self, question: &str, choose: &str) -> Self {
        let run = RunsDir::new(self.test.at("run_base")).open(&RunId::new("r").expect("a name")).expect("a run");
        let since = Time::from_ms(0);
        let lock = Lock::take(&run, &Holder { pid: std::process::id(), host: "box".to_owned(), since }).expect("the lock");
        let bed = self.answer(question, choose);
        drop(lock);
        bed
    }
}

impl Bed {
    /// As if the process had been killed right before the first line that holds this.
    pub fn cut_before(self, mark: &str) -> Self {
        let lines = self.journal();
        let at =
            lines.iter().position(|line| line.contains(mark)).unwrap_or_else(|| panic!("{mark} is not in\n{}", lines.join("\n")));
        let last = lines[at - 1].clone();
        self.cut_after(&last)
    }

    /// Lines written anew in a run that was cut, and whose run.json names the line as it was.
    pub fn rewrite_bare(self, change: impl Fn(&str) -> String) -> Self {
        let prev = regex::Regex::new(r#""prev":"[0-9a-f]{64}""#).expect("a constant pattern");
        let mut head: Option<Sha256> = None;
        let mut lines: Vec<String> = Vec::new();
        for line in self.journal() {
            let new = change(&line);
            let chained = match &head {
                Some(head) => prev.replace(&new, format!("\"prev\":\"{head}\"").as_str()).into_owned(),
                None => new,
            };
            head = Some(Sha256::of(chained.as_bytes()));
            lines.push(chained);
        }
        self.put_journal(&lines);
        fs::remove_file(self.base().join("run.json")).expect("run.json");
        self.repaired()
    }
}
