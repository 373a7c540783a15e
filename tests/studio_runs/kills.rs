//! Everything is on disk: a studio that is killed at any moment loses no run and starts none twice.

use serde_json::json;

use crate::{
    client::Studio,
    common::{Test, alive, let_go, until},
    world::{driver, go, holding, idle, kill, lines, until_idle, until_status},
};

#[test]
fn a_run_outlives_the_studio_that_started_it_and_its_place_is_free_when_it_ends() {
    let test = holding(&["a", "b"]);
    let studio = Studio::driving(&test, &["--max-runs", "1"]);
    studio.run("held", "a").code(202);
    studio.run("held", "b").code(202);
    until("it is held", || lines(&test, "started") == ["a"]);
    let pid = driver(&test, "a");
    studio.kill();
    assert!(alive(pid), "in a group of its own");
    let studio = Studio::driving(&test, &["--max-runs", "1"]);
    assert_eq!((studio.queued("begun"), studio.queued("waiting")), (vec!["a".to_owned()], vec!["b".to_owned()]));
    studio.get("/runs/a").code(200).says(&format!("process {pid}"));
    assert_eq!(lines(&test, "started"), ["a"], "its place is taken");
    go(&test, "a");
    until("the next has its place", || lines(&test, "started") == ["a", "b"]);
    go(&test, "b");
    until_idle(&test);
    assert_eq!(
        (lines(&test, "started"), lines(&test, "done")),
        (vec!["a".to_owned(), "b".to_owned()], vec!["a".to_owned(), "b".to_owned()])
    );
    for run in ["a", "b"] {
        assert_eq!((test.manifest(run)["status"].clone(), test.facts(run, "resumed").len()), (json!("succeeded"), 0));
    }
}

#[test]
fn a_studio_that_is_told_to_end_ends_no_run() {
    for signal in ["INT", "TERM"] {
        let test = holding(&["a"]);
        let studio = Studio::driving(&test, &[]);
        studio.run("held", "a").code(202);
        until("it is held", || lines(&test, "started") == ["a"]);
        let (own, pid) = (studio.pid(), driver(&test, "a"));
        kill(own, signal);
        until("the studio has ended", || !alive(own));
        assert!(alive(pid), "{signal}");
        go(&test, "a");
        until_status(&test, "a", "succeeded");
    }
}

#[test]
fn a_run_that_ended_while_the_studio_was_down_is_not_run_again() {
    let test = holding(&["a"]);
    let studio = Studio::driving(&test, &[]);
    studio.run("held", "a").code(202);
    until("it is held", || lines(&test, "started") == ["a"]);
    studio.kill();
    go(&test, "a");
    until_status(&test, "a", "succeeded");
    let _studio = Studio::driving(&test, &[]);
    until_idle(&test);
    assert_eq!(
        (
            lines(&test, "started").len(),
            test.journal("a").iter().filter(|line| line["input"]["kind"] == "resume_requested").count()
        ),
        (1, 0)
    );
}

#[test]
fn a_run_whose_driver_is_killed_goes_on_while_the_studio_watches_and_when_it_comes_back() {
    let test = holding(&["r"]);
    let studio = Studio::driving(&test, &[]);
    studio.run("held", "r").code(202);
    until("it is held", || lines(&test, "started").len() == 1);
    kill(driver(&test, "r"), "KILL");
    until("it is held again", || lines(&test, "started").len() == 2);
    // Now everything at once, as by a machine that fails.
    let pid = driver(&test, "r");
    studio.kill();
    kill(pid, "KILL");
    let studio = Studio::driving(&test, &[]);
    until("it is held once more", || lines(&test, "started").len() == 3);
    assert_eq!(studio.queued("begun"), ["r"]);
    go(&test, "r");
    until_status(&test, "r", "succeeded");
    until_idle(&test);
    assert_eq!(test.facts("r", "step_lost").len(), 2);
    test.verified(0);
}

#[test]
fn a_run_that_kills_its_driver_again_and_again_is_given_up_with_a_sentence() {
    let flow = "steps:\n  - {id: bad, run: 'echo x >> tries; kill -9 $PPID; read x < never'}\n";
    let test = Test::new().flow("bad", flow).fifo("never");
    let studio = Studio::driving(&test, &[]);
    studio.run("bad", "r").code(202);
    until("it is given up", || studio.queued("refused") == ["r"]);
    assert_eq!(lines(&test, "tries").len(), 3);
    studio.get("/runs/r").code(200).says("was killed 3 times").says("flow-studio resume r");
    assert_eq!(lines(&test, "tries").len(), 3);
    // Nobody drives it, so nobody ends the shell of the last try.
    let_go(&test.at("never"));
}

#[test]
fn what_others_started_and_nobody_drives_any_more_is_left_and_shown_as_that() {
    let test = holding(&["mine"]);
    let live = test.start(&["run", "held", "--run-id", "mine"]);
    until("it is held", || lines(&test, "started").len() == 1);
    live.kill();
    let studio = Studio::driving(&test, &[]);
    studio.run("held", "mine").code(409);
    studio.get("/runs/mine").code(200).says("interrupted").says("action=\"/runs/mine/resume\"");
    assert_eq!((lines(&test, "started").len(), idle(&test)), (1, true));
    go(&test, "mine");
}

#[test]
fn without_going_on_a_killed_run_is_left_as_it_is_and_what_waits_is_started_all_the_same() {
    let test = holding(&["a", "b"]);
    let studio = Studio::driving(&test, &["--max-runs", "1", "--no-continue"]);
    studio.run("held", "a").code(202);
    studio.run("held", "b").code(202);
    until("it is held", || lines(&test, "started").len() == 1);
    kill(driver(&test, "a"), "KILL");
    until("the next has its place", || lines(&test, "started") == ["a", "b"]);
    go(&test, "b");
    until_idle(&test);
    assert!(test.facts("a", "resumed").is_empty());
    go(&test, "a");
}

/// The places at which a kill could lose an order or start it twice, each made by hand: what is on disk then is all there is.
#[test]
fn between_the_order_and_the_first_line_of_the_journal_nothing_is_lost_and_nothing_done_twice() {
    let test = Test::new().flow("once", "steps:\n  - {id: a, effects: once, run: 'echo $RUN_ID >> ran'}\n");
    let order = |number: u64, run: &str, state: serde_json::Value| {
        let order = json!({
            "schema": "flow-studio/order/v1", "number": number, "run_id": run, "by": "ada", "at": "2026-01-01T00:00:00.000Z",
            "workspace": test.root(), "errand": {"kind": "start", "flow": "once", "params": {}, "options": {}}, "state": state, "tries": 0,
        });
        test.write(&format!("run_base/.studio/queue/{number:06}.json"), &order.to_string());
    };
    let begun = json!({"kind": "begun", "at": "2026-01-01T00:00:00.000Z", "seq": 0});
    // Written, and nothing more.
    order(1, "waiting", json!({"kind": "waiting"}));
    // Begun, and killed before a process was there.
    order(2, "begun", begun.clone());
    // Begun, with the directory made and no line in it.
    order(3, "empty", begun.clone());
    std::fs::create_dir_all(test.run_base("empty")).expect("a directory");
    // Begun, and driven to its end by a process whose studio was gone.
    order(4, "done", begun.clone());
    test.go(&["run", "once", "--run-id", "done"]).code(0);
    // Waiting, and somebody at a terminal took the name.
    order(5, "taken", json!({"kind": "waiting"}));
    test.go(&["run", "once", "--run-id", "taken"]).code(0);
    // Half an order, as no write of ours leaves one.
    test.write("run_base/.studio/queue/000006.json", "{\"schema\":");
    std::fs::set_permissions(test.at("run_base/.studio"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("a mode");
    let studio = Studio::driving(&test, &[]);
    until("all but one are done", || studio.orders().len() == 1 && studio.queued("refused") == ["taken"]);
    let mut ran = lines(&test, "ran");
    ran.sort();
    assert_eq!(ran, ["begun", "done", "empty", "taken", "waiting"], "each once");
    assert_eq!(test.manifest("waiting")["started_by"], "ada");
    studio.get("/runs/taken").code(200).says("is there already");
}

#[test]
fn a_step_done_again_is_not_done_a_third_time_by_a_studio_that_did_not_see_the_end() {
    let test = Test::new().flow("once", "steps:\n  - {id: a, run: 'echo $RUN_ID >> ran'}\n");
    test.go(&["run", "once", "--run-id", "r"]).code(0);
    let seq = test.journal("r").len();
    let order = json!({
        "schema": "flow-studio/order/v1", "number": 1, "run_id": "r", "by": "ada", "at": "2026-01-01T00:00:00.000Z", "workspace": test.root(),
        "errand": {"kind": "retry", "step": "a", "set": {}}, "state": {"kind": "begun", "at": "2026-01-01T00:00:00.000Z", "seq": seq}, "tries": 1,
    });
    test.write("run_base/.studio/queue/000001.json", &order.to_string());
    test.go(&["retry", "r", "--step", "a"]).code(0);
    let _studio = Studio::driving(&test, &[]);
    until_idle(&test);
    assert_eq!(lines(&test, "ran").len(), 2);
}

/// Whenever it comes: each run that was acknowledged is run once.
#[test]
fn a_studio_killed_at_any_moment_runs_each_acknowledged_order_once() {
    let test = Test::new().flow("once", "steps:\n  - {id: a, effects: once, run: 'echo $RUN_ID >> ran'}\n");
    let mut studio = Studio::driving(&test, &["--max-runs", "2"]);
    let mut asked = Vec::new();
    for round in 0..6 {
        for n in 0..3 {
            let run = format!("r-{round}-{n}");
            studio.run("once", &run).code(202);
            asked.push(run);
        }
        studio.kill();
        studio = Studio::driving(&test, &["--max-runs", "2"]);
    }
    until_idle(&test);
    let mut ran = lines(&test, "ran");
    ran.sort();
    assert_eq!(ran, asked);
    drop(studio);
}
