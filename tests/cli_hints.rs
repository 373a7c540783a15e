//! What a person is told to type can be typed, and a wish that cannot be met is refused, not passed over.

mod common;

use common::Test;

const ASK: &str = "params:\n  who: {type: string, required: true}\nsteps:\n  - {id: make, run: 'printf %s \"$PARAM_WHO\" > \"$ARTIFACTS/who.txt\"'}\n  - {id: sign, ask: {question: 'Go on?', evidence: [artifacts/who.txt]}}\n  - {id: after, run: 'true'}\n";

#[test]
fn a_shell_that_is_given_the_line_with_all_answers_chooses_none() {
    let test = Test::new().flow("ask", ASK);
    let waits = test.go(&["run", "ask", "--run-id", "r", "--param", "who=ada"]).code(4);
    let line = "review answer r/sign-1 --choose 'approve|reject'";
    assert!(waits.stderr.contains(line), "{}", waits.stderr);
    let shown = test.go(&["review", "show", "r/sign-1"]).code(0);
    assert!(shown.stdout.contains(line), "{}", shown.stdout);
    test.go(&["review", "answer", "r/sign-1", "--choose", "approve|reject"]).code(6).says("approve, reject");
    let runs = test.at("elsewhere");
    let there = ["--runs", runs.to_str().expect("UTF-8"), "run", "ask", "--param", "who=ada"];
    test.go(&there).code(4).says("/elsewhere review answer ask-1/sign-1");
}

#[test]
fn evidence_is_named_so_that_it_can_be_opened_from_here() {
    let test = Test::new().flow("ask", ASK);
    test.go(&["run", "ask", "--run-id", "r", "--param", "who=ada"]).code(4);
    let evidence = "run_base/r/ask/artifacts/who.txt";
    assert_eq!(test.text(evidence), "ada");
    for args in [&["review", "show", "r/sign-1"][..], &["status", "r"], &["show", "r"]] {
        let ran = test.go(args).code(0);
        assert!(ran.stdout.contains(evidence), "{args:?}: {}", ran.stdout);
    }
}

#[test]
fn a_run_that_goes_on_from_a_step_keeps_what_it_was_started_with() {
    let test = Test::new().flow("ask", ASK);
    test.go(&["run", "ask", "--run-id", "r", "--param", "who=ada"]).code(4);
    let from = ["run", "ask", "--run-id", "r", "--from", "make"];
    for more in [&["--param", "who=bob"][..], &["--until", "make"], &["--engine", "stub"]] {
        test.go(&[&from[..], more].concat()).code(2).says("keeps what it was started with");
    }
    test.go(&[&from[..], &["--param", "who=bob"]].concat()).code(2).says("retry r --flow ask --step make --set who=…");
    assert_eq!(test.facts("r", "step_started").len(), 2, "nothing ran");
    test.go(&from).code(4);
    assert_eq!(test.text("run_base/r/ask/artifacts/who.txt"), "ada");
    test.go(&["retry", "r", "--step", "make", "--set", "who=bob"]).code(4);
    assert_eq!(test.text("run_base/r/ask/artifacts/who.txt"), "bob");
}

#[test]
fn a_name_is_suggested_only_when_it_is_like_the_one_that_was_typed() {
    let test = Test::new().flow("ask", ASK);
    test.go(&["run", "ask", "--run-id", "r", "--param", "who=ada"]).code(4);
    test.go(&["explain", "r", "aftre"]).code(2).says("did you mean `after`?");
    test.go(&["explain", "r", "zebra"]).code(2).says("it has: make, sign, after").silent_on("did you mean");
    test.go(&["run", "ask", "--param", "who=x", "--from", "zebra"]).code(2).silent_on("did you mean");
    test.go(&["status", "zebra"]).code(2).says("flow-studio list").silent_on("because");
    test.go(&["run", "flows/ask.yaml"]).code(2).says("flow-studio run ask");
}

#[test]
fn a_cancelled_run_waits_for_nobody() {
    let test = Test::new().flow("ask", ASK);
    test.go(&["run", "ask", "--run-id", "r", "--param", "who=ada"]).code(4);
    test.go(&["cancel", "r"]).code(0);
    for (step, now) in [("sign", "its flow ended before it was done"), ("after", "its flow ended before it started")] {
        let told = test.go(&["explain", "r", step]).code(0).stdout;
        assert!(told.contains(&format!("now: {now}")), "{told}");
    }
    let status = test.go(&["status", "r"]).code(0).stdout;
    assert!(!status.contains("\n  cancelled\n"), "said twice: {status}");
}

#[test]
fn a_condition_is_explained_by_the_one_value_that_it_read() {
    let long = "x".repeat(200);
    let test = Test::new().flow(
        "look",
        &format!("steps:\n  - {{id: look, run: 'echo ''{{\"a\": \"{long}\", \"b\": {{\"tag\": \"old\"}}}}'''}}\n  - {{id: tag, needs: [look], when: \"steps.look.json.b.tag == 'new'\", run: 'true'}}\n"),
    );
    test.go(&["run", "look", "--run-id", "r"]).code(0);
    let told = test.go(&["explain", "r", "tag"]).code(0).stdout;
    assert!(told.contains("(steps.look.json.b.tag = \"old\")"), "{told}");
}

#[test]
fn validate_is_quiet_when_told_and_not_green_where_nothing_is() {
    let test = Test::new().flow("ask", ASK);
    let told = test.go(&["validate", "ask"]).code(0).stdout;
    assert!(told.starts_with("1 file checked: 0 mistakes, "), "{told}");
    assert_eq!(test.go(&["-q", "validate"]).code(0).stdout, "");
    test.go(&["validate", "--flows", "not-there"]).code(2).says("flow-studio init");
}

#[test]
fn what_verify_misses_it_names_with_the_command_that_mends_it() {
    let test = Test::new().flow("ok", "steps:\n  - {id: one, run: 'true'}\n");
    test.go(&["run", "ok", "--run-id", "r"]).code(0);
    std::fs::remove_file(test.at("run_base/r/ok/receipts/one-shell.json")).expect("a receipt");
    let told = test.go(&["verify", "r"]).code(7).stdout;
    assert!(told.contains("one-shell.json: missing") && told.contains("flow-studio verify r --repair"), "{told}");
    assert!(!test.go(&["verify", "r", "--repair"]).code(0).stdout.contains("--repair"));
}

#[test]
fn a_repair_is_not_advised_where_it_can_make_nothing() {
    let test = Test::new().flow("ok", "steps:\n  - {id: p, run: echo hi}\n");
    test.go(&["run", "ok", "--run-id", "r"]).code(0);
    std::fs::remove_file(test.at("run_base/r/ok/logs/p.1.stdout")).expect("what it printed");
    let diagnosis = test.go(&["diagnose", "r"]).code(1).stdout;
    assert!(diagnosis.contains("output-lost") && diagnosis.contains("flow-studio retry r --flow ok --step p"), "{diagnosis}");
    for args in [&["verify", "r"][..], &["verify", "r", "--repair"]] {
        let told = test.go(args).code(7).stdout;
        assert!(told.contains("p.1.stdout: missing: ") && told.contains("the journal cannot make it"), "{told}");
        assert!(!told.contains("--repair") && !diagnosis.contains("--repair"), "{told}\n{diagnosis}");
    }
}

#[test]
fn what_witnesses_the_end_of_the_journal_is_made_anew_byte_for_byte() {
    let test = Test::new().flow("ask", ASK).flow("ok", "steps:\n  - {id: one, run: 'true'}\n");
    let test = test.flow("bad", "steps:\n  - {id: one, run: 'exit 3'}\n");
    test.go(&["run", "ok", "--run-id", "ok"]).code(0);
    test.go(&["run", "bad", "--run-id", "bad"]).code(1);
    test.go(&["run", "ask", "--run-id", "ask", "--param", "who=ada"]).code(4);
    for run in ["ok", "bad", "ask"] {
        let path = format!("run_base/{run}/run.json");
        let before = test.text(&path);
        for damage in [None, Some("{")] {
            match damage {
                None => std::fs::remove_file(test.at(&path)).expect("run.json"),
                Some(text) => test.write(&path, text),
            }
            assert!(test.go(&["verify", run]).code(7).stdout.contains(&format!("verify {run} --repair")));
            let told = test.go(&["verify", run, "--repair"]).code(0).stdout;
            assert!(told.contains("run.json: made anew") && !told.contains("--repair"), "{told}");
            assert_eq!(test.text(&path), before, "{run}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_not_taken_for_empty() {
    let test = Test::new().flow("ask", ASK).file("runs-file", "no directory").file("flows-file", "no directory");
    test.go(&["validate", "--flows", "flows-file"]).code(1).says("cannot read");
    test.go(&["flows", "--flows", "flows-file"]).code(1).says("cannot read");
    test.go(&["agents", "--agents", "flows-file"]).code(1).says("cannot read");
    test.go(&["status", "r", "--runs", "runs-file"]).code(1).says("cannot be opened").silent_on("there is no run");
    test.go(&["run", "ask", "--run-id", "r", "--param", "who=ada"]).code(4);
    for damage in ["{", ""] {
        test.write("run_base/r/run.json", damage);
        let inbox = test.go(&["review", "list"]).code(0).stdout;
        assert!(inbox.contains("r/sign-1  MEDIUM"), "the journal knows: {inbox}");
    }
    test.write("run_base/r/journal.jsonl", "{\n");
    let inbox = test.go(&["review", "list"]).code(0).stdout;
    assert!(inbox.contains("run r cannot be read"), "{inbox}");
}

#[test]
fn a_line_that_is_repeated_does_nothing_twice() {
    let steps = "steps:\n  - {id: pay, run: 'echo paid >> book', effects: once}\n  - {id: inner, flow: part}\n";
    let part =
        "params: {of: {type: list, default: [a, b]}}\nsteps:\n  - {id: each, run: 'true', effects: once, for_each: params.of}\n";
    let test = Test::new().flow("one", &format!("params: {{who: {{type: string, default: ada}}}}\n{steps}")).flow("part", part);
    let line = ["run", "one", "--run-id", "r", "--param", "who=bo"];
    test.go(&line).code(0);
    let before = test.text("run_base/r/journal.jsonl");
    let refused = test.go(&line).code(6);
    for said in [
        "flow `one` has ended in run `r`: it succeeded at 20",
        "nothing was started",
        "once-only steps again: pay, inner.each[a], inner.each[b]",
        "flow-studio retry r --flow one --step STEP",
        "flow-studio run one --run-id r --again --param who=…",
    ] {
        assert!(refused.stderr.contains(said), "{said}: {}", refused.stderr);
    }
    assert_eq!((test.text("book").as_str(), test.text("run_base/r/journal.jsonl")), ("paid\n", before));
    test.go(&["run", "one", "--run-id", "r", "--again", "--from", "pay"]).code(2);
    test.go(&["run", "one", "--run-id", "r", "--again", "--new"]).code(2);
    test.go(&["run", "one", "--again"]).code(2);
    // To name a step is a clear wish.
    test.go(&["run", "one", "--run-id", "r", "--from", "pay"]).code(0).silent_on("starts over");
    assert_eq!(test.text("book"), "paid\npaid\n");
}

#[test]
fn a_flow_that_failed_is_started_over_by_a_wish_too() {
    let test = Test::new().flow("one", "steps:\n  - {id: first, run: 'true'}\n  - {id: 'no', run: 'false'}\n");
    test.go(&["run", "one", "--run-id", "r"]).code(1);
    let refused = test.go(&["run", "one", "--run-id", "r"]).code(6).says("it failed at").silent_on("once-only");
    assert!(refused.stderr.contains("flow-studio retry r --flow one --step no "), "{}", refused.stderr);
    test.go(&["run", "one", "--run-id", "new", "--again"]).code(1).silent_on("starts over");
    // What was taken back is not done twice, and is where one begins again.
    let undone =
        "steps:\n  - {id: pay, run: 'true', undo: 'true', effects: once}\n  - {id: no, run: 'false', on_failure: rollback}\n";
    test.flow_again("one", undone);
    test.go(&["run", "one", "--run-id", "back"]).code(1);
    let refused = test.go(&["run", "one", "--run-id", "back"]).code(6).silent_on("once-only");
    assert!(refused.stderr.contains("flow-studio retry back --flow one --step pay "), "{}", refused.stderr);
}

#[test]
fn a_flow_that_starts_over_in_its_run_says_so() {
    let test = Test::new().flow("one", "steps:\n  - {id: only, run: 'true'}\n");
    test.go(&["run", "one", "--run-id", "r"]).code(0).silent_on("starts over");
    let again = ["run", "one", "--run-id", "r", "--again"];
    test.go(&again).code(0).says("flow `one` had ended in run `r`; it starts over (start 2)");
}

#[test]
fn a_refusal_is_told_once() {
    let test = Test::new().flow("one", "steps:\n  - {id: only, run: 'true'}\n");
    test.go(&["run", "one", "--run-id", "r"]).code(0);
    let ran = test.go(&["resume", "r", "--from", "nope"]).code(2);
    assert_eq!(ran.stderr.matches("nope").count(), 1, "{}", ran.stderr);
}

#[test]
fn a_mistake_on_the_command_line_is_json_where_json_was_asked_for() {
    let ran = Test::new().go(&["list", "--bogus", "--json"]).code(2);
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).expect("one JSON object");
    assert_eq!(told["error"]["kind"], "usage");
    assert!(told["error"]["message"].as_str().is_some_and(|message| message.contains("--bogus")), "{told}");
    Test::new().go(&["list", "--bogus"]).code(2).says("--bogus");
}

#[test]
fn settings_that_cannot_be_read_stop_every_command_but_the_one_that_looks_for_mistakes() {
    let test = Test::new().flow("ask", ASK).file("flow-studio.toml", "[bad");
    test.go(&["list"]).code(3).says("is not a config file");
    let doctor = test.go(&["doctor"]).code(3);
    assert!(doctor.stdout.contains("is not a config file") && doctor.stdout.contains("workspace"), "{}", doctor.stdout);
}

#[test]
fn what_a_hint_of_an_error_names_is_found_where_the_runs_are() {
    let test = Test::new().flow("ask", ASK);
    let runs = test.at("elsewhere");
    let runs = runs.to_str().expect("UTF-8");
    test.go(&["--runs", runs, "status", "zebra"]).code(2).says(&format!("flow-studio --runs {runs} list"));
}

#[test]
fn steps_of_a_flow_that_is_over_wait_for_nothing() {
    let test = Test::new().flow("ask", ASK);
    test.go(&["run", "ask", "--run-id", "r", "--param", "who=ada"]).code(4);
    test.go(&["cancel", "r"]).code(0);
    let status = test.go(&["status", "r", "--json"]).code(0);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).expect("JSON");
    let standing: Vec<_> = status["flows"][0]["steps"].as_array().expect("steps").iter().map(|step| &step["standing"]).collect();
    assert_eq!(standing, ["succeeded", "stopped", "stopped"]);
    test.go(&["resume", "r"]).says("the run has ended, cancelled: there is nothing to resume");
}

/// What a reader would paste, without the program's name.
fn pasted(told: &serde_json::Value) -> Vec<Vec<String>> {
    let commands = told["next"].as_array().expect("what to do next").iter().filter_map(|next| next["command"].as_str());
    let words = |command: &str| command.split(' ').skip(1).map(|word| word.replace('\'', "")).collect();
    commands.map(words).collect()
}

#[test]
fn what_status_tells_to_type_next_finds_its_step_among_several_of_that_name() {
    let flow = |last: &str| format!("steps:\n  - {{id: b, run: '{last}'}}\n");
    let each = "steps:\n  - {id: b, for_each: '[1, 2]', as: n, flow: two}\n";
    let test = Test::new().flow("one", &flow("true")).flow("two", &flow("exit 3")).flow("each", each);
    test.go(&["run", "one", "--run-id", "r"]).code(0);
    test.go(&["run", "two", "--run-id", "r"]).code(1).says("explain r b --flow two");
    test.go(&["run", "each", "--run-id", "s"]).code(1);
    for run in ["r", "s"] {
        let told = pasted(&test.go(&["status", run, "--json"]).code(0).json());
        let explains: Vec<&Vec<String>> = told.iter().filter(|words| words[0] == "explain").collect();
        assert!(!explains.is_empty(), "{told:?}");
        for words in explains {
            test.go(&words.iter().map(String::as_str).collect::<Vec<_>>()).code(0);
        }
    }
}

#[test]
fn a_flow_that_was_mended_goes_on_as_mended_by_the_command_that_is_printed() {
    let broken = "steps:\n  - {id: a, run: echo a >> ran}\n  - {id: b, run: 'exit 1'}\n";
    let test = Test::new().flow("f", broken);
    let ran = test.go(&["run", "f", "--run-id", "r"]).code(1);
    let line = "resume r --flow f --refresh";
    assert!(ran.stderr.contains(line), "{}", ran.stderr);
    // As long as it was not mended, nobody is told that it was.
    assert!(!test.go(&["retry", "r", "--step", "b"]).code(1).stderr.contains("was changed since"));
    test.flow_again("f", &broken.replace("exit 1", "echo b >> ran"));
    test.go(&["retry", "r", "--flow", "f", "--step", "b"]).code(1).says("flow `f` was changed since this run started");
    for args in [&["status", "r"][..], &["diagnose", "r"]] {
        let told = test.go(args);
        assert!(told.stdout.contains(line), "{args:?}: {}", told.stdout);
    }
    test.go(&["resume", "r", "--flow", "f", "--refresh"]).code(0);
    assert_eq!(test.text("ran"), "a\nb\n");
}

/// From another directory, where there are no flows.
#[test]
fn a_flow_that_is_not_here_is_not_called_changed() {
    let test = Test::new().flow("ask", ASK);
    test.go(&["run", "ask", "--run-id", "r", "--param", "who=ada"]).code(4);
    std::fs::rename(test.at("flows"), test.at("flows-of-before")).unwrap();
    let ran = test.go(&["resume", "r"]).code(4);
    assert!(!ran.stderr.contains("was changed") && ran.stderr.contains("today's could not be read here"), "{}", ran.stderr);
}

/// "All clear" in another directory than the one that was meant.
#[test]
fn where_there_is_nothing_the_place_is_named() {
    let test = Test::new();
    for args in [&["list"][..], &["review", "list"]] {
        let told = test.go(args).code(0).stdout;
        assert!(told.contains("/run_base is not there"), "{told}");
    }
    std::fs::create_dir(test.at("run_base")).unwrap();
    for args in [&["list"][..], &["review", "list"]] {
        let told = test.go(args).code(0).stdout;
        assert!(told.trim_end().ends_with("/run_base") && told.contains(" in /"), "{told}");
    }
}

#[test]
fn validate_looks_at_detours_and_agents_too() {
    let detours = "detours:\n  - {id: fix, when: {error: '('}, stepz: 1, steps: [{id: m, run: 'true', expect: {exit: 0}}], verify: 'true'}\n";
    let test = Test::new().flow("f", "steps: [{id: a, run: 'true', expect: {exit: 0}}]");
    test.write("flows/detours.yaml", detours);
    test.write("agents/critic.md", "---\nname: other\ndescription: 7\n---\nhello\n");
    test.write("agents/9 notes.md", "no agent\n");
    let all = test.go(&["validate"]).code(3);
    for said in
        ["detours.yaml:2:29", "unknown key `stepz`", "critic.md:3:14", "is no agent that a flow can name", "4 files checked"]
    {
        assert!(format!("{}{}", all.stdout, all.stderr).contains(said), "{said} in {}{}", all.stdout, all.stderr);
    }
    for (file, said) in [("flows/detours.yaml", "unclosed group"), ("agents/critic.md", "`description`: expected")] {
        test.go(&["validate", file]).code(3).says(said).says(&format!("{file}:"));
    }
    test.go(&["validate", "agents/9 notes.md"]).code(3).says("is no agent that a flow can name");
    test.write("agents/critic.md", "---\nname: critic\ndescription: Finds what is missing\n---\nhello\n");
    test.go(&["validate", "agents/critic.md"]).code(0);
    // Without any flow.
    std::fs::remove_file(test.at("flows/f.yaml")).unwrap();
    test.go(&["validate"]).code(3).says("unclosed group");
}

#[test]
fn mistakes_of_a_scenario_are_shown_where_they_stand() {
    let test = Test::new().flow("f", "params: {n: {type: integer}}\nsteps: [{id: a, run: 'true', expect: {exit: 0}}]");
    let scenario = |text: &str| test.write("flows/tests/f.scenario.yaml", &format!("flow: f\n{text}\n"));
    let played = || {
        let ran = test.go(&["test"]);
        format!("{}{}", ran.stdout, ran.stderr)
    };
    for (text, says, place) in [
        ("steps: {a: [{concerns: [{severity: LOW, description: x, locaton: y}]}]}", "did you mean `location`?", "yaml:2:57"),
        ("steps: {a: [{assumptions: [{assumption: x, wy: 1}]}]}", "unknown key `wy`", "yaml:2:44"),
        ("steps:\n  nope: [{exit: 1}]", "has no step `nope`", "yaml:3:3"),
        ("expect:\n  decisions: {b: [LOOP]}", "has no step `b`", "yaml:3:15"),
        ("params:\n  n: many", "many", "yaml:3:6"),
        ("params: {m: 1}", "no parameter `m`", "yaml:2:13"),
    ] {
        scenario(text);
        let said = played();
        assert!(said.contains(says) && said.contains(place), "{text}: {said}");
    }
    scenario("steps:\n  a: [{exitt: 1}]");
    let run = ["run", "f", "--engine", "stub", "--scenario", "flows/tests/f.scenario.yaml"];
    test.go(&run).code(3).says("flows/tests/f.scenario.yaml:3:8");
}
