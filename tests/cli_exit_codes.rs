//! Each exit code of design §6, by the shortest way to it; 130 and 143 stand in `faults_process.rs`.

mod common;

use common::Test;

const OK: &str = "steps:\n  - {id: one, run: 'echo hello', expect: {stdout: hello}}\n";
const ASK: &str = "steps:\n  - {id: ask-me, ask: {question: \"Go on?\"}}\n  - {id: after, run: 'true'}\n";

#[test]
fn code_0_done() {
    let test = Test::new().flow("ok", OK);
    let ran = test.go(&["run", "ok", "--run-id", "r"]).code(0);
    assert_eq!(ran.stdout, "", "without --json, `run` has no data to give");
    test.go(&["--help"]).code(0);
    test.go(&["--version"]).code(0);
}

#[test]
fn code_1_failed() {
    let test = Test::new()
        .flow("bad", "steps:\n  - {id: one, run: 'echo broken pipe fitting >&2; exit 3'}\n  - {id: two, run: 'touch ran'}\n");
    test.go(&["run", "bad", "--run-id", "r"]).code(1).says("broken pipe fitting").says("retry r --flow bad --step one");
    assert!(!test.at("ran").exists(), "nothing falls through");
}

#[test]
fn code_2_usage() {
    let test = Test::new().flow("ok", OK);
    let wrong: &[&[&str]] = &[
        &[],
        &["nonsense"],
        &["run"],
        &["run", "ok", "--nonsense"],
        &["run", "ok", "--param", "novalue"],
        &["run", "ok", "--jobs", "0"],
        &["run", "ok", "--from", "oen"],
        &["run", "ok", "--run-id", "../x"],
        &["run", "ok", "--run-id", "a/b"],
        &["run", "ok", "--engine", "telepathy"],
        &["resume", "absent"],
        &["retry", "absent", "--step", "one"],
        &["cancel", "absent"],
        &["verify", "absent"],
        &["review", "answer", "absent", "--choose", "x"],
        &["review", "answer", "absent/one-1", "--choose", "x"],
        &["run", "ok", "--workspace", "not/there"],
    ];
    for args in wrong {
        let ran = test.go(args);
        assert_eq!(ran.code, Some(2), "{args:?}: {}{}", ran.stdout, ran.stderr);
        assert!(!ran.stderr.is_empty() && ran.stdout.is_empty(), "{args:?}");
    }
    assert!(!test.at("run_base").exists(), "nothing was written");
    test.go(&["run", "ok", "--from", "oen"]).code(2).says("did you mean `one`?");
    test.go(&["run", "ok", "--run-id", "run-1"]).code(0);
    test.go(&["resume", "run-2"]).code(2).says("did you mean `run-1`?");
}

#[test]
fn code_3_invalid() {
    let test = Test::new().flow("wrong", "steps:\n  - {id: one, rnu: 'true'}\n").flow("ok", OK);
    test.go(&["run", "wrong"]).code(3).says("did you mean `run`?").says("wrong.yaml:4");
    test.go(&["validate", "wrong"]).code(3);
    test.go(&["run", "absent"]).code(3);
    assert!(!test.at("run_base").exists(), "nothing was written");
    let test = test.flow("lacks", "requires: {commands: [no-such-tool-here], env: [NOT_SET_ANYWHERE], files: [not/there]}\nsteps:\n  - {id: one, run: 'true'}\n");
    test.go(&["run", "lacks"]).code(3).says("no-such-tool-here").says("NOT_SET_ANYWHERE").says("not/there");
    assert!(!test.at("run_base").exists(), "nothing was written");
    let test = test.file("flow-studio.toml", "nonsense = 1\n");
    test.go(&["run", "ok"]).code(3).says("flow-studio.toml");
}

#[test]
fn a_parameter_that_is_wrong_is_code_3_with_its_name() {
    let test = Test::new().flow("p", "params: {count: {type: integer, required: true}}\nsteps:\n  - {id: one, run: 'true'}\n");
    test.go(&["run", "p"]).code(3).says("count");
    test.go(&["run", "p", "--param", "count=many"]).code(3).says("count");
    test.go(&["run", "p", "--param", "cuont=1"]).code(3).says("count");
    assert!(!test.at("run_base").exists(), "nothing was written");
    test.go(&["run", "p", "--param", "count=1"]).code(0);
}

#[test]
fn a_text_that_no_command_can_be_given_is_refused_before_anything_runs() {
    let test = Test::new().flow("p", "params: {s: {type: string}, l: {type: list}}\nsteps:\n  - {id: one, run: 'true'}\n");
    for given in [r#"{"s": "a\u0000b"}"#, r#"{"l": ["a", "\u0000"]}"#] {
        test.write("given.json", given);
        test.go(&["run", "p", "--params", "given.json"]).code(3).says("holds a NUL character");
        assert!(!test.at("run_base").exists(), "nothing was written");
    }
}

#[test]
fn code_4_waiting() {
    let test = Test::new().flow("ask", ASK);
    test.go(&["run", "ask", "--run-id", "r"]).code(4).says("review answer r/ask-me-1");
    test.go(&["resume", "r"]).code(4);
    test.go(&["resume", "r", "--wait-ok"]).code(0);
    test.go(&["run", "ask", "--run-id", "s", "--wait-ok"]).code(0);
    test.go(&["review", "answer", "r/ask-me-1", "--choose", "approve"]).code(0);
    test.go(&["resume", "r"]).code(0);
}

#[test]
fn code_5_limit() {
    let test = Test::new().flow(
        "many",
        "limits: {steps: 2}\nsteps:\n  - {id: one, run: 'true'}\n  - {id: two, run: 'true'}\n  - {id: three, run: 'true'}\n",
    );
    test.go(&["run", "many", "--run-id", "r"]).code(5).says("raise");
    test.go(&["resume", "r"]).code(5);
    assert_eq!(test.facts("r", "step_started").len(), 2);
    let id = test.manifest("r")["waiting_for"][0]["id"].as_str().expect("a question").to_owned();
    test.go(&["review", "answer", &format!("r/{id}"), "--choose", "raise"]).code(0);
    test.go(&["resume", "r"]).code(0);
}

#[test]
fn code_6_refused() {
    let test = Test::new()
        .flow("ask", ASK)
        .file("flow-studio.toml", "self-approval = false\n[reviewers]\nceo = [\"anna\"]\n")
        .flow("gate", "steps:\n  - {id: gate, ask: {to: [ceo], question: \"Go on?\"}}\n");
    test.go(&["run", "gate", "--run-id", "r"]).code(4);
    let answer = |args: &[&str]| test.go(&[&["review", "answer", "r/gate-1"], args].concat());
    answer(&["--choose", "approve"]).code(6).says("self_approval");
    answer(&["--choose", "approve", "--as", "bob"]).code(6).says("bob");
    answer(&["--choose", "nonsense", "--as", "anna"]).code(6).says("nonsense");
    answer(&["--choose", "approve", "--as", "agent:critic"]).code(6).says("agent");
    answer(&["--choose", "approve", "--as", "anna", "--digest", "0000"]).code(6).says("digest");
    test.go(&["run", "gate", "--run-id", "r"]).code(6).says("resume r");
    answer(&["--choose", "approve", "--as", "anna"]).code(0);
    answer(&["--choose", "approve", "--as", "anna"]).code(6).says("is closed (answered `approve` by anna)");
    test.go(&["resume", "r"]).code(0);
    test.go(&["resume", "r"]).code(0).says("succeeded");
    test.go(&["retry", "r", "--step", "gaet"]).code(2).says("did you mean `gate`?");
    test.go(&["cancel", "r"]).code(6).says("succeeded");
}

#[test]
fn an_approval_covers_what_was_shown_and_nothing_else() {
    let test = Test::new().file("plan.md", "do this\n").flow(
        "gate",
        "steps:\n  - {id: pay, run: 'cp plan.md done.md', effects: once, approve: {question: \"Pay?\", evidence: [plan.md]}}\n",
    );
    test.go(&["run", "gate", "--run-id", "r"]).code(4);
    test.write("plan.md", "do something else\n");
    test.go(&["review", "answer", "r/pay-1", "--choose", "approve"]).code(6).says("changed");
    test.go(&["resume", "r"]).code(4);
    assert!(!test.at("done.md").exists());
    test.go(&["review", "answer", "r/pay-2", "--choose", "approve"]).code(0);
    test.go(&["resume", "r"]).code(0);
    assert_eq!(test.text("done.md"), "do something else\n");
}

#[test]
fn code_7_integrity() {
    let test = Test::new().flow("ask", ASK);
    test.go(&["run", "ask", "--run-id", "r"]).code(4);
    let text = test.text("run_base/r/journal.jsonl").replacen("\"seq\":2", "\"seq\":3", 1);
    test.write("run_base/r/journal.jsonl", &text);
    test.go(&["resume", "r"]).code(7).says("verify r");
}

#[test]
fn json_is_one_object_with_its_documented_keys_also_for_errors() {
    let test = Test::new().flow("ask", ASK).flow("wrong", "steps: []\n");
    let report = test.go(&["run", "ask", "--run-id", "r", "--json"]).code(4).json();
    let keys: Vec<&str> = report.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["run_id", "status", "exit_code", "flows", "questions", "next"]);
    assert_eq!((report["status"].as_str(), report["exit_code"].as_u64()), (Some("waiting"), Some(4)));
    assert_eq!(report["questions"][0]["id"], "ask-me-1");
    let inbox = test.go(&["review", "--json"]).code(0).json();
    assert_eq!(inbox["waiting"][0]["id"], "r/ask-me-1");
    let question = test.go(&["review", "show", "r/ask-me-1", "--json"]).code(0).json();
    assert_eq!(question["schema"], "flow-studio/escalation/v1");
    test.go(&["review", "answer", "r/ask-me-1", "--choose", "approve", "--json"]).code(0).json();
    assert_eq!(test.go(&["resume", "r", "--json"]).code(0).json()["status"], "succeeded");
    assert!(test.go(&["verify", "r", "--json"]).code(0).json()["report"]["head"].is_string());
    for (args, code) in
        [(&["run", "wrong", "--json"][..], 3), (&["resume", "absent", "--json"], 2), (&["cancel", "r", "--json"], 6)]
    {
        let ran = test.go(args).code(code);
        assert!(ran.json()["error"]["message"].is_string(), "{args:?}");
        assert!(ran.json()["error"]["kind"].is_string(), "{args:?}");
    }
}

#[test]
fn data_goes_to_stdout_and_words_to_stderr_without_colour() {
    let test = Test::new().flow("ask", ASK);
    let ran = test.go(&["run", "ask", "--run-id", "r"]).code(4);
    assert_eq!(ran.stdout, "");
    assert!(!ran.stderr.contains('\x1b'), "colour where there is no terminal");
    let quiet = test.go(&["resume", "r", "-q"]).code(4);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    let listed = test.go(&["review", "list"]).code(0);
    assert_eq!(listed.stderr, "");
    assert!(listed.stdout.contains("r/ask-me-1"));
    let shown = test.go(&["review", "show", "r/ask-me-1"]).code(0);
    assert_eq!(shown.stderr, "");
    let coloured = test.go(&["resume", "r", "--color", "always"]).code(4);
    drop(coloured);
}

#[test]
fn what_a_person_sees_of_a_run_that_waits() {
    let test = Test::new().flow("ask", ASK);
    let ran = test.go(&["run", "ask", "--run-id", "r"]).code(4);
    let said = test.steady(&ran.stderr);
    let words: String = said.lines().skip_while(|line| !line.starts_with("ask —")).map(|line| format!("{line}\n")).collect();
    insta::assert_snapshot!(words);
}
