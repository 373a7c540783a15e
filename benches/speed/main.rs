//! What a run costs beside the least it could cost: `make bench` prints the table of benches/README.md.
//! In: the release binary, a scratch directory on a real disk. Out: figures, each held against a floor of the same run.
//! Never: a timed test; numbers live here and fail nothing.

mod agents;
mod bed;
mod runs;
mod steps;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// One measured workload, as it is printed.
#[derive(Default)]
struct Row {
    name: String,
    ours: String,
    floor: String,
    ratio: String,
    target: &'static str,
    beside: String,
}

impl Row {
    fn figure(name: impl Into<String>, ours: String, target: &'static str) -> Self {
        Self { name: name.into(), ours, target, ..Self::default() }
    }
    fn against((ours, floor): (Duration, Duration), name: impl Into<String>, target: &'static str) -> Self {
        let ratio = format!("{:.2} ×", ours.as_secs_f64() / floor.as_secs_f64());
        Self { name: name.into(), ours: shown(ours), floor: shown(floor), ratio, target, beside: String::new() }
    }
    fn beside(mut self, beside: String) -> Self {
        self.beside = beside;
        self
    }
}

type Workload = fn(&Path) -> Vec<Row>;

/// What can be measured in processor time, on a machine with other things to do: `--cpu`.
const COUNTED: [&str; 4] = ["chain", "wide", "stub", "many"];

const ALL: [(&str, Workload); 10] = [
    ("chain", steps::chain),
    ("wide", steps::wide),
    ("stub", steps::stub),
    ("agents", agents::agents),
    ("many", runs::many),
    ("resume", runs::resume),
    ("cold", runs::cold),
    ("memory", runs::memory),
    ("test", runs::scenarios),
    ("disk", runs::disk),
];

fn main() {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some("--floor-run") {
        return bed::floor_run(&args.next().expect("a file name"));
    }
    let only: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let at = std::env::args().find_map(|arg| arg.strip_prefix("--at=").map(PathBuf::from)).unwrap_or_else(usual_place);
    if at.canonicalize().is_ok_and(|at| at.ancestors().any(|dir| dir.join(".git").exists())) {
        eprintln!("{}: in a git repository, where each run asks git how it stands and the floor does not", at.display());
    }
    let cpu = std::env::args().any(|arg| arg == "--cpu");
    if cpu {
        bed::CPU.get_or_init(|| ());
        println!("Processor time, of all processes together:\n");
    }
    let scratch = tempfile::Builder::new().prefix("speed-").tempdir_in(at).expect("a scratch directory");
    bed::install(&scratch.path().join("bin"));
    println!("At {}:\n", scratch.path().parent().unwrap_or(scratch.path()).display());
    println!("| workload | ours | floor | ratio | target | beside it |\n| --- | --- | --- | --- | --- | --- |");
    print(&small_files(scratch.path(), "before"));
    let wanted = |name: &str| (only.is_empty() || only.iter().any(|one| one == name)) && (!cpu || COUNTED.contains(&name));
    for (name, work) in ALL.into_iter().filter(|(name, _)| wanted(name)) {
        let dir = scratch.path().join(name);
        fs::create_dir(&dir).expect("a fresh directory");
        work(&dir).iter().for_each(print);
    }
    print(&small_files(scratch.path(), "after"));
    let size = fs::metadata(&bed::installed().program).map_or(0, |meta| meta.len());
    print(&Row::figure("release binary", mib(size), "≤ 25 MiB"));
}

/// Says in what state the disk is: a step leaves three such files, the floor none.
fn small_files(scratch: &Path, when: &str) -> Row {
    let micros = bed::small_file(&scratch.join(format!("small-{when}"))).as_secs_f64() * 1e6;
    Row::figure(format!("a file of 1,600 bytes, made where there is none, {when}"), format!("{micros:.0} µs"), "")
}

/// A disk that is used as disks are, in no repository. What is in `/tmp` may be in memory, and a sync costs nothing there.
fn usual_place() -> PathBuf {
    let place = PathBuf::from("/var/tmp");
    if place.is_dir() { place } else { bed::target_dir() }
}

fn print(row: &Row) {
    let Row { name, ours, floor, ratio, target, beside } = row;
    println!("| {name} | {ours} | {floor} | {ratio} | {target} | {beside} |");
}

fn shown(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{:.1} ms", time.as_secs_f64() * 1e3)
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a size for a table")]
fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1024.0 / 1024.0)
}
