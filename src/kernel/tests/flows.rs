//! Flows inside flows, and several flows in one run.

use serde_json::json;

use super::{Play, blocked, fails, ok};

const MAIN: &str = "steps: [{id: a, run: x}, {id: s, flow: sub, with: {n: 'is {{params.p}}'}}, {id: z, run: x}]";
const WITH: &str = "params: {p: {type: string}}\n";
const SUB: &str =
    "params: {n: {type: string, required: true}, m: {type: integer, default: 7}}\nsteps: [{id: b, run: x}, {id: c, run: x}]";

fn nested() -> Play {
    Play::flow(&format!("{WITH}{MAIN}")).and_flow("sub", SUB).param("p", json!("here"))
}

#[test]
fn a_sub_flow_runs_in_its_step_and_has_its_own_params() {
    let play = nested().run();
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a s s/b s/c z", "succeeded"));
    let params: Vec<_> = play.frame("main.s").params.values().cloned().collect();
    assert_eq!(params, [json!(7), json!("is here")]);
}

#[test]
fn a_sub_flow_that_fails_fails_its_step() {
    let play = nested().reply("b", [fails("no")]).run();
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a s s/b", "failed"));
    assert!(play.reason("main").contains("b: no"), "{}", play.reason("main"));
}

#[test]
fn a_question_inside_a_sub_flow_names_where_it_stands() {
    let play = nested().reply("b", [blocked("x"), ok()]).run();
    assert_eq!(play.asks(), "main.s.b-1");
    let play = play.say("main.s.b-1", "retry");
    assert_eq!(play.ends().to_string(), "succeeded");
}

#[test]
fn a_sub_flow_with_a_warning_leaves_its_step_unverified() {
    let sub = "params: {n: {type: string, required: true}}\nsteps: [{id: b, run: x, on_failure: continue}, {id: c, run: x}]";
    let play = Play::flow(&format!("{WITH}{MAIN}")).and_flow("sub", sub).param("p", json!("h")).reply("b", [fails("no")]).run();
    assert_eq!(play.decisions("s"), ["CONTINUE unverified-forward"]);
}

#[test]
fn flows_nest_to_a_limit() {
    let mut play = Play::flow("steps: [{id: s, flow: f1}]");
    for level in 1..7 {
        play = play.and_flow(&format!("f{level}"), &format!("steps: [{{id: s, flow: f{}}}]", level + 1));
    }
    let play = play.and_flow("f7", "steps: [{id: s, run: x}]").run();
    assert_eq!(play.ends().to_string(), "failed");
    assert!(play.reason("main").contains("nested more than 6 deep"), "{}", play.reason("main"));
}

#[test]
fn a_failing_flow_ends_the_flows_inside_it() {
    let flow = "jobs: 8\nsteps: [{id: a, run: x, needs: []}, {id: s, flow: sub, needs: []}]";
    let play =
        Play::flow(flow).and_flow("sub", "steps: [{id: b, run: x}, {id: c, run: x}]").slow("b").reply("a", [fails("no")]).run();
    assert_eq!(play.path(), "a s s/b");
    let play = play.release("b");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a s s/b", "failed"));
    assert!(!play.is_open("main.s"));
}

#[test]
fn a_sub_flow_that_is_done_when_the_flow_around_it_has_failed_is_not_done_again() {
    let flow = "jobs: 2
steps:
  - {id: pay, needs: [], flow: sub}
  - {id: ship, needs: [], run: x}";
    let sub = "steps: [{id: charge, run: x, effects: once}]";
    let play = Play::flow(flow).and_flow("sub", sub).slow("charge").reply("ship", [fails("no"), ok()]).run().release("charge");
    assert_eq!((play.ends().to_string().as_str(), play.is_open("main.pay")), ("failed", false), "{}", play.story());
    assert_eq!(play.reason("main.pay"), "all steps are done");
    let play = play.retry("ship", false, &[]);
    let path = play.path();
    assert_eq!((path.matches("charge").count(), path.matches("ship").count()), (1, 2), "{path}");
    assert_eq!(play.ends().to_string(), "succeeded");
    // Where something of it is left to do, it is not.
    let longer = "steps: [{id: charge, run: x}, {id: tell, run: x}]";
    let play = Play::flow(flow).and_flow("sub", longer).slow("charge").reply("ship", [fails("no")]).run().release("charge");
    assert_eq!(play.reason("main.pay"), "the flow around it failed");
}

#[test]
fn a_question_in_a_sub_flow_does_not_outlive_the_flow() {
    let flow = "jobs: 8\nsteps: [{id: a, run: x, needs: []}, {id: s, flow: sub, needs: []}]";
    let play = Play::flow(flow).and_flow("sub", "steps: [{id: q, ask: {question: Go?}}]").slow("a").run();
    assert_eq!(play.asks(), "main.s.q-1");
    let play = play.reply("a", [fails("no")]).release("a");
    assert_eq!((play.asks().as_str(), play.ends().to_string().as_str()), ("", "failed"));
}

#[test]
fn a_step_of_a_sub_flow_can_be_run_again_and_its_parents_wait_for_it() {
    let mut play = nested().run();
    play.tell(&crate::kernel::Input::Retried(crate::kernel::Retry {
        by: "bo".to_owned(),
        flow: crate::id::FramePath::new("main.s").unwrap(),
        step: crate::id::StepRef::new("c").unwrap(),
        only: false,
        set: std::collections::BTreeMap::new(),
        options: crate::record::ResumeOptions::default(),
    }));
    play.drive();
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a s s/b s/c z s/c z", "succeeded"));
}

#[test]
fn several_flows_share_a_run() {
    let other = "steps: [{id: a, run: x, approve: {question: Go?}}]";
    let play = Play::flow("steps: [{id: a, run: x, approve: {question: Go?}}]").and_flow("plan", other).run();
    let play = play.say("a-1", "approve");
    assert_eq!(play.ends().to_string(), "succeeded");
    let play = play.start("plan");
    // Questions of steps with the same name are told apart.
    assert_eq!((play.asks().as_str(), play.ends().to_string().as_str()), ("plan.a-1", "waiting"));
    let play = play.say("plan.a-1", "approve");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a plan/a", "succeeded"));
}

#[test]
fn a_flow_that_is_over_can_run_again_and_its_executions_are_counted_on() {
    let play = Play::flow("steps: [{id: a, run: x}]").run().start("main");
    assert_eq!((play.path().as_str(), play.frame("main").generation), ("a a", 2));
    assert_eq!(play.frame("main").steps[0].execution, 2);
}

#[test]
fn a_flow_that_is_open_is_not_started_twice() {
    let play = Play::flow("steps: [{id: a, run: x}]").reply("a", [blocked("x")]).run().start("main");
    assert_eq!(play.refusals(), ["flow `main` of this run has not ended: use resume, or another run id"]);
}

/// A flow that takes one of each, and one step that gives it what a template says.
fn strict(with: &str, x: &serde_json::Value) -> Play {
    let strict = r#"
params: {n: {type: integer, required: true}, e: {type: enum, values: [one, two]}, p: {type: string, pattern: "[a-z]+"},
         b: {type: boolean}, l: {type: list}}
steps: [{id: b, run: x, when: 'params.n > 3'}]"#;
    let outer = format!("params: {{x: {{type: {}}}}}\nsteps: [{{id: s, flow: strict, with: {with}}}]", kind(x));
    Play::flow(&outer).and_flow("strict", strict).param("x", x.clone()).run()
}

fn kind(value: &serde_json::Value) -> &'static str {
    match value {
        serde_json::Value::Number(_) => "integer",
        serde_json::Value::Bool(_) => "boolean",
        serde_json::Value::Array(_) => "list",
        _ => "string",
    }
}

#[test]
fn what_a_template_gives_a_sub_flow_is_held_against_its_parameters() {
    let evil = json!("-rf / ; EVIL 9");
    for (name, with, says) in [
        ("n", "{n: '{{params.x}}'}", "expected a whole number, found `-rf / ; EVIL 9`"),
        ("e", "{n: 1, e: '{{params.x}}'}", "`-rf / ; EVIL 9` is not among its values"),
        ("p", "{n: 1, p: '{{params.x}}'}", "`-rf / ; EVIL 9` does not match the pattern [a-z]+"),
        ("b", "{n: 1, b: 'is {{params.x}}'}", "expected true or false, found `is -rf / ; EVIL 9`"),
    ] {
        let play = strict(with, &evil);
        assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("s", "failed"), "{with}");
        let reason = play.reason("main");
        assert!(reason.contains(&format!("the parameter `{name}`: {says}")), "{reason}");
    }
}

#[test]
fn what_a_template_gives_a_sub_flow_has_the_type_that_it_declares() {
    let given = |with: &str, x: serde_json::Value, name: &str| {
        let play = strict(with, &x);
        assert_eq!(play.ends().to_string(), "succeeded", "{with}: {}", play.reason("main"));
        play.frame("main.s").params.get(&crate::id::ParamName::new(name).unwrap()).cloned()
    };
    assert_eq!(given("{n: '{{params.x}}'}", json!(7), "n"), Some(json!(7)));
    assert_eq!(given("{n: '7'}", json!("a"), "n"), Some(json!(7)));
    assert_eq!(given("{n: '4{{params.x}}'}", json!("2"), "n"), Some(json!(42)));
    assert_eq!(given("{n: 1, b: '{{ params.x }}'}", json!(true), "b"), Some(json!(true)));
    assert_eq!(given("{n: 1, l: '{{params.x}}'}", json!(["a", "b, c"]), "l"), Some(json!(["a", "b, c"])));
    assert_eq!(given("{n: 1, p: '{{params.x}}'}", json!("abc"), "p"), Some(json!("abc")));
    assert_eq!(given("{n: '{{params.x}}'}", json!("7\n"), "n"), Some(json!(7)));
    // What was left out outside is left out inside.
    assert_eq!(given("{n: 1, e: '{{params.x}}'}", json!(null), "e"), Some(json!(null)));
    assert!(strict("{n: '{{params.x}}'}", &json!(null)).reason("main").contains("the parameter `n`: expected a whole number"));
}
