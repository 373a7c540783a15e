//! Budgets of steps and wall time: reached, they ask with the figures.

use super::{Play, ok, transient, unverified};

const FLOW: &str =
    "limits: {steps: 2}\nsteps: [{id: a, run: x}, {id: b, run: x}, {id: c, run: x}, {id: d, run: x}, {id: e, run: x}]";

#[test]
fn a_limit_of_steps_asks_with_the_figures() {
    let play = Play::flow(FLOW).run();
    assert_eq!((play.path().as_str(), play.asks().as_str(), play.options_of("c-1").as_str()), ("a b", "c-1", "raise abort"));
    assert!(play.question("c-1").question.contains("2 of 2 step executions are used"), "{}", play.question("c-1").question);
}

#[test]
fn a_limit_that_is_raised_is_a_limit_again() {
    let play = Play::flow(FLOW).run().say("c-1", "raise");
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("a b c d", "e-1"));
    assert_eq!(play.say("e-1", "raise").ends().to_string(), "succeeded");
}

#[test]
fn a_limit_that_is_not_raised_stops_the_flow() {
    let play = Play::flow(FLOW).run().say("c-1", "abort");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b", "failed"));
    // A person may still go on later, and is asked again.
    let play = play.retry("c", false, &[]);
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("a b", "c-2"), "{}", play.story());
}

#[test]
fn exactly_as_many_steps_as_the_limit_are_no_question() {
    for (limit, asks) in [(4, "e-1"), (5, ""), (6, "")] {
        let play = Play::flow(&FLOW.replace("steps: 2", &format!("steps: {limit}"))).run();
        assert_eq!(play.asks(), asks, "limit {limit}");
    }
}

#[test]
fn rounds_of_a_loop_draw_from_the_limit() {
    let flow = "limits: {steps: 3}\nsteps: [{id: w, run: x}, {id: j, run: x, loop: {to: w, max: 9}}]";
    let play = Play::flow(flow).reply("j", [unverified()]).run();
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("w j w", "j-1"));
}

#[test]
fn steps_of_a_sub_flow_draw_from_the_limit_of_the_flow_around_it() {
    let flow = "limits: {steps: 2}\nsteps: [{id: s, flow: sub}, {id: z, run: x}]";
    let play = Play::flow(flow).and_flow("sub", "steps: [{id: b, run: x}, {id: c, run: x}]").run();
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("s s/b", "s-1"));
    let play = play.say("s-1", "raise");
    assert_eq!(play.ends().to_string(), "succeeded");
}

#[test]
fn a_sub_flows_own_limit_holds_for_it() {
    let sub = "limits: {steps: 1}\nsteps: [{id: b, run: x}, {id: c, run: x}]";
    let play = Play::flow("steps: [{id: s, flow: sub}, {id: z, run: x}]").and_flow("sub", sub).run();
    assert_eq!(play.asks(), "main.s.c-1");
    let play = play.say("main.s.c-1", "abort");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("s s/b", "failed"));
}

#[test]
fn wall_time_is_time_in_which_something_runs() {
    let flow = "limits: {wall: 5s}\nsteps: [{id: a, run: x}, {id: b, run: x, approve: {question: Go?}}, {id: c, run: x}]";
    let mut play = Play::flow(flow).run();
    play.now = play.now.plus(3_600_000);
    let play = play.say("b-1", "approve");
    assert_eq!(play.ends().to_string(), "succeeded");
}

#[test]
fn a_flow_that_ran_too_long_asks_and_what_runs_may_end() {
    let flow = "limits: {wall: 5s}\nsteps: [{id: a, run: x}, {id: b, run: x}]";
    let mut play = Play::flow(flow).slow("a").run();
    play.now = play.now.plus(5_000);
    play.tell(&crate::kernel::Input::Ticked);
    assert_eq!(play.asks(), "a-1");
    assert!(play.question("a-1").question.contains("5.0 s of 5.0 s"), "{}", play.question("a-1").question);
    let play = play.release("a");
    assert_eq!(play.path(), "a");
    assert_eq!(play.say("a-1", "raise").path(), "a b");
}

#[test]
fn a_limit_reached_by_the_last_step_does_not_outlive_the_flow() {
    let mut play = Play::flow("limits: {wall: 5s}\nsteps: [{id: a, run: x}]").slow("a").run();
    play.now = play.now.plus(6_000);
    play.tell(&crate::kernel::Input::Ticked);
    let play = play.release("a");
    assert_eq!((play.asks().as_str(), play.ends().to_string().as_str()), ("", "succeeded"));
}

#[test]
fn the_time_between_two_attempts_counts() {
    let flow = "limits: {wall: 5s}\nsteps: [{id: a, run: x, retry: {attempts: 2, delay: 10s}}]";
    let play = Play::flow(flow).reply("a", [transient("busy"), ok()]).run();
    assert_eq!(play.ends().to_string(), "succeeded");
    assert!(play.facts().any(|fact| matches!(fact, crate::record::Fact::LimitReached { .. })));
}
