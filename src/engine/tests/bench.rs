use std::time::{Duration, Instant};

use super::*;

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The cost of a step besides its process. A generous bound: what is held is the order of magnitude.
#[tokio::test]
async fn a_trivial_step_costs_little_above_its_process() {
    let rounds = 300;
    let bed = Bed::shell(":").with(|job| job.keep = Keep::default());
    let (mut plain, mut step) = (Vec::new(), Vec::new());
    let (outlet, mut receiver) = Outlet::bounded();
    for _ in 0..rounds {
        let start = Instant::now();
        std::process::Command::new("/bin/sh").args(["-eu", "-c", ":"]).env_clear().status().unwrap();
        plain.push(start.elapsed());
        let job = bed.job.clone();
        let start = Instant::now();
        perform(job, &bed.redactor, outlet.clone(), Stop::never()).await;
        step.push(start.elapsed());
    }
    assert!(receiver.try_recv().is_err());
    let (plain, step) = (median(plain), median(step));
    println!("std::process {plain:?}, perform {step:?}, overhead {:?}", step.saturating_sub(plain));
    assert!(step < plain * 3 + Duration::from_millis(3), "{plain:?} became {step:?}");
}

#[tokio::test]
async fn redaction_keeps_up_with_a_pipe() {
    let mut bed =
        Bed::shell("yes 'a line of a log as programs print them, with https://example.com/a?b=c in it' | head -c 200000000");
    bed.job.keep = Keep::default();
    bed.redactor = Redactor::new(&[("KEY".to_owned(), "a-very-secret-value-indeed".to_owned())]).unwrap();
    let start = Instant::now();
    let out = bed.run().await;
    let seconds = start.elapsed().as_secs_f64();
    println!("{:.0} MB/s", 200.0 / seconds);
    assert_eq!(out.reply.commands[0].stdout_bytes, 200_000_000);
}
