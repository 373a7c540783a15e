//! What may stand beside what: files and names that two steps share, conditions that ask too early, choices without a choice.
//! In: the flow and its graph. Out: mistakes. Never: a step judged alone (that is `spec`).

use std::collections::BTreeMap;

use petgraph::graph::NodeIndex;

use crate::{
    id::StepId,
    plan::region::{Graph, StepIx, ancestors, between},
    spec::{Expr, Flow, Verb, flow::Join},
};

use super::GraphMistake;

/// Where one chooses there is something to choose from, and nothing goes on that was not chosen.
pub(super) fn choices(flow: &Flow, graph: &Graph, mistakes: &mut Vec<GraphMistake>) {
    for (at, step) in flow.steps.iter().enumerate().filter(|(_, step)| step.navigates.is_some()) {
        let next: Vec<usize> = graph.neighbors(NodeIndex::new(at)).map(|node| graph[node].at()).collect();
        if next.len() < 2 {
            let who = if next.is_empty() { "no step needs it" } else { "only one step needs it" };
            mistakes.push(GraphMistake {
                code: "navigator-without-choice",
                path: format!("/steps/{at}/route"),
                message: format!("`{}` is to choose what comes next, and {who}", step.id),
                hint: format!("let two or more steps name it: `needs: [{}]`", step.id),
            });
        }
        for way in next {
            let needs = &flow.steps[way].needs;
            if matches!(needs.join, Join::AtLeast(n) if (n as usize) < needs.steps.len()) {
                let id = &flow.steps[way].id;
                mistakes.push(GraphMistake {
                    code: "navigator-join",
                    path: format!("/steps/{way}/join"),
                    message: format!("`{id}` may start before `{}` has chosen", step.id),
                    hint: format!("wait for all of its needs, or let it need a step that comes after `{}`", step.id),
                });
            }
        }
    }
}

/// Two steps that may run at the same time must not write the same file.
pub(super) fn shared_outputs(flow: &Flow, graph: &Graph, mistakes: &mut Vec<GraphMistake>) {
    let mut writers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, step) in flow.steps.iter().enumerate() {
        let rendered = if let Verb::Render { to, .. } = &step.verb { Some(to.as_str()) } else { None };
        for output in step.outputs.iter().map(String::as_str).chain(rendered) {
            let steps = writers.entry(output).or_default();
            if steps.last() != Some(&at) {
                steps.push(at);
            }
        }
    }
    for (output, steps) in writers {
        for (one, &first) in steps.iter().enumerate() {
            for &second in &steps[one + 1..] {
                let (a, b) = (StepIx::of(first), StepIx::of(second));
                if between(graph, a, b).is_empty() && between(graph, b, a).is_empty() {
                    let (x, y) = (&flow.steps[first].id, &flow.steps[second].id);
                    mistakes.push(GraphMistake {
                        code: "shared-output",
                        path: format!("/steps/{second}/outputs"),
                        message: format!("`{x}` and `{y}` may run at the same time and both write `{output}`"),
                        hint: format!("give them different files, or let `{y}` need `{x}`"),
                    });
                }
            }
        }
    }
}

/// Receipts are named `<step>-<agent>`: step `a` of agent `b-c` and step `a-b` of agent `c` would share one file.
pub(super) fn shared_names(flow: &Flow, mistakes: &mut Vec<GraphMistake>) {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for (at, step) in flow.steps.iter().enumerate() {
        let Verb::Agent(agent) = &step.verb else { continue };
        if let Some(before) = names.insert(format!("{}-{}", step.id, agent.agent), at) {
            mistakes.push(GraphMistake {
                code: "shared-receipt",
                path: format!("/steps/{at}/id"),
                message: format!(
                    "`{}` and `{}` would write the same receipt, `{}-{}.json`",
                    flow.steps[before].id, step.id, step.id, agent.agent
                ),
                hint: "give one of the two steps another id".to_owned(),
            });
        }
    }
}

/// A condition may only ask about steps that are over when it is asked.
pub(super) fn names_before_use(flow: &Flow, index: &BTreeMap<StepId, StepIx>, graph: &Graph, mistakes: &mut Vec<GraphMistake>) {
    let mut look = |at: usize, key: &str, expr: &Expr, own: bool| {
        let before = ancestors(graph, StepIx::of(at));
        for name in expr.reads().steps.keys() {
            let Some(&named) = index.get(name.as_str()) else { continue };
            if before.binary_search(&named).is_err() || (named.at() == at && !own) {
                mistakes.push(GraphMistake::too_early(&flow.steps[at].id, name, format!("/steps/{at}/{key}")));
            }
        }
    };
    for (at, step) in flow.steps.iter().enumerate() {
        if let Some(when) = &step.when {
            look(at, "when", when, false);
        }
        if let Some(each) = &step.for_each {
            look(at, "for_each", &each.list, false);
        }
        if let Some(when) = step.approve.as_ref().and_then(|ask| ask.when.as_ref()) {
            look(at, "approve/when", when, false);
        }
        if let Some(until) = step.ends_loop.as_ref().and_then(|ends| ends.until.as_ref()) {
            look(at, "loop/until", until, true);
        }
        if let Some(escalate) = &step.escalate {
            look(at, "escalate/when", &escalate.when, true);
        }
    }
}
