//! What an agent claims, held against contents, tests and recorded commands: from the flow to receipt, decision and report.

mod common;

use common::{
    Test,
    agents::{envelope, receipt, run, test},
    llm::{Llm, Turn, calls, handoff, says},
};
use serde_json::{Value, json};

fn git(test: &Test, args: &[&str]) {
    let mut command = std::process::Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]).args(args);
    assert!(command.current_dir(test.at("")).status().unwrap().success(), "{args:?}");
}

/// The agent's step in a repository with two committed files.
fn in_repository(llm: &Llm, step: &str) -> Test {
    let test = test(llm, step).file("src/a.py", "x = 1\n").file("src/b.py", "y = 1\n").file(".gitignore", "run_base/\n");
    git(&test, &["init", "-q"]);
    git(&test, &["add", "."]);
    git(&test, &["commit", "-q", "-m", "one"]);
    test
}

fn verdict(summary: &Value) -> Turn {
    handoff(&json!({"status": "VERIFIED", "summary": summary}))
}

fn claims(receipt: &Value) -> Vec<(String, bool)> {
    let one = |claim: &Value| (claim["claim"].as_str().unwrap().to_owned(), claim["agrees"] == json!(true));
    receipt["claims"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn a_touched_file_is_no_changed_file_and_the_lie_is_seen_everywhere() {
    let llm = Llm::script([
        calls(&[("run_command", json!({"command": "touch src/a.py; echo 'y = 2' > src/b.py; false"}))]),
        says("All done."),
        verdict(&json!({"what_i_did": "I changed src/a.py. All tests pass.",
            "evidence": {"artifacts_produced": ["src/a.py", "src/b.py"], "measurements": {"tests_passed": 12}}})),
    ]);
    let unit = "    verify: [{id: unit, parse: tap, run: \"printf '1..2\\\\nok 1\\\\nok 2\\\\n'\"}]\n";
    let test = in_repository(&llm, unit);
    run(&test).code(0);
    let receipt = receipt(&test);
    let changes = &receipt["changes"];
    assert_eq!((&changes["measured"], &changes["figures"]["files"]), (&json!(true), &json!(1)));
    let file = json!({"path": "src/b.py", "change": "modified", "added": 1, "removed": 1});
    assert_eq!(changes["figures"]["per_file"], json!([file]));
    let expected = [
        ("tests_passed = 12", false),
        ("I changed src/a.py. All tests pass", true),
        ("produced `src/a.py`", false),
        ("produced `src/b.py`", true),
    ];
    let found = claims(&receipt);
    assert_eq!(found.len(), 4, "{found:?}");
    for (at, (claim, agrees)) in expected.iter().enumerate() {
        assert!(claim.contains(&found[at].0) && found[at].1 == *agrees, "{found:?}");
    }
    let envelope = envelope(&test);
    assert_eq!((&envelope["status"], &envelope["measured"]["downgraded_from"]), (&json!("UNVERIFIED"), &json!("VERIFIED")));
    assert!(envelope["measured"]["reasons"].to_string().contains("its content is as it was before this step"));
    let decisions = test.text("run_base/r/work/routing/decisions.jsonl");
    let decision: Value = serde_json::from_str(decisions.lines().last().unwrap()).unwrap();
    assert_eq!(decision["forensic_summary"]["downgraded_from"], "VERIFIED", "{decision}");
    assert!(decision["forensic_summary"]["claimed_otherwise"].to_string().contains("src/a.py"), "{decision}");
    let report = test.go(&["report", "r"]).code(0).stdout;
    assert!(
        report.contains("its content is as it was before this step") && report.contains("1 file changed (+1 -1)"),
        "{report}"
    );
    test.go(&["verify", "r"]).code(0);
}

#[test]
fn an_honest_agent_keeps_its_word() {
    let llm = Llm::script([
        calls(&[
            ("write_file", json!({"path": "src/a.py", "content": "x = 2\n"})),
            ("write_file", json!({"path": "artifacts/plan.md", "content": "# Plan\n"})),
        ]),
        calls(&[
            ("run_command", json!({"command": "sh -c 'exit 1' pytest"})),
            ("run_command", json!({"command": "sh -c true pytest"})),
        ]),
        says("Done."),
        verdict(&json!({"what_i_did": "Changed src/a.py and wrote the plan. Tests pass.",
            "evidence": {"artifacts_produced": ["./src/a.py", "artifacts/plan.md"], "commands_run": ["sh pytest (passed)"], "measurements": {"files_changed": 2}}})),
    ]);
    let test = in_repository(&llm, "");
    run(&test).code(0);
    let found = claims(&receipt(&test));
    assert!(found.len() >= 5 && found.iter().all(|(_, agrees)| *agrees), "{found:?}");
    assert_eq!(envelope(&test)["status"], "VERIFIED");
}

#[test]
fn tests_that_vanish_while_all_is_green_are_a_high_concern_and_the_flow_can_ask() {
    let llm = Llm::answering(|_, asked| {
        let prompt = asked["messages"][1]["content"].as_str().unwrap_or_default();
        let tools = asked["messages"].as_array().unwrap().iter().any(|one| one["role"] == "tool");
        match (asked.get("response_format").is_some(), tools, prompt.contains("round 2")) {
            (true, ..) => handoff(&json!({"status": "VERIFIED"})),
            (false, false, true) => calls(&[("run_command", json!({"command": "printf '1..1\\nok 1\\n' > tests.tap"}))]),
            (false, ..) => says("Done."),
        }
    });
    let step = "    verify: [{id: unit, parse: tap, run: cat tests.tap}]
    escalate: {when: measured.tests.fewer > 0, severity: HIGH, question: Tests are gone. Go on?}
  - id: judge\n    run: test -e second || { touch second; exit 1; }\n    loop: {to: make, max: 3}\n";
    let test = test(&llm, step).file("tests.tap", "1..3\nok 1\nok 2\nok 3\n");
    run(&test).code(4);
    let receipt = receipt(&test);
    assert_eq!(receipt["tests"]["figures"]["by_check"][0]["before"]["total"], 3, "{receipt}");
    let concern = &envelope(&test)["concerns"][0];
    assert_eq!(concern["severity"], "HIGH");
    assert_eq!(concern["description"], "`unit` counts 1 tests; it was 3 (step make, execution 1): 2 are gone");
    let explained = test.go(&["explain", "r", "make"]).code(0).stdout;
    assert!(explained.contains("measured.tests.fewer is 2") || explained.contains("measured.tests.fewer"), "{explained}");
}

#[test]
fn figures_of_linters_and_coverage_reach_the_receipt_and_later_conditions() {
    let sarif = r#"{"runs":[{"results":[{"level":"warning","ruleId":"r","message":{"text":"m"}}]}]}"#;
    let flow = "steps:
  - id: check
    run: echo hi > out.txt
    measure: [changes]
    verify:
      - {id: cover, parse: lcov, report: lcov.info, min_coverage: 50, run: \"printf 'SF:a\\\\nDA:1,1\\\\nDA:2,0\\\\nend_of_record\\\\n' > lcov.info\"}
      - {id: scan, parse: sarif, counts_as: security, run: cat scan.sarif}
      - {id: style, parse: ruff, run: \"echo '[]'\"}
  - id: gate
    when: steps.check.measured.coverage.percent >= 50.0 && steps.check.measured.security.errors == 0
    run: echo through
    expect: {stdout: through}
";
    let test = Test::new().flow("work", flow).file("scan.sarif", sarif);
    git(&test, &["init", "-q"]);
    test.go(&["run", "work", "--run-id", "r"]).code(0);
    let receipt = test.json("run_base/r/work/receipts/check-shell.json");
    assert_eq!(receipt["coverage"]["figures"]["percent"], 50.0, "{receipt}");
    assert_eq!((&receipt["security"]["figures"]["warnings"], &receipt["lint"]["figures"]["total"]), (&json!(1), &json!(0)));
    let kept = receipt["coverage"]["evidence_path"].as_str().unwrap();
    assert!(test.text(&format!("run_base/r/{kept}")).contains("DA:2,0"), "the report was kept as it was read");
    let changed: Vec<&str> =
        receipt["changes"]["figures"]["per_file"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert_eq!(changed, ["out.txt"]);
    assert!(test.at("run_base/r/work/receipts/gate-shell.json").exists(), "the condition saw the figures");
    let report = test.go(&["report", "r"]).code(0).stdout;
    assert!(report.contains("50% of lines covered") && report.contains("security: 0 errors, 1 warning"), "{report}");
    test.write("flows/work.yaml", &test.text("flows/work.yaml").replace("min_coverage: 50", "min_coverage: 50.5"));
    let said = test.go(&["run", "work", "--run-id", "s"]).code(1);
    assert!(said.stderr.contains("at least 50.5% of lines"), "{}", said.stderr);
}
