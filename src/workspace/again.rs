//! What `run` is told, read: the flow's name; and `--from STEP` with a flow that is in the run, the same as `resume --from`.
//! In: what was typed. Out: a name, or what `resume` is told. Never: a wish that would be passed over.

use crate::{
    error::{Error, Kind},
    id::{FlowKey, FramePath, RunId},
    ledger::RunDirError,
    record::ResumeOptions,
};

use super::{ResumeRequest, RunRequest, Workspace, run_id};

impl Workspace {
    /// `None` when it is a flow's first start in the run, or no step is named.
    pub(super) fn again(&self, request: &RunRequest, flow: &FlowKey) -> Result<Option<(RunId, ResumeRequest)>, Error> {
        let (Some(_), Some(id)) = (&request.from, &request.run_id) else { return Ok(None) };
        if request.new {
            return Ok(None);
        }
        let id = run_id(id)?;
        if let Err(RunDirError::Missing(_)) = self.runs.open(&id) {
            return Ok(None);
        }
        match self.read_run(id.as_str())?.state.frame(&FramePath::from(flow)) {
            Some(_) => from_step(request, &id).map(|again| Some((id, again))),
            None => Ok(None),
        }
    }
}

/// # Errors
/// Something is asked for that holds for a flow from its start.
fn from_step(request: &RunRequest, id: &RunId) -> Result<ResumeRequest, Error> {
    let step = request.from.as_deref().unwrap_or_default();
    let given = [
        ("parameters", !request.params.is_empty()),
        ("--until", request.until.is_some()),
        ("--engine", request.engine.is_some()),
        ("--observe-only", request.observe_only),
        ("--recording", request.recording.is_some()),
    ];
    let given: Vec<&str> = given.into_iter().filter_map(|(what, is)| is.then_some(what)).collect();
    if given.is_empty() {
        return Ok(ResumeRequest {
            run_id: id.to_string(),
            flow: Some(request.flow.clone()),
            from: request.from.clone(),
            refresh: false,
            options: ResumeOptions { jobs: request.jobs, allow_unenforced: request.allow_unenforced },
            scenario: request.scenario.clone(),
            wait_for_human: request.wait_for_human,
            at_home: false,
        });
    }
    let refused = Error::new(
        Kind::Usage,
        format!("flow `{}` of run `{id}` keeps what it was started with; not taken: {}", request.flow, given.join(", ")),
    );
    let refused = if request.params.is_empty() {
        refused
    } else {
        // Names only: a value may be long, or not for a screen.
        let set: String = request.params.keys().map(|name| format!(" --set {name}=…")).collect();
        refused.hint(format!("flow-studio retry {id} --flow {} --step {step}{set}", request.flow))
    };
    Err(refused.hint(format!("flow-studio run {} --from {step}            (a new run)", request.flow)))
}

/// # Errors
/// It is no name of a flow; for the path of a file, the name is told.
pub(super) fn flow_key(text: &str) -> Result<FlowKey, Error> {
    FlowKey::new(text).map_err(|bad| {
        let error = Error::new(Kind::Usage, bad.to_string());
        let stem = std::path::Path::new(text).file_stem().and_then(|stem| stem.to_str());
        match stem.filter(|stem| *stem != text && FlowKey::new(stem).is_ok()) {
            Some(stem) => error.hint(format!("a flow goes by its name: flow-studio run {stem}")),
            None => error,
        }
    })
}
