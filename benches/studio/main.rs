//! The studio under load: `cargo bench --bench studio` prints the studio's table of benches/README.md.
//! In: the release program, a scratch directory on a real disk. Out: figures, and a failure where an event was lost or doubled.
//! Never: a timed test; times live here and fail nothing.

mod bed;
mod crowd;
mod long;

use std::path::PathBuf;

use bed::Row;

type Workload = fn(&bed::Bed) -> Vec<Row>;

const ALL: [(&str, Workload); 3] = [("crowd", crowd::at_a_pace), ("rush", crowd::all_at_once), ("long", long::long)];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let only: Vec<&String> = args.iter().filter(|arg| !arg.starts_with("--")).collect();
    let said = |name: &str| args.iter().find_map(|arg| arg.strip_prefix(name).map(PathBuf::from));
    // `--at=DIR`: on another disk than the one that holds target/. `--program=PATH`: another build than this one.
    let program = said("--program=").unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_flow-studio")));
    let at = said("--at=").unwrap_or_else(|| program.ancestors().nth(2).expect("it stands in target/release").to_owned());
    let scratch = tempfile::Builder::new().prefix("studio-").tempdir_in(at).expect("a scratch directory");
    println!("| what | figure | target | beside it |\n| --- | --- | --- | --- |");
    for (name, work) in ALL.into_iter().filter(|(name, _)| only.is_empty() || only.iter().any(|one| one == name)) {
        let dir = scratch.path().join(name);
        std::fs::create_dir(&dir).expect("a fresh directory");
        for Row { name, figure, target, beside } in work(&bed::Bed { program: program.clone(), dir }) {
            println!("| {name} | {figure} | {target} | {beside} |");
        }
    }
}
