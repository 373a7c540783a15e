//! From a checked flow to a plan: edges both ways, no cycles, loops as annotations.
//! In: a checked flow. Out: its plan, or every mistake that only the graph shows.

mod early;
mod loops;
mod order;
mod texts;

use std::{collections::BTreeMap, sync::Arc};

use petgraph::{algo::tarjan_scc, graph::NodeIndex};

use crate::{
    id::{FlowKey, Sha256, StepId},
    spec::{Flow, Step, Verb, did_you_mean, flow::Join},
};

pub use texts::Keep;

use super::region::{Graph, StepIx, descendants};

/// One mistake that only the graph shows. `path` names the key in the flow file, e.g. `/steps/3/loop/to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphMistake {
    pub code: &'static str,
    pub path: String,
    pub message: String,
    pub hint: String,
}

#[derive(Debug)]
pub struct PlannedStep {
    pub spec: Arc<Step>,
    pub needs: Vec<StepIx>,
    pub dependents: Vec<StepIx>,
    /// How many of `needs` must be met.
    pub required: u32,
    /// The loop whose body ends here.
    pub ends_loop: Option<usize>,
    /// The innermost loop whose body holds this step.
    pub in_loop: Option<usize>,
    pub keep: Keep,
}

#[derive(Debug, Clone)]
pub struct LoopPlan {
    pub first: StepIx,
    pub last: StepIx,
    /// In file order, first and last included.
    pub body: Vec<StepIx>,
    pub iterations_max: u32,
    /// The loop whose body holds this one.
    pub outer: Option<usize>,
}

/// A flow made executable. Immutable; shared by everything that looks at a run.
#[derive(Debug)]
pub struct Plan {
    pub key: FlowKey,
    pub flow: Arc<Flow>,
    pub steps: Vec<PlannedStep>,
    pub loops: Vec<LoopPlan>,
    /// Some step may begin without taking a place among the `jobs`: it asks, fans out, opens a flow, or has a condition.
    pub has_placeless: bool,
    index: BTreeMap<StepId, StepIx>,
    graph: Graph,
}

impl Plan {
    /// # Errors
    /// Every mistake of the graph at once.
    pub fn build(flow: &Arc<Flow>) -> Result<Self, Vec<GraphMistake>> {
        let index: BTreeMap<StepId, StepIx> =
            flow.steps.iter().enumerate().map(|(at, step)| (step.id.clone(), StepIx::of(at))).collect();
        let mut graph = Graph::with_capacity(flow.steps.len(), flow.steps.len());
        for at in 0..flow.steps.len() {
            graph.add_node(StepIx::of(at));
        }
        for (at, step) in flow.steps.iter().enumerate() {
            for need in &step.needs.steps {
                if let Some(need) = index.get(need) {
                    graph.update_edge(NodeIndex::new(need.at()), NodeIndex::new(at), ());
                }
            }
        }
        let cycles = cycles(flow, &graph);
        if !cycles.is_empty() {
            return Err(cycles);
        }
        let mut mistakes = Vec::new();
        let loops = loops::loops(flow, &index, &graph, &mut mistakes);
        order::shared_outputs(flow, &graph, &mut mistakes);
        order::shared_names(flow, &mut mistakes);
        order::names_before_use(flow, &index, &graph, &mut mistakes);
        order::choices(flow, &graph, &mut mistakes);
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let keep = texts::kept_texts(flow, &index, &graph);
        let steps =
            flow.steps.iter().zip(keep).enumerate().map(|(at, (step, keep))| planned(step, keep, at, &index, &graph, &loops));
        let (steps, has_placeless) = (steps.collect(), flow.steps.iter().any(|step| may_be_placeless(step)));
        Ok(Self { key: flow.key.clone(), flow: flow.clone(), steps, loops, has_placeless, index, graph })
    }

    pub fn step(&self, at: StepIx) -> &PlannedStep {
        &self.steps[at.at()]
    }
    pub fn find(&self, id: &str) -> Option<StepIx> {
        self.index.get(id).copied()
    }
    /// For a name that no step has: the one that was meant if one is near enough, else what there is to name.
    pub fn meant(&self, id: &str) -> Option<String> {
        const NAMED_MAX: usize = 20;
        let ids = || self.steps.iter().map(|planned| planned.spec.id.as_str());
        let all = || (self.steps.len() <= NAMED_MAX).then(|| format!("its steps: {}", ids().collect::<Vec<_>>().join(", ")));
        did_you_mean(id, ids()).or_else(all)
    }
    /// The step and all that depends on it, in file order.
    pub fn downstream(&self, from: StepIx) -> Vec<StepIx> {
        descendants(&self.graph, from)
    }
    /// The step and all that it depends on, in file order.
    pub fn upstream(&self, to: StepIx) -> Vec<StepIx> {
        super::region::ancestors(&self.graph, to)
    }
}

fn may_be_placeless(step: &Step) -> bool {
    let other = matches!(step.verb, Verb::Ask(_) | Verb::Flow { .. });
    other || step.for_each.is_some() || step.approve.is_some() || step.when.is_some()
}

fn planned(
    step: &Arc<Step>,
    keep: Keep,
    at: usize,
    index: &BTreeMap<StepId, StepIx>,
    graph: &Graph,
    loops: &[LoopPlan],
) -> PlannedStep {
    let here = StepIx::of(at);
    let mut needs: Vec<StepIx> = step.needs.steps.iter().filter_map(|id| index.get(id).copied()).collect();
    needs.sort_unstable();
    needs.dedup();
    let mut dependents: Vec<StepIx> = graph.neighbors(NodeIndex::new(at)).map(|node| graph[node]).collect();
    dependents.sort_unstable();
    let all = u32::try_from(needs.len()).expect("fewer needs than steps");
    let required = match step.needs.join {
        Join::All => all,
        Join::AtLeast(n) => n.min(all),
    };
    let in_loop = loops.iter().enumerate().filter(|(_, l)| l.body.binary_search(&here).is_ok()).min_by_key(|(_, l)| l.body.len());
    PlannedStep {
        spec: step.clone(),
        needs,
        dependents,
        required,
        ends_loop: loops.iter().position(|l| l.last == here),
        in_loop: in_loop.map(|(at, _)| at),
        keep,
    }
}

fn cycles(flow: &Flow, graph: &Graph) -> Vec<GraphMistake> {
    let mut found = Vec::new();
    for mut component in tarjan_scc(graph) {
        let own = component.first().is_some_and(|&node| graph.contains_edge(node, node));
        if component.len() < 2 && !own {
            continue;
        }
        component.sort_unstable();
        let id = |node: &NodeIndex| flow.steps[graph[*node].at()].id.as_str();
        // A walk inside the component, from its first step until a step comes again: the shortest thing a reader can follow.
        let mut path = vec![component[0]];
        while let Some(next) = graph
            .neighbors(*path.last().expect("path starts with one step"))
            .filter(|next| component.binary_search(next).is_ok())
            .min_by_key(|next| (path.contains(next) && *next != path[0], *next != path[0], *next))
        {
            path.push(next);
            if next == path[0] || path.len() > component.len() + 1 {
                break;
            }
        }
        let shown: Vec<&str> = path.iter().map(id).collect();
        found.push(GraphMistake {
            code: "cycle",
            path: format!("/steps/{}/needs", graph[component[0]].at()),
            message: format!("these steps wait for each other: {}", shown.join(" → ")),
            hint: "take one of these needs away; to repeat steps, use `loop: {to: …, max: …}` on the last of them".to_owned(),
        });
    }
    found
}

/// A plan of steps one after the other, for detours and rollbacks; `flow` lends it everything but the steps.
pub fn chain(key: FlowKey, flow: &Flow, steps: Vec<Arc<Step>>) -> Plan {
    use crate::spec::flow::Needs;
    let mut steps = steps;
    for at in 0..steps.len() {
        let above = if at == 0 { Vec::new() } else { vec![steps[at - 1].id.clone()] };
        Arc::make_mut(&mut steps[at]).needs = Needs { steps: above, implied: true, skipped_ok: false, join: Join::All };
    }
    let text: Vec<&str> = steps.iter().map(|step| step.sha256.as_str()).collect();
    let flow = Flow {
        key,
        done: Vec::new(),
        sha256: Sha256::of(text.join(" ").as_bytes()),
        source: String::new(),
        limits: crate::spec::flow::Limits::default(),
        steps,
        ..flow.clone()
    };
    Plan::build(&Arc::new(flow)).expect("a chain has no cycle, no loop and no parallel steps")
}
