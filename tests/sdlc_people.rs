//! What people type and read: `make sdlc` with and without a key, the boundary and the way back over it, reset, and the prompts of
//! the shipped agents.

mod common;

#[path = "sdlc/bench.rs"]
mod bench;
#[path = "sdlc/model.rs"]
mod model;

use std::process::Command;

use bench::{Bench, root};
use model::model;
use regex::Regex;

#[test]
fn shipped_flows_and_their_scenarios_hold() {
    for args in [&["validate", "--strict"][..], &["test", "-q"]] {
        let bench = Bench::new();
        let mut command = bench.test.command(args);
        common::finish({
            command.current_dir(root());
            command
        })
        .code(0);
    }
}

#[test]
fn without_a_key_all_seven_are_played_from_a_script_and_it_says_so() {
    let bench = Bench::new();
    let ran = bench.sdlc().code(0);
    for words in ["NO MODEL IS ASKED", "THE SCRIPT PLAYS THE PERSON", "-- All seven are done"] {
        assert!(ran.stdout.contains(words), "{words}\n{}", ran.stdout);
    }
    // What was played is a script; what came of it is real.
    let copy = bench.test.at("copies/r");
    let git = |args: &[&str]| {
        let output = Command::new("git").arg("-C").arg(&copy).args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    assert_eq!(git(&["log", "-1", "--format=%s"]), "Merge flow-studio/r");
    assert_eq!(git(&["status", "--porcelain"]), "");
    assert!(bench.artifact("gate/verdict.md").starts_with("# MERGE\n"));
    assert!(bench.test.text("copies/r/live/shortlinks/store.py").contains("class Expired"));
    // Asked again, there is nothing left to do.
    let again = bench.sdlc().code(0);
    assert!(again.stdout.contains("-- wisdom is done"), "{}", again.stdout);
    bench.test.verified(0);
}

#[test]
fn without_a_key_nothing_is_played_on_somebodys_own_repository() {
    let bench = Bench::new();
    let mut command = Command::new("sh");
    bench.test.dress(&mut command).arg(root().join("scripts/sdlc.sh")).arg(common::BIN);
    command.env("WORKSPACE", bench.work()).env("FLOW_STUDIO_RUNS", bench.test.at("run_base"));
    let ran = common::finish(command).code(3);
    for words in ["OPENAI_API_KEY is not set", "export OPENAI_BASE_URL=", "without WORKSPACE: the shipped example"] {
        assert!(ran.stderr.contains(words), "{words}\n{}", ran.stderr);
    }
    assert_eq!(bench.git(&["status", "--porcelain"]), "");
}

#[test]
fn with_a_model_a_request_goes_from_words_to_live_and_a_person_opens_the_boundary() {
    let llm = model(|_| {});
    let bench = Bench::asking(&llm);
    bench.test.write("home/flow-studio/config.toml", "[models]\nstandard = [\"m\"]\n");
    let ran = bench.sdlc().code(0);
    for words in ["-- deploy waits for you", "make stepwise-review ID=r/apply-1 CHOOSE=…", "make sdlc RUN_ID=r"] {
        assert!(ran.stdout.contains(words), "{words}\n{}\n{}", ran.stdout, ran.stderr);
    }
    assert!(!ran.stdout.contains("NO MODEL"));
    assert!(!bench.test.at("copies/r/live").exists(), "nothing is live before somebody said so");
    bench.test.go(&["review", "answer", "r/apply-1", "--choose", "approve"]).code(0);
    let ran = bench.sdlc().code(0);
    assert!(ran.stdout.contains("-- All seven are done"), "{}\n{}", ran.stdout, ran.stderr);
    assert!(bench.artifact("gate/verdict.md").starts_with("# MERGE\n"));
    assert!(bench.artifact("review/review.md").contains("a sentinel as default would show it"));
    assert!(bench.test.at("copies/r/live/version").exists());
    bench.test.verified(0);
    prompts(&bench);
}

/// Each shipped agent, as it was spoken to. Read them when they change: this is what a model is given to work with.
fn prompts(bench: &Bench) {
    let agents: &[(&str, &str, &str)] = &[
        ("signal", "write", "2"),
        ("signal", "critique", "2"),
        ("plan", "write", "1"),
        ("plan", "critique", "1"),
        ("build", "write-tests", "2"),
        ("build", "critique-tests", "2"),
        ("build", "write-code", "2"),
        ("build", "critique-code", "2"),
        ("review", "review", "1"),
        ("review", "security", "1"),
        ("wisdom", "learn", "1"),
    ];
    let mut shown = std::collections::BTreeSet::new();
    for (flow, step, execution) in agents {
        let prompt = bench.test.go(&["show", "r", step, "--flow", flow, "--execution", execution, "--prompt"]).code(0).stdout;
        for wrong in ["&quot;", "&lt;", "&gt;", "&#x27;", "&amp;", "{{", "}}", "cannot be shown"] {
            assert!(!prompt.contains(wrong), "{wrong} in the prompt of {flow}/{step}:\n{prompt}");
        }
        shown.insert(format!("{flow}/{step}"));
        insta::assert_snapshot!(format!("{flow}-{step}"), same_everywhere(&bench.test.steady(&prompt)));
    }
    // No agent is forgotten: each agent step of the shipped flows is here.
    let mut all = std::collections::BTreeSet::new();
    for flow in ["signal", "plan", "build", "review", "gate", "deploy", "wisdom", "reset"] {
        let text = std::fs::read_to_string(root().join(format!("flows/{flow}.yaml"))).unwrap();
        let mut id = "";
        for line in text.lines() {
            id = line.strip_prefix("  - id: ").unwrap_or(id);
            if line.starts_with("    agent: ") {
                all.insert(format!("{flow}/{id}"));
            }
        }
    }
    assert_eq!(shown, all);
}

/// What a tool of this machine said in its own words, and what no two runs have in common.
fn same_everywhere(prompt: &str) -> String {
    let files = r"(?s)(## File `artifacts/(?:tests\.txt|survey\.txt|red\.json|measured\.json|history\.json|working\.patch|diff\.patch)`\n)(`{3,})\n.*?\n\2\n";
    let files = files.replace(r"\2", "`{3,}");
    let filters = [
        (files.as_str(), "$1[what it holds]\n"),
        (r"artifacts/(\S+) \(\d+ bytes\)", "artifacts/$1 ([N] bytes)"),
        (r" \(test_expiry\.[^)]*\)", ""),
        (r"\d+ passed, \d+ failed", "[N] passed, [N] failed"),
        (r"(?s)(verify tests: tests: [^\n]*)\n.*?(\n```)", "$1\n[the end of what the tool said]$2"),
        (r"\b[0-9a-f]{40}\b", "[COMMIT]"),
        (r"TRUNCATED: \d+ of \d+", "TRUNCATED: [N] of [N]"),
    ];
    filters.iter().fold(prompt.to_owned(), |text, (from, to)| Regex::new(from).unwrap().replace_all(&text, *to).into_owned())
}

/// Flows with a gate that lets one small commit through.
fn with_an_open_gate(bench: Bench) -> (Bench, tempfile::TempDir) {
    let flows = tempfile::tempdir().unwrap();
    for name in ["scripts", "templates", "deploy.yaml"] {
        std::os::unix::fs::symlink(root().join("flows").join(name), flows.path().join(name)).unwrap();
    }
    let gate = r#"flow: gate
title: Lets it through
steps:
  - id: verdict
    run: |
      git checkout -q -b flow-studio/r
      echo '"""Nothing yet."""' > shortlinks/new.py
      git add -A && git -c user.name=t -c user.email=t@example.org commit -qm 'One more file'
      printf '{\n  "decision": "MERGE",\n  "by": "measures",\n  "head": "%s"\n}\n' "$(git rev-parse HEAD)" > "$ARTIFACTS/verdict.json"
      echo '# MERGE' > "$ARTIFACTS/verdict.md"
    outputs: [artifacts/verdict.json, artifacts/verdict.md]
"#;
    std::fs::write(flows.path().join("gate.yaml"), gate).unwrap();
    let bench = bench.with_flows(flows.path());
    bench.run("gate", &[]).code(0);
    (bench, flows)
}

#[test]
fn what_does_not_work_once_it_is_live_is_taken_back() {
    let (bench, _flows) = with_an_open_gate(Bench::new());
    let before = bench.git(&["rev-parse", "main"]);
    bench
        .run("deploy", &["--param", "target=main", "--param", "smoke=cat live/version; echo it answers 500 >&2; exit 1"])
        .code(4);
    bench.test.go(&["review", "answer", "r/apply-1", "--choose", "approve"]).code(0);
    let ran = bench.test.go(&["resume", "r", "--flow", "deploy"]).code(1);
    assert!(ran.stderr.contains("it answers 500"), "{}", ran.stderr);
    // It was live, and is not any more; the target is where it was; the work is still on its branch.
    let smoke = bench.test.text("run_base/r/deploy/logs/smoke.1.stdout");
    assert_eq!(smoke.trim().len(), 40, "{smoke}");
    assert!(!bench.test.at("work/live").exists());
    assert_eq!(bench.git(&["rev-parse", "main"]), before);
    assert_eq!(bench.git(&["log", "--format=%s", "main..flow-studio/r"]), "One more file");
    assert_eq!(bench.git(&["status", "--porcelain"]), "");
}

#[test]
fn what_nobody_approved_is_not_touched() {
    let (bench, _flows) = with_an_open_gate(Bench::new());
    let before = bench.git(&["rev-parse", "main", "HEAD"]);
    bench.run("deploy", &["--param", "target=main"]).code(4);
    bench.test.go(&["review", "answer", "r/apply-1", "--choose", "reject", "--note", "not today"]).code(0);
    bench.test.go(&["resume", "r", "--flow", "deploy"]).code(1);
    assert_eq!(bench.git(&["rev-parse", "main", "HEAD"]), before);
    assert!(!bench.test.at("work/live").exists());
}

#[test]
fn commands_that_are_edited_after_the_answer_roll_nothing_out() {
    let (bench, _flows) = with_an_open_gate(Bench::new());
    let before = bench.git(&["rev-parse", "main", "HEAD"]);
    bench.run("deploy", &["--param", "target=main", "--param", "deploy=touch approved"]).code(4);
    bench.test.go(&["review", "answer", "r/apply-1", "--choose", "approve"]).code(0);
    let copy = "run_base/r/deploy/artifacts/commands.conf";
    let shown = bench.test.text(copy);
    assert!(shown.contains("deploy = touch approved"), "{shown}");
    bench.test.write(copy, &shown.replace("touch approved", "touch other"));
    let ran = bench.test.go(&["resume", "r", "--flow", "deploy"]).code(1);
    assert!(ran.stderr.contains("commands.conf"), "{}", ran.stderr);
    assert_eq!(bench.git(&["rev-parse", "main", "HEAD"]), before);
    assert!(!bench.test.at("work/other").exists() && !bench.test.at("work/approved").exists());
}

#[test]
fn reset_loses_nobodys_work() {
    let bench = Bench::new();
    bench.git(&["checkout", "-q", "-b", "side"]);
    std::fs::write(bench.work().join("README.md"), "half a sentence").unwrap();
    std::fs::write(bench.work().join("new.txt"), "new").unwrap();
    let before = bench.git(&["status", "--porcelain"]);
    bench.run("reset", &[]).code(4);
    bench.test.go(&["review", "answer", "r/a-person-1", "--choose", "stop"]).code(0);
    bench.test.go(&["resume", "r"]).code(1);
    assert_eq!((bench.git(&["status", "--porcelain"]), bench.git(&["branch", "--show-current"])), (before, "side".to_owned()));
    // The second time somebody says: set it aside.
    bench.run("reset", &["--again"]).code(4);
    bench.test.go(&["review", "answer", "r/a-person-2", "--choose", "set-aside"]).code(0);
    bench.test.go(&["resume", "r"]).code(0);
    assert_eq!(
        (bench.git(&["status", "--porcelain"]), bench.git(&["branch", "--show-current"])),
        (String::new(), "main".to_owned())
    );
    bench.git(&["stash", "pop", "-q"]);
    assert_eq!(std::fs::read_to_string(bench.work().join("README.md")).unwrap(), "half a sentence");
    assert_eq!(std::fs::read_to_string(bench.work().join("new.txt")).unwrap(), "new");
}

#[test]
fn tests_of_any_tool_become_figures() {
    let table = [
        (
            "cargo",
            "running 2 tests\ntest a::b ... ok\ntest c ... FAILED\ntest d ... ignored\n",
            101,
            "ok 1 - a::b\nnot ok 2 - c\nok 3 - d # SKIP\n1..3\n",
        ),
        (
            "unittest",
            "test_x (t.T.test_x) ... ok\ntest_y (t.T.test_y) ... skipped 'no.'\ntest_z (t.T) ... ERROR\n",
            1,
            "ok 1 - test_x (t.T.test_x)\nok 2 - test_y (t.T.test_y) # SKIP\nnot ok 3 - test_z (t.T)\n1..3\n",
        ),
        (
            "pytest",
            "PASSED tests/a.py::b\nFAILED tests/a.py::c - assert 1\nERROR tests/d.py\n",
            1,
            "ok 1 - tests/a.py::b\nnot ok 2 - tests/a.py::c - assert 1\nnot ok 3 - tests/d.py\n1..3\n",
        ),
        ("go", "--- PASS: TestA (0.00s)\n    --- FAIL: TestB/c (0.00s)\n", 1, "ok 1 - TestA\nnot ok 2 - TestB/c\n1..2\n"),
        ("tap", "1..2\nok 1 - a\nnot ok 2 - b # TODO later\n", 0, "ok 1 - a\nok 2 - b # TODO later\n1..2\n"),
        ("silent", "", 0, "ok 1 - cat out; exit 0\n1..1\n"),
        ("broken", "Segmentation fault\n", 139, "not ok 1 - cat out; exit 139\n1..1\n"),
        (
            "green, and then it crashed",
            "test a ... ok\n",
            134,
            "ok 1 - a\nnot ok 2 - cat out; exit 134 ended with exit code 134\n1..2\n",
        ),
    ];
    let bench = Bench::new();
    for (tool, output, code, tap) in table {
        bench.test.write("work/out", output);
        let ran = bench.script("tests.sh", &format!("test = cat out; exit {code}\n")).code(0);
        assert_eq!(ran.stdout, tap, "{tool}");
    }
}

#[test]
fn agreed_tests_cannot_be_changed_by_whoever_has_to_pass_them() {
    let bench = Bench::new();
    let pinned = |what: &str| {
        let mut ran = Command::new("sh");
        bench.test.dress(&mut ran).arg(root().join("flows/scripts/sdlc/pinned.sh")).arg(what).current_dir(bench.work());
        for (variable, path) in [("RUN_BASE", "run"), ("STEP_DIR", "run/build/work/step"), ("ARTIFACTS", "run/build/artifacts")] {
            ran.env(variable, bench.test.at(path));
        }
        common::finish({
            ran.env("FLOWS", root().join("flows")).env("FLOW", "build");
            ran
        })
    };
    bench.test.write("run/here", "");
    pinned("keep").code(0);
    bench.test.write("work/shortlinks/store.py", "# all new\n");
    pinned("check").code(0);
    for (file, text) in [("work/tests/test_store.py", "# nothing to see\n"), ("work/sdlc.conf", "test = true\n")] {
        let before = bench.test.text(file);
        bench.test.write(file, text);
        pinned("check").code(1).says(file.trim_start_matches("work/"));
        bench.test.write(file, &before);
    }
    std::fs::remove_file(bench.test.at("work/tests/test_server.py")).unwrap();
    pinned("check").code(1).says("tests/test_server.py");
}
