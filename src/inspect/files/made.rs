//! What the journal makes of one execution's files: a step may have written what lies in their place.
//! In: a view, an execution. Out: its receipt or handoff as the journal has it, and how the file differs; of a log, whether its events do.
//! Never: the run replayed: only the facts of this execution are looked at.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    id::Time,
    ledger::{FindingKind, InRun, Made, RunDir, Tombstones, from_the_journal},
    record::{At, Fact},
};

use super::{
    super::{
        figures::agent_key,
        view::{Driver, Execution, Moment, RunView},
    },
    FILE_BYTES_MAX, FileKind, FilesError, place_of,
};

/// A receipt or handoff. It is the journal's; what lies at its path is only held against it.
pub(super) fn whole(
    view: &RunView,
    run: &RunDir,
    at: &At,
    execution: &Execution,
    kind: FileKind,
    path: &str,
) -> Result<(Value, Option<String>), FilesError> {
    let agent = agent_key(view, at, execution);
    let latest = agent.map(|agent| match kind {
        FileKind::Handoff => run.handoff(&at.flow, &at.step, &agent),
        FileKind::Receipt | FileKind::Log | FileKind::Transcript | FileKind::Prompt => run.receipt(&at.flow, &at.step, &agent),
    });
    let made = latest.and_then(|latest| Some(made(view, run, at, execution, &latest).bytes(&latest)?.to_vec()));
    let gone = || FilesError::Gone { path: path.to_owned() };
    let made = made.ok_or_else(gone)?;
    let content = serde_json::from_slice(&made).map_err(|_| gone())?;
    let found = match run.read(&place_of(path)?, FILE_BYTES_MAX) {
        Ok(there) if there == made => None,
        Ok(there) => Some(FindingKind::Differs).filter(|_| !lags(view, execution, Some(&there))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Some(FindingKind::Missing).filter(|_| !lags(view, execution, None))
        }
        Err(_) => Some(FindingKind::Differs),
    };
    Ok((content, found.map(|kind| sentence(path, kind, "shown is what the journal says"))))
}

/// Whoever drives the run writes at this moment: a file may not be there yet, or be of a later execution already.
fn lags(view: &RunView, execution: &Execution, there: Option<&[u8]>) -> bool {
    let of = there.and_then(|there| serde_json::from_slice::<Value>(there).ok());
    let number = of.and_then(|of| of.get("execution").or_else(|| of.pointer("/meta/execution"))?.as_u64());
    view.driver != Driver::Nobody && number != Some(u64::from(execution.number))
}

/// The lines of a log that come from the journal, against those that it has of this execution.
pub(super) fn log_differs(
    view: &RunView,
    run: &RunDir,
    at: &At,
    execution: &Execution,
    path: &str,
    lines: &[Value],
) -> Option<String> {
    let place = run.log(&at.flow, &at.step);
    let made = made(view, run, at, execution, &place);
    let wanted = super::lines(made.bytes(&place).unwrap_or_default());
    let seen = view.state.seq;
    // What was written since the view was made is no forgery.
    let old = |line: &&Value| line.get("seq").and_then(Value::as_u64).is_none_or(|seq| seq <= seen);
    let found: Vec<&Value> = lines.iter().filter(|line| from_the_journal(line)).filter(old).collect();
    // What retention took with an earlier log is not missed in this one.
    let pruned = || Tombstones::read(run).ok()?.of(path).map(|one| one.journal_seq);
    let begins =
        |wanted: &[Value]| found.len() <= wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| **found == *wanted);
    if begins(&wanted) && (found.len() == wanted.len() || view.driver != Driver::Nobody) {
        return None;
    }
    if let Some(pruned) = pruned() {
        let later = |line: &Value| line.get("seq").and_then(Value::as_u64).is_some_and(|seq| seq > pruned);
        if found.iter().copied().eq(wanted.iter().filter(|line| later(line))) {
            return None;
        }
    }
    Some(sentence(path, FindingKind::Differs, "shown is what stands there"))
}

fn sentence(path: &str, kind: FindingKind, shown: &str) -> String {
    format!("{path} {}: {shown}; `verify --repair` makes it anew", kind.words())
}

/// Made of the facts of this execution alone, which so is the latest of its step.
fn made(view: &RunView, run: &RunDir, at: &At, execution: &Execution, place: &InRun) -> Made {
    let own = view.moments_of(at).filter(|moment| concerns(&moment.fact, at, execution.number));
    let own: Vec<&Moment> = own.collect();
    let last = own.last().map_or(0, |moment| moment.seq);
    let started = view.flow_moments(&at.flow).filter(|one| matches!(*one.fact, Fact::FlowStarted { .. }) && one.seq <= last);
    let created = view.moments.iter().find(|one| matches!(*one.fact, Fact::RunCreated { .. }));
    let mut lines: BTreeMap<u64, (Time, Vec<Fact>)> = BTreeMap::new();
    for moment in created.into_iter().chain(started.last()).chain(own) {
        lines.entry(moment.seq).or_insert_with(|| (moment.ts, Vec::new())).1.push((*moment.fact).clone());
    }
    let mut made = Made::new(run, [place.clone()]);
    for (seq, (ts, facts)) in lines {
        made.note(seq, ts, &facts);
    }
    made
}

fn concerns(fact: &Fact, at: &At, number: u32) -> bool {
    match fact {
        Fact::StepStarted { at: of, execution, .. }
        | Fact::AttemptEnded { at: of, execution, .. }
        | Fact::AttemptStarted { at: of, execution, .. }
        | Fact::StepEnded { at: of, execution, .. }
        | Fact::StepLost { at: of, execution, .. } => of == at && *execution == number,
        Fact::Routed { flow, decision } => *flow == at.flow && decision.step_id == at.step && decision.execution == number,
        _ => false,
    }
}
