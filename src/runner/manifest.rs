//! `run.json` from the state: where the run stands, for readers.

use crate::{
    id::StepRef,
    kernel::{Frame, FramePhase, State},
    ledger::Head,
    record::{FlowStatus, Manifest, OpenQuestion, Outcome, RunStatus},
};

/// The manifest of this moment; `None` before the run exists.
pub fn manifest(state: &State, head: &Head, pid: Option<u32>) -> Option<Manifest> {
    let run = state.run.as_deref()?;
    let open = state.open_questions.iter().filter_map(|id| state.questions.get(id));
    Some(Manifest {
        schema: Manifest::SCHEMA.to_owned(),
        run_id: run.id.clone(),
        status: state.status(),
        created_at: run.created_at,
        updated_at: state.now,
        workspace: run.workspace.to_string(),
        host: run.host.to_string(),
        version: run.version.to_string(),
        started_by: run.by.to_string(),
        pid,
        journal_seq: head.seq,
        journal_head: head.digest.clone(),
        projected_seq: 0,
        boot_id: None,
        flows: state.frames.values().filter(|frame| frame.parent.is_none()).map(|frame| flow_status(state, frame)).collect(),
        running: state.running.keys().map(|at| at.step.clone()).collect::<Vec<StepRef>>(),
        waiting_for: open.map(|question| OpenQuestion::from(&**question)).collect(),
        answered: None,
    })
}

fn flow_status(state: &State, frame: &Frame) -> FlowStatus {
    let total = u32::try_from(frame.steps.len()).unwrap_or(u32::MAX);
    let below = |path: &crate::id::FramePath| *path == frame.path || path.as_str().starts_with(&format!("{}.", frame.path));
    let asks = || state.open_questions.iter().filter_map(|id| state.questions.get(id)).any(|one| below(&one.flow_path));
    let status = match frame.phase {
        FramePhase::Done(Outcome::Succeeded) => RunStatus::Succeeded,
        FramePhase::Done(Outcome::Failed) => RunStatus::Failed,
        FramePhase::Done(Outcome::Cancelled) => RunStatus::Cancelled,
        FramePhase::Open | FramePhase::Closing if asks() && frame.live == 0 => RunStatus::Waiting,
        FramePhase::Open | FramePhase::Closing => state.rested.unwrap_or(RunStatus::Running),
    };
    FlowStatus {
        flow_key: frame.key.clone(),
        flow_path: frame.path.clone(),
        status,
        steps_total: total,
        steps_done: total - frame.unsettled.min(total),
        executions: frame.executions,
        reason: frame.outcome_reason.as_deref().map(str::to_owned),
        observed: state.observed(&frame.path),
    }
}
