//! What a condition of the flow looked at: the values under the names that it uses, as they stood when it was decided.
//! In: the state just before a fact. Out: names with values, short enough for a sentence; of a join, which needs were over.
//! Never: a condition evaluated again.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    id::StepId,
    kernel::{Frame, Life, Slot, State, measured_of_result, template_scope},
    record::{At, Fact, Rule, SkipReason},
    spec::{Expr, flow::Join},
};

/// Longest value that is shown; the whole one stands in the receipt.
const SHOWN_CHARS_MAX: usize = 80;

pub(super) fn saw(state: &State, fact: &Fact) -> Vec<(String, Value)> {
    match fact {
        Fact::StepSkipped { at, why: SkipReason::When, .. } => of_when(state, at),
        Fact::StepStarted { at, .. } => of_when(state, at),
        Fact::Routed { flow, decision } if matches!(decision.rule, Rule::StopTheLine | Rule::EscalateWhen) => {
            let at = At { flow: flow.clone(), step: decision.step_id.clone() };
            with_step(state, &at, |frame, slot| frame.plan.step(slot.step).spec.escalate.as_ref().map(|one| one.when.clone()))
        }
        Fact::Routed { flow, decision } if decision.iteration.is_some() => {
            let at = At { flow: flow.clone(), step: decision.step_id.clone() };
            with_step(state, &at, |frame, slot| frame.plan.step(slot.step).spec.ends_loop.as_ref()?.until.clone())
        }
        _ => Vec::new(),
    }
}

/// Which needs of a join were over when it started. Where it needs all of them, they all were: the plan tells their names.
pub(super) fn over(state: &State, fact: &Fact) -> Vec<StepId> {
    let Fact::StepStarted { at, execution: 1, .. } = fact else { return Vec::new() };
    let Some(frame) = state.frame(&at.flow) else { return Vec::new() };
    let Some(planned) = frame.slot(&at.step).map(|slot| frame.plan.step(slot.step)) else { return Vec::new() };
    if planned.spec.needs.join == Join::All {
        return Vec::new();
    }
    let settled = |need: &Slot| frame.state(*need).is_some_and(|state| matches!(state.life, Life::Settled(_)));
    let over = planned.needs.iter().map(|need| Slot::from(*need)).filter(settled);
    over.map(|need| frame.plan.step(need.step).spec.id.clone()).collect()
}

fn of_when(state: &State, at: &At) -> Vec<(String, Value)> {
    with_step(state, at, |frame, slot| frame.plan.step(slot.step).spec.when.clone())
}

fn with_step(state: &State, at: &At, expr: impl FnOnce(&Frame, Slot) -> Option<Expr>) -> Vec<(String, Value)> {
    let Some(frame) = state.frame(&at.flow) else { return Vec::new() };
    let Some(slot) = frame.slot(&at.step) else { return Vec::new() };
    expr(frame, slot).map_or_else(Vec::new, |expr| values(state, frame, slot, &expr))
}

fn values(state: &State, frame: &Frame, slot: Slot, expr: &Expr) -> Vec<(String, Value)> {
    let reads = expr.reads();
    let scope = template_scope(state, frame, reads, slot);
    let mut found = Vec::new();
    let mut show = |name: String, value: Option<&Value>| {
        if let Some(value) = value {
            found.push((name, short(value)));
        }
    };
    if let Some(Value::Object(params)) = scope.get("params") {
        for (name, value) in params.iter().filter(|(name, _)| mentions(expr.text(), name)) {
            show(format!("params.{name}"), Some(value));
        }
    }
    for (step, fields) in &reads.steps {
        for field in fields {
            let value = scope.get("steps").and_then(|steps| steps.get(step)).and_then(|one| one.get(field.word()));
            let spelled = [format!("steps.{step}"), format!("steps['{step}']"), format!("steps[\"{step}\"]")];
            let below = value.map(|value| parts(expr.text(), &spelled, field.word(), value)).unwrap_or_default();
            if below.is_empty() {
                show(format!("steps.{step}.{}", field.word()), value);
            }
            for (path, part) in below {
                show(format!("steps.{step}.{}{path}", field.word()), Some(part));
            }
        }
    }
    for field in &reads.step {
        show(format!("step.{}", field.word()), scope.get("step").and_then(|one| one.get(field.word())));
    }
    if reads.tops.contains("measured")
        && let Some(result) = frame.state(slot).and_then(|step| step.result.as_deref())
    {
        let measured = measured_of_result(result);
        for (path, part) in below(expr.text(), "measured", &measured) {
            show(format!("measured{path}"), Some(part));
        }
    }
    if reads.tops.contains("iteration") {
        show("iteration".to_owned(), scope.get("iteration"));
    }
    found
}

/// The same below a name of its own.
fn below<'v>(text: &str, name: &str, value: &'v Value) -> BTreeMap<String, &'v Value> {
    let own = |at: &usize| !text[..*at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.'));
    let dotted = format!("{name}.");
    let starts: Vec<usize> = text.match_indices(&dotted).map(|(at, _)| at).filter(own).map(|at| at + dotted.len()).collect();
    paths(text, &starts, value)
}

/// What the text reads below a field that is an object: the one key it asks about, not a document of many.
fn parts<'v>(text: &str, step: &[String], field: &str, value: &'v Value) -> BTreeMap<String, &'v Value> {
    let of_step = |at: &usize| step.iter().any(|step| text[..*at].ends_with(step.as_str()));
    let dotted = format!(".{field}.");
    let starts: Vec<usize> = text.match_indices(&dotted).map(|(at, _)| at).filter(of_step).map(|at| at + dotted.len()).collect();
    paths(text, &starts, value)
}

/// The values at the paths that begin at these places of the text.
fn paths<'v>(text: &str, starts: &[usize], value: &'v Value) -> BTreeMap<String, &'v Value> {
    let mut found = BTreeMap::new();
    for start in starts {
        let (mut path, mut part) = (String::new(), value);
        for name in text[*start..].split('.') {
            let word: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let Some(below) = part.get(&word) else { break };
            path.push('.');
            path.push_str(&word);
            part = below;
            if word.len() < name.len() {
                break;
            }
        }
        if !path.is_empty() {
            found.insert(path, part);
        }
    }
    found
}

/// The name stands in the text as a word of its own.
fn mentions(text: &str, name: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(part_of_name)
            && !text[at + name.len()..].chars().next().is_some_and(part_of_name)
    })
}

fn short(value: &Value) -> Value {
    let text = match value {
        Value::String(text) => text.trim_end().to_owned(),
        Value::Array(_) | Value::Object(_) => value.to_string(),
        Value::Null | Value::Bool(_) | Value::Number(_) => return value.clone(),
    };
    if text.chars().count() <= SHOWN_CHARS_MAX {
        return if value.is_string() { Value::String(text) } else { value.clone() };
    }
    Value::String(format!("{}…", text.chars().take(SHOWN_CHARS_MAX).collect::<String>()))
}
