//! A directory of its own for each test: a workspace, the shipped detours, and a PATH that holds what the test put there.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

const PLAIN: &[&str] = &[
    "awk", "basename", "cat", "cmp", "cp", "cut", "dirname", "env", "false", "git", "grep", "head", "ls", "mkdir", "mv", "rm",
    "sed", "sh", "sort", "tail", "test", "touch", "tr", "true", "wc", "xargs",
];

pub struct Bench {
    pub dir: tempfile::TempDir,
}

pub struct Ended {
    code: i32,
    decisions: Vec<Value>,
    said: String,
}

impl Bench {
    pub fn new() -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap() };
        for name in ["work", "bin", "home", "flows/scripts"] {
            fs::create_dir_all(bench.at(name)).unwrap();
        }
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
        fs::copy(shipped.join("detours.yaml"), bench.at("flows/detours.yaml")).unwrap();
        for script in fs::read_dir(shipped.join("scripts")).unwrap() {
            let script = script.unwrap();
            // The scripts of the seven flows lie in a directory of their own.
            if script.file_type().unwrap().is_dir() {
                continue;
            }
            fs::copy(script.path(), bench.at("flows/scripts").join(script.file_name())).unwrap();
        }
        PLAIN.iter().for_each(|name| bench.real(name));
        bench
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// The machine's own program.
    pub fn real(&self, name: &str) {
        let path = std::env::var_os("PATH").unwrap();
        let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file());
        symlink(found.unwrap_or_else(|| panic!("{name} is not on PATH")), self.at("bin").join(name)).unwrap();
    }

    /// A stand-in for a program that may not be on this machine.
    pub fn stand_in(&self, name: &str, script: &str) {
        let file = self.at("bin").join(name);
        fs::write(&file, format!("#!/bin/sh\n# A stand-in.\nset -eu\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn file(&self, path: &str, text: &str) {
        let file = self.at("work").join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    pub fn text(&self, path: &str) -> String {
        fs::read_to_string(self.at("work").join(path)).unwrap()
    }

    pub fn git(&self, below: &str, args: &[&str]) -> String {
        let output = Command::new("git")
            .args([
                "-c",
                "user.name=t",
                "-c",
                "user.email=t@example.org",
                "-c",
                "commit.gpgsign=false",
                "-c",
                "init.defaultBranch=main",
            ])
            .args(args)
            .current_dir(self.at(below))
            .env("HOME", self.at("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub fn commit(&self, below: &str, message: &str) {
        self.git(below, &["add", "-A"]);
        self.git(below, &["commit", "-qm", message]);
    }

    pub fn repository(&self) {
        self.git("work", &["init", "-q"]);
        self.identity("work");
    }

    pub fn identity(&self, below: &str) {
        self.git(below, &["config", "user.name", "t"]);
        self.git(below, &["config", "user.email", "t@example.org"]);
    }

    /// A flow with one step, run to its end.
    pub fn run(&self, script: &str) -> Ended {
        let script = serde_json::to_string(script).unwrap();
        let flow = format!("flow: job\nsteps:\n  - {{id: work, run: {script}, expect: {{stdout: all well}}, timeout: 2m}}\n");
        fs::write(self.at("flows/job.yaml"), flow).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_flow-studio"))
            .args(["run", "job", "--run-id", "r", "--color", "never"])
            .current_dir(self.at("work"))
            .env("PATH", self.at("bin"))
            .env("HOME", self.at("home"))
            .env("XDG_CONFIG_HOME", self.at("home"))
            .env("CARGO_HOME", toolchain_home("CARGO_HOME", ".cargo"))
            .env("RUSTUP_HOME", toolchain_home("RUSTUP_HOME", ".rustup"))
            .env("FLOW_STUDIO_RUNS", self.at("runs"))
            .env("FLOW_STUDIO_FLOWS", self.at("flows"))
            .output()
            .unwrap();
        let decisions = fs::read_to_string(self.at("runs/r/job/routing/decisions.jsonl")).unwrap_or_default();
        Ended {
            code: output.status.code().unwrap(),
            decisions: decisions.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

fn toolchain_home(name: &str, below: &str) -> PathBuf {
    std::env::var_os(name).map_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(below), PathBuf::from)
}

impl Ended {
    /// The step failed, this detour took, and the step ran again and was well.
    #[track_caller]
    pub fn mended_by(&self, detour: &str) {
        assert_eq!(self.code, 0, "{}", self.said);
        let first = &self.decisions[0];
        assert_eq!((first["decision"].as_str(), first["detour_id"].as_str()), (Some("DETOUR"), Some(detour)), "{}", self.said);
        assert_eq!(self.decisions.last().unwrap()["execution"], 2, "{}", self.said);
    }

    /// This detour was entered, could not do it, and says this; the step's failure stands.
    #[track_caller]
    pub fn blocked_in(&self, detour: &str, sentence: &str) {
        assert_eq!(self.code, 4, "a person is asked: {}", self.said);
        assert_eq!(self.decisions[0]["detour_id"], detour, "{}", self.said);
        assert!(self.said.contains(sentence), "{}", self.said);
        assert_eq!(self.decisions.last().unwrap()["decision"], "DETOUR", "{}", self.said);
    }
}
