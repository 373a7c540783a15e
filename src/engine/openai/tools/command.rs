//! `run_command`: shell text in the workspace, in a process group of its own.
//! In: shell text and a limit of time. Out: exit code and output for the model; the command's record for the receipt.
//! Never: a group that outlives the call, standard input left open, output kept only in the conversation.

use std::{fmt::Write as _, time::Duration};

use serde::Deserialize;

use crate::{
    engine::{
        Task,
        process::End,
        shell::{Line, Want, shell},
        tap::Tapped,
    },
    rails,
    record::CommandRun,
};

const TIMEOUT_S: f64 = 120.0;
const TIMEOUT_S_MAX: f64 = 3600.0;
/// The beginning of each stream, for the model; its end comes from the tap.
const HEAD_BYTES_MAX: usize = 12 * 1024;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Run {
    command: String,
    #[serde(default, alias = "timeout")]
    timeout_s: Option<f64>,
}

/// `None`: the step was stopped, or its own time was up.
pub(super) async fn run(task: &Task<'_>, asked: Run, commands: &mut Vec<CommandRun>) -> Option<String> {
    // JSON has no number that is none, so the clamp holds.
    let limit = Duration::from_secs_f64(asked.timeout_s.unwrap_or(TIMEOUT_S).clamp(0.01, TIMEOUT_S_MAX));
    let own = task.within(limit);
    let id = format!("tool-{}", commands.len() + 1);
    let want = Want { stdout_head_bytes_max: HEAD_BYTES_MAX, stderr_head_bytes_max: HEAD_BYTES_MAX, ..Want::default() };
    let done = shell(&own, Line::Script(&asked.command), Some(&id), want).await;
    let mut told = match &done.ran.end {
        End::Exited(code) => format!("exit code {code}\n"),
        End::Signalled(signal) => format!("ended by signal {signal}\n"),
        End::TimedOut if task.is_late() => {
            commands.push(done.command);
            return None;
        }
        End::TimedOut => format!("not done after {} seconds, and ended\n", limit.as_secs_f64()),
        End::Stopped | End::Bitten(_) => {
            commands.push(done.command);
            return None;
        }
        End::Stuck => "it does not end, although it was killed\n".to_owned(),
        End::NotStarted(error) => format!("it did not start: {error}\n"),
    };
    for (name, stream) in [("stdout", &done.stdout), ("stderr", &done.stderr)] {
        if stream.bytes > 0 {
            let _ = write!(told, "--- {name}\n{}", shown(stream));
            if !told.ends_with('\n') {
                told.push('\n');
            }
        }
    }
    if done.ran.left_running {
        told.push_str("processes that it had started were still running; they were killed\n");
    }
    let denied = task.job.rail.fence().and_then(|fence| rails::told(fence, &done.stderr.tail_text()));
    if let (Some(denied), false) = (denied, matches!(done.ran.end, End::Exited(0))) {
        let _ = writeln!(told, "{denied}");
    }
    commands.push(done.command);
    Some(told)
}

/// All of a short stream; beginning and end of a long one, with a mark between that says where all of it is.
fn shown(stream: &Tapped) -> String {
    if let Some(whole) = stream.whole() {
        return String::from_utf8_lossy(whole).into_owned();
    }
    let head = String::from_utf8_lossy(&stream.head).into_owned();
    let tail = stream.tail_text();
    let path = stream.path.as_deref().unwrap_or("nowhere");
    let left_out = stream.bytes.saturating_sub((stream.head.len() + tail.len()) as u64);
    format!("{head}\n[TRUNCATED: {left_out} of {} bytes left out, full at {path}]\n{tail}", stream.bytes)
}
