//! Once-only steps that may have half run, and what is remembered of them until they succeed or a person says that they may run again.
//! In: how an execution ended, what a person said of it. Out: the question that comes before another execution.
//! Never: a doubt that is gone because its flow, or one around it, was started anew.

use imbl::OrdMap;

use crate::{
    id::{FramePath, StepRef},
    plan::{Plan, undone},
    record::{EngineWord, FailureKind, Parent, Proof, QuestionKind, ReceiptStatus, Rule},
    spec::{Effects, Severity},
};

use super::{
    ask::{Asked, raise, repair_options},
    recover::ask_lost,
    state::{Frame, Slot, State},
    turn::Turn,
};

/// What the last execution of a once-only step left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubt {
    pub execution: u32,
    pub left: Left,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// It did not end, and nobody has said how to go on.
    Open,
    /// It ended without success, or a person said how to go on without another execution.
    Unsuccessful,
}

/// Asks, where the step may not start without a word.
pub(super) fn asks(turn: &mut Turn, path: &FramePath, slot: Slot) -> bool {
    let frame = turn.frame(path);
    let spec = frame.plan.step(slot.step).spec.clone();
    let step = frame.name(slot);
    let Some(doubt) = frame.doubts.get(&step).copied().filter(|_| spec.effects == Effects::Once) else { return false };
    match doubt.left {
        Left::Open => ask_lost(turn, path, slot, "and now it would run again"),
        Left::Unsuccessful => {
            let before = turn.step(path, slot).before.as_deref().and_then(|result| result.error.as_deref());
            let error = before.and_then(|error| error.lines().next()).map(|error| format!(": {error}")).unwrap_or_default();
            let failed = format!("execution {} did not succeed{error}", doubt.execution);
            let question = format!(
                "{step} may have half run ({failed}), and now it would run again. It must not be repeated without your word. How to go on?"
            );
            let reason = format!("{failed}; a once-only step is not repeated unasked");
            let mut asked = Asked::new(QuestionKind::Lost, Rule::Lost, reason, question, repair_options());
            asked.severity = Severity::High;
            raise(turn, path, &step, spec.sha256.clone(), asked);
        }
    }
    true
}

impl Frame {
    fn is_once(&self, slot: Slot) -> bool {
        self.plan.step(slot.step).spec.effects == Effects::Once
    }

    /// The process that ran it is gone.
    pub(super) fn step_lost(&mut self, slot: Slot) {
        self.doubts_of(slot, Left::Open);
    }

    pub(super) fn step_ended(&mut self, slot: Slot, proof: &Proof, passed: bool) {
        if passed {
            self.settle_doubts(&self.name(slot));
        } else if proof.status == ReceiptStatus::Interrupted {
            self.doubts_of(slot, Left::Open);
        } else if began(proof) {
            self.doubts_of(slot, Left::Unsuccessful);
        }
    }

    fn doubts_of(&mut self, slot: Slot, left: Left) {
        if self.is_once(slot) {
            let execution = self.state(slot).map_or(0, |state| state.execution);
            self.doubts.insert(self.name(slot), Doubt { execution, left });
        }
    }

    /// A person named the step, or it succeeded: nothing keeps it from running. A step speaks for its items, too.
    pub(super) fn settle_doubts(&mut self, step: &StepRef) {
        self.doubts = kept(&self.doubts, |own, _| !speaks_for(step, own));
    }

    /// A person answered a question about the step.
    pub(super) fn doubts_answered(&mut self, step: &StepRef, choose: &str) {
        if choose == "retry" || choose.starts_with("push-back:") {
            return self.settle_doubts(step);
        }
        let said = |own: &StepRef, doubt: &Doubt| if speaks_for(step, own) { Left::Unsuccessful } else { doubt.left };
        self.doubts = self.doubts.iter().map(|(own, doubt)| (own.clone(), Doubt { left: said(own, doubt), ..*doubt })).collect();
    }
}

/// Whoever wrote a loop wants what failed in it done again.
pub(super) fn looped(state: &mut State, flow: &FramePath, body: &[StepRef]) {
    let again = |doubt: &Doubt| doubt.left == Left::Unsuccessful;
    let within = state.frames.iter().filter(|(path, frame)| !frame.doubts.is_empty() && state.is_in(path, flow));
    for path in within.map(|(path, _)| path.clone()).collect::<Vec<_>>() {
        let below = state.is_below(&path, flow, body);
        let Some(frame) = state.frame_mut(&path) else { continue };
        let own = |step: &StepRef| path == *flow && body.iter().any(|one| speaks_for(one, step));
        frame.doubts = kept(&frame.doubts, |step, doubt| !(again(doubt) && (below || own(step))));
    }
}

/// A flow that is started again. What another flow was in its place is not the same.
pub(super) fn carried(before: Option<&Frame>, plan: &Plan) -> OrdMap<StepRef, Doubt> {
    before.filter(|before| before.plan.key == plan.key).map(|before| before.doubts.clone()).unwrap_or_default()
}

/// The same for a rollback. Undos of items are named by their place in it; and one that failed takes back something else now.
pub(super) fn carried_undos(before: &Frame, plan: &Plan, parent: &Parent) -> OrdMap<StepRef, Doubt> {
    let Some((old, new)) = before.parent.as_deref().and_then(steps_of).zip(steps_of(parent)) else { return OrdMap::new() };
    let renamed = |name: &StepRef| {
        let step = undone(old, name.as_str())?;
        let ids = plan.steps.iter().map(|planned| &planned.spec.id);
        ids.into_iter().find(|id| undone(new, id.as_str()) == Some(step)).map(StepRef::from)
    };
    let open = before.doubts.iter().filter(|(_, doubt)| doubt.left == Left::Open);
    open.filter_map(|(name, doubt)| Some((renamed(name)?, *doubt))).collect()
}

fn steps_of(parent: &Parent) -> Option<&[StepRef]> {
    match parent {
        Parent::Rollback { steps, .. } | Parent::Undo { steps, .. } => Some(steps),
        Parent::SubFlow { .. } | Parent::Detour { .. } | Parent::Injected { .. } => None,
    }
}

fn kept(doubts: &OrdMap<StepRef, Doubt>, keep: impl Fn(&StepRef, &Doubt) -> bool) -> OrdMap<StepRef, Doubt> {
    doubts.iter().filter(|(step, doubt)| keep(step, doubt)).map(|(step, doubt)| (step.clone(), *doubt)).collect()
}

fn speaks_for(step: &StepRef, own: &StepRef) -> bool {
    step == own || step.as_str() == own.base()
}

/// A failure that came before the step's own work changes nothing about it.
fn began(proof: &Proof) -> bool {
    use FailureKind as Kind;
    let Some(detail) = &proof.error_detail else { return true };
    let unperformed = matches!(proof.engine, EngineWord::Builtin | EngineWord::Human);
    let refused =
        matches!(detail.kind, Kind::Refused | Kind::Outdated | Kind::Rejected | Kind::Expression | Kind::Template | Kind::Spawn);
    let no_process = detail.kind == Kind::Spawn && proof.commands.iter().all(|command| command.exit_code.is_none());
    proof.attempt > 1 || !(unperformed && refused || no_process)
}
