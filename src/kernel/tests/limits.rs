//! Budgets of steps and wall time: reached, they ask with the figures.

use crate::{
    id::{FramePath, Time},
    kernel::{Command, Input, commands},
    record::{ErrorClass, Fact, FailureKind},
};

use super::{Play, Say, ok, transient, unverified};

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

/// Time passes while something runs.
fn later(mut play: Play, ms: u64) -> Play {
    play.now = play.now.plus(ms);
    play.tell(&Input::Ticked);
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

const WALL: &str = "limits: {wall: 5s}\nsteps: [{id: a, run: x, on_failure: stop}, {id: b, run: x}]";

#[test]
fn time_that_is_used_up_inside_a_step_ends_it_and_asks() {
    let mut play = later(Play::flow(WALL).slow("a").run(), 5_000);
    assert_eq!(play.asks(), "a-1");
    let question = play.question("a-1");
    assert!(question.question.contains("5.0 s of 5.0 s"), "{}", question.question);
    assert!(question.reason.ends_with("a was under way"), "{}", question.reason);
    assert!(matches!(commands(&play.state)[..], [Command::End { .. }]), "{:?}", commands(&play.state));
    play.drive();
    // It was interrupted, not failed; the flow stands, and the question with it.
    assert_eq!(ended(&play, "a"), ["interrupted limit"]);
    assert_eq!((play.path().as_str(), play.asks().as_str(), play.ends().to_string().as_str()), ("a", "a-1", "waiting"));
}

#[test]
fn what_was_ended_by_the_limit_runs_again_when_it_is_raised() {
    let mut play = later(Play::flow(WALL).slow("a").run(), 5_000);
    play.drive();
    let play = play.say("a-1", "raise").release("a");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a a b", "succeeded"));
    assert_eq!(ended(&play, "a"), ["interrupted limit", "succeeded"]);
}

#[test]
fn what_was_ended_by_the_limit_does_not_run_again_when_the_flow_is_stopped() {
    let mut play = later(Play::flow(WALL).slow("a").run(), 5_000);
    play.drive();
    let play = play.say("a-1", "abort");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a", "failed"));
}

#[test]
fn a_new_limit_is_beyond_what_was_used_while_steps_were_ended() {
    let mut play = later(Play::flow(WALL).slow("a").run(), 5_000);
    play.now = play.now.plus(20_000);
    play.drive();
    let play = play.say("a-1", "raise").release("a");
    assert_eq!((play.asks().as_str(), play.ends().to_string().as_str()), ("", "succeeded"));
}

#[test]
fn a_once_only_step_that_the_limit_ended_is_asked_about_too() {
    let mut play = later(Play::flow(&WALL.replace("run: x, on_f", "run: x, effects: once, on_f")).slow("a").run(), 5_000);
    play.drive();
    assert_eq!((play.asks().as_str(), play.path().as_str()), ("a-1 a-2", "a"));
    let play = play.say("a-1", "raise");
    assert_eq!((play.asks().as_str(), play.path().as_str()), ("a-2", "a"));
    let play = play.say("a-2", "retry").release("a");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a a b", "succeeded"));
}

#[test]
fn a_limit_that_is_not_raised_leaves_the_steps_own_question_to_be_asked_again() {
    let mut play = later(Play::flow(&WALL.replace("run: x, on_f", "run: x, effects: once, on_f")).slow("a").run(), 5_000);
    play.drive();
    let play = play.say("a-1", "abort");
    assert_eq!((play.asks().as_str(), play.ends().to_string().as_str()), ("", "failed"));
    let play = play.retry("b", false, &[]);
    assert_eq!((play.asks().as_str(), play.path().as_str()), ("a-3", "a"), "{}", play.story());
}

#[test]
fn time_that_is_used_up_between_two_steps_asks_before_the_next() {
    let mut play = Play::flow(WALL).slow("a").run();
    play.now = play.now.plus(6_000);
    // The reply comes before anybody looked at the clock.
    let play = play.release("a");
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("a", "b-1"));
    assert_eq!(play.say("b-1", "raise").path(), "a b");
}

#[test]
fn every_branch_is_ended() {
    let flow = "limits: {wall: 5s}\nsteps: [{id: a, run: x, needs: []}, {id: b, run: x, needs: []}]";
    let mut play = later(Play::flow(flow).slow("a").slow("b").run(), 5_000);
    play.drive();
    assert_eq!((ended(&play, "a").len(), ended(&play, "b").len(), play.asks().as_str()), (1, 1, "a-1"));
    let play = play.say("a-1", "raise").release("a").release("b");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b a b", "succeeded"));
}

#[test]
fn a_branch_that_meets_the_limit_at_its_next_step_ends_the_others() {
    let flow = "limits: {wall: 5s}\nsteps: [{id: a, run: x, needs: []}, {id: b, run: x, needs: []}, {id: c, run: x, needs: [a]}]";
    let mut play = Play::flow(flow).slow("a").slow("b").run();
    play.now = play.now.plus(6_000);
    let play = play.release("a");
    assert_eq!((play.asks().as_str(), ended(&play, "b").join("")), ("c-1", "interrupted limit".to_owned()));
    assert_eq!(play.say("c-1", "raise").release("b").path(), "a b b c");
}

#[test]
fn the_time_of_a_flow_around_ends_what_runs_inside() {
    let sub = "steps: [{id: i, run: x}, {id: j, run: x}]";
    let flow = "limits: {wall: 5s}\nsteps: [{id: s, flow: sub}, {id: z, run: x}]";
    let mut play = later(Play::flow(flow).and_flow("sub", sub).slow("i").run(), 5_000);
    play.drive();
    assert_eq!((play.asks().as_str(), ended(&play, "i").join("")), ("s-1", "interrupted limit".to_owned()));
    let play = play.say("s-1", "raise").release("i");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("s s/i s/i s/j z", "succeeded"));
}

#[test]
fn the_time_of_an_inner_flow_ends_only_what_runs_in_it() {
    let sub = "limits: {wall: 5s}\nsteps: [{id: i, run: x}]";
    let flow = "steps: [{id: s, flow: sub, needs: []}, {id: o, run: x, needs: []}]";
    let mut play = later(Play::flow(flow).and_flow("sub", sub).slow("i").slow("o").run(), 5_000);
    play.drive();
    assert_eq!((play.asks().as_str(), ended(&play, "o").len()), ("main.s.i-1", 0));
    let play = play.say("main.s.i-1", "abort").release("o");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("s o s/i", "failed"));
}

#[test]
fn a_steps_own_timeout_is_a_failure_of_the_step() {
    let flow = "limits: {wall: 1h}\nsteps: [{id: a, run: x, timeout: 2s}]";
    let slow = Say::failing(FailureKind::Timeout, ErrorClass::Retriable, "not done after 2 s");
    let play = Play::flow(flow).reply("a", [slow]).run();
    assert_eq!((ended(&play, "a").join(""), play.ends().to_string().as_str()), ("failed timeout".to_owned(), "failed"));
}

#[test]
fn a_step_is_given_its_own_time_and_the_flow_watches_its_own() {
    let flow = "limits: {wall: 5s}\nsteps: [{id: a, run: x, timeout: 1h}]";
    let play = Play::flow(flow).slow("a").run();
    let (at, running) = play.state.running.get_min().unwrap();
    assert_eq!(running.timeout_ms, Some(3_600_000), "{at}");
    assert!(commands(&play.state).contains(&Command::WakeAt(running.started_at.plus(5_000))));
}

#[test]
fn a_failing_flow_asks_for_no_more_time_and_its_undos_are_not_ended() {
    let flow = "limits: {wall: 5s}
steps: [{id: a, run: x, needs: [], undo: u}, {id: b, run: x, needs: [a], on_failure: rollback}, {id: c, run: x, needs: []}]";
    let mut play = later(Play::flow(flow).slow("c").slow("undo-a").reply("b", [super::fails("no")]).run(), 5_000);
    play.drive();
    assert_eq!((play.asks().as_str(), ended(&play, "c").join("")), ("", "interrupted limit".to_owned()));
    let play = later(play, 60_000).release("undo-a");
    assert_eq!((play.asks().as_str(), ended(&play, "undo-a").join("")), ("", "succeeded".to_owned()));
    assert_eq!(play.ends().to_string(), "failed");
}

#[test]
fn an_attempt_does_not_start_in_a_flow_whose_time_is_up() {
    let flow = "limits: {wall: 5s}\nsteps: [{id: a, run: x, retry: {attempts: 2, delay: 10s}}]";
    let play = Play::flow(flow).reply("a", [transient("busy"), ok()]).run();
    assert_eq!((play.asks().as_str(), play.ends().to_string().as_str()), ("a-1", "waiting"));
    let play = play.say("a-1", "raise");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a a", "succeeded"));
}

#[test]
fn the_time_without_a_process_is_no_running_time() {
    let flow =
        "limits: {wall: 5s}\nsteps: [{id: a, run: x, needs: []}, {id: b, run: x, needs: [], retry: {attempts: 2, delay: 3s}}]";
    let mut play = Play::flow(flow).slow("a").slow("b").run();
    let at = play.state.running.keys().nth(1).cloned().unwrap();
    let reply = transient("busy").reply(play.now);
    play.tell(&Input::Replied { at, execution: 1, attempt: 1, reply });
    play.now = play.now.plus(3_600_000);
    let play = play.crash().release("a").release("b");
    assert_eq!((play.asks().as_str(), play.ends().to_string().as_str()), ("", "succeeded"), "{}", play.story());
}

#[test]
fn what_ran_before_a_kill_counts_as_far_as_it_was_seen() {
    let killed = |seen: Option<u64>| {
        let mut play = Play::flow(WALL).slow("a").run();
        let began = play.now;
        play.now = began.plus(3_600_000);
        play.tell(&Input::Lost { seen: seen.map(|ms| began.plus(ms)) });
        play.resume(None)
    };
    let used = |play: &Play| play.state.frame(&FramePath::new("main").unwrap()).unwrap().active_ms_at(play.state.now);
    assert_eq!([used(&killed(None)), used(&killed(Some(3_000)))], [0, 3_000]);
    let play = later(killed(Some(3_000)), 2_000);
    assert!(play.question("a-1").question.contains("5.0 s of 5.0 s"), "{}", play.question("a-1").question);
    // What was seen after now, or before the last line, was not seen then.
    assert_eq!(killed(Some(7_200_000)).asks(), "a-1");
    let mut early = Play::flow(WALL).slow("a").run();
    early.tell(&Input::Lost { seen: Some(Time::from_ms(1)) });
    assert_eq!(used(&early.resume(None)), 0);
    // It has run its time already: it does not start again without a word.
    assert_eq!(killed(Some(6_000)).asks(), "a-1");
}

#[test]
fn an_answer_to_a_run_that_rests_is_no_running_time() {
    let flow = "limits: {wall: 1h}
steps:
  - {id: a, run: x, needs: [], retry: {attempts: 2, delay: 3s}}
  - {id: q, ask: {question: Go?}, needs: []}";
    let mut play = Play::flow(flow).slow("a").run();
    let at = play.state.running.keys().next().cloned().unwrap();
    let reply = transient("busy").reply(play.now);
    play.tell(&Input::Replied { at, execution: 1, attempt: 1, reply });
    play = play.stop(crate::record::StopCause::Sigint);
    assert_eq!(play.state.rested, Some(crate::record::RunStatus::Interrupted));
    play.now = play.now.plus(7_200_000);
    let answer = play.answer_to(&play.question("q-1").clone(), "approve", "ana");
    assert!(play.tell_parked(&answer));
    play.now = play.now.plus(7_200_000);
    let play = play.resume(None).release("a");
    assert_eq!((play.asks().as_str(), play.ends().to_string().as_str()), ("", "succeeded"), "{}", play.story());
}
