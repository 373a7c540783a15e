//! What ARCHITECTURE.md says is not there, is not there: imports, banned words, doors to the disk, long files.
//! The tests read the source as text. A rule that a text cannot hold is held by clippy.toml or by a type instead.

#[path = "architecture/source.rs"]
mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use source::{code_of, crate_paths, every_rust_file, root, says, sources, words};

/// Who may import whom. A row is a module of `src/`; `spec::Severity` allows that one name, `spec` the whole module.
const IMPORTS: &[(&str, &[&str])] = &[
    ("id", &[]),
    ("redact", &[]),
    // Diagnostics of the flow language are one of the forms that an error has, and become part of its JSON.
    ("net", &[]),
    ("error", &["spec::Diagnostics"]),
    ("config", &["error", "id::ProgramName", "id::UserName", "spec::Length"]),
    ("spec", &["id"]),
    // Words that stand in flows and in records alike: severities, roles, what a timeout does.
    ("record", &["id", "spec::Halt", "spec::OnTimeout", "spec::Role", "spec::Severity"]),
    ("plan", &["id", "spec"]),
    ("kernel", &["id", "plan", "record", "spec"]),
    ("measure", &["id", "spec", "record", "redact"]),
    ("rails", &["id", "spec", "record", "redact"]),
    ("context", &["id", "spec", "record", "redact"]),
    ("engine", &["id", "spec", "record", "context", "measure", "rails", "redact", "net"]),
    ("notify", &["id", "record", "spec::Role", "spec::Severity", "net"]),
    ("ledger", &["id", "record", "redact", "spec::Severity"]),
    ("runner", &["id", "plan", "spec", "record", "redact", "kernel", "engine", "context", "measure", "rails", "ledger"]),
    ("inspect", &["id", "plan", "spec", "record", "redact", "kernel", "ledger", "measure"]),
    (
        "workspace",
        &[
            "config", "context", "engine", "error", "id", "inspect", "kernel", "ledger", "measure", "notify", "plan", "rails",
            "record", "redact", "runner", "spec",
        ],
    ),
    ("import", &["rails::assigned_secrets", "redact::shapes_in"]),
    // What a page shows: views of runs, the pictures of their flows, and the journal as it grows.
    (
        "studio",
        &[
            "config",
            "error",
            "id",
            "inspect",
            "kernel::Frame",
            "ledger::Follow",
            "ledger::InRun",
            "ledger::JournalWatch",
            "ledger::artifacts",
            "ledger::RunDir",
            "ledger::Turn",
            "plan::draw",
            "record",
            "spec",
            "workspace",
        ],
    ),
    // What is printed; a run that was just driven is told from the state it ended in.
    (
        "cli",
        &[
            "config",
            "engine::Scenario",
            "error",
            "id",
            "import",
            "inspect",
            "kernel::Frame",
            "kernel::FramePhase",
            "kernel::State",
            "ledger",
            "plan::draw",
            "record",
            "runner::Clock",
            "runner::Ended",
            "runner::Observer",
            "runner::survive_size_limit",
            "spec",
            "studio",
            "workspace",
        ],
    ),
];

/// Words that must not stand in the kernel.
const NOT_IN_THE_KERNEL: &[&str] = &[
    "Instant",
    "SystemTime",
    "HashMap",
    "HashSet",
    "RandomState",
    "fs",
    "net",
    "process",
    "env",
    "thread",
    "File",
    "tokio",
    "rand",
    "async",
    "await",
    "println",
    "eprintln",
    "unsafe",
    "Mutex",
    "RefCell",
    "static_mut",
];

/// What changes a disk.
const WRITES: &[&str] = &[
    "fs::write",
    "File::create",
    "File::options",
    "OpenOptions",
    "fs::rename",
    "fs::copy",
    "fs::hard_link",
    "create_dir",
    "create_dir_all",
    "remove_file",
    "remove_dir",
    "remove_dir_all",
    "set_permissions",
    "set_len",
    "symlink",
    "rustix::fs",
    "tempfile",
];

/// Who may change it, and what.
const WRITERS: &[(&str, &str)] = &[
    ("src/ledger/", "the only door to RUN_BASE"),
    ("src/engine/", "what a step writes: `render` into the workspace"),
    ("src/rails/", "a step's scratch directory"),
    ("src/cli/import.rs", "the flow that a runbook became, where a person says"),
    ("src/studio/private.rs", "the studio's own token and the list of its users, for its owner alone"),
    ("src/cli/init.rs", "a first flow, put where there was none"),
    ("src/cli/report.rs", "a report, put where it is told"),
    ("src/cli/doctor.rs", "a file written to see whether it can be, and how fast"),
];

/// What only one place may ask.
type Questions = &'static [&'static str];
type Places = &'static [(&'static str, &'static str)];
const ASKED_ONCE: &[(Questions, Places)] = &[
    (
        &["env::var", "env::var_os", "env::vars", "env::vars_os", "option_env"],
        &[("src/main.rs", "hands the environment to config, which alone reads it")],
    ),
    (&["SystemTime::now", "Timestamp::now", "Zoned::now"], &[("src/runner/clock.rs", "the run's clock")]),
    (&["process::exit", "process::abort"], &[]),
];

/// Lines that a file may have; longer ones stand in tests/long_files.txt with their ceiling.
const LINES_MAX: usize = 400;

/// Packages in Cargo.lock. Raise it in a commit of its own that says what the new ones save.
const PACKAGES_MAX: usize = 412;

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n  {}\n", wrong.join("\n  "));
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let mut wrong = Vec::new();
    for file in sources() {
        let module = file.module();
        if module == "main" || module == "lib" {
            continue;
        }
        let Some((_, allowed)) = IMPORTS.iter().find(|(row, _)| *row == module) else {
            wrong.push(format!("{}: module `{module}` has no row in the table of tests/architecture.rs", file.name));
            continue;
        };
        for path in crate_paths(&file.code, &file.at) {
            let head = path.split("::").next().unwrap_or_default();
            let fits = |rule: &str| path == rule || path.starts_with(&format!("{rule}::"));
            // `use crate::spec;` would open the whole module to a row that has only some of its names.
            if head != module && !allowed.iter().any(|rule| fits(rule)) {
                wrong.push(format!("{}: `{module}` may not import `crate::{path}`", file.name));
            }
        }
    }
    none(&wrong);
}

/// Globs would hide who imports whom.
#[test]
fn nothing_is_imported_by_a_glob() {
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|file| crate_paths(&file.code, &file.at).iter().any(|path| path.ends_with('*')) || file.code.contains("::*;"))
        .map(|file| format!("{}: name what is imported", file.name))
        .collect();
    none(&wrong);
}

#[test]
fn the_kernel_has_no_clock_no_disk_no_luck_and_no_async() {
    let mut wrong = Vec::new();
    for file in sources().iter().filter(|file| file.module() == "kernel") {
        let words: BTreeSet<&str> = words(&file.code).collect();
        wrong
            .extend(NOT_IN_THE_KERNEL.iter().filter(|word| words.contains(*word)).map(|word| format!("{}: `{word}`", file.name)));
    }
    none(&wrong);
}

#[test]
fn only_the_named_doors_write() {
    let mut wrong = Vec::new();
    for file in sources().iter().filter(|file| !WRITERS.iter().any(|(door, _)| file.name.starts_with(door))) {
        wrong.extend(WRITES.iter().filter(|word| says(&file.code, word)).map(|word| format!("{}: `{word}`", file.name)));
    }
    none(&wrong);
}

#[test]
fn the_environment_and_the_time_are_asked_in_one_place() {
    let mut wrong = Vec::new();
    for (questions, places) in ASKED_ONCE {
        for file in sources().iter().filter(|file| !places.iter().any(|(place, _)| file.name == *place)) {
            let asked = questions.iter().filter(|question| says(&file.code, question));
            wrong.extend(asked.map(|question| format!("{}: `{question}` belongs into {places:?}", file.name)));
        }
    }
    none(&wrong);
}

#[test]
fn nothing_is_left_for_later() {
    let mut wrong = Vec::new();
    for (name, text) in every_rust_file() {
        let code = code_of(&text);
        for word in ["todo", "unimplemented", "dbg"] {
            if code.contains(&format!("{word}!")) {
                wrong.push(format!("{name}: `{word}!`"));
            }
        }
        if code.contains("#[ignore") {
            wrong.push(format!("{name}: an ignored test"));
        }
    }
    none(&wrong);
}

#[test]
fn every_file_says_what_it_is_first() {
    let test = |name: &str| name.contains("/tests/") || name.ends_with("tests.rs");
    let all = every_rust_file().into_iter().filter(|(name, _)| !(name.starts_with("src/") && test(name)));
    none(
        &all.filter(|(_, text)| !text.starts_with("//! "))
            .map(|(name, _)| format!("{name}: begins without `//! `"))
            .collect::<Vec<_>>(),
    );
}

/// A ratchet: files get shorter, or stay. `UPDATE_LONG_FILES=1` writes the list anew, but never raises a ceiling.
#[test]
fn files_stay_humane() {
    let list = root().join("tests/long_files.txt");
    let committed = fs::read_to_string(&list).unwrap_or_default();
    let ceilings: BTreeMap<&str, usize> = committed
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let (name, lines) = line.rsplit_once(' ')?;
            Some((name.trim(), lines.parse().ok()?))
        })
        .collect();
    let lengths: BTreeMap<String, usize> =
        every_rust_file().into_iter().map(|(name, text)| (name, text.lines().count())).collect();
    let mut wrong = Vec::new();
    for (name, lines) in &lengths {
        match ceilings.get(name.as_str()) {
            Some(ceiling) if lines > ceiling => {
                wrong.push(format!("{name} has grown from {ceiling} to {lines} lines: take it apart"));
            }
            None if *lines > LINES_MAX => wrong.push(format!("{name} has {lines} lines, more than {LINES_MAX}: take it apart")),
            _ => {}
        }
    }
    for (name, ceiling) in &ceilings {
        match lengths.get(*name) {
            Some(lines) if *lines > LINES_MAX => {}
            _ => wrong.push(format!("{name} ({ceiling}) is short now, or gone: take it off tests/long_files.txt")),
        }
    }
    if std::env::var_os("UPDATE_LONG_FILES").is_some() {
        let ceiling = |name: &str, lines: usize| ceilings.get(name).copied().unwrap_or(usize::MAX).min(lines);
        let long = lengths.iter().filter(|(_, lines)| **lines > LINES_MAX);
        let rows: String = long.map(|(name, lines)| format!("{name} {}\n", ceiling(name, *lines))).collect();
        let head =
            format!("# Files of more than {LINES_MAX} lines, with their ceilings. None may grow; see tests/architecture.rs.\n");
        fs::write(&list, head + &rows).expect("tests/ can be written");
    }
    none(&wrong);
}

#[test]
fn the_lock_file_stays_below_its_ceiling() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock is committed");
    let packages = lock.lines().filter(|line| *line == "[[package]]").count();
    assert!(packages <= PACKAGES_MAX, "{packages} packages in Cargo.lock, the ceiling is {PACKAGES_MAX}");
}

/// Each dependency is used, and has its reason in ARCHITECTURE.md.
#[test]
fn every_dependency_is_used_and_says_why_it_is_here() {
    let all: String = every_rust_file().into_iter().map(|(_, text)| text).collect();
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml is there");
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is there");
    let mut section = "";
    let mut wrong = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
            continue;
        }
        let Some((name, _)) = line.split_once(" = ").filter(|_| section.ends_with("dependencies]")) else { continue };
        if !text.contains(&format!("`{name}`")) {
            wrong.push(format!("`{name}` is not explained in ARCHITECTURE.md"));
        }
        if !says(&all, &name.replace('-', "_")) {
            wrong.push(format!("`{name}` is not used"));
        }
    }
    none(&wrong);
}

/// The reader that the tests above stand on sees what it should.
#[test]
fn the_reader_sees_imports_and_skips_tests_comments_and_texts() {
    let text = r##"
        //! crate::a
        use crate::{b::{C, d::E}, f};
        fn g() -> &'static str { let quote = '"'; crate::h::i(); "crate::j" /* crate::k */ }
        const RAW: &str = r#"crate::l "quoted" "#;
        use super::super::m::N;
        use super::sibling;
        #[cfg(test)]
        use crate::o;
        #[cfg(test)]
        mod tests { use crate::p; fn q() { if true { } } }
        use crate::r::*;
    "##;
    let at = vec!["x".to_owned(), "y".to_owned()];
    let found = crate_paths(&code_of(text), &at);
    let expected = ["b::C", "b::d::E", "f", "h::i", "m::N", "r::*", "x::sibling"];
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    assert!(says("let a = std::fs::write(b);", "fs::write") && !says("refs::write_all", "fs::write"));
}
