//! `run --dry-run` and `test` from the command line: the wire is connected, and nothing is left behind.

use std::{fs, path::Path, process::Output};

fn flow_studio(dir: &Path, args: &[&str]) -> Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_flow-studio"));
    command.current_dir(dir).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", dir).args(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

const CHANGE: &str = "flow: change
title: Change a live deployment
params:
  client: {type: string, required: true}
  visible: {type: boolean, default: true}
  places: {type: list, default: [north, south]}
limits: {wall: 45m, steps: 20}
steps:
  - {id: look, run: ./look.sh, expect: {stdout: ok}, poll: {every: 2s, for: 1m}}
  - {id: twice, exec: [./fix.sh, '{{params.client}}'], for_each: params.places, timeout: 1m}
  - {id: hidden, run: ./hidden.sh, when: '!params.visible'}
  - {id: after, run: ./after.sh, needs: [hidden]}
  - {id: maybe, run: ./maybe.sh, needs: [twice], when: steps.look.exit_code == 0}
  - {id: other, run: ./other.sh, needs: [maybe]}
  - id: apply
    needs: [twice]
    run: ./apply.sh
    effects: once
    undo: ./revert.sh
    on_failure: rollback
    approve: {when: params.visible, question: 'Apply for {{params.client}}?'}
  - {id: judge, run: ./judge.sh, loop: {to: apply, max: 3}}
  - {id: sign, ask: {question: 'All well at {{params.client}}?', options: [{key: well}, {key: ill}]}}
done:
  - {id: applied, that: steps.apply.passed}
  - {id: sign-off, ask: {question: Signed off?}, when: '!params.visible'}
";

fn place() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("flows/tests")).unwrap();
    fs::write(dir.path().join("flows/change.yaml"), CHANGE).unwrap();
    dir
}

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_dry_run_shows_what_would_run_and_leaves_nothing_behind() {
    let dir = place();
    let output = flow_studio(dir.path(), &["run", "change", "--param", "client=acme", "--dry-run"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    insta::assert_snapshot!(stdout(&output));
    assert_eq!(files(dir.path()), ["flows"]);
}

#[test]
fn a_dry_run_of_a_part_says_what_is_left_out() {
    let dir = place();
    let output = flow_studio(
        dir.path(),
        &["--json", "run", "change", "--param", "client=acme", "--dry-run", "--from", "apply", "--until", "judge"],
    );
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let steps = plan["steps"].as_array().unwrap();
    let runs: Vec<&str> = steps.iter().filter(|step| step["runs"] == "yes").map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(runs, ["apply", "judge"]);
    assert_eq!(plan["params"]["client"], "acme");
}

#[test]
fn a_dry_run_without_its_parameters_says_which() {
    let dir = place();
    let output = flow_studio(dir.path(), &["run", "change", "--dry-run"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("requires the parameter `client`"), "{output:?}");
}

const GOOD: &str = "flow: change
params: {client: acme}
answers: {apply: {choose: approve}, sign: {choose: well}}
expect: {ends: succeeded}
";

#[test]
fn scenarios_are_told_one_by_one_and_the_exit_code_says_the_worst() {
    let dir = place();
    let write = |name: &str, text: &str| fs::write(dir.path().join(format!("flows/tests/{name}.scenario.yaml")), text).unwrap();
    write("a-good", GOOD);
    let output = flow_studio(dir.path(), &["test"]);
    assert_eq!(
        (output.status.code(), stdout(&output)),
        (Some(0), "ok      flows/tests/a-good.scenario.yaml\n1 ok, 0 failed, 0 invalid\n".to_owned())
    );
    write("b-red", &GOOD.replace("succeeded", "failed"));
    let output = flow_studio(dir.path(), &["test"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stdout(&output).contains(
            "FAILED  flows/tests/b-red.scenario.yaml\n        end\n          expected  failed\n          was       succeeded"
        ),
        "{}",
        stdout(&output)
    );
    write("c-bad", &GOOD.replace("sign:", "sing:").replace("answers", "answer"));
    let output = flow_studio(dir.path(), &["--json", "test"]);
    assert_eq!(output.status.code(), Some(3));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["ok"], &report["failed"], &report["invalid"]), (&1.into(), &1.into(), &1.into()));
    assert_eq!(files(dir.path()), ["flows"]);
}

#[test]
fn a_scenario_that_expects_nothing_is_told_what_would_have_been_true() {
    let dir = place();
    let path = dir.path().join("flows/tests/a.scenario.yaml");
    let bare = GOOD.replace("expect: {ends: succeeded}\n", "");
    fs::write(&path, &bare).unwrap();
    let told = stdout(&flow_studio(dir.path(), &["test"]));
    let block: String =
        told.lines().skip_while(|line| line.trim() != "expect:").take(3).map(|line| format!("{line}\n")).collect();
    assert!(block.contains("path: [") && block.contains("ends: succeeded"), "{told}");
    let block: String = block.lines().map(|line| format!("{}\n", &line[8..])).collect();
    fs::write(&path, format!("{bare}{block}")).unwrap();
    let told = flow_studio(dir.path(), &["test"]);
    assert_eq!(
        (told.status.code(), stdout(&told)),
        (Some(0), "ok      flows/tests/a.scenario.yaml\n1 ok, 0 failed, 0 invalid\n".to_owned())
    );
    fs::write(&path, bare.replace("sign: {choose: well}", "")).unwrap();
    let told = stdout(&flow_studio(dir.path(), &["test"]));
    assert!(told.contains("add       answers") && told.contains("ends: waiting"), "{told}");
}

#[test]
fn a_scenario_for_a_step_that_is_not_there_is_invalid() {
    let dir = place();
    fs::write(dir.path().join("x.yaml"), format!("{GOOD}steps: {{aply: [{{exit: 1}}]}}\n")).unwrap();
    let output = flow_studio(dir.path(), &["test", "x.yaml"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stdout(&output).contains("did you mean `apply`?"), "{}", stdout(&output));
}

#[test]
fn without_scenarios_it_says_where_they_belong() {
    let dir = place();
    let output = flow_studio(dir.path(), &["test"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no scenario in flows/tests"), "{output:?}");
}
