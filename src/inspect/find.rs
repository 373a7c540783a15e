//! A flow or a step of a run, by what a person typed.
//! In: names as text. Out: a place in the run, or a sentence with what there is. Never: a guess that is taken.

use crate::{
    id::{FramePath, StepRef},
    record::At,
    spec::diagnostic::did_you_mean,
};

use super::view::RunView;

/// Names that fit into a hint.
const NAMES_MAX: usize = 30;

/// What was typed is not in the run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NotInRun {
    pub message: String,
    pub hint: Option<String>,
}

impl RunView {
    /// A flow by its path; without one, the only flow that a person started, or the latest of several.
    ///
    /// # Errors
    /// There is no such flow.
    pub fn find_flow(&self, flow: Option<&str>) -> Result<FramePath, NotInRun> {
        let known = || self.flow_order.iter().map(FramePath::as_str).collect::<Vec<_>>().join(", ");
        let Some(flow) = flow else {
            let last = self.roots().last().map(|frame| frame.path.clone());
            return last.ok_or_else(|| NotInRun { message: "no flow was started in this run".to_owned(), hint: None });
        };
        // `run` names a step of a detour or sub-flow without the flow that it belongs to.
        let below = || self.flow_order.iter().find(|path| path.as_str().split_once('.').is_some_and(|(_, rest)| rest == flow));
        let found = self.flow_order.iter().find(|path| path.as_str() == flow).or_else(below);
        found.cloned().ok_or_else(|| NotInRun {
            message: format!("run `{}` has no flow `{flow}`", self.run_id),
            hint: Some(format!("it has: {}", known())),
        })
    }

    /// A step by its name; without a flow, wherever there is exactly one of that name, flows that a person started first.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub fn find_step(&self, flow: Option<&str>, step: &str) -> Result<At, NotInRun> {
        let (flow, step) = match (flow, step.split_once('/')) {
            (None, Some((flow, step))) => (Some(flow), step),
            (flow, _) => (flow, step),
        };
        let name = StepRef::new(step).map_err(|bad| NotInRun { message: bad.to_string(), hint: None })?;
        let flows = match flow {
            Some(flow) => vec![self.find_flow(Some(flow))?],
            None => self.flow_order.clone(),
        };
        let has = |path: &&FramePath| self.state.frame(path).is_some_and(|frame| frame.slot(&name).is_some());
        let found: Vec<&FramePath> = flows.iter().filter(has).collect();
        let top: Vec<&FramePath> = found.iter().copied().filter(|path| path.depth() == 0).collect();
        match (top.as_slice(), found.as_slice()) {
            ([one], _) | ([], [one]) => Ok(At { flow: (*one).clone(), step: name }),
            ([], []) => Err(self.unknown_step(flow, step)),
            _ => Err(NotInRun {
                message: format!("several flows of run `{}` have a step `{step}`", self.run_id),
                hint: Some(found.iter().map(|path| format!("{path}/{step}")).collect::<Vec<_>>().join(", ")),
            }),
        }
    }

    fn unknown_step(&self, flow: Option<&str>, step: &str) -> NotInRun {
        let within = |path: &FramePath| flow.is_none_or(|flow| path.as_str() == flow);
        let names = self.frames().filter(|frame| within(&frame.path)).flat_map(|frame| self.step_names(frame));
        let names: Vec<String> = names.map(|name| name.to_string()).collect();
        let near = did_you_mean(step, names.iter().map(String::as_str));
        let more = if names.len() > NAMES_MAX { ", …" } else { "" };
        let known = || format!("it has: {}{more}", names.iter().take(NAMES_MAX).cloned().collect::<Vec<_>>().join(", "));
        NotInRun { message: format!("run `{}` has no step `{step}`", self.run_id), hint: Some(near.unwrap_or_else(known)) }
    }
}
