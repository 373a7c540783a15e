//! The shipped check-up, run by the real program on small repositories that the tests make: the way it takes, what it
//! decides, how it ends; and that the repository is not touched.

#![allow(clippy::disallowed_methods, reason = "a test finds the tools of the machine that it runs on")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    /// A repository of one commit with these files.
    fn new(files: &[(&str, &str)]) -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir_all(bench.work()).unwrap();
        bench.git(&["init", "-q"]);
        for (path, text) in files {
            let file = bench.work().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        bench.git(&["add", "-A"]);
        bench.git(&["commit", "-qm", "start"]);
        bench
    }

    /// Four Rust files without a licence line, and a manifest that declares one.
    fn rust() -> Self {
        let function = |name: &str| format!("//! {name}.\n\npub fn {name}() -> u32 {{\n    1\n}}\n");
        let manifest = "[package]\nname = \"small\"\nversion = \"0.1.0\"\nedition = \"2021\"\nlicense = \"MIT\"\n";
        Self::new(&[
            ("Cargo.toml", manifest),
            ("README.md", "# small\n"),
            ("data.json", "{\"a\": [1, 2]}\n"),
            ("src/lib.rs", "//! small.\n\npub mod one;\npub mod three;\npub mod two;\n"),
            ("src/one.rs", &function("one")),
            ("src/three.rs", &function("three")),
            ("src/two.rs", &function("two")),
        ])
    }

    fn work(&self) -> PathBuf {
        self.dir.path().join("small")
    }

    fn flow(&self) -> PathBuf {
        self.dir.path().join("runs/r/repo-checkup")
    }

    fn git(&self, args: &[&str]) -> String {
        let fixed = [("NAME", "t"), ("EMAIL", "t@example.org"), ("DATE", "2026-01-02T03:04:05Z")];
        let mut git = Command::new("git");
        git.args(["-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"]).args(args).current_dir(self.work());
        git.env("HOME", self.dir.path()).env("GIT_CONFIG_NOSYSTEM", "1");
        for (name, value) in fixed {
            git.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        let output = git.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn program(&self, args: &[&str]) -> Output {
        let flows = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
        let mut program = self.command(env!("CARGO_BIN_EXE_flow-studio"));
        program.env("FLOW_STUDIO_RUNS", self.dir.path().join("runs")).env("FLOW_STUDIO_FLOWS", flows);
        program.args(args).output().unwrap()
    }

    /// With nobody's settings but the test's.
    fn command(&self, program: &str) -> Command {
        let home = |name: &str, below: &str| {
            std::env::var_os(name).map_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(below), PathBuf::from)
        };
        let mut command = Command::new(program);
        command.current_dir(self.dir.path()).env("HOME", self.dir.path()).env("XDG_CONFIG_HOME", self.dir.path());
        command.env("CARGO_HOME", home("CARGO_HOME", ".cargo")).env("RUSTUP_HOME", home("RUSTUP_HOME", ".rustup"));
        for name in ["FLOW_STUDIO_RUNS", "FLOW_STUDIO_FLOWS", "FLOW_STUDIO_AGENTS"] {
            command.env_remove(name);
        }
        command
    }

    #[track_caller]
    fn says(&self, code: i32, args: &[&str]) -> String {
        let output = self.program(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}");
        said
    }

    /// Up to the question.
    #[track_caller]
    fn checked_up(&self, more: &[&str]) -> String {
        let workspace = self.work();
        let mut args = vec!["run", "repo-checkup", "--run-id", "r", "--workspace", workspace.to_str().unwrap()];
        args.extend(more);
        self.says(4, &args)
    }

    fn artifact(&self, name: &str) -> String {
        fs::read_to_string(self.flow().join("artifacts").join(name)).unwrap()
    }

    fn decisions(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.flow().join("routing/decisions.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What was decided after each execution of a step.
    fn decided(&self, step: &str) -> Vec<String> {
        let of_step = self.decisions().into_iter().filter(|one| one["step_id"] == step);
        of_step.map(|one| format!("{} {}", one["decision"].as_str().unwrap(), one["rule"].as_str().unwrap())).collect()
    }

    fn receipt(&self, name: &str) -> Value {
        serde_json::from_str(&fs::read_to_string(self.flow().join("receipts").join(name)).unwrap()).unwrap()
    }

    /// Every byte of the repository, its git directory too.
    fn everything(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files = walkdir::WalkDir::new(self.work()).sort_by_file_name().into_iter().map(Result::unwrap);
        // `git status` may refresh the index's times.
        let kept = files.filter(|entry| entry.file_type().is_file() && entry.file_name() != "index");
        kept.map(|entry| (entry.path().to_owned(), fs::read(entry.path()).unwrap())).collect()
    }
}

#[test]
fn a_check_up_loops_takes_a_detour_asks_and_leaves_the_repository_alone() {
    let bench = Bench::rust();
    let (before, status) = (bench.everything(), bench.git(&["status", "--porcelain"]));
    bench.checked_up(&[]);

    assert_eq!(bench.decided("critic"), ["LOOP loop-again", "CONTINUE loop-verified"]);
    assert_eq!(bench.decided("format"), ["DETOUR failed-detour", "CONTINUE detour-done", "CONTINUE verified"]);
    assert_eq!(bench.decided("diff"), ["CONTINUE verified"]);
    let green = &bench.receipt("prove-shell.json")["tests"]["figures"];
    assert_eq!((green["passed"].as_u64(), green["failed"].as_u64()), (Some(4), Some(0)), "{green}");

    bench.says(0, &["review", "answer", "r/decide-1", "--choose", "approve", "--note", "as it should be"]);
    bench.says(0, &["resume", "r"]);
    let report = bench.artifact("repo-checkup.md");
    assert!(report.contains("**approve**: as it should be") && report.contains("in 2 rounds"), "{report}");
    assert!(report.contains("0 passed; 4 failed"), "the guard was red before the change: {report}");

    assert_eq!((bench.everything(), bench.git(&["status", "--porcelain"])), (before, status));
    let patch = bench.flow().join("artifacts/proposal.patch");
    bench.git(&["apply", patch.to_str().unwrap()]);
    assert_eq!(bench.git(&["status", "--porcelain"]).lines().count(), 5, "four files and the test");
    assert!(
        fs::read_to_string(bench.work().join("src/one.rs")).unwrap().starts_with("// SPDX-License-Identifier: MIT\n//! one.")
    );
}

#[test]
fn a_check_up_goes_on_from_a_step() {
    let bench = Bench::rust();
    bench.checked_up(&[]);
    bench.says(4, &["resume", "r", "--from", "critic"]);
    assert_eq!(bench.decided("survey").len(), 1, "what does not depend on it is not done again");
    assert_eq!(bench.decided("critic").len(), 3);
    bench.says(4, &["run", "repo-checkup", "--run-id", "r", "--from", "proposal"]);
    assert_eq!((bench.decided("critic").len(), bench.decided("proposal").len()), (3, 3));
}

#[test]
fn a_no_at_the_end_fails_the_check_up_and_changes_nothing() {
    let bench = Bench::rust();
    let before = bench.everything();
    bench.checked_up(&[]);
    bench.says(0, &["review", "answer", "r/decide-1", "--choose", "reject", "--note", "another licence"]);
    let manifest: Value = serde_json::from_str(&fs::read_to_string(bench.flow().join("../run.json")).unwrap()).unwrap();
    assert_eq!(manifest["status"], "failed");
    assert_eq!(bench.decided("decide"), ["TERMINATE failed-policy"]);
    assert!(!bench.flow().join("artifacts/repo-checkup.md").exists());
    assert_eq!(bench.everything(), before);
}

#[test]
fn a_repository_without_rust_skips_what_needs_rust_and_says_why() {
    let bench = Bench::new(&[("run.sh", "#!/bin/sh\necho a\n"), ("b.py", "print(1)\n")]);
    let said = bench.checked_up(&["--param", "licence=MIT"]);
    assert!(said.contains("guard  skipped: `steps.survey.json.rust` is false"), "{said}");
    assert!(said.contains("a README says what this is"), "a broken rule is told: {said}");
    assert_eq!(bench.decided("diff"), ["CONTINUE verified"]);
    let patch = bench.artifact("proposal.patch");
    assert!(patch.contains(" #!/bin/sh\n+# SPDX-License-Identifier: MIT\n"), "{patch}");
}

#[test]
fn a_repository_with_nothing_to_mend_is_only_looked_at() {
    let bench = Bench::new(&[("README", "hello\n")]);
    let said = bench.checked_up(&[]);
    assert!(said.contains("before  skipped: `steps.scratch.json.targets > 0` is false"), "{said}");
    assert_eq!(bench.artifact("proposal.patch"), "");
    bench.says(0, &["review", "answer", "r/decide-1", "--choose", "approve"]);
    bench.says(0, &["resume", "r"]);
    assert!(bench.artifact("repo-checkup.md").contains("Nothing to propose: the project declares no licence."));
}

#[test]
fn a_directory_without_a_repository_is_told_what_is_missing() {
    let bench = Bench::new(&[("README", "hello\n")]);
    fs::remove_dir_all(bench.work().join(".git")).unwrap();
    let workspace = bench.work();
    // The temporary directory may lie inside somebody's repository.
    let said = bench.program(&["run", "repo-checkup", "--run-id", "r", "--workspace", workspace.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&said.stderr);
    assert!(said.contains("not a git repository") || said.contains("json.files"), "{said}");
}

#[test]
fn the_demo_can_be_given_again_and_again() {
    let bench = Bench::rust();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR"));
    for below in ["flows", "scripts"] {
        for entry in walkdir::WalkDir::new(shipped.join(below)).into_iter().map(Result::unwrap) {
            let to = bench.work().join(entry.path().strip_prefix(shipped).unwrap());
            if entry.file_type().is_dir() {
                fs::create_dir_all(to).unwrap();
            } else {
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }
    fs::write(bench.work().join(".gitignore"), "/run_base\n").unwrap();
    bench.git(&["add", "-A"]);
    bench.git(&["commit", "-qm", "with flows"]);
    for number in [1, 2] {
        let mut demo = bench.command("sh");
        let output = demo.args(["small/scripts/demo.sh", env!("CARGO_BIN_EXE_flow-studio")]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains(&format!("everything is in run_base/demo-{number}")), "{said}");
        assert!(said.contains("**approve**: read the patch, looks right"), "{said}");
    }
    assert_eq!(bench.git(&["status", "--porcelain"]), "");
}
