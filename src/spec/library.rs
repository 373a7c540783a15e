//! A flow with all it needs, and the same as files, so that a frozen copy loads to the same digests.
//! In: a flow's key. Out: a `Library`. Never: flows nested deeper than 8 or in a circle.

use std::{collections::BTreeMap, sync::Arc};

use crate::id::FlowKey;

use super::{
    Diagnostic, Part,
    check::value_fits,
    diagnostic::did_you_mean,
    flow::{Flow, Library, Step, Verb, WithValue},
    injections,
    load::{DETOURS, Reading},
    params,
};

/// Sub-flows inside sub-flows: deeper, nobody follows a run by eye.
const DEPTH_MAX: usize = 8;

/// Reads the flow, its sub-flows and those that may be put in, the detours and all their agents; mistakes go to `reading.found`.
pub(super) fn assemble(reading: &mut Reading<'_>, main: &FlowKey) -> Option<Library> {
    let mut flows: BTreeMap<FlowKey, Option<Arc<Flow>>> = BTreeMap::new();
    let mut waiting = vec![main.clone()];
    while let Some(key) = waiting.pop() {
        if flows.contains_key(&key) {
            continue;
        }
        let read = reading.flow(&key);
        flows.insert(key, read.flow.map(Arc::new));
        waiting.extend(read.names);
    }
    let detours = reading.detours();
    let good: BTreeMap<FlowKey, Arc<Flow>> = flows.into_iter().filter_map(|(key, flow)| Some((key, flow?))).collect();
    for flow in good.values() {
        for (pointer, name, with) in calls(flow) {
            if let Some(called) = good.get(name) {
                let found = arguments(flow, &pointer, with, called);
                reading.found.extend(found);
            }
        }
        let catalog = detours.as_ref().map(|(detours, _)| detours.as_slice());
        reading.found.extend(injections::check(flow, &good, catalog));
    }
    if let Some(top) = good.get(main) {
        let circle = nesting(&good, top, &mut vec![main.clone()]);
        reading.found.extend(circle);
    }
    let (detours, detours_source) = detours?;
    Some(Library { main: main.clone(), flows: good, detours, detours_source, agents: reading.agents() })
}

type With = BTreeMap<crate::id::ParamName, WithValue>;

fn calls(flow: &Flow) -> impl Iterator<Item = (String, &FlowKey, &With)> {
    flow.steps.iter().enumerate().filter_map(|(at, step)| match &step.verb {
        Verb::Flow { flow, with } => Some((format!("/steps/{at}"), flow, with)),
        _ => None,
    })
}

/// `with` held against the parameters of the flow that is called.
fn arguments(flow: &Flow, pointer: &str, with: &With, called: &Flow) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, value) in with {
        let below = format!("{pointer}/with/{name}");
        let Some(param) = called.params.get(name) else {
            let hint = did_you_mean(name.as_str(), called.params.keys().map(crate::id::ParamName::as_str))
                .unwrap_or_else(|| format!("see `params` in {}.yaml", called.key));
            let diagnostic = Diagnostic::error("unknown-param", format!("the flow `{}` has no parameter `{name}`", called.key));
            found.push(flow.places.mark(&below, Part::Key, diagnostic.hint(hint)));
            continue;
        };
        let wrong = match value {
            // What a template gives is known only when the step starts.
            WithValue::Template(template) if template.text().contains("{{") => None,
            WithValue::Template(template) => {
                params::from_text(param, template.text()).and_then(|value| value_fits(param, &value)).err()
            }
            WithValue::Value(value) => value_fits(param, value).err(),
        };
        if let Some((message, hint)) = wrong {
            let diagnostic = Diagnostic::error("bad-param", format!("`{name}` of the flow `{}`: {message}", called.key));
            found.push(flow.places.mark(&below, Part::Value, diagnostic.maybe_hint(hint)));
        }
    }
    for (name, _) in called.params.iter().filter(|(name, param)| param.required && !with.contains_key(*name)) {
        let diagnostic = Diagnostic::error("missing-param", format!("the flow `{}` requires the parameter `{name}`", called.key));
        found.push(flow.places.mark(
            &format!("{pointer}/flow"),
            Part::Value,
            diagnostic.hint(format!("add `with: {{{name}: …}}`")),
        ));
    }
    found
}

/// The first circle or too deep nesting below `flow`, of flows that it calls or lets be put in; `path` leads to it.
fn nesting(flows: &BTreeMap<FlowKey, Arc<Flow>>, flow: &Flow, path: &mut Vec<FlowKey>) -> Option<Diagnostic> {
    let called = calls(flow).map(|(pointer, name, _)| (format!("{pointer}/flow"), name));
    for (place, name) in called.chain(injections::injected(flow)) {
        let way = |path: &[FlowKey]| path.iter().map(FlowKey::as_str).chain([name.as_str()]).collect::<Vec<_>>().join(" → ");
        if let Some(from) = path.iter().position(|above| above == name) {
            let diagnostic = Diagnostic::error("flow-cycle", format!("flows run in a circle: {}", way(&path[from..])));
            return Some(flow.places.mark(&place, Part::Value, diagnostic.hint("to repeat steps, use `loop`")));
        }
        if path.len() >= DEPTH_MAX {
            let diagnostic = Diagnostic::error("flow-depth", format!("flows are nested deeper than {DEPTH_MAX}: {}", way(path)));
            return Some(flow.places.mark(&place, Part::Value, diagnostic.hint("bring the innermost steps one level up")));
        }
        let Some(called) = flows.get(name) else { continue };
        path.push(name.clone());
        let found = nesting(flows, called, path);
        path.pop();
        if found.is_some() {
            return found;
        }
    }
    None
}

impl Library {
    /// Every file that the library was read from, by its path in a frozen copy, sorted.
    pub fn files(&self) -> Vec<(String, String)> {
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        for (key, flow) in &self.flows {
            files.insert(format!("flows/{key}.yaml"), flow.source.clone());
            templates(&flow.steps, &mut files);
        }
        for agent in self.agents.values() {
            files.insert(format!("agents/{}", agent.file), agent.source.clone());
        }
        if let Some(source) = &self.detours_source {
            files.insert(format!("flows/{DETOURS}"), source.clone());
        }
        self.detours.iter().for_each(|detour| templates(&detour.steps, &mut files));
        files.into_iter().collect()
    }

    /// The flow that was asked for.
    pub fn main_flow(&self) -> Option<&Arc<Flow>> {
        self.flows.get(&self.main)
    }
}

fn templates(steps: &[Arc<Step>], files: &mut BTreeMap<String, String>) {
    for step in steps {
        if let Verb::Render { path, template, .. } = &step.verb {
            files.insert(path.clone(), template.text().to_owned());
        }
    }
}
