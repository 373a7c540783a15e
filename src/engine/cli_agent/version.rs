//! Which version of a program does the work: asked once, by the first step that needs it.

use std::time::Duration;

use tokio::time::Instant;

use crate::engine::{
    Task,
    process::{self, Command, End, Limits},
    reading::Patience,
    shell::find_program,
};

use super::{lines::Head, program::Program};

/// Some start slowly the first time.
const TIME: Duration = Duration::from_secs(20);
const GRACE: Duration = Duration::from_millis(500);

/// The first line of what it says; `None`: it does not say.
pub(super) async fn version(task: &Task<'_>, program: &Program) -> Option<String> {
    program.shared.0.version.get_or_init(|| ask(task, program)).await.clone()
}

async fn ask(task: &Task<'_>, program: &Program) -> Option<String> {
    let args = program.version_args()?;
    let job = task.job;
    let path = find_program(&program.command, &job.workspace, job.env.get("PATH").map(String::as_str)).ok()?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    // No key: it has nobody to talk to.
    let command = Command {
        program: &path,
        arg0: &program.command,
        args: &args,
        cwd: &job.workspace,
        env: &job.env,
        stdin: None,
        fence: None,
    };
    let limits =
        Limits { deadline: Some(Instant::now() + TIME), grace: GRACE, stop: task.limits.stop.clone(), patience: Patience::USUAL };
    let (mut out, mut err) = (Head::default(), Head::default());
    let ran = process::run(command, &mut out, &mut err, task.outlet, &limits, None).await;
    if !matches!(ran.end, End::Exited(0)) {
        return None;
    }
    let said = String::from_utf8_lossy(&out.0).into_owned();
    let line: String = said.lines().next()?.trim().chars().take(100).collect();
    (!line.is_empty()).then_some(line)
}
