//! A flow that joins a run, or starts over in one where it has ended.
//! In: a wish to start. Out: the run, or why not. Never: a flow started over because somebody asked twice.

use crate::{
    error::Error,
    id::{FlowKey, FramePath, RunId},
};

use super::{
    super::{Workspace, errors},
    ask::{Mistake, StartRequest},
};

impl Workspace {
    /// The run is there, nobody drives it, and the flow is not open in it.
    pub(super) fn can_join(&self, id: &RunId, flow: &FlowKey, request: &StartRequest) -> Result<RunId, Error> {
        let read = self.idle(id.as_str())?;
        let path = FramePath::from(flow);
        match read.state.frame(&path) {
            Some(frame) if frame.is_open() => Err(errors::not_ended(flow, id)),
            Some(_) if !request.again && request.from.is_none() => Err(self.has_ended(&read.state, id, &path)?),
            Some(_) | None => Ok(read.id),
        }
    }
}

/// To start over is said of a run that is joined, and of the whole flow.
pub(super) fn no_start_over(request: &StartRequest) -> Option<Mistake> {
    let why = match (request.again, request.join, &request.from) {
        (false, _, _) | (true, true, None) => return None,
        (true, false, _) => "only in a run that is joined does a flow start over",
        (true, true, Some(_)) => "a flow starts over with its first step, or goes on from another: not both",
    };
    Some(Mistake::new("again", why))
}
