//! What is said of steps that stand beside others: joins of some, a line that is stopped.

use std::collections::BTreeMap;

use crate::{
    inspect::{
        Paste, explain, report, status,
        testing::{Says, TestRun, at},
    },
    kernel::{Input, Retry},
    record::RunStatus,
};

const JOIN: &str = "flow: x\ntitle: X\njobs: 4\nsteps:\n  - {id: a, needs: [], run: a}\n  - {id: b, needs: [], run: b}\n  - {id: c, needs: [], run: c}\n  - {id: j, needs: [a, b, c], join: any, run: j}\n";

#[test]
fn a_join_of_some_names_only_those_that_were_over_when_it_started() {
    let view = TestRun::new(&[("flows/x.yaml", JOIN)]).start().view();
    let told = explain(&view, &at("x", "j")).unwrap();
    assert_eq!(told.story[0].text, "execution 1 started: what it needs was over: a");
}

const STOP: &str = "flow: x\ntitle: X\njobs: 4\nsteps:\n  - {id: a, needs: [], run: a, escalate: {when: step.passed, halt: run, question: 'Stop?'}}\n  - {id: b, needs: [], run: b}\n  - {id: b2, needs: [b], run: b2}\n";

#[test]
fn a_ready_step_says_which_question_stops_the_line() {
    let run = TestRun::new(&[("flows/x.yaml", STOP)]).start();
    let now = |step: &str, run: &TestRun| explain(&run.view(), &at("x", step)).unwrap().now;
    assert_eq!(now("b2", &run), "nothing starts in this run until a-1, which stopped the line, is answered");
    assert_eq!(now("b2", &run.answer("a-1", "approve", "ada", None)), "it is done");
}

const ROLLS: &str = "flow: x\ntitle: X\nsteps:\n  - {id: a, run: a, undo: ua}\n  - {id: b, run: b, undo: ub}\n  - {id: d, run: d, on_failure: rollback}\n";

#[test]
fn a_rollback_that_left_something_is_no_success_and_comes_before_a_retry() {
    let rolls = || TestRun::new(&[("flows/x.yaml", ROLLS)]).says("d", &[Says::Fails("no")]);
    let told = status(&rolls().says("undo-b", &[Says::Fails("exit code 7")]).start().view(), &Paste::default());
    let back = &told.flows[1];
    assert_eq!((back.flow_path.as_str(), back.status), ("x.rollback", RunStatus::Failed));
    assert!(back.reason.as_deref().unwrap().starts_with("ROLLBACK INCOMPLETE"), "{back:?}");
    let commands: Vec<&str> = told.next.iter().map(|next| next.command.as_str()).collect();
    let show = "flow-studio show r-1 undo-b --flow x.rollback --log";
    assert_eq!(commands, [show, "flow-studio retry r-1 --flow x --step a", "flow-studio explain r-1 d --flow x"]);
    assert!(told.next[0].why.contains("by hand") && told.next[1].why.contains("not taken back"), "{:?}", told.next);
    let whole = status(&rolls().start().view(), &Paste::default());
    assert_eq!((whole.flows[1].status, whole.next.len()), (RunStatus::Succeeded, 2));
}

#[test]
fn a_step_that_was_taken_back_is_not_told_as_done() {
    let rolls = || TestRun::new(&[("flows/x.yaml", ROLLS)]).says("d", &[Says::Fails("no"), Says::Passes]);
    let mut run = rolls().says("undo-b", &[Says::Fails("exit code 7")]).start();
    let told = |step: &str, run: &TestRun| explain(&run.view(), &at("x", step)).unwrap();
    assert_eq!(told("a", &run).now, "it is done, and what it did was taken back (undo-a of x.rollback)");
    assert_eq!(
        told("b", &run).now,
        "it is done, and what it did was NOT taken back: undo-b of x.rollback failed, see what stands by hand"
    );
    assert_eq!(told("d", &run).now, "it failed, and stopped its flow");
    let last = |step: &str, run: &TestRun| told(step, run).story.pop().unwrap();
    assert_eq!(last("a", &run).text, "undo-a of x.rollback took it back, because d failed");
    assert_eq!(last("a", &run).proof, "x.rollback/receipts/undo-a-shell.json");
    let left = "undo-b of x.rollback was to take it back, because d failed, and did not: exit code 7";
    assert_eq!(last("b", &run).text, left);
    let report = |run: &TestRun| report(&run.view(), &"x".parse().unwrap(), &Paste::default()).unwrap();
    for said in ["| a | run | succeeded, taken back |", "| b | run | succeeded, NOT taken back |", "| d | run | failed |"] {
        assert!(report(&run).contains(said), "{said}: {}", report(&run));
    }
    let lines = |run: &TestRun| {
        let flow = status(&run.view(), &Paste::default()).flows.remove(0);
        ["a", "b", "d"].map(|step| flow.steps.iter().find(|line| line.step_id.as_str() == step).unwrap().taken_back)
    };
    assert_eq!(lines(&run), [Some(true), Some(false), None]);
    // Done again, it stands again; that it was taken back stays its story.
    let again = Retry {
        by: "ada".to_owned(),
        flow: "x".parse().unwrap(),
        step: "a".parse().unwrap(),
        only: false,
        set: BTreeMap::new(),
        options: crate::record::ResumeOptions::default(),
    };
    run.tell(&Input::Retried(again));
    run.work();
    assert_eq!(told("a", &run).now, "it is done");
    assert!(told("a", &run).story.iter().any(|one| one.text.starts_with("undo-a of x.rollback took it back")));
    assert!(!report(&run).contains("taken back"), "{}", report(&run));
    assert_eq!(lines(&run), [None; 3]);
}
