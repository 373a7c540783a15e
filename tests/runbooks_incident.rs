//! The incident runbooks by the real program, on runs that it made itself: why, mended or not, what follows, who is told.

mod common;
#[path = "runbooks/desk.rs"]
mod desk;

use std::process::Command;

use common::finish;
use desk::{Desk, SCOPE};

const RED: &str = "  - {id: pack, run: 'echo \"No module named shelf\" >&2; exit 1'}\n";
const GREEN: &str = "  - {id: pack, run: echo packed, expect: {stdout: packed}}\n";
const WAITS: &str = "  - {id: pack, run: 'echo \"blocked: no list\" >&2; exit 69'}\n";

fn item(more: &str) -> Vec<String> {
    let values =
        ["action=Pin the | version", "owner=Platform", "deadline=2030-01-31", "verification=CI is green on a new machine"];
    values.iter().map(|value| (*value).to_owned()).chain([format!("more={more}")]).collect()
}

fn give_item(desk: &Desk, flow: &str, round: u32, more: &str) -> common::Ran {
    let item = item(more);
    let question = format!("{flow}.close.item-{round}");
    desk.answer(&question, "answer", &item.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_failed_run_is_looked_at_until_it_goes_well_and_what_follows_is_told() {
    let desk = Desk::new().other("bad", RED).other("good", GREEN);
    desk.run("incident-failed-run", &["run=bad", "notify=cat > sent.md"]).code(4).says("missing-module");
    let before = desk.artifact("incident-failed-run/before.md");
    for words in ["# Run bad is failed", "**missing-module** (failed)", "flow-studio retry bad --flow f --step pack"] {
        assert!(before.contains(words), "{words}\n{before}");
    }
    // A word is no proof: the run is looked at again, and it is as it was.
    desk.answer("fix-1", "answer", &["did=hoped for the best"]).code(4);
    assert_eq!(desk.waits(), ["fix-2"]);
    desk.answer("fix-2", "answer", &["did=installed the module", "run=good"]).code(4);
    // An item without an owner or with a deadline that is none is not taken.
    let id = "i/incident-failed-run.close.item-1";
    for wrong in
        [&["action=a", "deadline=2030-01-31", "verification=v"][..], &["action=a", "owner=o", "deadline=soon", "verification=v"]]
    {
        let mut args = vec!["review", "answer", id, "--choose", "answer"];
        args.extend(wrong.iter().flat_map(|value| ["--set", value]));
        assert_ne!(desk.test.go(&args).code, Some(0), "{wrong:?}");
    }
    give_item(&desk, "incident-failed-run", 1, "true").code(4);
    give_item(&desk, "incident-failed-run", 2, "false").code(4);
    assert!(!desk.test.at("sent.md").exists(), "nothing is sent before somebody read it");
    desk.answer("incident-failed-run.close.send-1", "approve", &[]).code(0);
    let sent = desk.test.text("sent.md");
    for words in ["run bad", "installed the module", "Platform, by 2030-01-31; done when: CI is green"] {
        assert!(sent.contains(words), "{words}\n{sent}");
    }
    let items = desk.test.json("run_base/i/incident-failed-run.close/artifacts/action-items.json");
    assert_eq!(items.as_array().unwrap().len(), 2);
    assert_eq!((items[1]["owner"].as_str(), items[1]["status"].as_str()), (Some("Platform"), Some("pending")));
    let table = desk.test.text("run_base/i/incident-failed-run.close/artifacts/action-items.md");
    assert_eq!(table.matches("| Pin the \\| version | Platform | 2030-01-31 |").count(), 2, "{table}");
    let report = desk.artifact("incident-failed-run/incident.md");
    assert!(report.contains("| before | failed |") && report.contains("| after | healthy |"), "{report}");
    desk.test.go(&["verify", "i"]).code(0);
}

#[test]
fn where_nothing_is_wrong_nobody_is_asked() {
    for flow in ["incident-failed-run", "incident-stuck-run", "incident-wrong-output", "incident-security"] {
        let desk = Desk::new().other("good", GREEN);
        desk.run(flow, &["run=good"]).code(0);
        assert!(desk.waits().is_empty(), "{flow}");
        assert!(desk.artifact(&format!("{flow}/incident.md")).contains("so nothing was done"), "{flow}");
    }
}

#[test]
fn a_run_that_is_not_there_is_said_so() {
    let desk = Desk::new();
    desk.run("incident-failed-run", &["run=nope"]).code(1).says("there is no run 'nope'");
}

#[test]
fn a_run_of_another_program_is_looked_at_by_its_path() {
    let desk = Desk::new();
    desk.test.write("theirs/old/build/receipts/pack-author.json", r#"{"status": "failed", "error": "TimeoutError: too slow"}"#);
    desk.run("incident-failed-run", &["run=theirs/old"]).code(4);
    assert_eq!(desk.waits(), ["fix-1"]);
    assert!(desk.artifact("incident-failed-run/before.md").contains("# Run old is failed"));
    let desk = desk.other("good", GREEN);
    desk.answer("fix-1", "answer", &["did=ran it here", "run=good"]).code(4);
    give_item(&desk, "incident-failed-run", 1, "false").code(0);
    assert!(desk.artifact("incident-failed-run/incident.md").contains("| before | failed | cannot be read |"));
}

#[test]
fn another_kind_of_incident_has_another_runbook_and_a_no_ends_this_one() {
    let desk = Desk::new().other("hangs", WAITS);
    desk.run("incident-failed-run", &["run=hangs"]).code(4);
    assert_eq!(desk.waits(), ["other-playbook-1"]);
    desk.answer("other-playbook-1", "reject", &[]).code(1);
}

#[test]
fn a_stuck_run_gets_what_it_waits_for_and_moves() {
    let desk = Desk::new().other("hangs", WAITS);
    desk.run("incident-stuck-run", &["run=hangs"]).code(4).says("hangs");
    desk.answer("fix-1", "answer", &["how=other", "did=waited"]).code(4);
    assert_eq!(desk.waits(), ["fix-2"]);
    desk.test.go(&["review", "answer", "hangs/pack-1", "--choose", "skip", "--note", "not today"]).code(0);
    desk.test.go(&["resume", "hangs"]);
    desk.answer("fix-2", "answer", &["how=answered", "did=left the step out"]).code(4);
    give_item(&desk, "incident-stuck-run", 1, "false").code(0);
    assert!(desk.artifact("incident-stuck-run/incident.md").contains("| after | healthy |"));
}

#[test]
fn a_wrong_output_goes_on_for_what_a_person_saw_and_ends_when_a_person_says_so() {
    let desk = Desk::new().other("bad", GREEN).other("good", GREEN);
    desk.run("incident-wrong-output", &["run=bad", "symptom=the wrong shelf"]).code(4);
    let values = [
        "inputs_right=true",
        "assumptions_hold=false",
        "decisions_sound=true",
        "measures_complete=true",
        "matches_wanted=true",
        "why=shelf 7 was taken for granted",
    ];
    desk.answer("check-1", "answer", &values).code(4);
    let advice = desk.artifact("incident-wrong-output/advice.md");
    assert_eq!(advice.matches("\n- ").count(), 1, "{advice}");
    assert!(advice.contains("An assumption does not hold") && advice.contains("shelf 7"), "{advice}");
    desk.answer("fix-1", "answer", &["did=said which shelf", "run=good"]).code(4);
    give_item(&desk, "incident-wrong-output", 1, "false").code(4);
    assert_eq!(desk.waits(), ["wanted-1"]);
    desk.answer("wanted-1", "reject", &[]).code(1);
    assert!(desk.artifact("incident-wrong-output.close/notification.md").contains("the wrong shelf"));
}

/// A workspace that git knows, with a secret in a file that was committed.
fn leaking() -> Desk {
    let desk = Desk::new().other("leaks", WAITS);
    let secret = format!("gh{}_{}", "p", "a1B2c3D4e5".repeat(4).get(..36).unwrap());
    desk.test.write("deploy.sh", &format!("token={secret}\n"));
    desk.test.write(".gitignore", "run_base\nhome\nbin\n");
    for args in [&["init", "-q"][..], &["add", "-A"], &["commit", "-qm", "all"]] {
        let mut git = Command::new("git");
        desk.test
            .dress(&mut git)
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"])
            .args(args);
        finish(git).code(0);
    }
    desk
}

const REVOKED: &[&str] = &["revoked_at=2030-01-31T12:00Z", "proof=the old one is answered with 401"];

#[test]
fn a_secret_is_revoked_by_a_person_before_anything_else_and_nothing_is_stopped_unasked() {
    let desk = leaking();
    desk.run("incident-security", &["run=leaks"]).code(4);
    // The most urgent first: what is out, then the run that waits.
    assert_eq!(desk.waits(), ["revoke.1-1", "hold-1"]);
    let secret = format!("gh{}_", "p");
    for (path, bytes) in desk.test.every_file("run_base/i") {
        assert!(!String::from_utf8_lossy(&bytes).contains(&secret), "{}", path.display());
    }
    assert!(desk.artifact("incident-security/published.md").contains("`deploy.sh`: 1 commits touched it, 0 of them on a remote"));
    assert_eq!(desk.test.manifest("leaks")["status"], "waiting");
    let held = desk.test.go(&["retention", "status", "leaks", "--json"]).json();
    assert!(held.to_string().contains("incident-security, run i"), "{held}");
    desk.say("hold-1", "approve", &[]);
    desk.answer("revoke.1-1", "answer", REVOKED).code(4);
    assert_eq!(desk.test.manifest("leaks")["status"], "cancelled");
    desk.answer("scope-1", "answer", SCOPE).code(4);
    give_item(&desk, "incident-security", 1, "false").code(4);
    assert_eq!(desk.waits(), ["cleaned-1"]);
    desk.answer("cleaned-1", "approve", &[]).code(0);
    let told = desk.artifact("incident-security.close/notification.md");
    assert!(told.starts_with("# SEV2: credential-exposure") && told.contains("readable by the team"), "{told}");
}

#[test]
fn a_run_that_may_not_be_stopped_is_left_as_it_is_and_the_rest_goes_on() {
    let desk = leaking();
    desk.run("incident-security", &["run=leaks"]).code(4);
    desk.say("hold-1", "reject", &[]);
    desk.answer("revoke.1-1", "answer", REVOKED).code(4);
    assert_eq!(desk.test.manifest("leaks")["status"], "waiting");
    assert_eq!(desk.waits(), ["scope-1"]);
}

#[test]
fn a_notification_that_is_refused_is_not_sent_and_the_action_items_stay() {
    let desk = Desk::new().other("bad", RED).other("good", GREEN);
    desk.run("incident-failed-run", &["run=bad", "notify=cat > sent.md"]).code(4);
    desk.answer("fix-1", "answer", &["did=it", "run=good"]).code(4);
    give_item(&desk, "incident-failed-run", 1, "false").code(4);
    desk.answer("incident-failed-run.close.send-1", "reject", &[]).code(0);
    assert!(!desk.test.at("sent.md").exists());
    assert!(desk.artifact("incident-failed-run.close/action-items.md").contains("Platform"));
}
