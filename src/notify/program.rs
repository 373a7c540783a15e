//! A notice for a program: JSON on its standard input, the most needed fields in its environment.

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
};

use super::{Notice, send::Failed};

/// Of what it says on standard error.
const WORDS_MAX: u64 = 2_000;

pub(super) async fn run(
    argv: &[String],
    notice: &Notice,
    env: &BTreeMap<String, String>,
    timeout: Duration,
) -> Result<(), Failed> {
    let failed = |message: String, again: bool| Failed { message, again };
    let (program, arguments) = argv.split_first().ok_or_else(|| failed("no program is named".to_owned(), false))?;
    let body = serde_json::to_vec(notice).map_err(|error| failed(error.to_string(), false))?;
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(env)
        .env("NOTICE_ID", &notice.id)
        .env("NOTICE_TEXT", &notice.text)
        .env("NOTICE_NEXT", &notice.next)
        .env("RUN_ID", notice.run_id.as_str())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("{program} could not be started: {error}"), false))?;
    let group = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    let work = async {
        if let Some(mut stdin) = child.stdin.take() {
            // A program that does not care to read is none the worse for it.
            let _ = stdin.write_all(&body).await;
        }
        let mut words = Vec::new();
        if let Some(stderr) = child.stderr.take() {
            let _ = stderr.take(WORDS_MAX).read_to_end(&mut words).await;
        }
        (child.wait().await, words)
    };
    let ended = tokio::time::timeout(timeout, work).await;
    // Whatever it left behind goes with it.
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    match ended {
        Err(_) => Err(failed(format!("{program} did not end in {} s", timeout.as_secs()), true)),
        Ok((Err(error), _)) => Err(failed(format!("{program}: {error}"), true)),
        Ok((Ok(status), _)) if status.success() => Ok(()),
        Ok((Ok(status), words)) => {
            let words = String::from_utf8_lossy(&words);
            let last = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            Err(failed(format!("{program} ended with {status}: {last}"), true))
        }
    }
}
