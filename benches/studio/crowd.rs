//! A hundred runs at once, each driven by a process of its own, while fifty watch and somebody reads pages.
//! Each watcher breaks off now and then and comes back with the last number it has; what it saw is held against the journal.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::bed::{Bed, Door, Row, ms, percentile};

const RUNS: usize = 100;
const WATCHERS: usize = 50;
/// Of these, so many watch one and the same run.
const TOGETHER: usize = 10;

/// Steps that take their time, as most do: one a second in each run.
pub fn at_a_pace(bed: &Bed) -> Vec<Row> {
    bed.chain(30, "run: 'sleep 1'");
    crowd(bed, &[], "100 runs at once, a step a second each; 50 watch")
}

/// Steps that do nothing: both processors have as much to do as there is.
pub fn all_at_once(bed: &Bed) -> Vec<Row> {
    bed.chain(200, "agent: worker");
    crowd(bed, &["--engine", "stub"], "100 runs at once, each as fast as it can; 50 watch")
}

struct Watched {
    run: usize,
    /// What differs from the journal.
    wrong: usize,
    events: usize,
    breaks: usize,
}

fn crowd(bed: &Bed, engine: &[&str], name: &str) -> Vec<Row> {
    let studio = bed.serve();
    let start = Instant::now();
    let mut driven: Vec<_> = (0..RUNS)
        .map(|at| {
            let id = format!("r{at}");
            let args = [&["run", "chain", "--run-id", &id][..], engine].concat();
            bed.command(&args).spawn().expect("the run starts")
        })
        .collect();
    let over = AtomicBool::new(false);
    let (watched, mut loads, took) = thread::scope(|scope| {
        let watchers: Vec<_> = (0..WATCHERS)
            .map(|at| {
                let (run, door) = (if at < TOGETHER { 0 } else { 2 * at }, studio.door.clone());
                scope.spawn(move || watch(bed, &door, run, at))
            })
            .collect();
        let (door, over) = (&studio.door, &over);
        let reader = scope.spawn(move || read(door, over));
        let ended = driven.iter_mut().all(|run| run.wait().is_ok_and(|status| status.success()));
        let took = start.elapsed();
        assert!(ended, "a run failed");
        over.store(true, Ordering::Relaxed);
        let watched: Vec<Watched> = watchers.into_iter().map(|one| one.join().expect("a watcher")).collect();
        (watched, reader.join().expect("a reader"), took)
    });
    let sum = |of: fn(&Watched) -> usize| watched.iter().map(of).sum::<usize>();
    let wrong = sum(|one| one.wrong);
    let (most, now) = studio.memory();
    let mut all: Vec<Duration> = loads.values().flatten().copied().collect();
    let each: Vec<String> = loads.iter_mut().map(|(page, times)| format!("{page} {}", ms(percentile(times, 99)))).collect();
    let row = |what: &str, figure: String, target, beside: String| Row::new(format!("{name}: {what}"), figure, target, beside);
    let rows = vec![
        row(
            "events lost, doubled or changed",
            format!("{wrong} of {}", sum(|one| one.events)),
            "0",
            format!("{} breaks, {:.1} s in all", sum(|one| one.breaks), took.as_secs_f64()),
        ),
        row("most memory of the studio", most, "≤ 150 MiB", format!("{now} at the end")),
        row(
            "page loads, 99 of 100",
            ms(percentile(&mut all, 99)),
            "≤ 100 ms",
            format!("half {}, {} loads; 99 of 100 of each: {}", ms(percentile(&mut all, 50)), all.len(), each.join(", ")),
        ),
    ];
    let runs: Vec<usize> = watched.iter().filter(|one| one.wrong > 0).map(|one| one.run).collect();
    assert!(runs.is_empty(), "events were lost, doubled or changed in the runs {runs:?}");
    rows
}

fn watch(bed: &Bed, door: &Door, run: usize, luck: usize) -> Watched {
    let id = format!("r{run}");
    let mut seen: Vec<(u64, String)> = Vec::new();
    let mut breaks = 0;
    loop {
        // So many, and then the connection is let go in the middle of whatever comes.
        let until = seen.len() + 20 + (luck * 37 + breaks * 11) % 90;
        let known = seen.last().map(|(seq, _)| *seq);
        let there = door.events(&id, known, |seq, line| {
            seen.push((seq, line.to_owned()));
            seen.len() < until && !line.contains("\"run_rested\"")
        });
        if seen.last().is_some_and(|(_, line)| line.contains("\"run_rested\"")) {
            break;
        }
        if there {
            breaks += 1;
        } else {
            // It has no journal yet.
            thread::sleep(Duration::from_millis(5));
        }
    }
    let lines = bed.journal(&id);
    let differ = |at: usize| {
        seen.get(at).map(|(seq, line)| (*seq, line.as_str())) != lines.get(at).map(|line| (at as u64 + 1, line.as_str()))
    };
    let wrong = (0..seen.len().max(lines.len())).filter(|at| differ(*at)).count();
    Watched { run, wrong, events: lines.len(), breaks }
}

/// Pages as somebody looks through them, one after the other, until all is over.
fn read(door: &Door, over: &AtomicBool) -> BTreeMap<&'static str, Vec<Duration>> {
    let mut loads: BTreeMap<&'static str, Vec<Duration>> = BTreeMap::new();
    let mut round = 0;
    while !over.load(Ordering::Relaxed) {
        let run = (round * 7) % RUNS;
        for (page, path) in [
            ("inbox", "/".to_owned()),
            ("runs", "/runs".to_owned()),
            ("run", format!("/runs/r{run}")),
            ("step", format!("/runs/r{run}/step?step=s0")),
            ("API", format!("/api/v1/runs/r{run}")),
        ] {
            let (status, _, took) = door.get(&path);
            assert!(status < 500, "{path}: {status}");
            // A run that has not begun has no page.
            if status == 200 {
                loads.entry(page).or_default().push(took);
            }
        }
        round += 1;
    }
    loads
}
