//! The verb `scan`: looks for what must not leave, and stops the run when it finds something.
//! In: a `Job` with what to look at. Out: a `Reply`, and lines for `<flow>/boundary_scan.log`, also when clean.
//! Never: a secret in either, a path that is not there taken for a clean one.

use std::path::Path;

use crate::{
    rails::{Allow, ScanReport, Scanner},
    record::{Check, ErrorClass, Failure, FailureKind, Reply, ReplyOutcome},
    spec::{OnFinding, flow::Scan},
};

use super::{Piece, Task, contract::blocking, contract::roots};

/// The allow-list, where a step names none.
const ALLOW: &str = "scan-allow.toml";
/// How many findings stand in the message; the log has all.
const NAMED_MAX: usize = 3;

pub(crate) async fn scan(task: &Task<'_>, scan: &Scan, reply: &mut Reply) -> Result<(), ReplyOutcome> {
    let (wanted, roots, redactor) = (scan.clone(), roots(task), task.redactor.clone());
    let env = task.job.env.clone();
    if scan.run {
        // What the steps before handed over is in the files.
        let (done, written) = tokio::sync::oneshot::channel();
        task.outlet.send(Piece::Written(done)).await;
        let _ = written.await;
    }
    let looked = blocking(move || {
        let allow = allow_list(&roots.workspace, wanted.allow.as_deref())?;
        let mut scanner = Scanner::new(allow, &redactor);
        for path in &wanted.paths {
            scanner
                .path(&roots.place(path), path, false, Some(&roots.run_base))
                .map_err(|error| (FailureKind::Missing, format!("{path} cannot be looked at: {error}")))?;
        }
        if let Some(rev) = &wanted.diff {
            scanner.diff(&roots.workspace, rev, &env).map_err(|error| (FailureKind::Io, error.to_string()))?;
        }
        if wanted.run {
            scanner
                .path(&roots.run_base, "", true, None)
                .map_err(|error| (FailureKind::Io, format!("the run cannot be looked at: {error}")))?;
        }
        Ok(scanner.finish())
    });
    let failed = |kind, class, message| ReplyOutcome::Failed(Failure { kind, class, message, exit_code: None });
    let report = looked.await.map_err(|(kind, message)| failed(kind, ErrorClass::Permanent, message))?;
    let log = format!("{}/boundary_scan.log", task.job.flow);
    let head = format!("scan `{}` {}: ", task.job.step, task.job.execution);
    for line in (head + &report.log()).lines() {
        let bytes = task.redactor.bytes(format!("{line}\n").into_bytes());
        task.outlet.send(Piece::Line { path: log.clone(), bytes }).await;
    }
    reply.checks.push(Check {
        name: "scan".to_owned(),
        passed: report.is_clean(),
        expected: "nothing that must not leave".to_owned(),
        actual: report.sum(),
        evidence_path: Some(log.clone()),
    });
    if report.is_clean() {
        return Ok(());
    }
    let class = match scan.on_finding {
        OnFinding::Fatal => ErrorClass::Fatal,
        OnFinding::Fail => ErrorClass::Permanent,
    };
    Err(failed(FailureKind::Boundary, class, format!("{}: {}; all of them in {log}", report.sum(), named(&report))))
}

fn named(report: &ScanReport) -> String {
    let one = |finding: &crate::rails::Finding| match finding.line {
        Some(line) => format!("{} in {}:{line}", finding.rule, finding.path),
        None => format!("{} {}", finding.rule, finding.path),
    };
    report.findings.iter().take(NAMED_MAX).map(one).collect::<Vec<_>>().join(", ")
}

fn allow_list(workspace: &Path, named: Option<&str>) -> Result<Allow, (FailureKind, String)> {
    let path = workspace.join(named.unwrap_or(ALLOW));
    match crate::rails::allow_text(&path) {
        Ok(text) => Allow::read(&text).map_err(|error| (FailureKind::Contract, format!("{}: {error}", named.unwrap_or(ALLOW)))),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(Allow::default()),
        Err(error) => Err((FailureKind::Missing, format!("{}: {error}", named.unwrap_or(ALLOW)))),
    }
}
