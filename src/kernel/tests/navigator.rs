//! A step that chooses: its answer held against the graph, and what it may put in.

use super::{Play, Say, blocked, fails, permanent, verified};
use crate::record::{Decision, EngineWord, Fact};

const WAYS: &str = "steps:
  - {id: look, run: x}
  - {id: which, agent: navigator, engine: stub, route: navigator}
  - {id: fix, run: x, needs: [which]}
  - {id: ask-more, run: x, needs: [which]}
  - {id: after-fix, run: x, needs: [fix]}
  - {id: end, run: x, needs: [fix, ask-more], needs_skipped: ok}";

const INJECTS: &str = "params: {ticket: {type: string, default: T-1}}
steps:
  - {id: look, run: x, on_failure: continue}
  - {id: which, agent: navigator, engine: stub, route: navigator, inject: {flows: [hotfix], detours: [lint-fix], max: 2}}
  - {id: go, run: x, needs: [which]}
  - {id: stay, run: x, needs: [which]}";

const HOTFIX: &str = "params: {ticket: {type: string, required: true}, level: {type: integer, default: 3}}
steps: [{id: patch, run: x, effects: once}, {id: prove, run: x}]";

const LINT: &str = "  - {id: lint-fix, when: {error: never}, steps: [{id: mend, run: x}], verify: x}\n";

fn prepared(flow: &str, says: Vec<Say>) -> Play {
    let mut play = Play::flow(flow).and_flow("hotfix", HOTFIX).detours(LINT).reply("which", says);
    play = play.param("hard", false.into()).param("ticket", "T-1".into());
    play.file("agents/navigator.md", "---\nname: navigator\ndescription: chooses\nmodel: fast\n---\nChoose.");
    play
}

fn play(flow: &str, says: Vec<Say>) -> Play {
    prepared(flow, says).run()
}

fn chooses(way: &str) -> Say {
    verified().said(|draft| {
        draft.routing.next_step_suggestion = Some(way.to_owned());
        draft.routing.reason = "exit code 3".to_owned();
        draft.routing.confidence = Some(0.75);
    })
}

fn names<T: ToString>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn decided(play: &Play) -> Vec<Decision> {
    let about = play.facts().filter_map(|fact| match fact {
        Fact::Routed { decision, .. } if decision.step_id.as_str() == "which" => Some((**decision).clone()),
        _ => None,
    });
    about.collect()
}

fn skipped(play: &Play, step: &str) -> String {
    let found = play.facts().find_map(|fact| match fact {
        Fact::StepSkipped { at, why, detail } if at.step.as_str() == step => Some(format!("{why:?}: {detail}")),
        _ => None,
    });
    found.expect("it was skipped")
}

/// Which engine performed the choice.
fn engine(play: &Play) -> Option<EngineWord> {
    play.facts().find_map(|fact| match fact {
        Fact::StepEnded { at, proof, .. } if at.step.as_str() == "which" => Some(proof.engine),
        _ => None,
    })
}

#[test]
fn the_way_that_is_chosen_goes_on_and_the_others_are_left_out() {
    let play = play(WAYS, vec![chooses("fix")]);
    assert_eq!(play.path(), "look which fix after-fix end");
    let decision = play.last_decision("which");
    assert_eq!(
        (decision.decision.as_str(), decision.rule.as_str(), decision.by.as_str()),
        ("CONTINUE", "navigator", "navigator")
    );
    assert_eq!((names(&decision.next_step_ids), names(&decision.candidates)), ("fix".to_owned(), "fix ask-more".to_owned()));
    assert_eq!((decision.reason.as_str(), decision.confidence), ("chose fix: exit code 3", Some(0.75)));
    assert_eq!(play.ends().to_string(), "succeeded");
    assert_eq!(skipped(&play, "ask-more"), "NotChosen: which went on with fix");
}

#[test]
fn what_follows_a_way_that_was_left_out_is_left_out_too() {
    let play = play(WAYS, vec![chooses("ask-more")]);
    assert_eq!(play.path(), "look which ask-more end");
    assert_eq!(skipped(&play, "after-fix"), "NeedSkipped: it needs fix, which was skipped");
}

#[test]
fn an_answer_that_is_none_of_the_ways_is_asked_of_a_person() {
    for says in [chooses("end"), chooses("rm -rf"), chooses("flow:hotfix"), verified(), permanent("no model"), blocked("a file")]
    {
        let play = play(WAYS, vec![says]);
        assert_eq!(play.decisions("which"), ["ESCALATE navigator"]);
        assert_eq!((play.path().as_str(), play.options_of("which-1").as_str()), ("look which", "fix ask-more retry abort"));
        assert_eq!(play.last_decision("which").by, "kernel");
        let chosen = play.say("which-1", "ask-more");
        assert_eq!(chosen.path(), "look which ask-more end");
        let decision = chosen.last_decision("which");
        assert_eq!((decision.by.as_str(), names(&decision.next_step_ids).as_str()), ("human:ana", "ask-more"));
    }
}

#[test]
fn who_is_asked_may_ask_the_navigator_again_or_stop_the_flow() {
    let again = play(WAYS, vec![verified(), chooses("fix")]).say("which-1", "retry");
    assert_eq!(again.path(), "look which which fix after-fix end");
    let stopped = play(WAYS, vec![verified()]).say("which-1", "abort");
    assert_eq!((stopped.path().as_str(), stopped.ends().to_string().as_str()), ("look which", "failed"));
}

#[test]
fn a_way_whose_condition_is_false_is_not_open() {
    let flow = "params: {hard: {type: boolean, default: false}}
steps:
  - {id: which, agent: navigator, engine: stub, route: navigator}
  - {id: a, run: x, needs: [which]}
  - {id: b, run: x, needs: [which]}
  - {id: c, run: x, needs: [which], when: params.hard}";
    let play = play(flow, vec![chooses("c")]);
    assert_eq!(
        (play.decisions("which"), play.options_of("which-1")),
        (vec!["ESCALATE navigator".to_owned()], "a b retry abort".to_owned())
    );
}

#[test]
fn where_one_way_is_open_nobody_is_asked() {
    let flow = "params: {hard: {type: boolean, default: false}}
steps:
  - {id: which, agent: navigator, engine: stub, route: navigator}
  - {id: a, run: x, needs: [which]}
  - {id: b, run: x, needs: [which], when: params.hard}";
    let one = play(flow, vec![chooses("b")]);
    assert_eq!((engine(&one), one.path().as_str()), (Some(EngineWord::Builtin), "which a"));
    let decision = one.last_decision("which");
    assert_eq!((decision.by.as_str(), decision.reason.as_str()), ("kernel", "only a may come next"));
    let none = play(&flow.replace("needs: [which]}", "needs: [which], when: params.hard}"), vec![chooses("b")]);
    assert_eq!(
        (engine(&none), none.path().as_str(), none.ends().to_string().as_str()),
        (Some(EngineWord::Builtin), "which", "succeeded")
    );
}

#[test]
fn a_choice_outlives_a_step_beside_it_that_runs_again() {
    let flow = "steps:
  - {id: which, agent: navigator, engine: stub, route: navigator, needs: []}
  - {id: other, run: x, needs: []}
  - {id: a, run: x, needs: [which]}
  - {id: b, run: x, needs: [which, other]}
  - {id: end, run: x, needs: [a]}";
    let play = play(flow, vec![chooses("a")]).retry("other", false, &[]);
    assert_eq!(play.path(), "which other a end other", "b was not chosen, and does not run because `other` did again");
    assert_eq!(play.ends().to_string(), "succeeded");
}

#[test]
fn a_flow_that_is_put_in_runs_inside_and_then_it_is_chosen_again() {
    let play = play(INJECTS, vec![chooses("flow:hotfix"), chooses("go")]);
    assert_eq!(play.decisions("which"), ["INJECT_FLOW navigator", "CONTINUE injection-done", "CONTINUE navigator"]);
    assert_eq!(play.path(), "look which which.hotfix/patch which.hotfix/prove which go");
    let injected = decided(&play)[0].injected.clone().unwrap();
    assert_eq!(
        (injected.number, injected.into.as_str(), names(&injected.nodes).as_str()),
        (1, "main.which.hotfix", "patch prove")
    );
    let params = play.state.frames[&injected.into].params.clone();
    assert_eq!(serde_json::to_string(&*params).unwrap(), "{\"level\":3,\"ticket\":\"T-1\"}");
}

#[test]
fn nodes_of_a_known_fix_are_put_in_whatever_its_condition_says() {
    let play = play(INJECTS, vec![chooses("detour:lint-fix"), chooses("stay")]);
    assert_eq!(play.decisions("which")[0], "INJECT_NODES navigator");
    assert_eq!(play.path(), "look which which.lint-fix/mend which.lint-fix/verify which stay");
}

#[test]
fn injections_are_counted_and_the_ways_close() {
    let play = play(INJECTS, vec![chooses("flow:hotfix"), chooses("detour:lint-fix"), chooses("flow:hotfix")]);
    assert_eq!(
        play.path(),
        "look which which.hotfix/patch which.hotfix/prove which which.lint-fix/mend which.lint-fix/verify which"
    );
    assert_eq!(
        (play.decisions("which").last().unwrap().as_str(), play.options_of("which-1").as_str()),
        ("ESCALATE navigator", "go stay retry abort")
    );
    let numbers: Vec<u32> = decided(&play).iter().filter_map(|one| one.injected.as_ref()).map(|one| one.number).collect();
    assert_eq!(numbers, [1, 2]);
}

#[test]
fn what_did_not_take_is_told_to_a_person_who_sees_the_same_ways() {
    let mut play = prepared(INJECTS, vec![chooses("detour:lint-fix"), chooses("go")]);
    play = play.reply("mend", vec![fails("worse"), verified()]).run();
    assert_eq!(play.decisions("which"), ["INJECT_NODES navigator", "ESCALATE navigator"]);
    assert!(play.question("which-1").question.contains("detour:lint-fix did not take"), "{}", play.question("which-1").question);
    let again = play.say("which-1", "detour:lint-fix");
    assert_eq!(again.path(), "look which which.lint-fix/mend which.lint-fix/mend which.lint-fix/verify which go");
    assert_eq!(again.decisions("which")[2..], ["INJECT_NODES answered", "CONTINUE injection-done", "CONTINUE navigator"]);
}

#[test]
fn what_the_charter_of_a_flow_around_keeps_out_is_no_way() {
    let outer = "charter: {non_goals: [\"no `hotfix` on a Friday\"]}
steps: [{id: inner, flow: chooser}]";
    let mut play = Play::flow(outer).and_flow("chooser", INJECTS).and_flow("hotfix", HOTFIX).detours(LINT);
    play.file("agents/navigator.md", "---\nname: navigator\ndescription: chooses\n---\nChoose.");
    let play = play.reply("which", [chooses("flow:hotfix")]).run();
    assert_eq!(play.options_of("main.inner.which-1"), "go stay detour:lint-fix retry abort");
    assert_eq!(play.path(), "inner inner/look inner/which");
}

#[test]
fn a_kill_in_the_middle_of_what_was_put_in_loses_nothing_and_repeats_nothing() {
    let play = prepared(INJECTS, vec![chooses("flow:hotfix"), chooses("go")]).slow("patch").run().crash();
    assert_eq!(play.path(), "look which which.hotfix/patch", "a once-only step that may have half run is asked about");
    let play = play.say("main.which.hotfix.patch-1", "mark-done");
    assert_eq!(play.path(), "look which which.hotfix/patch which.hotfix/patch which.hotfix/prove which go");
    assert_eq!((play.ends().to_string().as_str(), play.state.frames.len()), ("succeeded", 2));
}

#[test]
fn what_half_ran_in_what_was_put_in_is_asked_about_when_it_is_put_in_again() {
    let says = vec![chooses("flow:hotfix"), chooses("flow:hotfix"), chooses("go")];
    let play = prepared(INJECTS, says).slow("patch").run().crash().retry("look", false, &[]);
    let asked = (play.path().matches("patch").count(), play.asks());
    assert_eq!(asked, (1, "main.which.hotfix.patch-2".to_owned()), "{}", play.story());
}

#[test]
fn a_proposal_is_written_down_and_does_nothing() {
    let says = chooses("fix").said(|draft| draft.routing.proposal = Some("a step that checks the licence".to_owned()));
    let play = play(WAYS, vec![says]);
    assert_eq!(play.decisions("which"), ["EXTEND_GRAPH navigator", "CONTINUE navigator"]);
    assert_eq!(play.path(), "look which fix after-fix end");
}

#[test]
fn a_loop_can_come_back_to_a_choice() {
    let flow = "steps:
  - {id: which, agent: navigator, engine: stub, route: navigator}
  - {id: a, run: x, needs: [which]}
  - {id: b, run: x, needs: [which]}
  - {id: judge, run: x, needs: [a, b], needs_skipped: ok, loop: {to: which, max: 2}}";
    let play = prepared(flow, vec![chooses("a"), chooses("b")]).reply("judge", [super::unverified(), verified()]);
    assert_eq!(play.run().path(), "which a judge which b judge");
}
