//! Is what stands in a run true? The chain, every projection, the events in logs, the digests of what steps printed and of frozen files.
//! In: a run's directory. Out: a report; `repair` also writes what is missing or differs.
//! Never: the journal changed, a file that cannot be derived made up, memory that grows with the run's output.

use std::{collections::BTreeMap, fs, io};

use rustix::fs::FileType;
use serde::Serialize;

use crate::{
    id::{FramePath, RunId, Sha256},
    record::{Entry, Fact},
};

use super::{
    findings::{Finding, FindingKind},
    frozen::{Frozen, Lines},
    generations::Generations,
    journal::{Head, JournalError},
    lock::{Holder, Lock, LockError},
    log_check::mend,
    made::Made,
    place::InRun,
    project::{Past, Projection},
    projector::{ProjectError, failed},
    reader::Reader,
    run_dir::RunDir,
    settle::Settle,
    streams::Streams,
    unfinished::sweep_unfinished,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    pub run_id: RunId,
    /// Whole lines of the journal, all in the chain.
    pub lines: u64,
    /// Bytes of a line that was never finished; harmless.
    pub torn_bytes: u64,
    pub head: Sha256,
    /// The journal was compared with the head that run.json names.
    pub head_checked: bool,
    /// Where and why the chain is broken; what follows was not looked at.
    pub broken: Option<(u64, String)>,
    pub executions: u64,
    /// Streams of commands whose digest was compared.
    pub streams: u64,
    pub frozen_files: u64,
    pub findings: Vec<Finding>,
    pub findings_omitted: u64,
    /// Recorded files that are not there because retention removed them, as `retention.jsonl` says.
    pub pruned: u64,
    /// While a process drives the run, files may lag behind the journal.
    pub driven_by_pid: Option<u32>,
    /// What could be derived was written anew.
    pub repaired: bool,
}

impl VerifyReport {
    pub fn is_ok(&self) -> bool {
        self.broken.is_none() && self.findings.is_empty()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Write(#[from] ProjectError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error("could not read the run")]
    Io(#[from] io::Error),
}

/// Looks, and changes nothing.
///
/// # Errors
/// When the run cannot be read. What is not true is a finding, not an error.
pub fn verify(run: &RunDir) -> Result<VerifyReport, VerifyError> {
    let driven_by = match Lock::holder(run) {
        Ok(holder) => holder,
        Err(LockError::Held(_)) => None,
        Err(error) => return Err(error.into()),
    };
    check(run, false, driven_by)
}

/// Writes every projection that is missing or differs, from the journal. Nobody else may drive the run.
/// Findings are what was found; of them, streams cannot be made anew, and frozen files only from their line.
///
/// # Errors
/// When the journal is broken or a file cannot be written.
pub fn repair(run: &RunDir, lock: &Lock) -> Result<VerifyReport, VerifyError> {
    let report = check(run, true, None)?;
    if report.broken.is_none() {
        sweep_unfinished(run, lock)?;
    }
    match report.broken {
        Some((line, why)) => Err(JournalError::Broken { line, why }.into()),
        None => Ok(report),
    }
}

fn check(run: &RunDir, write: bool, driven_by: Option<Holder>) -> Result<VerifyReport, VerifyError> {
    let mut past = Past::new(run);
    let mut frozen = BTreeMap::new();
    let mut broken = None;
    let mut reader = Reader::open(run)?;
    for entry in &mut reader {
        match entry {
            Ok(entry) => {
                if let Some(Fact::RunCreated { run_id, .. }) = entry.facts.first().filter(|_| entry.seq == 1)
                    && run_id != run.id()
                {
                    broken = Some((1, format!("it was written for run `{run_id}`")));
                    break;
                }
                past.note(&entry);
                note_frozen(&entry, &mut frozen);
            }
            Err(JournalError::Broken { line, why }) => broken = Some((line, why)),
            Err(error) => return Err(error.into()),
        }
    }
    let replayed = reader.replayed().clone();
    let write = write && broken.is_none();
    // Where nothing says how far they go, no file is excused.
    let projected = run.manifest()?.map_or(u64::MAX, |manifest| manifest.projected_seq);
    let mut settle = Settle::new(run, &past, write, 0)?.looking_at_logs().projected_up_to(projected);
    let mut streams = Streams::new(run)?;
    let mut projection = Projection::new(run);
    for entry in Reader::open(run)? {
        // A broken line was reported above.
        let Ok(entry) = entry else { break };
        projection.apply(&entry, &mut settle);
        streams.check(&entry, &mut settle)?;
        if entry.seq == past.projection.seq() {
            break;
        }
    }
    settle.finish();
    if write {
        mend_logs(run, &past, &mut settle)?;
    }
    if broken.is_none() {
        unaccounted(run, &past, &mut settle)?;
    }
    for flow in past.projection.flows() {
        settle.clear_for(&run.report(flow), FileType::RegularFile);
    }
    check_manifest(run, &mut settle)?;
    let frozen_files = check_frozen(run, &frozen, write, &mut settle)?;
    streams.check_snapshots(run, &past, &mut settle)?;
    for finding in std::mem::take(&mut settle.tombstones.findings) {
        settle.findings.add(finding);
    }
    if let Some(failure) = settle.failure {
        return Err(failure.into());
    }
    let Head { seq, digest } = replayed.head;
    Ok(VerifyReport {
        run_id: run.id().clone(),
        lines: seq,
        torn_bytes: replayed.torn_bytes,
        head: digest,
        head_checked: replayed.head_checked,
        broken,
        executions: settle.findings.executions,
        streams: streams.checked,
        frozen_files,
        pruned: settle.pruned,
        findings: settle.findings.list,
        findings_omitted: settle.findings.omitted,
        driven_by_pid: driven_by.map(|holder| holder.pid),
        repaired: write,
    })
}

/// The journal once more, for logs with something wrong alone.
fn mend_logs(run: &RunDir, past: &Past, settle: &mut Settle<'_>) -> Result<(), VerifyError> {
    let wrong = settle.wrong_logs();
    if wrong.is_empty() {
        return Ok(());
    }
    let mut made = Made::new(run, wrong.iter().map(|(place, _)| place.clone()));
    for entry in Reader::open(run)?.take_while(|entry| entry.as_ref().is_ok_and(|entry| entry.seq <= past.projection.seq())) {
        let entry = entry?;
        made.note(entry.seq, entry.ts, &entry.facts);
    }
    let mut dir = run.dir()?;
    for (place, pruned) in wrong {
        mend(&mut dir, &place, made.bytes(&place).unwrap_or_default(), pruned).map_err(|error| failed(place.as_str(), error))?;
    }
    Ok(())
}

/// The file that witnesses the journal's end.
fn check_manifest(run: &RunDir, settle: &mut Settle<'_>) -> io::Result<()> {
    let path = run.run_json();
    settle.clear_for(&path, FileType::RegularFile);
    let (kind, detail) = match run.manifest()? {
        Some(manifest) if manifest.run_id == *run.id() => return Ok(()),
        Some(manifest) => (FindingKind::Differs, format!("it is of run `{}`", manifest.run_id)),
        None if fs::symlink_metadata(run.path(&path)).is_ok() => (FindingKind::Differs, "it does not parse".to_owned()),
        None => {
            (FindingKind::Missing, "nothing witnesses where the journal ends; a repair or a resume writes it anew".to_owned())
        }
    };
    settle.find(&path, kind, &detail);
    Ok(())
}

/// Per flow, all that it was ever defined by, each with the place where it is looked for if nothing says that it holds it.
type Definitions = BTreeMap<FramePath, Vec<(u32, Sha256)>>;

fn note_frozen(entry: &Entry, frozen: &mut Definitions) {
    for fact in &entry.facts {
        match fact {
            // A flow inside a flow is frozen with the one around it.
            Fact::FlowStarted { flow, definition, parent: None, .. } | Fact::DefinitionRefreshed { flow, definition, .. } => {
                let known = frozen.entry(flow.clone()).or_default();
                if known.iter().all(|(_, of)| of != definition) {
                    known.push((u32::try_from(known.len()).unwrap_or(u32::MAX).saturating_add(1), definition.clone()));
                }
            }
            _ => {}
        }
    }
}

fn check_frozen(run: &RunDir, frozen: &Definitions, write: bool, settle: &mut Settle<'_>) -> io::Result<u64> {
    settle.clear_for(&run.frozen_lines(), FileType::RegularFile);
    settle.clear_for(&run.frozen_dir(), FileType::Directory);
    let lines = Lines::read(run)?;
    let mut files = 0;
    for (flow, definitions) in frozen {
        let all = Generations::read(run, flow, &lines)?;
        let placed = definitions.iter().flat_map(|(guess, definition)| {
            let naming = all.naming(definition);
            let places = if naming.is_empty() { vec![*guess] } else { naming };
            places.into_iter().map(move |generation| (generation, definition))
        });
        for (generation, definition) in placed {
            for place in lines.places(run, flow, generation) {
                settle.clear_for(&place, FileType::RegularFile);
            }
            let (place, kind, detail) = match Frozen::files(run, flow, generation) {
                Ok(there) if there.definition == *definition => {
                    files += there.files.len() as u64;
                    let (kind, detail) = match lines.agree(flow, generation, &there) {
                        Some(true) => continue,
                        Some(false) => (FindingKind::Differs, format!("its line of `{flow}` is not what defined the flow")),
                        None => (FindingKind::Missing, format!("it has no line of `{flow}`")),
                    };
                    if write {
                        there.keep(run, flow, generation)?;
                    }
                    (run.frozen_lines(), kind, detail)
                }
                other => {
                    let (kind, detail) = match other {
                        Ok(_) => (FindingKind::Differs, "it defines another flow than the one that ran".to_owned()),
                        Err(error) if error.is_missing() => (FindingKind::Missing, error.to_string()),
                        Err(error) => (FindingKind::Differs, error.to_string()),
                    };
                    if write {
                        Frozen::mend(run, flow, generation, definition)?;
                    }
                    (run.frozen(flow, generation), kind, detail)
                }
            };
            settle.find(&place, kind, &detail);
        }
    }
    Ok(files)
}

/// Receipts, handoffs and questions that no line of the journal accounts for.
fn unaccounted(run: &RunDir, past: &Past, settle: &mut Settle<'_>) -> io::Result<()> {
    let mut dir = run.dir()?;
    for flow in past.projection.flows() {
        for name in ["receipts", "handoffs", "escalations"] {
            let above = InRun::of(format!("{flow}/{name}"));
            let names = match dir.names(&above) {
                Err(_) if dir.is_no_directory(&above) => {
                    settle.clear_for(&above, FileType::Directory);
                    continue;
                }
                names => names?,
            };
            for name in names {
                let Ok(place) = above.child(&name) else { continue };
                if !name.ends_with(".draft.json") && name.ends_with(".json") && !settle.knows(&place) {
                    let detail = "the journal does not account for it".to_owned();
                    settle.findings.add(Finding::new(place.as_str(), FindingKind::Unaccounted, detail, false));
                }
            }
        }
    }
    Ok(())
}
