//! Secrets do not reach the disk, whatever way they come, nor the screen, nor the log of the program itself.
//! In: eighty kinds of secrets, planted in everything that a run takes in. Out: every byte of the run, searched.
//! Never: a real secret, or a whole one in this file.

mod common;

use std::fmt::Write as _;

use common::{
    Test,
    llm::{Llm, calls, error, handoff, says},
    secrets::{Dice, Planted, shaped},
};
use serde_json::json;

/// A value that no shape knows; the forms in which it travels, and what of each must not be seen.
fn word() -> (String, Vec<String>, Vec<String>) {
    use base64::Engine as _;
    let word = format!("{}/{}?{}", "correct horse", Dice::new(3).text("abcdefghijk", 9), "b&ttery");
    let percent = percent_encoding::utf8_percent_encode(&word, percent_encoding::NON_ALPHANUMERIC).to_string();
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let (base, basic) = (encode(&word), encode(&format!("user:{word}")));
    let traces = vec![word.clone(), percent.clone(), base[4..base.len() - 4].to_owned(), basic[12..basic.len() - 4].to_owned()];
    (word.clone(), vec![word, percent, base, basic], traces)
}

fn planted(forms: &[String]) -> String {
    let mut text = String::new();
    for one in shaped() {
        let _ = writeln!(text, "{}", one.line);
    }
    for form in forms {
        let _ = writeln!(text, "word {form} end");
    }
    text
}

/// What of a secret must not be seen: all of it, and its end, which a careless cut would leave.
fn traces(one: &Planted) -> Vec<String> {
    let end = one.secret.char_indices().rev().nth(15).map(|(at, _)| one.secret[at..].to_owned());
    [Some(one.secret.clone()), end].into_iter().flatten().collect()
}

#[test]
fn eighty_kinds_of_secrets_planted_everywhere_are_nowhere() {
    let (word, forms, word_traces) = word();
    let text = planted(&forms);
    let said = text.clone();
    let llm = Llm::answering(move |nth, asked| match (nth, asked.get("response_format").is_some()) {
        (1, _) => calls(&[
            ("run_command", json!({"command": "cat planted.txt; cat planted.txt >&2; exit 3"})),
            ("read_file", json!({"path": "planted.txt"})),
            ("list_files", json!({"path": "named"})),
            ("search", json!({"pattern": "found", "path": "planted.txt"})),
            ("write_file", json!({"path": "artifacts/by-tool.txt", "content": said})),
            ("write_file", json!({"path": said, "content": "x"})),
            ("write_file", json!({"path": format!("artifacts/{}", shaped()[0].line), "content": "x"})),
            (said.as_str(), json!({})),
        ]),
        (2, _) => error(400, &said),
        (3, _) => calls(&[("edit_file", json!({"path": "artifacts/by-tool.txt", "old": "found", "new": said}))]),
        (_, false) => says(&said),
        (_, true) => handoff(&json!({
            "status": "UNVERIFIED",
            "summary": {"what_i_did": said, "what_i_found": said, "key_decisions": [said], "evidence": {"artifacts_produced": [said]}},
            "concerns": [{"severity": "HIGH", "description": said}],
            "assumptions": [{"assumption": said, "why": said, "impact_if_wrong": said}],
        })),
    });
    let flow = "secrets: [VAULT_WORD]\ncharter: {goal: work}\nparams: {blob: {type: string}}\n\
        defaults: {on_failure: continue}\nsteps:\n\
        \x20 - {id: said, run: 'printf \"%s\" \"$PARAM_BLOB\"; cat planted.txt; cat planted.txt >&2; printf \"%s\" \"$VAULT_WORD\" | base64; exit 1', secrets: [VAULT_WORD], expect: {stdout: nothing-of-this}}\n\
        \x20 - {id: split, run: 'dd if=planted.txt bs=7 status=none', expect: {not_stdout: word}, verify: [{id: v, run: 'cat planted.txt >&2; exit 1'}]}\n\
        \x20 - {id: missing, exec: [./no-such, '{{params.blob}}']}\n\
        \x20 - {id: kept, snapshot: {name: kept, files: [planted.txt], commands: {c: cat planted.txt}}}\n\
        \x20 - {id: made, render: {template: t.hbs, to: artifacts/made.txt}}\n\
        \x20 - {id: agent, agent: author, teach: {objective: 'Look at {{params.blob}}'}, context: {include: [planted.txt]}}\n\
        \x20 - {id: again, agent: author, needs: [agent]}\n\
        \x20 - {id: asked, ask: {question: 'Is {{params.blob}} right?', evidence: [planted.txt]}}\n";
    let test = Test::new()
        .flow("work", flow)
        .file("agents/author.md", "---\nname: author\ndescription: Writes code\n---\nYou write.\n")
        .file("flow-studio.toml", "[models]\nstandard = [\"m\"]\n")
        .file("planted.txt", &text)
        .file("t.hbs", "{{params.blob}} {{steps.said.stdout}} {{steps.said.stderr}}\n")
        .file("params.json", &json!({"blob": text}).to_string())
        .env("VAULT_WORD", &word)
        .env("OPENAI_BASE_URL", &llm.url)
        .env("OPENAI_API_KEY", shaped()[0].line.split_whitespace().nth(1).unwrap());
    // A name is text, too: what lists a directory prints it.
    for one in shaped().iter().filter(|one| !one.line.contains(['/', '\n'])).take(20) {
        test.write(&format!("named/{}", one.line), "");
    }
    let ran = test.go(&["run", "work", "--run-id", "r", "-vv", "--params", "params.json", "--json"]);
    let more = [
        test.go(&["resume", "r", "-vv"]),
        test.go(&["review", "answer", "r/asked-1", "--choose", "approve", "--note", &text]),
        test.go(&["resume", "r", "-vv"]),
        test.go(&["status", "r"]),
        test.go(&["report", "r"]),
        test.go(&["explain", "r", "said"]),
        test.go(&["show", "r", "agent", "--prompt"]),
        test.go(&["show", "r", "said", "--log"]),
    ];
    let errors: Vec<String> =
        ["agent", "again"].map(|step| test.text(&format!("run_base/r/work/receipts/{step}-author.json"))).into();
    assert!(llm.asked().len() > 4, "the agents were asked {} times: {errors:#?}", llm.asked().len());
    let mut seen: Vec<(String, Vec<u8>)> =
        test.every_file("run_base").into_iter().map(|(path, bytes)| (path.display().to_string(), bytes)).collect();
    for (at, one) in std::iter::once(&ran).chain(&more).enumerate() {
        seen.push((format!("standard output {at}"), one.stdout.clone().into_bytes()));
        seen.push((format!("standard error {at}"), one.stderr.clone().into_bytes()));
    }
    let names: String = seen.iter().map(|(name, _)| format!("{name}\n")).collect();
    seen.push(("the names of the files".to_owned(), names.into_bytes()));
    // What the model said itself is sent back to it as it said it; everything else was redacted before.
    for (at, asked) in llm.asked().iter().enumerate() {
        let told = asked["messages"].as_array().unwrap().iter().filter(|one| one["role"] != "assistant");
        let told: Vec<&serde_json::Value> = told.collect();
        seen.push((format!("request {at}"), json!(told).to_string().into_bytes()));
    }
    let kinds = shaped();
    assert!(kinds.len() >= 80, "{}", kinds.len());
    let mut leaks = Vec::new();
    for (name, bytes) in &seen {
        for one in &kinds {
            if let Some(at) = traces(one).iter().find_map(|trace| place(bytes, trace.as_bytes())) {
                let before = String::from_utf8_lossy(&bytes[at.saturating_sub(60)..at]).into_owned();
                leaks.push(format!("{} in {name}, after {before:?}", one.kind));
            }
        }
        for form in &word_traces {
            if place(bytes, form.as_bytes()).is_some() {
                leaks.push(format!("the word as {form} in {name}"));
            }
        }
    }
    println!("redaction: {} kinds looked for in {} files and streams; {} leaks", kinds.len(), seen.len(), leaks.len());
    assert!(leaks.is_empty(), "{leaks:#?}");
}

fn place(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, needle)
}
