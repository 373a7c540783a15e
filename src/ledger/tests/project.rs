//! Files that follow from the journal.

use std::{collections::BTreeMap, fs};

use super::{
    build::{
        Place, answer, at, created, ended, flow, freeze, holder, lost, manifest, past, started, step, time, whole_run, write,
    },
    disk::{files, overwrite},
};
use crate::{
    ledger::{FindingKind, Lock, Past, Projector, repair, verify},
    record::{Fact, FailureKind, InputNote, Question, QuestionStatus, Receipt, ReceiptStatus, Stream, WaitReason},
    redact::Clean,
};

fn projections(files: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    files.into_iter().filter(|(name, _)| name.starts_with("build/")).collect()
}

#[test]
fn an_undisturbed_run_is_true() {
    let place = Place::new();
    let (run, entries) = whole_run(&place);
    let report = verify(&run).unwrap();
    assert_eq!(report.findings, [], "{report:?}");
    assert!(report.is_ok() && report.head_checked);
    assert_eq!(report.lines, entries.len() as u64);
    assert_eq!(report.executions, 6);
}

#[test]
fn receipts_of_earlier_executions_are_kept() {
    let place = Place::new();
    let (run, _) = whole_run(&place);
    let files = files(run.base());
    let names: Vec<_> = files.keys().filter(|name| name.starts_with("build/receipts")).collect();
    assert_eq!(
        names,
        [
            "build/receipts/a-human.json",
            "build/receipts/a-shell.1.json",
            "build/receipts/a-shell.4.json",
            "build/receipts/b-shell.json",
            "build/receipts/c-code-critic.3.json",
            "build/receipts/c-code-critic.json",
        ]
    );
    let read = |name: &str| serde_json::from_slice::<Receipt>(&files[name]).unwrap();
    assert_eq!(read("build/receipts/a-shell.1.json").execution, 1);
    let lost = read("build/receipts/a-shell.4.json");
    assert_eq!((lost.status, lost.routing_signal), (ReceiptStatus::Interrupted, None));
    assert_eq!(lost.error.unwrap(), "the process that performed it is gone");
    assert!(read("build/receipts/c-code-critic.json").routing_signal.is_some());
}

#[test]
fn a_question_says_what_became_of_it() {
    let place = Place::new();
    let (run, _) = whole_run(&place);
    let files = files(run.base());
    let read = |id: &str| serde_json::from_slice::<Question>(&files[&format!("build/escalations/{id}.json")]).unwrap();
    assert_eq!(read("gate-1").status, QuestionStatus::Answered);
    assert_eq!(read("gate-1").answer, Some(answer()));
    assert_eq!(read("gate-2").status, QuestionStatus::Voided);
    assert_eq!(read("gate-2").replaced_by.unwrap().as_str(), "gate-3");
    assert_eq!(read("gate-3").status, QuestionStatus::Expired);
}

#[test]
fn deleted_projections_are_rebuilt_byte_for_byte() {
    let place = Place::new();
    let (run, _) = whole_run(&place);
    let before = projections(files(run.base()));
    fs::remove_dir_all(run.path(&run.flow(&flow()))).unwrap();
    assert!(verify(&run).unwrap().findings.iter().all(|finding| finding.kind == FindingKind::Missing));
    let lock = Lock::take(&run, &holder()).unwrap();
    assert!(repair(&run, &lock).unwrap().repaired);
    assert_eq!(projections(files(run.base())), before);
    drop(lock);
    assert!(verify(&run).unwrap().is_ok());
}

#[test]
fn one_changed_projection_is_found_and_mended() {
    let place = Place::new();
    let (run, _) = whole_run(&place);
    let before = projections(files(run.base()));
    for (name, bytes) in &before {
        let path = run.base().join(name);
        for change in 0..3 {
            let mut changed = bytes.clone();
            match change {
                0 => changed.truncate(bytes.len() / 2),
                1 => changed[bytes.len() / 3] ^= 1,
                _ => changed.extend_from_slice(b"{\"event\":\"end\",\"execution\":1,\"status\":\"succeeded\"}\n"),
            }
            overwrite(&path, &changed);
            let report = verify(&run).unwrap();
            assert_eq!(report.findings.len(), 1, "{name} {change}: {report:?}");
            assert_eq!(report.findings[0].path, *name);
            let lock = Lock::take(&run, &holder()).unwrap();
            repair(&run, &lock).unwrap();
            assert_eq!(projections(files(run.base())), before, "{name} {change}");
        }
    }
}

#[test]
fn a_forged_receipt_is_found() {
    let place = Place::new();
    let (run, _) = whole_run(&place);
    fs::copy(run.base().join("build/receipts/b-shell.json"), run.base().join("build/receipts/deploy-shell.json")).unwrap();
    let report = verify(&run).unwrap();
    assert_eq!(report.findings[0].kind, FindingKind::Unaccounted);
}

/// A process killed after any entry was projected, while run.json covers any earlier one.
#[test]
fn a_resume_leaves_the_files_of_an_undisturbed_run() {
    let place = Place::new();
    let (run, entries) = whole_run(&place);
    let whole = projections(files(run.base()));
    for covered in (0..=entries.len()).step_by(2) {
        for killed in covered..=entries.len() {
            fs::remove_dir_all(run.path(&run.flow(&flow()))).unwrap();
            drop(fs::remove_file(run.path(&run.run_json())));
            let projector = Projector::start(&run).unwrap();
            for entry in &entries[..killed] {
                projector.send(entry.clone());
                if entry.seq == covered as u64 {
                    projector.manifest(manifest(entry));
                }
            }
            projector.finish().unwrap();
            if killed > 0
                && let Some(torn) = projections(files(run.base())).into_keys().find(|name| name.ends_with("decisions.jsonl"))
                && killed > covered
                && matches!(entries[killed - 1].facts.last(), Some(Fact::Routed { .. }))
            {
                let path = run.base().join(torn);
                let bytes = fs::read(&path).unwrap();
                overwrite(&path, &bytes[..bytes.len() - 5]);
            }
            Projector::resume(&run, past(&run)).unwrap().finish().unwrap();
            assert_eq!(projections(files(run.base())), whole, "covered {covered}, killed {killed}");
        }
    }
}

#[test]
fn output_lies_in_its_file_and_its_lines_in_the_log() {
    let place = Place::new();
    let run = place.run();
    let entries = write(&run, vec![created(), started("a", 1), ended("a", 1)]);
    let projector = Projector::resume(&run, Past::new(&run)).unwrap();
    projector.send(entries[0].clone());
    projector.send(entries[1].clone());
    for piece in ["on", "e\ntwo\r\nth", "ree"] {
        projector.output(at("a"), Stream::Stdout, "build/logs/a.1.stdout", Clean::for_test(piece.into())).unwrap();
    }
    projector.output(at("a"), Stream::Stderr, "build/logs/a.1.stderr", Clean::for_test(b"\xff\n".to_vec())).unwrap();
    projector.log(at("a"), time(3), Clean::for_test(serde_json::json!({"event": "note", "n": 1})));
    projector.file("build/artifacts/deep/x.md", Clean::for_test(b"x".to_vec())).unwrap();
    projector.send(entries[2].clone());
    projector.finish().unwrap();
    let files = files(run.base());
    assert_eq!(files["build/logs/a.1.stdout"], b"one\ntwo\r\nthree");
    assert_eq!(files["build/artifacts/deep/x.md"], b"x");
    let log = String::from_utf8(files["build/logs/a.jsonl"].clone()).unwrap();
    insta::assert_snapshot!(log, @r#"
    {"ts":"2027-01-15T08:00:00.001Z","seq":2,"event":"start","execution":1,"iteration":1,"timeout_ms":1000}
    {"event":"output","stream":"stdout","line":"one"}
    {"event":"output","stream":"stdout","line":"two"}
    {"event":"output","stream":"stderr","line":"�"}
    {"ts":"2027-01-15T08:00:00.003Z","event":"note","n":1}
    {"event":"output","stream":"stdout","line":"three"}
    {"ts":"2027-01-15T08:00:00.002Z","seq":3,"event":"check","execution":1,"check":{"name":"exit","passed":true,"expected":"0","actual":"0"}}
    {"ts":"2027-01-15T08:00:00.002Z","seq":3,"event":"end","execution":1,"attempt":1,"status":"succeeded","exit_code":0,"duration_ms":7}
    "#);
}

#[test]
fn an_attempt_that_took_too_long_leaves_a_line_also_when_it_is_retried() {
    let attempt_ended = |attempt: u32, failure: Option<FailureKind>| Fact::AttemptEnded {
        at: at("a"),
        execution: 1,
        attempt,
        why: WaitReason::Retry,
        due: time(30),
        error: "not done after 1 s".to_owned(),
        signature: "s".to_owned(),
        failure,
    };
    let next = |attempt| (InputNote::Ticked, vec![Fact::AttemptStarted { at: at("a"), execution: 1, attempt }]);
    let failed = |attempt, failure| (InputNote::Ticked, vec![attempt_ended(attempt, failure)]);
    let (timeout, exit) = (Some(FailureKind::Timeout), Some(FailureKind::Exit));
    // The last but one is of a journal from before the kind was written down.
    let lines = vec![created(), started("a", 1), failed(1, timeout), next(2), failed(2, exit), next(3), failed(3, None), next(4)];
    let place = Place::new();
    let run = place.run();
    let entries = write(&run, lines);
    let projector = Projector::start(&run).unwrap();
    entries.iter().for_each(|entry| projector.send(entry.clone()));
    projector.finish().unwrap();
    let lines = String::from_utf8(files(run.base())["build/timeouts.jsonl"].clone()).unwrap();
    insta::assert_snapshot!(lines, @r#"
    {"timestamp":"2027-01-15T08:00:00.002Z","scope":"step","step_id":"a","execution":1,"attempt":1,"timeout_ms":1000,"after_ms":1,"error":"not done after 1 s"}
    "#);
}

#[test]
fn a_log_stops_at_its_limit_and_the_stream_goes_on() {
    let place = Place::new();
    let run = place.run();
    let entries = write(&run, vec![created(), started("a", 1), ended("a", 1)]);
    let projector = Projector::start(&run).unwrap();
    projector.send(entries[0].clone());
    projector.send(entries[1].clone());
    let piece = "x".repeat(100_000) + "\n";
    for _ in 0..10 {
        projector.output(at("a"), Stream::Stdout, "build/logs/a.1.stdout", Clean::for_test(piece.clone().into())).unwrap();
    }
    projector.send(entries[2].clone());
    projector.finish().unwrap();
    let files = files(run.base());
    assert_eq!(files["build/logs/a.1.stdout"].len(), 1_000_010);
    let log = String::from_utf8(files["build/logs/a.jsonl"].clone()).unwrap();
    assert!(log.len() < 300_000, "{}", log.len());
    assert_eq!(log.matches("output_capped").count(), 1);
    assert!(log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    assert!(log.trim_end().ends_with("\"duration_ms\":7}"), "the end is there");
}

#[test]
fn nothing_is_written_through_a_symlink() {
    let place = Place::new();
    let run = place.run();
    let outside = place.tmp.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::create_dir(run.base().join("build")).unwrap();
    std::os::unix::fs::symlink(&outside, run.base().join("build/receipts")).unwrap();
    fs::create_dir(run.base().join("build/handoffs")).unwrap();
    std::os::unix::fs::symlink(outside.join("h"), run.base().join("build/handoffs/a-shell.json")).unwrap();
    let entries = write(&run, vec![created(), started("a", 1), ended("a", 1)]);
    let projector = Projector::start(&run).unwrap();
    entries.iter().for_each(|entry| projector.send(entry.clone()));
    let error = projector.flush().unwrap_err();
    assert_eq!((error.place.as_str(), error.failures), ("build/receipts/a-shell.json", 2));
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    for bad in ["/etc/x", "../x", "a/../../x", "", "a//b", "a\0b"] {
        assert!(projector.file(bad, Clean::for_test(Vec::new())).is_err(), "{bad:?}");
    }
}

#[test]
fn a_failed_projection_is_not_covered_by_the_manifest() {
    let place = Place::new();
    let run = place.run();
    let entries = write(&run, vec![created(), started("a", 1), ended("a", 1), started("b", 2)]);
    fs::create_dir(run.base().join("build")).unwrap();
    fs::write(run.base().join("build/receipts"), "in the way").unwrap();
    let projector = Projector::start(&run).unwrap();
    entries.iter().for_each(|entry| projector.send(entry.clone()));
    projector.manifest(manifest(&entries[3]));
    assert!(projector.finish().is_err());
    assert_eq!(run.manifest().unwrap().unwrap().projected_seq, 2);
    fs::remove_file(run.base().join("build/receipts")).unwrap();
    Projector::resume(&run, past(&run)).unwrap().finish().unwrap();
    assert!(run.path(&run.receipt(&flow(), &step("a"), &crate::id::AgentKey::new("shell").unwrap())).exists());
}

#[test]
fn a_run_without_its_witness_or_under_another_name_is_noticed() {
    let place = Place::new();
    let (run, _) = whole_run(&place);
    fs::remove_file(run.path(&run.run_json())).unwrap();
    let report = verify(&run).unwrap();
    assert!(!report.head_checked);
    assert_eq!((report.findings[0].path.as_str(), report.findings[0].kind), ("run.json", FindingKind::Missing));
    fs::rename(run.base(), run.base().with_file_name("r-9")).unwrap();
    let other = place.runs.open(&crate::id::RunId::new("r-9").unwrap()).unwrap();
    assert_eq!(verify(&other).unwrap().broken.unwrap().1, "it was written for run `r-1`");
}

/// What a full disk leaves of a log, while all lines of the journal are in their files.
#[test]
fn what_is_added_to_a_log_is_no_part_of_a_line_that_was_not_ended() {
    for torn in ["{\"ts\":\"20".to_owned(), format!("{{\"text\":\"{}", "x".repeat(10_000))] {
        let place = Place::new();
        let run = place.run();
        let entries = write(&run, vec![created(), started("a", 1), ended("a", 1)]);
        freeze(&run);
        let projector = Projector::start(&run).unwrap();
        entries[..2].iter().for_each(|entry| projector.send(entry.clone()));
        projector.manifest(manifest(&entries[1]));
        projector.finish().unwrap();
        let log = run.path(&run.log(&flow(), &step("a")));
        let whole = fs::read_to_string(&log).unwrap();
        overwrite(&log, format!("{whole}{torn}").as_bytes());
        let mut before = Past::new(&run);
        entries[..2].iter().for_each(|entry| before.note(entry));
        let projector = Projector::resume(&run, before).unwrap();
        projector.send(entries[2].clone());
        projector.manifest(manifest(&entries[2]));
        projector.finish().unwrap();
        assert_eq!(verify(&run).unwrap().findings, []);
        assert!(fs::read_to_string(&log).unwrap().starts_with(&whole));
    }
}

#[test]
fn a_directory_removed_behind_our_back_is_made_again() {
    let place = Place::new();
    let run = place.run();
    let entries = write(&run, vec![created(), ended("a", 1), ended("b", 2)]);
    let projector = Projector::start(&run).unwrap();
    projector.send(entries[0].clone());
    projector.send(entries[1].clone());
    projector.flush().unwrap();
    fs::remove_dir_all(run.base().join("build")).unwrap();
    projector.send(entries[2].clone());
    projector.finish().unwrap();
    assert!(run.base().join("build/receipts/b-shell.json").exists());
}

#[test]
fn an_execution_that_ends_twice_counts_as_it_ended_last() {
    let place = Place::new();
    let run = place.run();
    freeze(&run);
    let entries = write(
        &run,
        vec![created(), started("a", 1), lost("a", 1), ended("a", 1), ended("b", 2), lost("b", 3), ended("b", 3), ended("b", 4)],
    );
    let projector = Projector::start(&run).unwrap();
    entries.iter().for_each(|entry| projector.send(entry.clone()));
    projector.manifest(manifest(&entries[7]));
    projector.finish().unwrap();
    assert!(verify(&run).unwrap().is_ok());
    let before = projections(files(run.base()));
    assert!(before.contains_key("build/receipts/a-shell.json") && !before.contains_key("build/receipts/a-shell.1.json"));
    fs::remove_dir_all(run.base().join("build")).unwrap();
    repair(&run, &Lock::take(&run, &holder()).unwrap()).unwrap();
    assert_eq!(projections(files(run.base())), before);
}

#[test]
fn a_torn_log_gets_the_events_that_it_lacks_and_keeps_its_output() {
    let place = Place::new();
    let run = place.run();
    let entries = write(&run, vec![created(), started("a", 1), ended("a", 1)]);
    let projector = Projector::start(&run).unwrap();
    projector.send(entries[0].clone());
    projector.manifest(manifest(&entries[0]));
    projector.send(entries[1].clone());
    projector.output(at("a"), Stream::Stdout, "build/logs/a.1.stdout", Clean::for_test(b"one\n".to_vec())).unwrap();
    projector.send(entries[2].clone());
    projector.finish().unwrap();
    let path = run.path(&run.log(&flow(), &step("a")));
    let whole = fs::read(&path).unwrap();
    let output_end = String::from_utf8_lossy(&whole).find("\"line\":\"one\"}\n").unwrap() + 14;
    for cut in output_end..whole.len() {
        overwrite(&path, &whole[..cut]);
        Projector::resume(&run, past(&run)).unwrap().finish().unwrap();
        let log = fs::read_to_string(&path).unwrap();
        for once in ["\"line\":\"one\"", "\"event\":\"check\"", "\"event\":\"end\""] {
            assert_eq!(log.matches(once).count(), 1, "{once}, cut at {cut}: {log}");
        }
        assert!(log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "cut at {cut}");
    }
}
