//! `run.json` from what the journal tells, for a run that nobody drives and whose own is gone.
//! In: a view, the end of its journal. Out: the manifest as the process that drove the run left it; a test holds the two together.

use crate::{
    ledger::Head,
    record::{FlowStatus, Manifest, OpenQuestion},
};

use super::{status::flow_status, view::RunView};

/// `None` before the run exists. All projections are taken to be on disk.
pub fn manifest(view: &RunView, head: &Head) -> Option<Manifest> {
    let run = view.state.run.as_deref()?;
    let open = view.state.open_questions.iter().filter_map(|id| view.state.questions.get(id));
    let roots = view.state.frames.values().filter(|frame| frame.parent.is_none());
    let flows = roots.map(|frame| {
        let total = u32::try_from(frame.steps.len()).unwrap_or(u32::MAX);
        FlowStatus {
            flow_key: frame.key.clone(),
            flow_path: frame.path.clone(),
            status: flow_status(view, frame),
            steps_total: total,
            steps_done: total - frame.unsettled.min(total),
            executions: frame.executions,
            reason: frame.outcome_reason.as_deref().map(str::to_owned),
        }
    });
    Some(Manifest {
        schema: Manifest::SCHEMA.to_owned(),
        run_id: run.id.clone(),
        status: view.status(),
        created_at: run.created_at,
        updated_at: view.updated_at(),
        workspace: run.workspace.to_string(),
        host: run.host.to_string(),
        version: run.version.to_string(),
        started_by: run.by.to_string(),
        pid: None,
        journal_seq: head.seq,
        journal_head: head.digest.clone(),
        projected_seq: head.seq,
        flows: flows.collect(),
        running: view.state.running.keys().map(|at| at.step.clone()).collect(),
        waiting_for: open.map(|question| OpenQuestion::from(&**question)).collect(),
    })
}
