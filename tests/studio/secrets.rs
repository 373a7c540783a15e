//! What a step wrote into its own files stands on no page with its secrets.

use crate::{client::Studio, common::Test};

const FLOW: &str = "secrets: [DEPLOY_PW]\nsteps:\n  - {id: make, secrets: [DEPLOY_PW], run: 'echo \"pw is $DEPLOY_PW, token is $(cat token)\" > \"$ARTIFACTS/who.txt\"; echo done'}\n  - {id: gate, needs: [make], ask: {question: 'Go on?', evidence: [artifacts/who.txt]}}\n";
const VALUE: &str = "correct-horse-battery";
const PAGES: [&str; 2] = ["/runs/r/questions/gate-1", "/runs/r/artifacts?flow=gate&name=who.txt"];

/// Put together here so that no scanner takes this file for a leak.
fn token() -> String {
    format!("gh{}", "p_a1B2c3D4e5F6g7H8i9J0a1B2c3D4e5F6g7H8")
}

fn asked(value: &str) -> Test {
    let test = Test::new().flow("gate", FLOW).file("token", &token());
    let run = test.command(&["run", "gate", "--run-id", "r"]).env("DEPLOY_PW", value).output().expect("the program starts");
    assert_eq!(run.status.code(), Some(4), "{run:?}");
    test
}

fn studio(test: &Test, value: &str) -> Studio {
    let mut command = test.command(&["serve", "--bind", "127.0.0.1:0", "--no-continue"]);
    command.env("DEPLOY_PW", value);
    Studio::after(command)
}

#[test]
fn evidence_and_artifacts_are_shown_without_shapes_of_secrets_and_without_declared_values() {
    let test = asked(VALUE);
    let studio = studio(&test, VALUE);
    for page in PAGES {
        let told = studio.get(page).code(200).says("[REDACTED:github-token]").says("[REDACTED:DEPLOY_PW]");
        assert!(!told.body.contains(VALUE) && !told.body.contains(&token()), "{page}: {}", told.body);
    }
    // Kept as it is, so that its digest is that of the receipt.
    studio.get("/runs/r/artifacts/raw?flow=gate&name=who.txt").code(200).says(VALUE);
}

#[test]
fn what_passed_the_door_under_another_value_is_shown_without_the_value_of_now() {
    let test = asked(VALUE);
    let later = "a-value-of-later";
    let studio = studio(&test, later);
    let log = test.at("run_base/r/gate/logs/make.jsonl");
    let text = std::fs::read_to_string(&log).expect("a log");
    assert!(text.contains("done"), "{text}");
    std::fs::write(&log, text.replace("done", later)).expect("a log");
    for page in ["/runs/r/step?flow=gate&step=make", "/api/v1/runs/r/files?flow=gate&step=make&what=log"] {
        let told = studio.get(page).code(200).says("[REDACTED:DEPLOY_PW]");
        assert!(!told.body.contains(later), "{page}: {}", told.body);
    }
}

/// A flow that declares it is not started with it; what was started before is looked at all the same.
#[test]
fn a_value_too_short_to_be_told_from_text_keeps_no_page_from_being_shown() {
    let test = asked(VALUE);
    let studio = studio(&test, "is");
    for page in PAGES {
        studio.get(page).code(200).says("token is [REDACTED:github-token]");
    }
}

#[test]
fn a_text_that_is_cut_within_a_secret_shows_no_half_of_it() {
    let test = asked(VALUE);
    let studio = studio(&test, VALUE);
    let before = 256 * 1024 - 10;
    test.write("run_base/r/gate/artifacts/who.txt", &format!("{}{VALUE}", ". ".repeat(before / 2)));
    let told = studio.get(PAGES[1]).code(200).says("the first 262144 of 262155 bytes");
    assert!(!told.body.contains(&VALUE[..4]), "half of it is shown");
}
