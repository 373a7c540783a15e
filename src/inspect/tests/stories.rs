//! What a person reads of typical runs.

use serde_json::json;

use crate::{
    id::{FramePath, StepRef},
    inspect::{
        Health, Paste, RunView, Standing, explain, report, status, summary,
        testing::{Says, TestRun, at},
    },
    kernel::{Input, Retry},
    record::{RunOptions, RunStatus},
};

use super::change;

fn params() -> [(&'static str, serde_json::Value); 2] {
    [("client", json!("acme")), ("careful", json!(false))]
}

fn waiting() -> TestRun {
    let replies = [Says::Unverified("no test covers the greeting"), Says::Verified];
    TestRun::new(&change()).says("critique", &replies).start_with(&params(), RunOptions::default())
}

fn told(view: &RunView, step: &str) -> String {
    let explained = explain(view, &at("change", step)).unwrap();
    let mut text = format!("{}\n", explained.standing);
    for line in &explained.defined {
        text += &format!("- {line}\n");
    }
    for one in &explained.story {
        let rule = one.rule.map(|rule| format!(" [{rule}]")).unwrap_or_default();
        text += &format!("{} {}{rule} <{}>\n", &one.at.to_string()[11..19], one.text, one.proof);
    }
    text + &format!("now: {}\n", explained.now)
}

#[test]
fn a_waiting_run_says_who_is_asked_and_how_to_answer() {
    let view = waiting().view();
    let report = status(&view, &Paste::default());
    assert_eq!((report.status, report.flows[0].steps_done), (RunStatus::Waiting, 3));
    assert_eq!(report.questions[0].to, ["ceo"]);
    insta::assert_json_snapshot!("status_waiting", report);
    let summary = summary(&view, &Paste::default());
    assert_eq!(summary.health, Health::Waiting);
    insta::assert_json_snapshot!("summary_waiting", summary);
}

#[test]
fn each_round_of_a_loop_is_told_with_its_limit() {
    insta::assert_snapshot!("explain_loop", told(&waiting().view(), "critique"));
}

#[test]
fn a_skipped_step_says_which_values_its_condition_saw() {
    insta::assert_snapshot!("explain_skipped", told(&waiting().view(), "lint"));
}

#[test]
fn an_answer_is_told_with_its_person_and_an_attempt_with_its_error() {
    let run = waiting();
    let run = run.says("smoke", &[Says::Flaky("connection reset by 10.0.0.1"), Says::Passes]);
    let view = run.answer("apply-1", "approve", "grace", Some("after lunch")).view();
    assert_eq!(view.status(), RunStatus::Succeeded);
    insta::assert_snapshot!("explain_approved", told(&view, "apply"));
    insta::assert_snapshot!("explain_retried", told(&view, "smoke"));
    let flow = FramePath::new("change").unwrap();
    insta::assert_snapshot!("report_succeeded", report(&view, &flow, &Paste::default()).unwrap());
}

#[test]
fn a_failed_run_names_the_step_the_proof_and_the_command() {
    let run = waiting().says("smoke", &[Says::Fails("exit 1: status=down")]);
    let view = run.answer("apply-1", "approve", "ada", None).view();
    let paste = Paste::with_runs("/srv/run base");
    let summary = summary(&view, &paste);
    assert_eq!(summary.health, Health::Failed);
    insta::assert_json_snapshot!("summary_failed", summary);
    let flow = FramePath::new("change").unwrap();
    insta::assert_snapshot!("report_failed", report(&view, &flow, &paste).unwrap());
}

#[test]
fn a_step_that_runs_again_says_who_asked_and_what_changed() {
    let run = waiting().says("smoke", &[Says::Fails("exit 1: status=down"), Says::Passes]);
    let mut run = run.answer("apply-1", "approve", "grace", None);
    let retry = Retry {
        by: "ada".to_owned(),
        flow: FramePath::new("change").unwrap(),
        step: StepRef::new("smoke").unwrap(),
        only: false,
        set: [("client".parse().unwrap(), json!("acme-north"))].into(),
        options: crate::record::ResumeOptions::default(),
    };
    run.tell(&Input::Retried(retry));
    run.work();
    let view = run.view();
    assert_eq!(view.status(), RunStatus::Succeeded);
    insta::assert_snapshot!("explain_again", told(&view, "smoke"));
    let executions = view.executions(&at("change", "smoke"));
    assert_eq!(executions.len(), 2);
    assert!(executions[0].set_aside.is_some() && executions[1].set_aside.is_none());
}

#[test]
fn a_run_that_nobody_drives_is_interrupted_and_can_be_resumed() {
    let run = TestRun::new(&change()).stopping_before("critique").start_with(&params(), RunOptions::default());
    let view = run.view();
    let report = status(&view, &Paste::default());
    assert_eq!(report.status, RunStatus::Interrupted);
    assert_eq!(report.flows[0].running[0].step_id.as_str(), "critique");
    assert_eq!(report.next[0].command, "flow-studio resume r-1");
    assert_eq!(explain(&view, &at("change", "apply")).unwrap().now, "it waits for critique (running), lint (pending)");
    let summary = summary(&view, &Paste::default());
    assert_eq!(summary.health, Health::Stuck);
    assert_eq!(summary.cause.as_deref(), Some("the process that drove it is gone"));
}

#[test]
fn a_step_that_lacks_something_is_blocked() {
    let run =
        TestRun::new(&[("flows/x.yaml", "flow: x\ntitle: X\nsteps:\n  - {id: build, run: ./build.sh, expect: {exit: 0}}\n")]);
    let view = run.says("build", &[Says::Lacks("src/main.c")]).start().view();
    let report = status(&view, &Paste::default());
    assert_eq!(report.flows[0].steps[0].standing, Standing::Blocked);
    assert_eq!(summary(&view, &Paste::default()).health, Health::Stuck);
    insta::assert_snapshot!("explain_blocked", {
        let explained = explain(&view, &at("x", "build")).unwrap();
        explained.story.iter().map(|one| format!("{} <{}>\n", one.text, one.proof)).collect::<String>() + &explained.now
    });
}

#[test]
fn a_report_names_what_was_written_and_takes_no_text_for_markup() {
    let flow = "flow: x\ntitle: \"Break | *things* `<b>`\"\nsteps:\n  - {id: build, run: ./build.sh, expect: {exit: 0}}\n";
    let view = TestRun::new(&[("flows/x.yaml", flow)]).says("build", &[Says::Writes("artifacts/a|b.md")]).start().view();
    let text = report(&view, &FramePath::new("x").unwrap(), &Paste::default()).unwrap();
    insta::assert_snapshot!("report_artifacts", text);
    assert_eq!(text, report(&view, &FramePath::new("x").unwrap(), &Paste::default()).unwrap());
}
