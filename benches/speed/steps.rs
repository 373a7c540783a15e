//! What a step costs, in a chain, side by side, and in memory alone.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
};

use crate::{
    Row,
    bed::{Floor, pair, receipts, span, spawn_and_wait, steps_chain, stub_flow, studio, timed, write_flow},
    shown,
};

pub fn chain(dir: &Path) -> Vec<Row> {
    let n = 1000;
    write_flow(dir, "chain", &steps_chain(n, "run: ':'"));
    let make: String = (0..n).fold(format!("all: s{}\n", n - 1), |mut text, at| {
        let needs = if at == 0 { String::new() } else { format!("s{}", at - 1) };
        let _ = write!(text, ".PHONY: s{at}\ns{at}: {needs}\n\t@sh -eu -c :\n");
        text
    });
    fs::write(dir.join("Makefile"), make).expect("a makefile");
    let times = pair(
        |round| timed(studio(dir, &["run", "chain", "--run-id", &format!("c{round}")])),
        |round| {
            let mut file = Floor::new(dir, &format!("floor{round}"));
            span(|| {
                for _ in 0..n {
                    spawn_and_wait();
                    file.append(1);
                }
            })
        },
    );
    receipts(dir, "c0", "chain", n);
    let make = timed(gnu_make(dir, 1));
    let name = format!("chain of {n} `run: \":\"` steps");
    vec![Row::against(times, name, "≤ 1.3 ×").beside(format!("make {}", shown(make)))]
}

pub fn gnu_make(dir: &Path, jobs: usize) -> Command {
    let mut command = Command::new("make");
    command.arg(format!("-j{jobs}")).current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

pub fn wide(dir: &Path) -> Vec<Row> {
    let (n, jobs) = (1000, 8);
    let mut text = format!("flow: wide\njobs: {jobs}\nsteps:\n");
    let mut make = String::from("all:");
    for at in 0..n {
        let _ = writeln!(text, "  - {{id: s{at}, needs: [], run: ':'}}");
        let _ = write!(make, " s{at}");
    }
    let names: Vec<String> = (0..n).map(|at| format!("s{at}")).collect();
    let _ = writeln!(text, "  - {{id: join, needs: [{}], run: ':'}}", names.join(", "));
    for at in 0..n {
        let _ = write!(make, "\n.PHONY: s{at}\ns{at}:\n\t@sh -eu -c :\n");
    }
    write_flow(dir, "wide", &text);
    fs::write(dir.join("Makefile"), make).expect("a makefile");
    let times = pair(
        |round| timed(studio(dir, &["run", "wide", "--run-id", &format!("w{round}")])),
        |round| {
            let mut file = Floor::new(dir, &format!("floor{round}"));
            let work = std::sync::Mutex::new(0..=n);
            span(|| {
                std::thread::scope(|scope| {
                    let (done, ended) = mpsc::channel();
                    for _ in 0..jobs {
                        let (done, work) = (done.clone(), &work);
                        scope.spawn(move || {
                            while work.lock().expect("no panic under the lock").next().is_some() {
                                spawn_and_wait();
                                done.send(()).expect("the writer listens");
                            }
                        });
                    }
                    drop(done);
                    // Whatever has ended by now is written and synced together.
                    while ended.recv().is_ok() {
                        let more = ended.try_iter().count();
                        file.append(1 + more);
                    }
                });
            })
        },
    );
    receipts(dir, "w0", "wide", n + 1);
    let make = timed(gnu_make(dir, jobs));
    let name = format!("{n} independent `run: \":\"` steps, jobs {jobs}, one join");
    vec![Row::against(times, name, "≤ 1.3 ×").beside(format!("make -j{jobs} {}", shown(make)))]
}

pub fn stub(dir: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut per_step = Vec::new();
    for n in [1000_u16, 10_000] {
        let here = dir.join(n.to_string());
        fs::create_dir(&here).expect("a fresh directory");
        stub_flow(&here, n.into());
        let times = pair(
            |round| timed(studio(&here, &["run", "chain", "--engine", "stub", "--run-id", &format!("s{round}")])),
            |round| {
                let mut file = Floor::new(&here, &format!("floor{round}"));
                span(|| (0..n).for_each(|_| file.append(1)))
            },
        );
        receipts(&here, "s0", "chain", n.into());
        let each = times.0.as_secs_f64() / f64::from(n) * 1e6;
        per_step.push(each);
        let row = Row::against(times, format!("chain of {n} stub steps"), "≤ 1.5 ×");
        rows.push(row.beside(format!("{each:.0} µs per step")));
    }
    let ratio = format!("{:.2} ×", per_step[1] / per_step[0]);
    rows.push(Row { ratio, ..Row::figure("time per step at 10,000 against 1,000", String::new(), "≤ 1.10 ×") });
    rows
}
