//! `diagnose`, `evidence` and `diff` from the command line: exit codes, JSON, a run that looks at itself.

mod common;

use common::Test;
use serde_json::Value;

const GOOD: &str = "steps:\n  - {id: work, run: echo hello, expect: {stdout: hello}}\n";
const BAD: &str = "steps:\n  - {id: work, run: 'echo no such luck >&2; exit 3', expect: {exit: 0}}\n";
const ASKS: &str = "steps:\n  - {id: work, ask: {question: Which colour?}}\n";

fn three() -> Test {
    let test = Test::new().flow("good", GOOD).flow("bad", BAD).flow("asks", ASKS);
    for flow in ["good", "bad", "asks"] {
        test.go(&["run", flow, "--run-id", flow]);
    }
    test
}

/// What is printed fits the schema that is committed.
fn fits(name: &str, value: &Value) {
    let path = format!("{}/schemas/cli/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let found: Vec<String> = validator.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(found.is_empty(), "{name}: {found:?}");
}

#[test]
fn what_is_printed_fits_the_committed_schemas() {
    let test = three();
    fits("diagnose", &test.go(&["diagnose", "bad", "--json"]).json());
    fits("diagnose-causes", &test.go(&["diagnose", "--causes", "--json"]).code(0).json());
    fits("evidence", &test.go(&["evidence", "bad", "--json"]).json());
    fits("diff", &test.go(&["diff", "good", "bad", "--json"]).code(1).json());
}

#[test]
fn the_exit_code_says_what_class_it_is() {
    let test = three();
    for (run, code, class) in [("good", 0, "healthy"), ("bad", 1, "failed"), ("asks", 4, "waiting")] {
        let told = test.go(&["diagnose", run, "--json"]).code(code).json();
        assert_eq!((&told["class"], &told["run_id"]), (&Value::from(class), &Value::from(run)));
        let text = test.go(&["diagnose", run]).code(code).stdout;
        assert!(text.starts_with(&format!("{run} {class}\n")), "{text}");
        let shown = told["next"][0]["command"].as_str().unwrap();
        assert!(text.contains(shown), "{shown} is not in\n{text}");
    }
    let journal = test.run_base("good").join("journal.jsonl");
    let changed = std::fs::read_to_string(&journal).unwrap().replacen("hello", "jello", 1);
    std::fs::write(&journal, changed).unwrap();
    assert_eq!(test.go(&["diagnose", "good", "--json"]).code(7).json()["class"], "security");
    test.go(&["diagnose", "nowhere"]).code(2).says("there is no run");
    test.go(&["diagnose"]).code(2);
}

#[test]
fn the_command_that_it_tells_goes_on_with_the_run() {
    let test = three();
    test.flow_again("bad", GOOD);
    let told = test.go(&["diagnose", "bad", "--json"]).code(1).json();
    assert_eq!(told["next"][0]["command"], "flow-studio resume bad --flow bad --refresh");
    assert_eq!(told["next"][1]["command"], "flow-studio retry bad --flow bad --step work");
    let asked = test.go(&["diagnose", "asks", "--json"]).json();
    let commands: Vec<&str> = asked["next"].as_array().unwrap().iter().filter_map(|next| next["command"].as_str()).collect();
    assert_eq!(commands.last(), Some(&"flow-studio resume asks"), "{commands:?}");
    for choice in ["approve", "reject"] {
        let answer = format!("flow-studio review answer asks/work-1 --choose {choice}");
        assert!(commands.contains(&answer.as_str()), "{commands:?}");
    }
    let elsewhere = test.go(&["diagnose", "run_base/bad", "--runs", "nowhere", "--json"]).code(1).json();
    let command = elsewhere["next"][0]["command"].as_str().unwrap();
    assert!(command.contains("--runs ") && command.ends_with("resume bad --flow bad --refresh"), "{command}");
}

#[test]
fn an_answer_to_a_form_is_told_with_the_values_that_it_needs() {
    let form = "{seats: {type: integer, required: true}, colour: {type: string, default: red}}";
    let test = Test::new().flow("f", &format!("steps:\n  - {{id: q, ask: {{question: How many?, form: {form}}}}}\n"));
    test.go(&["run", "f", "--run-id", "r"]).code(4);
    let text = test.go(&["diagnose", "r"]).code(4).stdout;
    assert!(text.contains("flow-studio review answer r/q-1 --choose answer --set 'seats=…'\n"), "{text}");
    assert!(text.contains("flow-studio review answer r/q-1 --choose reject\n"), "{text}");
    assert_eq!(text.matches("--choose").count(), 2, "{text}");
    let status = test.go(&["status", "r"]).code(0).stdout;
    assert!(status.contains("--choose answer --set 'seats=…'\n"), "{status}");
}

#[test]
fn a_run_can_look_at_its_own_evidence_while_it_runs() {
    let bin = common::BIN;
    let test = Test::new().flow(
        "self",
        &format!(
            "steps:\n  - {{id: make, run: 'echo x > \"$ARTIFACTS/a.txt\"', outputs: [artifacts/a.txt]}}\n  - id: gate\n    run: '\"{bin}\" evidence \"$RUN_BASE\" --flow self --json'\n    expect: {{exit: 0, json: step.json.verdict == \"agrees\"}}\n"
        ),
    );
    test.go(&["run", "self", "--run-id", "r"]).code(0);
    assert!(test.text("run_base/r/self/logs/gate.1.stdout").contains("flow-studio/evidence/v1"));
}

#[test]
fn evidence_says_by_its_code_whether_it_fits_together() {
    let test = three();
    let panel = test.go(&["evidence", "good", "--json"]).code(0).json();
    assert_eq!(panel["verdict"], "agrees");
    assert!(panel["unmeasured"].as_array().unwrap().contains(&"tests".into()), "{panel}");
    assert_eq!(test.go(&["evidence", "bad", "--json"]).code(0).json()["red"][0], "checks");
    std::fs::write(test.run_base("good").join("good/receipts/work-shell.json"), "{}").unwrap();
    let panel = test.go(&["evidence", "good", "--json"]).code(1).json();
    assert_eq!(panel["verdict"], "contradicts");
    assert!(panel["contradictions"][0].as_str().unwrap().contains("work-shell.json"), "{panel}");
    std::fs::create_dir_all(test.run_base("none")).unwrap();
    assert_eq!(test.go(&["evidence", "none", "--json"]).code(4).json()["verdict"], "unknown");
    test.go(&["evidence", "bad", "--flow", "god"]).code(2).says("it has: bad");
}

#[test]
fn two_runs_differ_in_what_is_told_and_in_nothing_else() {
    let greet =
        "params: {name: {type: string, default: Ada}}\nsteps:\n  - {id: work, run: 'echo \"$PARAM_NAME\"', expect: {exit: 0}}\n";
    let test = Test::new().flow("greet", greet);
    test.go(&["run", "greet", "--run-id", "a"]).code(0);
    test.go(&["run", "greet", "--run-id", "b"]).code(0);
    test.go(&["run", "greet", "--run-id", "c", "--param", "name=Grace"]).code(0);
    test.flow_again("greet", &greet.replace("exit: 0", "stdout: Grace"));
    test.go(&["run", "greet", "--run-id", "d"]).code(1);
    assert_eq!(test.go(&["diff", "a", "b", "--json"]).code(0).json()["same"], true);
    let found = test.go(&["diff", "a", "c", "--json"]).code(1).json();
    assert_eq!(found["flows"][0]["params"][0], serde_json::json!({"what": "name", "a": "\"Ada\"", "b": "\"Grace\""}));
    assert_eq!(found["flows"][0]["steps"][0]["measures"][0]["what"], "output");
    let text = test.go(&["diff", "a", "d"]).code(1).stdout;
    for part in
        ["-  - {id: work", "+  - {id: work", "-work TERMINATE (terminal)", "+work TERMINATE (failed-policy)", "status", "failed"]
    {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    test.go(&["diff", "a", "e"]).code(2);
}

#[test]
fn the_prompts_of_two_runs_are_held_against_each_other() {
    let flow = |objective: &str| {
        format!(
            "charter: {{goal: it works}}\nsteps:\n  - id: work\n    agent: author\n    teach: {{objective: {objective}}}\n  - {{id: look, run: ':', expect: {{exit: 0}}}}\n"
        )
    };
    let test = Test::new()
        .flow("w", &flow("Write a sonnet"))
        .file("agents/author.md", "---\nname: author\ndescription: writes\n---\nWrite.\n");
    test.go(&["run", "w", "--run-id", "a", "--engine", "stub"]).code(0);
    test.flow_again("w", &flow("Write a limerick"));
    test.go(&["run", "w", "--run-id", "b", "--engine", "stub"]).code(0);
    let found = test.go(&["diff", "a", "b", "--json"]).code(1).json();
    let step = &found["flows"][0]["steps"][0];
    assert_eq!(step["step_id"], "work");
    // The stub is told nothing: what differs shows in the frozen flow and in the step's digest.
    assert!(
        found["flows"][0]["definition"][0]["diff"].as_str().unwrap().contains("+    teach: {objective: Write a limerick}"),
        "{found}"
    );
    assert_eq!(step["receipt"][0]["what"], "definition of the step");
}

#[test]
fn the_make_target_diagnoses_and_is_no_error() {
    let test = three();
    let makefile = format!("{}/stepwise.mk", env!("CARGO_MANIFEST_DIR"));
    let studio = format!("FLOW_STUDIO={}", common::BIN);
    let mut make = std::process::Command::new("make");
    test.dress(&mut make).args(["-s", "-f", &makefile, "stepwise-diagnose", "RUN_ID=bad", &studio]);
    let ran = common::finish(make).code(0);
    assert!(ran.stdout.starts_with("bad failed\n"), "{}", ran.stdout);
}
