//! What was running when the process died, and where a person starts again.

use serde_json::json;

use crate::{
    kernel::{Input, Roles},
    record::{At, Fact},
};

use super::{Play, fails, ok};

#[test]
fn what_may_run_twice_runs_again_after_a_crash() {
    for effects in ["none", "idempotent"] {
        let flow = format!("steps: [{{id: a, run: x, effects: {effects}}}, {{id: b, run: x}}]");
        let play = Play::flow(&flow).slow("a").run().crash().release("a");
        assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a a b", "succeeded"));
        assert_eq!(play.frame("main").steps[0].execution, 2);
    }
}

#[test]
fn what_may_not_run_twice_is_asked() {
    let flow = "steps: [{id: a, run: x, effects: once}, {id: b, run: x}]";
    for (choose, path, ends) in [
        ("retry", "a a b", "succeeded"),
        ("mark-done", "a a b", "succeeded"),
        ("skip", "a b", "succeeded"),
        ("abort", "a", "failed"),
    ] {
        let play = Play::flow(flow).slow("a").run().crash();
        assert_eq!((play.path().as_str(), play.asks().as_str(), play.ends().to_string().as_str()), ("a", "a-1", "waiting"));
        let play = play.say("a-1", choose).release("a");
        assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), (path, ends), "{choose}");
    }
}

#[test]
fn a_once_only_step_that_is_interrupted_is_asked_too() {
    let play = Play::flow("steps: [{id: a, run: x, effects: once}]").reply("a", [super::interrupted()]).run();
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("a", "a-1"));
}

#[test]
fn a_second_crash_asks_no_second_question() {
    let play = Play::flow("steps: [{id: a, run: x, effects: once}]").slow("a").run().crash().crash();
    assert_eq!(play.asks(), "a-1");
}

#[test]
fn nothing_is_lost_where_nothing_ran() {
    let mut play = Play::flow("steps: [{id: a, run: x}]").run();
    assert!(!play.tell(&Input::Lost { seen: None }));
}

#[test]
fn a_lost_step_is_not_started_by_a_cancel() {
    let mut play = Play::flow("steps: [{id: a, run: x}, {id: b, run: x}]").slow("a").run();
    play.tell(&Input::StopRequested { cause: crate::record::StopCause::Cancel, by: "bo".to_owned() });
    play.tell(&Input::Lost { seen: None });
    play.drive();
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a", "cancelled"));
}

#[test]
fn resume_from_a_step_runs_it_and_all_that_depends_on_it_again() {
    let flow = "jobs: 8\nsteps: [{id: a, run: x}, {id: b, run: x}, {id: c, run: x}, {id: d, run: x, needs: [a]}]";
    let play = Play::flow(flow).run().resume(Some("b"));
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b d c b c", "succeeded"));
}

#[test]
fn resume_of_a_flow_that_is_over_says_so() {
    let play = Play::flow("steps: [{id: a, run: x}]").run().resume(None);
    assert_eq!(play.refusals(), ["the run has ended, succeeded: there is nothing to resume"]);
}

#[test]
fn a_step_that_is_not_there_is_named_with_the_one_that_is_meant() {
    let play = Play::flow("steps: [{id: build, run: x}]").run().resume(Some("biuld"));
    assert_eq!(play.refusals(), ["flow `main` has no step `biuld`; did you mean `build`?"]);
    // Nothing hangs: the run still rests.
    assert_eq!(crate::kernel::commands(&play.state), [crate::kernel::Command::Rest]);
}

#[test]
fn what_runs_is_not_run_again() {
    let mut play = Play::flow("steps: [{id: a, run: x}, {id: b, run: x}]").slow("b").run();
    let flow = crate::id::FramePath::new("main").unwrap();
    let from = Some((flow, crate::id::StepId::new("a").unwrap()));
    play.tell(&Input::Resumed(crate::kernel::Resume {
        by: "bo".to_owned(),
        from,
        options: crate::record::ResumeOptions::default(),
    }));
    assert_eq!(play.refusals(), ["main/b is still running: stop the run first"]);
}

/// Who goes on may say how, from there on; it holds for whatever is in the run, and stays.
#[test]
fn whoever_goes_on_says_how_many_run_at_once_and_what_need_not_be_enforced() {
    let flow =
        "jobs: 1\nsteps: [{id: a, run: x}, {id: b, needs: [], run: x}, {id: c, needs: [], run: x}, {id: d, needs: [], run: x}]";
    let slow = |play: Play| ["a", "b", "c", "d"].into_iter().fold(play, Play::slow);
    let mut play = slow(Play::flow(flow)).run();
    let options = |play: &Play| {
        let frame = play.state.frame(&crate::id::FramePath::new("main").unwrap()).unwrap();
        (play.state.running.len(), frame.options.jobs, frame.options.allow_unenforced)
    };
    assert_eq!(options(&play), (1, None, false));
    let go_on = |play: &mut Play, jobs, allow_unenforced| {
        // Noted before anything starts again, as `resume` does it.
        play.tell_parked(&Input::Lost { seen: None });
        let options = crate::record::ResumeOptions { jobs, allow_unenforced };
        play.tell(&Input::Resumed(crate::kernel::Resume { by: "bo".to_owned(), from: None, options }));
        play.drive();
    };
    go_on(&mut play, Some(3), true);
    assert_eq!(options(&play), (3, Some(3), true));
    // Nothing said, nothing changed; and nobody takes back what was allowed.
    go_on(&mut play, None, false);
    assert_eq!(options(&play), (3, Some(3), true));
    go_on(&mut play, Some(2), false);
    assert_eq!(options(&play), (2, Some(2), true));
}

#[test]
fn retry_goes_on_from_the_step() {
    let flow = "steps: [{id: a, run: x}, {id: b, run: x}, {id: c, run: x}]";
    let play = Play::flow(flow).reply("b", [fails("no"), ok()]).run();
    assert_eq!(play.ends().to_string(), "failed");
    let play = play.retry("b", false, &[]);
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b b c", "succeeded"));
}

#[test]
fn retry_only_stops_after_the_step_and_a_resume_goes_on() {
    let flow = "steps: [{id: a, run: x}, {id: b, run: x}, {id: c, run: x}]";
    let play = Play::flow(flow).run().retry("b", true, &[]);
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b c b", "interrupted"));
    assert_eq!(play.resume(None).path(), "a b c b c");
}

#[test]
fn retry_changes_parameters_and_says_which() {
    let flow = "params: {n: {type: integer, default: 1}}\nsteps: [{id: a, run: x}, {id: b, run: x, when: params.n > 1}]";
    let play = Play::flow(flow).param("n", json!(1)).run();
    assert_eq!(play.path(), "a");
    let play = play.retry("a", false, &[("n", json!(2))]);
    assert_eq!(play.path(), "a a b");
    let changed = play.facts().filter(|fact| matches!(fact, Fact::ParamsChanged { changes, .. } if changes.len() == 1));
    assert_eq!(changed.count(), 1);
}

#[test]
fn a_failed_step_runs_again_with_whatever_is_retried() {
    let flow = "jobs: 8
steps: [{id: a, run: x, needs: []}, {id: b, run: x, needs: []}, {id: z, run: x, needs: [a, b]}]";
    let play = Play::flow(flow).reply("a", [fails("no"), ok()]).run().retry("b", false, &[]);
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b a b z", "succeeded"), "{}", play.story());
}

#[test]
fn until_ends_after_the_step_and_from_begins_there() {
    let flow = "steps: [{id: a, run: x}, {id: b, run: x}, {id: c, run: x}, {id: d, run: x}]";
    let id = |text: &str| Some(crate::id::StepId::new(text).unwrap());
    let play = Play::flow(flow).with_options(|options| options.until = id("b")).run();
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b", "interrupted"));
    assert_eq!(play.resume(None).path(), "a b c d");
    let play = Play::flow(flow).with_options(|options| options.from = id("c")).run();
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("c d", "succeeded"));
    let play = Play::flow(flow).with_options(|o| (o.from, o.until) = (id("b"), id("c"))).run();
    assert_eq!(play.path(), "b c");
}

#[test]
fn what_reads_a_step_that_from_left_out_says_so() {
    let from = |step: &str| Some(crate::id::StepId::new(step).unwrap());
    let steps =
        |keys: &str| format!("params: {{l: {{type: list}}}}\nsteps: [{{id: a, run: x}}, {{id: b, {keys}}}, {{id: c, run: x}}]");
    for keys in [
        "run: x, when: steps.a.passed",
        "run: x, for_each: steps.a.json",
        "exec: [x, '{{steps.a.stdout}}']",
        "ask: {question: 'Is {{steps.a.stdout}} right?'}",
    ] {
        let play = Play::flow(&steps(keys)).with_options(|options| options.from = from("b")).run();
        let reason = play.reason("main");
        assert_eq!((play.ends().to_string().as_str(), play.asks().as_str()), ("failed", ""), "{keys}");
        assert!(reason.contains("`b` reads what step `a` left behind"), "{keys}: {reason}");
        assert!(reason.contains("start at `a`, or run without --from"), "{keys}: {reason}");
        // From where it says, it runs.
        let play = play.retry("a", false, &[]);
        assert!(!play.reason("main").contains("left behind"), "{keys}: {}", play.reason("main"));
    }
    let play = Play::flow(&steps("run: x, when: steps.a.skipped")).with_options(|options| options.from = from("b")).run();
    assert_eq!(play.path(), "b c");
    let play = Play::flow(&steps("run: x, when: steps.a.passed")).with_options(|options| options.from = from("c")).run();
    assert_eq!(play.path(), "c");
}

#[test]
fn a_late_a_doubled_and_a_foreign_reply_are_refused() {
    let mut play = Play::flow("steps: [{id: a, run: x}, {id: b, run: x}]").slow("a").run();
    let at = play.state.running.keys().next().unwrap().clone();
    let reply = |at: &At, execution, attempt| Input::Replied {
        at: at.clone(),
        execution,
        attempt,
        reply: ok().reply(crate::id::Time::from_ms(0)),
    };
    let foreign = At { flow: at.flow.clone(), step: crate::id::StepRef::new("zz").unwrap() };
    let elsewhere = At { flow: crate::id::FramePath::new("other").unwrap(), step: at.step.clone() };
    for refused in [reply(&at, 2, 1), reply(&at, 1, 2), reply(&at, 0, 0), reply(&foreign, 1, 1), reply(&elsewhere, 1, 1)] {
        assert!(!play.tell(&refused));
    }
    assert!(play.tell(&reply(&at, 1, 1)));
    assert!(!play.tell(&reply(&at, 1, 1)), "the same reply twice");
    assert_eq!(play.refused.len(), 6);
}

#[test]
fn a_reply_from_before_the_crash_is_late() {
    let mut play = Play::flow("steps: [{id: a, run: x}]").slow("a").run().crash();
    let at = play.state.running.keys().next().unwrap().clone();
    let old = Input::Replied { at, execution: 1, attempt: 1, reply: ok().reply(play.now) };
    assert!(!play.tell(&old));
    assert_eq!(
        play.refused.last().unwrap().to_string(),
        "main/a execution 1 attempt 1 is not running: the reply is late or doubled"
    );
}

#[test]
fn a_clock_that_goes_back_takes_nothing_back() {
    let flow = "limits: {wall: 1h}\nsteps: [{id: a, run: x, retry: {attempts: 2, delay: 10s}}, {id: b, run: x}]";
    let mut play = Play::flow(flow).slow("a").run();
    let before = play.state.now;
    play.now = crate::id::Time::from_ms(5);
    let play = play.reply("a", [super::transient("busy"), ok()]).release("a");
    assert!(play.state.now >= before);
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b", "succeeded"));
}

#[test]
fn nobody_can_answer_what_was_never_asked() {
    let mut play = Play::flow("steps: [{id: q, ask: {question: Go?}}]").run();
    let mut question = play.question("q-1").clone();
    question.id = crate::id::EscalationId::new("q-9").unwrap();
    play.roles = Roles { has: None, self_approval: true };
    let input = play.answer_to(&question, "approve", "ana");
    assert!(!play.tell(&input));
    assert_eq!(play.refusals(), ["there is no question `q-9` in this run"]);
}
