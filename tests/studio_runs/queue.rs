//! The queue: so many at once, the others in the order asked; what waits can be seen and taken back.

use serde_json::json;

use crate::{
    client::Studio,
    common::until,
    world::{go, holding, lines, until_idle},
};

#[test]
fn with_one_place_runs_follow_one_another_in_the_order_asked() {
    let test = holding(&["a", "b", "c", "d"]);
    let studio = Studio::driving(&test, &["--max-runs", "1"]);
    for run in ["c", "a", "b", "d"] {
        studio.run("held", run).code(202);
    }
    until("the first is held", || lines(&test, "started") == ["c"]);
    assert_eq!(
        (studio.queued("begun"), studio.queued("waiting")),
        (vec!["c".to_owned()], vec!["a".to_owned(), "b".to_owned(), "d".to_owned()])
    );
    let list = studio.get("/runs").code(200).says("1 of 1 places are taken").says("behind 2");
    assert!(
        list.body.find("/runs/a\"") < list.body.find("/runs/b\"") && list.body.find("/runs/b\"") < list.body.find("/runs/d\"")
    );
    studio.get("/runs/a").code(200).says("waiting in the queue");
    // Twice is once; and what waits has its name already.
    studio.run("held", "a").code(409).says("in the queue already");
    studio.act("/runs", "/queue/3/withdraw", &[]).code(303);
    let orders = studio.orders();
    assert_eq!(orders.last().map(|order| (&order["run_id"], &order["before"])), Some((&json!("d"), &json!(1))));
    studio.api_post("/api/v1/queue/4/withdraw", &json!({})).code(200);
    studio.api_post("/api/v1/queue/1/withdraw", &json!({})).code(409).says("has begun");
    go(&test, "c");
    until("the second is held", || lines(&test, "started") == ["c", "a"]);
    go(&test, "a");
    until_idle(&test);
    assert_eq!(lines(&test, "done"), ["c", "a"]);
    assert!(!test.run_base("b").exists() && !test.run_base("d").exists(), "what was taken back has left nothing");
}

#[test]
fn as_many_run_at_once_as_there_are_places() {
    let test = holding(&["a", "b", "c"]);
    let studio = Studio::driving(&test, &["--max-runs", "2"]);
    for run in ["a", "b", "c"] {
        studio.run("held", run).code(202);
    }
    until("two are held", || lines(&test, "started").len() == 2);
    assert_eq!((studio.queued("begun").len(), studio.queued("waiting")), (2, vec!["c".to_owned()]));
    go(&test, "b");
    until("the third is held", || lines(&test, "started").len() == 3);
    go(&test, "c");
    go(&test, "a");
    until_idle(&test);
    assert_eq!(lines(&test, "done").len(), 3);
}

#[test]
fn two_studios_of_the_same_runs_share_one_queue_and_one_works_on_it() {
    let test = holding(&["a", "b", "c"]);
    let (one, two) = (Studio::driving(&test, &["--max-runs", "1"]), Studio::driving(&test, &["--max-runs", "1"]));
    two.run("held", "a").code(202);
    one.run("held", "b").code(202);
    until("the first is held", || lines(&test, "started") == ["a"]);
    assert_eq!((one.queued("waiting"), two.queued("begun")), (vec!["b".to_owned()], vec!["a".to_owned()]));
    // The one that worked on it is gone: the other does.
    one.kill();
    go(&test, "a");
    until("the second is held", || lines(&test, "started") == ["a", "b"]);
    go(&test, "b");
    until_idle(&test);
    assert_eq!(lines(&test, "done"), ["a", "b"]);
}

#[test]
fn whoever_asked_can_read_who_took_it_back() {
    let test = holding(&["first"]);
    let order = json!({
        "schema": "flow-studio/order/v1", "number": 9, "run_id": "hers", "by": "ada", "at": "2026-01-01T00:00:00.000Z", "workspace": test.root(),
        "errand": {"kind": "start", "flow": "held", "params": {}, "options": {}}, "state": {"kind": "waiting"},
    });
    let studio = Studio::driving(&test, &["--max-runs", "1"]);
    studio.run("held", "first").code(202);
    until("the first is held", || lines(&test, "started") == ["first"]);
    test.write("run_base/.studio/queue/000009.json", &order.to_string());
    studio.act("/runs", "/queue/9/withdraw", &[]).code(303);
    assert_eq!(studio.queued("refused"), ["hers"]);
    studio.get("/runs/hers").code(200).says("tester took it back before it began");
    studio.get("/").code(200).says("was refused, and waits to be read");
    let told = test.go(&["status", "hers"]).code(2);
    assert!(told.stderr.contains("run `hers` was not started"), "{}", told.stderr);
    studio.act("/runs/hers", "/queue/9/withdraw", &[]).code(303);
    assert!(studio.queued("refused").is_empty());
    go(&test, "first");
    until_idle(&test);
}
