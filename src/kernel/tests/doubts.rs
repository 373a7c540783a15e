//! Once-only steps that may have half run, in whatever flow: they are asked about before they run again, by whom ever that was caused.

use serde_json::json;

use crate::record::StopCause;

use super::{Play, fails, interrupted, ok};

const PART: &str = "steps: [{id: p0, run: x, effects: once}, {id: p1, run: x, effects: once}]";
const AROUND: &str = "steps: [{id: a, run: x}, {id: s, flow: part}, {id: z, run: x}]";

/// Killed while `p1` of the flow inside runs; `p1` is asked about.
fn killed(flow: &str) -> Play {
    let play = Play::flow(flow).and_flow("part", PART).slow("p1").run().crash();
    assert_eq!(play.asks(), "main.s.p1-1", "{}", play.story());
    play
}

#[test]
fn a_step_that_half_ran_in_a_flow_inside_is_asked_about_when_that_starts_anew() {
    type Again = fn(Play) -> Play;
    let ways: [Again; 4] = [
        |play| play.retry("a", false, &[]),
        |play| play.resume(Some("a")),
        |play| play.retry("s", false, &[]),
        |play| play.refresh_from(&AROUND.replace("{id: z, run: x", "{id: z, run: y"), Some("a")).resume(None),
    ];
    for (nth, way) in ways.into_iter().enumerate() {
        let play = way(killed(AROUND));
        assert_eq!(
            (play.asks().as_str(), play.ends().to_string().as_str()),
            ("main.s.p1-2", "waiting"),
            "{nth} {}",
            play.story()
        );
        assert_eq!(play.path().matches("p1").count(), 1, "{nth}");
        assert!(play.question("main.s.p1-2").question.contains("may have half run"));
        let play = play.say("main.s.p1-2", "retry").release("p1");
        assert_eq!((play.path().matches("p1").count(), play.ends().to_string().as_str()), (2, "succeeded"), "{nth}");
    }
}

#[test]
fn nothing_else_than_a_word_about_it_settles_it() {
    let play = killed(AROUND).retry("a", false, &[]).retry("a", false, &[]).crash().retry("s", false, &[]).resume(Some("a"));
    assert_eq!((play.path().matches("p1").count(), play.asks().as_str()), (1, "main.s.p1-5"), "{}", play.story());
    let play = play.say("main.s.p1-5", "mark-done");
    assert_eq!((play.path().matches("p1").count(), play.ends().to_string().as_str()), (2, "succeeded"));
    // It is done now: with what it needs it runs again like any other.
    let play = play.release("p1").retry("a", false, &[]);
    assert_eq!((play.path().matches("p1").count(), play.ends().to_string().as_str()), (3, "succeeded"));
}

#[test]
fn whoever_names_the_step_wants_it_again() {
    let play = killed(AROUND).retry_in("main.s", "p1", false, &[]).release("p1");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a s s/p0 s/p1 s/p1 z", "succeeded"));
    // Also if the process is killed before it starts.
    let flow = "steps: [{id: o, run: x, effects: once}]";
    let mut play = Play::flow(flow).slow("o").run().crash();
    play.tell_parked(&crate::kernel::Input::Retried(crate::kernel::Retry {
        by: "bo".to_owned(),
        flow: crate::id::FramePath::new("main").unwrap(),
        step: crate::id::StepRef::new("o").unwrap(),
        only: false,
        set: std::collections::BTreeMap::new(),
        options: crate::record::ResumeOptions::default(),
    }));
    let play = play.resume(None).release("o");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("o o", "succeeded"));
}

#[test]
fn a_known_fix_that_half_ran_is_asked_about_when_it_is_entered_again() {
    let fix = "  - {id: fix, when: {error: boom}, steps: [{id: mend, run: x, effects: once}], verify: x}\n";
    let play =
        Play::flow("steps: [{id: a, run: x}, {id: s, run: x}]").detours(fix).reply("s", [fails("boom"), fails("boom"), ok()]);
    let play = play.slow("mend").run().crash().retry("a", false, &[]);
    assert_eq!((play.asks().as_str(), play.path().as_str()), ("main.s.fix.mend-2", "a s s.fix/mend a s"), "{}", play.story());
    let play = play.say("main.s.fix.mend-2", "retry").release("mend");
    assert_eq!(play.ends().to_string(), "succeeded", "{}", play.story());
}

#[test]
fn items_are_asked_about_by_their_names() {
    let flow = "params: {l: {type: list}}
steps: [{id: a, run: x}, {id: e, run: x, effects: once, for_each: params.l}, {id: s, flow: part, for_each: params.l, needs: [a]}]";
    let play = Play::flow(flow).and_flow("part", PART).param("l", json!(["p", "q"])).slow("e[q]").slow("s[p]/p1").run().crash();
    assert_eq!(play.asks(), "e.q-1 main.sp.p1-1");
    // In another order: it is the item that counts, and not its place.
    let play = play.retry("a", false, &[("l", json!(["q", "p", "r"]))]);
    assert_eq!(play.path().matches("e[q]").count(), 1, "{}", play.story());
    assert_eq!(play.path().matches("s[p]/p1").count(), 1, "{}", play.story());
    assert!(play.asks().contains("main.sp.p1-2"), "{}", play.asks());
}

#[test]
fn push_back_from_another_branch_does_not_speak_for_it() {
    let flow = "steps: [{id: a, run: x}, {id: s, flow: part, needs: [a]}, {id: q, ask: {question: Fine?}, needs: [a]}]";
    let play = killed_beside(flow, "main.s.p1-1 q-1").say("q-1", "push-back:a");
    assert_eq!((play.path().matches("p1").count(), play.asks().as_str()), (1, "main.s.p1-2 q-2"), "{}", play.story());
}

fn killed_beside(flow: &str, asks: &str) -> Play {
    let play = Play::flow(flow).and_flow("part", PART).slow("p1").run().crash();
    assert_eq!(play.asks(), asks);
    play
}

#[test]
fn a_failure_beside_it_does_not_speak_for_it() {
    let flow = "steps: [{id: o, run: x, needs: []}, {id: s, flow: part, needs: []}, {id: z, run: x, needs: [o, s]}]";
    let play =
        Play::flow(flow).and_flow("part", PART).slow("p1").slow("o").run().crash().reply("o", [fails("no"), ok()]).release("o");
    assert_eq!((play.asks().as_str(), play.ends().to_string().as_str()), ("", "failed"));
    let play = play.retry("o", false, &[]);
    assert_eq!((play.asks().as_str(), play.path().matches("p1").count()), ("main.s.p1-2", 1), "{}", play.story());
}

#[test]
fn a_run_that_starts_over_asks_about_it() {
    for (flow, id) in [("steps: [{id: a, run: x}, {id: p1, run: x, effects: once}]", "p1-2"), (AROUND, "main.s.p1-2")] {
        let play = Play::flow(flow).and_flow("part", PART).slow("p1").run().crash().stop(StopCause::Cancel);
        assert_eq!(play.ends().to_string(), "cancelled");
        let play = play.run();
        assert_eq!((play.asks().as_str(), play.path().matches("p1").count()), (id, 1), "{}", play.story());
        let play = play.say(id, "retry").release("p1");
        assert_eq!(play.ends().to_string(), "succeeded");
    }
}

#[test]
fn an_undo_that_half_ran_is_asked_about_in_the_next_rollback() {
    let flow = "steps: [{id: a, run: x, undo: y, effects: once}, {id: b, run: x, on_failure: rollback}]";
    let play = Play::flow(flow).reply("b", [fails("no")]).slow("undo-a").run().crash();
    assert_eq!(play.asks(), "main.rollback.undo-a-1");
    let play = play.stop(StopCause::Cancel).run();
    assert_eq!((play.asks().as_str(), play.path().matches("undo-a").count()), ("main.rollback.undo-a-2", 1), "{}", play.story());
}

#[test]
fn what_was_interrupted_is_no_better() {
    let play = Play::flow(AROUND).and_flow("part", PART).reply("p1", [interrupted(), ok()]).run().retry("a", false, &[]);
    assert_eq!((play.asks().as_str(), play.path().matches("p1").count()), ("main.s.p1-2", 1), "{}", play.story());
}

const BESIDE: &str = "jobs: 8
steps: [{id: pay, run: x, effects: once, needs: []}, {id: o, run: x, needs: []}, {id: z, run: x, needs: [pay, o]}]";

fn both_failed() -> Play {
    let play = Play::flow(BESIDE).reply("pay", [fails("no answer"), ok()]).reply("o", [fails("no"), ok()]).run();
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("pay o", "failed"));
    play
}

#[test]
fn a_once_only_step_that_failed_runs_again_only_if_it_is_named() {
    let play = both_failed().retry("o", false, &[]);
    assert_eq!((play.path().as_str(), play.asks().as_str(), play.ends().to_string().as_str()), ("pay o o", "pay-1", "waiting"));
    let asked = play.question("pay-1").question.clone();
    assert!(asked.contains("execution 1 did not succeed: ") && asked.contains("no answer"), "{asked}");
    assert_eq!(play.options_of("pay-1"), "retry skip mark-done abort");
    for (choose, path) in [("retry", "pay o o pay z"), ("mark-done", "pay o o pay z"), ("skip", "pay o o z")] {
        let play = both_failed().retry("o", false, &[]).say("pay-1", choose);
        assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), (path, "succeeded"), "{choose}");
    }
    let play = both_failed().retry("pay", false, &[]);
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("pay o pay o z", ""));
    let play = both_failed().resume(Some("pay"));
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("pay o pay o z", ""));
    let play = both_failed().resume(Some("o"));
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("pay o o", "pay-1"));
    let play = both_failed().retry("o", true, &[]);
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("pay o o", ""));
    let play = play.resume(None);
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("pay o o", "pay-1"));
    let play = both_failed().refresh(&BESIDE.replace("{id: z, run: x", "{id: z, run: y")).resume(None);
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("pay o o", "pay-1"));
    let play = both_failed().run();
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("pay o o", "pay-1"));
}

/// "Stop here" is no word for another execution, "again" is.
#[test]
fn an_abort_is_no_leave_to_repeat_it() {
    let flow = "steps: [{id: a, run: x}, {id: pay, run: x, effects: once}]";
    let play = Play::flow(flow).slow("pay").run().crash().say("pay-1", "abort").retry("a", false, &[]);
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("a pay a", "pay-2"), "{}", play.story());
    let play = Play::flow(flow).slow("pay").run().crash().say("pay-1", "abort").retry("pay", false, &[]).release("pay");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a pay pay", "succeeded"));
}

#[test]
fn of_items_that_failed_only_the_named_one_runs_again_unasked() {
    let flow = "params: {l: {type: list}}
steps: [{id: e, run: x, effects: once, for_each: params.l}]";
    let failed = || {
        let play = Play::flow(flow).param("l", json!(["p", "q"]));
        play.reply("e[p]", [fails("no"), ok()]).reply("e[q]", [fails("no"), ok()]).run()
    };
    let play = failed().retry("e[p]", false, &[]);
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("e[p] e[q] e[p]", "e.q-1"), "{}", play.story());
    let play = failed().retry("e", false, &[]);
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("e[p] e[q] e[p] e[q]", ""), "{}", play.story());
}

#[test]
fn a_loop_goes_round_without_a_word() {
    let flow = "steps:
  - {id: a, run: x, effects: once, on_failure: continue}
  - {id: s, flow: part, on_failure: continue}
  - {id: c, agent: critic, engine: stub, loop: {to: a, max: 3}}";
    let mut play = Play::flow(flow).and_flow("part", PART).reply("a", [fails("red"), ok()]).reply("p1", [fails("red"), ok()]);
    play.file("agents/critic.md", "---\nname: critic\ndescription: says\n---\nSay.");
    let play = play.reply("c", [super::unverified(), super::verified()]).run();
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("a s s/p0 s/p1 c a s s/p0 s/p1 c", ""), "{}", play.story());
}

#[test]
fn what_never_began_is_not_asked_about() {
    let flow = "steps: [{id: a, run: x}, {id: o, run: x, effects: once, approve: {question: Go?}}]";
    let play = Play::flow(flow).run().say("o-1", "reject").retry("a", false, &[]);
    assert_eq!((play.asks().as_str(), play.question("o-2").kind), ("o-2", crate::record::QuestionKind::Approval));
}
