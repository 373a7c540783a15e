//! `on_failure: rollback`: what was done is taken back, last done first.

use crate::record::StopCause;

use super::{Play, fails, ok};

const FLOW: &str = "steps:
  - {id: a, run: x, undo: y}
  - {id: b, run: x, undo: y}
  - {id: c, run: x}
  - {id: d, run: x, undo: y, on_failure: rollback}";

#[test]
fn undos_run_in_reverse_and_the_failed_step_comes_first() {
    let play = Play::flow(FLOW).reply("d", [fails("no")]).run();
    assert_eq!(play.path(), "a b c d rollback/undo-d rollback/undo-b rollback/undo-a");
    assert_eq!(play.ends().to_string(), "failed");
    assert!(play.reason("main").ends_with("rolled back (3 undone)"), "{}", play.reason("main"));
}

#[test]
fn an_undo_that_fails_does_not_stop_the_others_and_is_told() {
    let play = Play::flow(FLOW).reply("d", [fails("no")]).reply("undo-b", [fails("stuck")]).run();
    assert_eq!(play.path(), "a b c d rollback/undo-d rollback/undo-b rollback/undo-a");
    assert!(play.reason("main").contains("ROLLBACK INCOMPLETE: undo-b"), "{}", play.reason("main"));
}

#[test]
fn nothing_to_undo_is_said() {
    let flow = "steps: [{id: a, run: x}, {id: b, run: x, on_failure: rollback}]";
    let play = Play::flow(flow).reply("b", [fails("no")]).run();
    assert_eq!(play.path(), "a b");
    assert!(play.reason("main").ends_with("nothing to roll back"), "{}", play.reason("main"));
}

#[test]
fn a_rollback_waits_for_what_still_runs() {
    let flow = "jobs: 4
steps:
  - {id: a, run: x, undo: y, needs: []}
  - {id: b, run: x, undo: y, needs: []}
  - {id: c, run: x, needs: [a], on_failure: rollback}";
    let play = Play::flow(flow).slow("b").reply("c", [fails("no")]).run();
    assert_eq!(play.path(), "a b c");
    assert_eq!(play.release("b").path(), "a b c rollback/undo-b rollback/undo-a");
}

#[test]
fn a_crash_in_the_middle_of_a_rollback_does_not_lose_it() {
    let play = Play::flow(FLOW).reply("d", [fails("no")]).slow("undo-b").run().crash().release("undo-b");
    assert_eq!(play.path(), "a b c d rollback/undo-d rollback/undo-b rollback/undo-b rollback/undo-a");
    assert_eq!(play.ends().to_string(), "failed");
}

#[test]
fn a_limit_does_not_keep_a_rollback_from_its_work() {
    let play = Play::flow(&format!("limits: {{steps: 4}}\n{FLOW}")).reply("d", [fails("no")]).run();
    assert_eq!(play.path(), "a b c d rollback/undo-d rollback/undo-b rollback/undo-a");
    assert_eq!((play.asks().as_str(), play.ends().to_string().as_str()), ("", "failed"));
}

#[test]
fn what_was_taken_back_did_not_happen() {
    let before = "a b c d rollback/undo-d rollback/undo-b rollback/undo-a";
    let play = Play::flow(FLOW).reply("d", [fails("no")]).run().retry("d", false, &[]).resume(Some("b"));
    assert_eq!(play.path(), before);
    let said = |step: &str| format!("`a` was taken back by the rollback, so `{step}` cannot go on from there: start at `a`");
    assert_eq!(play.refusals(), [said("d"), said("b")]);
    let play = play.retry("a", false, &[]);
    assert_eq!(play.path(), format!("{before} {before}"));
    // What is not below the first of them runs again with it.
    let beside = FLOW.replace("{id: b, run: x,", "{id: b, run: x, needs: [],");
    let play = Play::flow(&format!("jobs: 1\n{beside}")).reply("d", [fails("no"), ok()]).run().retry("a", false, &[]);
    assert_eq!(play.path(), format!("{before} a b c d"), "{}", play.story());
}

#[test]
fn what_was_taken_back_is_not_taken_back_twice() {
    let flow = format!("{FLOW}\n  - {{id: e, run: x, needs: [], undo: y}}");
    let play = Play::flow(&flow).reply("d", [fails("no")]).run();
    let again = play.retry("a", false, &[]);
    assert_eq!(again.path().matches("rollback/undo-a").count(), 2, "{}", again.path());
}

#[test]
fn what_a_person_did_not_let_start_is_not_taken_back() {
    let flow = FLOW.replace("{id: d, run: x,", "{id: d, run: x, approve: {question: Go?},");
    let play = Play::flow(&flow).run().say("d-1", "reject");
    assert_eq!(play.path(), "a b c d rollback/undo-b rollback/undo-a");
}

#[test]
fn a_skipped_step_has_nothing_to_take_back() {
    let flow = FLOW.replace("{id: b, run: x,", "{id: b, run: x, when: '1 > params.n',");
    let flow = format!("params: {{n: {{type: integer, required: true}}}}\n{flow}");
    let play = Play::flow(&flow).param("n", 5.into()).reply("d", [fails("no")]).run();
    assert_eq!(play.path(), "a c d rollback/undo-d rollback/undo-a");
}

#[test]
fn items_are_taken_back_one_by_one() {
    let flow = "params: {l: {type: list}}
steps:
  - {id: a, run: x, undo: y, for_each: params.l}
  - {id: b, run: x, on_failure: rollback}";
    let play = Play::flow(flow).param("l", serde_json::json!(["p", "q"])).reply("b", [fails("no")]).run();
    assert_eq!(play.path(), "a[p] a[q] b rollback/undo-a-1 rollback/undo-a-2");
}

#[test]
fn the_rollback_of_a_stopped_run_waits_for_the_resume() {
    let mut play = Play::flow(FLOW).slow("d").run();
    play.tell(&crate::kernel::Input::StopRequested { cause: StopCause::Sigterm, by: "bo".to_owned() });
    let play = play.reply("d", [fails("no")]).release("d");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b c d", "interrupted"));
    let play = play.reply("undo-d", [ok()]).resume(None);
    assert_eq!(play.path(), "a b c d rollback/undo-d rollback/undo-b rollback/undo-a");
}

#[test]
fn nothing_runs_again_while_it_is_taken_back() {
    let play = Play::flow(FLOW).reply("d", [fails("no")]).reply("undo-b", [super::blocked("a key")]).run();
    assert_eq!((play.ends().to_string().as_str(), play.asks().as_str()), ("waiting", "main.rollback.undo-b-1"));
    let play = play.retry("a", false, &[]).resume(Some("a")).refresh(&FLOW.replace("{id: c, run: x", "{id: c, run: y"));
    let busy = "main.rollback is still running: stop the run first";
    let refused =
        "the flow changed in a way that cannot be adopted: main.rollback is taking back what was done; let that end first";
    assert_eq!(play.refusals(), [busy, busy, refused]);
    let play = play.say("main.rollback.undo-b-1", "skip");
    assert_eq!(
        (play.path().as_str(), play.ends().to_string().as_str()),
        ("a b c d rollback/undo-d rollback/undo-b rollback/undo-a", "failed")
    );
}

#[test]
fn a_flow_is_not_over_before_what_it_did_is_taken_back() {
    let sub = "steps: [{id: a, run: x, undo: u}, {id: b, run: x, on_failure: rollback}]";
    let flow = "steps: [{id: s, flow: sub, on_failure: escalate}]";
    let play = Play::flow(flow).and_flow("sub", sub).slow("undo-a").reply("b", [fails("no")]).run();
    let play = play.stop(StopCause::Cancel);
    assert!(play.is_open("main.s") && play.is_open("main"), "{}", play.story());
    let play = play.release("undo-a");
    assert_eq!((play.is_open("main.s"), play.ends().to_string().as_str()), (false, "cancelled"));
}

const OUTER: &str = "steps:
  - {id: a, run: x, undo: y}
  - {id: s, flow: sub}
  - {id: c, run: x, on_failure: rollback}";
const SUB: &str = "steps: [{id: p, run: x, undo: y}, {id: q, run: x}, {id: r, run: x, undo: y}]";

fn nested(outer: &str, sub: &str) -> Play {
    Play::flow(outer).and_flow("sub", sub).reply("c", [fails("no")])
}

#[test]
fn what_a_flow_inside_did_is_taken_back_in_its_place() {
    let play = nested(OUTER, SUB).run();
    let all = "a s s/p s/q s/r c rollback/undo-s s.rollback/undo-r s.rollback/undo-p rollback/undo-a";
    assert_eq!(play.path(), all, "{}", play.story());
    assert!(play.reason("main").ends_with("rolled back (3 undone)"), "{}", play.reason("main"));
    // A step that says itself how it is taken back knows better than its parts.
    let play = nested(&OUTER.replace("flow: sub", "flow: sub, undo: y"), SUB).run();
    assert_eq!(play.path(), "a s s/p s/q s/r c rollback/undo-s rollback/undo-a");
    // Nothing in it has an undo.
    let play = nested(OUTER, "steps: [{id: p, run: x}]").run();
    assert_eq!(play.path(), "a s s/p c rollback/undo-a");
}

#[test]
fn a_flow_inside_that_failed_is_taken_back_as_far_as_it_came() {
    let outer = OUTER.replace("{id: s, flow: sub}", "{id: s, flow: sub, on_failure: rollback}");
    let play = nested(&outer, SUB).reply("r", [fails("no")]).run();
    let all = "a s s/p s/q s/r rollback/undo-s s.rollback/undo-r s.rollback/undo-p rollback/undo-a";
    assert_eq!(play.path(), all, "{}", play.story());
    // Where it took back by itself what it did, nothing is left.
    let sub = SUB.replace("{id: r, run: x, undo: y}", "{id: r, run: x, on_failure: rollback}");
    let play = nested(&outer, &sub).reply("r", [fails("no")]).run();
    assert_eq!(play.path(), "a s s/p s/q s/r s.rollback/undo-p rollback/undo-a", "{}", play.story());
}

#[test]
fn an_undo_inside_that_fails_is_told_and_can_be_tried_again() {
    let play = nested(OUTER, SUB).reply("undo-p", [fails("stuck"), ok()]).run();
    let all = "a s s/p s/q s/r c rollback/undo-s s.rollback/undo-r s.rollback/undo-p rollback/undo-a";
    assert_eq!(play.path(), all);
    assert!(play.reason("main").contains("ROLLBACK INCOMPLETE: undo-s"), "{}", play.reason("main"));
    assert!(play.reason("main").contains("undo-p"), "{}", play.reason("main"));
    let play = play.retry_in("main.s.rollback", "undo-p", false, &[]);
    assert!(play.path().starts_with(&format!("{all} s.rollback/undo-p")), "{}", play.story());
    assert!(play.reason("main").contains("rolled back (3 undone)"), "{}", play.reason("main"));
}

#[test]
fn a_kill_while_a_flow_inside_is_taken_back_loses_nothing() {
    let play = nested(OUTER, SUB).slow("undo-p").run().crash().release("undo-p");
    let all = "a s s/p s/q s/r c rollback/undo-s s.rollback/undo-r s.rollback/undo-p s.rollback/undo-p rollback/undo-a";
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), (all, "failed"));
}

#[test]
fn what_was_taken_back_inside_did_not_happen_either() {
    let play = nested(OUTER, SUB).run().retry_in("main.s", "p", false, &[]);
    let said = "`main/a` was taken back by the rollback, so `main.s/p` cannot go on from there: start at `main/a`";
    assert_eq!(play.refusals(), [said]);
    let before = play.path();
    let play = play.reply("c", [ok()]).retry("a", false, &[]);
    assert_eq!(play.path(), format!("{before} a s s/p s/q s/r c"), "{}", play.story());
    // Begun at the flow inside, where that was the first.
    let play = nested(&OUTER.replace(", undo: y}", "}"), SUB).run();
    let before = play.path();
    let play = play.reply("c", [ok()]).retry_in("main.s", "q", false, &[]).retry_in("main.s", "p", false, &[]);
    assert_eq!(play.refusals().len(), 1, "{:?}", play.refusals());
    assert_eq!(play.path(), format!("{before} s/p s/q s/r c"), "{}", play.story());
}

#[test]
fn what_a_flow_inside_took_back_itself_is_not_taken_back_by_the_one_around() {
    let sub = "steps: [{id: p, run: x, undo: y}, {id: r, run: x, undo: y, on_failure: rollback}]";
    let inner = "a s s/p s/r s.rollback/undo-r s.rollback/undo-p";
    let outer = OUTER.replace("flow: sub", "flow: sub, on_failure: rollback");
    let play = nested(&outer, sub).reply("r", [fails("no")]).run();
    assert_eq!(play.path(), format!("{inner} rollback/undo-a"), "{}", play.story());
    let outer = OUTER.replace("flow: sub", "flow: sub, on_failure: continue");
    let play = nested(&outer, sub).reply("r", [fails("no")]).run();
    assert_eq!(play.path(), format!("{inner} c rollback/undo-a"), "{}", play.story());
    // What a person had done again of it since is.
    let play = nested(&outer, sub).slow("c").reply("r", [fails("no"), ok()]).run().release("c").retry("a", false, &[]);
    assert!(
        play.path().ends_with("a s s/p s/r c rollback/undo-s s.rollback/undo-r s.rollback/undo-p rollback/undo-a"),
        "{}",
        play.path()
    );
}

#[test]
fn what_was_taken_back_and_then_refused_is_not_taken_back_again() {
    let flow = FLOW.replace("{id: d, run: x,", "{id: d, run: x, approve: {question: Go?},");
    let play = Play::flow(&flow).reply("d", [fails("no")]).run().say("d-1", "approve");
    let before = "a b c d rollback/undo-d rollback/undo-b rollback/undo-a";
    assert_eq!(play.path(), before);
    let play = play.retry("a", false, &[]).say("d-2", "reject");
    assert_eq!(play.path(), format!("{before} a b c d rollback/undo-b rollback/undo-a"));
}
