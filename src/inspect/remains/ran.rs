//! One execution as its receipt and its handoff tell of it: from the journal where there is one, from files where there is none.
//! In: JSON. Out: words and figures out of it. Never: a field that has to be there.

use serde_json::Value;

use crate::{
    id::Time,
    kernel::{Frame, FramePhase},
    plan::StepIx,
    record::{At, Fact, Outcome, Parent, QuestionKind, ReceiptStatus},
    spec::{Access, Effects, Verb},
};

use super::super::{
    figures::{path_in, receipt_path},
    view::{Execution, RunView},
};

/// Where an execution stands among all others: places in the order of what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order {
    pub began: usize,
    pub ended: usize,
}

#[derive(Debug, Clone)]
pub struct Ran {
    pub flow: String,
    pub step: String,
    pub agent: String,
    pub execution: u64,
    /// Its result counts: no later execution took its place.
    pub counts: bool,
    /// Its flow failed at it, or a person is asked because it failed.
    pub failing: bool,
    /// The flow says that it may change what it finds, and means to.
    pub may_change: bool,
    /// An agent performed it: it speaks for itself.
    pub speaks: bool,
    pub ended_at: Option<Time>,
    pub order: Order,
    pub receipt: Value,
    /// Relative to RUN_BASE.
    pub receipt_path: String,
    pub handoff: Value,
    pub handoff_path: String,
}

impl Ran {
    pub fn text(&self, pointer: &str) -> &str {
        self.receipt.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }
    pub fn status(&self) -> &str {
        self.text("/status")
    }
    pub fn error(&self) -> &str {
        self.text("/error")
    }
    pub fn kind(&self) -> &str {
        self.text("/error_detail/kind")
    }
    pub fn class(&self) -> &str {
        self.text("/error_detail/class")
    }
    pub fn exit_code(&self) -> Option<i64> {
        let own = self.receipt.pointer("/error_detail/exit_code").and_then(Value::as_i64);
        own.or_else(|| self.list("commands").filter_map(|command| command.get("exit_code")?.as_i64()).find(|code| *code != 0))
    }
    pub fn list<'v>(&'v self, field: &str) -> impl Iterator<Item = &'v Value> {
        self.receipt.get(field).and_then(Value::as_array).into_iter().flatten()
    }
    pub fn failed_checks(&self) -> impl Iterator<Item = &Value> {
        self.list("checks").filter(|check| check.get("passed").and_then(Value::as_bool) == Some(false))
    }
    pub fn handoff_status(&self) -> &str {
        self.handoff.get("status").and_then(Value::as_str).unwrap_or_default()
    }
    pub fn concerns(&self) -> impl Iterator<Item = &Value> {
        self.handoff.get("concerns").and_then(Value::as_array).into_iter().flatten()
    }
    pub fn high_concerns(&self) -> impl Iterator<Item = &Value> {
        self.concerns().filter(|one| one.get("severity").and_then(Value::as_str) == Some("HIGH"))
    }
    /// Figures of a measure, wherever the receipt keeps them: `None` where it was not measured.
    pub fn measured(&self, name: &str) -> Option<&Value> {
        let measure = self.receipt.get(name).filter(|one| one.get("measured").and_then(Value::as_bool) == Some(true))?;
        Some(measure.get("figures").filter(|figures| figures.is_object()).unwrap_or(measure))
    }
    /// Why a measure is not there, where the receipt says so.
    pub fn unmeasured(&self, name: &str) -> Option<&str> {
        let measure = self.receipt.get(name)?;
        (measure.get("measured").and_then(Value::as_bool) == Some(false))
            .then(|| measure.get("reason").and_then(Value::as_str).unwrap_or("no reason is recorded"))
    }
    pub fn evidence_path(&self, name: &str) -> Option<&str> {
        self.receipt.get(name)?.get("evidence_path")?.as_str()
    }
    /// `flow/step`, as a person names it.
    pub fn name(&self) -> String {
        format!("{}/{}", self.flow, self.step)
    }
}

/// A number under one of these names.
pub fn number(value: &Value, names: &[&str]) -> Option<f64> {
    names.iter().find_map(|name| value.get(*name).and_then(Value::as_f64))
}

/// A figure that counts something.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "figures of receipts are counts; what is none is 0")]
pub fn whole(figure: f64) -> usize {
    figure as usize
}

#[expect(clippy::cast_precision_loss, reason = "a count of lines or steps")]
pub fn real(count: usize) -> f64 {
    count as f64
}

/// Every execution of the run that ended.
pub(super) fn of_view(view: &RunView) -> Vec<Ran> {
    let failing = failing(view);
    let mut rans = Vec::new();
    for (at, story) in &view.steps {
        let Some(frame) = view.state.frame(&at.flow) else { continue };
        let Some(slot) = frame.slot(&at.step) else { continue };
        let place = |number: u32, starts: bool| {
            story.moments.iter().copied().find(|place| match view.moments[*place].fact.as_ref() {
                Fact::StepStarted { at: of, execution, .. } => starts && of == at && *execution == number,
                Fact::StepEnded { at: of, execution, .. } | Fact::StepLost { at: of, execution, .. } => {
                    !starts && of == at && *execution == number
                }
                _ => false,
            })
        };
        for one in &story.executions {
            let (Some(began), Some(ended)) = (place(one.number, true), place(one.number, false)) else { continue };
            let mut ran = of_execution(view, frame, at, slot.step, one);
            ran.order = Order { began, ended };
            ran.failing = one.set_aside.is_none() && failing.contains(at);
            rans.push(ran);
        }
    }
    rans.sort_by_key(|ran| ran.order);
    rans
}

fn of_execution(view: &RunView, frame: &Frame, at: &At, step: StepIx, one: &Execution) -> Ran {
    let spec = &frame.plan.step(step).spec;
    let lost = serde_json::json!({
        "status": ReceiptStatus::Interrupted.as_str(),
        "error": "the process that performed it is gone",
        "execution": one.number,
    });
    let to_value = |value: Option<serde_json::Result<Value>>| value.and_then(Result::ok);
    let speaks = matches!(spec.verb, Verb::Agent(_));
    let works = speaks || matches!(spec.verb, Verb::Run { .. } | Verb::Exec { .. } | Verb::Render { .. });
    Ran {
        flow: at.flow.to_string(),
        step: at.step.to_string(),
        agent: one.proof().map_or_else(|| frame.agent_key(step), |proof| proof.agent_key.clone()),
        execution: u64::from(one.number),
        counts: one.set_aside.is_none(),
        failing: false,
        may_change: works && spec.access == Access::Change && spec.effects != Effects::None,
        speaks,
        ended_at: one.ended_at(),
        order: Order { began: 0, ended: 0 },
        receipt: to_value(one.proof().map(serde_json::to_value)).unwrap_or(lost),
        receipt_path: receipt_path(view, at, one).unwrap_or_default(),
        handoff: to_value(one.handoff().map(serde_json::to_value)).unwrap_or_default(),
        handoff_path: path_in(view, at, one, "handoffs").unwrap_or_default(),
    }
}

/// Where flows failed: of flows inside each other the innermost only, a known fix that did not take not at all.
fn failing(view: &RunView) -> Vec<At> {
    let failed = |frame: &&Frame| {
        frame.phase == FramePhase::Done(Outcome::Failed)
            && !matches!(frame.parent.as_deref(), Some(Parent::Detour { .. } | Parent::Rollback { .. } | Parent::Undo { .. }))
    };
    let mut found: Vec<At> = Vec::new();
    for frame in view.frames().filter(failed) {
        let Some(failing) = frame.failing.as_deref() else { continue };
        let at = At { flow: frame.path.clone(), step: failing.0.clone() };
        let inner = view.children(&frame.path).any(|child| {
            failed(&child) && matches!(child.parent.as_deref(), Some(Parent::SubFlow { at: above }) if *above == at)
        });
        if !inner {
            found.push(at);
        }
    }
    let asked = view.open_questions().into_iter().filter(|one| one.kind == QuestionKind::Failed);
    found.extend(asked.map(|one| At { flow: one.flow_path.clone(), step: one.step_id.clone() }));
    found
}
