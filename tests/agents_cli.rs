//! Programs that only settings know, and whose settings count.

mod common;

use common::{
    Test,
    agents::{envelope, nowhere, receipt, run},
    programs::{handoff, init, prints, program, result, test},
};
use serde_json::json;

/// Settings as a person writes them for all their work, not as a directory brings them.
fn settings(test: Test, toml: &str) -> Test {
    test.file("home/flow-studio/config.toml", toml)
}

fn mine(toml: &str, body: &str) -> Test {
    let test = settings(test("    engine: cli\n"), &format!("[engines.cli.mine]\ncommand = \"mine\"\n{toml}"));
    program(&test, "mine", body);
    test
}

#[test]
fn text_json_and_lines_are_read_as_settings_say() {
    let draft = handoff().to_string();
    let event = json!({"kind": "end", "out": {"text": draft}, "use": {"in": 7, "out": 3}, "usd": 0.5, "m": "m-7"});
    let fields = "answer = \"/out/text\", prompt_tokens = \"/use/in\", completion_tokens = \"/use/out\", cost_usd = \"/usd\", model = \"/m\"";
    for (toml, body) in [
        (String::new(), format!("echo 'Here you are: {draft}'")),
        (format!("output = \"json\"\nfields = {{ {fields} }}\n"), prints(std::slice::from_ref(&event))),
        (
            format!("output = \"jsonl\"\nfields = {{ end = \"/kind=end\", {fields} }}\n"),
            format!("echo noise\n{}", prints(&[json!({"kind": "news"}), event.clone()])),
        ),
    ] {
        let test = mine(&toml, &body);
        run(&test).code(0);
        assert_eq!(envelope(&test)["status"], "VERIFIED", "{toml}");
        let receipt = receipt(&test);
        assert_eq!((&receipt["engine"], &receipt["mode"], &receipt["provider"]), (&json!("cli"), &json!("cli"), &json!("mine")));
        if !toml.is_empty() {
            assert_eq!((&receipt["tokens"]["total"], &receipt["cost_usd"]), (&json!(10), &json!(0.5)), "{toml}");
            assert_eq!(receipt["model"], "m-7");
        }
        assert!(test.text("stdin.1").starts_with("You write code. {{braces}} stay.\n\n"), "its persona comes first");
    }
}

#[test]
fn arguments_model_session_and_environment_reach_it() {
    let toml = "args = [\"work\", \"--json\"]\nprompt = \"argument\"\noutput = \"json\"\nmodel_flag = \"-m\"\nresume_flag = \"-s\"\n\
                env = [\"MINE_HOME\"]\napi_key_env = \"MINE_KEY\"\nbase_url = \"http://127.0.0.1:9\"\nbase_url_env = \"MINE_URL\"\n\
                version = [\"--version\"]\nmodels = { standard = \"big\" }\nfields = { answer = \"/a\", session = \"/s\" }\n";
    let bad = prints(&[json!({"a": "hm", "s": "s-9"})]);
    let good = prints(&[json!({"a": handoff(), "s": "s-9"})]);
    let test = mine(toml, &format!("if [ $n = 1 ]; then\n{bad}else\n{good}fi"));
    let test =
        test.env("MINE_HOME", "/mine").env("MINE_KEY", "key-0123456789abcdef").env("ANTHROPIC_API_KEY", "other-0123456789");
    run(&test).code(0);
    assert!(test.text("args.1").starts_with("work\n--json\n-m\nbig\nYou write code."), "{}", test.text("args.1"));
    assert_eq!(test.text("stdin.1"), "");
    assert!(test.text("args.2").starts_with("work\n--json\n-m\nbig\n-s\ns-9\nThat is not a valid handoff"));
    let env = test.text("env.1");
    for wanted in ["MINE_HOME=/mine", "MINE_KEY=key-0123456789abcdef", "MINE_URL=http://127.0.0.1:9"] {
        assert!(env.contains(wanted), "{wanted} in {env}");
    }
    assert!(!env.contains("ANTHROPIC_API_KEY"));
    assert_eq!(receipt(&test)["tool_versions"]["mine"], "9.9.9 (stand-in)");
    nowhere(&test, b"0123456789abcdef");
}

#[test]
fn errors_and_halves_are_failures() {
    let json = "output = \"json\"\nfields = { answer = \"/a\", error = \"/e\" }\n";
    for (toml, body, kind) in [
        (json, prints(&[json!({"a": handoff(), "e": {"message": "429 too many requests"}})]), "quota"),
        (json, "echo '{\"a\": '".to_owned(), "bad_output"),
        (json, format!("{}exit 2", prints(&[json!({"a": handoff()})])), "crashed"),
        ("", format!("echo '{}'; exit 1", handoff()), "crashed"),
        ("", "echo 'I am done.'".to_owned(), "bad_output"),
    ] {
        let test = mine(toml, &body);
        run(&test).code(1);
        assert_eq!(receipt(&test)["error_detail"]["kind"], kind, "{body}");
    }
}

#[test]
fn a_step_names_its_program_where_there_are_several() {
    let both = "[engines.cli.a]\ncommand = \"a\"\n[engines.cli.b]\ncommand = \"b\"\n";
    let test = settings(test("    engine: cli\n"), both);
    program(&test, "a", &format!("echo '{}'", handoff()));
    run(&test).code(3).says("needs `program: NAME`; there are: a, b");
    let flow = test.text("flows/work.yaml");
    test.write("flows/work.yaml", &flow.replace("engine: cli\n", "engine: cli\n    program: a\n"));
    run(&test).code(0);
    test.write("flows/work.yaml", &flow.replace("engine: cli\n", "engine: cli\n    program: c\n"));
    run(&test).code(3).says("there is no `[engines.cli.c]`");
    test.write("flows/work.yaml", &flow.replace("engine: cli\n", "engine: claude\n    program: a\n"));
    run(&test).code(3).says("`program` says which program of `engine: cli` is meant");
}

#[test]
fn an_observer_needs_a_way_to_only_read() {
    let look = |toml: &str| {
        let test = mine(toml, &format!("echo '{}'", handoff()));
        let flow = test.text("flows/work.yaml");
        test.write("flows/work.yaml", &flow.replace("engine: cli\n", "engine: cli\n    access: observe\n"));
        test
    };
    run(&look("")).code(3).says("name it as engines.cli.mine.observe");
    let test = look("observe = [\"--read-only\"]\n");
    run(&test).code(0);
    assert!(test.text("args.1").contains("--read-only"));
    let test = mine("", "exit 0");
    let flow = test.text("flows/work.yaml");
    test.write("flows/work.yaml", &flow.replace("engine: cli\n", "engine: cli\n    max_turns: 3\n"));
    run(&test).code(3).says("`max_turns` cannot hold it");
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    for (toml, said) in [
        ("fields = { answer = \"/a\" }\n", "means nothing where the output is text"),
        ("output = \"json\"\n", "fields.answer` is missing"),
        ("output = \"jsonl\"\nfields = { answer = \"/a\" }\n", "by which event its work has ended"),
        ("output = \"json\"\nfields = { answer = \"a\" }\n", "which is no JSON pointer"),
        ("resume_flag = \"-r\"\n", "needs `fields.session`"),
        ("base_url = \"http://localhost:1\"\n", "they belong together"),
        ("models = { fast = \"x\" }\n", "needs `model_flag`"),
        ("idle = \"0s\"\n", "is not a length of time"),
        ("colour = \"red\"\n", "unknown field `colour`"),
    ] {
        let test = settings(test("    engine: cli\n"), &format!("[engines.cli.mine]\ncommand = \"mine\"\n{toml}"));
        run(&test).code(3).says(said);
    }
}

/// A repository that somebody else wrote must not send the key away, or start what it brings.
#[test]
fn a_directorys_own_settings_count_only_where_it_is_trusted() {
    for (engine, toml) in [
        ("claude", "[engines.claude]\nbase_url = \"https://example.com\"\n"),
        ("claude", "[engines.claude]\ncommand = \"bin/claude\"\n"),
        ("codex", "[engines.codex]\nargs = [\"--x\"]\n"),
        ("codex", "[engines.codex]\nenv = [\"OTHER_TOKEN\"]\n"),
        ("codex", "[engines.codex]\napi_key_env = \"OTHER_TOKEN\"\n"),
        ("cli", "[engines.cli.mine]\ncommand = \"mine\"\n"),
        ("openai", "[engines.openai]\nbase_url = \"https://example.com/v1\"\n[models]\nstandard = [\"m\"]\n"),
    ] {
        let test =
            test(&format!("    engine: {engine}\n")).file("flow-studio.toml", toml).env("OPENAI_API_KEY", "key-0123456789");
        for name in ["claude", "codex", "mine"] {
            program(&test, name, "touch was-started");
        }
        run(&test).code(3).says("this directory is not trusted").says("FLOW_STUDIO_TRUST");
        assert!(!test.at("was-started").exists());
    }
    let toml = "[engines.claude]\ncommand = \"bin/claude\"\n";
    let good = prints(&[init(), result(json!({}))]);
    let by_env = test("    engine: claude\n").file("flow-studio.toml", toml);
    program(&by_env, "claude", &good);
    let root = by_env.root().display().to_string();
    let by_env = by_env.env("FLOW_STUDIO_TRUST", &root);
    run(&by_env).code(0);
    let by_file = test("    engine: claude\n").file("flow-studio.toml", toml);
    program(&by_file, "claude", &good);
    let root = by_file.root().display().to_string();
    let by_file = settings(by_file, &format!("trust = [{root:?}]\n"));
    run(&by_file).code(0);
    let itself = test("").file("flow-studio.toml", "trust = [\"/\"]\n");
    itself.go(&["list"]).code(3).says("where it would trust itself");
    // A server on this machine takes nothing away.
    let here = test("    engine: claude\n").file("flow-studio.toml", "[engines.claude]\nbase_url = \"http://127.0.0.1:9\"\n");
    program(&here, "claude", &good);
    run(&here).code(0);
    assert!(here.text("env.1").contains("ANTHROPIC_BASE_URL=http://127.0.0.1:9"));
}
