//! A run is started from the form of its flow, is there at once, and comes to its end.

use serde_json::json;

use crate::{
    client::Studio,
    common::{Test, let_go, until},
};

const GREET: &str = "params:\n  who: {type: string, required: true, description: Whom to greet}\n  times: {type: integer, default: 2}\n  \
                     loud: {type: boolean, default: false}\n  tone: {type: enum, values: [kind, short]}\n  marks: {type: list}\n\
                     steps:\n  - {id: hello, run: 'echo $PARAM_WHO $PARAM_TIMES $PARAM_LOUD > said; read x < go'}\n";

#[test]
fn a_run_is_started_from_the_form_watched_and_ends() {
    let test = Test::new().flow("greet", GREET).fifo("go");
    let studio = Studio::start(&test);
    let slip = studio.slip_for("/flows/greet", "/flows/greet/start");
    let sent = studio.form(
        "/flows/greet/start",
        &[("slip", &slip), ("params.who", "Ada"), ("params.times", "3"), ("params.loud", "true"), ("run_id", "r")],
    );
    assert_eq!(sent.clone().code(303).head["location"], "/runs/r");
    until("the run is there", || test.run_base("r").join("journal.jsonl").exists());
    let mut events = studio.follow("/api/v1/runs/r/events", None);
    let (_, first) = events.next().expect("an event");
    assert!(first.contains("run_requested"), "{first}");
    let_go(&test.at("go"));
    let mut last = String::new();
    while !last.contains("run_rested") {
        last = events.next().expect("it is told to its end").1;
    }
    assert_eq!(test.text("said").trim(), "Ada 3 true");
    assert_eq!(test.manifest("r")["started_by"], json!("tester"));
    studio.get("/runs/r").code(200).says("succeeded");
    until("the queue is empty", || test.every_file("run_base/.studio/queue").iter().all(|(path, _)| path.ends_with("turn")));
    test.verified(0);
}
