//! `read_file`, `write_file`, `edit_file`.
//! In: paths and texts as a model wrote them. Out: text for the model. Never: a half-written file, a binary shown.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::{
    engine::{Piece, Task, builtin::replace, contract::blocking},
    measure::Roots,
};

use super::{
    RESULT_BYTES_MAX,
    place::{Readable, may_write, relative},
};

/// Larger files are read by their lines, or by a command.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// What a model may write at once.
const WRITE_BYTES_MAX: usize = 4 * 1024 * 1024;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Read {
    path: String,
    #[serde(default, alias = "offset")]
    from_line: Option<usize>,
    #[serde(default, alias = "limit")]
    lines: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Write {
    path: String,
    content: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    path: String,
    old: String,
    new: String,
    #[serde(default)]
    all: bool,
}

pub(super) async fn read(roots: &Roots, asked: Read) -> Result<String, String> {
    let roots = roots.clone();
    blocking(move || {
        let path = relative(&roots, &asked.path)?;
        Ok(numbered(&path, &text(&roots, &path)?, asked.from_line.unwrap_or(1).max(1), asked.lines))
    })
    .await
}

/// The text of a file that is there. Blocks.
fn text(roots: &Roots, path: &str) -> Result<String, String> {
    let real = Readable::new(roots).existing(roots, path)?;
    let meta = real.metadata().map_err(|error| format!("`{path}` cannot be read: {error}"))?;
    if meta.is_dir() {
        return Err(format!("`{path}` is a directory; use list_files"));
    }
    if !meta.is_file() {
        return Err(format!("`{path}` is neither a file nor a directory"));
    }
    if meta.len() > FILE_BYTES_MAX {
        return Err(format!("`{path}` has {} bytes; use search, or run_command with sed or head", meta.len()));
    }
    let bytes = std::fs::read(&real).map_err(|error| format!("`{path}` cannot be read: {error}"))?;
    if bytes.contains(&0) {
        return Err(format!("`{path}` is not text: {} bytes", bytes.len()));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Lines with their numbers, as many as one result holds.
fn numbered(path: &str, text: &str, from: usize, lines: Option<usize>) -> String {
    let all = text.lines().count();
    let mut shown = String::new();
    let mut last = from.saturating_sub(1);
    for (at, line) in text.lines().enumerate().skip(from - 1).take(lines.unwrap_or(usize::MAX)) {
        // Room for the closing line.
        if shown.len() + line.len() + 128 > RESULT_BYTES_MAX {
            if shown.is_empty() {
                let cut = line.floor_char_boundary(RESULT_BYTES_MAX - 256);
                let _ = writeln!(shown, "{}\t{}[TRUNCATED: {} of {} bytes of this line]", at + 1, &line[..cut], cut, line.len());
                last = at + 1;
            }
            break;
        }
        let _ = writeln!(shown, "{}\t{line}", at + 1);
        last = at + 1;
    }
    if all == 0 {
        return format!("`{path}` is empty");
    }
    if from > all {
        return format!("`{path}` has {all} lines");
    }
    if from > 1 || last < all {
        let _ = writeln!(shown, "[lines {from} to {last} of {all}]");
    }
    shown
}

/// A name is seen by everybody who lists a directory, and nothing can redact it there.
fn holds_no_secret(task: &Task<'_>, path: &str) -> Result<(), String> {
    if *task.redactor.cow(path).get() == path { Ok(()) } else { Err("the path holds a secret; choose another name".to_owned()) }
}

pub(super) async fn write(task: &Task<'_>, roots: &Roots, asked: Write) -> Result<String, String> {
    holds_no_secret(task, &asked.path)?;
    let path = relative(roots, &asked.path)?;
    may_write(&path)?;
    put(task, roots, &path, asked.content).await
}

async fn put(task: &Task<'_>, roots: &Roots, path: &str, content: String) -> Result<String, String> {
    if content.len() > WRITE_BYTES_MAX {
        return Err(format!("{} bytes are too many; at most {WRITE_BYTES_MAX} are written", content.len()));
    }
    let told = format!("wrote {} bytes to `{path}`", content.len());
    if path.starts_with("artifacts/") {
        // What lies in the run goes through its one door, and is there when the model looks for it.
        let bytes = task.redactor.bytes(content.into_bytes());
        task.outlet.send(Piece::File { path: format!("{}/{path}", task.job.flow), bytes }).await;
        task.outlet.written().await;
        return Ok(told);
    }
    let (roots, name) = (roots.clone(), path.to_owned());
    let done = blocking(move || replace(&roots, &name, content.as_bytes())).await;
    done.map(|()| told).map_err(|error| format!("`{path}` cannot be written: {error}"))
}

pub(super) async fn edit(task: &Task<'_>, roots: &Roots, asked: Edit) -> Result<String, String> {
    holds_no_secret(task, &asked.path)?;
    let path = relative(roots, &asked.path)?;
    may_write(&path)?;
    if asked.old.is_empty() {
        return Err("`old` is empty; use write_file for a new file".to_owned());
    }
    let (its, name) = (roots.clone(), path.clone());
    let before = blocking(move || text(&its, &name)).await?;
    let places = before.matches(&asked.old).count();
    let after = match places {
        0 => return Err(format!("`old` does not stand in `{path}`; read it again, and give the text without line numbers")),
        1 => before.replacen(&asked.old, &asked.new, 1),
        _ if asked.all => before.replace(&asked.old, &asked.new),
        many => return Err(format!("`old` stands {many} times in `{path}`; give more of the text around it, or `all`: true")),
    };
    put(task, roots, &path, after).await?;
    Ok(format!("replaced {places} {} in `{path}`", if places == 1 { "place" } else { "places" }))
}
