//! A run that is parked for a person goes on when the answer is there, wherever it was given, and at once by nobody else.

use serde_json::json;

use crate::{
    client::Studio,
    common::{Test, until},
    world::{until_idle, until_status},
};

const GATE: &str =
    "steps:\n  - {id: gate, ask: {question: 'Go on?'}}\n  - {id: after, needs: [gate], run: 'echo $RUN_ID >> after'}\n";

fn parked(run: &str) -> Test {
    let test = Test::new().flow("gate", GATE);
    test.go(&["run", "gate", "--run-id", run]).code(4);
    test
}

fn answer(studio: &Studio, run: &str, choose: &str) {
    let (slip, digest) = studio.hidden(&format!("/runs/{run}/questions/gate-1"));
    let form = [("slip", slip.as_str()), ("digest", &digest), ("choose", choose), ("sure", "yes")];
    studio.form(&format!("/runs/{run}/questions/gate-1/answer"), &form).code(303);
}

#[test]
fn an_answer_in_the_form_lets_the_run_go_on_and_end() {
    let test = Test::new().flow("gate", GATE);
    let studio = Studio::driving(&test, &[]);
    studio.run("gate", "r").code(202);
    until_status(&test, "r", "waiting");
    until_idle(&test);
    answer(&studio, "r", "approve");
    until_status(&test, "r", "succeeded");
    until_idle(&test);
    assert_eq!(test.text("after"), "r\n");
    assert_eq!(test.facts("r", "resumed").len(), 1);
    test.verified(0);
}

#[test]
fn an_answer_given_at_a_terminal_is_heard_too() {
    let test = parked("r");
    let studio = Studio::driving(&test, &[]);
    test.go(&["review", "answer", "r/gate-1", "--choose", "approve", "--as", "bo"]).code(0);
    until_status(&test, "r", "succeeded");
    until_idle(&test);
    assert_eq!(test.facts("r", "resumed")[0]["by"], json!("bo"), "it goes on in the name of whoever answered");
    assert_eq!(test.text("after"), "r\n");
    drop(studio);
}

#[test]
fn an_answer_given_while_the_studio_was_down_is_heard_when_it_starts() {
    let test = parked("r");
    let studio = Studio::driving(&test, &[]);
    let port = studio.kill();
    test.go(&["review", "answer", "r/gate-1", "--choose", "approve"]).code(0);
    assert_eq!(test.text("after"), "");
    // One that leaves runs as they are leaves this one, too.
    let studio = Studio::again(&test, port);
    studio.get("/runs/r").code(200).says("interrupted");
    studio.kill();
    assert_eq!(test.text("after"), "");
    let _studio = Studio::driving(&test, &[]);
    until_status(&test, "r", "succeeded");
    assert_eq!(test.text("after"), "r\n");
}

#[test]
fn what_a_person_interrupted_or_what_still_waits_is_left_alone() {
    let two = "steps:\n  - {id: gate, ask: {question: 'Go on?'}}\n  - {id: other, ask: {question: 'And this?'}}\n  - {id: after, needs: [gate, other], run: 'echo $RUN_ID >> after'}\n";
    let test = Test::new()
        .flow("two", two)
        .flow("gate", GATE)
        .flow("cut", "steps:\n  - {id: a, run: 'true'}\n  - {id: b, needs: [a], run: 'echo cut >> after'}\n");
    test.go(&["run", "two", "--run-id", "two"]).code(4);
    // Told to stop after a step: nobody has answered anything.
    test.go(&["run", "cut", "--run-id", "cut", "--until", "a"]).code(0);
    test.go(&["run", "gate", "--run-id", "unanswered"]).code(4);
    let before: Vec<usize> = ["cut", "unanswered"].iter().map(|run| test.journal(run).len()).collect();
    let studio = Studio::driving(&test, &[]);
    test.go(&["review", "answer", "two/gate-1", "--choose", "approve"]).code(0);
    // It looks what there is to do, and rests again.
    until("it was gone on with", || test.facts("two", "resumed").len() == 1);
    until_status(&test, "two", "waiting");
    until_idle(&test);
    test.go(&["review", "answer", "two/other-1", "--choose", "approve"]).code(0);
    until_status(&test, "two", "succeeded");
    assert_eq!(test.text("after"), "two\n");
    assert_eq!(["cut", "unanswered"].iter().map(|run| test.journal(run).len()).collect::<Vec<_>>(), before);
    drop(studio);
}

#[test]
fn an_answer_that_ends_the_run_leaves_nothing_to_go_on_with() {
    let test = parked("r");
    let studio = Studio::driving(&test, &[]);
    answer(&studio, "r", "reject");
    until_status(&test, "r", "failed");
    until_idle(&test);
    assert_eq!(test.text("after"), "");
}

#[test]
fn time_answers_where_the_flow_says_so_and_nobody_drives_the_run() {
    let flow = "steps:\n  - {id: gate, ask: {question: 'Go on?', expires: 1s, on_timeout: reject}}\n";
    let test = Test::new().flow("late", flow);
    let studio = Studio::driving(&test, &[]);
    studio.run("late", "r").code(202);
    until_status(&test, "r", "failed");
    until_idle(&test);
    assert_eq!(
        test.facts("r", "escalation_answered").len() + test.facts("r", "escalation_expired").len(),
        1,
        "{:?}",
        test.journal("r")
    );
}

/// Whoever is first has the run; the other hears who it is, and nothing is done twice.
#[test]
fn a_person_who_resumes_at_the_same_time_gets_a_sentence_or_the_run() {
    let test = parked("r");
    let studio = Studio::driving(&test, &[]);
    test.go(&["review", "answer", "r/gate-1", "--choose", "approve"]).code(0);
    let mine = test.go(&["resume", "r"]);
    match mine.code {
        Some(0) => {}
        _ => drop(mine.code(6).says("is driven by another process")),
    }
    until_status(&test, "r", "succeeded");
    until_idle(&test);
    assert_eq!(test.text("after"), "r\n");
    assert!(studio.orders().is_empty());
}
