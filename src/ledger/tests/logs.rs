//! Events in logs that are not those of the journal.

use std::fs;

use super::{
    build::{Place, at, created, ended, flow, freeze, holder, manifest, past, started, step, write},
    disk::overwrite,
};
use crate::{
    ledger::{FindingKind, Lock, Projector, RunDir, repair, verify},
    record::Stream,
    redact::Clean,
};

/// Two steps, one of them twice, with output between the events.
fn run(place: &Place) -> RunDir {
    let run = place.run();
    freeze(&run);
    let lines = vec![created(), started("a", 1), started("b", 1), ended("a", 1), ended("b", 1), started("a", 2), ended("a", 2)];
    let entries = write(&run, lines);
    let projector = Projector::start(&run).unwrap();
    for entry in &entries {
        projector.send(entry.clone());
        let text = format!("after {}\n", entry.seq);
        projector.output(at("a"), Stream::Stdout, "build/logs/a.1.stdout", Clean::for_test(text.into())).unwrap();
    }
    projector.manifest(manifest(entries.last().unwrap()));
    projector.finish().unwrap();
    assert!(verify(&run).unwrap().is_ok());
    run
}

#[test]
fn an_event_that_is_changed_removed_added_or_moved_is_found_and_mended() {
    let place = Place::new();
    let run = run(&place);
    let path = run.path(&run.log(&flow(), &step("a")));
    let whole = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let event = |line: &str| line.contains("\"seq\":");
    assert!(lines.iter().filter(|line| event(line)).count() == 6 && lines.iter().any(|line| !event(line)), "{whole}");
    let mut changes = Vec::new();
    for (n, line) in lines.iter().enumerate().filter(|(_, line)| event(line)) {
        let with =
            |instead: &str| lines.iter().enumerate().map(|(m, one)| if m == n { instead } else { one }).collect::<String>();
        changes.push(with(&line.replace("\"execution\":", "\"execution\":1")));
        changes.push(with(""));
        changes.push(with(&line.repeat(2)));
        changes.push(with(&line.replace("\"seq\":", "\"seq\":1000")));
        changes.push(with(&line.replacen("\"seq\"", "\"sequence\"", 1)));
        changes.push(with(&format!("{{\"event\":\"end\",\"execution\":9}}\n{line}")));
        changes.push(with(&format!("not JSON\n{line}")));
    }
    let others = |text: &str| text.lines().filter(|line| line.contains("\"output\"")).map(str::to_owned).collect::<Vec<_>>();
    for changed in changes {
        overwrite(&path, changed.as_bytes());
        let report = verify(&run).unwrap();
        let found: Vec<_> = report.findings.iter().map(|one| (one.path.as_str(), one.kind, one.can_be_made)).collect();
        // Without its end it may be of a process that was killed.
        let kind = if whole.starts_with(&changed) { FindingKind::Missing } else { FindingKind::Differs };
        assert_eq!(found, [("build/logs/a.jsonl", kind, true)], "{changed}");
        repair(&run, &Lock::take(&run, &holder()).unwrap()).unwrap();
        assert!(verify(&run).unwrap().is_ok(), "{changed}");
        let mended = fs::read_to_string(&path).unwrap();
        assert_eq!(others(&mended), others(&whole), "{changed}");
        let events = |text: &str| text.lines().filter(|line| event(line)).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(events(&mended), events(&whole), "{changed}");
    }
    // What is left where it was keeps its place among the lines of output.
    overwrite(&path, whole.replace("\"status\":\"succeeded\"", "\"status\":\"failed\"").as_bytes());
    repair(&run, &Lock::take(&run, &holder()).unwrap()).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), whole);
}

#[test]
fn a_log_that_is_being_written_is_not_yet_wrong_at_its_torn_end() {
    let place = Place::new();
    let run = run(&place);
    let path = run.path(&run.log(&flow(), &step("b")));
    let whole = fs::read(&path).unwrap();
    overwrite(&path, &[whole.as_slice(), b"{\"event\":\"output\",\"stre"].concat());
    assert!(verify(&run).unwrap().is_ok());
}

#[test]
fn a_log_that_lacks_a_line_gets_no_later_one_so_that_whoever_resumes_sees_where_it_ends() {
    let place = Place::new();
    let run = place.run();
    freeze(&run);
    let entries = write(&run, vec![created(), started("a", 1), ended("a", 1)]);
    let path = run.path(&run.log(&flow(), &step("a")));
    let projector = Projector::start(&run).unwrap();
    // There is no room for the beginning, and there is some for the end.
    fs::create_dir_all(&path).unwrap();
    entries[..2].iter().for_each(|entry| projector.send(entry.clone()));
    projector.settle();
    fs::remove_dir(&path).unwrap();
    projector.send(entries[2].clone());
    projector.manifest(manifest(&entries[2]));
    assert!(projector.finish().is_err());

    Projector::resume(&run, past(&run)).unwrap().finish().unwrap();
    let words = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].as_str().unwrap().to_owned();
    let log = fs::read_to_string(&path).unwrap();
    assert_eq!(log.lines().next().map(words).as_deref(), Some("start"), "{log}");
    assert!(verify(&run).unwrap().is_ok(), "{:?}", verify(&run).unwrap().findings);
}
