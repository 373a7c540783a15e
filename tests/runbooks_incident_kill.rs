//! The incident runbooks by the real program, killed for good in each of their steps: they come to the same end, and nothing that a
//! person answered is asked again.

mod common;
#[path = "runbooks/desk.rs"]
mod desk;
#[path = "common/kill_each.rs"]
mod kill_each;

use common::Test;
use desk::{Desk, SCOPE};
use kill_each::{Play, Script, Waiting};

const RED: &str = "  - {id: pack, run: 'echo \"No module named shelf\" >&2; exit 1'}\n";
const GREEN: &str = "  - {id: pack, run: echo packed, expect: {stdout: packed}}\n";
const WAITS: &str = "  - {id: pack, run: 'echo \"blocked: no list\" >&2; exit 69'}\n";

/// What a person says to each question of each runbook.
fn answers(step: &str) -> (&'static str, &'static [&'static str]) {
    match step {
        "fix" => ("answer", &["did=it"]),
        "check" => {
            let all: &[&str] = &[
                "inputs_right=true",
                "assumptions_hold=true",
                "decisions_sound=true",
                "measures_complete=true",
                "matches_wanted=true",
                "why=x",
            ];
            ("answer", all)
        }
        "scope" => ("answer", SCOPE),
        "item" => {
            ("answer", &["action=Pin it", "owner=Platform", "deadline=2030-01-31", "verification=CI is green", "more=false"])
        }
        step if step.starts_with("revoke") => ("answer", &["revoked_at=2030-01-31T12:00Z", "proof=it is answered with 401"]),
        _ => ("approve", &[]),
    }
}

fn killed(flow: &'static str, params: &[&str], more: &'static [&'static str]) -> Vec<String> {
    let world = || Desk::new().other("good", GREEN).other("bad", RED).other("hangs", WAITS).test;
    let params: Vec<String> = params.iter().map(|param| format!("--param={param}")).collect();
    let mut start = vec!["run", flow, "--run-id", "i"];
    start.extend(params.iter().map(String::as_str));
    let answer = |test: &Test, waiting: &Waiting| {
        let (choose, values) = if waiting.lost { ("retry", &[][..]) } else { answers(&waiting.step) };
        let mut args = vec!["review", "answer", waiting.id.as_str(), "--choose", choose];
        args.extend(values.iter().flat_map(|value| ["--set", value]));
        if waiting.step == "fix" {
            args.extend(more.iter().flat_map(|value| ["--set", value]));
        }
        test.go(&args).code(0);
    };
    let end = |test: &Test| {
        let items = test.text(&format!("run_base/i/{flow}.close/artifacts/action-items.json"));
        let asked = test.facts("i", "escalation_raised").iter().filter(|fact| fact["question"]["kind"] != "interrupted").count();
        format!("{} {asked}\n{items}", test.manifest("i")["status"])
    };
    // What follows is one flow for all of them.
    let steps = |step: &str| flow == "incident-failed-run" || !step.starts_with(&format!("{flow}.close/"));
    let play = Play { world: &world, start: &start, run: "i", answer: &answer, end: &end, steps: &steps };
    play.killed_in_each_step(Script::LivesOn)
}

#[test]
fn a_failed_run_killed_in_each_step() {
    assert!(killed("incident-failed-run", &["run=bad"], &["run=good"]).len() > 8);
}

#[test]
fn a_stuck_run_killed_in_each_step() {
    assert!(killed("incident-stuck-run", &["run=hangs"], &["how=ended", "run=good"]).len() > 4);
}

#[test]
fn a_wrong_output_killed_in_each_step() {
    assert!(killed("incident-wrong-output", &["run=good", "symptom=wrong"], &[]).len() > 4);
}

#[test]
fn a_question_of_security_killed_in_each_step() {
    assert!(killed("incident-security", &["run=good", "reported=a token in a chat"], &[]).len() > 4);
}
