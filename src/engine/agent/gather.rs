//! The files that a brief names, read for the prompt.
//! In: paths of the flow. Out: their texts, or why not; what lies in the artifacts. Never: more of a file than a prompt
//! could hold.

use std::io::Read as _;

use crate::{
    context::{Brief, FileText},
    measure::Roots,
};

/// Several times what a prompt holds; the rest is marked as cut.
const FILE_BYTES_MAX: u64 = 256 * 1024;
/// Lines of the list of artifacts.
const ARTIFACTS_MAX: usize = 100;

/// Texts of `read_first`, `context.include` and `inputs`, each once, in this order. Blocks.
pub(super) fn files(brief: &Brief, roots: &Roots) -> Vec<FileText> {
    let mut found: Vec<FileText> = Vec::new();
    for path in brief.read_first.iter().chain(&brief.include).chain(&brief.inputs) {
        if !found.iter().any(|file| file.path == *path) {
            let (text, bytes) = match read(roots, path) {
                Ok((text, bytes)) => (Ok(text), bytes),
                Err(why) => (Err(why), 0),
            };
            found.push(FileText { path: path.clone(), text, bytes });
        }
    }
    found
}

fn read(roots: &Roots, path: &str) -> Result<(String, u64), String> {
    let real = roots.find(path).map_err(|why| why.to_string())?;
    let meta = real.metadata().map_err(|error| format!("cannot be read: {error}"))?;
    if meta.is_dir() {
        return Err("is a directory; look into it with your tools".to_owned());
    }
    if !meta.is_file() {
        return Err("is neither a file nor a directory".to_owned());
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(&real).map_err(|error| format!("cannot be read: {error}"))?;
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.contains(&0) {
        return Err(format!("is not text: {} bytes", meta.len()));
    }
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if meta.len() > FILE_BYTES_MAX {
        // The last character may have been cut in two.
        text.truncate(text.trim_end_matches('\u{fffd}').len());
    }
    Ok((text, meta.len()))
}

/// What lies in the flow's artifacts, a line each. Blocks.
pub(super) fn artifacts(roots: &Roots) -> Vec<String> {
    let base = roots.flow_dir.join("artifacts");
    let walk = walkdir::WalkDir::new(&base).sort_by_file_name().into_iter().flatten();
    let mut lines = Vec::new();
    for entry in walk.filter(|entry| entry.file_type().is_file()) {
        if lines.len() == ARTIFACTS_MAX {
            lines.push(format!("[TRUNCATED: more than {ARTIFACTS_MAX} files; list_files shows them]"));
            break;
        }
        let name = entry.path().strip_prefix(&base).unwrap_or(entry.path()).to_string_lossy().into_owned();
        let bytes = entry.metadata().map_or(0, |meta| meta.len());
        lines.push(format!("artifacts/{name} ({bytes} bytes)"));
    }
    lines
}
