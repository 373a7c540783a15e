//! Looks at the files that a question shows, so that its digest covers them.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use sha2::Digest as _;

use crate::{
    id::{FramePath, Sha256},
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
    question
        .shown
        .iter()
        .map(|shown| one(&evidence_path(run_base, workspace, &question.flow_path, &shown.path), &shown.path))
        .collect()
}

/// What was shown when an answer was given and is another now.
pub(super) fn changed_since(run_base: &Path, workspace: &Path, question: &Question) -> Vec<String> {
    let now = look(run_base, workspace, question);
    question.shown.iter().zip(now).filter(|(then, now)| *then != now).map(|(then, _)| then.path.clone()).collect()
}

/// Files that somebody names as evidence, as they stand now.
pub fn look_at(run_base: &Path, workspace: &Path, flow: &FramePath, paths: &[String]) -> Vec<Shown> {
    paths.iter().map(|path| one(&evidence_path(run_base, workspace, flow, path), path)).collect()
}

fn one(file: &Path, path: &str) -> Shown {
    let absent = Shown { path: path.to_owned(), exists: false, sha256: None, bytes: None };
    let Ok(mut file) = File::open(file) else { return absent };
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0_u8; 64 * 1024];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                hasher.update(&buffer[..n]);
                bytes += n as u64;
            }
            Err(_) => return absent,
        }
    }
    Shown { path: path.to_owned(), exists: true, sha256: Some(Sha256::from_raw(&hasher.finalize())), bytes: Some(bytes) }
}
