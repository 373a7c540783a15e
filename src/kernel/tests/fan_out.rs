//! `for_each`: one instance per item, and the step is what its instances are.

use serde_json::json;

use super::{Play, blocked, fails, ok};

fn each(keys: &str, items: serde_json::Value) -> Play {
    let flow = format!(
        "jobs: 8\nparams: {{l: {{type: list}}}}\nsteps: [{{id: e, run: x, for_each: params.l{keys}}}, {{id: z, run: x}}]"
    );
    Play::flow(&flow).param("l", items)
}

#[test]
fn every_item_is_an_execution_and_then_it_goes_on() {
    let play = each("", json!(["p", "q", "r"])).run();
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("e[p] e[q] e[r] z", "succeeded"));
}

#[test]
fn no_items_is_done_at_once() {
    assert_eq!(each("", json!([])).run().path(), "z");
}

#[test]
fn items_that_are_alike_have_names_of_their_own() {
    let play = each("", json!(["p", "p", "../x", "2", "p"])).run();
    assert_eq!(play.path(), "e[p] e[p_2] e[x] e[2] e[p_5] z");
    // A name that a place in the list would give is taken already.
    let play = each("", json!(["2", "/"])).run();
    assert_eq!(play.path(), "e[2] e[2_2] z");
}

#[test]
fn items_that_are_objects_are_named_by_their_id() {
    let play = each("", json!([{"id": "left shelf", "at": 1}, {"at": 2}, {"id": 7}, {"id": ["x"]}, {"id": "left shelf"}])).run();
    assert_eq!(play.path(), "e[left-shelf] e[2] e[7] e[4] e[left-shelf_5] z");
}

#[test]
fn what_is_no_list_fails_the_step() {
    let flow = "params: {n: {type: string}}\nsteps: [{id: e, run: x, for_each: params.n}]";
    let play = Play::flow(flow).param("n", json!("text")).run();
    assert_eq!(play.ends().to_string(), "failed");
}

#[test]
fn an_item_that_fails_goes_by_the_steps_policy() {
    for (policy, path, ends) in [
        ("stop", "e[p] e[q] e[r]", "failed"),
        ("continue", "e[p] e[q] e[r] z", "succeeded"),
        ("escalate", "e[p] e[q] e[r]", "waiting"),
        ("rollback", "e[p] e[q] e[r] rollback/undo-e-1 rollback/undo-e-2 rollback/undo-e-3", "failed"),
    ] {
        let keys = format!(", on_failure: {policy}, undo: y");
        let play = each(&keys, json!(["p", "q", "r"])).reply("e[q]", [fails("no")]).run();
        assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), (path, ends), "{policy}");
    }
}

#[test]
fn one_item_is_run_again_and_the_others_are_not() {
    let keys = ", on_failure: escalate";
    let play = each(keys, json!(["p", "q", "r"])).reply("e[q]", [fails("no"), ok()]).slow("e[r]").run();
    assert_eq!(play.asks(), "e.q-1");
    let play = play.say("e.q-1", "retry");
    assert_eq!(play.path(), "e[p] e[q] e[r] e[q]");
    assert_eq!(play.release("e[r]").path(), "e[p] e[q] e[r] e[q] z");
}

#[test]
fn every_answer_to_an_items_question_lets_the_others_be() {
    for (choose, path, ends) in
        [("skip", "e[p] e[q] z", "succeeded"), ("mark-done", "e[p] e[q] e[q] z", "succeeded"), ("abort", "e[p] e[q]", "failed")]
    {
        let play = each("", json!(["p", "q"])).reply("e[q]", [blocked("x")]).run().say("e.q-1", choose);
        assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), (path, ends), "{choose}");
    }
}

#[test]
fn a_failed_item_runs_again_with_its_step() {
    let play = each("", json!(["p", "q"])).reply("e[q]", [fails("no"), ok()]).run().retry("e", false, &[]);
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("e[p] e[q] e[p] e[q] z", "succeeded"));
}

#[test]
fn one_failed_item_can_be_run_again_by_its_name() {
    let play = each("", json!(["p", "q", "r"])).reply("e[q]", [fails("no"), ok()]).slow("e[r]").run();
    let play = play.release("e[r]");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("e[p] e[q] e[r]", "failed"));
    let play = play.retry("e[s]", false, &[]).retry("e[q]", false, &[]);
    assert_eq!(play.refusals(), ["flow `main` has no step `e[s]`; its items are p, q, r"]);
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("e[p] e[q] e[r] e[q] z", "succeeded"));
    // Also of a step that is done, and one that did not fail; what needs the step follows.
    let play = play.retry("e[p]", false, &[]);
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("e[p] e[q] e[r] e[q] z e[p] z", "succeeded"));
    let play = play.retry("z[p]", false, &[]);
    assert_eq!(play.refusals().last().map(String::as_str), Some("flow `main` has no step `z[p]`; it has no items"));
}

#[test]
fn items_that_failed_run_again_with_what_else_does_and_the_others_do_not() {
    let flow = "params: {l: {type: list}}
steps: [{id: e, run: x, for_each: params.l}, {id: b, run: x, needs: [], on_failure: continue}, {id: z, run: x, needs: [e, b]}]";
    let play = Play::flow(flow).param("l", json!(["p", "q"])).reply("e[q]", [fails("no"), ok()]).run().retry("b", false, &[]);
    assert_eq!(
        (play.path().as_str(), play.ends().to_string().as_str()),
        ("e[p] e[q] b e[q] b z", "succeeded"),
        "{}",
        play.story()
    );
}

#[test]
fn items_in_a_loop_are_worked_out_anew_each_round() {
    let flow = "params: {l: {type: list}}
steps: [{id: e, run: x, for_each: params.l}, {id: j, run: x, loop: {to: e, max: 2}}]";
    let play = Play::flow(flow).param("l", json!(["p", "q"])).reply("j", [super::unverified(), super::verified()]).run();
    assert_eq!(play.path(), "e[p] e[q] j e[p] e[q] j");
}

#[test]
fn an_item_can_be_a_flow() {
    let flow = "params: {l: {type: list}}
steps: [{id: e, flow: sub, with: {n: '{{item}}'}, for_each: params.l}, {id: z, run: x}]";
    let sub = "params: {n: {type: string, required: true}}\nsteps: [{id: s, run: x}]";
    let play = Play::flow(flow).and_flow("sub", sub).param("l", json!(["p", "q"])).run();
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("e[p] e[q] e[p]/s e[q]/s z", "succeeded"));
    assert_eq!(play.frame("main.e[q]").params.values().next().unwrap(), "q");
}

#[test]
fn an_item_can_take_a_detour() {
    let fix = "  - {id: fix, when: {error: boom}, steps: [{id: mend, run: x}], verify: x}\n";
    let play = each("", json!(["p", "q"])).detours(fix).reply("e[q]", [fails("boom"), ok()]).run();
    assert_eq!(play.path(), "e[p] e[q] e[q].fix/mend e[q].fix/verify e[q] z");
}

#[test]
fn the_condition_of_the_step_is_asked_once() {
    assert_eq!(each(", when: '!params.l.exists(x, x == \"p\")'", json!(["p", "q"])).run().path(), "z");
}
