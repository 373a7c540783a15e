//! The runbook `change` with the real program. The outer systems are stand-ins: shell scripts on PATH that keep the state of
//! an account in files and behave like commands that reach a real one.

mod common;
#[path = "common/kill_each.rs"]
mod kill_each;
#[path = "runbooks/change_world.rs"]
mod world;

use std::fs;

use common::Test;
use kill_each::{Play, Script, Waiting};
use serde_json::Value;
use world::{CONF, COPY, agree, answer, args, as_before, asked, ran, run, test, yes_to_all};

#[test]
fn what_callers_notice_is_approved_applied_tried_and_written_down() {
    let test = test();
    run(&test, "hold-music").code(4);
    as_before(&test);
    let shown = test.go(&["review", "show", "r/apply-1"]).code(0).stdout;
    assert!(shown.contains("artifacts/commands.conf"), "{shown}");
    answer(&test, "r/apply-1", "approve");
    test.go(&["resume", "r"]).code(4);
    answer(&test, "r/sign-off-1", "approve");
    test.go(&["resume", "r"]);
    assert_eq!(test.manifest("r")["status"], "succeeded");
    assert_eq!(
        (test.text("cloud/live"), test.text("cloud/others"), test.text("cloud/applied")),
        ("new\n".into(), "theirs\n".into(), "x\n".into())
    );
    let entry = test.text("run_base/r/change/artifacts/changelog.md");
    assert!(entry.contains("## Another one") && entry.contains("by a person"), "{entry}");
    assert!(test.at("cloud/looked").exists(), "the lag was met");
    assert!(!test.at("cloud/told").exists());
    test.verified(0);
}

#[test]
fn what_callers_do_not_notice_is_told_and_not_asked() {
    let test = test();
    run(&test, "notice-off").code(0);
    assert_eq!((test.text("cloud/told"), asked(&test)), ("Another one\n".to_owned(), Vec::new()));
}

#[test]
fn what_callers_notice_though_the_table_does_not_say_so_is_asked() {
    let test = test();
    let mut args = args("notice-off");
    args.push("--param=caller-visible=true".to_owned());
    test.go(&args.iter().map(String::as_str).collect::<Vec<_>>()).code(4);
    assert_eq!((asked(&test), test.at("cloud/told").exists()), (vec!["apply".to_owned()], false));
}

/// Each kind of change of the table: who is asked, and which steps it has that not all have.
#[test]
fn each_kind_of_change_asks_and_tries_what_the_table_says() {
    let table: Value = serde_json::from_str(include_str!("../flows/data/changes.json")).unwrap();
    let expected: [(&str, &[&str], &[&str]); 7] = [
        ("new-queue", &["apply", "records", "sign-off"], &[]),
        ("notice-address", &[], &["notice", "arrival"]),
        ("mail-credentials", &[], &["trial", "notice", "arrival"]),
        ("hold-music", &["apply", "sign-off"], &[]),
        ("greeting-voice", &["apply", "sign-off"], &[]),
        ("prompt-text", &["wording", "apply", "sign-off"], &[]),
        ("notice-off", &[], &["notice"]),
    ];
    let refused = ["move-account", "other"];
    assert_eq!(table.as_object().unwrap().len(), expected.len() + refused.len());
    for (kind, asks, steps) in expected {
        let test = test();
        run(&test, kind);
        yes_to_all(&test);
        assert_eq!(test.manifest("r")["status"], "succeeded", "{kind}");
        let mut ran = ran(&test);
        ran.retain(|step| ["trial", "notice", "arrival"].contains(&step.as_str()));
        // A poll is one execution, however often it looks.
        assert_eq!((asked(&test).as_slice(), ran.as_slice()), (&owned(asks)[..], &owned(steps)[..]), "{kind}");
        assert_eq!(test.text("cloud/live"), "new\n", "{kind}");
        let entry = test.text("run_base/r/change/artifacts/changelog.md");
        assert_eq!(entry.contains("second; in book"), kind == "new-queue", "{entry}");
        assert_eq!(entry.contains("the mail arrived"), steps.contains(&"arrival"), "{entry}");
    }
    for kind in refused {
        let test = test();
        run(&test, kind).code(1).says(table[kind]["refused"].as_str().unwrap());
        assert_eq!(ran(&test), ["table", "fits"]);
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn each_place_of_the_scope_is_tried_by_itself() {
    let test = test().file("operations.conf", &CONF.replace("smoke = outside smoke", "smoke = echo \"$SCOPE\" >> cloud/tried"));
    let mut args = args("notice-off");
    args.push("--param=scope=front,back".to_owned());
    args.retain(|one| one != "--param=scope=front");
    test.go(&args.iter().map(String::as_str).collect::<Vec<_>>()).code(0);
    assert_eq!(test.text("cloud/tried"), "front\nback\n");
}

#[test]
fn a_refused_approval_touches_nothing() {
    for (kind, question) in [("hold-music", "r/apply-1"), ("prompt-text", "r/wording-1")] {
        let test = test();
        run(&test, kind).code(4);
        answer(&test, question, "reject");
        test.go(&["resume", "r"]);
        assert_eq!(test.manifest("r")["status"], "failed");
        as_before(&test);
        assert!(!test.at("cloud/applied").exists());
    }
}

#[test]
fn commands_that_are_edited_after_the_answer_are_not_run() {
    let test = test();
    run(&test, "hold-music").code(4);
    answer(&test, "r/apply-1", "approve");
    let edited = test.text(COPY).replace("apply = outside apply", "apply = touch cloud/harm");
    test.write(COPY, &edited);
    test.go(&["resume", "r"]).code(1).says("artifacts/commands.conf is not what was shown when apply-1 was answered");
    as_before(&test);
    assert!(!test.at("cloud/applied").exists() && !test.at("cloud/harm").exists());
    let told = test.go(&["diagnose", "r", "--json"]).json();
    assert_eq!(told["causes"][0]["id"], "approval-outdated", "{told}");
    // Tried again, a person is asked again, and sees what stands there now.
    test.go(&["retry", "r", "--step", "apply"]).code(4);
    assert_eq!(asked(&test), ["apply", "apply"]);
}

#[test]
fn the_file_that_the_commands_came_from_may_change_and_the_run_does_not_care() {
    let test = test();
    run(&test, "hold-music").code(4);
    answer(&test, "r/apply-1", "approve");
    test.write("operations.conf", &CONF.replace("outside", "touch cloud/harm; outside"));
    test.go(&["resume", "r"]).code(4);
    assert_eq!((test.text("cloud/live"), test.at("cloud/harm").exists()), ("new\n".to_owned(), false));
}

#[test]
fn commands_that_are_edited_before_anybody_is_asked_do_not_run_either() {
    let test = test();
    run(&test, "prompt-text").code(4);
    let fixed = test.text(COPY);
    test.write(COPY, &fixed.replace("apply = outside apply", "apply = touch cloud/harm"));
    answer(&test, "r/wording-1", "approve");
    test.go(&["resume", "r"]).code(4);
    answer(&test, "r/apply-1", "approve");
    test.go(&["resume", "r"]).code(4).says("it was changed since");
    assert!(!test.at("cloud/harm").exists());
    as_before(&test);
}

/// Somebody edits the commands at a moment; the run waits, and goes on once they are back.
fn put_back(test: &Test, question: &str) {
    let waiting = test.go(&["review", "list", "--run", "r", "--json"]).json();
    assert_eq!(waiting["waiting"][0]["id"], question, "{waiting}");
    let was = test.text(&format!("{COPY}.was"));
    test.write(COPY, &was);
    answer(test, question, "retry");
    test.go(&["resume", "r"]);
}

#[test]
fn commands_that_are_edited_after_they_were_applied_try_nothing_until_they_are_back() {
    let test = test().file("meddles-apply", "");
    run(&test, "notice-off").code(4).says("it was changed since");
    assert_eq!((test.text("cloud/applied"), test.at("cloud/looked").exists()), ("x\n".to_owned(), false));
    put_back(&test, "r/post-1");
    assert_eq!(test.manifest("r")["status"], "succeeded");
    assert!(test.at("cloud/looked").exists());
}

#[test]
fn commands_that_are_edited_before_they_are_taken_back_undo_nothing_until_they_are_back() {
    let test = quick_to_fail(test().file("meddles-smoke", ""));
    run(&test, "notice-off").code(4).says("`undo` was not done");
    assert_eq!(test.text("cloud/live"), "new\n");
    put_back(&test, "r/change.rollback.undo-apply-1");
    as_before(&test);
    assert_eq!(test.manifest("r")["status"], "failed");
}

/// The smoke test has one try.
fn quick_to_fail(test: Test) -> Test {
    let flow = test.text("flows/change.yaml");
    test.write("flows/change.yaml", &flow.replacen("    poll: {every: 5ms, for: 4s}\n", "", 1));
    test.file("broken", "")
}

#[test]
fn a_failing_smoke_test_restores_every_byte() {
    let test = quick_to_fail(test()).file("cloud/live", "old \u{e9}\n\n\ttail").file("cloud/sources", "old \u{e9}\n\n\ttail");
    let before = test.every_file("cloud");
    run(&test, "notice-off").code(1).says("rolled back");
    assert_eq!(test.text("cloud/applied"), "x\n", "it was applied before");
    for (path, bytes) in before {
        assert_eq!(fs::read(&path).unwrap(), bytes, "{}", path.display());
    }
}

#[test]
fn an_undo_that_leaves_a_byte_is_not_called_done() {
    let test = quick_to_fail(test()).file("operations.conf", &CONF.replace("outside undo", "outside undo; echo >> cloud/live"));
    run(&test, "notice-off").code(1).says("live is not as it was before");
    let told = test.go(&["diagnose", "r", "--json"]).json();
    assert_eq!(told["causes"][0]["id"], "rollback-failed", "{told}");
}

#[test]
fn another_account_that_moved_is_taken_back() {
    let test = test().file("bleeds", "");
    run(&test, "notice-off").code(1).says("rolled back");
    assert!(test.at("cloud/bled").exists());
    as_before(&test);
}

#[test]
fn the_wrong_account_another_value_and_a_bad_key_stop_before_anything() {
    let elsewhere = test().file("cloud/profile", "{\"active\": \"else\"}\n");
    run(&elsewhere, "notice-off").code(1);
    let bad_key = test().file("bad-key", "");
    run(&bad_key, "mail-credentials").code(1);
    let other_value = test();
    let mut args = args("notice-off");
    args.push("--param=current=older".to_owned());
    other_value.go(&args.iter().map(String::as_str).collect::<Vec<_>>()).code(1).says("it is not `older` now");
    let no_command = test().file("operations.conf", &CONF.replace("undo = outside undo\n", ""));
    run(&no_command, "notice-off").code(4).says("write `undo = …`");
    for test in [elsewhere, bad_key, other_value, no_command] {
        assert!(!test.at("cloud/applied").exists() && !test.at("cloud/told").exists());
    }
}

#[test]
fn mail_that_stays_away_is_asked_about_and_nothing_is_taken_back() {
    let test = test().file("lost", "");
    let flow = test.text("flows/change.yaml");
    let at = flow.find("- id: arrival").unwrap();
    let quick = flow[at..].replacen("for: 4s", "for: 30ms", 1);
    test.write("flows/change.yaml", &format!("{}{quick}", &flow[..at]));
    run(&test, "notice-address").code(4).says("nothing in the box");
    assert_eq!((test.text("cloud/live"), asked(&test)), ("new\n".to_owned(), vec!["arrival".to_owned()]));
}

/// A careful person agrees to what is asked, and looks whether what was lost happened.
fn careful(test: &Test, waiting: &Waiting) {
    if !waiting.lost {
        return agree(test, &waiting.id, &waiting.step);
    }
    let trace = if waiting.step == "apply" { "cloud/applied" } else { "cloud/told" };
    let choice = if test.at(trace).exists() { "mark-done" } else { "retry" };
    test.go(&["review", "answer", &waiting.id, "--choose", choice, "--note", "looked"]).code(0);
}

fn came_to(test: &Test) -> String {
    let files = ["live", "sources", "others", "applied", "told"].map(|name| format!("cloud/{name}"));
    let files: Vec<String> =
        files.iter().map(|name| if test.at(name).exists() { test.text(name) } else { "-".to_owned() }).collect();
    format!("{} {files:?}", test.manifest("r")["status"])
}

#[test]
fn killed_where_people_are_asked_it_applies_once_and_comes_to_the_same_end() {
    for (kind, asks) in [("prompt-text", &["wording", "apply"][..]), ("new-queue", &["records"])] {
        let start = args(kind);
        let start: Vec<&str> = start.iter().map(String::as_str).collect();
        let steps = |step: &str| asks.iter().any(|one| step == format!("change/{one}"));
        let play = Play { world: &test, start: &start, run: "r", answer: &careful, end: &came_to, steps: &steps };
        let killed = play.killed_in_each_step(Script::LivesOn);
        assert_eq!(killed.len(), asks.len(), "{kind}: {killed:?}");
    }
}

#[test]
fn killed_in_each_of_its_steps_it_applies_once_and_comes_to_the_same_end() {
    let start = args("mail-credentials");
    let start: Vec<&str> = start.iter().map(String::as_str).collect();
    let play = Play { world: &test, start: &start, run: "r", answer: &careful, end: &came_to, steps: &|_| true };
    let killed = play.killed_in_each_step(Script::LivesOn);
    for step in ["table", "ready", "pre", "trial", "notice", "apply", "post", "diff", "in-step", "smoke", "arrival", "changelog"]
    {
        assert!(killed.contains(&format!("change/{step}")), "{step}: {killed:?}");
    }
    // The machine fails, and with it the script, before it did anything.
    let play = Play { steps: &|step| ["change/notice", "change/apply"].contains(&step), ..play };
    assert_eq!(play.killed_in_each_step(Script::Dies).len(), 2);
}

#[test]
fn killed_while_it_takes_back_everything_is_as_before_in_the_end() {
    let world = || quick_to_fail(test());
    let answer = |test: &Test, waiting: &Waiting| {
        let choice = if waiting.lost { "retry" } else { "approve" };
        test.go(&["review", "answer", &waiting.id, "--choose", choice, "--note", "looked"]).code(0);
    };
    let end = |test: &Test| {
        as_before(test);
        test.manifest("r")["status"].to_string()
    };
    let start = args("notice-off");
    let start: Vec<&str> = start.iter().map(String::as_str).collect();
    let steps = |step: &str| step.contains("undo");
    let play = Play { world: &world, start: &start, run: "r", answer: &answer, end: &end, steps: &steps };
    assert_eq!(play.killed_in_each_step(Script::LivesOn).len(), 1);
    assert_eq!(play.killed_in_each_step(Script::Dies).len(), 1);
}

#[test]
fn the_page_names_each_kind_of_change_and_each_command() {
    let page = include_str!("../docs/runbooks/change.md");
    let table: Value = serde_json::from_str(include_str!("../flows/data/changes.json")).unwrap();
    let of =
        |section: &str| page.split(section).nth(1).unwrap().split("\n\n").find(|part| part.starts_with('|')).unwrap().to_owned();
    let names = |table: &str| {
        let cells = table.lines().skip(2).filter_map(|line| line.split('|').nth(1)).flat_map(|cell| cell.split(','));
        let mut names: Vec<String> = cells.map(|name| name.trim().trim_matches('`').to_owned()).collect();
        names.sort();
        names
    };
    let mut kinds: Vec<String> = table.as_object().unwrap().keys().cloned().collect();
    kinds.sort();
    assert_eq!(names(&of("## Kinds of change")), kinds);
    for (kind, row) in table.as_object().unwrap() {
        let says = |word: &str| page.lines().any(|line| line.starts_with(&format!("| `{kind}`")) && line.contains(word));
        let columns = [
            ("visible", "approved"),
            ("wording", "words reviewed"),
            ("probe", "tried by itself"),
            ("lag", "`arrival`"),
            ("ids", "`records`"),
        ];
        for (column, word) in columns {
            assert!(row["refused"] != "" || says(word) == row[column].as_bool().unwrap(), "{kind}: {column}");
        }
    }
    let lib = include_str!("../flows/scripts/change/lib.sh");
    let mut known: Vec<&str> = lib.split("names='").nth(1).unwrap().split('\'').next().unwrap().split(' ').collect();
    known.sort_unstable();
    assert_eq!(names(&of("Write them once for a place:")), known);
}
