//! The runbook `support-shift` by the real program. The outer systems are stand-ins: `curl` and `outside` on PATH, which answer out of
//! files below `cloud` as the real ones do, exit codes and words included, and keep what was done to them.

mod common;
#[path = "runbooks/desk.rs"]
mod desk;
#[path = "common/kill_each.rs"]
mod kill_each;

use std::fs;

use common::{Ran, Test};
use desk::Desk;
use kill_each::{Play, Script, Waiting};

/// `curl -fsS URL`: the status of a path stands in a file, 404 where there is none; from 400 on it fails as curl does.
const CURL: &str = r#"cd "$(dirname "$0")/../cloud"
for url in "$@"; do :; done
status=$(cat "http/$(basename "$url")" 2> /dev/null || echo 404)
if [ "$status" -ge 400 ]; then
    echo "curl: (22) The requested URL returned error: $status" >&2
    exit 22
fi
echo "$status""#;

/// Does something that can be counted.
const OUTSIDE: &str = r#"cd "$(dirname "$0")/../cloud"
echo "$*" >> done
echo "$* is there""#;

const CONF: &str = "start.branch = test -e cloud/branch\nstart.chat = curl -fsS https://chat.example.org/health\n\
    task.overnight = curl -fsS https://chat.example.org/profile && outside overnight\n\
    try.front-page = curl -fsS https://chat.example.org/front\ntry.profile = curl -fsS https://chat.example.org/profile\n\
    task.promised = outside promised\ntask.figures = outside figures\n";

const WORKLIST: &str = r#"{
  "startup": [{"id": "branch", "title": "the right branch"}, {"id": "chat", "title": "the chat service is up"}],
  "tasks": [
    {"id": "overnight", "title": "Answer what came in overnight", "minutes": 180, "asks": "is the token still good?",
     "tries": [{"id": "front-page", "title": "the service answers"}, {"id": "profile", "title": "the token is taken"}]},
    {"id": "promised", "title": "Write to those who wait", "minutes": 120, "after": ["overnight"]},
    {"id": "figures", "title": "Count what came in", "minutes": 60}
  ]
}"#;

fn desk() -> Desk {
    let desk = Desk::new().stand_in("curl", CURL).stand_in("outside", OUTSIDE);
    desk.test.write("operations.conf", CONF);
    desk.test.write("worklist.json", WORKLIST);
    for (name, text) in [("branch", ""), ("http/health", "200"), ("http/front", "200"), ("http/profile", "401")] {
        desk.test.write(&format!("cloud/{name}"), text);
    }
    desk
}

fn begin(desk: &Desk) -> Ran {
    desk.run("support-shift", &[])
}

fn token(desk: &Desk) {
    desk.test.write("cloud/http/profile", "200");
}

fn done(desk: &Desk) -> String {
    desk.test.text("cloud/done")
}

fn log(desk: &Desk) -> String {
    desk.test.text("feedback.md")
}

/// Answers with a note; the run goes on.
fn word(desk: &Desk, question: &str, choose: &str, note: &str) -> Ran {
    desk.test.go(&["review", "answer", &format!("i/{question}"), "--choose", choose, "--note", note]).code(0);
    desk.on()
}

#[track_caller]
fn holds(text: &str, all: &[&str]) {
    for words in all {
        assert!(text.contains(words), "`{words}` is not in\n{text}");
    }
}

#[test]
fn what_is_blocked_asks_with_what_was_tried_the_next_is_begun_and_an_answer_unblocks_it() {
    let desk = desk();
    let ran = begin(&desk).code(4);
    // The question itself says what was tried, and what is asked.
    holds(
        &ran.stderr,
        &[
            "task[overnight] is blocked: Answer what came in overnight: curl: (22) The requested URL returned error: 401.",
            "Tried: the service answers: good (200); the token is taken: red (curl: (22) The requested URL returned error: 401).",
            "Asked: is the token still good?",
        ],
    );
    assert_eq!(
        (desk.waits(), done(&desk)),
        (vec!["task.overnight-1".to_owned(), "task.promised-1".to_owned()], "figures\n".into())
    );
    holds(&log(&desk), &["good: the chat service is up (200)", "Z: Count what came in is done", "Z: all tasks were tried"]);
    holds(&desk.artifact("support-shift/summary.md"), &["done: 1, blocked: 2", "minutes of work left: 300"]);
    let before = log(&desk);
    token(&desk);
    word(&desk, "task.overnight-1", "retry", "a new token is in the vault").code(4);
    assert_eq!(done(&desk), "figures\novernight\n");
    word(&desk, "task.promised-1", "retry", "now").code(0);
    assert_eq!(done(&desk), "figures\novernight\npromised\n");
    let after = log(&desk);
    assert!(after.starts_with(&before), "it only grows");
    holds(
        &after,
        &[
            "Z: Answer what came in overnight, again\n\nSomebody answered: a new token is in the vault",
            "    overnight is there",
            "Z: the shift is over",
        ],
    );
    let over = after.split("the shift is over").nth(1).unwrap();
    holds(
        over,
        &[
            "### Done\n\n- Answer what came in overnight (tester: retry, a new token",
            "done: 3, blocked: 0",
            "questions raised: 2",
            "minutes of work left: 0",
        ],
    );
    desk.test.go(&["verify", "i"]).code(0);
}

#[test]
fn a_task_that_comes_after_another_begins_before_it_only_by_a_word() {
    let desk = desk();
    begin(&desk).code(4);
    word(&desk, "task.promised-1", "retry", "please").code(4);
    assert_eq!(done(&desk), "figures\n");
    word(&desk, "task.promised-2", "retry", "anyway: it needs no access").code(4);
    assert_eq!(done(&desk), "figures\npromised\n");
    word(&desk, "task.overnight-1", "skip", "tomorrow").code(0);
    let over = log(&desk).split("the shift is over").nth(1).unwrap().to_owned();
    holds(
        &over,
        &["### Left out\n\n- Answer what came in overnight (tester: skip, tomorrow)", "done: 2, blocked: 0, left out: 1"],
    );
}

#[test]
fn what_no_command_does_is_done_by_a_person_who_says_so() {
    let desk = desk();
    desk.test.write("operations.conf", &CONF.replace("task.figures = outside figures\n", ""));
    token(&desk);
    begin(&desk).code(4).says("do it by hand");
    word(&desk, "task.figures-1", "mark-done", "figures.md, six of them").code(0);
    holds(&log(&desk), &["- Count what came in (tester: mark-done, figures.md, six of them)"]);
}

/// A name that begins as another one does is not that one.
#[test]
fn what_was_said_of_a_task_is_not_taken_for_another_one() {
    let desk = desk();
    let tasks = r#"{"startup": [], "tasks": [{"id": "a", "title": "Alone"}, {"id": "a-1", "title": "Beside"}]}"#;
    desk.test.write("worklist.json", tasks);
    desk.test.write("operations.conf", "task.a-1 = true\n");
    begin(&desk).code(4);
    (1..10).for_each(|_| drop(word(&desk, &desk.waits()[0], "retry", "again").code(4)));
    word(&desk, "task.a-10", "mark-done", "the tenth word").code(0);
    holds(&log(&desk), &["- Alone (tester: mark-done, the tenth word)\n- Beside\n", "questions raised: 10"]);
}

#[test]
fn the_checklist_comes_first_and_what_is_red_is_asked() {
    let desk = desk();
    token(&desk);
    fs::remove_file(desk.test.at("cloud/branch")).unwrap();
    begin(&desk).code(4).says("the right branch is not so");
    assert_eq!((desk.waits(), log(&desk), done(&desk)), (vec!["startup-1".to_owned()], String::new(), String::new()));
    desk.test.write("cloud/branch", "");
    word(&desk, "startup-1", "retry", "checked out").code(0);
    assert_eq!(done(&desk), "overnight\npromised\nfigures\n", "in the order of the list");
    assert!(!log(&desk).contains("all tasks were tried"), "nothing was open, so it is said once how it stands");
}

#[test]
fn a_log_that_was_changed_above_its_end_gets_no_further_entry() {
    let desk = desk();
    begin(&desk).code(4);
    let (was, changed) = (log(&desk), log(&desk).replace("401", "200"));
    desk.test.write("feedback.md", &changed);
    token(&desk);
    word(&desk, "task.overnight-1", "retry", "a new token").code(4).says("the log only grows");
    assert_eq!((log(&desk), done(&desk)), (changed, "figures\n".into()), "and what cannot be written down is not done");
    // Others may write at its end.
    desk.test.write("feedback.md", &format!("{was}somebody else\n"));
    word(&desk, "task.overnight-2", "retry", "put back").code(4);
    assert_eq!(done(&desk), "figures\novernight\n");
    holds(&log(&desk), &["somebody else\n<!-- i overnight start 3 -->"]);
}

#[test]
fn a_list_that_cannot_be_worked_through_is_refused_before_anything() {
    for wrong in [
        WORKLIST.replace("\"figures\"", "\"overnight\""),
        WORKLIST.replace("[\"overnight\"]", "[\"nowhere\"]"),
        WORKLIST.replace("[\"overnight\"]", "[\"promised\"]"),
        WORKLIST.replace("\"figures\"", "\"../figures\""),
        "{\"startup\": [], \"tasks\": []}".to_owned(),
        "tasks".to_owned(),
    ] {
        let desk = desk();
        desk.test.write("worklist.json", &wrong);
        begin(&desk).code(1);
        assert_eq!((log(&desk), done(&desk)), (String::new(), String::new()), "{wrong}");
    }
}

#[test]
fn what_is_edited_during_the_shift_counts_for_the_next_one() {
    let desk = desk();
    begin(&desk).code(4);
    desk.test.write("operations.conf", &CONF.replace("outside overnight", "outside something-else"));
    desk.test.write("worklist.json", &WORKLIST.replace("Answer what came in overnight", "Something else"));
    token(&desk);
    word(&desk, "task.overnight-1", "retry", "now").code(4);
    assert_eq!(done(&desk), "figures\novernight\n");
    assert!(!log(&desk).contains("Something else"));
    desk.test.go(&["run", "support-shift", "--run-id", "next"]).code(0);
    holds(&log(&desk), &["<!-- next begin -->", "Z: Something else is done"]);
}

#[test]
fn what_the_page_says_to_type_works() {
    let desk = desk();
    let page = fs::read_to_string(desk::root().join("docs/runbooks/support-shift.md")).unwrap();
    desk.test.write("worklist.json", &desk::blocks(&page, "json")[0]);
    desk.test.write("operations.conf", &format!("{CONF}start.inbox = true\n"));
    desk.types("support-shift.md").code(4).says("returned error: 401");
    holds(&log(&desk), &["Somebody answered: there is a new token in the vault"]);
}

fn answer(test: &Test, waiting: &Waiting) {
    let id = waiting.id.as_str();
    let task = waiting.step.trim_start_matches("task[").trim_end_matches(']');
    test.write("cloud/http/profile", "200");
    let happened = test.text("cloud/done").lines().any(|line| line == task);
    let choose = if waiting.lost && happened { "mark-done" } else { "retry" };
    test.go(&["review", "answer", id, "--choose", choose, "--note", "looked"]).code(0);
}

/// What was done, how often, and what the closing says; not who had to say what on the way.
fn end(test: &Test) -> String {
    let log = test.text("feedback.md");
    let often = |words: &str| log.matches(words).count();
    let over = log.split("the shift is over").nth(1).unwrap_or_default();
    let over: Vec<&str> =
        over.lines().filter(|line| !line.contains("questions")).map(|line| line.split(" (").next().unwrap()).collect();
    let mut done: Vec<String> = test.text("cloud/done").lines().map(str::to_owned).collect();
    done.sort();
    format!(
        "{} {done:?} {} {}\n{}",
        test.manifest("i")["status"],
        often("the shift begins"),
        often("the shift is over"),
        over.join("\n")
    )
}

#[test]
fn killed_in_each_step_no_task_is_done_twice_and_the_log_has_it_once() {
    let world = || desk().test;
    let start = ["run", "support-shift", "--run-id", "i"];
    let play = Play { world: &world, start: &start, run: "i", answer: &answer, end: &end, steps: &|_| true };
    let killed = play.killed_in_each_step(Script::LivesOn);
    let once =
        ["worklist", "ready", "startup", "begin", "task[overnight]", "task[promised]", "task[figures]", "so-far", "closing"];
    assert!(once.iter().all(|step| killed.contains(&format!("support-shift/{step}"))), "{killed:?}");
    assert_eq!(killed.len(), once.len() + 2, "two of them were blocked, and done again");
    let only = Play { steps: &|step| step.contains("task["), ..play };
    assert_eq!(only.killed_in_each_step(Script::Dies).len(), 5);
}
