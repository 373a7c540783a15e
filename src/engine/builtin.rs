//! The verbs that are ours: snapshot, compare, render; `scan` has a file of its own.
//! In: a `Job`. Out: a `Reply`, and the files as pieces. Never: a file written under RUN_BASE by this module; the only
//! place it writes is the workspace, for `render`, atomically.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Component, Path},
};

use crate::{
    id::{Sha256, SnapshotName},
    measure::Roots,
    rails::{self, CapturedCommand, Expected, FILE_BYTES_MAX, Index, SnapshotError},
    record::{Check, EngineWord, ErrorClass, Failure, FailureKind, Mode, OutputFile, Reply, ReplyOutcome},
};

use super::{
    Piece, StopLevel, Task, Work,
    contract::{blocking, roots},
    process::End,
    shell::{Keep, Line, Want, outcome, shell},
};

pub(crate) async fn perform(task: &Task<'_>) -> Reply {
    let mut reply = task.reply(ReplyOutcome::Done, EngineWord::Builtin, Mode::Local);
    let ended = match &task.job.work {
        Work::Snapshot { name, files, commands } => snapshot(task, name, files, commands, &mut reply).await,
        Work::Compare { before, after, changed_only, identical, changed } => {
            let expected = Expected { changed_only: changed_only.as_deref(), identical, changed };
            compare(task, before, after, expected, &mut reply).await
        }
        Work::Render { text, to } => render(task, text, to, &mut reply).await,
        Work::Scan(scan) => super::scan::scan(task, scan, &mut reply).await,
        Work::Shell { .. } | Work::Exec { .. } | Work::Agent(_) => unreachable!("`perform` gives these to others"),
    };
    if let Err(outcome) = ended {
        reply.outcome = outcome;
    }
    reply
}

fn failed(kind: FailureKind, message: String) -> ReplyOutcome {
    ReplyOutcome::Failed(Failure { kind, class: ErrorClass::Permanent, message, exit_code: None })
}

async fn snapshot(
    task: &Task<'_>,
    name: &SnapshotName,
    files: &[String],
    commands: &BTreeMap<SnapshotName, String>,
    reply: &mut Reply,
) -> Result<(), ReplyOutcome> {
    let directory = format!("{}/snapshots/{name}", task.job.flow);
    let execution = task.job.execution;
    if execution > 1 && task.job.attempt == 1 {
        task.outlet.send(Piece::Aside { path: directory.clone(), execution }).await;
    }
    let files = captured(task, files, format!("{directory}/files")).await?;
    let mut captured = Vec::new();
    for (command, script) in commands {
        let path = format!("{directory}/commands/{command}.txt");
        captured.push(output_of(task, command, script, path, reply).await?);
    }
    let index =
        Index { schema: Index::SCHEMA.to_owned(), name: name.clone(), execution: Some(execution), files, commands: captured };
    let actual = format!("{} files, {} commands", index.files.len(), index.commands.len());
    let path = format!("{directory}/index.json");
    keep(task, path.clone(), &index).await;
    reply.checks.push(Check {
        name: "snapshot".to_owned(),
        passed: true,
        expected: "captured".to_owned(),
        actual,
        evidence_path: Some(path),
    });
    Ok(())
}

async fn captured(task: &Task<'_>, globs: &[String], directory: String) -> Result<Vec<rails::CapturedFile>, ReplyOutcome> {
    if globs.is_empty() {
        return Ok(Vec::new());
    }
    let (workspace, run_base, globs) = (task.job.workspace.clone(), task.job.run_base.clone(), globs.to_vec());
    let (redactor, outlet, limits) = (task.redactor.clone(), task.outlet.clone(), task.limits.clone());
    let captured = blocking(move || {
        let omit = run_base.canonicalize().unwrap_or(run_base);
        let late = || limits.deadline.is_some_and(|deadline| tokio::time::Instant::now() >= deadline);
        rails::capture(&workspace, &omit, &globs, &redactor, &mut |path, at, bytes| {
            outlet.send_blocking(Piece::Part { path: format!("{directory}/{path}"), at, bytes });
            limits.stop.level() == StopLevel::Run && !late()
        })
    });
    captured.await.map_err(|error| match error {
        SnapshotError::Stopped if task.limits.stop.level() > StopLevel::Run => {
            ReplyOutcome::Interrupted { why: "stopped while it captured files".to_owned() }
        }
        SnapshotError::Stopped => failed(FailureKind::Timeout, "the files were not captured in time".to_owned()),
        other => failed(FailureKind::Snapshot, other.to_string()),
    })
}

async fn output_of(
    task: &Task<'_>,
    command: &SnapshotName,
    script: &str,
    path: String,
    reply: &mut Reply,
) -> Result<CapturedCommand, ReplyOutcome> {
    let want = Want { keep: Keep::Part(path.clone()), ..Want::default() };
    let done = shell(task, Line::Script(script), Some(command.as_str()), want).await;
    let (stdout, ended) = (&done.stdout, outcome(task, &done, 0));
    let empty = || Sha256::of(b"");
    let captured = CapturedCommand {
        name: command.clone(),
        bytes: stdout.raw_bytes,
        sha256: stdout.raw_sha256.clone().unwrap_or_else(empty),
        stored_sha256: stdout.sha256.clone().unwrap_or_else(empty),
        redacted: stdout.raw_sha256 != stdout.sha256,
    };
    if stdout.bytes == 0 {
        task.outlet.send(Piece::Part { path, at: 0, bytes: crate::redact::Clean::default() }).await;
    }
    reply.stderr_tail = done.stderr.tail_text();
    reply.commands.push(done.command);
    match (ended, &done.ran.end) {
        (ReplyOutcome::Done, _) if captured.bytes > FILE_BYTES_MAX => Err(failed(
            FailureKind::Snapshot,
            format!("`{command}` printed {} bytes; a snapshot takes {FILE_BYTES_MAX}", captured.bytes),
        )),
        (ReplyOutcome::Done, _) => Ok(captured),
        (ReplyOutcome::Failed(failure), End::Exited(_) | End::Signalled(_)) => {
            let failure =
                Failure { kind: FailureKind::Snapshot, message: format!("`{command}`: {}", failure.message), ..failure };
            Err(ReplyOutcome::Failed(failure))
        }
        (other, _) => Err(other),
    }
}

/// A small file of ours, as JSON for people.
async fn keep(task: &Task<'_>, path: String, value: &impl serde::Serialize) {
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_else(|error| unreachable!("plain data with string keys: {error}"));
    bytes.push(b'\n');
    let bytes = task.redactor.bytes(bytes);
    task.outlet.send(Piece::File { path, bytes }).await;
}

async fn compare(
    task: &Task<'_>,
    before: &SnapshotName,
    after: &SnapshotName,
    expected: Expected<'_>,
    reply: &mut Reply,
) -> Result<(), ReplyOutcome> {
    let stem = format!("artifacts/diff-{before}-{after}");
    let evidence = format!("{}/{stem}.diff", task.job.flow);
    let snapshots = task.job.flow_dir.join("snapshots");
    let compared = {
        let (before, after, evidence) = (before.clone(), after.clone(), evidence.clone());
        let only = expected.changed_only.map(<[String]>::to_vec);
        let (identical, changed) = (expected.identical.to_vec(), expected.changed.to_vec());
        blocking(move || {
            let expected = Expected { changed_only: only.as_deref(), identical: &identical, changed: &changed };
            rails::compare(&snapshots, &before, &after, expected, &evidence)
        })
    };
    let (comparison, diff, checks) = compared.await.map_err(|error| match error {
        rails::Unread::Missing(_) => ReplyOutcome::Blocked { missing: vec![error.to_string()] },
        rails::Unread::Broken { .. } | rails::Unread::Glob(_) => failed(FailureKind::Compare, error.to_string()),
    })?;
    let diff = task.redactor.bytes(diff.into_bytes());
    reply.outputs.push(left(&format!("{stem}.diff"), diff.get()));
    task.outlet.send(Piece::File { path: evidence, bytes: diff }).await;
    keep(task, format!("{}/{stem}.json", task.job.flow), &comparison).await;
    reply.checks = checks;
    match crate::measure::failure_message(&reply.checks) {
        None => Ok(()),
        Some(message) => Err(failed(FailureKind::Compare, message)),
    }
}

fn left(path: &str, bytes: &[u8]) -> OutputFile {
    OutputFile { path: path.to_owned(), bytes: bytes.len() as u64, sha256: Some(Sha256::of(bytes)), exists: true }
}

pub(crate) async fn render(task: &Task<'_>, text: &str, to: &str, reply: &mut Reply) -> Result<(), ReplyOutcome> {
    let inside = Path::new(to).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !inside || to.is_empty() {
        return Err(failed(FailureKind::Io, format!("`{to}` must be relative, without `..`")));
    }
    let bytes = task.redactor.bytes(text.as_bytes().to_vec());
    reply.outputs.push(left(to, bytes.get()));
    if to.starts_with("artifacts/") {
        task.outlet.send(Piece::File { path: format!("{}/{to}", task.job.flow), bytes }).await;
        return Ok(());
    }
    let (roots, name) = (roots(task), to.to_owned());
    let written = blocking(move || replace(&roots, &name, bytes.get())).await;
    written.map_err(|error| {
        reply.outputs.clear();
        failed(FailureKind::Io, format!("{to} cannot be written: {error}"))
    })
}

/// Writes a file of the workspace so that readers see the old or the new one, never a half. Blocks.
pub(crate) fn replace(roots: &Roots, name: &str, bytes: &[u8]) -> io::Result<()> {
    let workspace = roots.workspace.canonicalize()?;
    let run_base = roots.run_base.canonicalize().ok();
    let ours = |real: &Path| real.starts_with(&workspace) && run_base.as_ref().is_none_or(|run| !real.starts_with(run));
    let refuse =
        || Err(io::Error::other("it leads out of the workspace or into a run; what belongs to the run goes to artifacts/"));
    let target = workspace.join(name);
    let parent = target.parent().unwrap_or(&workspace);
    // The part that exists decides where the rest will be.
    let standing = parent.ancestors().find_map(|part| part.canonicalize().ok());
    if !standing.is_some_and(|real| ours(&real)) {
        return refuse();
    }
    std::fs::create_dir_all(parent)?;
    let target = match target.canonicalize() {
        Ok(real) if !ours(&real) => return refuse(),
        Ok(real) => real,
        Err(_) if target.is_symlink() => return refuse(),
        Err(_) => parent.canonicalize()?.join(target.file_name().unwrap_or_default()),
    };
    let mode = target.metadata().map_or(0o644, |meta| meta.permissions().mode() & 0o7777);
    let mut file = tempfile::NamedTempFile::new_in(target.parent().unwrap_or(&workspace))?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(mode))?;
    file.persist(&target)?;
    Ok(())
}
