//! Which flow is inside which, and on whose time it runs. Told by the frames' parents, never by their paths' text.

use crate::{
    id::{FramePath, StepRef, Time},
    record::{At, Parent},
};

use super::state::State;

impl State {
    /// A flow that was opened by one of these steps, or inside one that was. An item is opened by its step, too.
    pub fn is_below(&self, path: &FramePath, flow: &FramePath, steps: &[StepRef]) -> bool {
        let mut here = path;
        while let Some(parent) = self.frame(here).and_then(|frame| frame.parent.as_deref()) {
            here = match parent {
                Parent::SubFlow { at } | Parent::Detour { at, .. } | Parent::Injected { at, .. } | Parent::Undo { at, .. }
                    if at.flow == *flow =>
                {
                    return steps.iter().any(|step| *step == at.step || step.as_str() == at.step.base());
                }
                Parent::SubFlow { at } | Parent::Detour { at, .. } | Parent::Injected { at, .. } | Parent::Undo { at, .. } => {
                    &at.flow
                }
                Parent::Rollback { of, .. } => of,
            };
        }
        false
    }

    /// The flow and all around it whose limits hold for it, from the inside out. No limit keeps a rollback from its work.
    pub(super) fn accounts(&self, path: &FramePath) -> Vec<FramePath> {
        let mut found = vec![path.clone()];
        while let Some(Parent::SubFlow { at } | Parent::Detour { at, .. } | Parent::Injected { at, .. }) =
            self.frame(&found[found.len() - 1]).and_then(|frame| frame.parent.as_deref())
        {
            found.push(at.flow.clone());
        }
        found
    }

    /// A limit of this flow, or of one around it, waits for a person.
    pub(super) fn is_limited(&self, path: &FramePath) -> bool {
        self.accounts(path).iter().any(|around| self.frame(around).is_some_and(|frame| frame.limited.is_some()))
    }

    /// What draws on this flow's time: executions that are wanted, and attempts that are due.
    pub(super) fn drawing(&self, flow: &FramePath) -> impl Iterator<Item = &At> {
        let running = self.running.iter().filter(|(_, one)| !one.unwanted).map(|(at, _)| at);
        running.chain(self.due.iter().map(|(_, at)| at)).filter(move |at| self.accounts(&at.flow).contains(flow))
    }

    /// When the flow's running time is used up, if it goes on as it does now.
    pub(super) fn wall_due(&self, flow: &FramePath) -> Option<Time> {
        let frame = self.frame(flow).filter(|frame| frame.is_open() && frame.limited.is_none())?;
        let (since, max) = (frame.active_since?, frame.wall_ms_max?);
        self.drawing(flow).next().map(|_| since.plus(max.saturating_sub(frame.active_ms)))
    }

    /// This flow, or one inside it.
    pub fn is_in(&self, path: &FramePath, flow: &FramePath) -> bool {
        let mut here = Some(path);
        while let Some(path) = here {
            if path == flow {
                return true;
            }
            here = self.frame(path).and_then(|frame| frame.parent.as_deref()).map(|parent| match parent {
                Parent::SubFlow { at } | Parent::Detour { at, .. } | Parent::Injected { at, .. } | Parent::Undo { at, .. } => {
                    &at.flow
                }
                Parent::Rollback { of, .. } => of,
            });
        }
        false
    }
}
