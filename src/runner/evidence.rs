//! Looks at the files that a question shows, so that its digest covers them.
//! In: paths as flows and people write them. Out: size and digest of each, and how one that follows from the journal differs from it.
//! Never: a file that a link leads to out of the run and its workspace, a wait for a pipe.

use std::path::{Path, PathBuf};

use crate::{
    id::FramePath,
    ledger::{InRun, RunDir, unlike},
    measure::digest,
    record::{Question, Shown},
};

/// Where a shown path stands: what the flow made is in its own directory, everything else in the workspace.
pub fn evidence_path(run_base: &Path, workspace: &Path, flow: &FramePath, path: &str) -> PathBuf {
    let ours = ["artifacts/", "snapshots/", "receipts/", "handoffs/", "logs/", "routing/"];
    if ours.iter().any(|prefix| path.starts_with(prefix)) {
        run_base.join(flow.as_str()).join(path)
    } else {
        workspace.join(path)
    }
}

/// The evidence of a question as it stands now.
pub fn look(run: &RunDir, workspace: &Path, question: &Question) -> Vec<Shown> {
    let flow = &question.flow_path;
    let mut shown: Vec<Shown> = question.shown.iter().map(|then| one(run.base(), workspace, flow, &then.path)).collect();
    let mut unknown = Vec::new();
    for (then, now) in question.shown.iter().zip(&mut shown) {
        if then.exists && same_file(then, now) {
            now.differs.clone_from(&then.differs);
        } else {
            unknown.push(now);
        }
    }
    hold_against_the_journal(run, workspace, flow, unknown);
    shown
}

/// What was shown when an answer was given and is another now.
pub(super) fn changed_since(run_base: &Path, workspace: &Path, question: &Question) -> Vec<String> {
    let is_another = |then: &&Shown| !same_file(then, &one(run_base, workspace, &question.flow_path, &then.path));
    question.shown.iter().filter(is_another).map(|then| then.path.clone()).collect()
}

/// Files that somebody names as evidence, as they stand now.
pub fn look_at(run: &RunDir, workspace: &Path, flow: &FramePath, paths: &[String]) -> Vec<Shown> {
    let mut shown: Vec<Shown> = paths.iter().map(|path| one(run.base(), workspace, flow, path)).collect();
    hold_against_the_journal(run, workspace, flow, shown.iter_mut().collect());
    shown
}

fn same_file(then: &Shown, now: &Shown) -> bool {
    (then.exists, &then.sha256, then.bytes) == (now.exists, &now.sha256, now.bytes)
}

/// A step may write what lies in the run: a receipt that it wrote itself is no evidence of what the receipt says.
fn hold_against_the_journal(run: &RunDir, workspace: &Path, flow: &FramePath, shown: Vec<&mut Shown>) {
    let place = |one: &Shown| in_run(run.base(), &evidence_path(run.base(), workspace, flow, &one.path));
    let placed: Vec<(InRun, &mut Shown)> = shown.into_iter().filter_map(|one| Some((place(one)?, one))).collect();
    let places: Vec<InRun> = placed.iter().map(|(place, _)| place.clone()).collect();
    let found = unlike(run, &places);
    for (place, one) in placed {
        one.differs = match &found {
            Ok(found) => found.get(&place).map(|kind| kind.words().to_owned()),
            Err(_) => Some("cannot be held against the journal, which cannot be read".to_owned()),
        };
    }
}

/// Where a file lies in the run, if it does.
fn in_run(run_base: &Path, path: &Path) -> Option<InRun> {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let homes = [run_base.canonicalize().ok(), Some(run_base.to_owned())];
    homes.iter().flatten().find_map(|home| InRun::new(real.strip_prefix(home).ok()?.to_str()?).ok())
}

fn one(run_base: &Path, workspace: &Path, flow: &FramePath, path: &str) -> Shown {
    let there = found(run_base, workspace, flow, path).and_then(|place| digest(&place).ok());
    let absent = Shown::absent(path);
    match there {
        Some(there) => Shown { exists: true, sha256: Some(there.sha256), bytes: Some(there.bytes), ..absent },
        None => absent,
    }
}

/// The place after all links. A path that says itself that it lies elsewhere means it; a link that leads there may be anybody's.
fn found(run_base: &Path, workspace: &Path, flow: &FramePath, path: &str) -> Option<PathBuf> {
    let place = evidence_path(run_base, workspace, flow, path);
    let real = place.canonicalize().ok()?;
    let plain = Path::new(path);
    let says_so = plain.is_absolute() || plain.components().any(|part| part == std::path::Component::ParentDir);
    let inside = [run_base, workspace].iter().filter_map(|home| home.canonicalize().ok()).any(|home| real.starts_with(home));
    ((says_so || inside) && real.metadata().ok()?.is_file()).then_some(real)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn a_link_out_of_the_run_and_its_workspace_and_a_pipe_are_no_evidence() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("runs/r/f/artifacts")).unwrap();
        fs::create_dir_all(at("work/plans")).unwrap();
        fs::write(at("outside"), "x").unwrap();
        fs::write(at("work/plans/today"), "x").unwrap();
        fs::write(at("runs/r/f/artifacts/a"), "x").unwrap();
        symlink(at("outside"), at("work/out")).unwrap();
        symlink(dir.path(), at("work/up")).unwrap();
        symlink("plans/today", at("work/in")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("work/pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        let flow = FramePath::new("f").unwrap();
        let look = |path: &str| one(&at("runs/r"), &at("work"), &flow, path).exists;
        for path in ["in", "plans/today", "artifacts/a"] {
            assert!(look(path), "{path}");
        }
        for path in ["out", "up/outside", "pipe", "plans", "nothing", ""] {
            assert!(!look(path), "{path}");
        }
        // Who writes the whole path knows what they write.
        assert!(look("../outside") && look(&at("outside").to_string_lossy()));
    }
}
