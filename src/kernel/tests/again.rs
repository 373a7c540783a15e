//! Steps of inner flows that run again: what that means for the flows around them.

use serde_json::{Value, json};

use crate::{
    id::{FramePath, ParamName, StepRef},
    kernel::{Input, Retry},
};

use super::{Play, blocked, fails, ok};

impl Play {
    pub(super) fn retry_in(mut self, flow: &str, step: &str, only: bool, set: &[(&str, Value)]) -> Self {
        let set = set.iter().map(|(name, value)| (ParamName::new(name).unwrap(), value.clone())).collect();
        let (flow, step) = (FramePath::new(flow).unwrap(), StepRef::new(step).unwrap());
        self.tell(&Input::Retried(Retry {
            by: "bo".to_owned(),
            flow,
            step,
            only,
            set,
            options: crate::record::ResumeOptions::default(),
        }));
        self.drive();
        self
    }
}

const SUB: &str = "steps: [{id: b, run: x}, {id: c, run: x}]";

#[test]
fn what_runs_in_the_flow_around_is_not_taken_back() {
    let play = Play::flow("steps: [{id: s, flow: sub}, {id: z, run: x}]").and_flow("sub", SUB).slow("z").run();
    let play = play.retry_in("main.s", "b", false, &[]);
    assert_eq!(play.refusals(), ["main/z is still running: stop the run first"]);
    assert_eq!(play.release("z").path(), "s s/b s/c z");
}

#[test]
fn what_runs_below_the_flow_around_is_not_taken_back() {
    let flow = "params: {l: {type: list}}
steps: [{id: s, flow: sub}, {id: e, flow: sub, for_each: params.l}]";
    let play = Play::flow(flow).and_flow("sub", SUB).param("l", json!(["p", "q"])).slow("e[q]/c").run();
    let play = play.retry_in("main.s", "b", false, &[]);
    assert_eq!(play.refusals(), ["main.e[q]/c is still running: stop the run first"]);
}

#[test]
fn what_failed_in_the_flow_around_runs_again_too() {
    let flow = "steps: [{id: a, run: x, needs: []}, {id: s, flow: sub, needs: []}, {id: z, run: x, needs: [a, s]}]";
    let play = Play::flow(flow).and_flow("sub", SUB).reply("a", [fails("no"), ok()]).run();
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a s s/b", "failed"), "{}", play.story());
    let play = play.retry_in("main.s", "b", false, &[]);
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a s s/b a s/b s/c z", "succeeded"));
}

#[test]
fn what_was_asked_in_the_flow_around_is_asked_again() {
    let flow = "steps: [{id: a, run: x, needs: []}, {id: s, flow: sub, needs: []}]";
    let play = Play::flow(flow).and_flow("sub", SUB).reply("a", [blocked("x"), ok()]).reply("c", [fails("no"), ok()]).run();
    assert_eq!((play.asks().as_str(), play.ends().to_string().as_str()), ("", "failed"));
    let play = play.retry_in("main.s", "c", false, &[]);
    assert_eq!((play.asks().as_str(), play.ends().to_string().as_str()), ("a-2", "waiting"), "{}", play.story());
    assert_eq!(play.say("a-2", "retry").ends().to_string(), "succeeded");
}

#[test]
fn an_item_whose_flow_runs_again_opens_its_group_again() {
    let flow = "params: {l: {type: list}}
steps: [{id: e, flow: sub, for_each: params.l}, {id: z, run: x}]";
    let play = Play::flow(flow).and_flow("sub", SUB).param("l", json!(["p", "q"])).run();
    let play = play.retry_in("main.e[q]", "c", false, &[]);
    assert_eq!(play.path(), "e[p] e[q] e[p]/b e[q]/b e[p]/c e[q]/c z e[q]/c z");
    assert_eq!(play.ends().to_string(), "succeeded");
}

#[test]
fn the_flow_of_an_item_that_is_not_there_any_more_does_not_go_on() {
    let flow = "params: {l: {type: list}}
steps: [{id: a, run: x}, {id: e, flow: sub, for_each: params.l}]";
    let play = Play::flow(flow).and_flow("sub", SUB).param("l", json!(["p"])).run().slow("a").retry("a", false, &[]);
    let play = play.retry_in("main.e[p]", "c", false, &[]);
    assert_eq!(play.refusals(), ["nothing waits for flow `main.e[p]` any more: main/e[p] starts anew"]);
}

#[test]
fn a_flow_whose_step_waits_for_others_first_does_not_go_on() {
    let flow = "steps: [{id: a, run: x}, {id: s, flow: sub, loop: {to: a, max: 2}}]";
    let play = Play::flow(flow).and_flow("sub", SUB).run().slow("a").retry("a", false, &[]).retry_in("main.s", "c", false, &[]);
    assert_eq!(play.refusals(), ["nothing waits for flow `main.s` any more: main/s starts anew when its needs are done"]);
}

#[test]
fn a_known_fix_without_its_failure_does_not_go_on() {
    let fix = "  - {id: fix, when: {error: boom}, steps: [{id: mend, run: x}], verify: x}\n";
    let flow = "steps: [{id: a, run: x}, {id: s, run: x}]";
    let play = Play::flow(flow).detours(fix).reply("s", [fails("boom"), ok()]).run().slow("a").retry("a", false, &[]);
    let play = play.retry_in("main.s.fix", "mend", false, &[]);
    assert_eq!(play.refusals(), ["nothing waits for flow `main.s.fix` any more: main/s starts anew"]);
}

#[test]
fn a_flow_that_was_set_aside_starts_its_fixes_anew() {
    let fix = "  - {id: fix, when: {error: boom}, steps: [{id: mend, run: x}], verify: x}\n";
    let play = Play::flow("steps: [{id: a, run: x}, {id: s, flow: sub}]").and_flow("sub", SUB).detours(fix);
    let play = play.reply("s/b", [fails("boom"), ok()]).reply("mend", [blocked("x"), ok()]).run();
    assert_eq!(play.asks(), "main.s.b.fix.mend-1");
    let play = play.slow("a").retry("a", false, &[]).retry_in("main.s", "c", false, &[]).release("a");
    assert_eq!(play.ends().to_string(), "succeeded", "{}", play.story());
}

#[test]
fn an_undo_that_failed_can_be_repeated_and_the_flow_says_so() {
    let flow = "steps: [{id: a, run: x, undo: y}, {id: b, run: x, on_failure: rollback}]";
    let play = Play::flow(flow).reply("b", [fails("no")]).reply("undo-a", [fails("stuck"), ok()]).run();
    assert!(play.reason("main").contains("ROLLBACK INCOMPLETE"), "{}", play.reason("main"));
    let play = play.retry_in("main.rollback", "undo-a", false, &[]);
    assert_eq!(play.path(), "a b rollback/undo-a rollback/undo-a");
    assert!(play.reason("main").ends_with("rolled back (1 undone)"), "{}", play.reason("main"));
}

#[test]
fn a_rollback_of_a_flow_that_went_on_is_not_repeated() {
    let flow = "steps: [{id: a, run: x, undo: y}, {id: b, run: x, on_failure: rollback}]";
    let play = Play::flow(flow).reply("b", [fails("no"), ok()]).run().retry("a", false, &[]);
    assert_eq!(play.ends().to_string(), "succeeded");
    let play = play.retry_in("main.rollback", "undo-a", false, &[]);
    assert_eq!(play.refusals(), ["nothing waits for flow `main.rollback` any more: main went on without it"]);
}

#[test]
fn what_may_have_half_run_is_asked_when_it_would_run_again_with_others() {
    let flow = "steps: [{id: a, run: x, needs: []}, {id: o, run: x, effects: once, needs: []}, {id: c, run: x, needs: [a, o]}]";
    let play = Play::flow(flow).reply("a", [fails("no"), ok()]).slow("o").slow("a").run().crash().release("a");
    assert_eq!(play.ends().to_string(), "failed");
    for (step, path, asks) in [("c", "a o a a", "o-2"), ("o", "a o a a o", "")] {
        let play = Play::flow(flow).reply("a", [fails("no"), ok()]).slow("o").slow("a").run().crash().release("a");
        let play = play.retry(step, false, &[]);
        assert_eq!((play.path().as_str(), play.asks().as_str()), (path, asks), "{step}");
    }
}

#[test]
fn what_may_have_half_run_is_asked_when_the_flow_around_goes_on() {
    let flow = "steps: [{id: s, flow: sub, needs: []}, {id: f, run: x, needs: []}, {id: o, run: x, effects: once, needs: [s]}]";
    let play = Play::flow(flow).and_flow("sub", SUB).slow("o").slow("f").reply("f", [fails("no"), ok()]).run().crash();
    assert_eq!(play.asks(), "o-1");
    let play = play.release("f").retry_in("main.s", "c", false, &[]);
    assert_eq!((play.asks().as_str(), play.path().as_str()), ("o-2", "s f s/b s/c o f f s/c"), "{}", play.story());
}

#[test]
fn what_may_have_half_run_is_asked_after_a_refresh_of_a_flow_that_was_over() {
    let flow = "steps: [{id: a, run: x, needs: []}, {id: o, run: x, effects: once, needs: []}]";
    let play = Play::flow(flow).reply("a", [fails("no"), ok()]).slow("o").slow("a").run().crash().release("a");
    let mut play = play.refresh(&flow.replace("{id: o, run: x", "{id: o, run: xx"));
    play.drive();
    assert_eq!(play.asks(), "o-2", "{}", play.story());
}

#[test]
fn an_approval_of_a_step_that_is_confined_waits_for_the_resume() {
    let flow = "steps: [{id: a, run: x, needs: []}, {id: b, run: x, needs: [], approve: {question: Go?}}]";
    let play = Play::flow(flow).run().retry("a", true, &[]).say("b-1", "approve");
    assert_eq!(play.path(), "a a");
    assert_eq!(play.resume(None).path(), "a a b");
}

#[test]
fn only_a_step_of_an_inner_flow_starts_nothing_in_the_flows_around_it() {
    let main = "steps:
  - {id: m, flow: mid}
  - {id: z, run: x, effects: once}";
    let mid = "steps: [{id: s, flow: sub}, {id: y, run: x}]";
    let before = "m m/s m.s/b m.s/c m/y z";
    // Not the step after it, and where it is the last one, none after the flow that it ends.
    for (step, rest) in [("b", "m.s/c m/y z"), ("c", "m/y z")] {
        let play = Play::flow(main).and_flow("mid", mid).and_flow("sub", SUB).run();
        assert_eq!(play.path(), before);
        let play = play.retry_in("main.m.s", step, true, &[]);
        let path = format!("{before} m.s/{step}");
        assert_eq!((play.path(), play.ends().to_string()), (path.clone(), "interrupted".to_owned()), "{}", play.story());
        let play = play.resume(None);
        assert_eq!((play.path(), play.ends().to_string()), (format!("{path} {rest}"), "succeeded".to_owned()));
    }
}

#[test]
fn only_a_step_starts_nothing_in_the_flows_beside_it() {
    let flow = "steps: [{id: s, flow: sub, needs: []}, {id: a, run: x, needs: []}]";
    let play = Play::flow(flow).and_flow("sub", SUB).slow("s/b").run().stop(crate::record::StopCause::Sigint).release("s/b");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("s a s/b", "interrupted"), "{}", play.story());
    let play = play.retry("a", true, &[]);
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("s a s/b a", "interrupted"), "{}", play.story());
    let play = play.resume(None);
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("s a s/b a s/c", "succeeded"), "{}", play.story());
}

#[test]
fn only_a_step_leaves_the_attempts_beside_it_where_they_are() {
    let retried = "run: x, retry: {attempts: 3, delay: 10m}";
    let sub = format!("steps: [{{id: p, {retried}}}]");
    for (beside, name) in [(retried, "p"), ("flow: sub", "p/p")] {
        let flow = format!("steps: [{{id: p, needs: [], {beside}}}, {{id: a, run: x, needs: []}}]");
        let mut play = Play::flow(&flow).and_flow("sub", &sub).slow(name).run();
        let at = play.state.running.keys().next().unwrap().clone();
        let reply = fails("no").reply(crate::id::Time::from_ms(0));
        play.tell(&Input::Replied { at, execution: 1, attempt: 1, reply });
        let play = play.stop(crate::record::StopCause::Sigint);
        assert_eq!(play.state.due.len(), 1);
        let play = play.retry("a", true, &[]);
        assert_eq!((play.state.due.len(), play.ends().to_string()), (1, "interrupted".to_owned()), "{}", play.story());
        // Whoever goes on, goes on with them.
        let play = play.resume(None).release(name);
        assert_eq!((play.state.due.len(), play.ends().to_string()), (0, "succeeded".to_owned()), "{}", play.story());
    }
}

#[test]
fn only_a_step_of_a_known_fix_does_not_start_what_is_fixed() {
    let catalog = "  - {id: fix, when: {error: boom}, steps: [{id: mend, run: x}], verify: x}\n";
    let play = Play::flow("steps: [{id: a, run: x}]").detours(catalog).reply("a", [fails("boom"), ok()]).run();
    assert_eq!(play.path(), "a a.fix/mend a.fix/verify a");
    let play = play.retry_in("main.a.fix", "verify", true, &[]);
    assert_eq!(play.path(), "a a.fix/mend a.fix/verify a a.fix/verify", "{:?} {}", play.refusals(), play.story());
    let play = play.resume(None);
    assert_eq!(play.path(), "a a.fix/mend a.fix/verify a a.fix/verify a", "{}", play.story());
    assert_eq!(play.ends().to_string(), "succeeded");
}
