//! What a step must find, and what it must leave: inputs before the work, outputs and verify commands after it.
//! In: a job, and the reply of its work. Out: the same reply with every check made.
//! Never: work begun without its inputs, a promise that is not kept taken for success.

use crate::{
    measure::{self, Roots},
    rails,
    record::{Check, EngineWord, ErrorClass, Failure, FailureKind, InputFile, Mode, Reply, ReplyOutcome},
    spec::{ParseAs, flow::Verify},
};

use super::{
    Piece, StopLevel, Task, Work,
    process::End,
    shell::{Line, Shelled, Want, outcome, shell},
};

/// A report larger than this is not read: figures stand in far fewer bytes.
const REPORT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// … but a report file of coverage names every line.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// A report file that is larger stays only where the tool wrote it.
const KEPT_BYTES_MAX: usize = 1024 * 1024;

/// Looks for everything the step needs. The error is the reply: nothing was started.
pub(crate) async fn open(task: &Task<'_>) -> Result<Vec<InputFile>, Box<Reply>> {
    let (engine, mode) = voice(&task.job.work);
    let reply = |outcome| Box::new(task.reply(outcome, engine, mode));
    if task.limits.stop.level() > StopLevel::Run {
        return Err(reply(ReplyOutcome::Interrupted { why: "stopped before it began".to_owned() }));
    }
    if task.job.rail.observes() {
        let step_dir = task.job.step_dir();
        if let Err(error) = blocking(move || rails::make_places(&step_dir)).await {
            let message = format!("the step has no directory to write in: {error}");
            let failure = Failure { kind: FailureKind::Io, class: ErrorClass::Permanent, message, exit_code: None };
            return Err(reply(ReplyOutcome::Failed(failure)));
        }
    }
    if task.job.inputs.is_empty() {
        return Ok(Vec::new());
    }
    let (paths, roots) = (task.job.inputs.clone(), roots(task));
    blocking(move || measure::inputs(&paths, &roots)).await.map_err(|missing| reply(ReplyOutcome::Blocked { missing }))
}

fn voice(work: &Work) -> (EngineWord, Mode) {
    match work {
        Work::Shell { .. } | Work::Exec { .. } => (EngineWord::Shell, Mode::Local),
        Work::Agent(work) => (work.engine.word(), work.engine.mode()),
        Work::Snapshot { .. } | Work::Compare { .. } | Work::Render { .. } | Work::Scan(_) => (EngineWord::Builtin, Mode::Local),
    }
}

pub(crate) fn roots(task: &Task<'_>) -> Roots {
    let job = task.job;
    Roots { workspace: job.workspace.clone(), run_base: job.run_base.clone(), flow_dir: job.flow_dir.clone() }
}

/// File work on a thread where it may wait. A panic in there is ours, and goes on here.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => std::future::pending().await,
        },
    }
}

/// Looks at what the work left; a promise that is not kept turns success into failure.
pub(crate) async fn close(task: &Task<'_>, reply: &mut Reply) {
    if !task.job.outputs.is_empty() && matches!(reply.outcome, ReplyOutcome::Done | ReplyOutcome::Failed(_)) {
        // What a built-in verb has just handed over may not be on disk yet.
        let handed = |path: &&String| !reply.outputs.iter().any(|file| file.path == **path);
        let paths: Vec<String> = task.job.outputs.iter().filter(handed).cloned().collect();
        let roots = roots(task);
        for (file, check) in blocking(move || measure::outputs(&paths, &roots)).await {
            reply.outputs.push(file);
            reply.checks.push(check);
        }
    }
    for verify in &task.job.verify {
        // Whoever failed, or was stopped, has nothing to verify.
        if reply.outcome == ReplyOutcome::Done {
            Box::pin(run_verify(task, verify, reply)).await;
        }
    }
    if reply.outcome == ReplyOutcome::Done
        && let Some(message) = measure::failure_message(&reply.checks)
    {
        let (kind, class) = (FailureKind::Contract, ErrorClass::Retriable);
        reply.outcome = ReplyOutcome::Failed(Failure { kind, class, message, exit_code: reply.exit_code });
    }
}

async fn run_verify(task: &Task<'_>, verify: &Verify, reply: &mut Reply) {
    let parsed = verify.parse != ParseAs::Exit && verify.report.is_none();
    let bytes = if parsed { REPORT_BYTES_MAX } else { 0 };
    let want = Want { stdout_head_bytes_max: bytes, stderr_head_bytes_max: bytes, ..Want::default() };
    let report = verify.report.as_deref().map(|path| Report::before(task, path));
    let done = shell(task, Line::Script(&verify.run), Some(verify.id.as_str()), want).await;
    let evidence = done.stdout.path.clone().or_else(|| done.stderr.path.clone());
    match &done.ran.end {
        End::TimedOut | End::Stopped | End::Bitten(_) | End::Stuck => reply.outcome = outcome(task, &done, 0),
        End::Exited(_) | End::Signalled(_) | End::NotStarted(_) => {
            let name = format!("verify {}", verify.id);
            let mut check = measure::exit_check(&name, 0, done.command.exit_code, evidence.clone());
            if let (None, ReplyOutcome::Failed(failure)) = (done.command.exit_code, outcome(task, &done, 0)) {
                check.actual = failure.message;
            }
            reply.checks.push(check);
            let text = match report {
                Some(report) => blocking(move || report.after()).await,
                None => printed(&done, verify.parse),
            };
            let evidence = match (&text, &verify.report) {
                (Ok(text), Some(_)) => kept(task, verify, text).await.or(evidence),
                _ => evidence,
            };
            let text = text.as_ref().map(String::as_str).map_err(Clone::clone);
            if let Some(reported) = measure::report_check(verify, text, evidence.as_deref()) {
                reported.add_to(reply);
            }
        }
    }
    if reply.stderr_tail.is_empty() && reply.checks.iter().any(failed) {
        reply.stderr_tail = if done.stderr.bytes == 0 { done.stdout.tail_text() } else { done.stderr.tail_text() };
    }
    reply.commands.push(done.command);
}

/// A copy of the report beside the step's logs: the next command may write the file anew.
async fn kept(task: &Task<'_>, verify: &Verify, text: &str) -> Option<String> {
    if text.len() > KEPT_BYTES_MAX {
        return None;
    }
    let path = task.report_path(verify.id.as_str());
    let bytes = task.redactor.bytes(text.as_bytes().to_vec());
    task.outlet.send(Piece::File { path: path.clone(), bytes }).await;
    Some(path)
}

fn failed(check: &Check) -> bool {
    !check.passed
}

/// What the tool printed; nextest prints its summary on standard error.
fn printed(done: &Shelled, parse: ParseAs) -> Result<String, String> {
    let whole = |tapped: &super::tap::Tapped| match tapped.whole() {
        Some(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
        None => Err(format!("it printed {} bytes; reports are read up to {REPORT_BYTES_MAX}", tapped.bytes)),
    };
    match parse {
        ParseAs::Exit => Ok(String::new()),
        ParseAs::CargoTest | ParseAs::Nextest => Ok(whole(&done.stdout)? + "\n" + &whole(&done.stderr)?),
        // On standard error it says that there was nothing to look at.
        ParseAs::Ruff => match whole(&done.stderr)? {
            said if said.contains("No Python files found") => Ok(said),
            _ => whole(&done.stdout),
        },
        ParseAs::Pytest
        | ParseAs::GoTest
        | ParseAs::Junit
        | ParseAs::Tap
        | ParseAs::Sarif
        | ParseAs::Clippy
        | ParseAs::Eslint
        | ParseAs::Cobertura
        | ParseAs::Lcov
        | ParseAs::LlvmCov
        | ParseAs::Istanbul => whole(&done.stdout),
    }
}

/// A report file, which counts only if the command wrote it.
struct Report {
    path: String,
    roots: Roots,
    /// Written when, and how long, before the command ran.
    before: Option<(std::time::SystemTime, u64)>,
}

impl Report {
    fn before(task: &Task<'_>, path: &str) -> Self {
        let roots = roots(task);
        let before = Self::stamp(&roots, path);
        Self { path: path.to_owned(), roots, before }
    }

    fn stamp(roots: &Roots, path: &str) -> Option<(std::time::SystemTime, u64)> {
        let meta = roots.place(path).metadata().ok()?;
        Some((meta.modified().ok()?, meta.len()))
    }

    fn after(self) -> Result<String, String> {
        let Self { path, roots, before } = self;
        let file = roots.find(&path).map_err(|why| format!("{path} {why}"))?;
        let now = Self::stamp(&roots, &path);
        if now.is_some() && now == before {
            return Err(format!("{path} is older than the command that should write it"));
        }
        if now.is_some_and(|(_, bytes)| bytes > FILE_BYTES_MAX) {
            return Err(format!("{path} has more than {FILE_BYTES_MAX} bytes"));
        }
        let bytes = std::fs::read(&file).map_err(|error| format!("{path} cannot be read: {error}"))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
