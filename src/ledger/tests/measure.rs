//! What it costs. Figures are printed (`--nocapture`); the bounds are wide, they only hold the order of magnitude.

use std::{
    fs,
    time::{Duration, Instant},
};

use super::{
    build::{Place, at, created, definition, ended, flow, holder, started, time},
    disk::files,
};
use crate::{
    ledger::{Frozen, Journal, Lock, Past, Projector, Reader},
    record::Stream,
    redact::Clean,
};

fn us_each(took: Duration, n: u32) -> u128 {
    (took / n).as_nanos() / 100
}

#[test]
fn the_cost_of_a_step_is_bounded() {
    const STEPS: u32 = 200;
    let place = Place::new();
    let run = place.run();
    let lock = Lock::take(&run, &holder()).unwrap();
    let begun = Instant::now();
    let mut journal = Journal::create(&run, &lock).unwrap();
    journal.push(time(0), Clean::for_test(created())).unwrap();
    journal.commit().unwrap();
    println!("create and first commit   {:>7} us", begun.elapsed().as_micros());

    let begun = Instant::now();
    let text = || Clean::for_test(vec![b'x'; 2000]);
    let frozen: Vec<_> = (0..5).map(|n| (format!("agents/a{n}.md"), text())).collect();
    drop(Frozen::write(&run, &flow(), 1, &definition(), &frozen).unwrap());
    println!("freeze 5 files            {:>7} us", begun.elapsed().as_micros());

    let name = |n: u32| format!("step-{n}");
    let lines: Vec<_> = (1..=STEPS).flat_map(|n| [started(&name(n), n), ended(&name(n), n)]).map(Clean::for_test).collect();
    let mut entries = Vec::new();
    let (mut pushing, mut committing) = (Duration::ZERO, Duration::ZERO);
    for line in lines {
        let begun = Instant::now();
        entries.push(journal.push(time(1), line).unwrap());
        pushing += begun.elapsed();
        let begun = Instant::now();
        journal.commit().unwrap();
        committing += begun.elapsed();
    }
    println!("push, per line            {:>7} us/10", us_each(pushing, 2 * STEPS));
    println!("commit, per line          {:>7} us/10", us_each(committing, 2 * STEPS));
    drop(journal);
    let journal_bytes = fs::metadata(run.path(&run.journal())).unwrap().len();

    let begun = Instant::now();
    let mut past = Past::new(&run);
    assert_eq!(Reader::open(&run).unwrap().map(|entry| past.note(&entry.unwrap())).count(), 2 * STEPS as usize + 1);
    let replay = begun.elapsed();
    println!("replay, per line          {:>7} us/10", us_each(replay, 2 * STEPS));
    assert!(replay < Duration::from_secs(5));

    let projector = Projector::start(&run).unwrap();
    let begun = Instant::now();
    projector.send(past_first(&run));
    for entry in &entries {
        projector.send(entry.clone());
    }
    projector.flush().unwrap();
    println!("project, per step         {:>7} us/10", us_each(begun.elapsed(), STEPS));

    let begun = Instant::now();
    for n in 0..1000 {
        let path = format!("build/logs/step-1.{}.stdout", n % 4);
        projector.output(at("step-1"), Stream::Stdout, &path, Clean::for_test(b"a line of output\n".to_vec())).unwrap();
    }
    projector.flush().unwrap();
    println!("output, per piece         {:>7} us/10", us_each(begun.elapsed(), 1000));
    projector.finish().unwrap();
    let bytes: u64 = files(&run.base().join("build")).values().map(|bytes| bytes.len() as u64).sum();
    let per_step = (bytes + journal_bytes) / u64::from(STEPS);
    println!("bytes, per step           {per_step:>7}, of it journal {}", journal_bytes / u64::from(STEPS));
    assert!(per_step < 8 * 1024, "a trivial step leaves at most 8 KiB");

    let begun = Instant::now();
    let report = crate::ledger::verify(&run).unwrap();
    assert_eq!(report.executions, u64::from(STEPS));
    println!("verify, per step          {:>7} us/10", us_each(begun.elapsed(), STEPS));
}

fn past_first(run: &crate::ledger::RunDir) -> std::sync::Arc<crate::record::Entry> {
    std::sync::Arc::new(Reader::open(run).unwrap().next().unwrap().unwrap())
}
