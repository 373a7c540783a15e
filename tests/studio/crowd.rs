//! Several runs at once, each driven by a process of its own, and more who watch: nobody misses a line or sees one twice.
//! The same with a hundred runs, and with times, is `cargo bench --bench studio`.

use std::thread;

use crate::{
    client::Studio,
    common::{Luck, Test, until},
};

const RUNS: usize = 4;
const WATCHERS: usize = 8;

#[test]
fn many_who_watch_many_runs_that_are_driven_at_once_see_every_line_once() {
    let steps: String = (0..30).map(|at| format!("  - {{id: s{at}, agent: worker}}\n")).collect();
    let test = Test::new()
        .file("agents/worker.md", "---\nname: worker\ndescription: works\n---\nWork.\n")
        .flow("busy", &format!("steps:\n{steps}"));
    let studio = Studio::start(&test);
    let driven: Vec<_> =
        (0..RUNS).map(|at| test.start(&["run", "busy", "--engine", "stub", "--run-id", &format!("r{at}")])).collect();
    until("each has begun", || (0..RUNS).all(|at| !test.journal(&format!("r{at}")).is_empty()));
    thread::scope(|scope| {
        for at in 0..WATCHERS {
            let (studio, test) = (&studio, &test);
            scope.spawn(move || watch(studio, test, &format!("r{}", at % RUNS), at as u64));
        }
    });
    driven.into_iter().for_each(|run| drop(run.wait().code(0)));
}

/// To the end of the run, with breaks at moments of luck.
fn watch(studio: &Studio, test: &Test, run: &str, seed: u64) {
    let mut luck = Luck::new(seed + 1);
    let mut seen: Vec<(u64, String)> = Vec::new();
    let has_ended = |seen: &[(u64, String)]| seen.last().is_some_and(|(_, line)| line.contains("\"run_rested\""));
    while !has_ended(&seen) {
        let last = seen.last().map(|(seq, _)| *seq);
        let mut events = studio.follow(&format!("/api/v1/runs/{run}/events"), last);
        for _ in 0..=luck.below(40) {
            let (id, line) = events.next().expect("an event");
            seen.push((id.parse().expect("a number"), line));
            if has_ended(&seen) {
                break;
            }
        }
    }
    let text = test.text(&format!("run_base/{run}/journal.jsonl"));
    let lines: Vec<(u64, String)> =
        text.trim_end_matches('\0').lines().zip(1..).map(|(line, seq)| (seq, line.to_owned())).collect();
    assert_eq!(seen.len(), lines.len(), "{run}");
    assert_eq!(seen, lines, "{run}");
}
