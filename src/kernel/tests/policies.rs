//! What a failed, blocked or doubtful step does to the rest: branches, stop-the-line, standing warnings.

use crate::{
    record::{Concern, Status},
    spec::Severity,
};

use super::{Play, blocked, fails, fatal, interrupted, ok};

const BRANCHES: &str = "jobs: 8
steps:
  - {id: a, run: x, needs: []}
  - {id: a2, run: x, needs: [a]}
  - {id: b, run: x, needs: []}
  - {id: b2, run: x, needs: [b]}
  - {id: end, run: x, needs: [a2, b2]}";

#[test]
fn a_blocked_branch_waits_and_the_other_goes_on() {
    let play = Play::flow(BRANCHES).reply("a", [blocked("ui.json"), ok()]).run();
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b b2", "waiting"));
    assert_eq!(play.options_of("a-1"), "retry skip mark-done abort");
    let play = play.say("a-1", "retry");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b b2 a a2 end", "succeeded"));
}

#[test]
fn every_answer_to_a_blocked_step_does_what_it_says() {
    for (choose, path, ends) in
        [("skip", "a b b2 a2 end", "succeeded"), ("mark-done", "a b b2 a a2 end", "succeeded"), ("abort", "a b b2", "failed")]
    {
        let play = Play::flow(BRANCHES).reply("a", [blocked("ui.json")]).run().say("a-1", choose);
        assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), (path, ends), "{choose}");
    }
}

#[test]
fn nothing_that_depends_on_a_failed_step_runs() {
    let play = Play::flow(BRANCHES).reply("a", [fails("no")]).slow("b").run();
    assert_eq!(play.path(), "a b");
    let play = play.release("b");
    // What runs may end; nothing new starts in a flow that failed.
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b", "failed"));
}

#[test]
fn a_failure_that_is_continued_stands_as_a_warning() {
    let flow = BRANCHES.replace("{id: a, run: x, needs: []}", "{id: a, run: x, needs: [], on_failure: continue}");
    let play = Play::flow(&flow).reply("a", [fails("no")]).run();
    assert_eq!(play.ends().to_string(), "succeeded");
    assert!(play.warnings()[0].starts_with("a: no"), "{:?}", play.warnings());
}

#[test]
fn stop_the_line_halts_every_branch_until_it_is_answered() {
    let flow =
        BRANCHES.replace("{id: a, run: x, needs: []}", "{id: a, run: x, needs: [], escalate: {when: step.passed, halt: run}}");
    let play = Play::flow(&flow).slow("b").run();
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("a b", "a-1"));
    let play = play.release("b");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b", "waiting"));
    let play = play.say("a-1", "approve");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b a2 b2 end", "succeeded"));
}

#[test]
fn two_stops_are_released_by_two_answers() {
    let stops = ", needs: [], escalate: {when: step.passed, halt: run}}";
    let flow = BRANCHES.replace("{id: a, run: x, needs: []}", &format!("{{id: a, run: x{stops}"));
    let flow = flow.replace("{id: b, run: x, needs: []}", &format!("{{id: b, run: x{stops}"));
    let play = Play::flow(&flow).run();
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("a b", "a-1 b-1"));
    let play = play.say("a-1", "approve");
    assert_eq!(play.path(), "a b");
    assert_eq!(play.say("b-1", "approve").path(), "a b a2 b2 end");
}

#[test]
fn a_lost_step_does_not_start_again_while_the_line_is_stopped() {
    let flow =
        BRANCHES.replace("{id: a, run: x, needs: []}", "{id: a, run: x, needs: [], escalate: {when: step.passed, halt: run}}");
    let play = Play::flow(&flow).slow("b").run().crash();
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b", "waiting"));
    let play = play.say("a-1", "approve").release("b");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b a2 b b2 end", "succeeded"));
}

#[test]
fn stop_the_line_answered_with_abort_fails_the_flow_and_releases() {
    let flow =
        BRANCHES.replace("{id: a, run: x, needs: []}", "{id: a, run: x, needs: [], escalate: {when: step.passed, halt: run}}");
    let play = Play::flow(&flow).run().say("a-1", "abort");
    assert_eq!((play.ends().to_string().as_str(), play.state.line_stops.len()), ("failed", 0));
}

#[test]
fn fatal_stops_all_branches() {
    let play = Play::flow(BRANCHES).reply("a", [fatal("a secret left")]).slow("b").run();
    // The other branch is told to end; its reply is the last thing that happens.
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b", "failed"));
    assert!(play.reason("main").contains("a secret left"), "{}", play.reason("main"));
}

#[test]
fn fatal_does_not_wait_for_a_step_between_two_attempts() {
    let flow = BRANCHES.replace("{id: a, run: x, needs: []}", "{id: a, run: x, needs: [], retry: {attempts: 3, delay: 1m}}");
    let play = Play::flow(&flow).reply("a", [super::transient("busy")]).reply("b", [fatal("a secret left")]).run();
    assert_eq!(play.ends().to_string(), "failed");
    assert_eq!(play.decisions("a"), ["TERMINATE cancelled"]);
}

#[test]
fn what_was_fatal_can_be_retried_by_a_person() {
    let play = Play::flow(BRANCHES).reply("a", [fatal("a secret left"), ok()]).run().retry("a", false, &[]);
    assert_eq!(play.ends().to_string(), "succeeded", "{}", play.story());
}

#[test]
fn a_retry_answered_in_a_failing_flow_does_not_undo_the_failure() {
    let flow = "jobs: 8
steps:
  - {id: a, run: x, needs: []}
  - {id: b, run: x, needs: []}
  - {id: c, run: x, needs: [], on_failure: escalate}";
    let play = Play::flow(flow).reply("c", [fails("no"), ok()]).slow("a").slow("b").run();
    assert_eq!(play.asks(), "c-1");
    let play = play.reply("a", [fails("no")]).release("a").say("c-1", "retry").release("b");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b c", "failed"));
}

#[test]
fn an_interrupted_step_has_no_verdict_and_runs_again() {
    let play = Play::flow(BRANCHES).reply("a", [interrupted(), ok()]).run();
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b a a2 b2 end", "succeeded"));
}

#[test]
fn an_agent_that_is_blocked_is_asked_about_in_its_own_words() {
    let blocked = |concerns: &[(Severity, &str)], outputs: &str| {
        let said = super::unverified().said(|draft| {
            draft.status = Status::Blocked;
            draft.concerns = concerns
                .iter()
                .map(|(severity, text)| Concern {
                    severity: *severity,
                    description: (*text).to_owned(),
                    location: None,
                    recommendation: None,
                })
                .collect();
        });
        let flow = format!("steps: [{{id: b, agent: worker, engine: stub{outputs}}}]");
        let mut play = Play::flow(&flow).reply("b", [said]);
        play.file("agents/worker.md", "---\nname: worker\ndescription: works\n---\nWork.");
        play.run().question("b-1").question.clone()
    };
    let (low, medium, high) = (Severity::Low, Severity::Medium, Severity::High);
    let both = [(low, "names are odd"), (high, "no key for the shop\nat all"), (high, "slow")];
    assert_eq!(blocked(&both, ""), "b is blocked: no key for the shop. How to go on?");
    assert_eq!(blocked(&[(medium, "no key")], ", outputs: [x.md]"), "b is blocked: no key. How to go on?");
    assert_eq!(blocked(&[], ""), "b is blocked: it does not say what is missing. How to go on?");
}
