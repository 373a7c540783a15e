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
