//! Whoever changes the journal is noticed: by the chain, and at its end by run.json.

use std::fs;

use super::{
    build::{Place, created, ended, freeze, holder, manifest, started, write},
    disk::overwrite,
};
use crate::ledger::{Finding, FindingKind, Journal, JournalError, Lock, Projector, Reader, RunDir, verify};

fn broken(run: &RunDir) -> Option<(u64, String)> {
    match Reader::open(run).unwrap().collect::<Result<Vec<_>, _>>() {
        Err(JournalError::Broken { line, why }) => Some((line, why)),
        Ok(_) => None,
        Err(other) => panic!("{other}"),
    }
}

fn with_manifest(place: &Place) -> (RunDir, Vec<u8>) {
    let run = place.run();
    let entries = write(&run, vec![created(), started("a", 1), ended("a", 1), started("b", 2)]);
    let text = serde_json::to_vec(&manifest(entries.last().unwrap())).unwrap();
    fs::write(run.path(&run.run_json()), text).unwrap();
    let bytes = fs::read(run.path(&run.journal())).unwrap();
    (run, bytes)
}

#[test]
fn every_flipped_byte_is_noticed() {
    let place = Place::new();
    let (run, whole) = with_manifest(&place);
    let path = run.path(&run.journal());
    assert_eq!(broken(&run), None);
    let last_line = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for at in 0..whole.len() {
        for change in [whole[at] ^ 1, whole[at] ^ 0x20, 0, b'\n'] {
            if change == whole[at] {
                continue;
            }
            let mut bytes = whole.clone();
            bytes[at] = change;
            overwrite(&path, &bytes);
            assert!(broken(&run).is_some(), "byte {at} is {change}");
        }
    }
    // Without run.json the last line has no witness, every other line has.
    fs::remove_file(run.path(&run.run_json())).unwrap();
    for at in (0..last_line - 1).step_by(3) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        overwrite(&path, &bytes);
        assert!(broken(&run).is_some(), "byte {at}");
    }
}

#[test]
fn a_line_removed_doubled_or_moved_is_noticed() {
    let place = Place::new();
    let (run, whole) = with_manifest(&place);
    let lines: Vec<_> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let path = run.path(&run.journal());
    for at in 0..lines.len() {
        let mut removed = lines.clone();
        removed.remove(at);
        overwrite(&path, &removed.concat());
        let (line, why) = broken(&run).unwrap();
        if at + 1 < lines.len() {
            assert_eq!((line, why), (at as u64 + 1, format!("it says it is line {}", at + 2)));
        } else {
            assert_eq!(why, "run.json names line 4, but the journal ends with line 3: its tail is missing");
        }
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        overwrite(&path, &doubled.concat());
        assert!(broken(&run).is_some());
        let mut moved = lines.clone();
        moved.swap(at, (at + 1) % lines.len());
        overwrite(&path, &moved.concat());
        assert!(broken(&run).is_some());
    }
}

#[test]
fn a_cut_tail_is_noticed_and_nothing_is_opened_for_writing() {
    let place = Place::new();
    let (run, whole) = with_manifest(&place);
    fs::write(run.path(&run.journal()), &whole[..whole.len() - 1]).unwrap();
    let lock = Lock::take(&run, &holder()).unwrap();
    let opened = Journal::open(&run, &lock).unwrap().finish(&lock);
    assert!(matches!(opened, Err(JournalError::Broken { line: 4, .. })));
    assert_eq!(fs::read(run.path(&run.journal())).unwrap().len(), whole.len() - 1, "the evidence is left alone");
    drop(lock);
    let report = verify(&run).unwrap();
    assert_eq!(report.broken.unwrap().0, 4);
    assert_eq!(report.lines, 3);
}

#[test]
fn behind_the_end_there_may_only_be_what_a_power_failure_leaves() {
    let place = Place::new();
    let (run, whole) = with_manifest(&place);
    let path = run.path(&run.journal());
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        bytes.resize(16 * 1024, 0);
        change(&mut bytes);
        overwrite(&path, &bytes);
        broken(&run)
    };
    assert_eq!(with(&|_| {}), None, "space kept for later");
    assert_eq!(with(&|bytes| bytes[8192..9000].fill(b'x')), None, "sectors of a commit that was not acknowledged");
    assert_eq!(with(&|bytes| bytes[whole.len()..8192].fill(b'x')), None, "a torn line");
    assert!(with(&|bytes| bytes[8200..9000].fill(b'x')).unwrap().1.contains("something stands behind it"));
    assert!(with(&|bytes| *bytes.last_mut().unwrap() = b'\n').is_some());
}

#[test]
fn what_a_killed_process_had_not_written_is_told_from_what_somebody_changed() {
    let place = Place::new();
    let run = place.run();
    freeze(&run);
    let lines = [created(), started("a", 1), ended("a", 1), started("b", 2), ended("b", 2), started("a", 3), ended("a", 3)];
    let entries = write(&run, lines.into());
    let projector = Projector::start(&run).unwrap();
    entries[..3].iter().for_each(|entry| projector.send(entry.clone()));
    // Killed here: the lines stand, and the files do not know of them.
    projector.manifest(manifest(&entries[2]));
    projector.finish().unwrap();
    let found = |lags: bool| -> Vec<Finding> {
        verify(&run).unwrap().findings.into_iter().filter(|finding| finding.lags == lags).collect()
    };
    let differs = |one: &Finding| one.kind == FindingKind::Differs && one.path.ends_with("decisions.jsonl");
    assert!(found(true).iter().any(differs), "{:?}", verify(&run).unwrap().findings);
    assert_eq!(found(false), []);

    let decisions = run.path(&run.decisions(&super::build::flow()));
    let changed = fs::read_to_string(&decisions).unwrap().replacen("CONTINUE", "TERMINATE", 1);
    overwrite(&decisions, changed.as_bytes());
    assert_eq!(found(false).iter().map(|one| one.path.as_str()).collect::<Vec<_>>(), ["build/routing/decisions.jsonl"]);
}
