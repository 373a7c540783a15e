//! A Markdown runbook becomes a flow that loads, and that an operator would start from.
//! In: runbooks written for this, and bytes that are none. Out: flows, and what people are told.
//! Never: a flow written that does not load, a secret of a runbook in a flow, a file replaced unasked.

mod common;

use std::fs;

use common::Test;
use flow_studio::{
    id::FlowKey,
    import::import,
    spec::{Diagnostics, Loader},
};
use serde_json::Value;

/// What `validate` says of it, warnings too.
fn checked(yaml: &str) -> Result<Diagnostics, Diagnostics> {
    let loader = Loader::in_memory([("flows/x.yaml".to_owned(), yaml.as_bytes().to_vec())]);
    let loaded = loader.load_library(&FlowKey::new("x").unwrap())?;
    Ok(loaded.warnings)
}

fn flow_of(markdown: &str) -> String {
    let made = import(markdown.as_bytes(), "x", "x.md").unwrap_or_else(|error| panic!("{error}\n{markdown}"));
    // Braces in a file that a command writes are the file's.
    match checked(&made.yaml) {
        Ok(warnings) if warnings.iter().all(|one| one.code == "braces-in-shell") => made.yaml,
        Ok(found) | Err(found) => panic!("{}\n{}", found.render(false), made.yaml),
    }
}

/// The line of the flow that holds this, and those after it, up to the next empty one.
#[track_caller]
fn part<'y>(yaml: &'y str, start: &str) -> &'y str {
    let at = yaml.find(start).unwrap_or_else(|| panic!("`{start}` is not in\n{yaml}"));
    yaml[at..].split("\n\n").next().unwrap()
}

#[test]
fn each_shape_of_a_runbook_has_its_place_in_the_flow() {
    let mut count = 0;
    insta::glob!("import/*.md", |path| {
        let text = fs::read_to_string(path).unwrap();
        insta::assert_snapshot!(flow_of(&text));
        count += 1;
    });
    assert!(count >= 7, "{count}");
}

/// No snapshot looks at the sum: nothing of a runbook may be neither in the flow nor among its comments.
#[test]
fn every_word_of_a_runbook_is_in_its_flow() {
    for name in ["queue", "symptoms", "changes", "table-of-symptoms", "look-only", "unmarked", "odd"] {
        let text = fs::read_to_string(format!("{}/tests/import/{name}.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let yaml = flow_of(&text).to_lowercase();
        let words = |text: &str| -> Vec<String> {
            text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() > 3).map(str::to_lowercase).collect()
        };
        let there = words(&yaml);
        let lost: Vec<String> = words(&text).into_iter().filter(|word| !there.contains(word)).collect();
        // What the flow says in its own words: heads of tables, titles of sections, languages of blocks.
        let said = [
            "bash",
            "console",
            "json",
            "required",
            "default",
            "allowed",
            "values",
            "parameter",
            "parameters",
            "inputs",
            "role",
            "rollback",
            "definition",
            "done",
            "symptom",
            "likely",
            "cause",
            "what",
            "meaning",
            "colour",
            "command",
            "check",
            "watch",
            "verify",
            "also",
            "causes",
            "output",
            "expected",
            "prerequisites",
            "optional",
            "text",
            "types",
            "type",
            "after",
        ];
        let lost: Vec<&String> = lost.iter().filter(|word| !said.contains(&word.as_str())).collect();
        assert!(lost.is_empty(), "{name}: {lost:?}\n{yaml}");
    }
}

#[test]
fn a_runbook_that_only_looks_is_written_validated_strictly_and_run_to_its_end() {
    let test = Test::new()
        .file("look-only.md", include_str!("import/look-only.md"))
        .file("archive/a/box-1.txt", "label: nuts & bolts\n")
        .file("archive/a/box-2.txt", "bolts\n")
        .file("archive/log.txt", "all is well\n")
        .file("archive/index.txt", "box 1\nbox 2\n");
    let ran = test.go(&["import", "look-only.md"]).code(0);
    insta::assert_snapshot!("look-only-told", ran.stdout);
    test.go(&["validate", "--strict"]).code(0);
    test.go(&["run", "look-only", "--run-id", "r", "--param", "shelf=a", "--strict"]).code(0);
    let ended = test.manifest("r");
    assert_eq!(ended["status"], "succeeded", "{ended}");
    // A value that a program would take for a flag is refused before anything runs.
    test.go(&["run", "look-only", "--run-id", "s", "--param", "shelf=-rf"]).code(3).says("does not match the pattern");
    // What the runbook expects is measured, not printed.
    fs::remove_file(test.at("archive/a/box-2.txt")).unwrap();
    test.go(&["run", "look-only", "--run-id", "t", "--param", "shelf=a"]).code(1);
    assert_eq!(test.json("run_base/t/look-only/handoffs/how-many-boxes-are-there-shell.json")["status"], "UNVERIFIED");
}

#[test]
fn what_changes_something_waits_for_a_person_and_is_taken_back_when_a_later_step_fails() {
    let markdown = "# Switch\n\n## Switch over\n\n```sh\necho new > live.txt\necho switched >> log.txt\n```\n\n## Look\n\n```sh\ncat live.txt\n```\n\n\
                    Expected: `something else`\n\n## Rollback\n\n```sh\necho old > live.txt\n```\n";
    let test = Test::new().file("switch.md", markdown).file("live.txt", "old\n");
    test.go(&["import", "switch.md"]).code(0);
    test.go(&["run", "switch", "--run-id", "r"]).code(4);
    assert_eq!(test.text("live.txt"), "old\n");
    test.go(&["review", "answer", "r/switch-over-1", "--choose", "approve"]).code(0);
    test.go(&["resume", "r"]).code(1);
    assert_eq!(test.text("live.txt"), "old\n", "the undo has run");
    assert_eq!(test.text("log.txt"), "switched\n");
}

#[test]
fn a_target_that_is_there_is_replaced_only_with_force() {
    let test = Test::new().file("a.md", "# A\n\n- do it\n").file("flows/a.yaml", "mine\n");
    test.go(&["import", "a.md"]).code(2).says("is there already").says("--force");
    assert_eq!(test.text("flows/a.yaml"), "mine\n");
    test.go(&["import", "a.md", "--to", "-"]).code(0);
    assert_eq!(test.text("flows/a.yaml"), "mine\n");
    test.go(&["import", "a.md", "--name", "b"]).code(0);
    assert!(test.text("flows/b.yaml").contains("flow: b\n"));
    test.go(&["import", "a.md", "--force"]).code(0);
    assert!(test.text("flows/a.yaml").contains("flow: a\n"));
    test.go(&["import", "a.md", "--to", "elsewhere.yaml", "--name", "b"]).code(2).says("a flow is named like its file");
    test.go(&["import", "a.md", "--name", "No Key"]).code(2).says("--name no-key");
    test.go(&["validate", "--strict"]).code(0);
}

#[test]
fn a_link_in_the_place_of_the_flow_is_not_followed() {
    let test = Test::new().file("a.md", "# A\n\n- do it\n").file("precious.txt", "kept\n");
    std::os::unix::fs::symlink(test.at("precious.txt"), test.at("flows/a.yaml")).unwrap();
    test.go(&["import", "a.md"]).code(2).says("is there already");
    test.go(&["import", "a.md", "--force"]).code(0);
    assert_eq!(test.text("precious.txt"), "kept\n");
}

#[test]
fn what_is_no_runbook_is_refused_with_a_sentence_and_nothing_is_written() {
    let test = Test::new();
    let write = |bytes: &[u8]| fs::write(test.at("r.md"), bytes).unwrap();
    let many = |line: &str, count: usize| line.repeat(count).into_bytes();
    for (bytes, says) in [
        (Vec::new(), "nothing in it is something to do"),
        (b"  \n\n".to_vec(), "nothing in it is something to do"),
        (b"# Only a title\n\nAnd what it is about.\n".to_vec(), "nothing in it is something to do"),
        (b"# A\n\n- caf\xe9\n".to_vec(), "line 3 is not UTF-8"),
        (b"# A\n- b\n\0".to_vec(), "line 3 has a NUL byte"),
        (many("- a line of it\n", 20_000), "at most 262144 are read"),
        (many("# a\n", 2000), "more than 1000 headings"),
        (many("```sh\nmake all\n```\n", 400), "more than 300 steps"),
        (many("a <b> c\n", 1).into_iter().chain(blanks(150)).collect(), "more than 100 parameters"),
        ([b"# A\n## Definition of done\n".to_vec(), many("- x\n", 200)].concat(), "more than 100 lines that say when it is done"),
    ] {
        write(&bytes);
        let ran = test.go(&["import", "r.md"]).code(2).says(says).says("r.md cannot become a flow");
        assert!(ran.stdout.is_empty(), "{}", ran.stdout);
        assert!(!test.at("flows/r.yaml").exists());
    }
    test.go(&["import", "no.md"]).code(2).says("cannot read no.md");
    test.go(&["import", "flows"]).code(2).says("cannot read flows");
}

fn blanks(count: usize) -> Vec<u8> {
    (0..count).map(|at| format!("\n```sh\nmake <blank-{at}>\n```\n")).collect::<String>().into_bytes()
}

#[test]
fn deep_nesting_and_long_lines_end_well() {
    for text in [
        format!("# A\n{}x", "- ".repeat(20_000)),
        format!("# A\n{}x\n\n- y", "> ".repeat(20_000)),
        format!("# A\n- {}", "[".repeat(50_000)),
        format!("# A\n- {}x", "*_".repeat(30_000)),
        format!("# A\n\n- {}\n", "word ".repeat(40_000)),
        format!("# A\n```sh\nmake {}\n```\n", "$(".repeat(20_000)),
        format!("# A\n```sh\n{}\n```\n", "vi a\n".repeat(5_000)),
        (0..400).map(|depth| format!("{}- x\n", "  ".repeat(depth))).collect(),
    ] {
        if let Ok(made) = import(text.as_bytes(), "x", "x.md") {
            let found = checked(&made.yaml);
            assert!(found.is_ok(), "{}", found.unwrap_err().render(false));
        }
    }
}

#[test]
fn a_secret_in_a_runbook_becomes_a_named_variable_and_is_said() {
    let token = ["ghp", "_", "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"].concat();
    let password = ["hunter", "2-", "9fQ7xLm4Zt"].concat();
    let markdown = format!(
        "# Call it\n\nThe key is {token}.\n\n## Call\n\n```sh\ncurl -sf -H 'Authorization: token {token}' https://a.invalid/x\n\
         export DB_PASSWORD={password}\ncurl -u deploy:{password} https://a.invalid/y\n```\n\n| Parameter | Default | Why |\n|---|---|---|\n\
         | key | {token} | it is needed |\n"
    );
    let test = Test::new().file("call.md", &markdown);
    let ran = test.go(&["import", "call.md", "--json"]).code(0);
    let report = ran.json();
    let held = report["held_back"].as_array().unwrap();
    assert!(held.len() >= 4, "{report}");
    for (path, bytes) in test.every_file("flows") {
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains(&token) && !text.contains(&password), "{}\n{text}", path.display());
        assert!(text.contains("secrets: [") && text.contains("RUNBOOK_SECRET_"), "{text}");
    }
    assert!(!ran.stdout.contains(&token) && !ran.stdout.contains(&password));
    let ran = test.go(&["import", "call.md", "--force"]).code(0);
    assert!(ran.stdout.contains("a secret (") && ran.stdout.contains("was not taken over"), "{}", ran.stdout);
    assert!(!ran.stdout.contains(&token));
    test.go(&["validate", "--strict"]).code(0);
}

#[test]
fn nothing_of_a_runbook_is_a_template_or_an_expression() {
    let yaml = flow_of(
        "# {{params.x}} {{{run.id}}}\n\n## {{#each steps}}\n\n- {{lookup . 'x'}} in {{{{raw}}}}\n- {{\n\n## Case: ' || true || '\n\n- a\n\n## Case: }}\n\n- b\n\n\
         ## Definition of done\n\n- {{secrets.KEY}}\n\n## Ask\n\n```sh\nmake '{{name}}' # {{x}}\n```\n",
    );
    let asked: Vec<&str> = yaml.lines().filter(|line| line.contains("{{") && !line.trim_start().starts_with('#')).collect();
    let taken_as_it_is =
        |line: &&str| line.starts_with("title:") || line.starts_with("    title:") || line.starts_with("    run:");
    assert!(asked.iter().all(taken_as_it_is), "{asked:#?}\n{yaml}");
    assert!(yaml.contains("when: \"params['case'] == 'true'\""), "{yaml}");
    assert!(part(&yaml, "run: ").contains("make ''\\\"$PARAM_NAME\\\"''"), "{yaml}");
}

#[test]
fn a_name_that_comes_twice_gets_a_number_and_one_without_letters_a_word() {
    let yaml = flow_of("# A\n\n## Same\n\n- a\n\n## Same\n\n- b\n\n## Same 2\n\n- c\n\n## !!!\n\n- d\n\n## 日本\n\n- e\n");
    let ids: Vec<&str> = yaml.lines().filter_map(|line| line.trim().strip_prefix("- id: ")).collect();
    assert_eq!(ids, ["same", "same-2", "same-2-2", "step", "step-2"]);
}

#[test]
fn the_list_of_what_was_kept_names_lines_of_the_file() {
    let test = Test::new().file("odd.md", include_str!("import/odd.md"));
    let report = test.go(&["import", "odd.md", "--to", "-", "--json"]).code(0).json();
    let source: Vec<&str> = include_str!("import/odd.md").lines().collect();
    let kept = report["kept"].as_array().unwrap();
    assert!(kept.len() >= 8, "{report:#}");
    for one in kept {
        let number = |key: &str| usize::try_from(one[key].as_u64().unwrap()).unwrap();
        let (first, last) = (number("line"), number("last"));
        assert!(first >= 1 && first <= last && last <= source.len(), "{one}");
        let lines = source[first - 1..last].join(" ");
        let word =
            one["text"].as_str().unwrap().split(|c: char| !c.is_alphanumeric()).find(|word| word.len() > 3).unwrap_or_default();
        assert!(lines.contains(word), "{one}: {lines}");
    }
}

#[test]
fn the_report_is_what_its_schema_says() {
    let schema: Value = serde_json::from_str(
        &fs::read_to_string(format!("{}/schemas/cli/import.schema.json", env!("CARGO_MANIFEST_DIR"))).unwrap(),
    )
    .unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let test = Test::new().file("q.md", include_str!("import/queue.md"));
    for args in [&["import", "q.md", "--json"][..], &["import", "q.md", "--json", "--to", "-"]] {
        let report = test.go(args).code(0).json();
        let wrong: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        assert_eq!(report["yaml"].is_string(), args.len() == 5);
    }
}
