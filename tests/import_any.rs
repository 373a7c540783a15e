//! Whatever a file holds, it becomes a flow that loads or a sentence that says why not.
//! In: random Markdown, structured and not. Out: nothing that panics. Never: a flow that `validate` would refuse.

use flow_studio::{id::FlowKey, import::import, spec::Loader};
use proptest::prelude::*;

/// Fails where the text became a flow that does not load.
fn loads_or_is_refused(text: &str) -> Result<bool, TestCaseError> {
    let made = match import(text.as_bytes(), "x", "x.md") {
        Ok(made) => made,
        Err(why) => {
            prop_assert!(!why.to_string().is_empty());
            return Ok(false);
        }
    };
    let loader = Loader::in_memory([("flows/x.yaml".to_owned(), made.yaml.as_bytes().to_vec())]);
    let loaded = loader.load_library(&FlowKey::new("x").unwrap());
    let Ok(loaded) = loaded else {
        let found = loaded.unwrap_err();
        return Err(TestCaseError::fail(format!("{}\n{}", found.render(false), made.yaml)));
    };
    let flow = loaded.value.main_flow().expect("it is the main one");
    prop_assert_eq!(flow.steps.len(), made.steps.len());
    // Whatever is not known to only look asks first.
    for step in made.steps.iter().filter(|step| step.verb == "run") {
        let written = flow.steps.iter().find(|one| one.id.as_str() == step.id).expect("a step of the flow");
        prop_assert_eq!(written.approve.is_some(), step.changes.is_some(), "{}", step.id);
    }
    let lines = u32::try_from(text.lines().count().max(1)).unwrap();
    prop_assert!(made.kept.iter().all(|kept| kept.line <= kept.last && kept.last <= lines), "{:?}", made.kept);
    Ok(true)
}

/// A word of prose, YAML, shell, CEL, Handlebars and Markdown.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,8}",
        1 => "\\PC{1,6}",
        3 => prop::sample::select(vec![
            "{{", "}}", "{{params.x}}", "<name>", "<two words>", "`", "``", "`ls -l`", "`rm x`", "$X", "${Y}", "$(x)", "'", "\"", "\\", "|", "#",
            ":", ": ", "- ", "* ", "1.", "&a", "*a", "!t", "%", "@", "[", "]", "{", "}", "true", "null", "~", "---", "...", "Expected:", "If",
            "Symptom:", "params['a'] == 'b'", "\u{202e}", "\u{feff}", "\u{85}", "\u{2028}", "\t", "日本", "🙂", "TOKEN", "$API_KEY", "<<EOF", "EOF",
            "source", "[[", "wait until", "30s", "every 5s", "/x/", "...", "HIGH", "2031-01-01", "none-of-these", "**", "_", "~~", "<b>", "</b>",
            "[^1]", "\\|", "never", "Check", "curl", "vi",
        ]).prop_map(str::to_owned),
    ]
}

fn words() -> impl Strategy<Value = String> {
    prop::collection::vec(word(), 0..8).prop_map(|words| words.join(" "))
}

fn heading() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "Parameters",
        "Read first",
        "Safety rails",
        "Rollback",
        "Definition of done",
        "When to escalate",
        "Role",
        "Goal",
        "Prerequisites",
        "Change types",
        "Symptom: a",
        "Symptom: b",
        "Case: x",
        "See also",
        "Step 3: Go",
        "2. Two",
    ]);
    (1_usize..7, prop_oneof![known.prop_map(str::to_owned), words()])
        .prop_map(|(level, title)| format!("{} {title}\n\n", "#".repeat(level)))
}

fn block() -> impl Strategy<Value = String> {
    let language = prop::sample::select(vec!["sh", "bash", "console", "", "text", "json"]);
    let head = prop::sample::select(vec![
        "Parameter | Why",
        "Symptom | Fix",
        "Check | Command",
        "Step | How to verify",
        "A | B",
        "Change type | Action",
    ]);
    prop_oneof![
        3 => heading(),
        2 => words().prop_map(|text| format!("{text}\n\n")),
        2 => prop::collection::vec(words(), 1..4).prop_map(|items| items.iter().map(|item| format!("- {item}\n")).collect::<String>() + "\n"),
        2 => (language, prop::collection::vec(words(), 0..4), any::<bool>()).prop_map(|(language, lines, closed)| {
            format!("```{language}\n{}\n{}\n\n", lines.join("\n"), if closed { "```" } else { "" })
        }),
        2 => (head, prop::collection::vec((words(), words()), 0..4)).prop_map(|(head, rows)| {
            let rows: String = rows.iter().map(|(one, two)| format!("| {one} | {two} |\n")).collect();
            format!("| {head} |\n|---|---|\n{rows}\n")
        }),
        1 => words().prop_map(|text| format!("> {text}\n\n")),
        1 => prop::sample::select(vec!["Expected output:", "If it hangs:", "Common fixes:", "Wait until it is up, every 5s for 2 minutes:"])
            .prop_map(|label| format!("{label}\n\n")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_becomes_a_flow_that_loads_or_a_sentence(text in "(?s).{0,400}") {
        loads_or_is_refused(&text)?;
    }

    #[test]
    fn any_runbook_becomes_a_flow_that_loads_or_a_sentence(blocks in prop::collection::vec(block(), 1..14)) {
        loads_or_is_refused(&blocks.concat())?;
    }

    #[test]
    fn any_block_of_shell_text_becomes_a_flow_that_loads(lines in prop::collection::vec(words(), 1..6)) {
        loads_or_is_refused(&format!("# A\n\n## B\n\n```sh\n{}\n```\n", lines.join("\n")))?;
    }

    #[test]
    fn any_lines_that_lost_their_marks_become_a_flow_that_loads_or_a_sentence(lines in prop::collection::vec(words(), 1..20)) {
        let text: String = lines.iter().enumerate().map(|(at, line)| {
            if at % 4 == 0 { format!("{}. Title of it\n", at / 4 + 1) } else { format!("{line}\n") }
        }).collect();
        loads_or_is_refused(&format!("Wash it\n{text}"))?;
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = import(&bytes, "x", "x.md");
    }
}
