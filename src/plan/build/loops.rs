//! Loops as annotations of the graph.
//! In: the flow and its graph without cycles. Out: each loop with its body, and what is wrong with it.
//! Never: a body that can be left anywhere but at its last step.

use std::collections::BTreeMap;

use petgraph::graph::NodeIndex;

use crate::{
    id::StepId,
    plan::region::{Graph, StepIx, between},
    spec::{Flow, flow::Join},
};

use super::{GraphMistake, LoopPlan};

pub(super) fn loops(
    flow: &Flow,
    index: &BTreeMap<StepId, StepIx>,
    graph: &Graph,
    mistakes: &mut Vec<GraphMistake>,
) -> Vec<LoopPlan> {
    let mut loops = Vec::new();
    for (at, step) in flow.steps.iter().enumerate() {
        let Some(ends) = &step.ends_loop else { continue };
        let Some(&first) = index.get(&ends.to) else { continue };
        let last = StepIx::of(at);
        let body = between(graph, first, last);
        let path = format!("/steps/{at}/loop/to");
        if body.is_empty() {
            let message = format!("`{}` does not come before `{}`, so the loop has no body", ends.to, step.id);
            let hint = format!("name a step that `{}` needs, directly or through others", step.id);
            mistakes.push(GraphMistake { code: "loop-target", path, message, hint });
            continue;
        }
        for inside in body.iter().filter(|inside| **inside != last) {
            for out in graph.neighbors(NodeIndex::new(inside.at())).map(|node| graph[node]) {
                if body.binary_search(&out).is_err() {
                    let (from, to) = (&flow.steps[inside.at()].id, &flow.steps[out.at()].id);
                    mistakes.push(GraphMistake {
                        code: "loop-second-exit",
                        path: path.clone(),
                        message: format!(
                            "the loop's body has a second exit: `{to}` needs `{from}`, but only `{}` may be needed outside",
                            step.id
                        ),
                        hint: format!("let `{to}` need `{}`", step.id),
                    });
                }
            }
        }
        for inside in body.iter().filter(|inside| **inside != first) {
            let needs = &flow.steps[inside.at()].needs;
            if matches!(needs.join, Join::AtLeast(n) if (n as usize) < needs.steps.len()) {
                let id = &flow.steps[inside.at()].id;
                mistakes.push(GraphMistake {
                    code: "loop-join",
                    path: format!("/steps/{}/join", inside.at()),
                    message: format!(
                        "`{id}` may start while other steps of the loop's body still run, and the next round would meet them"
                    ),
                    hint: "wait for all; where one of them may be skipped, write `needs_skipped: ok` instead of `join`"
                        .to_owned(),
                });
            }
        }
        if step.for_each.is_some() {
            mistakes.push(GraphMistake {
                code: "loop-with-for-each",
                path: path.clone(),
                message: format!("`{}` ends a loop and runs once per item: who decides whether to go round?", step.id),
                hint: "let a step after it end the loop".to_owned(),
            });
        }
        loops.push(LoopPlan { first, last, body, iterations_max: ends.iterations_max, outer: None });
    }
    for one in 0..loops.len() {
        for other in one + 1..loops.len() {
            let inside = |a: &LoopPlan, b: &LoopPlan| a.body.iter().all(|step| b.body.binary_search(step).is_ok());
            let apart = loops[one].body.iter().all(|step| loops[other].body.binary_search(step).is_err());
            if !(apart || inside(&loops[one], &loops[other]) || inside(&loops[other], &loops[one])) {
                let (a, b) = (&flow.steps[loops[one].last.at()].id, &flow.steps[loops[other].last.at()].id);
                mistakes.push(GraphMistake {
                    code: "loops-overlap",
                    path: format!("/steps/{}/loop", loops[other].last.at()),
                    message: format!("the loops that end at `{a}` and `{b}` overlap, and neither holds the other"),
                    hint: "let one contain the other whole, or keep them apart".to_owned(),
                });
            }
        }
    }
    let outer: Vec<Option<usize>> = (0..loops.len())
        .map(|one| {
            let holds = |other: &usize| {
                *other != one
                    && loops[*other].body.len() > loops[one].body.len()
                    && loops[*other].body.binary_search(&loops[one].last).is_ok()
            };
            (0..loops.len()).filter(holds).min_by_key(|other| loops[*other].body.len())
        })
        .collect();
    for (one, outer) in loops.iter_mut().zip(outer) {
        one.outer = outer;
    }
    loops
}
