//! What a run costs: many of them, a resumed one, a short one, its memory and its files.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    Row,
    bed::{apparent, installed, pair, receipts, steps_chain, stub_flow, studio, timed, write_flow},
    mib, shown,
};

pub fn many(dir: &Path) -> Vec<Row> {
    let runs = 200;
    write_flow(dir, "chain", &steps_chain(10, "run: ':'"));
    let (program, floor) = (installed().program.display(), installed().floor.display());
    let shell = |line: String| {
        let mut command = Command::new("sh");
        command.args(["-c", &line]).current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null());
        command
    };
    let floor_one = format!("{floor} --floor-run");
    let alone = pair(
        |round| timed(shell(format!("for i in $(seq {runs}); do {program} -q run chain --run-id a{round}-$i || exit 1; done"))),
        |round| timed(shell(format!("for i in $(seq {runs}); do {floor_one} f{round}-$i || exit 1; done"))),
    );
    let together = pair(
        |round| timed(shell(format!("seq {runs} | xargs -P8 -I@ {program} -q run chain --run-id b{round}-@"))),
        |round| timed(shell(format!("seq {runs} | xargs -P8 -I@ {floor_one} g{round}-@"))),
    );
    receipts(dir, &format!("b0-{runs}"), "chain", 10);
    vec![
        Row::against(alone, format!("{runs} runs of 10 steps, one after the other"), "≤ 1.5 ×"),
        Row::against(together, format!("{runs} runs of 10 steps, eight at a time"), "≤ 1.5 ×"),
    ]
}

pub fn resume(dir: &Path) -> Vec<Row> {
    let n = 1000;
    let mut text = steps_chain(n, "run: ':'");
    // Step 900 stops the run the first time: the process is killed while it waits. The second time it tells the time.
    let waits = "if test -e go; then date +%s%N > resumed; else touch at900; sleep 600; fi";
    text = text.replace("  - {id: s900, run: ':'}\n", &format!("  - {{id: s900, run: '{waits}'}}\n"));
    text = text.replace("  - {id: s901, run: ':'}\n", "  - {id: s901, run: 'exit 1'}\n");
    write_flow(dir, "chain", &text);
    let mut child = studio(dir, &["run", "chain", "--run-id", "r"]).spawn().expect("the run starts");
    while !dir.join("at900").exists() {
        std::thread::yield_now();
    }
    child.kill().expect("a kill");
    child.wait().expect("its end");
    fs::write(dir.join("go"), "").expect("the mark");
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let start = now();
    studio(dir, &["resume", "r"]).status().expect("the resume starts");
    let told = fs::read_to_string(dir.join("resumed")).expect("the step ran");
    let took = Duration::from_nanos(told.trim().parse().expect("a time")).saturating_sub(start);
    let name = "1,000 steps killed at 900: from `resume` until the step runs again, start and load counted";
    vec![Row::figure(name, shown(took), "replay ≤ 50 ms")]
}

pub fn cold(dir: &Path) -> Vec<Row> {
    write_flow(dir, "chain", &steps_chain(1, "run: ':'"));
    let mut times: Vec<Duration> =
        (0..15).map(|round| timed(studio(dir, &["run", "chain", "--run-id", &format!("k{round}")]))).collect();
    times.sort();
    let row = Row::figure("one-step flow, cold start to exit (median of 15)", shown(times[7]), "≤ 15 ms");
    vec![row.beside(format!("best {}", shown(times[0])))]
}

pub fn memory(dir: &Path) -> Vec<Row> {
    stub_flow(dir, 10_000);
    let program = installed().program.display();
    let script = format!(
        "{program} -q run chain --engine stub --run-id m & pid=$!; peak=0; while kill -0 $pid 2>/dev/null; do \
        now=$(sed -n 's/^VmHWM:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/$pid/status 2>/dev/null); [ -n \"$now\" ] && peak=$now; done; wait $pid; echo $peak"
    );
    let out = Command::new("sh").args(["-c", &script]).current_dir(dir).stdin(Stdio::null()).output().expect("sh starts");
    let kib: u64 = String::from_utf8_lossy(&out.stdout).trim().parse().unwrap_or(0);
    vec![Row::figure("peak memory, 10,000-step flow", mib(kib * 1024), "≤ 64 MiB")]
}

pub fn scenarios(dir: &Path) -> Vec<Row> {
    let n = 2000;
    stub_flow(dir, 10);
    fs::create_dir_all(dir.join("flows/tests")).expect("a tests directory");
    for at in 0..n {
        let text = "flow: chain\nsteps: {s3: [{status: VERIFIED}]}\nexpect: {ends: succeeded}\n";
        fs::write(dir.join(format!("flows/tests/t{at}.scenario.yaml")), text).expect("a scenario");
    }
    let took = timed(studio(dir, &["test"]));
    let rate = f64::from(n) / took.as_secs_f64();
    let name = format!("`flow-studio test`, {n} scenarios of 10 steps");
    vec![Row::figure(name, format!("{rate:.0} a second"), "≥ 2,000 a second")]
}

pub fn disk(dir: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut before = (0, 0);
    for n in [1, 10, 1000, 10_000] {
        stub_flow(dir, n);
        let id = format!("d{n}");
        timed(studio(dir, &["run", "chain", "--engine", "stub", "--run-id", &id]));
        let run = dir.join("run_base").join(&id);
        let frozen = apparent(&run.join("frozen"));
        let bytes = apparent(&run) - frozen;
        if n > 1 {
            let each = (bytes - before.1) / (n as u64 - before.0);
            let name = format!("disk per trivial step, steps {} to {n}", before.0 + 1);
            rows.push(Row::figure(name, format!("{each} bytes"), "≤ 8 KiB"));
        }
        before = (n as u64, bytes);
    }
    rows
}
