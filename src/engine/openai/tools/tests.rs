use std::{collections::BTreeMap, os::unix::fs::symlink, path::PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::engine::{Outlet, Piece, Stop, tests::Bed};

/// What came of a few calls: what the model was told, and what went to the ledger.
struct Out {
    told: Vec<Done>,
    files: BTreeMap<String, Vec<u8>>,
    commands: usize,
}

async fn call(bed: &Bed, list: &[(&str, Value)]) -> Out {
    let (outlet, mut receiver) = Outlet::bounded();
    let flow_dir = bed.job.flow_dir.clone();
    let gather = async {
        let mut files = BTreeMap::<String, Vec<u8>>::new();
        while let Some(piece) = receiver.recv().await {
            match piece {
                // As the ledger does.
                Piece::File { path, bytes } => {
                    let to = flow_dir.parent().unwrap().join(&path);
                    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                    std::fs::write(to, bytes.get()).unwrap();
                    files.insert(path, bytes.into_inner());
                }
                Piece::Output { path, bytes, .. } => files.entry(path).or_default().extend(bytes.into_inner()),
                Piece::Written(done) => done.send(()).unwrap(),
                _ => {}
            }
        }
        files
    };
    let work = async {
        let outlet = outlet;
        let task = Task::new(&bed.job, &bed.redactor, &outlet, Stop::never());
        let mut toolbox = Toolbox::new(&task, &Tool::ALL.into());
        let mut told = Vec::new();
        for (name, arguments) in list {
            let arguments = arguments.as_str().map_or_else(|| arguments.to_string(), str::to_owned);
            told.push(toolbox.call(name, &arguments).await);
        }
        (told, toolbox.commands.len())
    };
    let ((told, commands), files) = tokio::join!(work, gather);
    Out { told, files, commands }
}

async fn one(bed: &Bed, name: &str, arguments: Value) -> String {
    match call(bed, &[(name, arguments)]).await.told.remove(0) {
        Done::Told(text) => text,
        other => panic!("{other:?}"),
    }
}

fn bed() -> Bed {
    let bed = Bed::shell("true");
    bed.file("src/app.py", "def f():\n    return 1\n\ndef g():\n    return 1\n");
    bed.file("docs/a.md", "# A\n");
    bed.file(".git/config", "[core]\n");
    bed
}

fn outside(bed: &Bed) -> PathBuf {
    let path = bed.workspace().parent().unwrap().join("secret.txt");
    std::fs::write(&path, "outside\n").unwrap();
    path
}

#[tokio::test]
async fn a_file_is_read_by_its_lines() {
    let bed = bed();
    assert_eq!(one(&bed, "read_file", json!({"path": "docs/a.md"})).await, "1\t# A\n");
    let part = one(&bed, "read_file", json!({"path": "./src/app.py", "from_line": 2, "lines": 1})).await;
    assert_eq!(part, "2\t    return 1\n[lines 2 to 2 of 5]\n");
    let absolute = bed.workspace().join("docs/a.md").display().to_string();
    assert_eq!(one(&bed, "read_file", json!({"path": absolute})).await, "1\t# A\n");
    bed.file("long.txt", &"line\n".repeat(20_000));
    let long = one(&bed, "read_file", json!({"path": "long.txt"})).await;
    assert!(long.len() <= RESULT_BYTES_MAX && long.ends_with(" of 20000]\n"), "{}", &long[long.len() - 60..]);
    std::fs::write(bed.workspace().join("bin"), [0, 1, 2]).unwrap();
    assert_eq!(one(&bed, "read_file", json!({"path": "bin"})).await, "error: `bin` is not text: 3 bytes");
}

#[tokio::test]
async fn no_path_leads_out() {
    let bed = bed();
    let secret = outside(&bed);
    symlink(&secret, bed.workspace().join("link.txt")).unwrap();
    symlink(secret.parent().unwrap(), bed.workspace().join("up")).unwrap();
    std::fs::write(bed.job.run_base.join("journal.jsonl"), "{}\n").unwrap();
    let journal = bed.job.run_base.join("journal.jsonl").display().to_string();
    for path in ["../secret.txt", "src/../../secret.txt", "link.txt", "up/secret.txt", &secret.display().to_string(), &journal] {
        let told = one(&bed, "read_file", json!({"path": path})).await;
        assert!(told.starts_with("error: ") && !told.contains("outside\n"), "{path}: {told}");
    }
    for path in ["../new", "link.txt", "up/new", "/new", "artifacts/../../new", ".git/hooks/pre-commit", "a/.GIT/x", "artifacts"]
    {
        let told = one(&bed, "write_file", json!({"path": path, "content": "x"})).await;
        assert!(told.starts_with("error: "), "{path}: {told}");
    }
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "outside\n");
    assert!(!bed.workspace().parent().unwrap().join("new").exists());
    let found = one(&bed, "search", json!({"pattern": "outside|core"})).await;
    assert_eq!(found, "no matches");
}

#[tokio::test]
async fn an_edit_needs_one_place() {
    let bed = bed();
    let edit = |old: &str, all: bool| json!({"path": "src/app.py", "old": old, "new": "return 2", "all": all});
    assert!(one(&bed, "edit_file", edit("return 1", false)).await.contains("stands 2 times"));
    assert!(one(&bed, "edit_file", edit("return 9", false)).await.contains("does not stand in"));
    assert_eq!(one(&bed, "edit_file", edit("return 1", true)).await, "replaced 2 places in `src/app.py`");
    let text = std::fs::read_to_string(bed.workspace().join("src/app.py")).unwrap();
    assert_eq!(text.matches("return 2").count(), 2);
}

#[tokio::test]
async fn an_artifact_goes_through_the_ledger_and_can_be_read_at_once() {
    let bed = bed();
    let list = [
        ("write_file", json!({"path": "artifacts/n/plan.md", "content": "plan\n"})),
        ("read_file", json!({"path": "artifacts/n/plan.md"})),
    ];
    let out = call(&bed, &list).await;
    assert_eq!(out.told[1], Done::Told("1\tplan\n".to_owned()));
    assert_eq!(out.files["build/artifacts/n/plan.md"], b"plan\n");
}

#[tokio::test]
async fn files_are_listed_and_searched() {
    let bed = bed();
    assert_eq!(one(&bed, "list_files", json!({})).await, "docs/a.md (4 bytes)\nsrc/app.py (45 bytes)\n");
    assert_eq!(one(&bed, "list_files", json!({"path": "src", "glob": "*.py"})).await, "src/app.py (45 bytes)\n");
    assert_eq!(one(&bed, "search", json!({"pattern": "def g", "glob": "*.py"})).await, "src/app.py:4: def g():\n");
    assert_eq!(one(&bed, "search", json!({"pattern": "A", "path": "docs/a.md"})).await, "docs/a.md:1: # A\n");
    assert!(one(&bed, "search", json!({"pattern": "("})).await.contains("not a regular expression"));
    bed.file("many.txt", &"hit\n".repeat(1000));
    let found = one(&bed, "search", json!({"pattern": "hit"})).await;
    assert_eq!(found.lines().count(), 201);
    assert!(found.contains("TRUNCATED"));
}

#[tokio::test]
async fn a_command_tells_its_exit_code_and_both_ends_of_its_output() {
    let bed = bed();
    let out = call(&bed, &[("run_command", json!({"command": "echo hello; echo oops >&2; exit 3"}))]).await;
    assert_eq!(out.told[0], Done::Told("exit code 3\n--- stdout\nhello\n--- stderr\noops\n".to_owned()));
    assert_eq!((out.commands, out.files["build/logs/work.1.tool-1.stdout"].as_slice()), (1, &b"hello\n"[..]));
    let long = one(&bed, "run_command", json!({"command": "seq 1 20000"})).await;
    assert!(long.contains("\n1\n2\n") && long.ends_with("20000\n"), "{}", &long[long.len() - 40..]);
    assert!(long.contains("left out, full at build/logs/work.1.tool-1.stdout]") && long.len() < 20_000, "{}", long.len());
    let read = one(&bed, "run_command", json!({"command": "cat"})).await;
    assert_eq!(read, "exit code 0\n", "standard input is empty");
    let slow = one(&bed, "run_command", json!({"command": "echo started; exec sleep 60", "timeout_s": 0.05})).await;
    assert_eq!(slow, "not done after 0.05 seconds, and ended\n--- stdout\nstarted\n");
}

#[tokio::test]
async fn the_end_of_the_steps_time_ends_a_command_and_the_conversation() {
    let bed = bed().with(|job| job.timeout_ms = Some(50));
    let out = call(&bed, &[("run_command", json!({"command": "exec sleep 60"}))]).await;
    assert_eq!((&out.told[0], out.commands), (&Done::Stopped, 1));
}

#[tokio::test]
async fn a_secret_in_a_file_is_not_told() {
    let mut bed = bed();
    bed.redactor = crate::redact::Redactor::new(&[("TOKEN".to_owned(), "correct-horse".to_owned())]).unwrap();
    bed.file(".env", "TOKEN=correct-horse\n");
    for (name, arguments) in [
        ("read_file", json!({"path": ".env"})),
        ("search", json!({"pattern": "TOKEN"})),
        ("run_command", json!({"command": "cat .env"})),
        ("run_command", json!({"command": "base64 .env"})),
    ] {
        let told = one(&bed, name, arguments).await;
        assert!(!told.contains("correct-horse"), "{told}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_told_in_words() {
    let bed = bed();
    let list =
        [("read_file", json!("{")), ("read_file", json!({"file": "a"})), ("nothing", json!({})), ("list_files", json!(""))];
    let told = call(&bed, &list).await.told;
    assert!(matches!(&told[0], Done::Malformed(why) if why.contains("EOF")), "{told:?}");
    assert!(matches!(&told[1], Done::Malformed(why) if why.contains("unknown field `file`")), "{told:?}");
    assert!(matches!(&told[2], Done::Malformed(why) if why.contains("there is no tool")), "{told:?}");
    assert!(matches!(&told[3], Done::Told(text) if text.contains("docs/a.md")), "{told:?}");
}

#[test]
fn every_tool_is_described_by_a_schema_that_fits_its_arguments() {
    for tool in Tool::ALL {
        let described = described(tool);
        assert_eq!(described["name"], tool.name());
        assert!(jsonschema::validator_for(&described["parameters"]).is_ok(), "{tool:?}");
    }
}
