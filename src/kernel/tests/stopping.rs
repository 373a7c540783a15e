//! Cancel and signals: what runs may end, nothing new starts, and either way the run can be told from one that ended.

use crate::{
    kernel::{Command, Input, commands},
    record::StopCause,
};

use super::{Play, ok, transient};

const FLOW: &str = "jobs: 8\nsteps: [{id: a, run: x, needs: []}, {id: b, run: x, needs: []}, {id: c, run: x, needs: [a, b]}]";

#[test]
fn a_signal_lets_running_steps_end_and_starts_no_other() {
    for cause in [StopCause::Sigint, StopCause::Sigterm] {
        let play = Play::flow(FLOW).slow("a").slow("b").run().stop(cause);
        let play = play.release("a").release("b");
        assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b", "interrupted"));
        assert_eq!(play.resume(None).path(), "a b c");
    }
}

#[test]
fn a_signal_after_the_last_step_does_not_complete_the_flow_behind_our_back() {
    let play = Play::flow("steps: [{id: a, run: x}]").slow("a").run().stop(StopCause::Sigint).release("a");
    assert_eq!((play.is_open("main"), play.ends().to_string().as_str()), (true, "interrupted"));
    assert_eq!(play.resume(None).ends().to_string(), "succeeded");
}

#[test]
fn the_reason_to_stop_only_rises() {
    let mut play = Play::flow(FLOW).slow("a").run();
    let stop = |cause| Input::StopRequested { cause, by: "bo".to_owned() };
    assert!(play.tell(&stop(StopCause::Sigterm)));
    assert!(!play.tell(&stop(StopCause::Sigint)));
    assert!(!play.tell(&stop(StopCause::Sigterm)));
    assert!(play.tell(&stop(StopCause::Cancel)));
}

#[test]
fn cancel_ends_the_run_for_good() {
    let play = Play::flow(FLOW).slow("a").slow("b").run().stop(StopCause::Cancel);
    let play = play.release("a").release("b");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b", "cancelled"));
    let play = play.resume(None);
    assert_eq!(play.refusals(), ["the run has ended, cancelled: there is nothing to resume"]);
}

#[test]
fn cancel_after_the_end_changes_nothing() {
    let mut play = Play::flow("steps: [{id: a, run: x}]").slow("a").run();
    let at = play.state.running.keys().next().unwrap().clone();
    assert!(play.tell(&Input::Replied { at, execution: 1, attempt: 1, reply: ok().reply(play.now) }));
    assert_eq!((play.is_open("main"), play.state.rested), (false, None));
    let play = play.stop(StopCause::Cancel);
    assert_eq!(play.ends().to_string(), "succeeded");
    let play = play.stop(StopCause::Cancel);
    let said = "the run is over (succeeded): there is nothing to cancel";
    assert_eq!((play.ends().to_string().as_str(), play.refusals()), ("succeeded", vec![said.to_owned(); 2]));
}

#[test]
fn cancel_closes_open_questions() {
    let play = Play::flow("steps: [{id: q, ask: {question: Go?}}]").run().stop(StopCause::Cancel);
    assert_eq!((play.asks().as_str(), play.ends().to_string().as_str()), ("", "cancelled"));
}

#[test]
fn cancel_does_not_wait_for_the_next_attempt() {
    let flow = "steps: [{id: a, run: x, retry: {attempts: 3, delay: 1h}}, {id: b, run: x, needs: []}]";
    let play = Play::flow(flow).reply("a", [transient("busy")]).slow("b").run();
    let play = play.stop(StopCause::Cancel).release("b");
    assert_eq!((play.is_open("main"), play.ends().to_string().as_str()), (false, "cancelled"));
    assert!(play.state.due.is_empty());
}

#[test]
fn a_signal_keeps_the_next_attempt_for_the_resume() {
    let flow = "steps: [{id: a, run: x, retry: {attempts: 3, delay: 1h}}, {id: b, run: x, needs: []}]";
    let mut play = Play::flow(flow).reply("a", [transient("busy"), ok()]).slow("b");
    let book = play.book("main");
    play.request("main", book);
    let play = play.stop(StopCause::Sigint).release("b");
    assert_eq!(play.ends().to_string(), "interrupted");
    assert_eq!(play.resume(None).ends().to_string(), "succeeded");
}

#[test]
fn cancel_ends_inner_flows_first() {
    let flow = "steps: [{id: s, flow: sub}]";
    let play = Play::flow(flow).and_flow("sub", "steps: [{id: b, run: x}, {id: c, run: x}]").slow("b").run();
    let play = play.stop(StopCause::Cancel).release("b");
    assert_eq!((play.is_open("main"), play.is_open("main.s"), play.ends().to_string().as_str()), (false, false, "cancelled"));
}

#[test]
fn a_run_that_rests_wants_only_rest() {
    let play = Play::flow("steps: [{id: a, run: x}]").run();
    assert_eq!(commands(&play.state), [Command::Rest]);
    let mut play = play;
    assert!(!play.tell(&Input::Rest), "it rests already");
}

#[test]
fn rest_is_refused_while_something_is_to_be_done() {
    let mut play = Play::flow("steps: [{id: a, run: x}]").slow("a").run();
    assert!(!play.tell(&Input::Rest));
    assert!(!play.tell(&Input::Ticked));
}
