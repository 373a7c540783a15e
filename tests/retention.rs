//! Retention with the real program: what goes, what stays, what is said about it, and what a kill leaves.

mod common;

use std::{fs, os::unix::fs::symlink};

use common::{Ran, Test};
use serde_json::Value;

trait Tells {
    /// On standard output.
    fn tells(self, text: &str) -> Self;
}

impl Tells for Ran {
    #[track_caller]
    fn tells(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "`{text}` is not in:\n{}\n{}", self.stdout, self.stderr);
        self
    }
}

const STEPS: &str = "steps:\n  - id: make\n    run: echo proof; echo made > \"$ARTIFACTS/a.txt\"; echo w > \"$STEP_DIR/w\"\n    outputs: [artifacts/a.txt]\n  - id: pre\n    snapshot: {name: pre, commands: {live: echo live}}\n";

fn done(config: &str) -> Test {
    let test = Test::new().flow("x", STEPS).file("flow-studio.toml", config);
    test.go(&["run", "x", "--run-id", "r"]).code(0);
    test
}

const ALL: &str = "[retention]\ntranscripts = \"0d\"\nlogs = \"0d\"\nartifacts = \"0d\"\nsnapshots = \"0d\"\nwork = \"0d\"\n";

fn every(test: &Test) -> Vec<std::path::PathBuf> {
    test.every_file("run_base").into_iter().map(|(path, _)| path).filter(|path| !path.ends_with(".retention.lock")).collect()
}

#[test]
fn without_a_period_nothing_is_ever_due() {
    let test = done("");
    let before = every(&test);
    test.go(&["retention", "prune", "--yes"]).code(0).tells("nothing is due");
    test.go(&["retention", "status"]).code(0).tells("everything is kept");
    assert_eq!(every(&test), before);
}

#[test]
fn nothing_goes_before_its_days_are_over() {
    let test = done("[retention]\nruns = \"2d\"\nlogs = \"1d\"\n");
    test.go(&["retention", "prune", "--yes"]).code(0).tells("nothing is due");
}

#[test]
fn nobody_removes_anything_without_a_yes() {
    let test = done(ALL);
    let before = every(&test);
    test.go(&["retention", "prune"]).code(6).says("nobody said yes");
    let plan = test.go(&["retention", "prune", "--dry-run", "--json"]).code(0).json();
    assert_eq!(every(&test), before);
    let gone = test.go(&["retention", "prune", "--yes", "--json"]).code(0).json();
    assert_eq!(
        (plan["bytes"].clone(), plan["runs"][0]["files"].clone()),
        (gone["bytes"].clone(), gone["runs"][0]["files"].clone())
    );
    assert!(gone["bytes"].as_u64().unwrap() > 0);
}

#[test]
fn what_was_pruned_is_no_tampering_and_the_proof_stays() {
    let test = done(ALL);
    let receipt = test.text("run_base/r/x/receipts/make-shell.json");
    test.go(&["retention", "prune", "--yes"]).code(0);
    for gone in ["logs", "artifacts", "snapshots", "work"] {
        assert!(!test.at(&format!("run_base/r/x/{gone}")).read_dir().is_ok_and(|mut dir| dir.next().is_some()), "{gone}");
    }
    assert_eq!(test.text("run_base/r/x/receipts/make-shell.json"), receipt);
    let report = test.verified(0);
    assert!(report["pruned"].as_u64().unwrap() > 0 && report["findings"].as_array().unwrap().is_empty(), "{report}");
    let found = test.go(&["diagnose", "r", "--json"]).json();
    assert!(!found.to_string().contains("tamper") && found["class"] == "healthy", "{found:#}");
    let panel = test.go(&["evidence", "r", "--json"]).json();
    let record = panel["metrics"].as_array().unwrap().iter().find(|one| one["metric"] == "record").unwrap();
    assert_ne!(record["red"], true, "{record}");
    test.go(&["show", "r", "make", "--log"]).code(2).says("retention removed it (tester)");
    // Nothing is made up in the place of what is gone.
    test.go(&["verify", "r", "--repair"]).code(0);
    assert!(!test.at("run_base/r/x/logs/make.jsonl").exists());
}

#[test]
fn a_file_that_went_by_itself_is_still_missed() {
    let test = done(ALL);
    fs::remove_file(test.at("run_base/r/x/logs/make.1.stdout")).unwrap();
    test.verified(7);
    // What is not what was written is evidence, and stays.
    test.go(&["retention", "prune", "--yes"]).code(0).tells("it is not what was written");
    assert!(test.at("run_base/r/x/artifacts/a.txt").exists());
}

#[test]
fn no_line_excuses_a_receipt_or_another_digest() {
    let test = done("[retention]\nlogs = \"0d\"\n");
    test.go(&["retention", "prune", "--yes"]).code(0);
    let path = test.at("run_base/r/retention.jsonl");
    let mut line: Value = serde_json::from_str(fs::read_to_string(&path).unwrap().trim()).unwrap();
    for file in line["files"].as_array_mut().unwrap() {
        file["sha256"] = "0".repeat(64).into();
    }
    fs::write(&path, format!("{line}\n")).unwrap();
    assert!(test.verified(7)["findings"].to_string().contains("it was not what was recorded"));
    line["files"][0]["path"] = "x/receipts/make-shell.json".into();
    fs::write(&path, format!("{line}\n")).unwrap();
    assert!(test.verified(7)["findings"].to_string().contains("retention never removes such a file"));
}

#[test]
fn a_run_that_is_held_or_waits_is_never_touched() {
    let test = done("[retention]\nruns = \"0d\"\n").flow("ask", "steps:\n  - id: ask\n    ask: {question: Go on?}\n");
    test.go(&["run", "ask", "--run-id", "w"]).code(4);
    test.go(&["retention", "hold", "r", "--reason", "an audit"]).code(0).tells("by tester");
    let status = test.go(&["retention", "status", "--json"]).code(0).json();
    assert_eq!(status["due_bytes"], 0, "{status:#}");
    test.go(&["retention", "prune", "--yes"]).code(0).tells("nothing is due");
    assert!(test.at("run_base/r/journal.jsonl").exists() && test.at("run_base/w/journal.jsonl").exists());
    test.verified(0);
    test.go(&["retention", "release", "r"]).code(0).tells("an audit");
    test.go(&["retention", "release", "r"]).code(2).says("is not held");
    test.go(&["retention", "hold", "r", "--reason", " "]).code(2);
    test.go(&["retention", "prune", "--yes"]).code(0).tells("gone: the whole run");
    assert!(!test.at("run_base/r").exists() && test.at("run_base/w/journal.jsonl").exists());
    test.go(&["status", "r"]).code(2).says("was removed by retention");
}

#[test]
fn an_archive_holds_what_went_and_puts_it_back() {
    let test = done("[retention]\nlogs = \"0d\"\nartifacts = \"0d\"\n");
    let before = test.every_file("run_base/r/x");
    test.go(&["retention", "prune", "--yes", "--archive", "run_base/old"]).code(1).says("lies among the runs");
    fs::remove_dir_all(test.at("run_base/old")).unwrap();
    assert_eq!(test.every_file("run_base/r/x"), before);
    test.go(&["retention", "prune", "--yes", "--archive", "old"]).code(0).tells("old/r.tar.gz");
    assert!(!test.at("run_base/r/x/artifacts/a.txt").exists());
    let tar =
        std::process::Command::new("tar").args(["-xzf", "old/r.tar.gz", "-C", "run_base"]).current_dir(test.root()).status();
    assert!(tar.unwrap().success());
    assert_eq!(test.every_file("run_base/r/x"), before);
    assert_eq!(test.verified(0)["pruned"], 0);
    // A second archive never replaces the first.
    test.go(&["retention", "prune", "--yes", "--archive", "old"]).code(0).tells("old/r.2.tar.gz");
}

#[test]
fn a_link_is_removed_and_what_it_names_is_not() {
    let test = done(ALL);
    test.write("outside/keep.txt", "keep");
    symlink(test.at("outside"), test.at("run_base/r/x/artifacts/out")).unwrap();
    symlink(test.at("outside/keep.txt"), test.at("run_base/r/x/work/keep")).unwrap();
    test.go(&["retention", "prune", "--yes", "--archive", "old"]).code(0);
    assert_eq!(test.text("outside/keep.txt"), "keep");
    assert!(test.at("run_base/r/x/artifacts/out").symlink_metadata().is_err());
}

/// The line is on disk before the first file goes: whatever a kill leaves is explained, and the next prune ends it.
#[test]
fn a_prune_that_was_killed_half_way_is_explained_and_ended_by_the_next() {
    let test = done(ALL);
    let kept = test.every_file("run_base/r");
    test.go(&["retention", "prune", "--yes"]).code(0);
    // As if the process had been killed after a part of its files, at each possible point.
    let gone: Vec<_> = kept.iter().filter(|(path, _)| !test.at("run_base/r").join(path).exists()).collect();
    assert!(gone.len() > 3);
    for back in 1..=gone.len() {
        for (path, bytes) in &gone[..back] {
            let path = test.at("run_base/r").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        test.verified(0);
        test.go(&["retention", "prune", "--yes"]).code(0).tells("gone: ");
        test.verified(0);
    }
    // A run that had lost its name, and a line that was never finished.
    fs::rename(test.at("run_base/r"), test.at("run_base/.r.removed-1")).unwrap();
    test.go(&["run", "x", "--run-id", "s"]).code(0);
    fs::write(test.at("run_base/s/retention.jsonl"), "{\"schema\":\"flow-st").unwrap();
    let report = test.go(&["retention", "prune", "--yes", "--json"]).code(0).json();
    assert_eq!(report["swept"], 1, "{report:#}");
    assert!(!test.at("run_base/.r.removed-1").exists());
    assert_eq!(test.text("run_base/s/retention.jsonl").lines().count(), 1);
    test.go(&["verify", "s"]).code(0);
}

#[test]
fn of_two_that_prune_at_once_each_file_goes_once() {
    let test = done("[retention]\nruns = \"0d\"\n");
    for name in ["r2", "r3"] {
        test.go(&["run", "x", "--run-id", name]).code(0);
    }
    let both = [test.start(&["retention", "prune", "--yes", "--json"]), test.start(&["retention", "prune", "--yes", "--json"])];
    let reports: Vec<Value> = both.into_iter().map(|live| live.wait().code(0).json()).collect();
    let gone = reports.iter().flat_map(|report| report["runs"].as_array().unwrap()).filter(|run| run["kept_because"].is_null());
    assert_eq!(gone.count(), 3, "{reports:#?}");
    assert_eq!(test.text("run_base/retention.jsonl").lines().count(), 3);
}

#[test]
fn a_run_that_somebody_drives_stays() {
    let test =
        Test::new().flow("y", "steps:\n  - id: a\n    run: echo a\n").file("flow-studio.toml", "[retention]\nruns = \"0d\"\n");
    test.go(&["run", "y", "--run-id", "r"]).code(0);
    let holder =
        fs::File::options().read(true).write(true).create(true).truncate(false).open(test.at("run_base/r/.lock")).unwrap();
    holder.lock().unwrap();
    test.go(&["retention", "prune", "--yes"]).code(0).tells("another process drives this run");
    assert!(test.at("run_base/r/journal.jsonl").exists());
}
