//! A question is answered once, as it was read, by whoever the studio belongs to; everything else is refused and written down.

use std::{io::Write as _, sync::Barrier};

use serde_json::json;

use crate::{client::Studio, common::Test};

const GATE: &str =
    "steps:\n  - {id: gate, ask: {question: 'Go on?', evidence: [plan.md]}}\n  - {id: after, needs: [gate], run: 'true'}\n";
const QUESTION: &str = "/runs/r/questions/gate-1";
const ANSWER: &str = "/runs/r/questions/gate-1/answer";
const API_ANSWER: &str = "/api/v1/questions/r/gate-1/answer";

fn waiting() -> Test {
    let test = Test::new().file("plan.md", "do this\n").flow("gate", GATE);
    test.go(&["run", "gate", "--run-id", "r"]).code(4);
    test
}

fn form<'f>(slip: &'f str, digest: &'f str, choose: &'f str) -> [(&'f str, &'f str); 5] {
    [("slip", slip), ("digest", digest), ("choose", choose), ("note", "as a form says it"), ("sure", "yes")]
}

#[test]
fn of_two_forms_at_once_one_decides_and_the_other_hears_why_not() {
    let test = waiting();
    let studio = Studio::start(&test);
    let forms = [studio.hidden(QUESTION), studio.hidden(QUESTION)];
    let line = Barrier::new(2);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let sent: Vec<_> = forms
            .iter()
            .zip(["approve", "reject"])
            .map(|((slip, digest), choose)| {
                scope.spawn(|| {
                    line.wait();
                    studio.form(ANSWER, &form(slip, digest, choose))
                })
            })
            .collect();
        sent.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    let mut codes: Vec<u16> = answers.iter().map(|one| one.status).collect();
    codes.sort_unstable();
    assert_eq!(codes, [303, 409], "{answers:?}");
    let refused = answers.iter().find(|one| one.status == 409).expect("one");
    assert!(refused.body.contains("is closed (answered `"), "{}", refused.body);
    let (taken, told) = (test.facts("r", "escalation_answered"), test.facts("r", "answer_refused"));
    assert_eq!((taken.len(), told.len()), (1, 1), "both stand in the journal");
    assert_eq!((&taken[0]["answer"]["by"], &taken[0]["answer"]["channel"]), (&json!("tester"), &json!("http")));
    test.verified(0);
    test.go(&["resume", "r"]);
    assert_eq!(test.facts("r", "escalation_answered").len(), 1);
}

#[test]
fn a_form_counts_once() {
    let test = waiting();
    let studio = Studio::start(&test);
    let (slip, digest) = studio.hidden(QUESTION);
    let form = form(&slip, &digest, "approve");
    studio.form(ANSWER, &form).code(303);
    let lines = test.journal("r").len();
    studio.form(ANSWER, &form).code(409).says("was sent before");
    assert_eq!(test.journal("r").len(), lines);
    studio.get(QUESTION).code(200).says("It is closed").says("as a form says it");
}

#[test]
fn a_form_that_is_not_filled_in_decides_nothing() {
    let test = waiting();
    let studio = Studio::start(&test);
    let lines = test.journal("r").len();
    let (slip, digest) = studio.hidden(QUESTION);
    studio.form(ANSWER, &[("slip", &slip), ("digest", &digest), ("choose", "approve")]).code(422).says("nothing was decided");
    studio.form(ANSWER, &form("", &digest, "approve")).code(409);
    studio.form(ANSWER, &form(&"0".repeat(64), &digest, "approve")).code(409);
    assert_eq!(test.journal("r").len(), lines);
    assert!(test.facts("r", "escalation_answered").is_empty());
}

#[test]
fn what_changed_in_between_is_asked_anew() {
    let test = waiting();
    let studio = Studio::start(&test);
    let (slip, digest) = studio.hidden(QUESTION);
    test.write("plan.md", "do something else\n");
    studio.form(ANSWER, &form(&slip, &digest, "approve")).code(409).says("changed").says("r/gate-2");
    assert!(test.facts("r", "escalation_answered").is_empty());
    assert_eq!(test.facts("r", "answer_refused").len(), 1);
    studio.get(QUESTION).code(200).says("It is closed").says("It was asked anew").says("href=\"/runs/r/questions/gate-2\"");
    assert_eq!(studio.api("/api/v1/questions/r/gate-1").json()["replaced_by"], "gate-2");
    // What was seen before is not what is answered now.
    let path = "/api/v1/questions/r/gate-2/answer";
    studio.api_post(path, &json!({"choose": "approve", "digest": digest})).code(409).says("is not what you have seen");
    let (slip, digest) = studio.hidden("/runs/r/questions/gate-2");
    studio.form("/runs/r/questions/gate-2/answer", &form(&slip, &digest, "approve")).code(303);
    test.go(&["resume", "r"]).code(0);
}

#[test]
fn a_program_answers_with_the_token_and_is_told_what_became_of_it() {
    let test = waiting();
    let studio = Studio::start(&test);
    let digest = studio.api("/api/v1/questions/r/gate-1").code(200).json()["subject_digest"].clone();
    for (body, status) in [
        (json!({"choose": "approve"}), 422),
        (json!({"choose": "approve", "digest": digest, "more": 1}), 422),
        (json!({"choose": "approve", "digest": digest, "evidence": ["/dev/zero"]}), 422),
        (json!({"choose": "approve", "digest": digest, "evidence": ["../x"]}), 422),
        (json!([]), 422),
        (json!({"choose": "nonsense", "digest": digest}), 409),
        (json!({"choose": "approve", "digest": digest, "values": {"x": 1}}), 409),
    ] {
        let told = studio.api_post(API_ANSWER, &body).code(status);
        assert_eq!(told.kind(), "application/problem+json", "{body}");
        assert_eq!(told.json()["status"], status, "{body}");
    }
    studio.api_post("/api/v1/questions/r/other-1/answer", &json!({"choose": "approve", "digest": digest})).code(404);
    studio.api_post("/api/v1/questions/absent/gate-1/answer", &json!({"choose": "approve", "digest": digest})).code(404);
    assert!(test.facts("r", "escalation_answered").is_empty());
    let told = studio.api_post(API_ANSWER, &json!({"choose": "approve", "digest": digest, "note": " go "})).code(200).json();
    assert_eq!((&told["outcome"], &told["run_status"]), (&json!("recorded"), &json!("waiting")));
    assert_eq!(test.facts("r", "escalation_answered")[0]["answer"]["note"], "go");
    assert!(studio.api("/api/v1/questions").json()["waiting"].as_array().expect("a list").is_empty());
    test.go(&["resume", "r"]).code(0);
}

#[test]
fn a_studio_that_was_killed_knows_everything_but_its_forms() {
    let test = waiting();
    let studio = Studio::start(&test);
    let (cookie, token) = (studio.cookie.clone(), studio.token.clone());
    let (slip, digest) = studio.hidden(QUESTION);
    let studio = Studio::again(&test, studio.kill());
    assert_eq!((&studio.cookie, &studio.token), (&cookie, &token), "whoever was let in stays so");
    studio.form(ANSWER, &form(&slip, &digest, "approve")).code(409).says("before the last start");
    assert!(test.facts("r", "escalation_answered").is_empty());
    let (slip, digest) = studio.hidden(QUESTION);
    studio.form(ANSWER, &form(&slip, &digest, "approve")).code(303);
    test.verified(0);
}

/// Whenever it comes: the answer stands, whole, or it was never given.
#[test]
fn a_kill_in_the_middle_of_an_answer_leaves_it_whole_or_not_there() {
    let test = waiting();
    let mut studio = Studio::start(&test);
    let mut answered = 0;
    for _ in 0..8 {
        let digest = studio.api("/api/v1/questions/r/gate-1").code(200).json()["subject_digest"].clone();
        let body = json!({"choose": "approve", "digest": digest}).to_string();
        let mut stream = studio.connect();
        write!(
            stream,
            "POST {API_ANSWER} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            studio.port,
            studio.token,
            body.len()
        )
        .expect("it listens");
        studio = Studio::again(&test, studio.kill());
        test.verified(0);
        answered = test.facts("r", "escalation_answered").len();
        assert!(answered <= 1);
        let open = studio.api("/api/v1/questions").code(200).json()["waiting"].as_array().expect("a list").len();
        assert_eq!(open + answered, 1);
    }
    if answered == 0 {
        let (slip, digest) = studio.hidden(QUESTION);
        studio.form(ANSWER, &form(&slip, &digest, "approve")).code(303);
    }
    test.go(&["resume", "r"]).code(0);
    assert_eq!(test.facts("r", "escalation_answered").len(), 1);
}
