//! Looks at the files that a question shows, so that its digest covers them.
//! In: paths as flows and people write them. Out: size and digest of each. Never: a file that a link leads to out of the run and its
//! workspace, a wait for a pipe.

use std::path::{Path, PathBuf};

use crate::{
    id::FramePath,
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
pub fn look(run_base: &Path, workspace: &Path, question: &Question) -> Vec<Shown> {
    question.shown.iter().map(|shown| one(run_base, workspace, &question.flow_path, &shown.path)).collect()
}

/// What was shown when an answer was given and is another now.
pub(super) fn changed_since(run_base: &Path, workspace: &Path, question: &Question) -> Vec<String> {
    let now = look(run_base, workspace, question);
    question.shown.iter().zip(now).filter(|(then, now)| *then != now).map(|(then, _)| then.path.clone()).collect()
}

/// Files that somebody names as evidence, as they stand now.
pub fn look_at(run_base: &Path, workspace: &Path, flow: &FramePath, paths: &[String]) -> Vec<Shown> {
    paths.iter().map(|path| one(run_base, workspace, flow, path)).collect()
}

fn one(run_base: &Path, workspace: &Path, flow: &FramePath, path: &str) -> Shown {
    let absent = Shown { path: path.to_owned(), exists: false, sha256: None, bytes: None };
    let Some(place) = found(run_base, workspace, flow, path) else { return absent };
    digest(&place).map_or(absent, |there| Shown {
        path: path.to_owned(),
        exists: true,
        sha256: Some(there.sha256),
        bytes: Some(there.bytes),
    })
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
