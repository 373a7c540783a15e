//! `resume --refresh` of a flow in the middle: what is under way goes on, once-only work is not repeated unasked, what a rollback took
//! back is not taken for done, numbers are given once, and what a person granted stays granted.

use serde_json::json;

use crate::record::QuestionStatus;

use super::{Play, fails, high, ok, unverified};

fn stands(play: &Play) -> (String, String, String) {
    (play.path(), play.asks(), play.ends().to_string())
}

fn is(path: &str, asks: &str, ends: &str) -> (String, String, String) {
    (path.to_owned(), asks.to_owned(), ends.to_owned())
}

/// The executions of a step or an item, in the order of their start.
fn numbers(play: &Play, name: &str) -> Vec<u32> {
    let started = play.facts().filter_map(|fact| match fact {
        crate::record::Fact::StepStarted { at, execution, .. } if at.step.as_str() == name => Some(*execution),
        _ => None,
    });
    started.collect()
}

const OUTER: &str = "steps: [{id: sub, flow: inner}, {id: z, run: x}]";
const INNER: &str = "steps: [{id: i, run: x, effects: once}, {id: q, ask: {question: Go?}}]";

fn z_changed(flow: &str) -> String {
    flow.replace("{id: z, run: x", "{id: z, run: y")
}

#[test]
fn a_flow_inside_goes_on_where_it_stands() {
    let play = Play::flow(OUTER).and_flow("inner", INNER).run();
    assert_eq!(stands(&play), is("sub sub/i sub/q", "main.sub.q-1", "waiting"));
    let play = play.refresh(&z_changed(OUTER)).resume(None);
    assert_eq!(stands(&play), is("sub sub/i sub/q", "main.sub.q-1", "waiting"));
    let play = play.say("main.sub.q-1", "approve");
    assert_eq!(stands(&play), is("sub sub/i sub/q z", "", "succeeded"));
}

#[test]
fn a_flow_inside_takes_what_changed_in_it() {
    let inner = INNER.replace("Go?", "Really?");
    let play = Play::flow(OUTER).and_flow("inner", INNER).run().and_flow("inner", &inner);
    let play = play.refresh(OUTER).resume(None);
    assert_eq!(stands(&play), is("sub sub/i sub/q sub/q", "main.sub.q-2", "waiting"));
    assert_eq!(
        (play.question("main.sub.q-2").question.as_str(), play.question_status("main.sub.q-1")),
        ("Really?", QuestionStatus::Voided)
    );
}

#[test]
fn a_flow_inside_that_failed_goes_on_at_what_failed() {
    let inner = INNER.replace("{id: q, ask: {question: Go?}}", "{id: q, run: x}");
    let play = Play::flow(OUTER).and_flow("inner", &inner).reply("sub/q", [fails("no"), ok()]).run();
    assert_eq!(stands(&play), is("sub sub/i sub/q", "", "failed"));
    let play = play.and_flow("inner", &inner.replace("{id: q, run: x", "{id: q, run: y")).refresh(OUTER).resume(None);
    assert_eq!(stands(&play), is("sub sub/i sub/q sub/q z", "", "succeeded"));
}

#[test]
fn once_only_work_inside_that_was_changed_is_asked_about() {
    let changed = INNER.replace("{id: i, run: x", "{id: i, run: y");
    let play = Play::flow(OUTER).and_flow("inner", INNER).run().and_flow("inner", &changed);
    let play = play.refresh(OUTER).resume(None);
    assert_eq!(stands(&play), is("sub sub/i sub/q", "main.sub.i-1", "waiting"));
    assert_eq!(play.say("main.sub.i-1", "mark-done").path(), "sub sub/i sub/q sub/i sub/q");
}

#[test]
fn once_only_work_inside_a_step_that_starts_anew_is_asked_about() {
    let outer = "steps: [{id: a, run: x}, {id: sub, flow: inner}, {id: z, run: x}]";
    let changed = outer.replace("{id: a, run: x", "{id: a, run: y");
    for done in [false, true] {
        let play = Play::flow(outer).and_flow("inner", INNER).run();
        let play = if done { play.say("main.sub.q-1", "approve") } else { play };
        let before = play.path();
        let play = play.refresh(&changed).resume(None);
        assert_eq!((play.path(), play.asks().as_str()), (format!("{before} a"), "sub-1"), "{done}");
        let asked = &play.question("sub-1").question;
        assert!(asked.contains("main.sub/i"), "{asked}");
        assert_eq!(play.say("sub-1", "mark-done").ends().to_string(), "succeeded");
    }
}

#[test]
fn once_only_work_that_ended_is_not_repeated_unasked() {
    let flow = "steps: [{id: a, run: x}, {id: o, run: x, effects: once}, {id: z, run: x}]";
    for step in ["a", "o"] {
        let changed = flow.replace(&format!("{{id: {step}, run: x"), &format!("{{id: {step}, run: y"));
        let again = if step == "a" { "a o z a" } else { "a o z" };
        let play = Play::flow(flow).run().refresh(&changed).resume(None);
        assert_eq!(stands(&play), is(again, "o-1", "waiting"), "{step}");
        assert_eq!(play.say("o-1", "retry").path(), format!("{again} o z"));
        // Whoever names it has said so.
        let play = Play::flow(flow).run().refresh_from(&changed, Some(step)).resume(None);
        assert_eq!(stands(&play), is(&format!("a o z {}", &"a o z"[if step == "a" { 0 } else { 2 }..]), "", "succeeded"));
    }
}

#[test]
fn what_may_have_half_run_inside_is_asked_about_when_all_of_it_starts_anew() {
    let outer = "steps: [{id: a, run: x}, {id: sub, flow: inner}]";
    let play = Play::flow(outer).and_flow("inner", INNER).slow("i").run().crash();
    assert_eq!(play.asks(), "main.sub.i-1");
    let play = play.refresh(&outer.replace("{id: a, run: x", "{id: a, run: y")).resume(None);
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("a sub sub/i a", "sub-1"));
}

const ITEMS: &str = "params: {l: {type: list}}
steps: [{id: s, for_each: params.l, run: x, effects: once, on_failure: escalate}, {id: z, run: x}]";

#[test]
fn items_go_on_where_they_stand() {
    let play = Play::flow(ITEMS).param("l", json!(["a", "b"])).reply("s[b]", [fails("no"), ok()]).run();
    assert_eq!(stands(&play), is("s[a] s[b]", "s.b-1", "waiting"));
    let play = play.refresh(&z_changed(ITEMS)).resume(None);
    assert_eq!(stands(&play), is("s[a] s[b]", "s.b-1", "waiting"));
    assert_eq!(stands(&play.say("s.b-1", "retry")), is("s[a] s[b] s[b] z", "", "succeeded"));
}

#[test]
fn of_items_only_those_run_again_that_failed() {
    let flow = ITEMS.replace(", on_failure: escalate", "");
    let play = Play::flow(&flow).param("l", json!(["a", "b"])).reply("s[b]", [fails("no"), ok()]).run();
    assert_eq!(stands(&play), is("s[a] s[b]", "", "failed"));
    // One that failed may have half run.
    let play = play.refresh(&z_changed(&flow)).resume(None);
    assert_eq!(stands(&play), is("s[a] s[b]", "s.b-1", "waiting"));
    assert_eq!(stands(&play.say("s.b-1", "retry")), is("s[a] s[b] s[b] z", "", "succeeded"));
}

#[test]
fn flows_of_items_go_on_where_they_stand() {
    let flow = "params: {l: {type: list}}\nsteps: [{id: s, for_each: params.l, flow: inner}, {id: z, run: x}]";
    let play = Play::flow(flow).param("l", json!(["a", "b"])).and_flow("inner", INNER).run();
    let play = play.say("main.sa.q-1", "approve").refresh(&z_changed(flow)).resume(None);
    assert_eq!((play.asks().as_str(), play.path().as_str()), ("main.sb.q-1", "s[a] s[b] s[a]/i s[b]/i s[a]/q s[b]/q"));
    assert_eq!(play.say("main.sb.q-1", "approve").ends().to_string(), "succeeded");
}

#[test]
fn a_step_that_one_of_its_needs_was_enough_for_stays_done() {
    let flow = "steps:
  - {id: a, run: x, needs: []}
  - {id: q, ask: {question: Go?}, needs: []}
  - {id: j, run: x, needs: [a, q], join: any}
  - {id: y, run: x, needs: [q, j]}
  - {id: z, run: x, needs: [y]}";
    let play = Play::flow(flow).run().refresh(&z_changed(flow)).resume(None);
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("a q j", "q-1"));
    assert_eq!(play.say("q-1", "approve").path(), "a q j y z");
}

#[test]
fn a_known_fix_in_the_middle_goes_on() {
    let fix = "  - {id: fix, when: {error: boom}, steps: [{id: mend, run: x, on_failure: escalate}], verify: x}\n";
    let flow = "steps: [{id: s, run: x}, {id: z, run: x}]";
    let play = Play::flow(flow).detours(fix).reply("s", [fails("boom"), ok()]).reply("mend", [fails("hm"), ok()]).run();
    let before = play.path();
    let play = play.refresh(&z_changed(flow)).resume(None);
    assert_eq!((play.path(), play.asks().as_str()), (before, "main.s.fix.mend-1"));
    assert_eq!(play.say("main.s.fix.mend-1", "retry").ends().to_string(), "succeeded");
}

#[test]
fn a_flow_inside_that_takes_something_back_ends_first() {
    let inner = "steps: [{id: i, run: x, undo: u, effects: once}, {id: f, run: x, on_failure: rollback}]";
    let play = Play::flow(OUTER).and_flow("inner", inner).reply("f", [fails("no")]).slow("undo-i").run();
    let play = play.stop(crate::record::StopCause::Sigint).refresh(&z_changed(OUTER));
    assert!(play.refusals().iter().any(|why| why.contains("running") || why.contains("taking back")), "{:?}", play.refusals());
}

// After a rollback.

const BACK: &str = "steps:
  - {id: a, run: x, undo: u}
  - {id: b, run: x, on_failure: rollback}
  - {id: z, run: x}";

#[test]
fn what_was_taken_back_is_done_again() {
    let play = Play::flow(BACK).reply("b", [fails("no"), ok()]).run();
    let play = play.refresh(&BACK.replace("{id: b, run: x", "{id: b, run: y")).resume(None);
    assert_eq!(stands(&play), is("a b rollback/undo-a a b z", "", "succeeded"));
}

#[test]
fn once_only_work_that_was_not_taken_back_is_asked_about_before_it_is_done_again() {
    let flow = BACK.replace("  - {id: b", "  - {id: o, run: x, effects: once}\n  - {id: b");
    let play = Play::flow(&flow).reply("b", [fails("no"), ok()]).run();
    let play = play.refresh(&z_changed(&flow)).resume(None);
    assert_eq!(stands(&play), is("a o b rollback/undo-a a", "o-1", "waiting"));
    assert_eq!(stands(&play.say("o-1", "mark-done")), is("a o b rollback/undo-a a o b z", "", "succeeded"));
}

#[test]
fn what_a_rollback_took_back_inside_is_done_again() {
    let outer = "steps: [{id: sub, flow: inner}, {id: b, run: x, on_failure: rollback}, {id: z, run: x}]";
    let inner = "steps: [{id: i, run: x, effects: once, undo: u}, {id: n, run: x}]";
    let play = Play::flow(outer).and_flow("inner", inner).reply("b", [fails("no"), ok()]).run();
    let before = play.path();
    let play = play.refresh(&z_changed(outer)).resume(None);
    assert_eq!(stands(&play), is(&format!("{before} sub sub/i sub/n b z"), "", "succeeded"));
}

#[test]
fn a_flow_inside_that_was_rolled_back_does_again_what_was_taken_back() {
    let play = Play::flow(OUTER).and_flow("inner", BACK).reply("sub/b", [fails("no"), ok()]).run();
    let before = play.path();
    let play = play.refresh(&z_changed(OUTER)).resume(None);
    assert_eq!(stands(&play), is(&format!("{before} sub/a sub/b sub/z z"), "", "succeeded"));
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

// What a person granted.

#[test]
fn rounds_of_a_loop_are_counted_on() {
    let flow = "steps: [{id: w, run: x}, {id: c, run: x, loop: {to: w, max: 2}}, {id: z, run: x}]";
    let play = Play::flow(flow).reply("c", [high("bad"), high("worse")]).run();
    assert_eq!(stands(&play), is("w c w c", "c-1", "waiting"));
    let play = play.refresh(&z_changed(flow)).resume(None).say("c-1", "retry");
    assert_eq!((play.path().as_str(), play.last_decision("c").iteration.unwrap().current), ("w c w c w c", 3));
    // Another body is another loop.
    let play = Play::flow(flow).reply("c", [high("bad"), high("worse"), unverified(), ok()]).run();
    let play = play.refresh(&flow.replace("{id: w, run: x", "{id: w, run: y")).resume(None);
    assert_eq!(play.frame("main").loops[0].iteration, 2);
}

#[test]
fn a_limit_that_was_raised_stays_raised() {
    let flow = "limits: {steps: 1}\nsteps: [{id: a, run: x}, {id: b, run: x}, {id: c, run: x}, {id: q, ask: {question: Go?}}, {id: z, run: x}]";
    let play = Play::flow(flow).answer("b", ["raise"]).answer("c", ["raise"]).run();
    assert_eq!(stands(&play), is("a b c q", "q-1", "waiting"));
    let play = play.refresh(&z_changed(flow)).resume(None);
    assert_eq!((play.asks().as_str(), play.frame("main").steps_max), ("q-1", Some(4)));
    // What the file says now counts, where it says something else.
    let play = play.refresh(&z_changed(flow).replace("steps: 1}", "steps: 9}"));
    assert_eq!(play.frame("main").steps_max, Some(9));
}

/// A journal of before says nothing of what goes on: it replays to what was done then.
#[test]
fn a_refresh_of_before_replays_as_it_was() {
    let text = r#"{"kind":"definition_refreshed","flow":"main","definition":"DIGEST","added":[],"removed":[],"changed":[]}"#;
    let play = Play::flow(OUTER).and_flow("inner", INNER).run();
    let mut state = play.state.clone();
    let definition = play.frame("main").definition.clone();
    let facts = vec![serde_json::from_str(&text.replace("DIGEST", definition.as_str())).unwrap()];
    let last = play.entries.last().unwrap();
    state.apply(&crate::record::Entry { seq: last.seq + 1, facts, ..last.clone() });
    let at = |step: &str| crate::record::At {
        flow: crate::id::FramePath::new("main").unwrap(),
        step: crate::id::StepRef::new(step).unwrap(),
    };
    assert_eq!(state.step(&at("sub")).unwrap().life, crate::kernel::Life::Ready);
}
