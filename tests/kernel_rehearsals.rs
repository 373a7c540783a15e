//! Scenarios played in memory: what they show, and what a person is told when they differ.

use std::{collections::BTreeMap, sync::Arc};

use flow_studio::{
    engine::Scenario,
    id::FlowKey,
    plan::Book,
    runner::{Rehearsal, rehearse},
    spec::{Loader, params},
};

const BUILD: &str = "flow: build
steps:
  - {id: implement, run: ./implement.sh}
  - {id: critique, run: ./critique.sh, loop: {to: implement, max: 3}}
  - {id: unit-tests, run: ./test.sh, retry: {attempts: 3, delay: 1h}}
  - {id: approve-deploy, ask: {question: Deploy it?, to: [ceo]}}
  - {id: deploy, run: ./deploy.sh, effects: once, approve: {question: 'Really, {{run.by}}?', evidence: [plan.md]}}";

fn play(flow: &str, scenario: &str) -> Rehearsal {
    let files = [("flows/build.yaml", flow), ("flows/detours.yaml", DETOURS)];
    let library = Loader::in_memory(files).load_library(&FlowKey::new("build").unwrap());
    let library = library.unwrap_or_else(|found| panic!("{}", found.render(false))).value;
    let book = Arc::new(Book::build(&Arc::new(library)).unwrap());
    let scenario = Scenario::parse(scenario).unwrap_or_else(|found| panic!("{}", found.render(false)));
    let params = params::resolve(book.library.main_flow().unwrap(), &BTreeMap::new()).unwrap();
    rehearse(&book, &scenario, params)
}

const DETOURS: &str = "detours:
  - id: import-fix
    when: {error: ModuleNotFoundError}
    steps: [{id: install, run: pip install x}]
    verify: python -c 'import x'
";

fn build(rest: &str) -> Rehearsal {
    play(BUILD, &format!("flow: build\n{rest}"))
}

fn path(found: &Rehearsal) -> String {
    found.path.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_scenario_that_says_everything_holds() {
    let found = build(
        "steps:
  critique: [{status: UNVERIFIED, concerns: [{severity: HIGH, description: no tests}]}, {status: VERIFIED}]
answers: {approve-deploy: {choose: approve, as: ceo}, deploy: {choose: approve}}
expect:
  path: [implement, critique, implement, critique, unit-tests, approve-deploy, deploy]
  decisions: {critique: [LOOP, CONTINUE]}
  ends: succeeded
  warnings: []",
    );
    assert_eq!(found.differences, Vec::<String>::new());
}

#[test]
fn a_scenario_that_says_nothing_expects_nothing_but_an_end() {
    let answers = "answers: {approve-deploy: {choose: approve}, deploy: {choose: approve}}";
    assert_eq!(build(answers).differences, Vec::<String>::new());
    let failed = build("steps: {implement: [{exit: 1}]}");
    assert_eq!((failed.ends.to_string(), failed.differences.len()), ("failed".to_owned(), 0));
}

#[test]
fn who_ends_waiting_without_saying_so_is_told_the_question() {
    let found = build("");
    assert_eq!(
        found.differences,
        ["it waits for a person: Deploy it? (approve-deploy-1)\n  add       answers: {approve-deploy: {choose: approve|reject}}"]
    );
    assert_eq!(build("expect: {ends: waiting}").differences, Vec::<String>::new());
}

/// What is told to add can be added, also for an item.
#[test]
fn a_question_of_one_item_is_answered_by_the_name_that_is_told() {
    let flow = "flow: build
params: {all: {type: list, default: [a, b]}}
steps: [{id: each, for_each: params.all, as: one, ask: {question: 'What of {{one}}?'}}]";
    let found = play(flow, "flow: build\nanswers: {each.a-1: {choose: approve}}");
    assert_eq!(
        found.differences,
        ["it waits for a person: What of b? (each.b-1)\n  add       answers: {each.b-1: {choose: approve|reject}}"]
    );
    assert_eq!(
        play(flow, "flow: build\nanswers: {each.a-1: {choose: approve}, each.b-1: {choose: approve}}").differences.len(),
        0
    );
}

#[test]
fn a_path_that_differs_is_shown_beside_the_one_expected() {
    let found = build("answers: {approve-deploy: {choose: reject}}\nexpect: {path: [implement, critique, deploy]}");
    assert_eq!(
        found.differences,
        ["path, from its 3rd step on
  expected  implement critique deploy
  was       implement critique unit-tests approve-deploy
                               ^"]
    );
}

#[test]
fn decisions_ends_and_warnings_that_differ_are_named() {
    let found = build(
        "steps: {implement: [{exit: 3, stderr: boom}]}
expect: {decisions: {implement: [CONTINUE], critique: [CONTINUE]}, ends: succeeded, warnings: [slow]}",
    );
    assert_eq!(
        found.differences,
        [
            "decisions after `critique`\n  expected  CONTINUE\n  was       nothing",
            "decisions after `implement`\n  expected  CONTINUE\n  was       TERMINATE",
            "end\n  expected  succeeded\n  was       failed (implement: exit code 3: boom; on_failure is stop)",
            "no warning says `slow`\n  was       ",
        ]
    );
}

#[test]
fn the_script_goes_on_with_each_try_and_nobody_waits() {
    let found = build("steps: {unit-tests: [{exit: 1}, {exit: 1}, {exit: 0}]}\nexpect: {ends: waiting}");
    assert_eq!(path(&found), "implement critique unit-tests approve-deploy");
}

#[test]
fn a_known_failure_takes_its_detour() {
    let found = build("steps: {implement: [{exit: 1, stderr: 'ModuleNotFoundError: x'}, {exit: 0}]}\nexpect: {ends: waiting}");
    assert_eq!(path(&found), "implement install verify implement critique unit-tests approve-deploy");
}

#[test]
fn a_rejected_step_is_not_on_the_path() {
    let found = build("answers: {approve-deploy: {choose: approve}, deploy: {choose: reject}}");
    assert_eq!((path(&found).ends_with("approve-deploy"), found.ends.to_string().as_str()), (true, "failed"));
}

#[test]
fn an_answer_that_is_none_is_told() {
    let found = build("answers: {approve-deploy: {choose: perhaps}}\nexpect: {ends: waiting}");
    assert_eq!(found.differences.len(), 1);
    assert!(found.differences[0].contains("`perhaps` is not an answer"), "{:?}", found.differences);
    let found = build("answers: {approve-deploy: {choose: approve, as: intern}}\nexpect: {ends: waiting}");
    assert!(found.differences[0].contains("may be answered by ceo"), "{:?}", found.differences);
}

#[test]
fn answers_that_go_in_a_circle_have_an_end() {
    let flow = "flow: build\nsteps: [{id: a, run: x, on_failure: escalate}]";
    let found = play(flow, "flow: build\nsteps: {a: [{exit: 1}]}\nanswers: {a: {choose: retry}}");
    assert!(found.differences[0].starts_with("it does not end"), "{:?}", found.differences);
}

#[test]
fn what_expressions_ask_for_is_taken_from_the_script() {
    let flow = "flow: build
steps: [{id: a, run: x}, {id: b, run: x, when: 'steps.a.json.errors > 3'}, {id: c, run: x, when: \"steps.a.stdout.contains('green')\"}]";
    let found = play(flow, "flow: build\nsteps: {a: [{json: {errors: 5}}]}");
    assert_eq!(path(&found), "a b");
}
