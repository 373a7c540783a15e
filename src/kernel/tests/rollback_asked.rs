//! The answer `rollback`: a person has taken back what was done.

use crate::record::StopCause;

use super::{Play, blocked, fails, ok};

const FLOW: &str = "steps:
  - {id: a, run: x, undo: y}
  - {id: b, run: x, undo: y}
  - {id: c, run: x}
  - {id: d, run: x, on_failure: escalate}";

const BACK: &str = "rollback/undo-b rollback/undo-a";

fn effect(play: &Play, id: &str) -> String {
    let option = play.question(id).options.iter().find(|option| option.key == "rollback");
    option.map(|option| option.effect.clone()).unwrap_or_default()
}

#[test]
fn a_person_has_taken_back_what_on_failure_rollback_would() {
    let play = Play::flow(FLOW).reply("d", [fails("no")]).run();
    assert_eq!(play.options_of("d-1"), "retry skip mark-done rollback abort");
    assert_eq!(effect(&play, "d-1"), "takes back 2 steps in reverse: b, a; then the flow ends failed");
    let play = play.say("d-1", "rollback");
    assert_eq!(play.path(), format!("a b c d {BACK}"));
    assert_eq!(play.ends().to_string(), "failed");
    assert_eq!(play.reason("main"), "d: ana chose rollback; rolled back (2 undone)");
    let decision = play.last_decision("d");
    assert_eq!((decision.rule.as_str(), decision.by.as_str()), ("answered", "human:ana"));
    assert_eq!(play.decisions("d"), ["ESCALATE failed-policy", "TERMINATE answered"]);
}

#[test]
fn it_is_not_offered_where_nothing_would_be_taken_back() {
    let flow = "steps: [{id: a, run: x}, {id: b, run: x, undo: y}, {id: d, run: x, needs: [a], on_failure: escalate}]";
    let play = Play::flow(&format!("jobs: 1\n{}", flow.replace("{id: b, run: x,", "{id: b, run: x, needs: [d],")));
    let play = play.reply("d", [fails("no")]).run();
    assert_eq!(play.options_of("d-1"), "retry skip mark-done abort");
    let play = play.say("d-1", "rollback");
    assert_eq!(play.refusals(), ["`rollback` is not an answer to `d-1`; the answers are: retry, skip, mark-done, abort"]);
    // A question before a step stops nothing.
    let play = Play::flow(&FLOW.replace("id: d,", "id: d, approve: {question: Go?},")).run();
    assert_eq!(play.options_of("d-1"), "approve reject");
}

#[test]
fn every_question_that_can_stop_a_flow_with_undos_offers_it() {
    let before = "{id: a, run: x, undo: y}";
    let options = |step: &str, says: [super::Say; 1]| {
        let play = Play::flow(&format!("steps: [{before}, {step}]")).reply("d", says).run();
        assert_eq!(effect(&play, "d-1"), "takes back 1 step: a; then the flow ends failed", "{step}");
        let options = play.options_of("d-1");
        let play = play.say("d-1", "rollback");
        assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a d rollback/undo-a", "failed"), "{step}");
        options
    };
    assert_eq!(options("{id: d, run: x}", [blocked("a key")]), "retry skip mark-done rollback abort");
    let escalates = |halt: &str| format!("{{id: d, run: x, escalate: {{when: step.passed, halt: {halt}}}}}");
    assert_eq!(options(&escalates("branch"), [ok()]), "approve retry rollback abort");
    assert_eq!(options(&escalates("run"), [ok()]), "approve retry rollback abort");
    let spent = "{id: d, run: x, loop: {to: d, max: 1, on_exhausted: escalate}}";
    assert_eq!(options(spent, [super::high("no")]), "retry skip rollback abort");
    // A step that may have half run; what it may have done comes first.
    let flow = format!("steps: [{before}, {{id: d, run: x, effects: once, undo: z}}]");
    let play = Play::flow(&flow).slow("d").run().crash();
    assert_eq!(effect(&play, "d-1"), "takes back 2 steps in reverse: d, a; then the flow ends failed");
    assert_eq!(play.say("d-1", "rollback").path(), "a d rollback/undo-d rollback/undo-a");
    // A limit.
    let play = Play::flow("limits: {steps: 2}\nsteps: [{id: a, run: x, undo: y}, {id: b, run: x}, {id: c, run: x}]").run();
    assert_eq!(play.options_of("c-1"), "raise rollback abort");
    assert_eq!(play.say("c-1", "rollback").path(), "a b rollback/undo-a");
}

#[test]
fn a_line_of_done_that_does_not_hold_can_have_it_all_taken_back() {
    let flow = "steps: [{id: a, run: x, undo: y}, {id: b, run: x, undo: y}]\ndone: [{id: a, ask: {question: Up?}}]";
    let play = Play::flow(flow).run();
    assert_eq!((play.asks().as_str(), play.options_of("a-1").as_str()), ("a-1", "approve reject rollback"));
    assert_eq!(effect(&play, "a-1"), "takes back 2 steps in reverse: b, a; then the flow ends failed");
    let play = play.say("a-1", "rollback");
    assert_eq!(play.path(), format!("a b {BACK}"), "{}", play.story());
    assert_eq!(
        (play.ends().to_string(), play.reason("main")),
        ("failed".into(), "a: ana chose rollback; rolled back (2 undone)".into())
    );
    let play = play.retry("a", false, &[]);
    assert_eq!((play.path(), play.asks()), (format!("a b {BACK} a b"), "a-2".to_owned()));
    assert_eq!(play.say("a-2", "approve").ends().to_string(), "succeeded");
    // Words of the flow's own are its own.
    let own = flow.replace("question: Up?", "question: Up?, options: [{key: approve}, {key: rollback}]");
    let play = Play::flow(&own).run().say("a-1", "rollback");
    assert_eq!((play.path().as_str(), play.reason("main").as_str()), ("a b", "not done: a: ana chose rollback"));
}

#[test]
fn in_a_flow_inside_it_takes_back_that_flow() {
    let outer = "steps: [{id: o, run: x, undo: y}, {id: s, flow: sub, on_failure: escalate}]";
    let play = Play::flow(outer).and_flow("sub", FLOW).reply("d", [fails("no")]).run();
    assert_eq!(effect(&play, "main.s.d-1"), "takes back 2 steps in reverse: b, a; then flow main.s ends failed");
    let play = play.say("main.s.d-1", "rollback");
    let inner = "o s s/a s/b s/c s/d s.rollback/undo-b s.rollback/undo-a";
    assert_eq!(play.path(), inner);
    // The question around it: what is taken back is not taken back again.
    assert_eq!(effect(&play, "s-1"), "takes back 1 step: o; then the flow ends failed");
    assert_eq!(play.say("s-1", "rollback").path(), format!("{inner} rollback/undo-o"));
    // Without it, the flow inside is taken back in its place.
    let play = Play::flow(outer).and_flow("sub", FLOW).reply("d", [fails("no")]).run().say("main.s.d-1", "abort");
    assert_eq!(effect(&play, "s-1"), "takes back 3 steps in reverse: s/b, s/a, o; then the flow ends failed");
    let play = play.say("s-1", "rollback");
    assert_eq!(play.path(), "o s s/a s/b s/c s/d rollback/undo-s s.rollback/undo-b s.rollback/undo-a rollback/undo-o");
}

#[test]
fn in_a_known_fix_it_takes_back_the_fix() {
    let detours =
        "  - {id: fix, when: {error: 'no'}, steps: [{id: f, run: x, undo: y}, {id: g, run: x, on_failure: escalate}], verify: v}";
    let flow = FLOW.replace("on_failure: escalate", "on_failure: rollback");
    let play = Play::flow(&flow).detours(detours).reply("d", [fails("no")]).reply("g", [fails("x")]).run();
    let asked = play.asks();
    assert!(effect(&play, &asked).starts_with("takes back 1 step: f; then flow main.d"), "{}", effect(&play, &asked));
    let play = play.say(&asked, "rollback");
    assert!(play.path().ends_with(&format!(".rollback/undo-f {BACK}")), "{}", play.path());
}

#[test]
fn what_was_read_is_what_is_taken_back() {
    let flow = "jobs: 4
steps:
  - {id: a, run: x, undo: y, needs: []}
  - {id: b, run: x, undo: y, needs: []}
  - {id: d, run: x, needs: [a], on_failure: escalate}";
    let play = Play::flow(flow).slow("b").reply("d", [fails("no")]).run();
    let said = "takes back 1 step: a; then the flow ends failed; b still runs: it is waited for, and taken back first";
    assert_eq!(effect(&play, "d-1"), said);
    // Answered at once, that is what happens.
    let at_once = Play::flow(flow).slow("b").reply("d", [fails("no")]).run().say("d-1", "rollback");
    assert_eq!(at_once.path(), "a b d");
    assert_eq!(at_once.release("b").path(), format!("a b d {BACK}"));
    // Answered later, it is read again first.
    let play = play.release("b").say("d-1", "rollback");
    assert_eq!((play.refusals(), play.asks()), (vec!["what would be taken back has changed since".to_owned()], "d-2".to_owned()));
    assert_eq!(effect(&play, "d-2"), "takes back 2 steps in reverse: b, a; then the flow ends failed");
    assert_eq!(play.say("d-2", "rollback").path(), format!("a b d {BACK}"));
    // Any other answer covers what it covered.
    let play = Play::flow(flow).slow("b").reply("d", [fails("no"), ok()]).run().release("b").say("d-1", "retry");
    assert_eq!(play.ends().to_string(), "succeeded");
}

#[test]
fn a_flow_that_ends_already_takes_back_nothing_more_by_an_answer() {
    let flow = "jobs: 4
steps:
  - {id: a, run: x, undo: y, needs: []}
  - {id: s, run: x, needs: []}
  - {id: d, run: x, needs: [a], on_failure: escalate}
  - {id: e, run: x, needs: [a], on_failure: escalate}";
    let play = Play::flow(flow).slow("s").reply("d", [fails("no")]).reply("e", [fails("no")]).run();
    let play = play.say("d-1", "abort").say("e-1", "rollback");
    let said = "`rollback` is no answer to `e-1` any more: flow main fails by d, and ends when nothing of it runs any more";
    assert_eq!(play.refusals(), [said]);
    let play = Play::flow(flow).slow("undo-a").reply("d", [fails("no")]).reply("e", [fails("no")]).run();
    let play = play.say("d-1", "rollback").say("e-1", "rollback");
    let said = "`rollback` is no answer to `e-1` any more: flow main fails by d, and what it did is being taken back";
    assert_eq!(play.refusals(), [said]);
    assert_eq!(play.release("undo-a").path(), "a s d e rollback/undo-a");
    // Nor does a run that is being cancelled.
    let play = Play::flow(flow).slow("s").reply("d", [fails("no")]).run();
    let mut play = play;
    play.tell(&crate::kernel::Input::StopRequested { cause: StopCause::Cancel, by: "bo".to_owned() });
    let play = play.say("d-1", "rollback");
    assert_eq!(play.refusals(), ["`rollback` is no answer to `d-1` any more: the run is being cancelled"]);
}

#[test]
fn what_another_question_holds_is_taken_back_too() {
    let flow = "jobs: 1
steps:
  - {id: a, run: x, undo: y, needs: []}
  - {id: e, run: x, undo: y, needs: [a], on_failure: escalate}
  - {id: w, run: x, undo: y, needs: [a], escalate: {when: step.passed}}
  - {id: d, run: x, needs: [a], on_failure: escalate}";
    let play = Play::flow(flow).reply("d", [fails("no")]).reply("e", [fails("no")]).run();
    assert_eq!(effect(&play, "d-1"), "takes back 3 steps in reverse: e, w, a; then the flow ends failed");
    let play = play.say("d-1", "rollback");
    assert_eq!(play.path(), "a e w d rollback/undo-e rollback/undo-w rollback/undo-a");
    // The same where the flow says so.
    let flow = flow
        .replace("needs: [a], on_failure: escalate}", "needs: [a], on_failure: rollback}")
        .replacen("rollback", "escalate", 1);
    let play = Play::flow(&flow).reply("d", [fails("no")]).run();
    assert_eq!(play.path(), "a e w d rollback/undo-w rollback/undo-e rollback/undo-a");
}

#[test]
fn a_kill_and_an_undo_that_fails_are_as_ever() {
    let play = Play::flow(FLOW).reply("d", [fails("no")]).slow("undo-b").run().say("d-1", "rollback").crash().release("undo-b");
    assert_eq!(play.path(), "a b c d rollback/undo-b rollback/undo-b rollback/undo-a");
    let play = Play::flow(FLOW).reply("d", [fails("no"), ok()]).reply("undo-b", [fails("stuck")]).run().say("d-1", "rollback");
    assert!(play.reason("main").contains("ROLLBACK INCOMPLETE: undo-b"), "{}", play.reason("main"));
    // Done again from the first that was taken back, it can be taken back again.
    let play =
        Play::flow(FLOW).reply("d", [fails("no")]).run().say("d-1", "rollback").retry("a", false, &[]).say("d-2", "rollback");
    assert_eq!(play.path(), format!("a b c d {BACK} a b c d {BACK}"));
}

#[test]
fn the_line_stays_stopped_by_the_other_question_that_stopped_it() {
    let flow = "jobs: 4
steps:
  - {id: a, run: x, undo: y, needs: []}
  - {id: b, run: x, needs: [a], escalate: {when: step.passed, halt: run}}
  - {id: c, run: x, needs: [a]}
  - {id: d, run: x, needs: [c]}";
    let play = Play::flow(flow).slow("c").run().say("b-1", "rollback");
    assert_eq!(play.path(), "a b c");
    let play = play.release("c");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b c rollback/undo-a", "failed"));
}

#[test]
fn a_note_of_a_rollback_reaches_no_step() {
    let mut play = Play::flow(&format!("{FLOW}\n  - {{id: e, run: x}}")).reply("d", [fails("no")]).run();
    let mut input = play.answer_to(play.question("d-1"), "rollback", "ana");
    if let crate::kernel::Input::Answered { answer, .. } = &mut input {
        answer.note = Some("the mail went out twice".to_owned());
    }
    play.tell(&input);
    play.drive();
    assert_eq!(play.last_decision("d").reason, "ana chose rollback: the mail went out twice");
    let noted = play.frame("main").steps.iter().map(|step| step.note.is_some());
    assert_eq!(noted.collect::<Vec<_>>(), [false, false, false, true, false]);
}

fn in_force(play: &Play) -> String {
    let left = play.state.in_force(&crate::id::FramePath::new("main").unwrap());
    left.iter().map(|one| format!("{}{}", one.at, if one.partly { "?" } else { "" })).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_stays_in_force_is_told_once_a_flow_is_over_without_success() {
    let stopped = || Play::flow(FLOW).reply("d", [fails("no")]).run();
    assert_eq!(in_force(&stopped()), "");
    assert_eq!(in_force(&stopped().say("d-1", "abort")), "main/a main/b");
    assert_eq!(in_force(&stopped().stop(StopCause::Cancel)), "main/a main/b");
    assert_eq!(in_force(&stopped().say("d-1", "rollback")), "");
    assert_eq!(in_force(&stopped().say("d-1", "skip")), "");
    // An undo that failed, and one that a cancel kept from running.
    let failed = Play::flow(FLOW).reply("d", [fails("no")]).reply("undo-b", [fails("stuck")]).run().say("d-1", "rollback");
    assert_eq!(in_force(&failed), "main/b?");
    let play = Play::flow(FLOW).reply("d", [fails("no")]).slow("undo-b").run().say("d-1", "rollback").stop(StopCause::Cancel);
    assert_eq!(in_force(&play.release("undo-b")), "main/a");
    // What failed, or was stopped in the middle, may stand in part.
    let flow = FLOW.replace("{id: d, run: x,", "{id: d, run: x, undo: y,");
    assert_eq!(in_force(&Play::flow(&flow).reply("d", [fails("no")]).run().say("d-1", "abort")), "main/a main/b main/d?");
    let mut play = Play::flow(&flow).slow("b").run().stop(StopCause::Cancel);
    play.tell(&crate::kernel::Input::Lost { seen: None });
    assert_eq!(in_force(&play), "main/a main/b?");
    // What nobody let start did nothing.
    let flow = FLOW.replace("{id: d, run: x, on_failure: escalate}", "{id: d, run: x, undo: y, approve: {question: Go?}}");
    assert_eq!(in_force(&Play::flow(&flow).run().say("d-1", "reject")), "main/a main/b");
}

#[test]
fn what_flows_inside_left_in_force_is_told_unless_the_step_around_takes_it_back() {
    let outer = "steps: [{id: o, run: x, undo: y}, {id: s, flow: sub}, {id: z, run: x}]";
    let sub = "steps: [{id: p, run: x, undo: y}]";
    let play = |outer: &str| Play::flow(outer).and_flow("sub", sub).reply("z", [fails("no")]).run();
    assert_eq!(in_force(&play(outer)), "main/o main.s/p");
    assert_eq!(in_force(&play(&outer.replace("flow: sub", "flow: sub, undo: y"))), "main/o main/s");
}

/// It may have half done what it does, whoever has to let it begin again.
#[test]
fn what_was_interrupted_and_did_not_begin_again_is_taken_back() {
    let flow = "jobs: 4
steps:
  - {id: a, run: x, undo: y, needs: []}
  - {id: w, run: x, undo: y, needs: [], approve: {question: Go?}}
  - {id: d, run: x, needs: [a], on_failure: rollback}";
    let play = Play::flow(flow).slow("w").slow("d").reply("d", [fails("no")]).run().say("w-1", "approve").crash();
    let play = play.release("d");
    assert_eq!(play.path(), "a d w d rollback/undo-w rollback/undo-a");
}
