//! What expressions and templates can see: only what they name is put together.

use serde_json::{Map, Value, json};

use crate::{
    plan::StepIx,
    record::{ChangeFigures, Figures, Proof, ReceiptStatus, TestCount, TestFigures},
    spec::{
        Reads,
        expr::{CUT, Scope},
    },
};

use super::state::{Frame, Slot, State, StepResult};

/// The figures of an execution under the name `measured`. What was not measured is null.
pub(super) fn measured_of(proof: &Proof) -> Value {
    // What an agent ran on its way says nothing of how it ended.
    let own = proof.commands.first().filter(|_| proof.model.is_none());
    let failed: Vec<&str> = proof.checks.iter().filter(|check| !check.passed).map(|check| check.name.as_str()).collect();
    json!({
        "exit_code": own.and_then(|command| command.exit_code),
        "passed": proof.status == ReceiptStatus::Succeeded,
        "checks": proof.checks.len(),
        "checks_failed": failed,
        "tests": proof.tests.as_ref().and_then(|tests| tests.figures.as_ref()).map(tests_value),
        "lint": figures_value(proof.lint.as_deref()),
        "security": figures_value(proof.security.as_deref()),
        "coverage": figures_value(proof.coverage.as_deref()),
        "changes": proof.changes.as_ref().and_then(|changes| changes.figures.as_ref()).map(changes_value),
    })
}

fn figures_value<T: serde::Serialize>(figures: Option<&Figures<T>>) -> Value {
    figures.and_then(|figures| figures.figures.as_ref()).map_or(Value::Null, |figures| json!(figures))
}

fn tests_value(tests: &TestFigures) -> Value {
    json!({
        "passed": tests.passed, "failed": tests.failed, "skipped": tests.skipped, "total": tests.total,
        "failures": tests.failures, "fewer": tests.by_check.iter().map(TestCount::fewer).sum::<u64>(),
    })
}

fn changes_value(changes: &ChangeFigures) -> Value {
    let paths: Vec<&str> = changes.per_file.iter().map(|file| file.path.as_str()).collect();
    json!({"files": changes.files, "added": changes.added, "removed": changes.removed, "paths": paths})
}

/// The same, only where it says more than that the step ended.
pub(super) fn figures_of(proof: &Proof) -> Option<Value> {
    let Proof { tests, lint, security, coverage, changes, .. } = proof;
    let any = tests.is_some() || lint.is_some() || security.is_some() || coverage.is_some() || changes.is_some();
    any.then(|| measured_of(proof))
}

/// What was measured of a step that ended, as expressions see it.
pub fn measured_of_result(result: &StepResult) -> Value {
    match (result.measured.as_deref(), result.proof.as_deref()) {
        (Some(measured), _) => measured.clone(),
        (None, Some(proof)) => measured_of(proof),
        (None, None) => json!({
            "passed": result.passed, "exit_code": result.exit_code, "checks": result.checks, "checks_failed": [],
            "tests": null, "lint": null, "security": null, "coverage": null, "changes": null,
        }),
    }
}

/// The values that an expression with these reads can see at a step.
pub(super) fn scope(state: &State, frame: &Frame, reads: &Reads, own: Option<Slot>, measured: Option<&Value>) -> Scope {
    let mut scope = Scope::new();
    let asks = |name: &str| reads.tops.contains(name);
    if asks("params") {
        let params = frame.params.iter().map(|(name, value)| (name.to_string(), value.clone()));
        scope.insert("params".to_owned(), Value::Object(params.collect()));
    }
    if asks("steps") || reads.steps_dynamic || !reads.steps.is_empty() {
        scope.insert("steps".to_owned(), steps(frame, reads));
    }
    if asks("run") {
        let run = state.run.as_deref().map(|run| json!({"id": run.id, "by": &*run.by}));
        scope.insert("run".to_owned(), run.unwrap_or(Value::Null));
    }
    if asks("flow") {
        let flow = &frame.plan.flow;
        scope.insert("flow".to_owned(), json!({"key": frame.key, "title": flow.title, "role": flow.role}));
    }
    if let Some(slot) = own {
        if asks("step") {
            let result = frame.state(slot).and_then(|step| step.result.as_deref());
            scope.insert("step".to_owned(), result.map_or(Value::Null, step_value));
        }
        if asks("iteration") {
            scope.insert("iteration".to_owned(), json!(frame.iteration(slot.step).unwrap_or(1)));
        }
        if let (Some(each), Some(value)) = (&frame.plan.step(slot.step).spec.for_each, frame.item_value(slot)) {
            scope.insert(each.name.clone(), value.clone());
        }
    }
    if let Some(measured) = measured {
        scope.insert("measured".to_owned(), measured.clone());
    }
    scope
}

fn steps(frame: &Frame, reads: &Reads) -> Value {
    let value =
        |step: StepIx| frame.steps.get(step.at()).and_then(|state| state.result.as_deref()).map_or_else(not_yet, step_value);
    let mut steps = Map::new();
    if reads.steps_dynamic {
        for (at, planned) in frame.plan.steps.iter().enumerate() {
            let step = StepIx(u32::try_from(at).expect("the loader takes at most 20,000 steps"));
            steps.insert(planned.spec.id.to_string(), value(step));
        }
    } else {
        for name in reads.steps.keys() {
            if let Some(step) = frame.plan.find(name) {
                steps.insert(name.clone(), value(step));
            }
        }
    }
    Value::Object(steps)
}

/// A step without a result: every field is there, so that a condition is false rather than broken.
fn not_yet() -> Value {
    json!({"status": "", "passed": false, "exit_code": null, "stdout": "", "stderr": "", "json": null, "handoff": null,
           "iteration": 0, "skipped": false, "choice": "", "note": "", "error": "", "measured": null})
}

fn step_value(result: &StepResult) -> Value {
    let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().unwrap_or("").to_owned();
    let mut value = json!({
        "status": result.status, "passed": result.passed, "exit_code": result.exit_code,
        "stdout": text(&result.stdout), "stderr": text(&result.stderr),
        "json": result.json.as_deref(), "handoff": result.handoff.as_deref().or(result.envelope.as_deref()),
        "iteration": result.iteration.unwrap_or(0), "skipped": result.skipped,
        "choice": text(&result.choice), "note": text(&result.note), "error": text(&result.error),
        "measured": measured_of_result(result),
    });
    if let (Some(cut), Some(fields)) = (result.cut.sentences(), value.as_object_mut()) {
        fields.insert(CUT.to_owned(), cut);
    }
    value
}

/// For the runner: what the templates of a step's verb can see.
pub fn template_scope(state: &State, frame: &Frame, reads: &Reads, slot: Slot) -> Value {
    Value::Object(scope(state, frame, reads, Some(slot), None).into_iter().collect())
}

/// For the runner: what an expression of a step can see besides what the step itself gives.
pub fn scope_at(state: &State, frame: &Frame, reads: &Reads, slot: Slot) -> Scope {
    scope(state, frame, reads, Some(slot), None)
}

/// One scope as a JSON object, for a template.
pub fn scope_value(scope: Scope) -> Value {
    Value::Object(scope.into_iter().collect())
}
