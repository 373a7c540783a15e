//! The example in a repository of its own, the shipped flows and agents, and the program.

#![allow(dead_code, reason = "every test file takes what it needs of this")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::common::{BIN, Ran, Test, finish, llm::Llm};

pub struct Bench {
    pub test: Test,
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Bench {
    pub fn new() -> Self {
        let test = Test::new()
            .env("FLOW_STUDIO_AGENTS", root().join("agents").to_str().unwrap())
            .env("FLOW_STUDIO_FLOWS", root().join("flows").to_str().unwrap())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .file("flow-studio.toml", "[models]\nstandard = [\"m\"]\n[prices]\nm = { input = 1, output = 10 }\n");
        let bench = Self { test };
        copy(&root().join("examples/shortlinks"), &bench.work());
        bench.git(&["init", "-q"]);
        bench.git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
        bench.commit("start");
        bench
    }

    pub fn asking(llm: &Llm) -> Self {
        let Self { test } = Self::new();
        Self { test: test.env("OPENAI_BASE_URL", &llm.url) }
    }

    /// With flows of its own.
    pub fn with_flows(self, flows: &Path) -> Self {
        Self { test: self.test.env("FLOW_STUDIO_FLOWS", flows.to_str().unwrap()) }
    }

    pub fn work(&self) -> PathBuf {
        self.test.at("work")
    }

    pub fn git(&self, args: &[&str]) -> String {
        let mut git = Command::new("git");
        self.test.dress(&mut git).current_dir(self.work());
        git.args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]).args(args);
        finish(git).code(0).stdout.trim().to_owned()
    }

    pub fn commit(&self, subject: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-qm", subject]);
    }

    pub fn run(&self, flow: &str, more: &[&str]) -> Ran {
        self.run_as("r", flow, more)
    }

    pub fn run_as(&self, id: &str, flow: &str, more: &[&str]) -> Ran {
        let work = self.work();
        let mut args = vec!["run", flow, "--run-id", id, "--workspace", work.to_str().unwrap()];
        args.extend(more);
        self.test.go(&args)
    }

    pub fn artifact(&self, path: &str) -> String {
        let (flow, name) = path.split_once('/').unwrap();
        self.test.text(&format!("run_base/r/{flow}/artifacts/{name}"))
    }

    /// The script behind `make sdlc`, in a place of its own; it copies the example itself.
    pub fn sdlc(&self) -> Ran {
        let mut script = Command::new("sh");
        self.test.dress(&mut script).arg(root().join("scripts/sdlc.sh")).arg(BIN);
        script.env("FLOW_STUDIO_RUNS", self.test.at("run_base")).env("SDLC_WORK", self.test.at("copies")).env("RUN_ID", "r");
        finish(script)
    }

    /// One of the scripts of the flows by itself, in the work tree, as a step of `build`.
    pub fn script(&self, name: &str, project: &str) -> Ran {
        self.test.write("run/build/work/ready/project.conf", project);
        let mut script = Command::new("sh");
        self.test.dress(&mut script).arg(root().join("flows/scripts/sdlc").join(name)).current_dir(self.work());
        for (variable, path) in [("RUN_BASE", "run"), ("STEP_DIR", "run/build/work/step"), ("ARTIFACTS", "run/build/artifacts")] {
            script.env(variable, self.test.at(path));
        }
        finish({
            script.env("FLOWS", root().join("flows")).env("FLOW", "build");
            script
        })
    }

    /// Decision and rule after each execution of a step.
    pub fn decided(&self, flow: &str, step: &str) -> Vec<String> {
        let text = self.test.text(&format!("run_base/r/{flow}/routing/decisions.jsonl"));
        let all = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        all.filter(|one| one["step_id"] == step)
            .map(|one| format!("{} {}", one["decision"].as_str().unwrap(), one["rule"].as_str().unwrap()))
            .collect()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        // What somebody's run of the tests left there is none of ours.
        if entry.file_name() == "__pycache__" {
            continue;
        }
        let there = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &there);
        } else {
            fs::copy(entry.path(), there).unwrap();
        }
    }
}
