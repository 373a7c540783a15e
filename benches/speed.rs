//! What a run costs beside the least it could cost: `make bench` prints the table of benches/README.md.
//! In: the release binary, a scratch directory on a real disk. Out: ratios, each against a floor measured in the same run.
//! Never: a timed test; numbers live here and fail nothing.
//!
//! The floor of a step is: spawn `sh -eu -c :` and wait for it, append 300 bytes to a file, and sync them (fdatasync).
#![expect(clippy::cast_precision_loss, reason = "figures for people, with a decimal or two")]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

const BIN: &str = env!("CARGO_BIN_EXE_flow-studio");

/// One measured workload.
struct Row {
    name: String,
    ours: Duration,
    floor: Option<Duration>,
    target: String,
    beside: String,
}

fn main() {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some("--floor-run") {
        return floor_run(&args.next().expect("a file name"));
    }
    let only: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let scratch = tempfile::Builder::new().prefix("speed-").tempdir_in(target_dir()).expect("a scratch directory under target");
    let here = scratch.path();
    type Workload = fn(&Path) -> Vec<Row>;
    let all: [(&str, Workload); 9] = [
        ("chain", chain),
        ("wide", wide),
        ("stub", stub),
        ("many", many),
        ("resume", resume),
        ("cold", cold),
        ("memory", memory),
        ("test", scenarios),
        ("disk", disk),
    ];
    println!("| workload | ours | floor | ratio | target | beside it |\n| --- | --- | --- | --- | --- | --- |");
    for (name, work) in all {
        if only.is_empty() || only.iter().any(|one| one == name) {
            let dir = here.join(name);
            fs::create_dir(&dir).expect("a fresh scratch directory");
            for row in work(&dir) {
                println!("{}", line(&row));
            }
        }
    }
    let size = fs::metadata(BIN).map_or(0, |meta| meta.len());
    println!("| release binary | {:.1} MiB | | | ≤ 25 MiB | |", mib(size));
}

fn target_dir() -> PathBuf {
    Path::new(BIN).ancestors().nth(2).expect("the binary stands in target/release").to_owned()
}

fn line(row: &Row) -> String {
    let ratio = row.floor.map_or(String::new(), |floor| format!("{:.2} ×", row.ours.as_secs_f64() / floor.as_secs_f64()));
    let floor = row.floor.map_or(String::new(), shown);
    format!("| {} | {} | {floor} | {ratio} | {} | {} |", row.name, shown(row.ours), row.target, row.beside)
}

fn shown(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{:.1} ms", time.as_secs_f64() * 1e3)
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a size for a table")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}

fn write_flow(dir: &Path, name: &str, text: &str) {
    fs::create_dir_all(dir.join("flows")).expect("a flows directory");
    fs::write(dir.join("flows").join(format!("{name}.yaml")), text).expect("a flow file");
}

fn studio(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(BIN);
    command.args(args).arg("-q").current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
    command.env_clear().envs(std::env::vars().filter(|(name, _)| matches!(name.as_str(), "PATH" | "HOME" | "TMPDIR")));
    command
}

fn timed(mut command: Command) -> Duration {
    let start = Instant::now();
    let status = command.status().expect("the command starts");
    let took = start.elapsed();
    assert!(status.success(), "{command:?}: {status}");
    took
}

/// A figure counts only if the work was done: so many steps of the flow have a receipt.
fn receipts(dir: &Path, run: &str, flow: &str, wanted: usize) {
    let there = fs::read_dir(dir.join("run_base").join(run).join(flow).join("receipts")).expect("receipts").count();
    assert_eq!(there, wanted, "receipts of {run}");
}

/// The middle of three interleaved measurements of each.
fn pair(mut ours: impl FnMut(usize) -> Duration, mut floor: impl FnMut(usize) -> Duration) -> (Duration, Duration) {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for round in 0..3 {
        a.push(ours(round));
        b.push(floor(round));
    }
    a.sort();
    b.sort();
    (a[1], b[1])
}

fn spawn_and_wait() {
    let status = Command::new("sh").args(["-eu", "-c", ":"]).stdin(Stdio::null()).status().expect("sh starts");
    assert!(status.success());
}

struct Floor {
    file: File,
}

impl Floor {
    fn new(dir: &Path, name: &str) -> Self {
        Self { file: File::create(dir.join(name)).expect("a file for the floor") }
    }
    fn append(&mut self, lines: usize) {
        self.file.write_all(&vec![b'x'; 300 * lines]).expect("an append");
        self.file.sync_data().expect("a sync");
    }
}

fn steps_chain(n: usize, verb: &str) -> String {
    let mut text = String::from("flow: chain\nsteps:\n");
    for at in 0..n {
        let _ = writeln!(text, "  - {{id: s{at}, {verb}}}");
    }
    text
}

fn chain(dir: &Path) -> Vec<Row> {
    let n = 1000;
    write_flow(dir, "chain", &steps_chain(n, "run: ':'"));
    let make: String = (0..n).fold(format!("all: s{}\n", n - 1), |mut text, at| {
        let needs = if at == 0 { String::new() } else { format!("s{}", at - 1) };
        let _ = write!(text, ".PHONY: s{at}\ns{at}: {needs}\n\t@sh -eu -c :\n");
        text
    });
    fs::write(dir.join("Makefile"), make).expect("a makefile");
    let (ours, floor) = pair(
        |round| timed(studio(dir, &["run", "chain", "--run-id", &format!("c{round}")])),
        |round| {
            let mut file = Floor::new(dir, &format!("floor{round}"));
            let start = Instant::now();
            for _ in 0..n {
                spawn_and_wait();
                file.append(1);
            }
            start.elapsed()
        },
    );
    receipts(dir, "c0", "chain", n);
    let make = timed(gnu_make(dir, 1));
    vec![Row {
        name: format!("chain of {n} `run: \":\"` steps"),
        ours,
        floor: Some(floor),
        target: "≤ 1.3 ×".into(),
        beside: format!("make {}", shown(make)),
    }]
}

fn gnu_make(dir: &Path, jobs: usize) -> Command {
    let mut command = Command::new("make");
    command.arg(format!("-j{jobs}")).current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn wide(dir: &Path) -> Vec<Row> {
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
    let (ours, floor) = pair(
        |round| timed(studio(dir, &["run", "wide", "--run-id", &format!("w{round}")])),
        |round| {
            let mut file = Floor::new(dir, &format!("floor{round}"));
            let start = Instant::now();
            let work = std::sync::Mutex::new(0..=n);
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
            start.elapsed()
        },
    );
    receipts(dir, "w0", "wide", n + 1);
    let make = timed(gnu_make(dir, jobs));
    let beside = format!("make -j{jobs} {}", shown(make));
    vec![Row {
        name: format!("{n} independent `run: \":\"` steps, jobs {jobs}, one join"),
        ours,
        floor: Some(floor),
        target: "≤ 1.3 ×".into(),
        beside,
    }]
}

fn stub_flow(dir: &Path, n: usize) {
    fs::create_dir_all(dir.join("agents")).expect("an agents directory");
    fs::write(dir.join("agents/worker.md"), "---\nname: worker\ndescription: does nothing\n---\nDo nothing.\n")
        .expect("an agent");
    write_flow(dir, "chain", &steps_chain(n, "agent: worker"));
}

fn stub(dir: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut per_step = BTreeMap::new();
    for n in [1000, 10_000] {
        let here = dir.join(n.to_string());
        fs::create_dir(&here).expect("a fresh directory");
        stub_flow(&here, n);
        let (ours, floor) = pair(
            |round| timed(studio(&here, &["run", "chain", "--engine", "stub", "--run-id", &format!("s{round}")])),
            |round| {
                let mut file = Floor::new(&here, &format!("floor{round}"));
                let start = Instant::now();
                (0..n).for_each(|_| file.append(1));
                start.elapsed()
            },
        );
        receipts(&here, "s0", "chain", n);
        per_step.insert(n, ours.as_secs_f64() / n as f64 * 1e6);
        let beside = format!("{:.0} µs per step", per_step[&n]);
        rows.push(Row {
            name: format!("chain of {n} stub steps"), ours, floor: Some(floor), target: "≤ 1.5 ×".into(), beside
        });
    }
    let ratio = per_step[&10_000] / per_step[&1000];
    println!("| time per step at 10,000 against 1,000 | | | {ratio:.2} × | ≤ 1.10 × | |");
    rows
}

fn many(dir: &Path) -> Vec<Row> {
    let runs = 200;
    write_flow(dir, "chain", &steps_chain(10, "run: ':'"));
    let me = std::env::current_exe().expect("this program");
    let shell = |line: String| {
        let mut command = Command::new("sh");
        command.args(["-c", &line]).current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null());
        command
    };
    let floor_one = format!("{} --floor-run", me.display());
    let (ours, floor) = pair(
        |round| timed(shell(format!("for i in $(seq {runs}); do {BIN} -q run chain --run-id a{round}-$i || exit 1; done"))),
        |round| timed(shell(format!("for i in $(seq {runs}); do {floor_one} f{round}-$i || exit 1; done"))),
    );
    let one = Row {
        name: format!("{runs} runs of 10 steps, one after the other"),
        ours,
        floor: Some(floor),
        target: "≤ 1.5 ×".into(),
        beside: String::new(),
    };
    let (ours, floor) = pair(
        |round| timed(shell(format!("seq {runs} | xargs -P8 -I@ {BIN} -q run chain --run-id b{round}-@"))),
        |round| timed(shell(format!("seq {runs} | xargs -P8 -I@ {floor_one} g{round}-@"))),
    );
    vec![
        one,
        Row {
            name: format!("{runs} runs of 10 steps, eight at a time"),
            ours,
            floor: Some(floor),
            target: "≤ 1.5 ×".into(),
            beside: String::new(),
        },
    ]
}

/// A program that does for one run of ten steps what must be done.
fn floor_run(name: &str) {
    let mut file = Floor::new(Path::new("."), name);
    for _ in 0..10 {
        spawn_and_wait();
        file.append(1);
    }
}

fn resume(dir: &Path) -> Vec<Row> {
    let n = 1000;
    let mut text = steps_chain(n, "run: ':'");
    // Step 900 stops the run the first time: the process is killed while it waits.
    text = text.replace("  - {id: s900, run: ':'}\n", "  - {id: s900, run: 'test -e go || { touch at900; sleep 600; }'}\n");
    text = text.replace("  - {id: s901, run: ':'}\n", "  - {id: s901, run: 'date +%s%N > resumed'}\n");
    text = text.replace("  - {id: s902, run: ':'}\n", "  - {id: s902, run: 'exit 1'}\n");
    write_flow(dir, "chain", &text);
    let mut child = studio(dir, &["run", "chain", "--run-id", "r"]).spawn().expect("the run starts");
    while !dir.join("at900").exists() {
        std::thread::yield_now();
    }
    child.kill().expect("a kill");
    child.wait().expect("its end");
    fs::write(dir.join("go"), "").expect("the mark");
    let start = Instant::now();
    let mut again = studio(dir, &["resume", "r"]).spawn().expect("the resume starts");
    let first = loop {
        let text = fs::read_to_string(dir.join("resumed")).unwrap_or_default();
        if text.ends_with('\n') {
            break start.elapsed();
        }
        std::thread::yield_now();
    };
    again.wait().expect("its end");
    vec![Row {
        name: "resume of 1,000 steps killed at 900: until the second step after it has started".into(),
        ours: first,
        floor: None,
        target: "replay ≤ 50 ms".into(),
        beside: String::new(),
    }]
}

fn cold(dir: &Path) -> Vec<Row> {
    write_flow(dir, "chain", &steps_chain(1, "run: ':'"));
    let mut times: Vec<Duration> =
        (0..15).map(|round| timed(studio(dir, &["run", "chain", "--run-id", &format!("k{round}")]))).collect();
    times.sort();
    vec![Row {
        name: "one-step flow, cold start to exit (median of 15)".into(),
        ours: times[7],
        floor: None,
        target: "≤ 15 ms".into(),
        beside: format!("best {}", shown(times[0])),
    }]
}

fn memory(dir: &Path) -> Vec<Row> {
    stub_flow(dir, 10_000);
    let script = format!(
        "{BIN} -q run chain --engine stub --run-id m & pid=$!; peak=0; while kill -0 $pid 2>/dev/null; do \
        now=$(sed -n 's/^VmHWM:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/$pid/status 2>/dev/null); [ -n \"$now\" ] && peak=$now; done; wait $pid; echo $peak"
    );
    let out = Command::new("sh").args(["-c", &script]).current_dir(dir).stdin(Stdio::null()).output().expect("sh starts");
    let kib: u64 = String::from_utf8_lossy(&out.stdout).trim().parse().unwrap_or(0);
    println!("| peak memory, 10,000-step flow | {:.1} MiB | | | ≤ 64 MiB | |", mib(kib * 1024));
    Vec::new()
}

fn scenarios(dir: &Path) -> Vec<Row> {
    let n = 2000;
    stub_flow(dir, 10);
    fs::create_dir_all(dir.join("flows/tests")).expect("a tests directory");
    for at in 0..n {
        let text = "flow: chain\nsteps: {s3: [{status: VERIFIED}]}\nexpect: {ends: succeeded}\n";
        fs::write(dir.join(format!("flows/tests/t{at}.scenario.yaml")), text).expect("a scenario");
    }
    let took = timed(studio(dir, &["test"]));
    let rate = f64::from(n) / took.as_secs_f64();
    vec![Row {
        name: format!("`flow-studio test`, {n} scenarios of 10 steps"),
        ours: took,
        floor: None,
        target: "≥ 2,000 a second".into(),
        beside: format!("{rate:.0} a second"),
    }]
}

fn disk(dir: &Path) -> Vec<Row> {
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
            let per_step = (bytes - before.1) / (n as u64 - before.0);
            println!(
                "| disk per trivial step, steps {} to {n} | {:.2} KiB | | | ≤ 8 KiB | |",
                before.0 + 1,
                per_step as f64 / 1024.0
            );
        }
        before = (n as u64, bytes);
    }
    rows.clear();
    rows
}

/// Bytes of all files below, as `du --apparent-size` counts them.
fn apparent(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|entry| if entry.path().is_dir() { apparent(&entry.path()) } else { entry.metadata().map_or(0, |meta| meta.len()) })
        .sum()
}
