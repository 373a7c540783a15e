//! What stands where a file of the run belongs, and is none.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    build::{Place, flow, freeze, holder, manifest, whole_run},
    disk::files,
};
use crate::ledger::{Lock, RunDir, repair, verify};

const OTHERS: [&str; 3] = ["directory", "link", "pipe"];

/// Puts something else in the place of what is there; a link leads to the same, outside, with a line more.
fn replace(path: &Path, by: &str, outside: &Path) {
    let _ = (fs::remove_dir_all(outside), fs::remove_file(outside));
    fs::rename(path, outside).unwrap();
    match by {
        "directory" if outside.is_dir() => fs::write(path, "mine").unwrap(),
        "directory" => fs::create_dir(path).and_then(|()| fs::write(path.join("mine"), "mine")).unwrap(),
        "link" => symlink(outside, path).unwrap(),
        _ => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
    }
    if outside.is_file() {
        fs::write(outside, "somebody's").unwrap();
    }
}

/// Everything in a directory, and directories themselves.
fn all(base: &Path) -> Vec<PathBuf> {
    let items = fs::read_dir(base).unwrap().map(|item| item.unwrap().path());
    items.flat_map(|path| if path.is_dir() { [vec![path.clone()], all(&path)].concat() } else { vec![path] }).collect()
}

fn is_aside(run: &RunDir, path: &str, by: &str) -> bool {
    let kind = fs::symlink_metadata(run.base().join(path)).unwrap().file_type();
    match by {
        "link" => kind.is_symlink(),
        "directory" => kind.is_dir() || kind.is_file(),
        _ => !kind.is_symlink() && !kind.is_dir() && !kind.is_file(),
    }
}

#[test]
fn what_is_no_file_in_the_place_of_one_is_told_put_aside_and_never_written_through() {
    let place = Place::new();
    let (run, _) = whole_run(&place);
    let kept = files(run.base());
    let outside = place.tmp.path().join("outside");
    let places = all(&run.path(&run.flow(&flow())));
    assert!(places.len() > 10);
    for path in places {
        let name = path.strip_prefix(run.base()).unwrap().to_str().unwrap().to_owned();
        for by in OTHERS {
            replace(&path, by, &outside);
            let theirs = outside.is_dir().then(|| files(&outside));
            let report = verify(&run).unwrap_or_else(|error| panic!("{name} {by}: {error}"));
            assert!(report.findings.iter().any(|found| found.path == name && found.detail.contains("stands in its place")));

            let lock = Lock::take(&run, &holder()).unwrap();
            let report = repair(&run, &lock).unwrap_or_else(|error| panic!("{name} {by}: {error}"));
            drop(lock);
            let found = report.findings.iter().find(|found| found.path == name).unwrap();
            let aside = found.put_aside.clone().unwrap_or_else(|| panic!("{name} {by}: {report:?}"));
            assert!(aside.contains(".set-aside") && is_aside(&run, &aside, by), "{name} {by}: {aside}");
            assert_eq!(theirs, outside.is_dir().then(|| files(&outside)), "{name} {by}");
            assert!(outside.is_dir() || fs::read(&outside).unwrap() == b"somebody's", "{name} {by}");

            let again = verify(&run).unwrap();
            // Lines of output are in no journal; the logs are whole in their events.
            assert_eq!(again.findings, [], "{name} {by}");
            for (file, bytes) in &kept {
                assert!(file.contains("/logs/") || fs::read(run.base().join(file)).unwrap() == *bytes, "{name} {by}: {file}");
            }
        }
    }
}

#[test]
fn frozen_files_come_back_from_their_line_and_the_line_from_them() {
    let place = Place::new();
    let (run, _) = whole_run(&place);
    freeze(&run);
    let outside = place.tmp.path().join("outside");
    let places = [vec![run.path(&run.frozen_lines()), run.base().join("frozen")], all(&run.base().join("frozen"))].concat();
    assert!(places.len() > 3);
    for path in places {
        for by in OTHERS {
            replace(&path, by, &outside);
            assert!(!verify(&run).unwrap().is_ok(), "{} {by}", path.display());
            let lock = Lock::take(&run, &holder()).unwrap();
            repair(&run, &lock).unwrap();
            drop(lock);
            assert_eq!(verify(&run).unwrap().findings, [], "{} {by}", path.display());
        }
    }
}

#[test]
fn a_run_is_locked_and_read_whatever_stands_in_the_place_of_its_lock_and_its_witness() {
    let place = Place::new();
    let (run, entries) = whole_run(&place);
    for by in OTHERS {
        fs::write(run.path(&run.lock()), "").unwrap();
        replace(&run.path(&run.lock()), by, &place.tmp.path().join("outside"));
        assert!(Lock::holder(&run).unwrap().is_none());
        let lock = Lock::take(&run, &holder()).unwrap();
        assert!(Lock::take(&run, &holder()).is_err());
        drop(lock);
        replace(&run.path(&run.run_json()), by, &place.tmp.path().join("outside"));
        assert_eq!(run.manifest().unwrap(), None);
        assert_eq!(verify(&run).unwrap().findings[0].path, "run.json");
        let projector = crate::ledger::Projector::start(&run).unwrap();
        projector.manifest(manifest(entries.last().unwrap()));
        projector.finish().unwrap();
        assert!(run.manifest().unwrap().is_some());
    }
    replace(&run.path(&run.journal()), "directory", &place.tmp.path().join("outside"));
    let error = verify(&run).unwrap_err().to_string();
    assert!(error.contains("line 1") && error.contains("a directory stands in its place"), "{error}");
}
