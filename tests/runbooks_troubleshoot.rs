//! The runbook `troubleshoot` by the real program. The outer systems are stand-ins: `outside`, a script on PATH that keeps the state of
//! accounts in files below `cloud` and behaves like commands that reach a provider.

mod common;
#[path = "runbooks/desk.rs"]
mod desk;
#[path = "common/kill_each.rs"]
mod kill_each;

use std::fs;

use common::{Ran, Test, let_go, until};
use desk::{Desk, root};
use kill_each::{Play, Script, Waiting};
use serde_json::Value;

/// `red-ID`: the check says no. `bleeds`: a deployment hits another account, too. `recent-gate`: what changed lately comes late.
const OUTSIDE: &str = include_str!("runbooks/outside.sh");

const CONF: &str = "# How this place is reached.\nprofile = outside profile\nlive = cat cloud/live\nsources = cat cloud/sources\n\
    others = cat cloud/others\nothers-known = cat cloud/known\nrecent = outside recent\n\
    check.hold-address-set = outside check set\ncheck.hold-address-answers = outside check answers\n\
    check.service-there = outside check there\ncheck.logs-clean = outside check logs\ncheck.provider-well = outside check well\n\
    check.deployed-where-meant = outside check where\ncheck.others-untouched = outside check untouched\n\
    watch.mail-down = outside check mail\nfix.redeploy = outside redeploy\nfix.restore-others = outside restore\n";

fn desk() -> Desk {
    let desk = Desk::new().stand_in("outside", OUTSIDE);
    desk.test.write("operations.conf", CONF);
    for (name, text) in
        [("live", "old\n"), ("sources", "old\n"), ("others", "theirs\n"), ("known", "theirs\n"), ("red-answers", "")]
    {
        desk.test.write(&format!("cloud/{name}"), text);
    }
    desk.test.write("cloud/profile", "{\"active\": \"acme\"}\n");
    desk.test.write("dev-log.md", "# What was done here\n\nLong ago: set up.\n");
    desk
}

fn conf(desk: &Desk, more: &str) {
    desk.test.write("operations.conf", &format!("{CONF}{more}"));
}

const PARAMS: [&str; 4] = ["client=acme", "since=since Monday", "reporter=caller", "repro=always"];

fn begin(desk: &Desk, symptom: &str) -> Ran {
    let symptom = format!("symptom={symptom}");
    desk.run("troubleshoot", &[&PARAMS[..], &[&symptom]].concat())
}

fn decide(desk: &Desk, question: &str, fix: &str) -> Ran {
    desk.answer(question, "answer", &[&format!("fix={fix}"), "why=it was not deployed"])
}

fn deployed(desk: &Desk) -> String {
    desk.test.text("cloud/deployed")
}

fn started(test: &Test) -> Vec<String> {
    test.facts("i", "step_started").iter().map(|fact| fact["at"]["step"].as_str().unwrap().to_owned()).collect()
}

fn question(desk: &Desk, id: &str) -> Value {
    let raised = desk.test.facts("i", "escalation_raised");
    raised.into_iter().map(|fact| fact["question"].clone()).find(|one| one["id"] == id).unwrap_or_else(|| panic!("no {id}"))
}

#[test]
fn looked_at_freely_mended_after_a_yes_and_written_down() {
    let desk = desk();
    begin(&desk, "silence").code(4);
    assert_eq!((desk.waits(), deployed(&desk)), (vec!["decide-1".to_owned()], String::new()));
    let findings = desk.artifact("troubleshoot/findings.md");
    for words in
        ["yesterday: the hold music", "(`hold-address-answers`) | red | answers: status 500 | not-deployed", "since Monday"]
    {
        assert!(findings.contains(words), "{words}\n{findings}");
    }
    decide(&desk, "decide-1", "redeploy").code(4);
    let page = "# first, whether the account is the right one: outside profile\noutside redeploy\n";
    assert_eq!(desk.artifact("troubleshoot/fix.sh"), page);
    let asked = question(&desk, "fix-1");
    assert_eq!(asked["to"][0], "owner");
    assert!(asked["action"].as_str().unwrap().ends_with("\"outside profile\",\"outside redeploy\"]"), "{}", asked["action"]);
    let shown: Vec<&str> = asked["shown"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert_eq!(shown, ["artifacts/findings.md", "artifacts/fix.sh"]);
    assert_eq!(deployed(&desk), "", "nothing before the yes");
    desk.answer("fix-1", "approve", &[]).code(0);
    assert_eq!(deployed(&desk), "deployed by acme\n");
    let log = desk.test.text("dev-log.md");
    assert!(log.starts_with("# What was done here\n\nLong ago: set up.\n<!-- troubleshoot i -->\n"), "{log}");
    for words in
        ["**Fix:** redeploy, approved", "**Command:** `outside redeploy`", "live:** the same", "afterwards:** none is red"]
    {
        assert!(log.contains(words), "{words}\n{log}");
    }
    desk.test.go(&["verify", "i"]).code(0);
}

#[test]
fn refused_it_touches_nothing_and_the_log_says_so() {
    let desk = desk();
    begin(&desk, "silence").code(4);
    decide(&desk, "decide-1", "redeploy").code(4);
    desk.answer("fix-1", "reject", &[]).code(4);
    assert_eq!((deployed(&desk), desk.test.text("cloud/live")), (String::new(), "old\n".to_owned()));
    // It is as it was, so it is asked again; that nothing is done now is an answer.
    assert_eq!(desk.waits(), ["decide-2"]);
    desk.answer("decide-2", "answer", &["fix=none", "why=not before the weekend"]).code(0);
    let log = desk.test.text("dev-log.md");
    assert!(log.contains("not before the weekend") && log.contains("**Changed:** nothing"), "{log}");
}

#[test]
fn another_account_that_has_changed_stops_everything_else() {
    let desk = desk();
    desk.test.write("cloud/others", "not theirs\n");
    let desk = Desk { test: desk.test.fifo("cloud/recent-gate") };
    let command = start("silence");
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let live = desk.test.start(&command);
    until("the line stops", || !desk.test.facts("i", "line_stopped").is_empty());
    // The branch beside it comes to its next step only now.
    let_go(&desk.test.at("cloud/recent-gate"));
    live.wait().code(4);
    fs::remove_file(desk.test.at("cloud/recent-gate")).unwrap();
    let all = started(&desk.test);
    assert!(all.contains(&"recent".to_owned()) && !all.contains(&"watch".to_owned()), "{all:?}");
    let asked = question(&desk, "neighbours-1");
    assert_eq!((asked["severity"].as_str(), asked["kind"].as_str()), (Some("HIGH"), Some("stop-the-line")));
    assert!(desk.artifact("troubleshoot/neighbours.diff").contains("> not theirs"));
    // From here on the run is about that, whatever was reported.
    desk.answer("neighbours-1", "approve", &[]).code(4);
    let asked = question(&desk, "decide-1")["question"].as_str().unwrap().to_owned();
    assert!(asked.contains("Another account has changed") && asked.contains("restore-others"), "{asked}");
    decide(&desk, "decide-1", "restore-others").code(4);
    desk.answer("fix-1", "approve", &[]).code(4);
    assert_eq!(desk.test.text("cloud/others"), "theirs\n");
    let item = ["action=A check before each deployment", "owner=Platform", "deadline=2030-01-31", "verification=It refuses"];
    desk.answer("troubleshoot.close.item-1", "answer", &item).code(0);
    assert!(desk.test.text("dev-log.md").contains("Another account has changed"));
}

#[test]
fn a_run_about_another_account_can_be_ended_there_and_nothing_more_starts() {
    let desk = desk();
    begin(&desk, "contamination").code(4);
    assert!(question(&desk, "neighbours-1")["question"].as_str().unwrap().contains("is said to have changed"));
    let before = started(&desk.test);
    desk.answer("neighbours-1", "abort", &[]).code(1);
    assert_eq!(started(&desk.test), before);
    assert!(!before.contains(&"pre".to_owned()), "{before:?}");
}

#[test]
fn a_fix_that_moves_another_account_stops_the_line_and_is_no_success() {
    let desk = desk();
    desk.test.write("cloud/bleeds", "");
    begin(&desk, "silence").code(4);
    decide(&desk, "decide-1", "redeploy").code(4);
    desk.answer("fix-1", "approve", &[]).code(4);
    assert_eq!(question(&desk, "diff-1")["kind"], "stop-the-line");
    desk.answer("diff-1", "approve", &[]).code(1).says("nothing-else-moved");
}

#[test]
fn what_runs_is_what_was_read_whatever_was_edited_in_between() {
    let desk = desk();
    begin(&desk, "silence").code(4);
    decide(&desk, "decide-1", "redeploy").code(4);
    // Before the answer: what was read is not what is asked any more, and it is asked anew.
    let fix = "run_base/i/troubleshoot/artifacts/fix.sh";
    let page = desk.test.text(fix);
    desk.test.write(fix, "outside restore\n");
    let ran = desk.test.go(&["review", "answer", "i/fix-1", "--choose", "approve"]);
    assert_ne!(ran.code, Some(0));
    assert_eq!((desk.waits(), deployed(&desk)), (vec!["fix-2".to_owned()], String::new()));
    desk.test.write(fix, &page);
    desk.test.go(&["review", "answer", "i/fix-2", "--choose", "approve"]);
    assert_eq!(desk.waits(), ["fix-3"]);
    // After the answer: nothing runs at all.
    desk.say("fix-3", "approve", &[]);
    desk.test.write(fix, &page.replace("redeploy", "redeploy; outside restore"));
    desk.on().code(4).says("fix.sh is not what was shown when fix-3 was answered; nothing was done");
    assert_eq!(deployed(&desk), "");
    // Other commands in the settings have no say in a run that has begun, and none in what was approved.
    decide(&desk, "decide-2", "redeploy").code(4);
    desk.say("fix-4", "approve", &[]);
    conf(&desk, "fix.redeploy = outside restore\n");
    let other =
        CONF.replace("outside redeploy", "outside restore").replace("outside profile", "cat cloud/profile; outside restore >&2");
    desk.test.write("run_base/i/troubleshoot/work/ready/operations.conf", &other);
    desk.on().code(0);
    assert_eq!(deployed(&desk), "deployed by acme\n");
}

#[test]
fn the_account_is_looked_at_before_each_command_not_once() {
    let desk = desk();
    desk.test.write("cloud/profile", "{\"active\": \"else\"}\n");
    begin(&desk, "silence").code(1);
    assert!(!started(&desk.test).contains(&"neighbours".to_owned()));
    let desk = self::desk();
    begin(&desk, "silence").code(4);
    decide(&desk, "decide-1", "redeploy").code(4);
    desk.test.write("cloud/profile", "{\"active\": \"else\"}\n");
    desk.answer("fix-1", "approve", &[]).code(4).says("`else` is active");
    assert_eq!(deployed(&desk), "");
    desk.test.write("cloud/profile", "{\"active\": \"acme\"}\n");
    // It was approved for the execution that did not happen; a new one asks for a new yes.
    desk.answer("fix-2", "retry", &[]);
    assert_eq!(deployed(&desk), "");
    desk.answer("fix-3", "approve", &[]).code(0);
    assert_eq!(deployed(&desk), "deployed by acme\n");
}

#[test]
fn a_fix_that_is_unknown_forbidden_or_protected_is_not_simply_done() {
    let desk = desk();
    conf(
        &desk,
        "forbidden = api/settings\nprotected = always-on\nfix.restore-service = curl -X POST host/api/settings\n\
        fix.correct-address = outside redeploy always-on\n",
    );
    begin(&desk, "silence").code(4);
    decide(&desk, "decide-1", "magic").code(4).says("correct-address redeploy restore-service or none; answer push-back:decide");
    desk.answer("plan-1", "push-back:decide", &[]).code(4);
    decide(&desk, "decide-2", "restore-service").code(4).says("operations.conf forbids (`api/settings`)");
    desk.answer("plan-2", "push-back:decide", &[]).code(4);
    decide(&desk, "decide-3", "correct-address").code(4);
    assert_eq!((desk.waits(), question(&desk, "plan-3")["severity"].as_str()), (vec!["plan-3".to_owned()], Some("HIGH")));
    desk.answer("plan-3", "approve", &[]).code(4);
    assert_eq!((desk.waits(), deployed(&desk)), (vec!["fix-1".to_owned()], String::new()));
}

#[test]
fn what_somebody_must_hear_of_at_once_is_asked_before_anything_is_looked_into() {
    let desk = desk();
    desk.test.write("cloud/red-mail", "");
    begin(&desk, "mail-missing").code(4);
    let asked = question(&desk, "watch-1");
    assert_eq!((asked["severity"].as_str(), asked["to"][0].as_str()), (Some("HIGH"), Some("owner")));
    assert!(asked["question"].as_str().unwrap().contains("errors of its own, again and again (mail: status 500)"), "{asked}");
    assert!(!started(&desk.test).contains(&"diagnose".to_owned()));
}

#[test]
fn a_check_cannot_change_what_it_looks_at() {
    let desk = desk();
    conf(&desk, "check.mail-taken = outside redeploy\n");
    begin(&desk, "mail-missing").code(4);
    assert_eq!((deployed(&desk), desk.test.text("cloud/live")), (String::new(), "old\n".to_owned()));
    assert!(desk.artifact("troubleshoot/findings.md").contains("(`mail-taken`) | red |"));
}

#[test]
fn what_no_command_checks_is_well_only_by_a_persons_word() {
    let desk = desk();
    desk.test.write("operations.conf", &CONF.replace("check.logs-clean = outside check logs\n", ""));
    begin(&desk, "silence").code(4);
    decide(&desk, "decide-1", "redeploy").code(4);
    desk.answer("fix-1", "approve", &[]).code(4);
    assert!(question(&desk, "seen-1")["question"].as_str().unwrap().contains("logs-clean"));
    desk.answer("seen-1", "reject", &[]).code(1);
}

#[test]
fn what_the_page_says_to_type_works() {
    let desk = desk();
    desk.types("troubleshoot.md").code(0);
    assert_eq!((desk.test.manifest("t-1")["status"].as_str(), deployed(&desk)), (Some("succeeded"), "deployed by acme\n".into()));
    assert!(desk.test.text("dev-log.md").contains("since Monday, ten o clock, shows always, sample call-17"));
}

/// A second round begins with a new look, not with what the first one saw.
#[test]
fn what_the_fix_did_not_mend_is_looked_at_anew_before_it_is_asked_again() {
    let desk = desk();
    desk.test.write("cloud/red-there", "");
    begin(&desk, "silence").code(4);
    decide(&desk, "decide-1", "redeploy").code(4);
    desk.answer("fix-1", "approve", &[]).code(4);
    let asked = question(&desk, "decide-2")["question"].as_str().unwrap().to_owned();
    assert!(asked.contains("point to: service-gone.") && !asked.contains("not-deployed"), "{asked}");
    assert!(desk.artifact("troubleshoot/findings.md").contains("(`hold-address-answers`) | good |"));
}

fn table() -> Value {
    serde_json::from_str(&fs::read_to_string(root().join("flows/data/symptoms.json")).unwrap()).unwrap()
}

#[test]
fn every_symptom_has_causes_checks_that_point_to_them_and_a_run() {
    let table = table();
    let symptoms = table["symptoms"].as_object().unwrap();
    assert_eq!(symptoms.len(), 9);
    for (name, entry) in symptoms {
        let ids =
            |key: &str| -> Vec<&str> { entry[key].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect() };
        assert!(!ids("checks").is_empty() && !ids("fixes").is_empty(), "{name}");
        let points: Vec<&str> = entry["checks"].as_array().unwrap().iter().map(|one| one["cause"].as_str().unwrap()).collect();
        assert!(points.iter().all(|cause| ids("causes").contains(cause)), "{name}");
        assert!(ids("causes").iter().all(|cause| points.contains(cause)), "{name}: a cause that no check points to");
        let desk = desk();
        begin(&desk, name).code(4);
        if name == "contamination" {
            desk.answer("neighbours-1", "approve", &[]).code(4);
        }
        let asked = question(&desk, "decide-1")["question"].as_str().unwrap().to_owned();
        assert!(asked.starts_with(entry["title"].as_str().unwrap()), "{asked}");
        assert!(ids("fixes").iter().all(|fix| asked.contains(fix)), "{asked}");
    }
    let desk = desk();
    begin(&desk, "headache").code(1);
}

fn answer(test: &Test, waiting: &Waiting) {
    let id = waiting.id.as_str();
    let say = |args: &[&str]| drop(test.go(&[&["review", "answer", id, "--note", "looked"], args].concat()).code(0));
    match (waiting.step.as_str(), waiting.lost) {
        ("decide", _) if waiting.question.contains("restore-others") => {
            say(&["--choose", "answer", "--set", "fix=restore-others", "--set", "why=another account was active"]);
        }
        ("decide", _) => say(&["--choose", "answer", "--set", "fix=live-from-sources", "--set", "why=not deployed"]),
        ("fix", true) if test.at("cloud/deployed").exists() => say(&["--choose", "mark-done"]),
        ("fix", true) => say(&["--choose", "retry"]),
        ("item", _) => {
            let item = ["action=A check", "owner=Platform", "deadline=2030-01-31", "verification=It refuses"];
            say(&[&["--choose", "answer"][..], &item.map(|value| ["--set", value]).concat()].concat());
        }
        _ => say(&["--choose", "approve"]),
    }
}

/// What was done, how often, and what is written down.
fn end(test: &Test) -> String {
    // An entry says which word came with the approval, and how the fix was known to be done.
    let log = test.text("dev-log.md");
    let entry: Vec<&str> = log.lines().filter(|line| !line.starts_with("- **Fix:**")).collect();
    let state = ["deployed", "live", "sources", "others"].map(|name| test.text(&format!("cloud/{name}")));
    format!("{} {state:?}\n{}", test.manifest("i")["status"], entry.join("\n"))
}

fn start(symptom: &str) -> Vec<String> {
    let fixed = ["run", "troubleshoot", "--run-id", "i"].map(str::to_owned);
    let params = PARAMS.iter().map(|one| format!("--param={one}"));
    fixed.into_iter().chain(params).chain([format!("--param=symptom={symptom}")]).collect()
}

#[test]
fn killed_where_the_line_stops_it_stays_stopped_until_somebody_answers() {
    let world = || {
        let desk = desk();
        desk.test.write("cloud/others", "not theirs\n");
        desk.test
    };
    let start = start("silence");
    let start: Vec<&str> = start.iter().map(String::as_str).collect();
    let steps = ["troubleshoot/neighbours", "troubleshoot/neighbours-again", "troubleshoot.close/keep"];
    let play = Play { world: &world, start: &start, run: "i", answer: &answer, end: &end, steps: &|step| steps.contains(&step) };
    assert_eq!(play.killed_in_each_step(Script::LivesOn), steps);
}

/// Half of its steps, so that two processors share the work.
const LOOKED: &str = "table ready profile neighbours recent watch about pre drift diagnose";

fn is_looking(step: &str) -> bool {
    LOOKED.split(' ').any(|one| step == format!("troubleshoot/{one}"))
}

#[test]
fn killed_while_it_looks_it_is_mended_once_and_written_down_once() {
    assert_eq!(killed(Script::LivesOn, &is_looking).len(), 10);
}

#[test]
fn killed_in_each_step_from_the_findings_on_it_is_mended_once_and_written_down_once() {
    let behind = killed(Script::LivesOn, &|step| !is_looking(step));
    assert_eq!(behind.len(), 10, "{behind:?}");
    let only = |step: &str| step == "troubleshoot/fix" || step == "troubleshoot/log";
    assert_eq!(killed(Script::Dies, &only), ["troubleshoot/fix", "troubleshoot/log"]);
}

fn killed(script: Script, steps: &dyn Fn(&str) -> bool) -> Vec<String> {
    // Few checks, for a world is made for each step.
    let world = || {
        let desk = desk();
        let few: Vec<&str> = CONF.lines().filter(|line| !line.starts_with("check.") && !line.starts_with("watch.")).collect();
        let more = "check.live-as-sources = outside check answers\ncheck.live-written-by-us = outside check ours\n";
        desk.test.write("operations.conf", &format!("{}\n{more}fix.live-from-sources = outside redeploy\n", few.join("\n")));
        desk.test
    };
    let start = start("drift");
    let start: Vec<&str> = start.iter().map(String::as_str).collect();
    Play { world: &world, start: &start, run: "i", answer: &answer, end: &end, steps }.killed_in_each_step(script)
}
