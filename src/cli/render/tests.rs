//! What a terminal shows, as it is read.

use crate::{
    cli::{explain, list, show, status},
    id::Time,
    inspect::{
        Paste, RunFlow, RunLine, RunList, explain as explained, status as stands, step_files, summary as ends,
        testing::{START_MS, Says, TestRun, at},
    },
    record::{RunOptions, RunStatus},
};

const FLOW: &str = r#"
flow: deploy
title: Put it live
steps:
  - {id: build, run: ./build.sh, expect: {exit: 0}}
  - id: apply
    run: ./apply.sh
    expect: {exit: 0}
    effects: once
    approve: {question: "Put build 7 live? Everybody who calls hears it.", to: [ceo], evidence: [plan.md]}
  - {id: smoke, run: ./smoke.sh, expect: {exit: 0}}
"#;

fn waiting() -> TestRun {
    TestRun::new(&[("flows/deploy.yaml", FLOW)]).start_with(&[], RunOptions::default())
}

fn later(minutes: u64) -> Time {
    Time::from_ms(START_MS).plus(minutes * 60_000)
}

#[test]
fn a_status_that_waits() {
    insta::assert_snapshot!(status::render(&stands(&waiting().view(), &Paste::default()), later(5), false));
}

#[test]
fn a_status_that_failed() {
    let run = waiting().says("smoke", &[Says::Fails("exit 1: the line is dead")]).answer("apply-1", "approve", "grace", None);
    insta::assert_snapshot!(status::render(&stands(&run.view(), &Paste::default()), later(90), false));
}

#[test]
fn the_last_words_of_a_run() {
    let run = waiting().says("smoke", &[Says::Fails("exit 1: the line is dead")]).answer("apply-1", "approve", "grace", None);
    insta::assert_snapshot!(super::summary_text(&ends(&run.view(), &Paste::default()), false));
}

#[test]
fn colour_is_only_added() {
    let report = stands(&waiting().view(), &Paste::default());
    let colored = status::render(&report, later(5), true);
    let bare = regex::Regex::new("\x1b\\[[0-9]+m").unwrap().replace_all(&colored, "").into_owned();
    assert_eq!(bare, status::render(&report, later(5), false));
    assert_ne!(colored, bare);
}

#[test]
fn an_explanation() {
    let run = waiting().answer("apply-1", "approve", "grace", Some("go"));
    let told = explained(&run.view(), &at("deploy", "apply")).unwrap();
    insta::assert_snapshot!(explain::render(&told, "run_base/r-1", false));
}

#[test]
fn a_step_with_its_files() {
    let run = waiting().says("smoke", &[Says::Fails("dead")]).answer("apply-1", "approve", "grace", None);
    let shown = show::Shown::Step(step_files(&run.view(), &at("deploy", "smoke")));
    insta::assert_snapshot!(show::render(&shown, "run_base/r-1", later(5), false));
}

#[test]
fn a_list_of_runs() {
    let line = |id: &str, status, questions, minutes| RunLine {
        run_id: id.parse().unwrap(),
        status: Some(status),
        flows: vec![RunFlow { flow_path: "deploy".parse().unwrap(), status, steps_done: 1, steps_total: 3, observed: None }],
        questions,
        answered: None,
        created_at: Some(later(minutes)),
        updated_at: Some(later(minutes + 3)),
        started_by: Some("ada".to_owned()),
        damaged: None,
    };
    let damaged = RunLine {
        status: None,
        flows: Vec::new(),
        created_at: None,
        updated_at: None,
        started_by: None,
        damaged: Some("run.json is missing or cannot be read".to_owned()),
        ..line("deploy-1", RunStatus::Failed, 0, 0)
    };
    let runs = vec![
        damaged,
        line("deploy-3", RunStatus::Waiting, 1, 50),
        RunLine { answered: Some("go-1".parse().unwrap()), ..line("deploy-4", RunStatus::Interrupted, 0, 45) },
        line("a-long-name-of-a-run", RunStatus::Running, 0, 40),
        line("deploy-2", RunStatus::Succeeded, 0, 10),
    ];
    let list = RunList { schema: RunList::SCHEMA.to_owned(), runs };
    insta::assert_snapshot!(list::render(&list, later(60), false));
}
