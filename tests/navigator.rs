//! A step that chooses, the whole way: from a flow and a server on this machine to files, questions and readers.

mod common;

use common::{
    Live, Test,
    llm::{Llm, Turn, says},
    until,
};
use serde_json::{Value, json};

const WAYS: &str = "charter: {goal: a green build, non_goals: [no new features]}
steps:
  - {id: look, run: 'echo SENTENCE-OF-A-TOOL >&2; exit 3', on_failure: continue}
  - {id: which, agent: navigator, route: navigator}
  - {id: fix, title: Mend what is red, run: ':', needs: [which]}
  - {id: ask-more, run: ':', needs: [which]}
  - {id: end, run: ':', needs: [fix, ask-more], needs_skipped: ok}
";

fn choice(next: &str, confidence: f64) -> Turn {
    let answer = json!({"next": next, "reason": "exit code 3", "confidence": confidence, "proposal": null});
    says(&answer.to_string())
}

fn test(llm: &Llm, flow: &str) -> Test {
    Test::new()
        .flow("work", flow)
        .file("agents/navigator.md", include_str!("../agents/navigator.md"))
        .file("flow-studio.toml", "[models]\nfast = [\"small\"]\nstandard = [\"large\"]\n")
        .env("OPENAI_BASE_URL", &llm.url)
}

/// What a reader prints, with its lines joined.
fn told(test: &Test, args: &[&str]) -> String {
    test.go(args).code(0).stdout.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn shows(test: &Test, args: &[&str], text: &str) {
    let told = told(test, args);
    assert!(told.contains(text), "{told}");
}

fn decisions(test: &Test, step: &str) -> Vec<Value> {
    let all = test.text("run_base/r/work/routing/decisions.jsonl");
    let all = all.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
    all.filter(|one| one["step_id"] == step).collect()
}

#[test]
fn a_small_model_sees_figures_and_chooses_from_a_closed_list() {
    let llm = Llm::script([choice("fix", 0.8)]);
    let test = test(&llm, WAYS);
    test.go(&["run", "work", "--run-id", "r"]).code(0);
    let asked = llm.asked();
    assert_eq!((asked.len(), &asked[0]["model"]), (1, &json!("small")), "one call, of the small model");
    let format = &asked[0]["response_format"]["json_schema"]["schema"]["properties"]["next"]["enum"];
    assert_eq!((format, &asked[0]["tools"]), (&json!(["fix", "ask-more"]), &Value::Null));
    let prompt = asked[0]["messages"].to_string();
    assert!(prompt.contains("\\\"exit_code\\\": 3") && prompt.contains("`fix`: Mend what is red"), "{prompt}");
    assert!(!prompt.contains("SENTENCE-OF-A-TOOL"), "what a tool said is no figure: {prompt}");
    let decision = &decisions(&test, "which")[0];
    assert_eq!(
        (&decision["decision"], &decision["by"], &decision["rule"]),
        (&json!("CONTINUE"), &json!("navigator"), &json!("navigator"))
    );
    assert_eq!((&decision["candidates"], &decision["next_step_ids"]), (&json!(["fix", "ask-more"]), &json!(["fix"])));
    shows(
        &test,
        &["explain", "r", "which"],
        "CONTINUE to fix by navigator: chose fix: exit code 3 (from fix, ask-more, 80 % sure; ask-more left out)",
    );
    shows(&test, &["explain", "r", "ask-more"], "which went on with fix");
    shows(&test, &["report", "r"], "CONTINUE after which (rule navigator, by navigator): chose fix");
    shows(&test, &["graph", "work"], "chooses 1 of 2");
    test.go(&["verify", "r"]).code(0);
}

#[test]
fn an_answer_outside_the_list_is_mended_once_and_then_asked_of_a_person() {
    let llm = Llm::script([choice("end", 0.9), says("I would deploy.")]);
    let test = test(&llm, WAYS);
    test.go(&["run", "work", "--run-id", "r"]).code(4);
    let told = llm.asked()[1]["messages"].to_string();
    assert!(told.contains("`end` is none of fix, ask-more"), "{told}");
    let shown = test.go(&["review", "show", "r/which-1"]).code(0).stdout;
    assert!(shown.contains("Mend what is red") && shown.contains("ask-more") && shown.contains("retry"), "{shown}");
    test.go(&["review", "answer", "r/which-1", "--choose", "end"]).code(6);
    test.go(&["review", "answer", "r/which-1", "--choose", "ask-more", "--as", "ana"]).code(0);
    test.go(&["resume", "r"]).code(0);
    let last = decisions(&test, "which").pop().unwrap();
    assert_eq!((&last["by"], &last["next_step_ids"]), (&json!("human:ana"), &json!(["ask-more"])));
    assert_eq!(test.facts("r", "step_started").iter().filter(|one| one["at"]["step"] == "fix").count(), 0);
}

#[test]
fn who_is_not_sure_at_all_leaves_it_to_a_person() {
    let llm = Llm::script([choice("fix", 0.0)]);
    let test = test(&llm, WAYS);
    test.go(&["run", "work", "--run-id", "r"]).code(4);
    let told = test.go(&["status", "r", "--json"]).stdout;
    assert!(told.contains("named no way: exit code 3; there is fix, ask-more"), "{told}");
}

/// The injected step says that it is there, and waits for ever the first time.
const INJECTS: &str = "params: {word: {type: string, default: hello}}
steps:
  - {id: look, run: 'exit 3', on_failure: continue}
  - {id: which, agent: navigator, route: navigator, inject: {flows: [hotfix], detours: [mend], max: 2}}
  - {id: go, run: ':', needs: [which]}
  - {id: stay, run: ':', needs: [which]}
";

fn injects(llm: &Llm) -> Test {
    let here = "cd \"$RUN_BASE/../..\"; echo \"$EXECUTION $PARAM_WORD\" >> marks; [ -e again ] || { : > again; cat gate; }";
    let detours = "detours:\n  - {id: mend, when: {error: never}, steps: [{id: repair, run: 'echo \"$FAILED_STEP\" >> \"$RUN_BASE/../../mended\"'}], verify: ':'}\n";
    test(llm, INJECTS)
        .flow(
            "hotfix",
            &format!(
                "params: {{word: {{type: string, required: true}}}}\nsteps: [{{id: patch, run: '{here}', effects: idempotent}}]\n"
            ),
        )
        .file("flows/detours.yaml", detours)
        .fifo("gate")
}

#[test]
fn a_kill_in_the_middle_of_what_was_put_in_is_resumed_and_returns_to_the_choice() {
    let answer = |next: &str, proposal: Value| {
        says(&json!({"next": next, "reason": "red", "confidence": 0.5, "proposal": proposal}).to_string())
    };
    let llm = Llm::script([
        answer("flow:hotfix", json!("a step that checks the licence")),
        answer("detour:mend", Value::Null),
        answer("go", Value::Null),
    ]);
    let test = injects(&llm);
    let live: Live = test.start(&["run", "work", "--run-id", "r"]);
    until("the step that was put in is there", || test.at("again").exists());
    live.kill();
    test.go(&["resume", "r"]).code(0);
    assert_eq!((test.text("marks").as_str(), test.text("mended").as_str()), ("1 hello\n2 hello\n", "look\n"));
    let kinds: Vec<String> =
        decisions(&test, "which").iter().map(|one| format!("{} {}", one["decision"], one["rule"]).replace('"', "")).collect();
    assert_eq!(
        kinds,
        [
            "EXTEND_GRAPH navigator",
            "INJECT_FLOW navigator",
            "CONTINUE injection-done",
            "INJECT_NODES navigator",
            "CONTINUE injection-done",
            "CONTINUE navigator"
        ]
    );
    // The second time it sees what came of the first; the third time nothing more can be put in.
    let asked = llm.asked();
    assert!(asked[1]["messages"].to_string().contains("What came of `flow:hotfix`"), "{}", asked[1]["messages"]);
    let ways = |at: usize| asked[at]["response_format"]["json_schema"]["schema"]["properties"]["next"]["enum"].clone();
    assert_eq!((ways(0), ways(2)), (json!(["go", "stay", "flow:hotfix", "detour:mend"]), json!(["go", "stay"])));
    // What was put in and what was proposed are files made from the journal, and made again.
    let files = ["injections/1-which.json", "injections/2-which.json", "proposals/which-1.json"]
        .map(|name| format!("run_base/r/work/routing/{name}"));
    let before = files.clone().map(|file| test.text(&file));
    assert_eq!(
        test.json(&files[0])["injected"],
        json!({"what": "flow:hotfix", "number": 1, "into": "work.which.hotfix", "nodes": ["patch"]})
    );
    for file in &files {
        std::fs::remove_file(test.at(file)).expect("it is there");
    }
    test.go(&["verify", "r"]).code(7);
    test.go(&["verify", "r", "--repair"]).code(0);
    assert_eq!(files.map(|file| test.text(&file)), before);
    shows(&test, &["status", "r"], "proposed by which: a step that checks the licence");
    shows(&test, &["report", "r"], "proposes: a step that checks the licence");
    shows(&test, &["report", "r"], "work.which.hotfix");
    shows(&test, &["explain", "r", "which"], "flow:hotfix was put in");
}

#[test]
fn a_scenario_says_which_way_is_chosen() {
    let scenario = "flow: work
steps: {look: [{exit: 3}], which: [{next: 'flow:hotfix', summary: red, proposal: a licence check}, {next: go, confidence: 0.5}]}
expect:
  path: [look, which, patch, which, go]
  decisions: {which: [EXTEND_GRAPH, INJECT_FLOW, CONTINUE, CONTINUE]}
  ends: succeeded
";
    let llm = Llm::script([]);
    let test = injects(&llm).file("flows/tests/work.scenario.yaml", scenario);
    test.go(&["test"]).code(0);
    let dry = told(&test, &["run", "work", "--dry-run"]);
    for text in [
        "chooses one of go, stay",
        "may first put in, at most 2 times: the flow hotfix, the steps of mend",
        "only if which chooses it",
    ] {
        assert!(dry.contains(text), "{dry}");
    }
    test.write("flows/tests/work.scenario.yaml", "flow: work\nsteps: {look: [{next: go}]}\n");
    let found = test.go(&["test"]).code(3);
    assert!(format!("{}{}", found.stdout, found.stderr).contains("`look` does not choose"), "{}{}", found.stdout, found.stderr);
    assert!(llm.asked().is_empty());
}

#[test]
fn what_may_not_be_put_in_is_refused_when_the_flow_is_loaded() {
    let llm = Llm::script([]);
    let rows = [
        ("inject: {flows: [hotfox]}", "", "there is no flow `hotfox`"),
        ("inject: {detours: [mind]}", "", "there is no detour `mind`"),
        ("inject: {}", "", "`inject` names nothing"),
        ("inject: {flows: [hotfix], max: 11}", "", "max"),
        ("inject: {flows: [hotfix]}", "charter: {non_goals: [hotfix]}\n", "the charter keeps `hotfix` out"),
        ("inject: {flows: [work]}", "", "flows run in a circle: work → work"),
        ("on_failure: continue", "", "asks a person when no choice comes"),
    ];
    for (keys, head, message) in rows {
        let flow = INJECTS.replace("inject: {flows: [hotfix], detours: [mend], max: 2}", keys);
        let test = injects(&llm).flow("work", &format!("{head}{flow}"));
        let found = test.go(&["validate"]).code(3);
        assert!(found.stderr.contains(message) || found.stdout.contains(message), "{keys}: {}{}", found.stdout, found.stderr);
    }
    let lacking = injects(&llm).flow("work", &INJECTS.replace("params: {word: {type: string, default: hello}}\n", ""));
    let found = lacking.go(&["validate"]).code(3);
    assert!(format!("{}{}", found.stdout, found.stderr).contains("requires the parameter `word`"));
    let alone =
        injects(&llm).flow("work", "steps:\n  - {id: which, agent: navigator, route: navigator}\n  - {id: go, run: ':'}\n");
    let found = alone.go(&["validate"]).code(3);
    assert!(format!("{}{}", found.stdout, found.stderr).contains("only one step needs it"));
}
