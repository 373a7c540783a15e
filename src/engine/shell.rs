//! Steps that run a command: `run` by the shell, `exec` without one.
//! In: a `Job` with its script or arguments. Out: a `Reply` with the command, its output and every check.
//! Never: a template filled in, a word of output believed.

use std::path::{Path, PathBuf};

use crate::{
    measure::{Ended, Watch, exit_check, json_check, text_check},
    rails::told,
    record::{Check, CommandRun, EngineWord, ErrorClass, Failure, FailureKind, Kept, Mode, Reply, ReplyOutcome, Stream},
    spec::StepField,
};

use super::{
    Job, Piece, Task,
    process::{self, Command, End, Ran, Started},
    tap::{Sink, Tap, Tapped},
};

pub(crate) const SHELL: &str = "/bin/sh";

/// What the shell is given for a step's text: it ends with the first command that fails, or with a name that is not set.
pub(crate) const fn shell_args(script: &str) -> [&str; 3] {
    ["-eu", "-c", script]
}

/// The program and arguments of one command.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Line<'l> {
    Script(&'l str),
    Argv(&'l [String]),
}

/// One command that ended, with its output.
#[derive(Debug)]
pub(crate) struct Shelled {
    pub ran: Ran,
    pub stdout: Tapped,
    pub stderr: Tapped,
    pub command: CommandRun,
}

/// What is wanted of a command's output besides its file.
#[derive(Debug, Default)]
pub(crate) struct Want {
    pub keep: Keep,
    pub stdout_head_bytes_max: usize,
    pub stderr_head_bytes_max: usize,
    pub stdout_watches: Vec<Watch>,
    pub stderr_watches: Vec<Watch>,
}

/// Where standard output is kept.
#[derive(Debug, Default)]
pub(crate) enum Keep {
    /// With the step's logs.
    #[default]
    Log,
    /// In a file of its own.
    Part(String),
}

/// Output that is parsed as JSON may have this many bytes.
const JSON_BYTES_MAX: usize = 1024 * 1024;

pub(crate) async fn perform(task: &Task<'_>, line: Line<'_>) -> Reply {
    let job = task.job;
    let kept = |yes: bool| if yes { Kept::BYTES_MAX } else { 0 };
    let json = job.keep.json || job.expect.json.is_some();
    let asks_stderr = job.expect.json.as_ref().is_some_and(|json| json.reads().step.contains(&StepField::Stderr));
    let want = Want {
        stdout_head_bytes_max: kept(job.keep.stdout).max(if json { JSON_BYTES_MAX } else { 0 }),
        stderr_head_bytes_max: kept(job.keep.stderr).max(if asks_stderr { JSON_BYTES_MAX } else { 0 }),
        keep: Keep::Log,
        stdout_watches: job.expect.stdout.iter().chain(&job.expect.not_stdout).map(Watch::new).collect(),
        stderr_watches: job.expect.stderr.iter().map(Watch::new).collect(),
    };
    let done = shell(task, line, None, want).await;
    let mut reply = task.reply(ReplyOutcome::Done, EngineWord::Shell, Mode::Local);
    if let End::Exited(code) = done.ran.end {
        reply.exit_code = Some(code);
    }
    reply.outcome = outcome(task, &done, job.expect.exit);
    let parsed = json.then(|| parsed(&done.stdout));
    if matches!(done.ran.end, End::Exited(_)) {
        reply.checks = checks(task, &done, parsed.as_ref());
    }
    if job.keep.json {
        // JSON cannot be cut. What is too large to be kept is absent, and an expression that names it says so.
        reply.kept.json = parsed.and_then(Result::ok).filter(|_| done.stdout.bytes <= Kept::BYTES_MAX as u64);
    }
    if job.keep.stdout {
        reply.kept.stdout = Some(done.stdout.kept());
    }
    if job.keep.stderr {
        reply.kept.stderr = Some(done.stderr.kept());
    }
    reply.stderr_tail = tail(&done, &reply.outcome);
    reply.commands.push(done.command);
    reply
}

/// Standard output as JSON, or why it is none.
fn parsed(stdout: &Tapped) -> Result<serde_json::Value, String> {
    let text = stdout
        .whole()
        .ok_or_else(|| format!("standard output has {} bytes; JSON is read up to {JSON_BYTES_MAX}", stdout.bytes))?;
    serde_json::from_slice(text).map_err(|error| format!("standard output is not JSON: {error}"))
}

/// Every expectation that the flow wrote, looked at.
fn checks(task: &Task<'_>, done: &Shelled, json: Option<&Result<serde_json::Value, String>>) -> Vec<Check> {
    let expect = &task.job.expect;
    let mut checks = Vec::new();
    if !expect.written {
        return checks;
    }
    checks.push(exit_check("exit", expect.exit, done.command.exit_code, None));
    // Literals and expressions look at the whole stream as it was redacted.
    let mut on_stdout = done.stdout.found.iter();
    for (name, matcher, wanted) in [("stdout", &expect.stdout, true), ("not_stdout", &expect.not_stdout, false)] {
        if let (Some(matcher), Some(found)) = (matcher, matcher.as_ref().and_then(|_| on_stdout.next())) {
            checks.push(text_check(name, matcher, wanted, *found, done.stdout.path.clone()));
        }
    }
    if let (Some(matcher), Some(found)) = (&expect.stderr, done.stderr.found.first()) {
        checks.push(text_check("stderr", matcher, true, *found, done.stderr.path.clone()));
    }
    if let (Some(expr), Some(json)) = (&expect.json, json) {
        let ended = json.as_ref().map_err(Clone::clone).map(|json| Ended {
            exit_code: done.command.exit_code,
            json: json.clone(),
            stdout: String::from_utf8_lossy(&done.stdout.head),
            stderr: done.stderr.whole().map(String::from_utf8_lossy).ok_or(done.stderr.bytes),
            checks: &checks,
        });
        let check = json_check(expr, &task.job.scope, ended, done.stdout.path.clone());
        checks.push(check);
    }
    checks
}

/// Runs one command of the step. `id`: the verify command's, for its files' names.
pub(crate) async fn shell(task: &Task<'_>, line: Line<'_>, id: Option<&str>, want: Want) -> Shelled {
    let job = task.job;
    let sink = |stream: Stream| {
        let path = task.output_path(id, stream);
        Sink::Stream { flow: job.flow.clone(), step: job.step.clone(), stream, path }
    };
    let out_sink = match want.keep {
        Keep::Log => sink(Stream::Stdout),
        Keep::Part(path) => Sink::Part { path },
    };
    let mut out = Tap::new(task.redactor, out_sink, want.stdout_head_bytes_max, want.stdout_watches);
    let mut err = Tap::new(task.redactor, sink(Stream::Stderr), want.stderr_head_bytes_max, want.stderr_watches);
    let ahead = task.take_prestarted().filter(|_| id.is_none() && matches!(line, Line::Script(_)));
    let ran = match ahead.map_or_else(|| start(task, line), |ahead| Ok(ahead.let_in())) {
        // Boxed: most of the room that a command's step needs is needed while it runs.
        Ok(started) => Box::pin(started.run(None, &mut out, &mut err, task.outlet, &task.limits, None)).await,
        Err(error) => Ran { end: End::NotStarted(error), duration: std::time::Duration::ZERO, left_running: false },
    };
    let (stdout, stderr) = (out.finish(task.outlet).await, err.finish(task.outlet).await);
    if ran.left_running {
        let event = task.redactor.json(serde_json::json!({
            "event": "left_running",
            "message": "the command ended, but processes that it started had not; they were killed",
        }));
        task.outlet.send(Piece::Log { flow: job.flow.clone(), step: job.step.clone(), event }).await;
    }
    let command = CommandRun {
        run: match line {
            Line::Script(script) => Some(script.to_owned()),
            Line::Argv(_) => None,
        },
        argv: match line {
            Line::Script(_) => None,
            Line::Argv(argv) => Some(argv.to_vec()),
        },
        cwd: ".".to_owned(),
        exit_code: if let End::Exited(code) = ran.end { Some(code) } else { None },
        signal: if let End::Signalled(signal) = ran.end { Some(signal) } else { None },
        duration_ms: u64::try_from(ran.duration.as_millis()).unwrap_or(u64::MAX),
        stdout_path: stdout.path.clone(),
        stderr_path: stderr.path.clone(),
        stdout_sha256: stdout.sha256.clone(),
        stderr_sha256: stderr.sha256.clone(),
        stdout_bytes: stdout.bytes,
        stderr_bytes: stderr.bytes,
        truncated: stdout.truncated || stderr.truncated,
    };
    Shelled { ran, stdout, stderr, command }
}

fn start(task: &Task<'_>, line: Line<'_>) -> std::io::Result<Started> {
    let (program, arg0, args) = program(task, line)?;
    let Job { workspace, env, rail, .. } = task.job;
    process::start(Command { program: &program, arg0, args: &args, cwd: workspace, env, stdin: None, fence: rail.fence() })
}

type Program<'l> = (PathBuf, &'l str, Vec<&'l str>);

fn program<'l>(task: &Task<'_>, line: Line<'l>) -> std::io::Result<Program<'l>> {
    match line {
        Line::Script(script) => Ok((PathBuf::from(SHELL), "sh", shell_args(script).to_vec())),
        Line::Argv([]) => Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "the command is empty")),
        Line::Argv([name, args @ ..]) => {
            let path = find_program(name, &task.job.workspace, task.job.env.get("PATH").map(String::as_str))?;
            Ok((path, name, args.iter().map(String::as_str).collect()))
        }
    }
}

/// What the shell would find: a path as it is (relative to the workspace), a bare name along PATH.
pub(crate) fn find_program(name: &str, workspace: &Path, path: Option<&str>) -> std::io::Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let runs = |file: &Path| file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
    if name.contains('/') {
        return Ok(workspace.join(name));
    }
    let directories = path.unwrap_or("/usr/local/bin:/usr/bin:/bin").split(':');
    directories
        .map(|directory| workspace.join(directory).join(name))
        .find(|file| runs(file))
        .ok_or_else(|| std::io::Error::new(std::io::ErrorKind::NotFound, format!("{name}: command not found")))
}

/// A command that cannot work here says so with `EX_UNAVAILABLE` of sysexits.h, and what is missing in its last line.
pub(super) const BLOCKED_EXIT: i32 = 69;
pub(super) const SAID_NOTHING: &str = "the command did not say what";

/// How a command's end reads as the end of the step, when this exit code is success.
pub(crate) fn outcome(task: &Task<'_>, done: &Shelled, expected: i32) -> ReplyOutcome {
    let line = last_line(&done.stderr).or_else(|| last_line(&done.stdout));
    let denied =
        task.job.rail.fence().and_then(|fence| told(fence, &format!("{}{}", done.stderr.tail_text(), done.stdout.tail_text())));
    let because = |what: String| {
        let said = line.as_ref().map(|line| format!("{what}: {line}")).unwrap_or(what);
        denied.as_ref().map(|denied| format!("{said} ({denied})")).unwrap_or(said)
    };
    let failed = |kind, class, message, exit_code| ReplyOutcome::Failed(Failure { kind, class, message, exit_code });
    match &done.ran.end {
        End::Exited(code) if *code == expected => ReplyOutcome::Done,
        End::Exited(BLOCKED_EXIT) => ReplyOutcome::Blocked { missing: vec![line.unwrap_or_else(|| SAID_NOTHING.to_owned())] },
        End::Exited(code @ (126 | 127)) => {
            failed(FailureKind::Spawn, ErrorClass::Permanent, because(format!("exit code {code}")), Some(*code))
        }
        End::Exited(code) => failed(FailureKind::Exit, ErrorClass::Retriable, because(format!("exit code {code}")), Some(*code)),
        End::Signalled(signal) => failed(
            FailureKind::Signal,
            ErrorClass::Retriable,
            because(format!("ended by signal {signal}{}", signal_name(*signal))),
            None,
        ),
        End::TimedOut => {
            let ms = task.job.timeout_ms.unwrap_or_default();
            failed(FailureKind::Timeout, ErrorClass::Retriable, format!("not done after {}", length(ms)), None)
        }
        // Commands have no watchdog.
        End::Stopped | End::Bitten(_) => ReplyOutcome::Interrupted { why: "stopped while it ran".to_owned() },
        End::Stuck => failed(
            FailureKind::Hung,
            ErrorClass::Permanent,
            "the process does not end, although it was killed; it may wait for a device".to_owned(),
            None,
        ),
        End::NotStarted(error) => not_started(task, error),
    }
}

fn not_started(task: &Task<'_>, error: &std::io::Error) -> ReplyOutcome {
    use rustix::io::Errno;
    const SHORT_OF: [Errno; 5] = [Errno::AGAIN, Errno::NOMEM, Errno::MFILE, Errno::NFILE, Errno::TXTBSY];
    let code = error.raw_os_error();
    let class = match SHORT_OF.iter().any(|errno| Some(errno.raw_os_error()) == code) {
        true => ErrorClass::Transient,
        false => ErrorClass::Permanent,
    };
    let message = if task.job.workspace.is_dir() {
        format!("the command did not start: {error}")
    } else {
        format!("the command did not start: the workspace {} is not a directory", task.job.workspace.display())
    };
    ReplyOutcome::Failed(Failure { kind: FailureKind::Spawn, class, message, exit_code: None })
}

/// Standard error's last lines; those of standard output if the step failed and said nothing on standard error.
fn tail(done: &Shelled, outcome: &ReplyOutcome) -> String {
    if done.stderr.bytes == 0 && !matches!(outcome, ReplyOutcome::Done) {
        done.stdout.tail_text()
    } else {
        done.stderr.tail_text()
    }
}

/// How much of the last line stands in a message.
const LINE_CHARS_MAX: usize = 400;

fn last_line(stream: &Tapped) -> Option<String> {
    let text = stream.tail_text();
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().take(LINE_CHARS_MAX).collect())
}

fn length(ms: u64) -> String {
    crate::spec::Length::from_ms(ms).to_string()
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        1 => " (HUP)",
        2 => " (INT)",
        3 => " (QUIT)",
        4 => " (ILL)",
        6 => " (ABRT)",
        8 => " (FPE)",
        9 => " (KILL)",
        11 => " (SEGV)",
        13 => " (PIPE)",
        15 => " (TERM)",
        _ => "",
    }
}
