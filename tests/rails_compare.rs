//! What changed, and what was taken back: comparisons that name places in JSON, and undos that leave receipts.
//! In: flows that change a file and fail. Out: artifacts and receipts. Never: a difference told without its place.

mod common;

use common::Test;
use serde_json::json;

const FLOW: &str = "steps:\n\
    \x20 - {id: pre, snapshot: {name: pre, files: [config/*]}}\n\
    \x20 - {id: apply, run: \"sed -i.bak s/dark/light/ config/ui.json; rm config/ui.json.bak; echo more >> config/notes.txt\",\n\
    \x20    undo: 'cp kept/ui.json kept/notes.txt config/', expect: {exit: 0}}\n\
    \x20 - {id: post, snapshot: {name: post, files: [config/*]}}\n\
    \x20 - {id: diff, compare: {before: pre, after: post, expect: {changed_only: [config/ui.json]}}, on_failure: rollback}\n\
    \x20 - {id: never, run: touch never}\n";

fn test() -> Test {
    let ui = "{\n  \"theme\": \"dark\",\n  \"size\": 3\n}\n";
    let all = Test::new().flow("change", FLOW).file("config/ui.json", ui).file("kept/ui.json", ui);
    all.file("config/notes.txt", "one\n").file("kept/notes.txt", "one\n")
}

#[test]
fn a_comparison_names_the_places_in_json_and_shows_the_lines_of_text() {
    let test = test();
    test.go(&["run", "change", "--run-id", "r"]).code(1);
    let compared = test.json("run_base/r/change/artifacts/diff-pre-post.json");
    let changes = compared["changes"].as_array().unwrap();
    assert_eq!(
        changes.iter().map(|one| one["path"].as_str().unwrap()).collect::<Vec<_>>(),
        ["config/notes.txt", "config/ui.json"]
    );
    assert_eq!(changes[1]["json"], json!([{"pointer": "/theme", "before": "dark", "after": "light"}]));
    assert!(changes[0].get("json").is_none());
    let diff = test.text("run_base/r/change/artifacts/diff-pre-post.diff");
    for line in ["config/ui.json#/theme: \"dark\" is now \"light\"", "--- a/config/notes.txt", "+more", "-  \"theme\": \"dark\","]
    {
        assert!(diff.contains(line), "{line}\n{diff}");
    }
    let receipt = test.json("run_base/r/change/receipts/diff-builtin.json");
    assert_eq!(receipt["checks"][0]["actual"], "also changed: config/notes.txt");
}

#[test]
fn an_undo_leaves_its_own_receipt_and_the_files_as_they_were() {
    let test = test();
    let ran = test.go(&["run", "change", "--run-id", "r"]).code(1);
    assert!(ran.stderr.contains("rolled back (1 undone)"), "{}", ran.stderr);
    for file in ["ui.json", "notes.txt"] {
        assert_eq!(test.text(&format!("config/{file}")), test.text(&format!("kept/{file}")), "{file}");
    }
    assert!(!test.at("never").exists());
    let receipt = test.json("run_base/r/change.rollback/receipts/undo-apply-shell.json");
    assert_eq!((&receipt["status"], &receipt["sandbox"]["requested"]), (&json!("succeeded"), &json!("change")));
    assert_eq!(receipt["commands"][0]["run"], "cp kept/ui.json kept/notes.txt config/");
    test.go(&["verify", "r"]).code(0);
}

/// What it was before, is what a person goes back to; and a receipt goes on telling of what it told of.
#[test]
fn a_snapshot_that_is_taken_again_leaves_the_one_before_beside_it() {
    let steps = "steps:\n\
        \x20 - {id: pre, snapshot: {name: pre, files: [state, 'sometimes*'], commands: {now: cat state}}}\n\
        \x20 - {id: judge, run: 'test $ITERATION = 2', loop: {to: again, max: 3}, needs: [again]}\n\
        \x20 - {id: again, snapshot: {name: again, commands: {round: 'echo $ITERATION'}}, needs: [pre]}\n";
    let test = Test::new().flow("twice", steps).file("state", "first\n").file("sometimes", "there\n");
    test.go(&["run", "twice", "--run-id", "r"]).code(0);
    test.go(&["verify", "r"]).code(0);
    let snapshots = "run_base/r/twice/snapshots";
    assert_eq!(test.text(&format!("{snapshots}/again.1/commands/round.txt")), "1\n");
    assert_eq!(test.text(&format!("{snapshots}/again/commands/round.txt")), "2\n");

    std::fs::remove_file(test.at("sometimes")).unwrap();
    for (state, execution) in [("second\n", 2), ("third\n", 3)] {
        test.write("state", state);
        test.go(&["retry", "r", "--step", "pre", "--only"]).code(0);
        assert_eq!(test.text(&format!("{snapshots}/pre/commands/now.txt")), state);
        assert_eq!(test.json(&format!("{snapshots}/pre/index.json"))["execution"], execution);
        assert!(!test.at(&format!("{snapshots}/pre/files/sometimes")).exists(), "of another time");
        test.go(&["verify", "r"]).code(0);
    }
    assert_eq!(test.text(&format!("{snapshots}/pre.1/files/sometimes")), "there\n");
    assert_eq!(test.text(&format!("{snapshots}/pre.1/commands/now.txt")), "first\n");
    assert_eq!(test.text(&format!("{snapshots}/pre.2/files/state")), "second\n");
    // Looked at as closely as the newest.
    test.write(&format!("{snapshots}/pre.1/commands/now.txt"), "another\n");
    let found = test.verified(7);
    assert_eq!(found["findings"][0]["path"], "twice/snapshots/pre.1/commands/now.txt", "{found:#}");
    std::fs::remove_dir_all(test.at(&format!("{snapshots}/pre.2"))).unwrap();
    let found = test.verified(7)["findings"].to_string();
    assert!(found.contains("twice/snapshots/pre.2/commands/now.txt"), "{found}");
}
