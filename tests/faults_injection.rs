//! Text is data. Whatever a parameter, a command or a person says is never executed and never rendered again.

mod common;

use common::Test;

/// Each would leave `pwned` behind if a shell ever saw it, or `49` if a template did.
const EVIL: &[&str] = &[
    "$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned; '",
    "\"; touch pwned; \"",
    "$(touch pwned)\n`touch pwned`",
    "x\ntouch pwned\n",
    "&& touch pwned",
    "| touch pwned",
    "> pwned",
    "{{params.other}}",
    "{{{params.other}}}",
    "{{#each params}}x{{/each}}",
    "{{> partial}}",
    "${PATH}",
    "-n",
    "--help",
    "\\",
    "%s%n",
    "é\u{202e}txt.exe",
    "a  b\tc*?[a-z]~",
];

const FLOW: &str = r#"
params:
  evil: {type: string, required: true}
  other: {type: string, default: "RENDERED-TWICE"}
  list: {type: list, default: []}
steps:
  - {id: says, run: 'printf "%s" "$PARAM_EVIL"'}
  - {id: shell, run: 'test "$(printf "%s." "$PARAM_EVIL")" = "$(cat evil; printf .)"'}
  - {id: args, exec: [sh, arg.sh, "{{params.evil}}", "{{steps.says.stdout}}", "pre-{{params.evil}}-post"]}
  - {id: render, render: {template: out.hbs, to: artifacts/out.txt}}
  - {id: sub, flow: child, with: {evil: "{{params.evil}}", said: "{{steps.says.stdout}}"}}
  - {id: each, for_each: params.list, as: item, exec: [sh, arg.sh, "{{item}}", "{{item}}", "pre-{{item}}-post"]}
  - {id: ask-me, ask: {question: "Really {{params.evil}}, or {{steps.says.stdout}}?"}}
  - {id: after, exec: [sh, note.sh, "{{steps.ask-me.json.note}}"]}
"#;

const CHILD: &str = r#"
params: {evil: {type: string, required: true}, said: {type: string, required: true}, other: {type: string, default: "RENDERED-TWICE"}}
steps:
  - {id: shell, run: 'test "$(printf "%s." "$PARAM_EVIL")" = "$(cat evil; printf .)"; test "$(printf "%s." "$PARAM_SAID")" = "$(cat evil; printf .)"'}
  - {id: args, exec: [sh, arg.sh, "{{params.evil}}", "{{params.said}}", "pre-{{params.evil}}-post"]}
"#;

/// Three arguments, exactly as they should be.
const ARG: &str = r#"
test $# -eq 3
e="$(cat evil; echo .)"; e="${e%.}"
test "$1" = "$e"
test "$2" = "$e"
test "$3" = "pre-$e-post"
"#;

fn evil(text: &str) -> Test {
    let test = Test::new()
        .flow("evil", &FLOW.replace("steps.ask-me.", "steps.[ask-me]."))
        .flow("child", CHILD)
        .file("flows/out.hbs", "[{{params.evil}}][{{steps.says.stdout}}]\n")
        .file("arg.sh", &format!("set -eu\n{ARG}"))
        .file("note.sh", "set -eu\ne=\"$(cat evil; echo .)\"\ntest $# -eq 1\ntest \"$1\" = \"${e%.}\"\n")
        .file("evil", text);
    let params = serde_json::json!({"evil": text, "list": [text]});
    test.file("params.json", &params.to_string())
}

#[track_caller]
fn untouched(test: &Test, text: &str) {
    let touched = test.every_file(".").into_iter().find(|(path, _)| path.file_name().is_some_and(|name| name == "pwned"));
    assert!(touched.is_none(), "{text:?} was executed");
    let twice: Vec<_> = test
        .every_file("run_base")
        .into_iter()
        .filter(|(path, bytes)| {
            path.to_string_lossy().contains("artifacts") && memchr::memmem::find(bytes, b"RENDERED-TWICE").is_some()
        })
        .collect();
    assert!(twice.is_empty(), "{text:?} was rendered twice: {twice:?}");
}

#[test]
fn hostile_text_is_data_everywhere() {
    for text in EVIL {
        let test = evil(text);
        let ran = test.go(&["run", "evil", "--run-id", "r", "--params", "params.json"]);
        assert_eq!(ran.code, Some(4), "{text:?}:\n{}", ran.stderr);
        assert_eq!(test.text("run_base/r/evil/artifacts/out.txt"), format!("[{text}][{text}]\n"), "{text:?}");
        let question = test.go(&["review", "show", "r/ask-me-1", "--json"]).code(0).json();
        assert_eq!(question["question"], format!("Really {text}, or {text}?"), "{text:?}");
        test.go(&["review", "answer", "r/ask-me-1", "--choose", "approve", &format!("--note={text}"), &format!("--as={text}")]);
        test.go(&["review", "answer", "r/ask-me-1", "--choose", "approve", &format!("--note={text}")]);
        let resumed = test.go(&["resume", "r"]);
        assert_eq!(resumed.code, Some(0), "{text:?}:\n{}", resumed.stderr);
        untouched(&test, text);
        test.go(&["verify", "r"]).code(0);
    }
}

#[test]
fn control_characters_of_others_do_not_reach_the_terminal() {
    let test = Test::new().flow(
        "paint",
        "params: {who: {type: string, default: x}}\nsteps:\n  - {id: one, run: 'printf \"\\033]0;owned\\007\\033[31mred\" >&2; exit 1', on_failure: continue}\n  - {id: ask-me, ask: {question: \"Is it {{params.who}}?\"}}\n",
    );
    let ran = test.go(&["run", "paint", "--run-id", "r", "--param", "who=\u{1b}]0;owned\u{7}\u{1b}[2J"]).code(4);
    let shown = test.go(&["review", "show", "r/ask-me-1"]).code(0);
    let listed = test.go(&["review", "list"]).code(0);
    let status = test.go(&["status", "r"]);
    for said in [&ran.stderr, &ran.stdout, &shown.stdout, &listed.stdout, &status.stdout] {
        assert!(!said.contains('\u{1b}') && !said.contains('\u{7}'), "{said:?}");
    }
}

#[test]
fn a_name_with_a_path_in_it_goes_nowhere() {
    let test = Test::new().flow("ok", "steps:\n  - {id: one, run: 'true'}\n");
    for name in ["../out", "/tmp/out", "a/../../out", "..", ".", "", "a\nb", "-x", "con\u{0}"] {
        let arg = format!("--run-id={name}");
        if name.contains('\0') {
            continue;
        }
        test.go(&["run", "ok", &arg]).code(2);
    }
    for id in ["../r/x", "r/../../x", "r//x", "r/"] {
        let ran = test.go(&["review", "show", id]);
        assert_eq!(ran.code, Some(2), "{id}: {}", ran.stderr);
    }
    assert!(!test.at("run_base").exists());
}
