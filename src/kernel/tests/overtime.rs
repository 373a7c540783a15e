//! The timeout of a `flow:` step: what runs in the flow is ended, and the step fails with it.

use crate::{
    kernel::{Command, Input, commands},
    record::{Fact, StopCause},
};

use super::{Play, fails};

const MAIN: &str = "steps: [{id: s, flow: sub, timeout: 2s}, {id: z, run: x}]";
const SUB: &str = "steps: [{id: i, run: x}, {id: j, run: x}]";

fn later(mut play: Play, ms: u64) -> Play {
    play.now = play.now.plus(ms);
    play.tell(&Input::Ticked);
    play.drive();
    play
}

/// How the executions of a step ended.
fn ended(play: &Play, step: &str) -> Vec<String> {
    let ended = play.facts().filter_map(|fact| match fact {
        Fact::StepEnded { at, proof, .. } if at.step.as_str() == step => {
            let kind = proof.error_detail.as_ref().map(|detail| format!(" {}", detail.kind)).unwrap_or_default();
            Some(format!("{}{kind}", proof.status))
        }
        _ => None,
    });
    ended.collect()
}

fn at_the_end(play: &Play) -> (String, String) {
    (play.path(), play.ends().to_string())
}

#[test]
fn the_step_fails_when_the_time_of_its_flow_is_over() {
    let play = Play::flow(MAIN).and_flow("sub", SUB).slow("i").run();
    assert!(commands(&play.state).iter().any(|one| matches!(one, Command::WakeAt(at) if at.since(play.now) <= 2_000)));
    let play = later(play, 1_000);
    assert!(play.is_open("main.s"));
    let play = later(play, 1_000);
    assert_eq!(at_the_end(&play), ("s s/i".to_owned(), "failed".to_owned()), "{}", play.story());
    assert_eq!(
        (ended(&play, "i").join(","), ended(&play, "s").join(",")),
        ("interrupted timeout".into(), "failed timeout".into())
    );
    assert_eq!(play.decisions("s/i"), ["TERMINATE limit"]);
    assert!(play.reason("main").contains("flow main.s was not done after 2 s of running time"), "{}", play.reason("main"));
}

#[test]
fn a_flow_whose_time_is_over_may_be_passed() {
    let main = "defaults: {timeout: 1s}\nsteps: [{id: s, flow: sub, timeout: 2s, on_failure: continue}, {id: z, run: x}]";
    let play = later(Play::flow(main).and_flow("sub", SUB).slow("i").run(), 2_000);
    assert_eq!(at_the_end(&play), ("s s/i z".to_owned(), "succeeded".to_owned()));
    assert_eq!(play.warnings().len(), 1);
}

#[test]
fn waiting_for_a_person_does_not_count() {
    let sub = "steps: [{id: i, run: x}, {id: q, ask: {question: Go?}}, {id: j, run: x}]";
    let play = Play::flow(MAIN).and_flow("sub", sub).slow("j").run();
    assert_eq!(play.asks(), "main.s.q-1");
    let play = later(play, 3_600_000).say("main.s.q-1", "approve");
    let play = later(play, 1_500);
    assert!(play.is_open("main.s"), "{}", play.story());
    let play = later(play, 500);
    assert_eq!((play.ends().to_string(), ended(&play, "j").join(",")), ("failed".into(), "interrupted timeout".into()));
}

#[test]
fn time_that_is_over_between_two_steps_starts_none() {
    let mut play = Play::flow(MAIN).and_flow("sub", SUB).slow("i").run();
    // The reply was there before the clock was looked at.
    play.now = play.now.plus(2_500);
    let play = play.release("i");
    assert_eq!(at_the_end(&play), ("s s/i".to_owned(), "failed".to_owned()), "{}", play.story());
    assert_eq!(ended(&play, "s"), ["failed timeout"]);
}

#[test]
fn a_flow_that_was_done_in_time_is_done() {
    let mut play = Play::flow(MAIN).and_flow("sub", "steps: [{id: i, run: x}]").slow("i").run();
    play.now = play.now.plus(2_500);
    assert_eq!(at_the_end(&play.release("i")), ("s s/i z".to_owned(), "succeeded".to_owned()));
}

#[test]
fn the_flows_inside_end_with_it_and_no_attempt_is_made_any_more() {
    let sub = "steps: [{id: t, flow: deep, needs: []}, {id: r, run: x, needs: [], retry: {attempts: 3, delay: 1h}}]";
    let play = Play::flow(MAIN).and_flow("sub", sub).and_flow("deep", SUB).slow("i").reply("r", [super::transient("no")]).run();
    let play = later(play, 2_000);
    assert_eq!(at_the_end(&play), ("s s/t s/r s.t/i".to_owned(), "failed".to_owned()), "{}", play.story());
    assert_eq!(ended(&play, "s"), ["failed timeout"]);
}

#[test]
fn an_inner_flow_has_no_more_time_than_the_one_around_it() {
    let sub = "steps: [{id: t, flow: deep, timeout: 1h, on_failure: continue}, {id: k, run: x}]";
    let play = Play::flow(MAIN).and_flow("sub", sub).and_flow("deep", SUB).slow("i").run();
    let play = later(play, 2_000);
    assert_eq!(at_the_end(&play), ("s s/t s.t/i".to_owned(), "failed".to_owned()), "{}", play.story());
    // And the other way round, the outer flow goes on.
    let sub = "steps: [{id: t, flow: deep, timeout: 1s, on_failure: continue}, {id: k, run: x}]";
    let play = Play::flow(&MAIN.replace("2s", "1h")).and_flow("sub", sub).and_flow("deep", SUB).slow("i").run();
    let play = later(play, 2_000);
    assert_eq!(at_the_end(&play), ("s s/t s.t/i s/k z".to_owned(), "succeeded".to_owned()), "{}", play.story());
}

#[test]
fn whoever_goes_on_gives_it_its_time_again() {
    let play = later(Play::flow(MAIN).and_flow("sub", SUB).slow("i").run(), 2_000);
    let inside = play.retry_in("main.s", "i", false, &[]);
    let play = later(inside, 1_500);
    assert!(play.is_open("main.s"), "{}", play.story());
    assert_eq!(at_the_end(&play.release("i")), ("s s/i s/i s/j z".to_owned(), "succeeded".to_owned()));
    let play = later(Play::flow(MAIN).and_flow("sub", SUB).slow("i").run(), 2_000).retry("s", false, &[]);
    let play = later(play, 1_500);
    assert_eq!(at_the_end(&play.release("i")), ("s s/i s s/i s/j z".to_owned(), "succeeded".to_owned()));
}

#[test]
fn a_once_only_step_that_was_ended_is_asked_about_when_somebody_goes_on() {
    let sub = "steps: [{id: i, run: x, effects: once}, {id: j, run: x}]";
    let play = later(Play::flow(MAIN).and_flow("sub", sub).slow("i").run(), 2_000);
    assert_eq!((play.asks(), play.ends().to_string()), (String::new(), "failed".to_owned()));
    let play = play.retry_in("main.s", "j", false, &[]);
    assert_eq!(play.asks(), "main.s.i-2", "{:?} {}", play.refusals(), play.story());
}

#[test]
fn a_rollback_takes_back_what_a_flow_did_whose_time_is_over_and_is_given_what_it_needs() {
    let sub = "steps: [{id: i, run: x, undo: u}, {id: j, run: x}]";
    let main = "steps: [{id: s, flow: sub, timeout: 2s, on_failure: rollback}]";
    let play = Play::flow(main).and_flow("sub", sub).slow("j").slow("undo-i").run();
    let play = later(later(play, 2_000), 60_000).release("undo-i");
    assert_eq!(ended(&play, "undo-i"), ["succeeded"], "{}", play.story());
}

#[test]
fn a_run_that_was_killed_counts_on() {
    let play = Play::flow(MAIN).and_flow("sub", SUB).slow("i").run();
    let play = later(play, 1_500).crash();
    let play = later(play, 400);
    assert!(play.is_open("main.s"), "{}", play.story());
    let play = later(play, 2_000);
    assert_eq!((play.ends().to_string(), ended(&play, "s").join(",")), ("failed".into(), "failed timeout".into()));
}

#[test]
fn what_still_runs_in_a_flow_that_fails_anyway_is_ended_too() {
    let sub = "steps: [{id: i, run: x, needs: []}, {id: j, run: x, needs: []}]";
    let play = later(Play::flow(MAIN).and_flow("sub", sub).slow("i").reply("j", [fails("no")]).run(), 2_000);
    assert_eq!((ended(&play, "i").join(","), play.ends().to_string()), ("interrupted timeout".into(), "failed".into()));
    assert_eq!(play.reason("main.s"), "j: no; on_failure is stop");
}

#[test]
fn a_run_that_stops_is_left_alone() {
    let play = later(Play::flow(MAIN).and_flow("sub", SUB).slow("i").run().stop(StopCause::Sigint), 2_000);
    assert!(play.is_open("main.s"));
}
