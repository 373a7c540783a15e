//! The shipped runbooks in a workspace of their own, and a person who answers.
//! In: runs to look at, answers. Out: how the runbook ended, and what it left. Never: a system of somebody else; what stands in for
//! one is named where it is made.

#![allow(dead_code, reason = "every test file takes what it needs of this")]

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::common::{Fence, Ran, Test, await_word, let_go};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// How far it reaches, as a person of `incident-security` says it.
pub const SCOPE: &[&str] = &[
    "severity=SEV2",
    "kind=credential-exposure",
    "exposed=a token",
    "from=Monday",
    "until=today",
    "access=the team",
    "impact=pushes",
];

pub struct Desk {
    pub test: Test,
}

impl Desk {
    pub fn new() -> Self {
        let test = Test::new();
        let path = format!("{}:{}", test.at("bin").display(), std::env::var("PATH").unwrap());
        let test = test.env("FLOW_STUDIO_FLOWS", root().join("flows").to_str().unwrap()).env("PATH", &path);
        Self { test: test.env("GIT_CONFIG_NOSYSTEM", "1") }
    }

    /// A run of a flow of our own, whatever becomes of it.
    pub fn other(self, run: &str, steps: &str) -> Self {
        self.test.flow_again("f", &format!("steps:\n{steps}"));
        self.test.go(&["--flows", "flows", "run", "f", "--run-id", run]);
        self
    }

    /// A program on PATH that stands in for another one.
    pub fn stand_in(self, name: &str, script: &str) -> Self {
        self.test.write(&format!("bin/{name}"), &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(self.test.at(&format!("bin/{name}")), fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    pub fn run(&self, flow: &str, params: &[&str]) -> Ran {
        let mut args = vec!["run".to_owned(), flow.to_owned(), "--run-id".to_owned(), "i".to_owned()];
        args.extend(params.iter().map(|param| format!("--param={param}")));
        self.test.go(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Records an answer; the run goes on with [`Desk::on`].
    pub fn say(&self, question: &str, choose: &str, values: &[&str]) {
        let id = format!("i/{question}");
        let mut args = vec!["review", "answer", &id, "--choose", choose];
        args.extend(values.iter().flat_map(|value| ["--set", value]));
        self.test.go(&args).code(0);
    }

    pub fn on(&self) -> Ran {
        self.test.go(&["resume", "i"])
    }

    pub fn answer(&self, question: &str, choose: &str, values: &[&str]) -> Ran {
        self.say(question, choose, values);
        self.on()
    }

    /// What waits for a person in the runbook's run.
    pub fn waits(&self) -> Vec<String> {
        let inbox = self.test.go(&["review", "list", "--run", "i", "--json"]).code(0).json();
        inbox["waiting"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()[2..].to_owned()).collect()
    }

    /// Types what stands in this page in blocks of `sh`, one after the other, whatever each of them ends with.
    pub fn types(&self, page: &str) -> Ran {
        let text = fs::read_to_string(root().join("docs/runbooks").join(page)).unwrap();
        let typed = blocks(&text, "sh").concat();
        assert!(!typed.is_empty(), "nothing to type in {page}");
        self.test.write("typed.sh", &typed);
        let program = self.test.at("bin/flow-studio");
        if !program.exists() {
            std::os::unix::fs::symlink(super::common::BIN, program).unwrap();
        }
        let mut sh = std::process::Command::new("/bin/sh");
        self.test.dress(&mut sh).arg("typed.sh");
        super::common::finish(sh)
    }

    pub fn artifact(&self, path: &str) -> String {
        let (flow, name) = path.split_once('/').unwrap();
        self.test.text(&format!("run_base/i/{flow}/artifacts/{name}"))
    }

    /// Goes on, and is killed for good while this step works: an `sh` on PATH stands still there until it is let go.
    pub fn killed_in(self, step: &str, args: &[&str]) -> Self {
        let here = self.test.root().display().to_string();
        let script = format!(
            "if [ \"${{STEP:-}}\" = {step} ] && [ -p {here}/gate ]; then echo here > {here}/at-it; read -r _ < {here}/gate; fi\n\
             exec /bin/sh \"$@\""
        );
        let Self { test } = self.stand_in("sh", &script);
        let desk = Self { test: test.fifo("gate").fifo("at-it") };
        let (fence, live) = Fence::around(&desk.test, args);
        await_word(&desk.test.at("at-it"));
        live.kill();
        let_go(&desk.test.at("gate"));
        fence.all_gone();
        fs::remove_file(desk.test.at("gate")).unwrap();
        desk
    }
}

/// What stands in the fences of this kind, whatever else their first line says.
pub fn blocks(page: &str, kind: &str) -> Vec<String> {
    let fence = format!("```{kind}");
    let mut found = Vec::new();
    for rest in page.split(fence.as_str()).skip(1) {
        let (first, text) = rest.split_once('\n').unwrap_or((rest, ""));
        if first.is_empty() || first.starts_with(' ') {
            found.push(text.split("```").next().unwrap_or_default().to_owned());
        }
    }
    found
}
