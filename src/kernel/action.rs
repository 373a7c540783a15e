//! What a step is going to do, in the words of the flow.
//! In: a step that has not started. Out: a text for people, which an approval shows and its digest covers.
//! Never: a value left out that the step is given besides the flow's parameters.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::Value;

use crate::{
    id::{FlowKey, FramePath, ParamName, Sha256},
    spec::{
        Template, Verb,
        flow::{Step, WithValue},
        params,
    },
};

use super::{
    scope::{scope, scope_value},
    state::{Frame, Slot, State},
    turn::Turn,
};

/// Digits of a digest that a person compares.
const DIGITS: usize = 12;

/// The command, or what else the step does, in short.
pub(super) fn action(turn: &Turn, path: &FramePath, slot: Slot, spec: &Step) -> String {
    let frame = turn.frame(path);
    match &spec.verb {
        Verb::Run { script } => script.trim().to_owned(),
        Verb::Exec { argv } => {
            let render = |part: &Template| rendered(&turn.state, frame, slot, part).unwrap_or_else(|_| part.text().to_owned());
            serde_json::to_string(&argv.iter().map(render).collect::<Vec<_>>()).unwrap_or_default()
        }
        Verb::Agent(agent) => format!("agent {}", agent.agent),
        Verb::Ask(_) => "ask".to_owned(),
        Verb::Flow { flow, .. } => format!("flow {flow}"),
        Verb::Snapshot { name, .. } => format!("snapshot {name}"),
        Verb::Compare { before, after, .. } => format!("compare {before} with {after}"),
        Verb::Render { to, .. } => format!("render {to}"),
        Verb::Scan(scan) => format!("scan {scan}"),
    }
}

/// The exact thing an approval allows: with what the step is given, and which agent or flow it is that it names.
pub(super) fn approved_action(turn: &Turn, path: &FramePath, slot: Slot, spec: &Step) -> String {
    let frame = turn.frame(path);
    let mut text = action(turn, path, slot, spec);
    match &spec.verb {
        Verb::Agent(agent) => {
            let _ = write!(text, " (sha256 {})", short(&agent.agent_sha256));
        }
        Verb::Flow { flow, with } => {
            if let Some(plan) = frame.book.flows.get(flow) {
                let steps = plan.steps.len();
                let _ = write!(text, " ({steps} step{}, sha256 {})", if steps == 1 { "" } else { "s" }, short(&plan.flow.sha256));
            }
            // What cannot be worked out fails the step when it starts.
            for (name, value) in given(&turn.state, frame, slot, flow, with).unwrap_or_default() {
                let _ = write!(text, "\nwith {name} = {value}");
            }
        }
        _ => {}
    }
    if let Some(item) = frame.item_value(slot) {
        let _ = write!(text, "\nwith item = {item}");
    }
    text
}

fn short(digest: &Sha256) -> &str {
    digest.as_str().get(..DIGITS).unwrap_or_default()
}

/// What a `flow:` step gives its flow, templates filled in. What they give is held against the parameter only now: it was not
/// known when the flow was loaded.
pub(super) fn given(
    state: &State,
    frame: &Frame,
    slot: Slot,
    flow: &FlowKey,
    with: &BTreeMap<ParamName, WithValue>,
) -> Result<BTreeMap<ParamName, Value>, String> {
    let declared = frame.book.flows.get(flow).map(|plan| &plan.flow.params);
    let value = |name: &ParamName, value: &WithValue| match value {
        WithValue::Value(value) => Ok(value.clone()),
        WithValue::Template(template) => {
            let seen = seen(state, frame, slot, template);
            let text = template.render(&seen).map_err(|error| error.to_string())?;
            let param = declared.and_then(|params| params.get(name));
            let param = param.ok_or_else(|| format!("the flow `{flow}` has no parameter `{name}`"))?;
            params::handed_on(name, param, template.sole(&seen), &text)
        }
    };
    with.iter().map(|(name, given)| Ok((name.clone(), value(name, given)?))).collect()
}

fn rendered(state: &State, frame: &Frame, slot: Slot, template: &Template) -> Result<String, String> {
    template.render(&seen(state, frame, slot, template)).map_err(|error| error.to_string())
}

fn seen(state: &State, frame: &Frame, slot: Slot, template: &Template) -> Value {
    scope_value(scope(state, frame, template.reads(), Some(slot), None))
}
