//! `resume --refresh` of a flow in the middle: what is under way goes on, once-only work is not repeated unasked, what a rollback took
//! back is not taken for done, numbers are given once, and what a person granted stays granted.

use serde_json::json;

use super::{Play, fails, ok};

/// The executions of a step or an item, in the order of their start.
fn numbers(play: &Play, name: &str) -> Vec<u32> {
    let started = play.facts().filter_map(|fact| match fact {
        crate::record::Fact::StepStarted { at, execution, .. } if at.step.as_str() == name => Some(*execution),
        _ => None,
    });
    started.collect()
}

// Numbers.

#[test]
fn the_executions_of_items_are_counted_on() {
    let flow = "params: {l: {type: list}}\nsteps: [{id: s, for_each: params.l, run: x}]";
    let play = Play::flow(flow).param("l", json!(["a", "b"])).reply("s[b]", [fails("no"), fails("no"), ok()]).run();
    let play = play.retry("s[b]", false, &[]).refresh(&flow.replace("run: x", "run: y")).resume(None);
    assert_eq!((numbers(&play, "s[a]"), numbers(&play, "s[b]")), (vec![1, 2], vec![1, 2, 3]));
}

#[test]
fn an_item_is_counted_by_its_name_and_not_by_its_place() {
    let flow = "params: {l: {type: list}}\nsteps: [{id: p, run: x}, {id: s, for_each: params.l, run: x}]";
    let list = |items: serde_json::Value| [("l", items)];
    let play = Play::flow(flow).param("l", json!(["a", "b"])).run();
    let play = play.retry("p", false, &list(json!(["b"]))).retry("p", false, &list(json!(["a", "b"])));
    assert_eq!((numbers(&play, "s[a]"), numbers(&play, "s[b]")), (vec![1, 2], vec![1, 2, 3]));
}

#[test]
fn a_step_that_comes_back_is_counted_on() {
    let (with, without) = ("steps: [{id: a, run: x}, {id: b, run: x}]", "steps: [{id: a, run: x}]");
    let play = Play::flow(with).run().refresh(without).resume(None).refresh(with).resume(None);
    assert_eq!((numbers(&play, "a"), numbers(&play, "b")), (vec![1], vec![1, 2]));
    let (one, two) = ("steps: [{id: sub, flow: inner}]", "steps: [{id: sub, flow: other}]");
    let play = Play::flow(one).and_flow("inner", without).and_flow("other", without).run().refresh(two).resume(None);
    assert_eq!(numbers(&play, "a"), [1, 2]);
}
