//! What is kept of runs is what would be read of them anew.

use std::{fs, path::Path, sync::Arc};

use crate::{
    id::{RunId, Time},
    inspect::{
        Growing, RunIndex, RunView, ViewError,
        testing::{Says, TestRun},
    },
    ledger::{Holder, Lock, RunDir, RunsDir},
    record::RunStatus,
};

const FLOW: &str = "flow: x\ntitle: X\nsteps:\n  - {id: make, run: ./make.sh}\n  - {id: build, run: ./build.sh, expect: {exit: 0}}\n  - {id: last, run: ./last.sh}\n";

fn played() -> TestRun {
    TestRun::new(&[("flows/x.yaml", FLOW)]).says("build", &[Says::Fails("boom")]).start()
}

fn lines(run: &TestRun) -> Vec<String> {
    run.entries.iter().map(|entry| serde_json::to_string(entry).unwrap() + "\n").collect()
}

fn put(base: &Path, text: &str) -> RunDir {
    fs::create_dir_all(base.join("r-1")).unwrap();
    fs::write(base.join("r-1/journal.jsonl"), text).unwrap();
    RunsDir::new(base).open(&RunId::new("r-1").unwrap()).unwrap()
}

fn add(dir: &RunDir, text: &str) {
    let mut file = fs::OpenOptions::new().append(true).open(dir.path(&dir.journal())).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
}

fn drives(dir: &RunDir) -> Lock {
    Lock::take(dir, &Holder { pid: 7, host: "box".to_owned(), since: Time::from_ms(0) }).unwrap()
}

#[test]
fn a_view_that_is_read_on_is_the_view_that_is_read_anew_wherever_it_stood() {
    let run = played();
    let lines = lines(&run);
    for cut in 1..lines.len() {
        let base = tempfile::tempdir().unwrap();
        // Somebody drives it, and is in the middle of a line.
        let dir = put(base.path(), &(lines[..cut].concat() + "{\"se"));
        let lock = drives(&dir);
        let mut growing = Growing::new(dir.id().clone());
        let read_on = |growing: &mut Growing| growing.read_on(&dir, |_, _| Ok(Arc::clone(&run.book)));
        let anew = || format!("{:?}", RunView::load(&dir, |_, _| Ok(Arc::clone(&run.book))).unwrap());
        read_on(&mut growing).unwrap();
        let before = growing.view();
        assert_eq!(format!("{before:?}"), anew(), "{cut} lines");
        let seen = format!("{before:?}");
        add(&dir, &lines[cut..].concat()["{\"se".len()..]);
        read_on(&mut growing).unwrap();
        assert_eq!(format!("{:?}", growing.view()), anew(), "behind {cut} lines");
        assert_eq!(format!("{before:?}"), seen, "whoever looks at a view is not disturbed");
        drop(lock);
        read_on(&mut growing).unwrap();
        assert_eq!(format!("{:?}", growing.view()), anew(), "nobody drives it any more");
    }
}

#[test]
fn what_is_written_while_nobody_drives_a_run_is_not_believed_for_what_was_read_before() {
    let run = played();
    let text = lines(&run).concat();
    let base = tempfile::tempdir().unwrap();
    let dir = put(base.path(), &text);
    let mut growing = Growing::new(dir.id().clone());
    growing.read_on(&dir, |_, _| Ok(Arc::clone(&run.book))).unwrap();
    put(base.path(), &text.replacen("boom", "bomb", 1));
    // The clock of a file system may stand still for longer than this test takes.
    let file = fs::File::options().write(true).open(dir.path(&dir.journal())).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    let error = growing.read_on(&dir, |_, _| Ok(Arc::clone(&run.book))).unwrap_err();
    assert!(error.is_integrity(), "{error}");
    // Another run under its name, while somebody drives it.
    let mut growing = Growing::new(dir.id().clone());
    put(base.path(), &text);
    growing.read_on(&dir, |_, _| Ok(Arc::clone(&run.book))).unwrap();
    let _lock = drives(&dir);
    put(base.path(), &lines(&run)[0]);
    growing.read_on(&dir, |_, _| Ok(Arc::clone(&run.book))).unwrap();
    assert_eq!(growing.view().state.seq, 1);
    fs::remove_file(dir.path(&dir.journal())).unwrap();
    let gone = growing.read_on(&dir, |_, _| Ok(Arc::clone(&run.book))).unwrap_err();
    assert!(matches!(gone, ViewError::Empty), "{gone}");
}

#[test]
fn a_list_that_is_kept_is_the_list_that_is_read_anew_and_its_mark_tells_when_it_is_another() {
    let base = tempfile::tempdir().unwrap();
    let runs = RunsDir::new(base.path());
    let put = |id: &str, status: RunStatus, at: i64| {
        fs::create_dir_all(base.path().join(id)).unwrap();
        let text = serde_json::to_string(&super::disk::manifest(id, status, at)).unwrap();
        // As the ledger writes it: another file in its place.
        fs::write(base.path().join(id).join("new"), text).unwrap();
        fs::rename(base.path().join(id).join("new"), base.path().join(id).join("run.json")).unwrap();
    };
    let index = RunIndex::new(|_| Err(ViewError::Empty));
    let mut marks = Vec::new();
    let mut another = |what: &str| {
        let (list, mark) = index.list(&runs).unwrap();
        let (anew, its) = RunIndex::new(|_| Err(ViewError::Empty)).list(&runs).unwrap();
        assert_eq!((&list, &mark), (&anew, &its), "{what}");
        assert!(!marks.contains(&mark), "{what}: {mark} again");
        assert_eq!(index.list(&runs).unwrap().1, mark, "{what}: nothing has changed");
        marks.push(mark);
    };
    another("no directory");
    for at in 0..20 {
        put(&format!("r{at}"), RunStatus::Succeeded, at);
    }
    another("runs that have ended");
    put("r7", RunStatus::Waiting, 7);
    another("one of them asks");
    put("r7", RunStatus::Running, 7);
    another("one was killed");
    let dir = runs.open(&RunId::new("r7").unwrap()).unwrap();
    let lock = drives(&dir);
    another("somebody drives it");
    fs::remove_dir_all(base.path().join("r3")).unwrap();
    another("one is gone");
    fs::create_dir(base.path().join("new")).unwrap();
    another("one has just begun");
    // The look that costs the same however many are at rest comes to each of them in its turn.
    let mark = |index: &RunIndex| index.list(&runs).unwrap().1;
    assert_eq!(index.look(&runs, 0).unwrap(), mark(&index));
    put("r11", RunStatus::Failed, 11);
    let anew = mark(&RunIndex::new(|_| Err(ViewError::Empty)));
    let looks = (1..100).find(|_| index.look(&runs, 2).unwrap() == anew).expect("it is found");
    assert!(looks <= 20, "{looks}");
    drop(lock);
    let anew = mark(&RunIndex::new(|_| Err(ViewError::Empty)));
    assert_eq!(index.look(&runs, 0).unwrap(), anew, "one that goes on is looked at each time");
    put("came", RunStatus::Running, 99);
    let anew = mark(&RunIndex::new(|_| Err(ViewError::Empty)));
    assert!((0..2).any(|_| index.look(&runs, 0).unwrap() == anew), "one that came is seen");
}
