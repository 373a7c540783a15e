//! The shipped detours, each entered by a step that really fails, with real processes in a directory of its own.
//! git, rustfmt and cargo are the real ones. ruff, eslint, mypy, python3, pip, node and npm are stand-ins: small shell
//! scripts that behave as the tool does in the one way that matters here, so that a machine without them can test.
//! A step sees only the programs that the test put on PATH: what is not there is certainly missing.

#![allow(clippy::disallowed_methods, reason = "a test finds the tools of the machine that it runs on")]

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

struct Bench {
    dir: tempfile::TempDir,
}

struct Ended {
    code: i32,
    decisions: Vec<Value>,
    said: String,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap() };
        for name in ["work", "bin", "home", "flows/scripts"] {
            fs::create_dir_all(bench.at(name)).unwrap();
        }
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
        fs::copy(shipped.join("detours.yaml"), bench.at("flows/detours.yaml")).unwrap();
        for script in fs::read_dir(shipped.join("scripts")).unwrap() {
            let script = script.unwrap();
            fs::copy(script.path(), bench.at("flows/scripts").join(script.file_name())).unwrap();
        }
        PLAIN.iter().for_each(|name| bench.real(name));
        bench
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// The machine's own program.
    fn real(&self, name: &str) {
        let path = std::env::var_os("PATH").unwrap();
        let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file());
        symlink(found.unwrap_or_else(|| panic!("{name} is not on PATH")), self.at("bin").join(name)).unwrap();
    }

    /// A stand-in for a program that may not be on this machine.
    fn stand_in(&self, name: &str, script: &str) {
        let file = self.at("bin").join(name);
        fs::write(&file, format!("#!/bin/sh\n# A stand-in.\nset -eu\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn file(&self, path: &str, text: &str) {
        let file = self.at("work").join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.at("work").join(path)).unwrap()
    }

    fn git(&self, below: &str, args: &[&str]) -> String {
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

    fn commit(&self, below: &str, message: &str) {
        self.git(below, &["add", "-A"]);
        self.git(below, &["commit", "-qm", message]);
    }

    fn repository(&self) {
        self.git("work", &["init", "-q"]);
        self.identity("work");
    }

    fn identity(&self, below: &str) {
        self.git(below, &["config", "user.name", "t"]);
        self.git(below, &["config", "user.email", "t@example.org"]);
    }

    /// A flow with one step, run to its end.
    fn run(&self, script: &str) -> Ended {
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
    fn mended_by(&self, detour: &str) {
        assert_eq!(self.code, 0, "{}", self.said);
        let first = &self.decisions[0];
        assert_eq!((first["decision"].as_str(), first["detour_id"].as_str()), (Some("DETOUR"), Some(detour)), "{}", self.said);
        assert_eq!(self.decisions.last().unwrap()["execution"], 2, "{}", self.said);
    }

    /// This detour was entered, could not do it, and says this; the step's failure stands.
    #[track_caller]
    fn blocked_in(&self, detour: &str, sentence: &str) {
        assert_eq!(self.code, 1, "{}", self.said);
        assert_eq!(self.decisions[0]["detour_id"], detour, "{}", self.said);
        assert!(self.said.contains(sentence), "{}", self.said);
        assert_eq!(self.decisions.last().unwrap()["decision"], "TERMINATE", "{}", self.said);
    }
}

#[test]
fn lint_fix_formats_the_rust_file_that_the_failure_names() {
    let bench = Bench::new();
    bench.real("rustfmt");
    bench.file("a.rs", "fn main(){println!(\"a\");}\n");
    bench.file("b.rs", "fn untouched(){}\n");
    bench.run("rustfmt --check --edition 2021 a.rs && echo all well").mended_by("lint-fix");
    assert_eq!(bench.text("a.rs"), "fn main() {\n    println!(\"a\");\n}\n");
    assert_eq!(bench.text("b.rs"), "fn untouched(){}\n");
}

const RUFF: &str =
    "case \"$*\" in *--fix*) rm -f wrong ;; *) if [ -e wrong ]; then echo 'wrong:1:1: E711 comparison' >&2; exit 1; fi ;; esac";

#[test]
fn lint_fix_lets_ruff_mend_python() {
    let bench = Bench::new();
    bench.stand_in("ruff", RUFF);
    bench.file("wrong", "");
    bench.run("ruff check . && echo all well").mended_by("lint-fix");
}

#[test]
fn lint_fix_says_which_linter_is_missing_and_how_to_get_it() {
    let bench = Bench::new();
    bench
        .run("echo 'a.py:1:1: E711 comparison' >&2; exit 1")
        .blocked_in("lint-fix", "blocked: ruff is not installed; pip install ruff");
}

#[test]
fn lint_fix_lets_eslint_mend_a_node_project() {
    let bench = Bench::new();
    bench.stand_in(
        "eslint",
        "case \"$*\" in *--fix*) rm -f wrong ;; *) [ ! -e wrong ] || { echo 'eslint: 1 problem' >&2; exit 1; } ;; esac",
    );
    bench.file("package.json", "{}");
    bench.file("wrong", "");
    bench.run("eslint . && echo all well").mended_by("lint-fix");
}

/// pip "installs" what requirements.txt lists into a directory; python3 looks there.
fn python(bench: &Bench) {
    bench.stand_in("pip", "mkdir -p installed; while read -r name; do touch \"installed/$name\"; done < requirements.txt");
    bench.stand_in("python3", "[ -e \"installed/$3\" ] || { echo \"ModuleNotFoundError: No module named '$3'\" >&2; exit 1; }");
}

#[test]
fn import_fix_installs_a_declared_python_module() {
    let bench = Bench::new();
    python(&bench);
    bench.file("requirements.txt", "yaml-tools\nsome_module\n");
    bench.run("python3 -c import some_module && echo all well").mended_by("import-fix");
}

#[test]
fn import_fix_never_installs_a_name_that_only_an_error_names() {
    let bench = Bench::new();
    python(&bench);
    bench.file("requirements.txt", "some_module_else\n");
    let ended = bench.run("python3 -c import some_module && echo all well");
    ended.blocked_in("import-fix", "blocked: no requirements.txt or pyproject.toml declares some_module");
    assert!(!bench.at("work/installed").exists());
}

#[test]
fn import_fix_installs_a_declared_node_package() {
    let bench = Bench::new();
    bench.stand_in("npm", "mkdir -p node_modules/left");
    bench.stand_in("node", "[ -d \"node_modules/left\" ] || { echo \"Error: Cannot find module 'left'\" >&2; exit 1; }");
    bench.file("package.json", "{\"dependencies\": {\"left\": \"1\"}}");
    bench.run("node app.js && echo all well").mended_by("import-fix");
}

#[test]
fn import_fix_leaves_a_missing_file_of_the_project_to_its_author() {
    let bench = Bench::new();
    bench.file("package.json", "{}");
    bench
        .run("echo \"Error: Cannot find module './parts/left'\" >&2; exit 1")
        .blocked_in("import-fix", "is a file of the project and not a package");
}

#[test]
fn dep_fix_brings_a_lock_file_in_line_with_the_manifest() {
    let bench = Bench::new();
    ["cargo", "rustc"].iter().for_each(|name| bench.real(name));
    let manifest =
        |name: &str, more: &str| format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n{more}");
    bench.file("Cargo.toml", &manifest("one", "[dependencies]\ntwo = { path = \"two\" }\n"));
    bench.file("src/lib.rs", "");
    bench.file("two/Cargo.toml", &manifest("two", ""));
    bench.file("two/src/lib.rs", "");
    bench.file("Cargo.lock", "version = 4\n\n[[package]]\nname = \"one\"\nversion = \"0.1.0\"\n");
    bench.run("cargo metadata --locked --offline --format-version 1 > /dev/null && echo all well").mended_by("dep-fix");
    assert!(bench.text("Cargo.lock").contains("\"two\""));
}

#[test]
fn dep_fix_says_so_where_nothing_is_declared() {
    let bench = Bench::new();
    bench.run("echo 'npm error missing: left' >&2; exit 1").blocked_in("dep-fix", "nothing says what should be installed");
}

#[test]
fn type_fix_applies_what_the_compiler_is_sure_of() {
    let bench = Bench::new();
    ["cargo", "rustc", "cc"].iter().for_each(|name| bench.real(name));
    bench.file("Cargo.toml", "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
    bench.file("src/lib.rs", "pub fn half() -> f32 {\n    let whole: f32 = 1;\n    whole / 2.0\n}\n");
    bench.run("cargo check --quiet --offline && echo all well").mended_by("type-fix");
    assert!(bench.text("src/lib.rs").contains("let whole: f32 = 1.0;"));
}

#[test]
fn type_fix_says_that_an_author_has_to_look_at_the_rest() {
    let bench = Bench::new();
    ["cargo", "rustc", "cc"].iter().for_each(|name| bench.real(name));
    bench.file("Cargo.toml", "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
    bench.file("src/lib.rs", "pub fn one() -> u32 {\n    \"a word\"\n}\n");
    bench
        .run("cargo check --quiet --offline && echo all well")
        .blocked_in("type-fix", "the compiler has no sure fix for the rest");
}

#[test]
fn type_fix_leaves_what_is_only_suspected_to_an_author() {
    let bench = Bench::new();
    bench.stand_in("mypy", "echo 'a.py:1: error: Incompatible types in assignment' >&2; exit 1");
    bench.run("mypy . && echo all well").blocked_in("type-fix", "mypy has no sure fix for the rest; an author has to look");
}

#[test]
fn fixture_fix_brings_back_what_git_has() {
    let bench = Bench::new();
    bench.repository();
    bench.file("tests/fixtures/one.json", "{}\n");
    bench.commit("work", "one");
    fs::remove_file(bench.at("work/tests/fixtures/one.json")).unwrap();
    bench.run("cat tests/fixtures/one.json && echo all well").mended_by("fixture-fix");
}

#[test]
fn fixture_fix_lets_the_project_make_the_rest() {
    let bench = Bench::new();
    bench.repository();
    bench.file("scripts/fixtures.sh", "mkdir -p tests/fixtures; echo '{}' > tests/fixtures/made.json\n");
    bench.run("cat tests/fixtures/made.json && echo all well").mended_by("fixture-fix");
}

#[test]
fn fixture_fix_says_who_could_have_made_it() {
    let bench = Bench::new();
    bench.repository();
    bench
        .run("cat tests/fixtures/none.json && echo all well")
        .blocked_in("fixture-fix", "there is no `make fixtures` or scripts/fixtures.sh");
}

/// `main` and `other` both change line two of the same file.
fn two_sides(bench: &Bench, ours: &str, theirs: &str) {
    bench.repository();
    bench.file("text", "one\ntwo\nthree\n");
    bench.commit("work", "start");
    bench.git("work", &["branch", "-M", "main"]);
    bench.git("work", &["checkout", "-qb", "other"]);
    bench.file("text", &format!("one\n{theirs}\nthree\n"));
    bench.commit("work", "theirs");
    bench.git("work", &["checkout", "-q", "main"]);
    bench.file("text", &format!("one\n{ours}\nthree\n"));
    bench.commit("work", "ours");
}

#[test]
fn conflict_fix_merges_where_only_blanks_differ() {
    let bench = Bench::new();
    two_sides(&bench, "two  ", "the second");
    bench.run("git merge -q --no-edit other && echo all well").mended_by("conflict-fix");
    assert_eq!(bench.text("text"), "one\nthe second\nthree\n");
    assert_eq!(bench.git("work", &["status", "--porcelain"]), "");
}

#[test]
fn conflict_fix_puts_the_tree_back_and_keeps_what_was_half_merged() {
    let bench = Bench::new();
    two_sides(&bench, "our second", "their second");
    bench.file("notes", "mine, not yet committed\n");
    let head = bench.git("work", &["rev-parse", "HEAD"]);
    let ended = bench.run("git merge -q --no-edit other && echo all well");
    ended.blocked_in("conflict-fix", "both sides changed the same lines of text");
    assert_eq!(bench.git("work", &["rev-parse", "HEAD"]), head);
    assert_eq!(bench.text("text"), "one\nour second\nthree\n");
    assert_eq!(bench.text("notes"), "mine, not yet committed\n");
    let kept = bench.git("work", &["show", "refs/flow-studio/conflict/r-work:text"]);
    assert!(kept.contains("<<<<<<<") && kept.contains("their second"), "{kept}");
}

#[test]
fn conflict_fix_rebases_where_only_blanks_differ() {
    let bench = Bench::new();
    two_sides(&bench, "two  ", "the second");
    bench.run("git rebase -q other && echo all well").mended_by("conflict-fix");
    assert_eq!(bench.text("text"), "one\nthe second\nthree\n");
    assert_eq!(bench.git("work", &["merge-base", "--is-ancestor", "other", "HEAD"]), "");
}

#[test]
fn conflict_fix_takes_a_rebase_back_whole() {
    let bench = Bench::new();
    two_sides(&bench, "our second", "their second");
    let before = (bench.git("work", &["rev-parse", "HEAD"]), bench.git("work", &["symbolic-ref", "HEAD"]));
    bench.run("git rebase -q other && echo all well").blocked_in("conflict-fix", "both sides changed the same lines of text");
    assert_eq!((bench.git("work", &["rev-parse", "HEAD"]), bench.git("work", &["symbolic-ref", "HEAD"])), before);
    assert_eq!(bench.git("work", &["status", "--porcelain"]), "");
}

/// A shared repository, `work` cloned from it, and a commit in it that `work` does not have.
fn shared(bench: &Bench, theirs: (&str, &str), ours: (&str, &str)) {
    bench.git("", &["init", "-q", "--bare", "shared"]);
    fs::remove_dir(bench.at("work")).unwrap();
    for clone in ["work", "elsewhere"] {
        bench.git("", &["clone", "-q", "shared", clone]);
        bench.identity(clone);
        bench.git(clone, &["checkout", "-q", "-B", "main"]);
        if clone == "work" {
            bench.file("text", "start\n");
            bench.commit("work", "start");
            bench.git("work", &["push", "-q", "-u", "origin", "main"]);
        } else {
            bench.git(clone, &["pull", "-q", "origin", "main"]);
        }
    }
    fs::write(bench.at("elsewhere").join(theirs.0), theirs.1).unwrap();
    bench.commit("elsewhere", "theirs");
    bench.git("elsewhere", &["push", "-q", "origin", "main"]);
    bench.file(ours.0, ours.1);
    bench.commit("work", "ours");
}

#[test]
fn upstream_sync_rebases_and_the_push_goes_through() {
    let bench = Bench::new();
    shared(&bench, ("theirs", "1\n"), ("ours", "2\n"));
    bench.run("git push origin main && echo all well").mended_by("upstream-sync");
    assert_eq!(bench.git("shared", &["log", "--format=%s", "main"]), "ours\ntheirs\nstart");
}

#[test]
fn upstream_sync_leaves_the_branch_as_it_was_where_both_sides_differ() {
    let bench = Bench::new();
    shared(&bench, ("text", "theirs\n"), ("text", "ours\n"));
    let head = bench.git("work", &["rev-parse", "HEAD"]);
    let ended = bench.run("git push origin main && echo all well");
    ended.blocked_in("upstream-sync", "both changed text");
    assert_eq!(bench.git("work", &["rev-parse", "HEAD"]), head);
    assert_eq!(bench.git("work", &["status", "--porcelain"]), "");
    assert_eq!(bench.git("shared", &["log", "--format=%s", "main"]), "theirs\nstart");
}

#[test]
fn upstream_sync_does_not_touch_what_is_not_committed() {
    let bench = Bench::new();
    shared(&bench, ("theirs", "1\n"), ("ours", "2\n"));
    bench.file("text", "in the middle of something\n");
    bench.run("git push origin main && echo all well").blocked_in("upstream-sync", "commit or stash them first");
    assert_eq!(bench.text("text"), "in the middle of something\n");
}
