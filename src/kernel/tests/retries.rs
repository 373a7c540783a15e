//! Attempts within one execution: which failures are tried again, how long apart, and for how long.

use std::sync::Arc;

use crate::{
    id::FlowKey,
    plan::Book,
    record::{ErrorClass, Fact, FailureKind},
    spec::{LoadOptions, Loader},
};

use super::{Play, Say, fails, flaky, ok, permanent, transient};

fn attempts(keys: &str, says: Vec<Say>) -> (usize, String) {
    let play = Play::flow(&format!("steps: [{{id: a, run: x{keys}}}]")).reply("a", says).run();
    (play.waits("a").len() + 1, play.ends().to_string())
}

#[test]
fn only_what_may_pass_is_tried_again() {
    let retry = "defaults: {retry: {attempts: 3}}\nsteps: [{id: a, run: x}]";
    let tried = |say: Say| {
        let play = Play::flow(retry).reply("a", [say]).run();
        play.waits("a").len() + 1
    };
    assert_eq!(tried(transient("busy")), 3);
    assert_eq!(tried(permanent("403")), 1);
    // The same signature twice: no flake.
    assert_eq!(tried(flaky("boom")), 2);
}

#[test]
fn flaky_failures_of_different_kinds_use_all_attempts() {
    let flow = "defaults: {retry: {attempts: 3}}\nsteps: [{id: a, run: x}]";
    let play = Play::flow(flow).reply("a", [flaky("one thing"), flaky("other"), ok()]).run();
    assert_eq!((play.waits("a").len(), play.ends().to_string().as_str()), (2, "succeeded"));
}

#[test]
fn a_step_whose_author_wrote_retry_is_tried_as_often_as_written() {
    assert_eq!(attempts(", retry: {attempts: 4}", vec![fails("boom")]), (4, "failed".to_owned()));
    assert_eq!(attempts(", retry: {attempts: 4}", vec![fails("x"), fails("x"), ok()]), (3, "succeeded".to_owned()));
    assert_eq!(attempts(", retry: {attempts: 4}", vec![permanent("403")]), (1, "failed".to_owned()));
    assert_eq!(attempts("", vec![transient("busy")]), (1, "failed".to_owned()));
}

#[test]
fn the_wait_doubles_and_stops_growing() {
    let flow = "steps: [{id: a, run: x, retry: {attempts: 9, delay: 1s, max_delay: 20s}}]";
    let play = Play::flow(flow).reply("a", [transient("busy")]).run();
    let waits = play.waits("a");
    assert_eq!(waits.len(), 8);
    for (at, wait) in waits.iter().enumerate() {
        let doubled = (1000_u64 << at).min(20_000);
        assert!((doubled..=doubled + doubled / 10).contains(wait), "attempt {}: {wait}", at + 1);
    }
}

#[test]
fn the_wait_has_bounds_for_any_attempt() {
    let flow = "steps: [{id: a, run: x, retry: {attempts: 20}}]";
    let play = Play::flow(flow).reply("a", [transient("busy")]).run();
    assert!(play.waits("a").iter().all(|wait| (1_000..=66_000).contains(wait)), "{:?}", play.waits("a"));
}

#[test]
fn retries_are_one_execution() {
    let play = Play::flow("steps: [{id: a, run: x, retry: {attempts: 3}}]").reply("a", [transient("busy"), ok()]).run();
    assert_eq!((play.path().as_str(), play.waits("a").len()), ("a", 1));
}

#[test]
fn a_poll_goes_on_until_its_window_is_over() {
    let flow = "steps: [{id: a, run: x, expect: {exit: 0}, poll: {every: 2s, for: 10s}}]";
    let play = Play::flow(flow).reply("a", [fails("not yet")]).run();
    assert_eq!(play.ends().to_string(), "failed");
    // 10 ms per reply: the sixth try would begin after the window.
    assert_eq!(play.waits("a"), [2000; 4]);
    let play = Play::flow(flow).reply("a", [fails("not yet"), fails("not yet"), ok()]).run();
    assert_eq!((play.ends().to_string().as_str(), play.waits("a").len()), ("succeeded", 2));
}

#[test]
fn a_poll_does_not_wait_for_what_cannot_come() {
    let flow = "steps: [{id: a, run: x, expect: {exit: 0}, poll: {every: 2s, for: 10s}}]";
    let play = Play::flow(flow).reply("a", [permanent("no such host")]).run();
    assert_eq!((play.waits("a").len(), play.ends().to_string().as_str()), (0, "failed"));
}

#[test]
fn other_steps_run_while_one_waits() {
    let flow = "steps: [{id: a, run: x, retry: {attempts: 2, delay: 1h}}, {id: b, run: x, needs: []}, {id: c, run: x}]";
    let play = Play::flow(flow).reply("a", [transient("busy"), ok()]).run();
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b c", "succeeded"));
}

#[test]
fn a_wait_survives_a_crash() {
    let flow = "steps: [{id: a, run: x, retry: {attempts: 2, delay: 1h}}]";
    let play = Play::flow(flow).reply("a", [transient("busy"), ok()]).slow("a").run();
    let play = play.release("a");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a", "succeeded"));
}

#[test]
fn a_step_that_waits_can_be_run_anew() {
    // Interrupted while it waits for its next attempt, and then started again by a person.
    let flow = "steps: [{id: a, run: x, retry: {attempts: 2, delay: 1h}}, {id: b, run: x}]";
    let mut play = Play::flow(flow).reply("a", [transient("busy"), ok()]);
    let book = play.book("main");
    play.request("main", book);
    let at = play.state.running.keys().next().unwrap().clone();
    play.tell(&crate::kernel::Input::Replied { at, execution: 1, attempt: 1, reply: transient("busy").reply(play.now) });
    play.tell(&crate::kernel::Input::StopRequested { cause: crate::record::StopCause::Sigint, by: "bo".to_owned() });
    let play = play.reply("a", [ok()]).resume(Some("a"));
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a a b", "succeeded"));
}

#[test]
fn an_attempt_that_is_retried_says_why_it_failed() {
    let timed_out = Say::failing(FailureKind::Timeout, ErrorClass::Retriable, "not done after 1 s");
    let play = Play::flow("steps: [{id: a, run: x, retry: {attempts: 2}}]").reply("a", [timed_out, ok()]).run();
    let kinds: Vec<_> = play
        .facts()
        .filter_map(|fact| if let Fact::AttemptEnded { failure, .. } = fact { Some(*failure) } else { None })
        .collect();
    assert_eq!(kinds, [Some(FailureKind::Timeout)]);
}

#[test]
fn what_may_run_once_only_is_not_polled_in_a_run_that_began_with_it() {
    let flow = "flow: main\nsteps: [{id: a, run: x, effects: once, expect: {exit: 0}, poll: {every: 1s, for: 9s}}]";
    let load = |frozen| {
        let options = LoadOptions { frozen, ..LoadOptions::default() };
        Loader::in_memory([("flows/main.yaml", flow)]).with_options(options).load_library(&FlowKey::new("main").unwrap())
    };
    assert!(load(false).is_err());
    let book = Arc::new(Book::build(&Arc::new(load(true).unwrap().value)).unwrap());
    let mut play = Play::flow("steps: [{id: a, run: x}]").reply("a", [fails("no")]);
    play.request("main", book);
    play.drive();
    assert_eq!((play.path().as_str(), play.waits("a").len(), play.ends().to_string().as_str()), ("a", 0, "failed"));
}
