//! A view is the kernel's own fold, and nothing besides.

use crate::{
    id::{RunId, StepRef},
    inspect::{
        Paste, RunView, SetAside, Standing, ViewError, status,
        testing::{Says, TestRun, at},
    },
    record::{RunOptions, RunStatus},
};

use super::change;

const NESTED: &str = "
flow: outer
title: Outer
params:
  places: {type: list, default: [north, south]}
steps:
  - id: each
    for_each: params.places
    as: place
    run: ./one.sh
    expect: {exit: 0}
  - id: inside
    flow: inner
  - id: last
    run: ./last.sh
    expect: {exit: 0}
";
const INNER: &str = "flow: inner\ntitle: Inner\nsteps:\n  - {id: work, run: ./work.sh, expect: {exit: 0}}\n";

fn nested() -> TestRun {
    TestRun::new(&[("flows/outer.yaml", NESTED), ("flows/inner.yaml", INNER)])
}

#[test]
fn one_fact_at_a_time_gives_the_state_that_whole_lines_give() {
    let places = [("places", serde_json::json!(["north", "south"]))];
    for run in [
        TestRun::new(&change())
            .says("critique", &[Says::Unverified("thin"), Says::Verified])
            .start_with(&[("client", serde_json::json!("a")), ("careful", serde_json::json!(true))], RunOptions::default()),
        nested().says("work", &[Says::Fails("boom")]).start_with(&places, RunOptions::default()),
        nested().start_with(&places, RunOptions::default()),
    ] {
        let view = run.view();
        assert_eq!(format!("{:?}", view.state), format!("{:?}", run.state));
    }
}

#[test]
fn instances_and_sub_flows_are_found_by_name() {
    let view = nested().start_with(&[("places", serde_json::json!(["north", "south"]))], RunOptions::default()).view();
    assert_eq!(view.status(), RunStatus::Succeeded);
    let names: Vec<String> = view.step_names(view.roots().next().unwrap()).iter().map(ToString::to_string).collect();
    assert_eq!(names, ["each", "each[north]", "each[south]", "inside", "last"]);
    assert_eq!(view.find_step(None, "each[south]").unwrap(), at("outer", "each[south]"));
    assert_eq!(view.find_step(None, "work").unwrap(), at("outer.inside", "work"));
    assert_eq!(view.find_step(Some("outer.inside"), "work").unwrap(), at("outer.inside", "work"));
    assert_eq!(view.find_step(None, "outer.inside/work").unwrap(), at("outer.inside", "work"));
    let unknown = view.find_step(None, "wrok").unwrap_err();
    assert_eq!(unknown.hint.as_deref(), Some("did you mean `work`?"));
    let standings = view.standings(&"outer".parse().unwrap());
    assert!(standings.values().all(|one| *one == Standing::Succeeded));
    assert_eq!(standings.len(), 5);
}

#[test]
fn the_innermost_failure_is_the_one_to_run_again() {
    let places = [("places", serde_json::json!([]))];
    let view = nested().says("work", &[Says::Fails("boom")]).start_with(&places, RunOptions::default()).view();
    let report = status(&view, &Paste::default());
    let commands: Vec<&str> = report.next.iter().map(|next| next.command.as_str()).collect();
    assert_eq!(
        commands,
        [
            "flow-studio retry r-1 --flow outer.inside --step work",
            "flow-studio resume r-1 --flow outer --refresh",
            "flow-studio explain r-1 work --flow outer.inside"
        ]
    );
    assert_eq!(report.flows[0].failing.as_ref().unwrap().step_id, StepRef::new("inside").unwrap());
}

#[test]
fn a_round_that_was_repeated_no_longer_counts() {
    let run = TestRun::new(&change()).says("critique", &[Says::Unverified("thin"), Says::Verified]);
    let run = run.start_with(&[("client", serde_json::json!("a")), ("careful", serde_json::json!(true))], RunOptions::default());
    let view = run.view();
    for step in ["draft", "critique"] {
        let executions = view.executions(&at("change", step));
        assert_eq!(
            executions.iter().map(|one| one.set_aside.clone()).collect::<Vec<_>>(),
            [Some(SetAside::Loop), None],
            "{step}"
        );
        assert_eq!(executions.iter().map(|one| one.iteration).collect::<Vec<_>>(), [Some(1), Some(2)]);
    }
}

#[test]
fn a_run_without_a_line_is_no_view() {
    let empty = RunView::replay(RunId::new("r-1").unwrap(), [], |_| Err("nothing is asked for".into()));
    assert!(matches!(empty, Err(ViewError::Empty)));
}

#[test]
fn a_definition_that_cannot_be_read_is_an_integrity_failure() {
    let run = nested().start_with(&[("places", serde_json::json!([]))], RunOptions::default());
    let broken = RunView::replay(RunId::new("r-1").unwrap(), run.entries, |wanted| {
        assert_eq!((wanted.flow.as_str(), wanted.generation), ("outer", 1));
        Err("frozen file flows/outer.yaml was changed".into())
    });
    let error = broken.unwrap_err();
    assert!(error.is_integrity());
    assert_eq!(error.to_string(), "what defined flow `outer` (generation 1) could not be read");
}
