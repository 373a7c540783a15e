//! A run of ten thousand steps, looked at for the first time and again.

use crate::bed::{Bed, Row, ms};

const STEPS: usize = 10_000;

pub fn long(bed: &Bed) -> Vec<Row> {
    bed.chain(STEPS, "agent: worker");
    let ended = bed.command(&["run", "chain", "--engine", "stub", "--run-id", "r"]).status().expect("the run starts");
    assert!(ended.success(), "{ended}");
    let lines = bed.journal("r").len() as u64;
    let mut rows = Vec::new();
    for (what, path) in [
        ("the run's page", "/runs/r".to_owned()),
        ("its last rows", format!("/runs/r?flow=chain&from={}", STEPS - 100)),
        ("a step's page", "/runs/r/step?step=s9999".to_owned()),
        ("the API's status, whole", "/api/v1/runs/r".to_owned()),
        ("the evidence", "/runs/r/evidence".to_owned()),
        ("the diagnosis", "/runs/r/diagnosis".to_owned()),
    ] {
        // Each first look is that of a studio that has just been started.
        let studio = bed.serve();
        let (status, bytes, first) = studio.door.get(&path);
        assert_eq!(status, 200, "{path}");
        let again = (0..5).map(|_| studio.door.get(&path).2).min().unwrap_or_default();
        let (most, _) = studio.memory();
        let beside = format!("again {}, {} KiB, studio {most}", ms(again), bytes / 1024);
        rows.push(Row::new(format!("{STEPS} steps: {what}"), ms(first), "≤ 1 s", beside));
    }
    let studio = bed.serve();
    let start = std::time::Instant::now();
    let mut seen = 0;
    studio.door.events("r", None, |seq, _| {
        assert_eq!(seq, seen + 1, "an event is missing");
        seen = seq;
        seq < lines
    });
    rows.push(Row::new(format!("{STEPS} steps: all {lines} events"), ms(start.elapsed()), "≤ 1 s", studio.memory().0));
    let start = std::time::Instant::now();
    studio.door.events("r", Some(lines - 1), |_, _| false);
    rows.push(Row::new(format!("{STEPS} steps: the last event, for whoever knows the one before"), ms(start.elapsed()), "", ""));
    rows
}
