//! `approve`: nothing of a step runs before a person said so, for exactly what was shown, once.

use serde_json::json;

use crate::{
    kernel::Input,
    record::{QuestionKind, QuestionStatus},
};

use super::{Play, fails, ok, transient};

const FLOW: &str =
    "steps: [{id: a, run: x}, {id: d, run: ./deploy.sh, approve: {question: 'Deploy {{params.v}}?', evidence: [plan.md]}}]\n";
const PARAM: &str = "params: {v: {type: string, default: v1}}\n";

fn deploy() -> Play {
    let mut play = Play::flow(&format!("{PARAM}{FLOW}")).param("v", json!("v1"));
    play.evidence.insert("plan.md".to_owned(), "one".to_owned());
    play
}

#[test]
fn approved_it_runs_and_rejected_it_fails_without_having_run() {
    let play = deploy().run();
    assert_eq!((play.path().as_str(), play.asks().as_str(), play.ends().to_string().as_str()), ("a", "d-1", "waiting"));
    let question = play.question("d-1");
    assert_eq!((question.question.as_str(), question.action.as_deref()), ("Deploy v1?", Some("./deploy.sh")));
    assert!(question.shown[0].exists);
    assert_eq!(play.say("d-1", "approve").path(), "a d");
    let play = deploy().run().say("d-1", "reject");
    // The execution exists for its receipt; no engine was asked.
    assert_eq!(
        (play.decisions("d").join(""), play.ends().to_string()),
        ("TERMINATE failed-policy".to_owned(), "failed".to_owned())
    );
    assert!(play.state.running.is_empty());
}

#[test]
fn what_was_approved_and_the_word_with_it_can_be_read_by_later_steps() {
    let after = "  - {id: told, ask: {question: '{{steps.d.choice}} {{steps.a.choice}}({{steps.d.note}})'}}\n";
    let flow = format!(
        "{PARAM}{}{after}",
        FLOW.replace("steps: [{", "steps:\n  - {").replace("}, {id: d", "}\n  - {id: d").replace("}}]", "}}")
    );
    let mut play = Play::flow(&flow).param("v", json!("v1")).run();
    let mut input = play.answer_to(play.question("d-1"), "approve", "ana");
    if let Input::Answered { answer, .. } = &mut input {
        answer.note = Some("read it".to_owned());
    }
    play.tell(&input);
    play.drive();
    assert_eq!(play.question("told-1").question, "approve (read it)");
    let play = Play::flow(&flow.replace("./deploy.sh", "./deploy.sh, on_failure: continue"))
        .param("v", json!("v1"))
        .run()
        .say("d-1", "reject");
    assert_eq!(play.question("told-1").question, "reject ()");
}

#[test]
fn an_approval_covers_what_was_shown_and_nothing_else() {
    let mut play = deploy().run();
    let stale = play.question("d-1").subject_digest.clone();
    play.evidence.insert("plan.md".to_owned(), "two".to_owned());
    let play = play.say("d-1", "approve");
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("a", "d-2"));
    assert_eq!(play.question_status("d-1"), QuestionStatus::Voided);
    assert_eq!(play.refusals(), ["what was shown has changed since"]);
    assert_ne!(play.question("d-2").subject_digest, stale);
    let mut play = play;
    let mut input = play.answer_to(play.question("d-2"), "approve", "ana");
    if let Input::Answered { answer, .. } = &mut input {
        answer.subject_digest = stale;
    }
    play.tell(&input);
    assert!(play.refusals()[1].contains("read it again"), "{:?}", play.refusals());
    assert_eq!(play.say("d-2", "approve").path(), "a d");
}

#[test]
fn a_changed_parameter_is_asked_anew() {
    let flow = "params: {v: {type: string, default: v1}}
jobs: 8
steps:
  - {id: a, run: x, needs: [], on_failure: escalate}
  - {id: d, run: x, needs: [], approve: {question: 'Deploy {{params.v}}?'}}";
    let play = Play::flow(flow).param("v", json!("v1")).reply("a", [fails("no"), ok()]).run();
    assert_eq!(play.asks(), "a-1 d-1");
    let play = play.retry("a", false, &[("v", json!("v2"))]);
    assert_eq!((play.asks().as_str(), play.question("d-2").question.as_str()), ("d-2", "Deploy v2?"));
}

#[test]
fn an_approval_that_was_given_and_not_used_does_not_cover_changed_parameters() {
    let flow = "params: {v: {type: string, default: v1}}
jobs: 8
steps:
  - {id: a, run: x, needs: []}
  - {id: d, run: x, needs: [], approve: {question: 'Deploy {{params.v}}?'}}";
    let mut play = Play::flow(flow).param("v", json!("v1")).run();
    // Answered while nobody drives the run.
    let input = play.answer_to(play.question("d-1"), "approve", "ana");
    play.tell_parked(&input);
    let play = play.retry("a", false, &[("v", json!("v2"))]);
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("a a", "d-2"), "{}", play.story());
    assert_eq!(play.question_status("d-1"), QuestionStatus::Voided);
    assert_eq!(play.say("d-2", "approve").path(), "a a d");
}

#[test]
fn evidence_of_a_sub_flow_that_changed_after_the_answer_is_asked_anew() {
    let flow = "steps: [{id: go, flow: sub, approve: {question: Go?, evidence: [plan.md]}}]";
    let mut play = Play::flow(flow).and_flow("sub", "steps: [{id: act, run: x}]");
    play.evidence.insert("plan.md".to_owned(), "one".to_owned());
    let mut play = play.run();
    let shown = play.question("go-1").shown.clone();
    let mut other = shown.clone();
    other[0].sha256 = Some(crate::id::Sha256::of(b"two"));
    let id = play.question("go-1").id.clone();
    let input = play.answer_to(play.question("go-1"), "approve", "ana");
    play.tell_parked(&input);
    play.tell_parked(&Input::Shown { id: id.clone(), shown });
    assert_eq!(play.question_status("go-1"), QuestionStatus::Answered, "nothing has changed");
    play.tell_parked(&Input::Shown { id, shown: other });
    assert_eq!(play.question_status("go-1"), QuestionStatus::Voided);
}

#[test]
fn an_approval_is_used_once() {
    let flow = "steps: [{id: d, run: x, on_failure: escalate, approve: {question: Go?}}]";
    let play = Play::flow(flow).reply("d", [fails("no"), ok()]).run().say("d-1", "approve");
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("d", "d-2"));
    let play = play.say("d-2", "retry");
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("d", "d-3"), "run again, it is approved again");
    assert_eq!(play.question("d-3").kind, QuestionKind::Approval);
    assert_eq!(play.say("d-3", "approve").ends().to_string(), "succeeded");
}

#[test]
fn after_a_known_fix_the_step_is_approved_again() {
    let fix = "  - {id: fix, when: {error: boom}, steps: [{id: mend, run: x}], verify: x}\n";
    let flow = "steps: [{id: d, run: x, approve: {question: Go?}}]";
    let play = Play::flow(flow).detours(fix).reply("d", [fails("boom"), ok()]).run().say("d-1", "approve");
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("d d.fix/mend d.fix/verify", "d-2"));
    assert_eq!(play.question("d-2").reason, "d needs an approval of its own for execution 2");
    assert_eq!(play.say("d-2", "approve").path(), "d d.fix/mend d.fix/verify d");
    // Of a flow, too, and what is refused then does not run again.
    let play = Play::flow("steps: [{id: s, flow: sub, approve: {question: Go?}}]").and_flow("sub", "steps: [{id: i, run: x}]");
    let play = play.detours(&fix.replace("boom", "on_failure is stop")).reply("s/i", [fails("boom")]).run();
    let play = play.say("s-1", "approve");
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("s s/i s.fix/mend s.fix/verify", "s-2"));
    assert_eq!(play.say("s-2", "reject").path(), "s s/i s.fix/mend s.fix/verify s");
}

#[test]
fn an_execution_that_was_lost_or_interrupted_has_used_its_approval() {
    let flow = "steps: [{id: d, run: x, approve: {question: Go?}}]";
    let begun = || Play::flow(flow).reply("d", [super::interrupted(), ok()]).slow("d").run().say("d-1", "approve");
    let stopped = begun().stop(crate::record::StopCause::Sigint).release("d").resume(None);
    for play in [begun().crash(), stopped] {
        assert_eq!((play.path().as_str(), play.asks().as_str()), ("d", "d-2"), "{}", play.story());
        assert_eq!(play.say("d-2", "approve").path(), "d d");
    }
}

#[test]
fn attempts_of_one_execution_share_its_approval() {
    let flow = "steps: [{id: d, run: x, retry: {attempts: 2}, approve: {question: Go?}}]";
    let play = Play::flow(flow).reply("d", [transient("busy"), ok()]).run().say("d-1", "approve");
    assert_eq!((play.ends().to_string().as_str(), play.asks().as_str()), ("succeeded", ""));
}

#[test]
fn each_round_of_a_loop_is_approved() {
    let flow = "steps: [{id: d, run: x, approve: {question: Go?}}, {id: j, run: x, loop: {to: d, max: 2}}]";
    let play = Play::flow(flow).reply("j", [super::unverified(), super::verified()]).answer("d", ["approve"]).run();
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("d j", "d-2"));
}

#[test]
fn an_approval_that_does_not_apply_is_not_asked() {
    let flow =
        "params: {ask: {type: boolean, default: false}}\nsteps: [{id: d, run: x, approve: {when: params.ask, question: Go?}}]";
    assert_eq!(Play::flow(flow).param("ask", json!(false)).run().path(), "d");
    assert_eq!(Play::flow(flow).param("ask", json!(true)).run().asks(), "d-1");
}

#[test]
fn a_deadline_does_what_the_flow_says() {
    for (on_timeout, path, asks, ends) in [
        ("reject", "d", "", "failed"),
        ("fail", "d", "", "failed"),
        ("approve", "d", "", "succeeded"),
        ("escalate", "", "d-2", "waiting"),
        ("wait", "", "d-1", "waiting"),
    ] {
        let flow =
            format!("steps: [{{id: d, run: x, approve: {{question: Go?, to: [ceo], expires: 1h, on_timeout: {on_timeout}}}}}]");
        let mut play = Play::flow(&flow).run();
        assert_eq!(play.asks(), "d-1");
        play.now = play.now.plus(3_600_000);
        play.tell(&Input::Ticked);
        play.drive();
        assert_eq!(
            (play.path().as_str(), play.asks().as_str(), play.ends().to_string().as_str()),
            (path, asks, ends),
            "{on_timeout}"
        );
    }
}

#[test]
fn before_the_deadline_nothing_is_decided() {
    let flow = "steps: [{id: d, run: x, approve: {question: Go?, expires: 1h, on_timeout: reject}}]";
    let mut play = Play::flow(flow).run();
    play.now = play.question("d-1").deadline.unwrap().plus(0);
    play.now = crate::id::Time::from_ms(play.now.as_ms() - 1);
    assert!(!play.tell(&Input::Ticked));
    play.now = play.now.plus(1);
    assert!(play.tell(&Input::Ticked));
}

#[test]
fn a_question_that_escalates_stays_with_its_role() {
    let flow = "steps: [{id: d, run: x, approve: {question: Go?, to: [ceo], expires: 1h, on_timeout: escalate}}]";
    let mut play = Play::flow(flow).run();
    play.now = play.now.plus(3_600_000);
    play.tell(&Input::Ticked);
    assert_eq!(play.question("d-2").to, play.question("d-1").to);
    assert_eq!(play.question_status("d-1"), QuestionStatus::Expired);
}

#[test]
fn a_question_that_goes_on_waiting_wakes_nobody() {
    let flow = "steps: [{id: d, run: x, approve: {question: Go?, expires: 1h, on_timeout: wait}}]";
    let mut play = Play::flow(flow).run();
    play.now = play.now.plus(3_700_000);
    play.tell(&Input::Resumed(crate::kernel::Resume {
        by: "bo".to_owned(),
        from: None,
        options: crate::record::ResumeOptions::default(),
    }));
    let wanted = crate::kernel::commands(&play.state);
    assert_eq!(wanted, [crate::kernel::Command::Rest]);
}

#[test]
fn a_deadline_that_passed_while_nobody_looked_is_acted_on_before_the_run_rests_again() {
    let flow = "steps: [{id: d, run: x, approve: {question: Go?, expires: 1h, on_timeout: reject}}]";
    let mut play = Play::flow(flow).run();
    assert!(crate::kernel::commands(&play.state).contains(&crate::kernel::Command::Rest), "before it, the run may rest");
    play.now = play.now.plus(3_700_000);
    play.tell(&Input::Resumed(crate::kernel::Resume {
        by: "bo".to_owned(),
        from: None,
        options: crate::record::ResumeOptions::default(),
    }));
    let due = play.question("d-1").deadline.unwrap();
    assert_eq!(crate::kernel::commands(&play.state), [crate::kernel::Command::WakeAt(due)]);
}

#[test]
fn an_answer_after_the_deadline_is_too_late() {
    let flow = "steps: [{id: d, run: x, approve: {question: Go?, expires: 1h, on_timeout: reject}}]";
    let mut play = Play::flow(flow).run();
    play.now = play.now.plus(3_600_000);
    play.tell(&Input::Ticked);
    let play = play.say("d-1", "approve");
    assert!(play.refusals()[0].contains("is closed"), "{:?}", play.refusals());
}

const BACK: &str = "jobs: 8
steps:
  - {id: plan, run: x}
  - {id: build, run: x, needs: [plan]}
  - {id: doc, run: x, needs: [plan]}
  - {id: ship, run: x, needs: [build], approve: {question: Go?}}";

#[test]
fn push_back_runs_a_step_and_all_that_depends_on_it_again() {
    let play = Play::flow(BACK).run();
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("plan build doc", "ship-1"));
    let play = play.say("ship-1", "push-back:plan");
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("plan build doc plan build doc", "ship-2"));
    assert_eq!(play.say("ship-2", "approve").ends().to_string(), "succeeded");
}

#[test]
fn push_back_goes_only_back() {
    let play = Play::flow(BACK).run().say("ship-1", "push-back:doc");
    assert!(play.refusals()[0].contains("is not an answer"), "{:?}", play.refusals());
}

#[test]
fn push_back_waits_for_what_would_run_twice() {
    let play = Play::flow(BACK).slow("doc").run().say("ship-1", "push-back:plan");
    assert!(play.refusals()[0].contains("main/doc is still running"), "{:?}", play.refusals());
    let play = play.release("doc").say("ship-1", "push-back:plan");
    assert_eq!(play.path(), "plan build doc plan build doc");
}

#[test]
fn an_approval_that_was_open_when_the_flow_failed_is_asked_again() {
    let flow = "jobs: 8
steps:
  - {id: a, run: x, needs: []}
  - {id: d, run: x, needs: [], approve: {question: Go?}}";
    let play = Play::flow(flow).reply("a", [fails("no"), ok()]).run();
    assert_eq!((play.ends().to_string().as_str(), play.question_status("d-1")), ("failed", QuestionStatus::Voided));
    let play = play.retry("a", false, &[]);
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("a a", "d-2"));
}

#[test]
fn an_approval_shows_and_covers_what_the_step_is_given() {
    let action = |play: &Play, id: &str| play.question(id).action.clone().unwrap();
    let flow = "params: {l: {type: list}}
steps: [{id: e, run: ./send.sh, for_each: params.l, approve: {question: Send?}}]";
    let one = |item: serde_json::Value| Play::flow(flow).param("l", json!([item])).run();
    let (bob, eve) = (one(json!({"id": "x", "to": "bob"})), one(json!({"id": "x", "to": "eve"})));
    assert_eq!(action(&bob, "e.x-1"), "./send.sh\nwith item = {\"id\":\"x\",\"to\":\"bob\"}");
    // The list is a parameter here; worked out by a step, it is in nothing else that is shown.
    let flow = "steps:
  - {id: a, exec: [x]}
  - {id: s, flow: sub, with: {host: '{{steps.a.stdout}}', n: 3}, approve: {question: Open?}}";
    let sub = "params: {host: {type: string}, n: {type: integer}}\nsteps: [{id: b, run: x}, {id: c, run: x}]";
    let opened = |host: &str, sub: &str| Play::flow(flow).and_flow("sub", sub).reply("a", [ok().prints(host)]).run();
    let play = opened("alpha", sub);
    let shown = action(&play, "s-1");
    assert!(shown.starts_with("flow sub (2 steps, sha256 "), "{shown}");
    assert!(shown.ends_with("\nwith host = \"alpha\"\nwith n = 3"), "{shown}");
    let digest = |play: &Play, id: &str| play.question(id).subject_digest.clone();
    assert_ne!(digest(&bob, "e.x-1"), digest(&eve, "e.x-1"));
    assert_ne!(digest(&play, "s-1"), digest(&opened("beta", sub), "s-1"));
    assert_ne!(digest(&play, "s-1"), digest(&opened("alpha", &sub.replace("c, run: x", "c, run: y")), "s-1"));
}
