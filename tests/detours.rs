//! The shipped detours, each entered by a step that really fails, with real processes in a directory of its own.
//! git, rustfmt and cargo are the real ones. ruff, eslint, mypy, python3, pip, node and npm are stand-ins: small shell
//! scripts that behave as the tool does in the one way that matters here, so that a machine without them can test.
//! A step sees only the programs that the test put on PATH: what is not there is certainly missing.

#![allow(clippy::disallowed_methods, reason = "a test finds the tools of the machine that it runs on")]

#[path = "detours/bench.rs"]
mod bench;
#[path = "detours/git.rs"]
mod git;

use std::fs;

use bench::Bench;

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
