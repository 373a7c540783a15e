//! What `run` is told, read: the flow's name; and what it means for a flow that is in the run: `--from STEP` is `resume --from`, `--again`
//! starts one over that has ended.
//! In: what was typed. Out: a name, or what `resume` is told. Never: a wish that would be passed over, a flow done twice for a line
//! that was typed twice.

use crate::{
    error::{Error, Kind},
    id::{FlowKey, FramePath, RunId},
    inspect::first_taken_back,
    kernel::{FramePhase, State},
    ledger::RunDirError,
    record::{Fact, Outcome, ResumeOptions},
};

use super::{ResumeRequest, RunRequest, Workspace, once_only, run_id};

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

    /// What is told of a flow that has ended in the run, and starts over.
    ///
    /// # Errors
    /// Nobody said that it may: how it ended, what would be done twice, and the ways on.
    pub(super) fn starts_over(&self, request: &RunRequest, state: &State, id: &RunId, flow: &FramePath) -> Result<String, Error> {
        let generation = state.frame(flow).map_or(1, |frame| frame.generation + 1);
        if request.again {
            return Ok(format!("flow `{flow}` had ended in run `{id}`; it starts over (start {generation})"));
        }
        let look = if request.observe_only { " --observe-only" } else { "" };
        let names: String = request.params.keys().map(|name| format!(" --param {name}=…")).collect();
        Err(self.has_ended(state, id, flow)?.hint(format!(
            "flow-studio run {flow} --run-id {id} --again{look}{names}        (all of it once more, in the same run)"
        )))
    }

    pub(super) fn has_ended(&self, state: &State, id: &RunId, flow: &FramePath) -> Result<Error, Error> {
        let mut at = None;
        self.read_run_with(id.as_str(), |entry| {
            let ends = |fact: &Fact| matches!(fact, Fact::FlowCompleted { flow: ended, .. } if ended == flow);
            at = entry.facts.iter().any(ends).then_some(entry.ts).or(at);
        })?;
        let frame = state.frame(flow);
        let how = match frame.map(|frame| &frame.phase) {
            Some(FramePhase::Done(Outcome::Succeeded)) if frame.is_some_and(|frame| frame.options.observe_only) => {
                "it only observed, and ended"
            }
            Some(FramePhase::Done(Outcome::Succeeded)) => "it succeeded",
            Some(FramePhase::Done(Outcome::Failed)) => "it failed",
            Some(FramePhase::Done(Outcome::Cancelled)) => "it was cancelled",
            Some(FramePhase::Open | FramePhase::Closing) | None => "it stopped",
        };
        let at = at.map(|at| format!(" at {at}")).unwrap_or_default();
        let mut error =
            Error::new(Kind::Refused, format!("flow `{flow}` has ended in run `{id}`: {how}{at}; nothing was started"));
        let once = once_only::that_ran(state, flow);
        if !once.is_empty() {
            error.because.push(format!("started over, it would run once-only steps again: {}", once.join(", ")));
        }
        let failing = frame.and_then(|frame| frame.failing.as_deref());
        let only_looked = frame.is_some_and(|frame| frame.options.observe_only);
        let again = match failing {
            // It would be passed over again.
            _ if only_looked => return Ok(error.hint(format!("flow-studio run {flow}        (a new run, in which it is done)"))),
            // From a step behind one that was taken back nothing goes on.
            Some((step, ..)) => match first_taken_back(state, flow) {
                Some(first) => format!("{}        (from what was taken back)", self.paste().retry(id, flow, &first)),
                None => format!("{}        (from what failed)", self.paste().retry(id, flow, step)),
            },
            None => format!("flow-studio retry {id} --flow {flow} --step STEP        (one step again, and what depends on it)"),
        };
        Ok(error.hint(again).hint(format!("flow-studio run {flow}        (a new run; or --run-id with another name)")))
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
