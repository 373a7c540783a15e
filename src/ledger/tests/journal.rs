//! The journal: what was committed is read back, whatever happened to the process.

use std::{fs, sync::Arc};

use super::{
    build::{Place, completed, created, ended, holder, lost, run_id, started, story, time, write},
    disk::overwrite,
};
use crate::{
    ledger::{Head, Journal, JournalError, Lock, Reader, RunDir, run_dir::RunDirError},
    record::Entry,
    redact::Clean,
};

fn read(run: &RunDir) -> Vec<Entry> {
    Reader::open(run).unwrap().collect::<Result<_, _>>().unwrap()
}

fn same(read: &[Entry], written: &[Arc<Entry>]) -> bool {
    read.iter().eq(written.iter().map(Arc::as_ref))
}

#[test]
fn a_journal_is_read_back_as_it_was_written() {
    let place = Place::new();
    let run = place.run();
    let written = write(&run, story());
    assert!(same(&read(&run), &written));
    let bytes = fs::read(run.path(&run.journal())).unwrap();
    assert!(bytes.ends_with(b"}\n") && !bytes.contains(&0), "the space kept for later was given back");
    assert_eq!(written[0].prev, Head::start().digest);
    assert_eq!(written[1].prev, crate::id::Sha256::of(bytes.split(|byte| *byte == b'\n').next().unwrap()));
}

#[test]
fn a_crash_at_any_byte_loses_at_most_the_line_being_written() {
    let place = Place::new();
    let run = place.run();
    let written = write(&run, vec![created(), started("a", 1), ended("a", 1), lost("b", 2)]);
    let path = run.path(&run.journal());
    let whole = fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
        let torn = cut - whole[..cut].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        for zeros in [0, 1000] {
            let mut bytes = whole[..cut].to_vec();
            bytes.resize(cut + zeros, 0);
            overwrite(&path, &bytes);
            let mut reader = Reader::open(&run).unwrap();
            let entries: Vec<_> = (&mut reader).collect::<Result<_, _>>().unwrap();
            assert!(same(&entries, &written[..lines]), "cut at {cut}");
            assert_eq!(reader.replayed().torn_bytes, torn as u64, "cut at {cut}");
            if cut % 401 == 0 {
                let lock = Lock::take(&run, &holder()).unwrap();
                let (mut journal, _) = Journal::open(&run, &lock).unwrap().finish(&lock).unwrap();
                let next = journal.push(time(99), Clean::for_test(completed())).unwrap();
                journal.commit().unwrap();
                assert_eq!(next.seq, lines as u64 + 1);
                drop(journal);
                assert_eq!(read(&run).len(), lines + 1);
            }
        }
    }
}

#[test]
fn lines_pushed_together_are_committed_together() {
    let place = Place::new();
    let run = place.run();
    let lock = Lock::take(&run, &holder()).unwrap();
    let mut journal = Journal::create(&run, &lock).unwrap();
    journal.push(time(0), Clean::for_test(created())).unwrap();
    journal.commit().unwrap();
    let head = journal.head().clone();
    for n in 0..10 {
        journal.push(time(n), Clean::for_test(started("a", 1))).unwrap();
    }
    assert_eq!((journal.head(), read(&run).len()), (&head, 1), "nothing is acknowledged before the commit");
    journal.commit().unwrap();
    assert_eq!((journal.head().seq, read(&run).len()), (11, 11));
    journal.push(time(0), Clean::for_test(completed())).unwrap();
    drop(journal);
    assert_eq!(read(&run).len(), 11, "a line that was never committed never happened");
}

#[test]
fn a_journal_grows_in_steps_and_is_trimmed() {
    let place = Place::new();
    let run = place.run();
    let lock = Lock::take(&run, &holder()).unwrap();
    let mut journal = Journal::create(&run, &lock).unwrap();
    let size = || fs::metadata(run.path(&run.journal())).unwrap().len();
    journal.push(time(0), Clean::for_test(created())).unwrap();
    journal.commit().unwrap();
    assert_eq!(size(), 16 * 1024);
    let mut sizes = vec![size()];
    for n in 0..200 {
        for _ in 0..2 {
            journal.push(time(n), Clean::for_test(ended("a", 1))).unwrap();
        }
        journal.commit().unwrap();
        if sizes.last() != Some(&size()) {
            sizes.push(size());
        }
    }
    assert_eq!(sizes[..4], [16, 32, 64, 128].map(|kib| kib * 1024));
    assert_eq!(read(&run).len(), 401, "a reader beside the writer sees the lines and not the space");
    journal.trim().unwrap();
    let trimmed = size();
    journal.push(time(0), Clean::for_test(completed())).unwrap();
    journal.commit().unwrap();
    drop(journal);
    assert!(size() > trimmed && size() < trimmed + 1000);
    assert_eq!(read(&run).len(), 402);
}

#[test]
fn a_run_is_made_once_and_is_no_symlink() {
    let place = Place::new();
    let made = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..8).map(|_| scope.spawn(|| place.runs.create(&run_id()).is_ok())).collect();
        tries.into_iter().map(|made| made.join().unwrap()).filter(|made| *made).count()
    });
    assert_eq!(made, 1);
    std::os::unix::fs::symlink(place.run().base(), place.runs.path().join("r-2")).unwrap();
    let link = crate::id::RunId::new("r-2").unwrap();
    assert!(matches!(place.runs.open(&link), Err(RunDirError::NotADirectory(_))));
    assert!(matches!(place.runs.open(&crate::id::RunId::new("r-3").unwrap()), Err(RunDirError::Missing(_))));
    assert_eq!(place.runs.list().unwrap(), [run_id()]);
    let lock = Lock::take(&place.run(), &holder()).unwrap();
    assert!(matches!(Journal::open(&place.run(), &lock), Err(JournalError::Missing)));
    Journal::create(&place.run(), &lock).unwrap();
    assert!(matches!(Journal::create(&place.run(), &lock), Err(JournalError::Exists)));
}

#[test]
fn a_journal_that_is_a_symlink_is_refused() {
    let place = Place::new();
    let run = place.run();
    write(&run, vec![created()]);
    let path = run.path(&run.journal());
    fs::rename(&path, place.tmp.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(place.tmp.path().join("elsewhere"), &path).unwrap();
    assert!(matches!(Reader::open(&run), Err(JournalError::Broken { line: 1, .. })));
    // It is no run that never began.
    assert!(run.has_journal());
}
