//! What to type next, the most useful first.
//! In: a view. Out: commands that can be pasted, each with why. Never: a retry before what a rollback left is named.

use crate::{
    id::{FramePath, StepRef},
    kernel::{Frame, FramePhase, Life, Slot, State},
    record::{At, Outcome, RunStatus},
    spec::Effects,
};

use super::{
    paste::Paste,
    rollback,
    status::{NextStep, failing},
    view::RunView,
};

/// What a reader can do now. An answer comes before anything else, because everything else waits for it.
pub(super) fn next(view: &RunView, paste: &Paste) -> Vec<NextStep> {
    let run = &view.run_id;
    let one = |why: String, command: String| NextStep { why, command };
    let mut found: Vec<NextStep> = view
        .open_questions()
        .into_iter()
        .map(|question| one(format!("answer the question about {}", question.step_id), paste.review(run, &question.id)))
        .collect();
    match view.status() {
        RunStatus::Running | RunStatus::Waiting | RunStatus::Succeeded => {}
        RunStatus::Interrupted => {
            let why = match view.waits_to_be_resumed() {
                Some(question) => format!("{} is answered: go on with it", question.id),
                None => "go on where it stood".to_owned(),
            };
            found.push(one(why, paste.resume(run)));
        }
        RunStatus::Failed | RunStatus::Cancelled => {
            found.extend(by_hand(view, paste));
            found.extend(retries(view, paste));
        }
    }
    if found.is_empty() && view.status() == RunStatus::Failed {
        // No step failed: a line of "done" does not hold.
        found.push(one("see what is not done".to_owned(), paste.report(run)));
        found.extend(looked_at_again(&view.state).map(|(flow, step)| {
            let why = format!("once that is put right, run {step} again: then what is done is looked at anew");
            one(why, paste.retry(run, &flow, &step))
        }));
    }
    if found.is_empty() && view.status() == RunStatus::Succeeded {
        found.push(one(read_what(view).to_owned(), paste.report(run)));
    }
    found
}

/// Of a flow in which nothing failed but its Definition of Done: the last step that may run again, after which that is looked at anew.
pub fn looked_at_again(state: &State) -> Option<(FramePath, StepRef)> {
    let broken =
        |frame: &&Frame| frame.parent.is_none() && frame.failing.is_none() && frame.phase == FramePhase::Done(Outcome::Failed);
    let frame = state.frames.values().map(AsRef::as_ref).find(broken)?;
    let ran = |at: usize| frame.steps.get(at).is_some_and(|step| step.execution > 0);
    let mut steps = frame.plan.steps.iter().enumerate().rev();
    let (_, last) = steps.find(|(at, planned)| ran(*at) && planned.spec.effects != Effects::Once)?;
    Some((frame.path.clone(), StepRef::from(&last.spec.id)))
}

/// What there is to read of a run that went well.
pub(super) fn read_what(view: &RunView) -> &'static str {
    let observed = view.roots().any(|frame| frame.options.observe_only);
    if observed { "read what was seen, and what would be done" } else { "read what was done" }
}

/// What a rollback did not take back.
fn by_hand(view: &RunView, paste: &Paste) -> Vec<NextStep> {
    let left = rollback::left_standing(&view.state).into_iter();
    left.map(|(flow, step)| NextStep {
        why: format!("{}: see how far {step} of {flow} came", rollback::INCOMPLETE),
        command: paste.of_step("show", &view.run_id, flow.as_str(), step.as_str(), " --log"),
    })
    .collect()
}

fn retries(view: &RunView, paste: &Paste) -> Vec<NextStep> {
    let run = &view.run_id;
    let mut found: Vec<NextStep> = Vec::new();
    // The innermost flow that failed holds the cause; the flows around it failed because of it.
    for frame in view.frames().filter(|frame| frame.phase == FramePhase::Done(Outcome::Failed) && !is_repair(frame)) {
        let Some(failing) = failing(view, frame) else { continue };
        let at = At { flow: frame.path.clone(), step: failing.step_id.clone() };
        let inner = view.children(&frame.path).any(|child| {
            child.phase == FramePhase::Done(Outcome::Failed)
                && matches!(child.parent.as_deref(), Some(crate::record::Parent::SubFlow { at: above }) if *above == at)
        });
        if inner {
            continue;
        }
        let stands = view.children(&frame.path).any(|child| rollback::not_undone(child).is_some());
        let first = if stands { "after what was not taken back is seen to, and the cause" } else { "after the cause" };
        let begin = rollback::begin(&view.state, &at);
        let command = paste.retry(run, &begin.at.flow, &begin.at.step);
        // Flows that failed beside each other may go on from one step of the flow around them.
        if !found.iter().any(|one| one.command == command) {
            found.push(NextStep { why: format!("{first} is fixed, {}", begin.words(&frame.path)), command });
        }
        // What ran is what was frozen: a retry would run the mistake again.
        let root = frame.path.root();
        let command = paste.refresh(run, &root);
        if !begin.taken_back && !found.iter().any(|one| one.command == command) {
            let why = format!("if it was flow {root} that was mended, go on with the mended one");
            found.push(NextStep { why, command });
        }
        let why = format!("see why {} failed", failing.step_id);
        found.push(NextStep { why, command: paste.explain(run, &frame.path, &failing.step_id) });
    }
    if found.is_empty() && view.status() == RunStatus::Cancelled {
        let stood = view.roots().find_map(|frame| {
            let open = |slot: &Slot| !matches!(frame.state(*slot).map(|state| &state.life), Some(Life::Settled(_)));
            let slots = (0..frame.plan.steps.len()).filter_map(|at| frame.slot(&StepRef::from(&frame.plan.steps[at].spec.id)));
            slots.into_iter().find(open).map(|slot| (frame.path.clone(), frame.name(slot)))
        });
        found.extend(stood.map(|(flow, step)| NextStep {
            why: format!("start again at {step}, where it was cancelled"),
            command: paste.retry(run, &flow, &step),
        }));
    }
    found
}

/// A detour, an injection or a rollback: it is not run again by itself.
fn is_repair(frame: &Frame) -> bool {
    use crate::record::Parent::{Detour, Injected, Rollback, Undo};
    matches!(frame.parent.as_deref(), Some(Detour { .. } | Injected { .. } | Rollback { .. } | Undo { .. }))
}
