//! Whatever the bytes: an answer, never a panic, and every place inside its file.

use flow_studio::{
    id::FlowKey,
    spec::{Diagnostics, Expr, Loader, Names, Template, expr::Scope},
};
use proptest::prelude::*;
use serde_json::json;

const GOOD: &str = include_str!("good/change.yaml");

fn load(files: Vec<(&str, Vec<u8>)>) -> Diagnostics {
    match Loader::in_memory(files).load_library(&FlowKey::new("change").unwrap()) {
        Ok(loaded) => loaded.warnings,
        Err(found) => found,
    }
}

/// Rendered both ways, and each place within the text it speaks of.
fn answered(found: &Diagnostics, text: &[u8]) {
    let _ = (found.render(true), found.render(false), serde_json::to_string(found).unwrap());
    for place in found.iter().filter_map(|diagnostic| diagnostic.place.as_ref()).filter(|place| place.file == "flows/change.yaml")
    {
        let length = String::from_utf8_lossy(text).len();
        assert!(place.line >= 1 && place.column >= 1 && (place.offset + place.length) as usize <= length, "{place:?}");
    }
}

/// What a tired person or a bad merge does to a file.
#[derive(Debug, Clone)]
enum Edit {
    Delete(usize, usize),
    Insert(usize, String),
    Repeat(usize, usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let word = prop_oneof![
        "[ -~\\n]{0,6}",
        prop::sample::select(vec![
            "{{",
            "}}",
            "{",
            "[",
            "]",
            "}",
            ": ",
            "- ",
            "\n",
            "&a ",
            "*a",
            "'",
            "\"",
            "|",
            ">",
            "? ",
            "!!str ",
            "<<: ",
            "null",
            "\u{feff}",
            "é🎉",
            "steps",
            "/",
            "..",
            "\t",
            "%",
            "#",
            "~",
            "99999999999999999999",
            "params.",
            "(",
            "---\n",
        ])
        .prop_map(str::to_owned),
    ];
    prop_oneof![
        (0..GOOD.len(), 1..40_usize).prop_map(|(at, length)| Edit::Delete(at, length)),
        (0..GOOD.len(), word).prop_map(|(at, text)| Edit::Insert(at, text)),
        (0..GOOD.len(), 1..200_usize, 0..GOOD.len()).prop_map(|(from, length, to)| Edit::Repeat(from, length, to)),
    ]
}

fn edited(edits: &[Edit]) -> Vec<u8> {
    let mut text = GOOD.as_bytes().to_vec();
    for edit in edits {
        match edit {
            Edit::Delete(at, length) => {
                let at = (*at).min(text.len());
                text.drain(at..(at + length).min(text.len()));
            }
            Edit::Insert(at, word) => {
                let at = (*at).min(text.len());
                text.splice(at..at, word.bytes());
            }
            Edit::Repeat(from, length, to) => {
                let from = (*from).min(text.len());
                let piece = text[from..(from + length).min(text.len())].to_vec();
                let to = (*to).min(text.len());
                text.splice(to..to, piece);
            }
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        answered(&load(vec![("flows/change.yaml", bytes.clone())]), &bytes);
        load(vec![("flows/change.yaml", GOOD.into()), ("flows/detours.yaml", bytes.clone()), ("agents/critic.md", bytes)]);
    }

    #[test]
    fn any_text_in_yaml_signs_is_answered(text in "[-{}\\[\\]:,&*!|>'\"%@`#?~<= \\na-c0-9.]{0,200}") {
        answered(&load(vec![("flows/change.yaml", text.clone().into_bytes())]), text.as_bytes());
        let front = format!("---\n{text}\n---\n{text}");
        load(vec![("flows/change.yaml", GOOD.into()), ("agents/critic.md.hbs", front.into_bytes())]);
    }

    #[test]
    fn a_mangled_flow_is_answered(edits in prop::collection::vec(edit(), 1..6)) {
        let text = edited(&edits);
        answered(&load(vec![("flows/change.yaml", text.clone())]), &text);
    }

    #[test]
    fn any_expression_is_answered(text in "(params|steps|\\.x|a|1|2\\.5|'|\"|true|[-+*/%!?:<>=&|()\\[\\]{}., ]|in|has\\(|map\\(|\\\\|r'|b\"|u|é){0,40}") {
        let names = Names { params: None, ..Names::default() }.with(&["a"]);
        if let Ok(expr) = Expr::compile(&text, &names) {
            let scope: Scope = [("params".to_owned(), json!({"x": [1, 2]})), ("a".to_owned(), json!({"x": "y"}))].into();
            let (one, other) = (expr.eval(&scope), expr.eval(&scope));
            prop_assert_eq!(one, other);
        }
    }

    #[test]
    fn any_template_is_answered(text in "(\\{\\{|\\}\\}|params|\\.x|#if |#each |/if|/each|else|this|@root|\\.\\./|as \\|a\\||json |[-~^&>!*\\[\\]() \\n\"'\\\\]|é){0,30}") {
        let names = Names { params: None, ..Names::default() };
        if let Ok(template) = Template::compile(&text, &names) {
            let _ = template.render(&json!({"params": {"x": ["{{params.x}}"]}}));
        }
    }
}
