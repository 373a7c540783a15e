//! Who writes what follows from the journal, and when: at the latest whoever settles, in the order in which it was sent.

use std::{fs, thread};

use super::build::{Place, at, created, ended, manifest, started, write};
use crate::{
    ledger::{Projector, RunDir},
    record::Stream,
    redact::Clean,
};

/// Has a receipt.
fn is_told(run: &RunDir, step: &str) -> bool {
    run.base().join(format!("build/receipts/{step}-shell.json")).exists()
}

#[test]
fn what_was_sent_is_there_when_somebody_settles() {
    let place = Place::new();
    let run = place.run();
    let entries = write(&run, vec![created(), started("a", 1), ended("a", 1), started("b", 1), ended("b", 1)]);
    let projector = Projector::start(&run).unwrap();
    entries[..3].iter().for_each(|entry| projector.send(entry.clone()));
    assert!(!is_told(&run, "a"), "nobody looks yet");
    projector.settle();
    assert!(is_told(&run, "a"));
    entries[3..].iter().for_each(|entry| projector.send(entry.clone()));
    // What a step prints comes after all that was sent before.
    projector.file("build/artifacts/x.md", Clean::for_test(b"x".to_vec())).unwrap();
    assert!(is_told(&run, "b") && run.base().join("build/artifacts/x.md").exists());
    projector.finish().unwrap();
}

#[test]
fn a_log_that_cannot_begin_is_not_said_to_be_written() {
    let place = Place::new();
    let run = place.run();
    let entries = write(&run, vec![created(), started("a", 1), ended("a", 1), started("b", 1), started("c", 1), ended("c", 1)]);
    fs::create_dir_all(run.base().join("build/logs/b.jsonl")).unwrap();
    let projector = Projector::start(&run).unwrap();
    entries.iter().for_each(|entry| projector.send(entry.clone()));
    projector.manifest(manifest(&entries[5]));
    assert!(projector.finish().is_err());
    assert_eq!(run.manifest().unwrap().unwrap().projected_seq, 3, "a resume writes again from `b` on");
}

#[test]
fn where_nobody_settles_little_waits() {
    let place = Place::new();
    let run = place.run();
    let lines = (1..=300).flat_map(|n| [started("a", n), ended("a", n)]);
    let entries = write(&run, [created()].into_iter().chain(lines).collect());
    let projector = Projector::start(&run).unwrap();
    entries.iter().for_each(|entry| projector.send(entry.clone()));
    let receipts = || fs::read_dir(run.base().join("build/receipts")).unwrap().count();
    assert!(receipts() > 260, "{} of 300", receipts());
    drop(projector);
    assert_eq!(receipts(), 300, "each execution has one");
}

#[test]
fn what_several_threads_hand_over_stays_in_each_ones_order() {
    let place = Place::new();
    let run = place.run();
    let entries = write(&run, vec![created(), started("a", 1), started("b", 1), started("c", 1)]);
    let projector = Projector::start(&run).unwrap();
    entries.iter().for_each(|entry| projector.send(entry.clone()));
    let word = |n: u32| format!("{n}\n");
    thread::scope(|scope| {
        for step in ["a", "b", "c"] {
            let projector = &projector;
            scope.spawn(move || {
                for n in 0..200 {
                    let path = format!("build/logs/{step}.1.stdout");
                    projector.output(at(step), Stream::Stdout, &path, Clean::for_test(word(n).into_bytes())).unwrap();
                }
            });
        }
        (0..200).for_each(|_| projector.settle());
    });
    projector.finish().unwrap();
    let whole: String = (0..200).map(word).collect();
    for step in ["a", "b", "c"] {
        assert_eq!(fs::read_to_string(run.base().join(format!("build/logs/{step}.1.stdout"))).unwrap(), whole, "{step}");
    }
}
