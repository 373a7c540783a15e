//! A run is started by a form and by a program, is there at once, and comes to its end.

use serde_json::json;

use crate::{
    client::Studio,
    common::{Test, let_go, until},
    document::Document,
    html::{Tree, wrong_with},
    world::{go, holding, lines, until_idle, until_status},
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
        ("params.who", "Ada, \"\\ü\u{1f600}\u{7f}\""),
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
    assert_eq!(test.text("said").trim(), "Ada, \"\\ü\u{1f600}\u{7f}\"/3/true//[\"one, two\",\"three\"]");
    studio.get("/runs/r").code(200).says("succeeded");
    // What follows from the journal is in its files when the process is gone.
    until_idle(&test);
    assert_eq!(test.manifest("r")["started_by"], json!("tester"));
    test.verified(0);
    // The same form again starts nothing; the same name neither.
    studio.form("/flows/greet/start", &form).code(409).says("was sent before");
    studio
        .act("/flows/greet", "/flows/greet/start", &[("params.who", "Ada"), ("run_id", "r")])
        .code(409)
        .says("is there already");
    assert_eq!(test.facts("r", "run_created").len(), 1);
}

#[test]
fn a_program_starts_a_run_and_is_told_where_it_is() {
    let test = Test::new().flow("greet", &GREET.replace("; read x < go", ""));
    let studio = Studio::driving(&test, &[]);
    let body = json!({"flow": "greet", "params": {"who": "Bo", "marks": ["a", "b"]}, "until": "hello"});
    let told = studio.api_post("/api/v1/runs", &body).code(202);
    assert_eq!(told.head["location"], "/api/v1/runs/greet-1");
    assert_eq!(
        (&told.json()["run_id"], &told.json()["what"], &told.json()["by"]),
        (&json!("greet-1"), &json!("start"), &json!("tester"))
    );
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
    let test =
        Test::new().flow("where", "steps:\n  - {id: look, access: observe, run: pwd}\n  - {id: change, run: 'touch changed'}\n");
    test.write("elsewhere/x", "");
    let studio = Studio::driving(&test, &[]);
    let to = "/flows/where/start";
    studio
        .act(
            "/flows/where",
            to,
            &[("run_id", "r"), ("workspace", "elsewhere"), ("observe_only", "yes"), ("allow_unenforced", "yes")],
        )
        .code(303);
    until_idle(&test);
    until_status(&test, "r", "succeeded");
    assert!(!test.at("elsewhere/changed").exists() && !test.at("changed").exists());
    assert_eq!(test.manifest("r")["workspace"], json!(test.at("elsewhere")));
    studio.act("/flows/where", to, &[("run_id", "q"), ("workspace", "absent")]).code(422).says("there is no directory absent");
    studio.act("/flows/where", to, &[("run_id", "q"), ("workspace", "flows/where.yaml")]).code(422).says("is no directory");
}

const WORDS: &str = "steps:\n  - {id: say, run: 'echo $FLOW >> said'}\n";

#[test]
fn a_second_flow_joins_a_run_and_a_run_that_is_not_there_is_not_joined() {
    let test =
        Test::new().flow("plan", WORDS).flow("build", WORDS).flow("gate", "steps:\n  - {id: gate, ask: {question: 'Go on?'}}\n");
    let studio = Studio::driving(&test, &[]);
    studio.run("plan", "r").code(202);
    until_status(&test, "r", "succeeded");
    until_idle(&test);
    studio.act("/flows/build", "/flows/build/start", &[("run_id", "r")]).code(409).says("is there already");
    studio.act("/flows/build", "/flows/build/start", &[("run_id", "r"), ("join", "yes")]).code(303);
    until("both have run", || test.text("said") == "plan\nbuild\n");
    until_idle(&test);
    // Asked twice, it is done once.
    let joins = [("run_id", "r"), ("join", "yes")];
    studio.act("/flows/build", "/flows/build/start", &joins).code(409).says("has ended in run `r`: it succeeded");
    let again = |more: serde_json::Value| {
        let mut body = json!({"flow": "build", "run_id": "r", "again": true});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        studio.api_post("/api/v1/runs", &body)
    };
    again(json!({})).code(422).says("only in a run that is joined");
    again(json!({"join": true, "from": "say"})).code(422).says("not both");
    assert_eq!(test.text("said"), "plan\nbuild\n");
    again(json!({"join": true})).code(202);
    until("it has run again", || test.text("said") == "plan\nbuild\nbuild\n");
    until_idle(&test);
    studio.api_post("/api/v1/runs", &json!({"flow": "gate", "run_id": "r", "join": true})).code(202);
    until_status(&test, "r", "waiting");
    until_idle(&test);
    studio.api_post("/api/v1/runs", &json!({"flow": "gate", "run_id": "r", "join": true})).code(409).says("has not ended");
    studio.api_post("/api/v1/runs", &json!({"flow": "plan", "run_id": "absent", "join": true})).code(404);
    studio.api_post("/api/v1/runs", &json!({"flow": "plan", "join": true})).code(422).says("which run");
    assert_eq!(test.facts("r", "flow_started").len(), 4);
    test.verified(0);
}

#[test]
fn what_programs_are_answered_is_what_the_document_says() {
    let test = holding(&["a", "b"]).flow("needs", "requires: {files: [absent]}\nsteps:\n  - {id: a, run: 'true'}\n");
    let studio = Studio::driving(&test, &["--max-runs", "1"]);
    let document = Document::of(&studio);
    let post = |path: &str, at: &str, body: serde_json::Value, status: u16| {
        let told = studio.api_post(at, &body).code(status);
        document.holds(path, "post", status, told.kind(), &told.json());
    };
    let (runs, run) = ("/api/v1/runs", "/api/v1/runs/{run}");
    post(runs, runs, json!({"flow": "held", "run_id": "a"}), 202);
    post(runs, runs, json!({"flow": "held", "run_id": "b"}), 202);
    for (body, status) in [
        (json!({"flow": "held", "run_id": "b"}), 409),
        (json!({"flow": "absent"}), 404),
        (json!({"flow": "needs"}), 422),
        (json!({"flow": "held", "params": {"x": 1}, "jobs": 0}), 422),
        (json!({"flow": 7}), 422),
    ] {
        post(runs, runs, body, status);
    }
    until("it is held", || lines(&test, "started") == ["a"]);
    let queue = studio.api("/api/v1/queue").code(200);
    document.holds("/api/v1/queue", "get", 200, queue.kind(), &queue.json());
    assert_eq!(queue.json()["max_runs"], 1);
    post(&format!("{run}/resume"), "/api/v1/runs/a/resume", json!({}), 409);
    post(&format!("{run}/retry"), "/api/v1/runs/a/retry", json!({"step": "held"}), 409);
    let withdraw = "/api/v1/queue/{number}/withdraw";
    post(withdraw, "/api/v1/queue/2/withdraw", json!({}), 200);
    post(withdraw, "/api/v1/queue/2/withdraw", json!({}), 404);
    post(&format!("{run}/cancel"), "/api/v1/runs/a/cancel", json!({}), 202);
    until_status(&test, "a", "cancelled");
    until_idle(&test);
    post(&format!("{run}/cancel"), "/api/v1/runs/a/cancel", json!({}), 409);
    post(&format!("{run}/retry"), "/api/v1/runs/a/retry", json!({"step": "absent"}), 404);
    post(&format!("{run}/resume"), "/api/v1/runs/a/resume", json!({"from": "absent"}), 404);
}

#[test]
fn the_pages_of_the_queue_are_as_every_page_has_to_be() {
    let test = holding(&["a", "b"]).flow("greet", GREET);
    let studio = Studio::driving(&test, &["--max-runs", "1"]);
    studio.run("held", "a").code(202);
    studio.run("held", "b").code(202);
    until("it is held", || lines(&test, "started") == ["a"]);
    let mut pages: Vec<(&str, String)> =
        ["/flows/greet", "/runs", "/runs/a", "/runs/b"].iter().map(|path| (*path, studio.get(path).code(200).body)).collect();
    let wrong = studio.act(
        "/flows/greet",
        "/flows/greet/start",
        &[("params.who", "ada\"<x>"), ("params.times", "x"), ("params.tone", "<")],
    );
    pages.push(("mistakes", wrong.code(422).body));
    for (path, text) in pages {
        let found = wrong_with(&Tree::read(&text));
        assert!(found.is_empty(), "{path}:\n  {}", found.join("\n  "));
    }
    go(&test, "a");
    until("the next has its place", || lines(&test, "started") == ["a", "b"]);
    go(&test, "b");
    until_idle(&test);
}
