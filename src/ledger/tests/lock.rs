//! One writer per run, across real processes; and a disk that is full, in a process of its own.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Read as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use super::build::{Place, completed, created, ended, freeze, holder, lost, past, run_id, started, time, write};
use crate::{
    ledger::{Holder, Journal, JournalError, Lock, LockError, Projector, Reader, RunDir, RunsDir},
    redact::Clean,
};

const PLACE: &str = "LEDGER_TEST_RUNS";

/// This test binary again, playing one role.
fn role(name: &str, place: &Place, before: &str) -> Child {
    let text = format!("{before} exec \"$0\" --exact ledger::tests::lock::{name} --nocapture");
    let mut command = Command::new("sh");
    command.args(["-c", &text]).arg(env::current_exe().unwrap());
    command.env(PLACE, place.runs.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn run_of_role() -> Option<RunDir> {
    let runs = RunsDir::new(PathBuf::from(env::var_os(PLACE)?));
    Some(runs.open_or_create(&run_id()).unwrap())
}

/// The line with the word, and the pipe: a child whose pipe is closed cannot end well.
fn wait_for(child: &mut Child, word: &str) -> (String, BufReader<std::process::ChildStdout>) {
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains(word) {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "{word} never came");
    }
    (line, out)
}

#[test]
fn role_holds_the_lock() {
    let Some(run) = run_of_role() else { return };
    let _lock = Lock::take(&run, &holder()).unwrap();
    println!("\nlocked {}", std::process::id());
    drop(std::io::stdin().read(&mut [0]));
}

#[test]
fn a_lock_whose_file_was_removed_still_holds() {
    let place = Place::new();
    let run = place.run();
    let mut child = role("role_holds_the_lock", &place, "");
    let _pipe = wait_for(&mut child, "locked");
    fs::remove_file(run.base().join(".lock")).unwrap();
    assert!(matches!(Lock::holder(&run), Err(LockError::Held(None))));
    assert!(matches!(Lock::take(&run, &holder()), Err(LockError::Held(None))));
    // The file that was made meanwhile is nobody's.
    assert!(matches!(Lock::take(&run, &holder()), Err(LockError::Held(None))));
    child.kill().unwrap();
    child.wait().unwrap();
    Lock::take(&run, &holder()).unwrap();
}

#[test]
fn the_second_driver_is_refused_with_the_pid_of_the_first() {
    let place = Place::new();
    let run = place.run();
    let mut child = role("role_holds_the_lock", &place, "");
    let _pipe = wait_for(&mut child, "locked");
    let Err(LockError::Held(Some(Holder { pid, .. }))) = Lock::take(&run, &holder()) else { panic!("not refused") };
    assert_eq!(pid, child.id());
    assert_eq!(Lock::holder(&run).unwrap().unwrap().pid, pid);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(Lock::holder(&run).unwrap(), None, "its text is still there");
    assert!(!fs::read(run.path(&run.lock())).unwrap().is_empty());
    drop(Lock::take(&run, &holder()).unwrap());
    assert!(fs::read(run.path(&run.lock())).unwrap().is_empty());
}

#[test]
fn role_fills_the_disk() {
    let Some(run) = run_of_role() else { return };
    let lock = Lock::take(&run, &holder()).unwrap();
    let mut journal = Journal::create(&run, &lock).unwrap();
    let projector = Projector::start(&run).unwrap();
    let error = (0..).find_map(|n| {
        // Several lines at once: those before the place where the write failed must not look committed.
        for line in if n == 0 { vec![created()] } else { vec![started("a", n), ended("a", n), lost("b", n)] } {
            projector.send(journal.push(time(n.into()), Clean::for_test(line)).unwrap());
        }
        journal.commit().err()
    });
    assert!(matches!(error, Some(JournalError::Io { act: "write", .. })), "{error:?}");
    let refused = journal.push(time(0), Clean::for_test(created()));
    assert!(matches!(refused, Err(JournalError::Stopped)));
    assert!(matches!(journal.commit(), Err(JournalError::Stopped)));
    drop(projector.finish());
    println!("\ncommitted {}", journal.head().seq);
}

/// A limit on file sizes stands for a full disk: the write fails half way, and the process lives on.
#[test]
fn a_full_disk_stops_the_journal_and_keeps_what_was_committed() {
    let place = Place::new();
    let mut child = role("role_fills_the_disk", &place, "trap '' XFSZ; ulimit -f 100;");
    let (line, _pipe) = wait_for(&mut child, "committed");
    assert!(child.wait().unwrap().success());
    let committed: u64 = line.trim().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(committed > 20, "{committed}");
    let run = place.run();
    assert_eq!(Reader::open(&run).unwrap().map(Result::unwrap).count() as u64, committed);
    let lock = Lock::take(&run, &holder()).unwrap();
    let (mut journal, replayed) = Journal::open(&run, &lock).unwrap().finish(&lock).unwrap();
    assert_eq!(replayed.head.seq, committed);
    journal.push(time(0), Clean::for_test(completed())).unwrap();
    journal.commit().unwrap();
}

#[test]
fn role_projects_onto_a_full_disk() {
    let Some(run) = run_of_role() else { return };
    let projector = Projector::start(&run).unwrap();
    let entries = Reader::open(&run).unwrap().map(|entry| std::sync::Arc::new(entry.unwrap()));
    entries.for_each(|entry| projector.send(entry));
    let error = projector.flush().unwrap_err();
    assert!(error.failures > 0);
    assert!(projector.finish().is_err());
    println!("\nfailed {error}");
}

#[test]
fn a_full_disk_fails_projections_loudly_and_hangs_nothing() {
    let place = Place::new();
    let run = place.run();
    let many = (1..300).flat_map(|n| [started("a", n), ended("a", n)]);
    write(&run, [created()].into_iter().chain(many).collect());
    let mut child = role("role_projects_onto_a_full_disk", &place, "trap '' XFSZ; ulimit -f 8;");
    let (line, _pipe) = wait_for(&mut child, "failed");
    assert!(line.contains("could not write build/"));
    assert!(child.wait().unwrap().success());
    Projector::resume(&run, past(&run)).unwrap().finish().unwrap();
    freeze(&run);
    let report = crate::ledger::verify(&run).unwrap();
    let paths: Vec<_> = report.findings.iter().map(|finding| finding.path.as_str()).collect();
    assert_eq!((paths, report.executions), (vec!["run.json"], 299));
}

#[test]
fn what_a_killed_process_was_writing_goes_and_nothing_that_only_looks_like_it() {
    let place = Place::new();
    let run = place.run();
    let mut child = Command::new("true").spawn().unwrap();
    let dead = child.id();
    child.wait().unwrap();
    let outside = place.tmp.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let gone = [".run.json", "build/receipts/.a-shell.json", "frozen/build/flows/.build.yaml", "build/artifacts/.notes.md"]
        .map(|name| run.base().join(format!("{name}.{dead}-ThreadId(1).tmp")));
    let living = std::process::id();
    let stays = [
        format!(".run.json.{living}-ThreadId(1).tmp"),
        format!("build/work/a/.x.{dead}-ThreadId(1).tmp"),
        format!("inbox/.answer-q-1.json.{dead}-ThreadId(1).tmp"),
        format!("x.{dead}-ThreadId(1).tmp"),
        format!(".x.{dead}-ThreadId(1).tmp.json"),
        format!(".x.{dead}-ThreadId(1)x.tmp"),
        format!(".x.{dead}-ThreadId().tmp"),
        format!(".x.+{dead}-ThreadId(1).tmp"),
        format!(".x.-{dead}-ThreadId(1).tmp"),
        format!("outside/.x.{dead}-ThreadId(1).tmp"),
    ]
    .map(|name| if name.starts_with("outside") { place.tmp.path().join(name) } else { run.base().join(name) });
    for path in gone.iter().chain(&stays) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "half").unwrap();
    }
    std::os::unix::fs::symlink(&outside, run.base().join("build/logs")).unwrap();
    let link = run.base().join(format!(".link.{dead}-ThreadId(1).tmp"));
    std::os::unix::fs::symlink(outside.join("x"), &link).unwrap();

    let lock = Lock::take(&run, &holder()).unwrap();
    assert!(!lock.is_after_a_kill());
    assert_eq!(crate::ledger::sweep_unfinished(&run, &lock).unwrap(), gone.len() as u64);
    drop(lock);
    assert!(gone.iter().all(|path| !path.exists()));
    assert!(stays.iter().all(|path| path.exists()) && link.symlink_metadata().is_ok());
    // A holder that was killed leaves its name.
    fs::write(run.path(&run.lock()), "{").unwrap();
    assert!(Lock::take(&run, &holder()).unwrap().is_after_a_kill());
    assert!(!Lock::take(&run, &holder()).unwrap().is_after_a_kill());
}
