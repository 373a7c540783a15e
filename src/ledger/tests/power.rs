//! The power failed: the journal was synced, the files that follow from it were not, and run.json is of another start of the machine.

use std::{collections::BTreeMap, fs};

use super::{
    build::{Place, holder, manifest, past, whole_run},
    disk::{files, overwrite},
};
use crate::{
    ledger::{FindingKind, Lock, Projector, RunDir, boot, boot_id, repair, verify},
    record::{Entry, Manifest},
};

/// What a power failure leaves of a file whose bytes were not synced.
fn left_of(bytes: &[u8]) -> [Option<Vec<u8>>; 4] {
    let half = &bytes[..bytes.len() / 2];
    let zeros = [half, &vec![0; bytes.len() - half.len()]].concat();
    [None, Some(Vec::new()), Some(half.to_vec()), Some(zeros)]
}

fn projections(run: &RunDir) -> BTreeMap<String, Vec<u8>> {
    files(run.base()).into_iter().filter(|(name, _)| name.starts_with("build/")).collect()
}

/// A run whose run.json says that everything is on disk.
fn rested(place: &Place) -> (RunDir, Manifest) {
    let (run, entries): (RunDir, Vec<std::sync::Arc<Entry>>) = whole_run(place);
    let last = entries.last().unwrap();
    let projector = Projector::resume(&run, past(&run)).unwrap();
    projector.manifest(manifest(last));
    projector.finish().unwrap();
    let manifest = run.manifest().unwrap().unwrap();
    assert_eq!(manifest.projected_seq, last.seq);
    (run, manifest)
}

fn damage(run: &RunDir, name: &str, left: Option<&[u8]>) {
    let path = run.base().join(name);
    match left {
        Some(bytes) => overwrite(&path, bytes),
        None => fs::remove_file(path).unwrap(),
    }
}

#[test]
fn run_json_is_believed_unless_it_is_of_another_start_of_the_machine() {
    let place = Place::new();
    let (_, mut manifest) = rested(&place);
    let all = manifest.projected_seq;
    for (then, today, covered) in [
        (None, None, all),
        (None, Some("a"), all),
        (Some("a"), None, all),
        (Some("a"), Some("a"), all),
        (Some("b"), Some("a"), 0),
    ] {
        manifest.boot_id = then.map(str::to_owned);
        assert_eq!(boot::covered(&manifest, today), covered, "{then:?} {today:?}");
    }
}

/// Every file, however it was left, is as it was when the run goes on after the machine was started again.
#[cfg(target_os = "linux")]
#[test]
fn after_a_power_failure_a_resume_makes_anew_what_was_lost() {
    let place = Place::new();
    let (run, manifest) = rested(&place);
    assert_eq!(manifest.boot_id.as_deref(), boot_id(), "the projector says which start of the machine this is");
    let before = projections(&run);
    let mut kinds: Vec<&str> = before.keys().filter_map(|name| name.split('/').nth(1)).collect();
    kinds.dedup();
    assert_eq!(kinds, ["escalations", "handoffs", "logs", "receipts", "routing", "scent_trail.json", "timeouts.jsonl"]);
    for (name, bytes) in &before {
        for left in left_of(bytes) {
            damage(&run, name, left.as_deref());
            let other = Manifest { boot_id: Some("00000000-0000-0000-0000-000000000000".to_owned()), ..manifest.clone() };
            overwrite(&run.path(&run.run_json()), &serde_json::to_vec_pretty(&other).unwrap());
            Projector::resume(&run, past(&run)).unwrap().finish().unwrap();
            let now = projections(&run);
            assert!(now == before, "{name} was left with {:?}, and then:\n{}", left.map(|left| left.len()), text(now.get(name)));
        }
    }
}

#[test]
fn every_file_that_a_power_failure_left_is_found_and_made_anew_by_a_repair() {
    let place = Place::new();
    let (run, _) = rested(&place);
    let before = projections(&run);
    for (name, bytes) in &before {
        for left in left_of(bytes) {
            damage(&run, name, left.as_deref());
            let report = verify(&run).unwrap();
            let found: Vec<_> = report.findings.iter().map(|finding| (finding.path.as_str(), finding.kind)).collect();
            // A log that only lacks its end is no other than the journal's.
            let lacks = left.as_ref().is_none() || name.contains("/logs/");
            let kind = if lacks { FindingKind::Missing } else { FindingKind::Differs };
            assert_eq!(found, [(name.as_str(), kind)], "{:?}", left.map(|left| left.len()));
            repair(&run, &Lock::take(&run, &holder()).unwrap()).unwrap();
            assert!(projections(&run) == before, "{name}");
            assert!(verify(&run).unwrap().is_ok());
        }
    }
}

fn text(bytes: Option<&Vec<u8>>) -> String {
    String::from_utf8_lossy(bytes.map_or(b"", Vec::as_slice)).into_owned()
}
