//! Resume, retry and cancel, by the forms of a run's page and by programs; what makes no sense is neither offered nor taken.

use serde_json::json;

use crate::{
    client::Studio,
    common::{Test, until},
    world::{driver, go, holding, kill, lines, until_idle, until_status},
};

const FLAKY: &str = "steps:\n  - {id: a, run: 'echo a >> ran'}\n  - {id: b, needs: [a], run: 'echo b >> ran; test -e fixed'}\n  - {id: c, needs: [b], run: 'echo c >> ran'}\n";

#[test]
fn a_step_is_done_again_and_what_depends_on_it() {
    let test = Test::new().flow("flaky", FLAKY);
    let studio = Studio::driving(&test, &[]);
    studio.run("flaky", "r").code(202);
    until_status(&test, "r", "failed");
    until_idle(&test);
    test.write("fixed", "");
    let page = studio.get("/runs/r").code(200).says("Do it again");
    assert!(!page.body.contains("Cancel the run"), "a run that is over is not stopped");
    // It has failed: it goes on with what was mended in the flow.
    assert!(page.body.contains("action=\"/runs/r/resume\"") && page.body.contains("name=\"refresh\" value=\"yes\" checked"));
    let at = [("at", "flaky/b")];
    let slip = studio.slip_for("/runs/r", "/runs/r/retry");
    studio.form("/runs/r/retry", &[("slip", &slip), ("at", "flaky/b")]).code(422).says("was not ticked");
    studio.form("/runs/r/retry", &[("slip", &slip), ("at", "flaky/b"), ("sure", "yes")]).code(409).says("was sent before");
    assert_eq!(studio.act("/runs/r", "/runs/r/retry", &at).code(303).head["location"], "/runs/r");
    until_status(&test, "r", "succeeded");
    until_idle(&test);
    assert!(!studio.get("/runs/r").code(200).body.contains("action=\"/runs/r/resume\""), "nothing is left to go on with");
    assert_eq!(lines(&test, "ran"), ["a", "b", "b", "c"]);
    studio.api_post("/api/v1/runs/r/retry", &json!({"step": "absent"})).code(404).says("has no step `absent`");
    studio.api_post("/api/v1/runs/r/retry", &json!({"step": "c", "flow": "absent"})).code(404);
    studio.api_post("/api/v1/runs/r/retry", &json!({"step": "c", "set": {"x": 1}})).code(422);
    studio.api_post("/api/v1/runs/r/resume", &json!({})).code(409).says("nothing to resume");
    studio.act("/runs/r", "/runs/r/retry", &[("at", "flaky/absent")]).code(404);
    studio.api_post("/api/v1/runs/r/resume", &json!({"from": "b"})).code(202);
    until("b and c ran once more", || lines(&test, "ran").len() == 6);
    until_idle(&test);
    let told = studio.api_post("/api/v1/runs/r/retry", &json!({"step": "c", "flow": "flaky", "only": true})).code(202);
    assert_eq!((&told.json()["what"], &told.json()["step"]), (&json!("retry"), &json!("c")));
    until("it was done", || lines(&test, "ran").len() == 7);
    until_idle(&test);
    test.verified(0);
}

#[test]
fn a_run_is_cancelled_wherever_it_stands() {
    let test = holding(&["driven", "queued"]).flow("gate", "steps:\n  - {id: gate, ask: {question: 'Go on?'}}\n");
    test.go(&["run", "gate", "--run-id", "parked"]).code(4);
    let studio = Studio::driving(&test, &["--max-runs", "1"]);
    studio.run("held", "driven").code(202);
    studio.run("held", "queued").code(202);
    until("it is held", || lines(&test, "started") == ["driven"]);
    // What has not begun is taken back; what is parked is closed; what runs is ended.
    studio.api_post("/api/v1/runs/queued/cancel", &json!({})).code(202);
    assert!(studio.queued("waiting").is_empty() && !test.run_base("queued").exists());
    studio.act("/runs/parked", "/runs/parked/cancel", &[]).code(303);
    until_status(&test, "parked", "cancelled");
    let page = studio.get("/runs/driven").code(200);
    assert!(!page.body.contains("action=\"/runs/driven/retry\""), "a run that is driven is not driven twice");
    studio.act("/runs/driven", "/runs/driven/cancel", &[]).code(303);
    until_status(&test, "driven", "cancelled");
    until_idle(&test);
    assert_eq!(test.facts("driven", "stop_requested")[0]["by"], json!("tester"));
    assert!(lines(&test, "done").is_empty());
    studio.api_post("/api/v1/runs/driven/cancel", &json!({})).code(409).says("is over");
    studio.get("/runs/driven").code(200).says("cancelled");
}

#[test]
fn a_run_that_somebody_stopped_is_left_and_goes_on_when_it_is_asked_for() {
    let test = holding(&["r"]);
    let studio = Studio::driving(&test, &[]);
    studio.run("held", "r").code(202);
    until("it is held", || lines(&test, "started") == ["r"]);
    kill(driver(&test, "r"), "TERM");
    // The run may not be over before the signal was heard.
    until("the signal is heard", || test.text("run_base/r/journal.jsonl").contains("\"stop_requested\""));
    go(&test, "r");
    until_status(&test, "r", "interrupted");
    until_idle(&test);
    assert_eq!(lines(&test, "started"), ["r"], "whoever sent the signal meant it");
    studio.act("/runs/r", "/runs/r/resume", &[]).code(303);
    until_status(&test, "r", "succeeded");
    until_idle(&test);
    studio.api_post("/api/v1/runs/r/resume", &json!({})).code(409);
}

#[test]
fn what_is_driven_elsewhere_is_not_driven_here() {
    let test = holding(&["r"]);
    let live = test.start(&["run", "held", "--run-id", "r"]);
    until("it is held", || lines(&test, "started") == ["r"]);
    let studio = Studio::driving(&test, &[]);
    studio.api_post("/api/v1/runs/r/resume", &json!({})).code(409).says("is driven by another process");
    studio.api_post("/api/v1/runs/r/retry", &json!({"step": "held"})).code(409).says(&live.pid().to_string());
    studio.run("held", "r").code(409).says("is there already");
    studio.act("/runs/r", "/runs/r/cancel", &[]).code(303);
    live.wait().code(1);
    assert!(studio.orders().is_empty());
}

#[test]
fn a_run_goes_on_with_the_flow_as_it_is_today_where_somebody_says_so() {
    let test = Test::new()
        .flow("flow", "steps:\n  - {id: a, run: 'echo a >> ran'}\n  - {id: gate, needs: [a], ask: {question: 'Go on?'}}\n");
    test.go(&["run", "flow", "--run-id", "r"]).code(4);
    let studio = Studio::driving(&test, &[]);
    test.flow_again(
        "flow",
        "steps:\n  - {id: a, run: 'echo new >> ran'}\n  - {id: gate, needs: [a], ask: {question: 'Really?'}}\n",
    );
    studio.act("/runs/r", "/runs/r/resume", &[("refresh", "yes")]).code(303);
    until("a ran as it is today", || lines(&test, "ran") == ["a", "new"]);
    until_status(&test, "r", "waiting");
    until_idle(&test);
    studio.get("/").code(200).says("Really?");
}

#[test]
fn a_step_is_done_again_with_other_parameters() {
    let flow = "params: {size: {type: integer, default: 1}}\nsteps:\n  - {id: a, run: 'echo $PARAM_SIZE >> ran'}\n";
    let test = Test::new().flow("flow", flow);
    test.go(&["run", "flow", "--run-id", "r"]).code(0);
    let studio = Studio::driving(&test, &[]);
    let set = |text: &str| studio.act("/runs/r", "/runs/r/retry", &[("at", "flow/a"), ("set", text)]);
    set("size").code(422).says("is not NAME=VALUE");
    set("size=many").code(422).says("size");
    set("odd=1").code(422).says("odd");
    for (jobs, why) in [("many", "not many"), ("0", "not 0"), ("257", "not 257")] {
        studio.act("/runs/r", "/runs/r/retry", &[("at", "flow/a"), ("jobs", jobs)]).code(422).says(why);
    }
    set("\r\n size=7\r\n").code(303);
    until("it ran with the other size", || lines(&test, "ran") == ["1", "7"]);
    until_idle(&test);
    assert_eq!(test.facts("r", "params_changed").len(), 1);
}

/// A run that this machine cannot hold to what it promises goes on where its owner allows it, and with fewer steps at once.
#[test]
fn whoever_goes_on_with_a_run_says_how() {
    let flow = "steps:\n  - {id: go, ask: {question: Go?}}\n  - {id: look, run: 'echo $EXECUTION >> ran', access: observe}\n";
    let test = Test::new().flow("flow", flow);
    test.go(&["run", "flow", "--run-id", "r"]).code(4);
    let test = test.env("FLOW_STUDIO_SANDBOX", "none");
    test.go(&["review", "answer", "r/go-1", "--choose", "approve"]).code(0);
    test.go(&["resume", "r"]).code(1).says("--allow-unenforced");
    let studio = Studio::driving(&test, &[]);
    let on = |form: &[(&str, &str)]| studio.act("/runs/r", "/runs/r/retry", &[&[("at", "flow/look")], form].concat()).code(303);
    on(&[("allow_unenforced", "yes"), ("jobs", " 2 ")]);
    until("it ran", || lines(&test, "ran").len() == 1);
    until_idle(&test);
    let options = || test.facts("r", "resumed").last().unwrap()["options"].clone();
    assert_eq!(options(), json!({"jobs": 2, "allow_unenforced": true}));
    // Nothing said: as before.
    on(&[]);
    until("it ran again", || lines(&test, "ran").len() == 2);
    until_idle(&test);
    assert!(options().is_null());
    studio.api_post("/api/v1/runs/r/resume", &json!({"from": "look", "jobs": 0})).code(422).says("from 1 to 256");
    studio.api_post("/api/v1/runs/r/resume", &json!({"from": "look", "jobs": 1})).code(202);
    until("and once more", || lines(&test, "ran").len() == 3);
    until_idle(&test);
    assert_eq!(options(), json!({"jobs": 1}));
}
