//! What every workload needs: flows, the program, clocks, and the floor it is held against.
//! The floor of a step is: spawn `sh -eu -c :` and wait for it, append 300 bytes to a file, and sync them (fdatasync). The floor
//! of a run is a process that makes its directory and does this ten times in it.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

const BUILT: &str = env!("CARGO_BIN_EXE_flow-studio");

pub fn target_dir() -> PathBuf {
    Path::new(BUILT).ancestors().nth(2).expect("the binary stands in target/release").to_owned()
}

/// The program, and the one that is the floor.
pub struct Installed {
    pub program: PathBuf,
    pub floor: PathBuf,
}

static INSTALLED: OnceLock<Installed> = OnceLock::new();

/// Both are copied, as whoever installs a program does. What a linker wrote lies page by page in the cache, and whatever runs from there takes
/// longer (benches/README.md).
pub fn install(dir: &Path) {
    fs::create_dir(dir).expect("a fresh directory");
    let copied = |from: &Path, name: &str| {
        let to = dir.join(name);
        fs::copy(from, &to).expect("a copy of the program");
        to
    };
    let me = std::env::current_exe().expect("this program");
    INSTALLED.get_or_init(|| Installed { program: copied(BUILT.as_ref(), "flow-studio"), floor: copied(&me, "floor") });
}

pub fn installed() -> &'static Installed {
    INSTALLED.get().expect("installed before the first workload")
}

pub fn write_flow(dir: &Path, name: &str, text: &str) {
    fs::create_dir_all(dir.join("flows")).expect("a flows directory");
    fs::write(dir.join("flows").join(format!("{name}.yaml")), text).expect("a flow file");
}

pub fn studio(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(&installed().program);
    command.args(args).arg("-q").current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
    command.env_clear().envs(std::env::vars().filter(|(name, _)| matches!(name.as_str(), "PATH" | "HOME" | "TMPDIR")));
    command
}

/// Set by `--cpu`: processor time is measured instead of time on the wall.
pub static CPU: OnceLock<()> = OnceLock::new();

/// How long it took.
pub fn span(work: impl FnOnce()) -> Duration {
    let (start, before) = (Instant::now(), CPU.get().map(|()| processor()));
    work();
    before.map_or_else(|| start.elapsed(), |before| processor().saturating_sub(before))
}

/// What this process and all its children that have ended took of the processors, in the hundredths of a second in which Linux
/// tells it.
fn processor() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux tells it");
    let (_, fields) = stat.rsplit_once(") ").expect("the name stands in brackets");
    let ticks: u64 = fields.split(' ').skip(11).take(4).map(|field| field.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 10)
}

pub fn timed(mut command: Command) -> Duration {
    span(|| {
        let status = command.status().expect("the command starts");
        assert!(status.success(), "{command:?}: {status}");
    })
}

/// A figure counts only if the work was done: so many steps of the flow have a receipt.
pub fn receipts(dir: &Path, run: &str, flow: &str, wanted: usize) {
    let there = fs::read_dir(dir.join("run_base").join(run).join(flow).join("receipts")).expect("receipts").count();
    assert_eq!(there, wanted, "receipts of {run}");
}

/// The middle of three interleaved measurements of each.
pub fn pair(mut ours: impl FnMut(usize) -> Duration, mut floor: impl FnMut(usize) -> Duration) -> (Duration, Duration) {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for round in 0..3 {
        a.push(ours(round));
        b.push(floor(round));
    }
    a.sort();
    b.sort();
    (a[1], b[1])
}

/// What it takes to leave a small file, here and now: the middle of 200.
pub fn small_file(dir: &Path) -> Duration {
    fs::create_dir(dir).expect("a fresh directory");
    let mut each: Vec<Duration> = (0..200)
        .map(|n| {
            let start = Instant::now();
            fs::write(dir.join(format!("{n}.json")), [b'x'; 1600]).expect("a file");
            start.elapsed()
        })
        .collect();
    each.sort();
    each[each.len() / 2]
}

pub fn spawn_and_wait() {
    let status = Command::new("sh").args(["-eu", "-c", ":"]).stdin(Stdio::null()).status().expect("sh starts");
    assert!(status.success());
}

pub struct Floor {
    file: File,
}

impl Floor {
    pub fn new(dir: &Path, name: &str) -> Self {
        Self { file: File::create(dir.join(name)).expect("a file for the floor") }
    }
    pub fn append(&mut self, lines: usize) {
        self.file.write_all(&vec![b'x'; 300 * lines]).expect("an append");
        self.file.sync_data().expect("a sync");
    }
}

pub fn steps_chain(n: usize, verb: &str) -> String {
    let mut text = String::from("flow: chain\nsteps:\n");
    for at in 0..n {
        let _ = writeln!(text, "  - {{id: s{at}, {verb}}}");
    }
    text
}

pub fn stub_flow(dir: &Path, n: usize) {
    fs::create_dir_all(dir.join("agents")).expect("an agents directory");
    fs::write(dir.join("agents/worker.md"), "---\nname: worker\ndescription: does nothing\n---\nDo nothing.\n")
        .expect("an agent");
    write_flow(dir, "chain", &steps_chain(n, "agent: worker"));
}

/// A program that does for one run of ten steps what must be done.
pub fn floor_run(name: &str) {
    fs::create_dir(name).expect("the run's directory");
    let mut file = Floor::new(Path::new(name), "journal");
    for _ in 0..10 {
        spawn_and_wait();
        file.append(1);
    }
}

/// Bytes of all files below, as `du --apparent-size` counts them.
pub fn apparent(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|entry| if entry.path().is_dir() { apparent(&entry.path()) } else { entry.metadata().map_or(0, |meta| meta.len()) })
        .sum()
}
