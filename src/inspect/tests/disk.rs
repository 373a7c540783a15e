//! Runs as they lie on a disk: whole, torn, changed, half there.

use std::{fs, path::Path, sync::Arc};

use crate::{
    id::{RunId, Time},
    inspect::{
        FileKind, FilesError, RunIndex, RunView, ViewError, shown_file,
        testing::{Says, TestRun, at},
    },
    ledger::RunsDir,
    record::{Manifest, RunStatus},
};

const FLOW: &str = "flow: x\ntitle: X\nsteps:\n  - {id: build, run: ./build.sh, expect: {exit: 0}}\n";

fn run() -> TestRun {
    TestRun::new(&[("flows/x.yaml", FLOW)]).says("build", &[Says::Fails("boom")]).start()
}

fn journal(run: &TestRun) -> String {
    run.entries.iter().map(|entry| serde_json::to_string(entry).unwrap() + "\n").collect()
}

fn load(base: &Path, run: &TestRun, text: &str) -> Result<RunView, ViewError> {
    fs::create_dir_all(base.join("r-1")).unwrap();
    fs::write(base.join("r-1/journal.jsonl"), text).unwrap();
    let dir = RunsDir::new(base).open(&RunId::new("r-1").unwrap()).unwrap();
    RunView::load(&dir, |_, _| Ok(Arc::clone(&run.book)))
}

#[test]
fn a_torn_tail_never_happened() {
    let (base, run) = (tempfile::tempdir().unwrap(), run());
    let text = journal(&run);
    let view = load(base.path(), &run, &(text.clone() + "{\"seq\":")).unwrap();
    assert_eq!((view.status(), view.torn_bytes), (RunStatus::Failed, 7));
    let shorter = load(base.path(), &run, &text[..text.len() - 1]).unwrap();
    assert_eq!(shorter.state.seq, run.state.seq - 1);
}

#[test]
fn a_changed_line_is_named() {
    let (base, run) = (tempfile::tempdir().unwrap(), run());
    let error = load(base.path(), &run, &journal(&run).replacen("boom", "bomb", 1)).unwrap_err();
    assert!(error.is_integrity());
    // The line behind the changed one no longer fits.
    let changed = journal(&run).lines().position(|line| line.contains("boom")).unwrap() as u64 + 1;
    assert!(matches!(error, ViewError::Broken { line, .. } if line == changed + 1), "{error}");
}

#[test]
fn a_file_that_is_not_there_is_told_from_one_that_never_is() {
    let (base, run) = (tempfile::tempdir().unwrap(), run());
    let view = load(base.path(), &run, &journal(&run)).unwrap();
    let dir = RunsDir::new(base.path()).open(&view.run_id).unwrap();
    let build = at("x", "build");
    let show = |kind, execution| shown_file(&view, &dir, &build, kind, execution);
    assert!(matches!(show(FileKind::Log, None), Err(FilesError::Gone { path }) if path == "x/logs/build.jsonl"));
    let receipt = show(FileKind::Receipt, None).unwrap();
    assert_eq!((&receipt.content["status"], &receipt.content["error"]), (&"failed".into(), &"boom".into()), "the journal has it");
    assert!(receipt.differs.unwrap().starts_with("x/receipts/build-shell.json is not there, and the journal has it"));
    assert_eq!(show(FileKind::Prompt, None).unwrap().text(), "build is not performed by an agent: it has no prompt\n");
    assert_eq!(
        show(FileKind::Receipt, Some(4)).unwrap_err().to_string(),
        "step build has no execution 4; it has 1 execution, the last is 1"
    );
    fs::create_dir_all(base.path().join("r-1/x/logs")).unwrap();
    let log = [
        r#"{"ts":"2026-01-05T09:00:00.000Z","seq":1,"event":"start","execution":1}"#,
        r#"{"event":"output","stream":"stdout","line":"hello \u001b[31mred"}"#,
        r#"{"event":"output","stream":"stderr","line":"boom"}"#,
        r#"{"ts":"2026-01-05T09:00:01.500Z","seq":2,"event":"end","execution":1,"status":"failed","exit_code":1}"#,
        r#"{"ts":"2026-01-05T09:00:02.000Z","seq":3,"event":"start","execution":2}"#,
    ];
    fs::write(base.path().join("r-1/x/logs/build.jsonl"), log.join("\n")).unwrap();
    let log = show(FileKind::Log, Some(1)).unwrap();
    insta::assert_snapshot!("log", log.text());
    assert!(log.differs.is_some(), "its events were made up");
}

pub(super) fn manifest(id: &str, status: RunStatus, created_ms: i64) -> Manifest {
    let at = Time::from_ms(created_ms);
    Manifest {
        schema: Manifest::SCHEMA.to_owned(),
        run_id: RunId::new(id).unwrap(),
        status,
        created_at: at,
        updated_at: at.plus(60_000),
        workspace: "/work".to_owned(),
        host: "box".to_owned(),
        version: "0.1.0".to_owned(),
        started_by: "ada".to_owned(),
        pid: None,
        journal_seq: 0,
        journal_head: crate::id::Sha256::of(b""),
        projected_seq: 0,
        boot_id: None,
        flows: Vec::new(),
        running: Vec::new(),
        waiting_for: Vec::new(),
        answered: None,
    }
}

#[test]
fn a_list_is_newest_first_and_hides_no_damage() {
    let base = tempfile::tempdir().unwrap();
    let put = |id: &str, name: &str, text: &str| {
        fs::create_dir_all(base.path().join(id)).unwrap();
        fs::write(base.path().join(id).join(name), text).unwrap();
    };
    for (id, status, at) in
        [("old", RunStatus::Succeeded, 1_000), ("new", RunStatus::Waiting, 9_000), ("killed", RunStatus::Running, 5_000)]
    {
        put(id, "run.json", &serde_json::to_string(&manifest(id, status, at)).unwrap());
    }
    put("torn", "run.json", "{\"schema\":");
    put("torn", "journal.jsonl", "");
    fs::create_dir_all(base.path().join("empty")).unwrap();
    let list = RunIndex::new(|_| Err(ViewError::Empty)).list(&RunsDir::new(base.path())).unwrap().0;
    let lines: Vec<(&str, Option<RunStatus>)> = list.runs.iter().map(|run| (run.run_id.as_str(), run.status)).collect();
    let want = [
        ("empty", None),
        ("torn", None),
        ("new", Some(RunStatus::Waiting)),
        ("killed", Some(RunStatus::Interrupted)),
        ("old", Some(RunStatus::Succeeded)),
    ];
    assert_eq!(lines, want);
    assert!(list.runs[..2].iter().all(|run| run.damaged.is_some()));
    assert!(RunIndex::new(|_| Err(ViewError::Empty)).list(&RunsDir::new(base.path().join("nowhere"))).unwrap().0.runs.is_empty());
}
