//! Runs that failed, each for another reason.

use super::bed::{Bed, Case};

/// A command that says this on its error stream, and ends with this code.
fn says(text: &str, code: i32) -> Bed {
    Bed::run(&format!(
        "steps:\n  - id: work\n    run: |\n      cat >&2 <<'END'\n      {text}\n      END\n      exit {code}\n    expect: {{exit: 0}}\n"
    ))
}

/// An agent's step that failed in this way.
fn kind(kind: &'static str) -> Bed {
    says("it did not work", 3).replace("\"error_detail\":{\"kind\":\"exit\"", &format!("\"error_detail\":{{\"kind\":\"{kind}\""))
}

const APPROVED: &str = "steps:\n  - id: work\n    run: ':'\n    expect: {exit: 0}\n    approve: {question: May it?}\n";

pub fn cases() -> Vec<Case> {
    vec![
        ("missing-module", || says("ModuleNotFoundError: No module named 'yaml'", 1)),
        ("missing-command", || Bed::run("steps:\n  - {id: work, run: no-such-program --now, expect: {exit: 0}}\n")),
        ("disk-full", || says("write: No space left on device", 1)),
        ("out-of-memory", || says("fatal: out of memory", 137)),
        ("killed", || Bed::run("steps:\n  - {id: work, run: 'kill -SEGV $$', expect: {exit: 0}}\n")),
        ("merge-conflict", || says("CONFLICT (content): Merge conflict in a.txt", 1)),
        ("port-in-use", || says("bind: Address already in use", 1)),
        ("network", || says("curl: (6) Could not resolve host: example.invalid", 6)),
        ("permission-denied", || says("open /etc/x: Permission denied", 1)),
        ("missing-file", || Bed::run("steps:\n  - {id: work, run: cat nowhere.txt, expect: {exit: 0}}\n")),
        ("exit-code", || says("it did not work", 3)),
        ("timeout", || Bed::run("steps:\n  - {id: work, run: sleep 60, timeout: 50ms, expect: {exit: 0}}\n")),
        ("expectation-unmet", || Bed::run("steps:\n  - {id: work, run: echo hello, expect: {stdout: bye}}\n")),
        ("output-missing", || Bed::run("steps:\n  - {id: work, run: ':', outputs: [made.txt]}\n")),
        ("tests-failed", || tests("=== 1 failed, 2 passed in 0.01s ===", 1)),
        ("no-tests-ran", || tests("=== no tests ran in 0.01s ===", 0)),
        ("lint-failed", || {
            // As a linter's report is read: a check of its findings.
            Bed::run("steps:\n  - id: work\n    run: ':'\n    verify: [{id: lint, run: exit 1}]\n")
                .replace("\"name\":\"verify lint\"", "\"name\":\"verify lint: findings\"")
        }),
        ("rejected", || Bed::run(APPROVED).answer("work-1", "reject").go(&["resume", "r"])),
        ("aborted", || {
            Bed::run("steps:\n  - {id: work, run: ':', inputs: [need.txt]}\n").answer("work-1", "abort").go(&["resume", "r"])
        }),
        ("cancelled", || Bed::run(APPROVED).go(&["cancel", "r"])),
        ("question-expired", || {
            Bed::run("steps:\n  - id: work\n    run: ':'\n    expect: {exit: 0}\n    approve: {question: May it?, expires: 1ms, on_timeout: fail}\n")
                .go(&["resume", "r"])
        }),
        ("rollback-failed", || {
            let step = "steps:\n  - {id: make, run: ':', expect: {exit: 0}, undo: 'echo cannot >&2; exit 3'}\n";
            Bed::run(&format!("{step}  - {{id: work, run: exit 4, expect: {{exit: 0}}, on_failure: rollback}}\n"))
        }),
        ("not-done", || {
            Bed::run(
                "steps:\n  - {id: work, run: ':', expect: {exit: 0}}\ndone:\n  - {id: five, that: steps.work.exit_code == 5}\n",
            )
        }),
        ("loop-stopped", || {
            Bed::run(
                "steps:\n  - {id: write, run: ':', expect: {exit: 0}}\n  - id: judge\n    run: 'echo \"$ITERATION left\" >&2; exit 1'\n    expect: {exit: 0}\n    loop: {to: write, max: 2, on_exhausted: stop}\n",
            )
        }),
        ("detour-failed", || {
            Bed::empty()
                .write(
                    "flows/detours.yaml",
                    "detours:\n  - id: mend\n    title: Mend it\n    when: {error: did not work}\n    steps:\n      - {id: fix, run: exit 5}\n    verify: ':'\n",
                )
                .flow("steps:\n  - {id: work, run: 'echo it did not work >&2; exit 3', expect: {exit: 0}}\n")
                .go(&["run", "f", "--run-id", "r"])
        }),
        ("hung", || kind("hung")),
        ("bad-envelope", || kind("bad_output")),
        ("engine-auth", || kind("auth")),
        ("engine-quota", || kind("quota")),
        ("engine-overloaded", || kind("overloaded")),
        ("turn-limit", || kind("turn_limit")),
        ("budget", || kind("budget")),
        ("context-too-big", || kind("context")),
        ("model-refused", || kind("refused")),
        ("drift", || kind("compare")),
        ("snapshot-failed", || kind("snapshot")),
        ("template-failed", || kind("template")),
        ("condition-failed", || kind("expression")),
        ("io", || kind("io")),
    ]
}

fn tests(said: &str, code: i32) -> Bed {
    Bed::run(&format!(
        "steps:\n  - id: work\n    run: ':'\n    verify: [{{id: unit, run: \"echo '{said}'; exit {code}\", parse: pytest}}]\n"
    ))
}
