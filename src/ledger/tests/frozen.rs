//! What defined a flow: never another than it was, and whole after a power failure.

use std::fs;

use super::build::{Place, created, definition, flow, freeze, holder, manifest, write};
use crate::{
    id::Sha256,
    ledger::{Frozen, FrozenError, Lock, Projector, RunDir, repair, verify},
    redact::Clean,
};

#[test]
fn frozen_files_never_change() {
    let place = Place::new();
    let run = place.run();
    let files = |text: &str| {
        let file = |name: &str| (name.to_owned(), Clean::for_test(text.as_bytes().to_vec()));
        vec![file("flow.yaml"), file("agents/critic.md")]
    };
    let write = |generation, text: &str| Frozen::write(&run, &flow(), generation, &Sha256::of(text.as_bytes()), &files(text));
    drop(write(1, "one").unwrap());
    drop(write(1, "one").unwrap());
    assert!(matches!(write(1, "two"), Err(FrozenError::Taken(_))));
    drop(write(2, "two").unwrap());
    let read = Frozen::read(&run, &flow(), 1).unwrap();
    assert_eq!(read.files["agents/critic.md"], b"one");
    assert_eq!(Frozen::read(&run, &flow(), 2).unwrap().definition, Sha256::of(b"two"));
    fs::write(run.base().join("frozen/build/flow.yaml"), "changed").unwrap();
    assert!(matches!(Frozen::read(&run, &flow(), 1), Err(FrozenError::Broken { what: "was changed", .. })));
    assert!(matches!(Frozen::read(&run, &flow(), 3), Err(FrozenError::Missing(_))));
}

const FILES: [&str; 2] = ["flow.yaml", "digests.json"];

fn frozen(run: &RunDir) -> Result<Frozen, FrozenError> {
    Frozen::read(run, &flow(), 1)
}

/// A run with a frozen flow, and what stands in its files.
fn frozen_once() -> (Place, RunDir, [Vec<u8>; 2]) {
    let place = Place::new();
    let run = place.run();
    freeze(&run);
    let whole = FILES.map(|name| fs::read(run.base().join("frozen/build").join(name)).unwrap());
    (place, run, whole)
}

/// Everything that a file can be when the power fails before it is synced.
fn left_of(whole: &[u8]) -> Vec<Option<Vec<u8>>> {
    let cut = (0..=whole.len()).map(|end| Some(whole[..end].to_vec()));
    let zeros = (0..whole.len()).map(|end| {
        let mut bytes = vec![0; whole.len()];
        bytes[..end].copy_from_slice(&whole[..end]);
        Some(bytes)
    });
    cut.chain(zeros).chain([None]).collect()
}

fn put(run: &RunDir, name: &str, bytes: Option<&[u8]>) {
    let path = run.base().join("frozen/build").join(name);
    match bytes {
        Some(bytes) => fs::write(path, bytes).unwrap(),
        None => drop(fs::remove_file(path)),
    }
}

#[test]
fn whatever_a_power_failure_leaves_of_the_files_the_definition_is_whole() {
    let (_place, run, whole) = frozen_once();
    let as_it_was = frozen(&run).unwrap();
    for (name, bytes) in FILES.into_iter().zip(&whole) {
        for left in left_of(bytes) {
            put(&run, name, left.as_deref());
            assert_eq!(frozen(&run).unwrap(), as_it_was, "{name}: {left:?}");
        }
        put(&run, name, Some(bytes));
    }
    fs::remove_dir_all(run.base().join("frozen")).unwrap();
    assert_eq!(frozen(&run).unwrap(), as_it_was);
}

#[test]
fn what_says_something_else_is_not_taken_for_what_is_left() {
    let (_place, run, whole) = frozen_once();
    for (name, bytes) in FILES.into_iter().zip(&whole) {
        let longer = [bytes, b"x".as_slice()].concat();
        for other in [b"x".as_slice(), b"\0x", &longer] {
            put(&run, name, Some(other));
            assert!(matches!(frozen(&run), Err(FrozenError::Broken { .. })), "{name}: {other:?}");
        }
        put(&run, name, Some(bytes));
    }
    // Without the line the files are all there is, as in runs from before there were lines.
    fs::remove_file(run.base().join("frozen.jsonl")).unwrap();
    assert!(frozen(&run).is_ok());
    put(&run, "digests.json", None);
    assert!(matches!(frozen(&run), Err(FrozenError::Missing(_))));
}

#[test]
fn a_line_is_written_once_and_below_one_that_is_torn() {
    let place = Place::new();
    let run = place.run();
    let lines = run.base().join("frozen.jsonl");
    freeze(&run);
    let line = fs::read_to_string(&lines).unwrap();
    freeze(&run);
    assert_eq!(fs::read_to_string(&lines).unwrap(), line);
    for end in 0..line.len() {
        fs::write(&lines, &line[..end]).unwrap();
        fs::remove_dir_all(run.base().join("frozen")).unwrap();
        freeze(&run);
        fs::remove_dir_all(run.base().join("frozen")).unwrap();
        assert_eq!(frozen(&run).unwrap().definition, definition(), "cut at {end}");
        // A line that lost only its end is as good as before.
        assert!(fs::read_to_string(&lines).unwrap().ends_with(&line) || end == line.len() - 1);
        freeze(&run);
    }
}

/// A run whose frozen flow has begun.
fn begun() -> (Place, RunDir) {
    let place = Place::new();
    let run = place.run();
    freeze(&run);
    let entries = write(&run, vec![created()]);
    let projector = Projector::start(&run).unwrap();
    entries.iter().for_each(|entry| projector.send(entry.clone()));
    projector.manifest(manifest(entries.last().unwrap()));
    projector.finish().unwrap();
    (place, run)
}

#[test]
fn files_that_are_gone_or_changed_are_found_and_made_anew() {
    let (_place, run) = begun();
    let path = run.base().join("frozen/build/flow.yaml");
    let whole = fs::read(&path).unwrap();
    for damage in [None, Some("changed")] {
        match damage {
            Some(text) => fs::write(&path, text).unwrap(),
            None => fs::remove_dir_all(run.base().join("frozen")).unwrap(),
        }
        let found = verify(&run).unwrap().findings;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].path, "frozen/build");
        repair(&run, &Lock::take(&run, &holder()).unwrap()).unwrap();
        assert!(verify(&run).unwrap().is_ok());
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
}

#[test]
fn a_line_that_is_gone_or_changed_is_found_and_made_anew() {
    let (_place, run) = begun();
    let path = run.base().join("frozen.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    for damage in [None, Some(whole.replace("flow.yaml", "other.yaml")), Some(whole[..whole.len() / 2].to_owned())] {
        match &damage {
            Some(text) => fs::write(&path, text).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let found = verify(&run).unwrap().findings;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].path, "frozen.jsonl");
        repair(&run, &Lock::take(&run, &holder()).unwrap()).unwrap();
        assert!(verify(&run).unwrap().is_ok());
        // With the files gone, too, it is what the flow is read from.
        fs::remove_dir_all(run.base().join("frozen")).unwrap();
        assert_eq!(frozen(&run).unwrap().definition, definition());
        repair(&run, &Lock::take(&run, &holder()).unwrap()).unwrap();
        fs::write(&path, &whole).unwrap();
    }
}

fn text(text: &str) -> Vec<(String, Clean<Vec<u8>>)> {
    vec![("flow.yaml".to_owned(), Clean::for_test(text.as_bytes().to_vec()))]
}

fn add(run: &RunDir, text_of: &str) {
    drop(Frozen::add(run, &flow(), &Sha256::of(text_of.as_bytes()), &text(text_of)).unwrap());
}

fn is_kept(run: &RunDir, text_of: &str) -> bool {
    Frozen::of(run, &flow(), &Sha256::of(text_of.as_bytes())).is_ok_and(|frozen| frozen.files["flow.yaml"] == text_of.as_bytes())
}

#[test]
fn a_definition_has_one_place_whatever_came_between() {
    let place = Place::new();
    let run = place.run();
    let names = || {
        let names = fs::read_dir(run.base().join("frozen")).unwrap().map(|item| item.unwrap().file_name().into_string().unwrap());
        names.collect::<std::collections::BTreeSet<_>>()
    };
    for text in ["one", "refused", "two", "one", "two", "refused"] {
        add(&run, text);
    }
    assert_eq!(names().into_iter().collect::<Vec<_>>(), ["build", "build@2", "build@3"]);
    // Of another flow whose name begins like this one.
    fs::create_dir(run.base().join("frozen/build-it")).unwrap();
    fs::create_dir(run.base().join("frozen/build@x")).unwrap();
    assert!(["one", "two", "refused"].iter().all(|text| is_kept(&run, text)));
    // A place that only its line knows is not given away, nor is one that nobody can read.
    fs::remove_dir_all(run.base().join("frozen/build@2")).unwrap();
    fs::create_dir_all(run.base().join("frozen/build@4")).unwrap();
    fs::write(run.base().join("frozen/build@4/digests.json"), "{").unwrap();
    add(&run, "three");
    assert!(is_kept(&run, "refused") && is_kept(&run, "three") && names().contains("build@5"), "{:?}", names());
    // What is left of one that was never finished is.
    fs::create_dir_all(run.base().join("frozen/build@6")).unwrap();
    add(&run, "four");
    assert!(is_kept(&run, "four") && !names().contains("build@7"));
}

#[test]
fn what_was_frozen_for_nothing_is_no_finding_and_does_not_hide_what_ran() {
    let (_place, run) = begun();
    add(&run, "refused");
    add(&run, "refused, too");
    assert!(verify(&run).unwrap().is_ok());
    // It says that it is what ran, and is not.
    let index = run.base().join("frozen/build@2/digests.json");
    let told = fs::read_to_string(&index).unwrap();
    fs::write(&index, told.replace(Sha256::of(b"refused").as_str(), definition().as_str())).unwrap();
    fs::write(run.base().join("frozen/build@2/flow.yaml"), "evil").unwrap();
    assert_eq!(Frozen::of(&run, &flow(), &definition()).unwrap().files["flow.yaml"], b"flow: build\n");
    let found = verify(&run).unwrap().findings;
    assert_eq!((found.len(), found[0].path.as_str()), (1, "frozen/build@2"), "{found:?}");
}
