//! A run that only observes: what it starts, what it passes over, and what it says of it.

use crate::record::{Fact, SkipReason};

use super::{Play, fails};

fn observing(flow: &str) -> Play {
    Play::flow(flow).with_options(|options| options.observe_only = true)
}

fn passed_over(play: &Play) -> Vec<String> {
    let of = |fact: &Fact| match fact {
        Fact::StepSkipped { at, why: SkipReason::ObserveOnly, detail } => Some(format!("{}: {detail}", at.step)),
        _ => None,
    };
    play.entries.iter().flat_map(|entry| entry.facts.iter().filter_map(of)).collect()
}

#[test]
fn only_what_looks_is_started_and_nobody_is_asked() {
    let play = observing(
        "steps: [{id: a, run: see, access: observe}, {id: b, run: './fix', approve: {to: [ceo], question: May I?}}, \
         {id: q, ask: {to: [ops], question: Well?}}, {id: c, run: see, access: observe}, {id: d, exec: [rm, x]}, \
         {id: e, render: {template: t, to: artifacts/x}}]",
    );
    let mut play = play;
    play.file("t", "text");
    let play = play.run();
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a c e", "succeeded"));
    let expected = ["b: would run, after asking ceo: ./fix", "q: would ask ops: Well?", "d: would execute: [\"rm\",\"x\"]"];
    assert_eq!(passed_over(&play), expected);
    assert_eq!(play.reason("main"), "observed: 3 steps were passed over, and the Definition of Done was not looked at");
}

#[test]
fn what_was_not_done_is_not_looked_at() {
    let play = observing(
        "steps: [{id: fix, run: x}, {id: seen, run: x, access: observe, when: \"steps.fix.exit_code == 0\"}, \
         {id: named, needs: [fix], run: x, access: observe}, {id: also, needs: [fix], run: y}, \
         {id: free, needs: [], run: x, access: observe}]",
    );
    let play = play.run();
    assert_eq!(play.path(), "free");
    let expected = ["fix: would run: x", "also: would run: y", "seen: it reads what `fix` leaves, which did not run"];
    let mut found = passed_over(&play);
    found.sort();
    let mut expected: Vec<String> = expected.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_condition_that_is_known_says_that_nothing_would_be_done() {
    let flow = "steps: [{id: a, run: x, access: observe}, {id: b, run: fix, when: \"steps.a.exit_code == 7\"}]";
    let play = observing(flow).run();
    assert_eq!((play.path().as_str(), passed_over(&play).len()), ("a", 0));
}

#[test]
fn sub_flows_are_looked_into_and_their_changes_passed_over() {
    let play = observing("steps: [{id: s, flow: sub, approve: {question: May I?}}]")
        .and_flow("sub", "steps: [{id: a, run: x, access: observe}, {id: b, run: fix}]")
        .run();
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("s s/a", "succeeded"));
    assert_eq!(passed_over(&play), ["b: would run: fix"]);
}

#[test]
fn no_known_fix_is_entered_and_nothing_is_taken_back() {
    let detours = "  - {id: fix, when: {error: boom}, steps: [{id: f, run: x}], verify: x}";
    let play = observing("steps: [{id: a, run: x, access: observe}]").detours(detours).reply("a", [fails("boom")]).run();
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a", "failed"));
    let play = observing(
        "steps: [{id: u, run: x, undo: y}, {id: s, snapshot: {name: n, files: [x]}}, \
         {id: t, snapshot: {name: m, files: [x]}}, {id: c, compare: {before: n, after: m}, on_failure: rollback}]",
    );
    let play = play.reply("c", [fails("boom")]).run();
    assert_eq!(
        (play.path().as_str(), play.reason("main").as_str()),
        ("s t c", "c: boom; on_failure is rollback; nothing to roll back")
    );
}

#[test]
fn the_definition_of_done_is_not_asked_for() {
    let play =
        observing("steps: [{id: a, run: x}]\ndone: [{id: d, that: steps.a.passed}, {id: e, ask: {question: Sure?}}]").run();
    assert_eq!(play.ends().to_string(), "succeeded");
}

/// An older file in its place would be another's, and its absence would be a failure for that reason alone.
#[test]
fn what_needs_a_file_that_was_not_made_is_passed_over_too() {
    let flow = "steps: [{id: make, run: x, outputs: [artifacts/plan]}, {id: see, run: x, access: observe, needs: [], inputs: [artifacts/plan]}, \
                {id: own, run: x, access: observe, needs: [], inputs: [other]}]";
    let play = observing(flow).run();
    let mut found = passed_over(&play);
    found.sort();
    let expected = ["make: would run: x", "see: it needs artifacts/plan of `make`, which did not run"];
    assert_eq!((found.as_slice(), play.path().as_str()), (expected.map(str::to_owned).as_slice(), "own"));
    let observed = play.state.observed(&crate::id::FramePath::new("main").unwrap()).expect("it only observes");
    assert_eq!(observed.words(), "observed only: 2 steps were passed over, not done (make, see)");
    assert_eq!(Play::flow("steps: [{id: a, run: x}]").run().state.observed(&crate::id::FramePath::new("main").unwrap()), None);
}
