//! What navigators may put in, held against what there is: the catalog of detours, and the parameters of flows.
//! In: a flow, the flows and detours of its library. Out: findings, where they stand. Never: a name taken on trust.

use std::{collections::BTreeMap, sync::Arc};

use crate::id::FlowKey;

use super::{
    Diagnostic, Part,
    diagnostic::{did_you_mean, one_of},
    flow::{Detour, Flow},
    text::{ParamText, ParamType},
};

/// Each flow that some step of this one may put in, and where it stands.
pub(super) fn injected(flow: &Flow) -> impl Iterator<Item = (String, &FlowKey)> {
    flow.steps.iter().enumerate().flat_map(|(at, step)| {
        let flows = step.navigates.iter().flat_map(|navigates| &navigates.flows).enumerate();
        flows.map(move |(nth, key)| (format!("/steps/{at}/inject/flows/{nth}"), key))
    })
}

pub(super) fn check(flow: &Flow, flows: &BTreeMap<FlowKey, Arc<Flow>>, detours: Option<&[Arc<Detour>]>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (pointer, key) in injected(flow) {
        if let Some(inner) = flows.get(key) {
            found.extend(params(flow, inner).map(|diagnostic| flow.places.mark(&pointer, Part::Value, diagnostic)));
        }
    }
    let Some(detours) = detours else { return found };
    for (at, step) in flow.steps.iter().enumerate() {
        for (nth, id) in step.navigates.iter().flat_map(|navigates| &navigates.detours).enumerate() {
            if detours.iter().any(|detour| detour.id == *id) {
                continue;
            }
            let known = || detours.iter().map(|detour| detour.id.as_str());
            let hint = did_you_mean(id.as_str(), known()).unwrap_or_else(|| match detours.len() {
                0 => "there is no catalog: write flows/detours.yaml".to_owned(),
                _ => format!("the detours are {}", one_of(known())),
            });
            let diagnostic = Diagnostic::error("unknown-detour", format!("there is no detour `{id}`")).hint(hint);
            found.push(flow.places.mark(&format!("/steps/{at}/inject/detours/{nth}"), Part::Value, diagnostic));
        }
    }
    found
}

/// An injected flow gets what it shares with the flow around it by name: it must be able to take that, and lack nothing.
fn params<'a>(outer: &'a Flow, inner: &'a Flow) -> impl Iterator<Item = Diagnostic> {
    inner.params.iter().filter_map(|(name, takes)| {
        let Some(gives) = outer.params.get(name) else {
            return takes.required.then(|| {
                let message = format!("the flow `{}` requires the parameter `{name}`, and this flow has none to give", inner.key);
                let hint = format!("add `{name}` to the `params` of this flow, or give it a default in {}.yaml", inner.key);
                Diagnostic::error("missing-param", message).hint(hint)
            });
        };
        let optional = takes.required && !gives.required && gives.default.is_none();
        let why = if optional { Some("it may be left out here, and is required there") } else { differs(gives, takes) };
        why.map(|why| {
            let message = format!("`{name}` of this flow does not fit `{name}` of the flow `{}`: {why}", inner.key);
            Diagnostic::error("bad-param", message).hint("declare both alike, or give them different names")
        })
    })
}

fn differs(gives: &ParamText, takes: &ParamText) -> Option<&'static str> {
    let narrower = takes.r#type == ParamType::Enum && gives.values.iter().any(|value| !takes.values.contains(value));
    if gives.r#type != takes.r#type {
        Some("their types differ")
    } else if narrower {
        Some("it may have a value here that it cannot have there")
    } else if takes.pattern.is_some() && gives.pattern != takes.pattern {
        Some("their patterns differ")
    } else {
        None
    }
}
