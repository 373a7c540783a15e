//! Runs that do not go on, and runs that wait for a person.

use super::bed::{Bed, Case};

const ONE: &str = "steps:\n  - {id: work, run: ':', expect: {exit: 0}}\n  - {id: last, run: ':', expect: {exit: 0}}\n";
const BLOCKED: &str = "steps:\n  - {id: work, run: ':', inputs: [need.txt]}\n";
const ASKS: &str = "steps:\n  - {id: work, run: exit 3, expect: {exit: 0}, on_failure: escalate}\n";
const APPROVED: &str =
    "steps:\n  - id: work\n    run: ':'\n    expect: {exit: 0}\n    approve: {question: May it?, evidence: [plan.md]}\n";
const HOUR: u64 = 3_600_000;

fn under_way() -> Bed {
    Bed::run(ONE).cut_after("\"step_started\"")
}

fn judged(judge: &str, options: &str) -> Bed {
    Bed::run(&format!(
        "steps:\n  - {{id: write, run: ':', expect: {{exit: 0}}}}\n  - id: judge\n    run: {judge}\n    expect: {{exit: 0}}\n    loop: {{to: write, {options}}}\n"
    ))
}

pub fn cases() -> Vec<Case> {
    vec![
        ("never-started", || {
            let bed = Bed::empty();
            std::fs::create_dir_all(bed.base()).expect("an empty directory");
            bed
        }),
        ("never-started", || Bed::empty().write("run_base/r/journal.jsonl", "")),
        ("unreadable", || Bed::empty().write("run_base/r/journal.jsonl/x", "")),
        ("orphans-alive", || {
            let mut bed = under_way();
            let base = bed.base().canonicalize().expect("a run");
            let mut sleep = std::process::Command::new("sleep");
            sleep.arg("300").env_clear().env("RUN_BASE", base).env("STEP", "work").env("EXECUTION", "1");
            std::os::unix::process::CommandExt::process_group(&mut sleep, 0);
            bed.child = Some(sleep.spawn().expect("sleep"));
            bed
        }),
        ("answer-not-taken", || Bed::run(APPROVED).letter("work-1", "approve")),
        ("answered-not-resumed", || Bed::run(APPROVED).answer("work-1", "approve")),
        ("answer-refused", || Bed::run(APPROVED).answer("work-1", "perhaps")),
        ("deadline-passed", || {
            Bed::run("steps:\n  - id: work\n    run: ':'\n    expect: {exit: 0}\n    approve: {question: May it?, expires: 10m, on_timeout: fail}\n")
                .later(HOUR)
        }),
        ("input-arrived", || Bed::run(BLOCKED).write("need.txt", "here")),
        ("blocked", || Bed::run(BLOCKED)),
        ("blocked", || Bed::run("steps:\n  - {id: work, run: 'echo no key for the vault; exit 69', expect: {exit: 0}}\n")),
        ("may-have-half-run", || {
            Bed::run("steps:\n  - {id: work, run: ':', expect: {exit: 0}, effects: once}\n")
                .cut_after("\"step_started\"")
                .go(&["resume", "r"])
        }),
        ("loop-same-finding", || judged("'echo the title is missing >&2; exit 1'", "max: 4")),
        ("loop-exhausted", || judged("'echo \"$ITERATION errors left\" >&2; exit 1'", "max: 2")),
        ("loop-no-further-help", || {
            Bed::scripted(
                "steps:\n  - {id: write, run: ':', expect: {exit: 0}}\n  - {id: judge, agent: critic, loop: {to: write, max: 3}}\n",
                "  judge: [{status: UNVERIFIED, can_further_iteration_help: false, concerns: [{severity: HIGH, description: no tests}]}]\n",
            )
        }),
        ("limit-reached", || Bed::run(&format!("limits: {{steps: 1}}\n{ONE}"))),
        ("engine-unreachable", || Bed::run(ASKS).replace("\"rule\":\"failed-policy\"", "\"rule\":\"circuit-open\"")),
        ("engine-paused", || {
            under_way()
                .and_fact(r#"{"kind":"engine_failed","engine":"openai","failures":3,"until":"2199-01-01T00:00:00.000Z"}"#)
                .driven()
        }),
        ("no-legal-way", || {
            Bed::run(ASKS).rewrite(|line| {
                if line.contains("\"escalation_raised\"") || line.contains("\"escalation_requested\"") {
                    line.replace("\"kind\":\"failed\"", "\"kind\":\"navigator\"")
                } else {
                    line.to_owned()
                }
            })
        }),
        ("over-its-time", || {
            Bed::run("steps:\n  - {id: work, run: ':', timeout: 10s, expect: {exit: 0}}\n")
                .cut_after("\"step_started\"")
                .driven()
                .later(HOUR)
        }),
        ("poll-not-met", || {
            let once = "test -e here && echo yes || { touch here; echo no; }";
            Bed::run(&format!(
                "steps:\n  - {{id: work, run: '{once}', expect: {{stdout: yes}}, poll: {{every: 20ms, for: 60s}}}}\n"
            ))
            .cut_after("\"attempt_ended\"")
            .driven()
        }),
        ("between-attempts", || {
            Bed::run(
                "steps:\n  - {id: work, run: 'echo not yet >&2; exit 1', expect: {exit: 0}, retry: {attempts: 2, delay: 20ms}}\n",
            )
            .cut_after("\"attempt_ended\"")
            .driven()
        }),
        ("silent-step", || {
            under_way()
                .rewrite_bare(|line| regex::Regex::new(r#""timeout_ms":\d+,?"#).unwrap().replace_all(line, "").into_owned())
                .driven()
                .later(HOUR)
        }),
        ("driver-idle", || between().driven().later(HOUR)),
        ("stopped-between-steps", between),
        ("handoff-unfinished", || {
            Bed::scripted("steps:\n  - {id: work, agent: author}\n", "  work: [{status: VERIFIED}]\n")
                .cut_after("\"step_started\"")
        }),
        ("driver-gone", under_way),
        ("driver-gone", || {
            let two = "steps:\n  - {id: one, run: ':', expect: {exit: 0}}\n  - {id: work, run: ':', expect: {exit: 0}}\n";
            let bed = Bed::run(two).cut_after("\"step_started\",\"at\":{\"flow\":\"f\",\"step\":\"work\"}");
            // Its last line was the last thing that it wrote.
            let told = bed.test.text("run_base/r/run.json").replace("\"projected_seq\": 2", "\"projected_seq\": 1");
            bed.write("run_base/r/run.json", &told).write("run_base/r/f/routing/decisions.jsonl", "")
        }),
        ("told-to-stop", || under_way().and_fact(r#"{"kind":"stop_requested","cause":"sigint","by":"ada"}"#)),
        ("left-out", || Bed::empty().flow(ONE).go(&["run", "f", "--run-id", "r", "--until", "work"])),
        ("torn-line", || {
            let bed = Bed::run(ONE);
            let mut lines = bed.journal().join("\n");
            lines.push_str("\n{\"seq\":99,\"ts\":");
            bed.write("run_base/r/journal.jsonl", &lines)
        }),
        ("manifest-missing", || Bed::run(ONE).remove("run_base/r/run.json")),
        ("under-way", || under_way().driven()),
        ("done", || Bed::run(ONE)),
        // Who is waited for.
        ("evidence-changed", || {
            Bed::empty().flow(APPROVED).write("plan.md", "a").go(&["run", "f", "--run-id", "r"]).write("plan.md", "b")
        }),
        ("line-stopped", || {
            Bed::run(
                "steps:\n  - id: work\n    run: ':'\n    expect: {exit: 0}\n    escalate: {when: step.exit_code == 0, halt: run, question: Go on?}\n  - {id: last, run: ':', expect: {exit: 0}}\n",
            )
        }),
        ("approval", || Bed::run(APPROVED)),
        ("failure-decision", || Bed::run(ASKS)),
        ("escalation", || {
            Bed::run(
                "steps:\n  - id: work\n    run: ':'\n    expect: {exit: 0}\n    escalate: {when: step.exit_code == 0, question: Go on?}\n  - {id: last, run: ':', expect: {exit: 0}}\n",
            )
        }),
        ("sign-off", || {
            Bed::run(
                "steps:\n  - {id: work, run: ':', expect: {exit: 0}}\ndone:\n  - {id: signed, ask: {question: Is it good?}}\n",
            )
        }),
        ("question", || {
            Bed::run("steps:\n  - {id: work, run: ':', expect: {exit: 0}}\n  - {id: ask, ask: {question: Which colour?}}\n")
        }),
    ]
}

/// Killed when the last line of what `--until` allows was written, and the rest was not.
fn between() -> Bed {
    let bed = Bed::empty().flow(ONE).go(&["run", "f", "--run-id", "r", "--until", "work"]);
    bed.cut_before("\"run_rested\"")
}
