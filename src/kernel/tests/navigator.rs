//! A step that chooses: its answer held against the graph.

use super::{Play, Say, permanent, verified};

const WAYS: &str = "steps:
  - {id: look, run: x}
  - {id: which, agent: navigator, engine: stub, route: navigator}
  - {id: fix, run: x, needs: [which]}
  - {id: ask-more, run: x, needs: [which]}
  - {id: after-fix, run: x, needs: [fix]}
  - {id: end, run: x, needs: [fix, ask-more], needs_skipped: ok}";

fn play(flow: &str, says: Vec<Say>) -> Play {
    let mut play = Play::flow(flow).reply("which", says);
    play.file("agents/navigator.md", "---\nname: navigator\ndescription: chooses\nmodel: fast\n---\nChoose.");
    play.file("flows/hotfix.yaml", "flow: hotfix\nsteps: [{id: patch, run: x}]");
    play.run()
}

fn chooses(step: &str) -> Say {
    verified().said(|draft| {
        draft.routing.next_step_suggestion = Some(step.to_owned());
        draft.routing.reason = "exit code 3".to_owned();
        draft.routing.confidence = Some(0.75);
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
    let names = |steps: &[crate::id::StepRef]| steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    assert_eq!((names(&decision.next_step_ids), names(&decision.candidates)), ("fix".to_owned(), "fix ask-more".to_owned()));
    assert_eq!((decision.reason.as_str(), decision.confidence), ("chose fix: exit code 3", Some(0.75)));
    assert_eq!(play.ends().to_string(), "succeeded");
}

#[test]
fn what_follows_a_way_that_was_left_out_is_left_out_too() {
    assert_eq!(play(WAYS, vec![chooses("ask-more")]).path(), "look which ask-more end");
}

#[test]
fn an_answer_that_is_no_candidate_is_asked_of_a_person() {
    for says in [chooses("end"), chooses("rm -rf"), verified(), permanent("no model")] {
        let play = play(WAYS, vec![says]);
        assert_eq!(play.decisions("which"), ["ESCALATE navigator"]);
        assert_eq!((play.path().as_str(), play.options_of("which-1").as_str()), ("look which", "fix ask-more retry abort"));
        let chosen = play.say("which-1", "ask-more");
        assert_eq!(chosen.path(), "look which ask-more end");
        assert_eq!(chosen.last_decision("which").by, "human:ana");
    }
}

#[test]
fn a_way_that_is_a_flow_of_its_own_is_injected() {
    let flow = "steps:
  - {id: which, agent: navigator, engine: stub, route: navigator, needs: []}
  - {id: fix, flow: hotfix, needs: [which]}
  - {id: wait, run: x, needs: [which]}";
    let play = play(flow, vec![chooses("fix")]);
    assert_eq!(play.decisions("which"), ["INJECT_FLOW navigator"]);
    assert!(play.path().contains("patch") && !play.path().contains("wait"), "{}", play.path());
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
    let mut play =
        Play::flow(flow).reply("which", [chooses("a"), chooses("b")]).reply("judge", [super::unverified(), verified()]);
    play.file("agents/navigator.md", "---\nname: navigator\ndescription: chooses\n---\nChoose.");
    assert_eq!(play.run().path(), "which a judge which b judge");
}
