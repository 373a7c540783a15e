//! kill -9 at any moment loses at most the decision being written, and repeats nothing that is marked once-only.
//! A hundred kills of the real process, at moments that a seed chooses; steps leave their marks in one file.

mod common;
#[path = "common/kill_each.rs"]
mod kill_each;

use std::collections::BTreeMap;

use common::{Fence, Luck, Test, finish};
use kill_each::{Play, Script, Waiting};

const KILLS: u32 = 100;
/// More runs than this for so many kills: the kills come too late.
const RUNS_MAX: u64 = 60;

/// Every command says when it begins and when it ends; the effect of a once-only step is its end.
const MARK: &str = r#"
mark() { printf '%s %s %s\n' "$1" "$STEP" "$EXECUTION" >> "$MARKS"; }
mark begin
"#;

fn kill_me() -> Test {
    let run = |body: &str| format!(". \"$MARKS_SH\"; {body}; echo \"I am $STEP\"; mark end");
    let flow = format!(
        r#"
jobs: 3
steps:
  - {{id: open, run: '{plain}', env: &env {{MARKS: "@/marks", MARKS_SH: "@/mark.sh"}}}}
  - {{id: left-1, needs: [open], run: '{left}', outputs: [artifacts/left.txt], effects: idempotent, env: *env}}
  - {{id: left-2, needs: [left-1], run: '{plain}', effects: once, env: *env}}
  - {{id: right-1, needs: [open], run: '{plain}', effects: once, env: *env}}
  - {{id: right-2, needs: [right-1], run: '{right}', outputs: [artifacts/right.txt], effects: idempotent, env: *env}}
  - {{id: middle, needs: [open], flow: part}}
  - {{id: author, needs: [left-2, right-2, middle], run: '{author}', effects: idempotent, env: *env}}
  - id: critic
    run: '. "$MARKS_SH"; echo "I am $STEP"; mark end; case $ITERATION in 1) echo "too short" >&2; exit 1;; 2) echo "too long" >&2; exit 1;; esac'
    effects: idempotent
    env: *env
    on_failure: continue
    loop: {{to: author, max: 4, until: step.passed, on_exhausted: stop}}
  - {{id: publish, run: '{plain}', effects: once, env: *env}}
  - {{id: sum, run: '{sum}', outputs: [artifacts/sum.txt], effects: idempotent, env: *env}}
"#,
        plain = run(":"),
        left = run("echo left > \"$ARTIFACTS/left.txt\""),
        right = run("echo right > \"$ARTIFACTS/right.txt\""),
        author = run("echo \"round $ITERATION\" > \"$ARTIFACTS/draft.txt\""),
        sum = run("cat \"$ARTIFACTS/left.txt\" \"$ARTIFACTS/right.txt\" \"$ARTIFACTS/draft.txt\" > \"$ARTIFACTS/sum.txt\""),
    );
    let part = format!(
        r#"
steps:
  - {{id: part-1, run: '{plain}', effects: once, env: &env {{MARKS: "@/marks", MARKS_SH: "@/mark.sh"}}}}
  - {{id: part-2, run: '{plain}', effects: idempotent, env: *env}}
"#,
        plain = run(":"),
    );
    let test = Test::new();
    let here = test.root().display().to_string();
    let test = test.file("mark.sh", MARK).flow("kill-me", &flow.replace('@', &here)).flow("part", &part.replace('@', &here));
    test.file("marks", "")
}

/// (begin or end, step, execution), in order.
fn marks(test: &Test) -> Vec<(String, String, String)> {
    let text = test.text("marks");
    let line = |line: &str| {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let [what, step, execution] = <[String; 3]>::try_from(words).expect("three words");
        (what, step, execution)
    };
    text.lines().map(line).collect()
}

fn ends(test: &Test) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (_, step, _) in marks(test).into_iter().filter(|(what, ..)| what == "end") {
        *counts.entry(step).or_insert(0) += 1;
    }
    counts
}

const ARTIFACTS: [&str; 4] = ["left.txt", "right.txt", "draft.txt", "sum.txt"];
const ONCE: [&str; 4] = ["left-2", "right-1", "part-1", "publish"];

fn artifacts(test: &Test) -> Vec<String> {
    ARTIFACTS.iter().map(|name| test.text(&format!("run_base/r/kill-me/artifacts/{name}"))).collect()
}

/// Kills it after a while that luck chooses: after some lines of the journal, some marks, or some turns of a wheel.
/// Returns whether it was still alive.
fn kill_somewhere(test: &Test, args: &[&str], luck: &mut Luck) -> bool {
    let (fence, mut live) = Fence::around(test, args);
    let (lines, turns) = (luck.below(12), luck.below(3_000));
    let journal = test.run_base("r").join("journal.jsonl");
    let begin = test.text("marks").lines().count();
    let had = test.journal("r").len();
    match luck.below(3) {
        0 => {
            let count = || std::fs::read(&journal).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count());
            while !live.has_ended() && count() < had + usize::try_from(lines).expect("small") {}
        }
        1 => {
            while !live.has_ended() && test.text("marks").lines().count() < begin + usize::try_from(lines / 2).expect("small") {}
        }
        _ => {}
    }
    for _ in 0..turns {
        std::hint::black_box(std::fs::metadata(&journal).is_ok());
    }
    let alive = !live.has_ended();
    live.kill();
    // Steps of a killed process live on for a moment. What they still do is over before anybody looks.
    fence.all_gone();
    alive
}

/// Answers every open question about a lost step as a careful person would: by looking whether it happened.
fn answer_all(test: &Test) {
    let listed = test.go(&["review", "list", "--json"]).code(0).json();
    for waiting in listed["waiting"].as_array().expect("a list") {
        let (id, step) = (waiting["id"].as_str().expect("an id"), waiting["step"].as_str().expect("a step"));
        assert!(ONCE.contains(&step), "nobody should have to answer for {step}");
        let choose = if ends(test).contains_key(step) { "mark-done" } else { "retry" };
        test.go(&["review", "answer", id, "--choose", choose, "--note", "looked at the file"]).code(0);
    }
}

#[test]
fn a_hundred_kills_repeat_nothing_that_ended_and_lose_nothing() {
    let undisturbed = kill_me();
    undisturbed.go(&["run", "kill-me", "--run-id", "r"]).code(0);
    let expected = artifacts(&undisturbed);
    assert_eq!(expected[3], "left\nright\nround 3\n");
    let calm = ends(&undisturbed);
    assert_eq!(calm["author"], 3);

    let mut kills = 0;
    let mut seed = 0;
    while kills < KILLS {
        seed += 1;
        assert!(seed <= RUNS_MAX, "{kills} kills in {RUNS_MAX} runs");
        kills += one_run(seed, &expected, &calm);
    }
    println!("{kills} kills in {seed} runs");
}

fn one_run(seed: u64, expected: &[String], calm: &BTreeMap<String, usize>) -> u32 {
    let mut luck = Luck::new(seed);
    let test = kill_me();
    let mut kills = 0;
    let mut started = false;
    let wanted = 4 + luck.below(8);
    for _ in 0..wanted {
        // A kill before the directory was made leaves nothing to resume; one before the first line, a run that never began.
        started = started || !test.journal("r").is_empty();
        let args: &[&str] = if started { &["resume", "r"] } else { &["run", "kill-me", "--run-id", "r"] };
        if !kill_somewhere(&test, args, &mut luck) {
            break;
        }
        kills += 1;
        check_chain(&test, seed);
        if started {
            answer_all(&test);
        }
    }
    finish_calmly(&test, started, seed);
    check_run(&test, seed, expected, calm);
    kills
}

/// However it was killed, the chain holds and the files can be made whole.
fn check_chain(test: &Test, seed: u64) {
    if test.journal("r").is_empty() {
        return;
    }
    let verified = test.go(&["verify", "r", "--json"]);
    let report = verified.json()["report"].clone();
    assert!(report["broken"].is_null(), "seed {seed}: {report:#}");
}

fn finish_calmly(test: &Test, mut started: bool, seed: u64) {
    for _ in 0..30 {
        started = started || !test.journal("r").is_empty();
        let args: &[&str] = if started { &["resume", "r"] } else { &["run", "kill-me", "--run-id", "r"] };
        let ran = finish(test.command(args));
        let verified = test.go(&["verify", "r"]);
        assert_eq!(verified.code, Some(0), "seed {seed}: {}{}", verified.stdout, verified.stderr);
        match ran.code {
            Some(0) => return,
            Some(4) => answer_all(test),
            other => panic!("seed {seed}: {other:?}\n{}", ran.stderr),
        }
    }
    panic!("seed {seed}: thirty resumes were not enough");
}

fn check_run(test: &Test, seed: u64, expected: &[String], calm: &BTreeMap<String, usize>) {
    assert_eq!(artifacts(test), expected, "seed {seed}: artifacts");
    let marks = marks(test);
    let count = |what: &str, step: &str, execution: &str| {
        marks.iter().filter(|(w, s, e)| w == what && s == step && e == execution).count()
    };
    let done = ends(test);
    for step in ONCE {
        assert_eq!(done.get(step), Some(&1), "seed {seed}: once-only {step} in\n{}", test.text("marks"));
    }
    for ended in test.facts("r", "step_ended") {
        let (step, execution) = (ended["at"]["step"].as_str().expect("a step"), ended["execution"].to_string());
        let performed = ended["proof"]["commands"].as_array().is_some_and(|commands| !commands.is_empty());
        let interrupted = ended["proof"]["status"] == "interrupted";
        if performed && !interrupted {
            assert_eq!(count("end", step, &execution), 1, "seed {seed}: {step} execution {execution} in\n{}", test.text("marks"));
        }
    }
    // Whatever ran more often than undisturbed was lost on the way, so often.
    let lost = test.facts("r", "step_lost");
    for (step, often) in &done {
        let lost = lost.iter().filter(|fact| fact["at"]["step"] == step.as_str()).count();
        let calm = calm[step];
        assert!((calm..=calm + lost).contains(often), "seed {seed}: {step} ended {often} times, lost {lost} times");
    }
    let succeeded = test.manifest("r")["status"] == "succeeded";
    assert!(succeeded, "seed {seed}");
}

const EACH: &str = r#"
steps:
  - {id: look, run: sh look.sh, access: observe, expect: {stdout: seen}}
  - {id: page, render: {template: page.hbs, to: artifacts/page.txt}}
  - {id: send, approve: {question: "Send it?", evidence: [artifacts/page.txt]}, run: sh send.sh, access: change, effects: EFFECTS}
  - {id: sure, ask: {question: "Did it arrive?"}}
  - {id: sum, run: 'sh sum.sh', outputs: [artifacts/sum.txt]}
"#;

fn killed_in_each(effects: &str, script: Script) -> Vec<String> {
    let world = || {
        let test = Test::new();
        let path = format!("{}:{}", test.at("bin").display(), std::env::var("PATH").unwrap_or_default());
        test.env("PATH", &path)
            .flow("each", &EACH.replace("EFFECTS", effects))
            .file("flows/page.hbs", "{{steps.look.passed}}\n")
            .file("look.sh", "echo seen\n")
            .file("send.sh", "echo sent >> sent\n")
            .file("sum.sh", "cat \"$ARTIFACTS/page.txt\" sent > \"$ARTIFACTS/sum.txt\"\n")
    };
    let answer = |test: &Test, waiting: &Waiting| {
        let choose = match (waiting.lost, test.at("sent").exists()) {
            (true, true) => "mark-done",
            (true, false) => "retry",
            (false, _) => "approve",
        };
        test.go(&["review", "answer", &waiting.id, "--choose", choose, "--note", "looked"]).code(0);
    };
    let end = |test: &Test| {
        format!("{} {} {}", test.manifest("r")["status"], test.text("sent"), test.text("run_base/r/each/artifacts/sum.txt"))
    };
    let start = ["run", "each", "--run-id", "r"];
    Play { world: &world, start: &start, run: "r", answer: &answer, end: &end, steps: &|_| true }.killed_in_each_step(script)
}

#[test]
fn killed_in_each_step_a_run_comes_to_the_same_end() {
    for script in [Script::LivesOn, Script::Dies] {
        assert_eq!(killed_in_each("once", script), ["look", "page", "send", "sure", "sum"].map(|step| format!("each/{step}")));
    }
}

/// The check itself: what says that it may be repeated, and may not, is found.
#[test]
#[should_panic(expected = "killed in Moment { flow: \"each\", step: \"send\"")]
fn an_effect_that_happens_twice_is_found() {
    killed_in_each("idempotent", Script::LivesOn);
}
