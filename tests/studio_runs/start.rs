//! A run is started by a form and by a program, is there at once, and comes to its end.

use serde_json::json;

use crate::{
    client::Studio,
    common::{Test, let_go, until},
    world::{until_idle, until_status},
};

const GREET: &str = "params:\n  who: {type: string, required: true, pattern: '[A-Z].*', description: Whom to greet}\n  times: {type: integer, default: 2}\n  \
                     loud: {type: boolean, default: false}\n  tone: {type: enum, values: [kind, short]}\n  marks: {type: list}\n\
                     steps:\n  - {id: hello, run: 'echo \"$PARAM_WHO/$PARAM_TIMES/$PARAM_LOUD/$PARAM_TONE/$PARAM_MARKS\" > said; read x < go'}\n  \
                     - {id: after, needs: [hello], run: 'true'}\n";

#[test]
fn a_run_is_started_from_the_form_watched_and_ends() {
    let test = Test::new().flow("greet", GREET).fifo("go");
    let studio = Studio::driving(&test, &[]);
    let slip = studio.slip_for("/flows/greet", "/flows/greet/start");
    let form = [
        ("slip", slip.as_str()),
        ("params.who", "Ada, \"\\ü\u{1f600}\""),
        ("params.times", " 3 "),
        ("params.loud", "true"),
        ("params.tone", ""),
        ("params.marks", "one, two\r\n\r\n three \r\n"),
        ("run_id", "r"),
        ("until", ""),
    ];
    assert_eq!(studio.form("/flows/greet/start", &form).code(303).head["location"], "/runs/r");
    until("the run is there", || test.run_base("r").join("journal.jsonl").exists());
    let mut events = studio.follow("/api/v1/runs/r/events", None);
    let (_, first) = events.next().expect("an event");
    assert!(first.contains("run_requested"), "{first}");
    studio.get("/runs/r").code(200).says("running");
    let_go(&test.at("go"));
    let mut last = String::new();
    while !last.contains("run_rested") {
        last = events.next().expect("it is told to its end").1;
    }
    assert_eq!(test.text("said").trim(), "Ada, \"\\ü\u{1f600}\"/3/true//[\"one, two\",\"three\"]");
    assert_eq!(test.manifest("r")["started_by"], json!("tester"));
    studio.get("/runs/r").code(200).says("succeeded");
    until_idle(&test);
    test.verified(0);
    // The same form again starts nothing; the same name neither.
    studio.form("/flows/greet/start", &form).code(409).says("was sent before");
    studio.act("/flows/greet", "/flows/greet/start", &[("params.who", "Ada"), ("run_id", "r")]).code(409).says("is there already");
    assert_eq!(test.facts("r", "run_created").len(), 1);
}

#[test]
fn a_program_starts_a_run_and_is_told_where_it_is() {
    let test = Test::new().flow("greet", &GREET.replace("; read x < go", ""));
    let studio = Studio::driving(&test, &[]);
    let body = json!({"flow": "greet", "params": {"who": "Bo", "marks": ["a", "b"]}, "until": "hello"});
    let told = studio.api_post("/api/v1/runs", &body).code(202);
    assert_eq!(told.head["location"], "/api/v1/runs/greet-1");
    assert_eq!((&told.json()["run_id"], &told.json()["what"], &told.json()["by"]), (&json!("greet-1"), &json!("start"), &json!("tester")));
    // The next one has the next name, also while the first is in the queue only.
    assert_eq!(studio.api_post("/api/v1/runs", &body).code(202).json()["run_id"], "greet-2");
    until_idle(&test);
    for run in ["greet-1", "greet-2"] {
        assert_eq!(studio.api(&format!("/api/v1/runs/{run}")).code(200).json()["run_id"], run);
        assert!(test.facts(run, "step_started").iter().all(|fact| fact["at"]["step"] == "hello"), "--until was taken along");
    }
    assert_eq!(test.text("said").trim(), "Bo/2/false//[\"a\",\"b\"]");
}

#[test]
fn steps_run_where_the_form_says_and_a_run_may_only_look() {
    let test = Test::new().flow("where", "steps:\n  - {id: look, access: observe, run: pwd}\n  - {id: change, run: 'touch changed'}\n");
    test.write("elsewhere/x", "");
    let studio = Studio::driving(&test, &[]);
    let to = "/flows/where/start";
    studio.act("/flows/where", to, &[("run_id", "r"), ("workspace", "elsewhere"), ("observe_only", "yes"), ("allow_unenforced", "yes")]).code(303);
    until_idle(&test);
    until_status(&test, "r", "succeeded");
    assert!(!test.at("elsewhere/changed").exists() && !test.at("changed").exists());
    assert_eq!(test.manifest("r")["workspace"], json!(test.at("elsewhere")));
    studio.act("/flows/where", to, &[("run_id", "q"), ("workspace", "absent")]).code(422).says("there is no directory absent");
    studio.act("/flows/where", to, &[("run_id", "q"), ("workspace", "flows/where.yaml")]).code(422).says("is no directory");
}
