//! Under the digest of what was shown stands what was shown, or the word that it is another file now.

use std::fs;

use serde_json::json;

use crate::{
    attacks::{QUESTION, waiting},
    client::Studio,
    common::Test,
};

#[test]
fn a_file_that_changed_since_it_was_shown_is_not_shown_as_what_is_answered() {
    let test = waiting();
    let studio = Studio::start(&test);
    let place = test.at("run_base/r/gate/artifacts/who.txt");
    studio.get(QUESTION).code(200).says("whole");
    for other in ["twist", "another length"] {
        fs::write(&place, format!("{other}\n")).expect("a file");
        let page = studio.get(QUESTION).code(200).says("changed since it was shown").says("An answer will be refused");
        assert!(!page.body.contains(other), "{}", page.body);
    }
    fs::remove_file(&place).expect("a file");
    studio.get(QUESTION).code(200).says("changed since it was shown");
    // What was not there when it was asked is there now.
    fs::write(&place, "whole\n").expect("a file");
    let leak = test.at("run_base/r/gate/artifacts/leak.txt");
    fs::remove_file(&leak).expect("a link");
    fs::write(&leak, "of later\n").expect("a file");
    let page = studio.get(QUESTION).code(200).says("whole").says("changed since it was shown");
    assert!(!page.body.contains("of later"), "{}", page.body);
    // And so it goes, as the page said.
    let digest = studio.api("/api/v1/questions/r/gate-1").code(200).json()["subject_digest"].clone();
    studio.api_post("/api/v1/questions/r/gate-1/answer", &json!({"choose": "approve", "digest": digest})).code(409);
    studio.get("/runs/r/questions/gate-2").code(200).says("whole").says("of later");
    let before = studio.get(QUESTION).code(200).says("changed since it was shown").body;
    assert!(!before.contains("An answer will be refused"), "{before}");
}

#[test]
fn a_picture_that_changed_since_it_was_shown_is_not_sent_under_its_digest() {
    let flow = "steps:\n  - {id: make, run: 'cp a.gif \"$ARTIFACTS/a.gif\"'}\n  - {id: gate, needs: [make], ask: {question: 'Go on?', evidence: [artifacts/a.gif]}}\n";
    let test = Test::new().flow("gate", flow).file("a.gif", "GIF89a, as it was");
    test.go(&["run", "gate", "--run-id", "r"]).code(4);
    let studio = Studio::start(&test);
    let page = studio.get(QUESTION).code(200).body;
    let source = page.split("class=\"artifact\" src=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a picture");
    let source = source.replace("&amp;", "&");
    assert_eq!(studio.get(&source).code(200).body, "GIF89a, as it was");
    test.write("run_base/r/gate/artifacts/a.gif", "GIF89a, as it is.");
    studio.get(&source).code(409).says("changed since it was shown");
    studio.get("/runs/r/picture?flow=gate&name=a.gif").code(200);
}

/// A file that is too large to be hashed for a page is not shown for what was shown either.
#[test]
fn a_file_too_large_to_be_checked_is_named_and_not_shown() {
    let flow = "steps:\n  - {id: make, run: 'truncate -s 65M \"$ARTIFACTS/large.txt\"'}\n  - {id: gate, needs: [make], ask: {question: 'Go on?', evidence: [artifacts/large.txt]}}\n";
    let test = Test::new().flow("gate", flow);
    test.go(&["run", "gate", "--run-id", "r"]).code(4);
    Studio::start(&test).get(QUESTION).code(200).says("too large to be checked here");
}

/// Receipts lie where steps write.
#[test]
fn a_proof_that_a_step_wrote_is_told_from_that_of_the_journal() {
    let flow = r#"steps:
  - {id: check, run: "exit 3", on_failure: continue}
  - {id: forge, run: "cd $RUN_BASE/gate && sed -i 's/failed/forged/; s/UNVERIFIED/VERIFIED/' receipts/check-shell.json handoffs/check-shell.json logs/check.jsonl"}
  - {id: gate, ask: {question: 'Go on?', evidence: [receipts/check-shell.json]}}
"#;
    let test = Test::new().flow("gate", flow);
    test.go(&["run", "gate", "--run-id", "r"]).code(4);
    let studio = Studio::start(&test);
    let page = studio.get("/runs/r/step?flow=gate&step=check").code(200).body;
    for path in ["receipts/check-shell.json", "handoffs/check-shell.json", "logs/check.jsonl"] {
        let said = format!("gate/{path} is not what the journal says");
        assert!(page.contains(&said), "{said}: {page}");
    }
    assert!(page.contains("verify --repair"), "{page}");
    let receipt = page.split("id=\"receipt\"").nth(1).and_then(|rest| rest.split("id=\"handoff\"").next()).expect("a receipt");
    assert!(receipt.contains("&quot;failed&quot;") && !receipt.contains("forged"), "{receipt}");
    studio.get(QUESTION).code(200).says("It is not what the journal says").says("verify r --repair");
    let clean = studio.get("/runs/r/step?flow=gate&step=forge").code(200).body;
    assert!(!clean.contains("is not what the journal says"), "{clean}");
}
