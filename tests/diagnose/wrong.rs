//! Runs that ended well by their own account, runs that nobody can believe, and runs of another program.

use super::bed::{Bed, Case};

const MADE: &str = "steps:\n  - {id: make, run: 'echo good > \"$ARTIFACTS/a.txt\"', outputs: [artifacts/a.txt]}\n  - {id: last, run: echo done, expect: {exit: 0}}\n";
const TESTED: &str = "steps:\n  - id: test\n    run: ':'\n    verify: [{id: unit, run: cat said.txt, parse: pytest}]\n";

fn tested(said: &str) -> Bed {
    Bed::empty().write("said.txt", said).flow(TESTED).go(&["run", "f", "--run-id", "r"])
}

/// An author whose work is looked at afterwards; what it says is in the script.
fn authored(script: &str) -> Bed {
    let bed = Bed::scripted(
        "steps:\n  - {id: write, agent: author}\n  - {id: look, run: ':', expect: {exit: 0}}\n",
        &format!("  write: [{{{script}}}]\n"),
    );
    bed.replace("\"engine\":\"stub\"", "\"engine\":\"openai\"")
}

/// The same, with a part more in its receipt.
fn with(part: &'static str) -> Bed {
    authored("status: VERIFIED").rewrite(move |line| {
        if line.contains("\"engine\":\"openai\"") {
            line.replacen("\"definition_sha256\"", &format!("{part},\"definition_sha256\""), 1)
        } else {
            line.to_owned()
        }
    })
}

fn flip(bed: Bed, path: &str, from: &str, to: &str) -> Bed {
    let text = bed.test.text(&format!("run_base/r/{path}"));
    assert!(text.contains(from), "{from} is not in {text}");
    bed.write(&format!("run_base/r/{path}"), &text.replacen(from, to, 1))
}

pub fn cases() -> Vec<Case> {
    vec![
        ("output-gone", || Bed::run(MADE).remove("run_base/r/f/artifacts/a.txt")),
        ("output-changed", || Bed::run(MADE).write("run_base/r/f/artifacts/a.txt", "bad\n")),
        ("receipts-missing", || Bed::run(MADE).remove("run_base/r/f/receipts")),
        ("output-lost", || Bed::run(MADE).remove("run_base/r/f/logs/last.1.stdout")),
        ("hollow-tests", || {
            tested("=== 3 passed in 0.01s ===").replace(
                "\"passed\":3,\"failed\":0,\"skipped\":0,\"total\":3",
                "\"passed\":0,\"failed\":0,\"skipped\":3,\"total\":3",
            )
        }),
        ("red-counts-as-good", || {
            tested("=== 3 passed in 0.01s ===").replace("\"passed\":3,\"failed\":0", "\"passed\":2,\"failed\":1")
        }),
        ("tests-vanished", || {
            tested("=== 2 failed, 3 passed in 0.01s ===")
                .write("said.txt", "=== 3 passed in 0.01s ===")
                .go(&["retry", "r", "--step", "test"])
        }),
        ("measure-stale", || {
            Bed::empty()
                .write("said.txt", "=== 3 passed in 0.01s ===")
                .flow(&format!("{TESTED}  - {{id: polish, run: echo x > app.txt, outputs: [app.txt]}}\n"))
                .go(&["run", "f", "--run-id", "r"])
        }),
        ("claim-contradicted", || {
            with(r#""claims":[{"claim":"produced `a.rs`","measured":"it does not exist","agrees":false}]"#)
        }),
        ("verified-with-high", || {
            authored("status: VERIFIED, concerns: [{severity: HIGH, description: the lock is not released}]")
        }),
        ("loop-left-open", || {
            Bed::run(
                "steps:\n  - {id: write, run: ':', expect: {exit: 0}}\n  - id: judge\n    run: 'echo \"$ITERATION left\" >&2; exit 1'\n    expect: {exit: 0}\n    on_failure: continue\n    loop: {to: write, max: 2, on_exhausted: continue}\n",
            )
        }),
        ("decision-turned-over", || {
            authored(
                "status: VERIFIED, concerns: [{severity: MEDIUM, description: \"conflict: `store: files` contradicts `store: database`, which step plan decided\"}]",
            )
        }),
        ("teaching-cut", || {
            with(
                r#""context":{"budget_tokens":9,"tokens":9,"estimated":true,"parts":[{"part":"teaching","tokens":4,"cut_tokens":70}]}"#,
            )
        }),
        ("context-cut", || {
            with(
                r#""context":{"budget_tokens":9,"tokens":9,"estimated":true,"parts":[{"part":"file docs/a.md","tokens":4,"cut_tokens":70}]}"#,
            )
        }),
        ("unproven", || Bed::scripted("steps:\n  - {id: write, agent: author}\n", "  write: [{status: VERIFIED}]\n")),
        ("input-changed", || {
            Bed::run(
                "steps:\n  - {id: make, run: echo a > x.txt, outputs: [x.txt]}\n  - {id: spoil, run: echo b > x.txt, expect: {exit: 0}}\n  - {id: use, run: cat x.txt, inputs: [x.txt]}\n",
            )
        }),
        ("failure-stands", || {
            Bed::run(
                "steps:\n  - {id: work, run: exit 3, expect: {exit: 0}, on_failure: continue}\n  - {id: last, run: ':', expect: {exit: 0}}\n",
            )
        }),
        ("done-by-hand", || {
            Bed::run("steps:\n  - {id: work, run: exit 3, expect: {exit: 0}, on_failure: escalate}\n  - {id: last, run: ':', expect: {exit: 0}}\n")
                .answer("work-1", "mark-done")
                .go(&["resume", "r"])
        }),
        ("done-by-script", || {
            Bed::scripted(
                "steps:\n  - {id: write, agent: author}\n  - {id: look, run: ':', expect: {exit: 0}}\n",
                "  write: [{status: VERIFIED}]\n",
            )
        }),
        ("flow-changed-since", || Bed::run(MADE).flow(&MADE.replace("done", "well done"))),
        ("params-changed", || {
            Bed::run(
                "params: {n: {type: integer, default: 1}}\nsteps:\n  - {id: work, run: 'echo \"$PARAM_N\"', expect: {exit: 0}}\n",
            )
            .go(&["retry", "r", "--step", "work", "--set", "n=2"])
        }),
        ("assumptions-open", || {
            authored("status: VERIFIED, assumptions: [{assumption: the file is UTF-8, impact_if_wrong: garbage}]")
        }),
        ("output-truncated", || Bed::run(MADE).replace("\"truncated\":false", "\"truncated\":true")),
        // Whether it can be believed.
        ("journal-gone", || Bed::run(MADE).remove("run_base/r/journal.jsonl")),
        ("journal-gone", || Bed::run(MADE).remove("run_base/r/journal.jsonl").remove("run_base/r/run.json")),
        ("journal-cut", || {
            let bed = Bed::run(MADE);
            let lines = bed.journal();
            bed.write("run_base/r/journal.jsonl", &format!("{}\n", lines[..lines.len() - 1].join("\n")))
        }),
        ("journal-changed", || {
            let bed = Bed::run(MADE);
            let mut lines = bed.journal();
            lines[1] = lines[1].replace("\"exit_code\":0", "\"exit_code\":1");
            bed.write("run_base/r/journal.jsonl", &format!("{}\n", lines.join("\n")))
        }),
        ("journal-changed", || {
            let bed = Bed::run(MADE);
            let mut lines = bed.journal();
            lines.remove(1);
            bed.write("run_base/r/journal.jsonl", &format!("{}\n", lines.join("\n"))).remove("run_base/r/run.json")
        }),
        ("journal-of-another-run", || {
            let bed = Bed::run(MADE).go(&["run", "f", "--run-id", "other"]);
            std::fs::remove_dir_all(bed.base()).expect("r");
            std::fs::rename(bed.test.run_base("other"), bed.base()).expect("a rename");
            bed
        }),
        ("definition-changed", || flip(Bed::run(MADE), "frozen/f/flows/f.yaml", "good", "evil")),
        ("definition-changed", || Bed::run(MADE).remove("run_base/r/frozen")),
        ("definition-changed", || flip(Bed::run(MADE), "frozen.jsonl", "good", "evil")),
        ("receipt-forged", || Bed::run(MADE).write("run_base/r/f/receipts/deploy-shell.json", "{\"status\": \"succeeded\"}")),
        ("receipt-changed", || {
            flip(
                Bed::run("steps:\n  - {id: work, run: exit 3, expect: {exit: 0}}\n"),
                "f/receipts/work-shell.json",
                "failed",
                "succeeded",
            )
        }),
        ("receipt-changed", || {
            let text = "flow: frozen-lake\nsteps:\n  - {id: work, run: exit 3}\n";
            let bed = Bed::empty().write("flows/frozen-lake.yaml", text).go(&["run", "frozen-lake", "--run-id", "r"]);
            flip(bed, "frozen-lake/receipts/work-shell.json", "failed", "succeeded")
        }),
        ("output-log-changed", || flip(Bed::run(MADE), "f/logs/last.1.stdout", "done", "nope")),
        ("secret-in-file", || {
            let key = format!("sk-{}-{}", "ant", "api03-Zx9Kq2Lm7Vb4Tn8Rw1Yc6Hd3Jf5Ps0");
            Bed::run(MADE).write("run_base/r/f/work/last/notes.txt", &format!("first\nkey {key}\n"))
        }),
        ("boundary-findings", || {
            Bed::run(MADE)
                .write("run_base/r/f/boundary_scan.log", "{\"rule\":\"private-key\",\"path\":\"a.pem\",\"severity\":\"HIGH\"}\n")
        }),
        ("boundary-violation", || {
            Bed::run("steps:\n  - {id: work, run: exit 3, expect: {exit: 0}}\n")
                .replace("\"error_detail\":{\"kind\":\"exit\"", "\"error_detail\":{\"kind\":\"boundary\"")
        }),
        // Another program's.
        ("missing-module", || {
            foreign().write(
                "run_base/r/build/receipts/test-runner.json",
                &receipt("failed", "ModuleNotFoundError: No module named 'yaml'"),
            )
        }),
        ("blocked-handoff", || {
            foreign().write(
                "run_base/r/build/handoffs/code-author.json",
                "{\"status\": \"BLOCKED\", \"concerns\": [{\"severity\": \"HIGH\", \"description\": \"no plan\"}]}",
            )
        }),
        ("escalation-unanswered", || {
            foreign().write(
                "run_base/r/build/routing/decisions.jsonl",
                "{\"step_id\": \"code\", \"decision\": \"ESCALATE\", \"reason\": \"two ways\"}\n",
            )
        }),
        ("loops-without-end", || {
            foreign().write(
                "run_base/r/build/routing/decisions.jsonl",
                &"{\"step_id\": \"code\", \"decision\": \"loop\", \"reason\": \"not good yet\"}\n".repeat(4),
            )
        }),
        ("crashed-before-receipt", || {
            foreign().write("run_base/r/build/llm/review-critic-openai.jsonl", "{\"role\": \"user\"}\n")
        }),
        ("receipts-damaged", || foreign().write("run_base/r/build/receipts/review-critic.json", "{\"status\": \"succ")),
        ("events-stop", || {
            foreign().write("run_base/r/events.jsonl", "{\"kind\": \"step_start\", \"ts\": \"2026-01-05T09:00:00.000+00:00Z\"}\n")
        }),
        ("coverage-gamed", || {
            let covered = |percent: u32, total: u32, at: &str| {
                format!(
                    "{{\"status\": \"succeeded\", \"engine\": \"shell\", \"step_id\": \"code\", \"completed_at\": \"2026-01-05T0{at}:00:00.000Z\", \"tests\": {{\"measured\": true, \"passed\": {total}, \"failed\": 0, \"total\": {total}}}, \"coverage\": {{\"measured\": true, \"percent\": {percent}}}}}"
                )
            };
            foreign()
                .write("run_base/r/build/receipts/code-author.1.json", &covered(60, 40, "8"))
                .write("run_base/r/build/receipts/code-author.json", &covered(80, 20, "9"))
        }),
        ("done", foreign),
    ]
}

fn receipt(status: &str, error: &str) -> String {
    format!(
        "{{\"status\": \"{status}\", \"engine\": \"shell\", \"step_id\": \"test\", \"error\": \"{error}\", \"completed_at\": \"2026-01-05T09:00:00.000+00:00Z\"}}"
    )
}

/// As the older program left it: events, receipts and handoffs, no journal.
fn foreign() -> Bed {
    Bed::empty()
        .write("run_base/r/events.jsonl", "{\"kind\": \"run_completed\", \"ts\": \"2026-01-05T10:00:00.000+00:00Z\"}\n")
        .write("run_base/r/build/receipts/code-author.json", &receipt("succeeded", "").replace("\"test\"", "\"code\""))
        .write("run_base/r/build/handoffs/code-author.json", "{\"status\": \"VERIFIED\", \"concerns\": []}")
}
