//! From a checked flow to a plan: edges, cycles, loop bodies, and which texts later steps will ask for.

use std::{collections::BTreeMap, sync::Arc};

use petgraph::{algo::tarjan_scc, graph::NodeIndex};

use crate::{
    id::{FlowKey, Sha256, StepId},
    spec::{
        Expr, Flow, Reads, Step, StepField, Template, Verb, did_you_mean,
        flow::{Ask, DoneTest, Join, WithValue},
    },
};

use super::region::{Graph, StepIx, between, descendants};

/// One mistake that only the graph shows. `path` names the key in the flow file, e.g. `/steps/3/loop/to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphMistake {
    pub code: &'static str,
    pub path: String,
    pub message: String,
    pub hint: String,
}

/// Which texts of a step's output expressions and templates ask for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    pub stdout: bool,
    pub stderr: bool,
    pub json: bool,
}

impl Keep {
    const ALL: Self = Self { stdout: true, stderr: true, json: true };

    fn field(&mut self, field: StepField) {
        match field {
            StepField::Stdout => self.stdout = true,
            StepField::Stderr => self.stderr = true,
            StepField::Json => self.json = true,
            StepField::Status | StepField::Passed | StepField::ExitCode | StepField::Handoff | StepField::Iteration => {}
            StepField::Skipped | StepField::Choice | StepField::Note | StepField::Error | StepField::Measured => {}
        }
    }
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
        let loops = loops(flow, &index, &graph, &mut mistakes);
        shared_outputs(flow, &graph, &mut mistakes);
        shared_names(flow, &mut mistakes);
        names_before_use(flow, &index, &graph, &mut mistakes);
        navigators(flow, &graph, &mut mistakes);
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let keep = kept_texts(flow, &index);
        let steps =
            flow.steps.iter().zip(keep).enumerate().map(|(at, (step, keep))| planned(step, keep, at, &index, &graph, &loops));
        let (steps, has_placeless) = (steps.collect(), flow.steps.iter().any(|step| may_be_placeless(step)));
        Ok(Self { key: flow.key.clone(), flow: flow.clone(), steps, loops, has_placeless, index, graph })
    }

    pub fn step(&self, at: StepIx) -> &PlannedStep {
        &self.steps[at.at()]
    }
    pub fn find(&self, id: &str) -> Option<StepIx> {
        let id = StepId::new(id).ok()?;
        self.index.get(&id).copied()
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

fn loops(flow: &Flow, index: &BTreeMap<StepId, StepIx>, graph: &Graph, mistakes: &mut Vec<GraphMistake>) -> Vec<LoopPlan> {
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

/// Where one chooses there is something to choose from.
fn navigators(flow: &Flow, graph: &Graph, mistakes: &mut Vec<GraphMistake>) {
    for (at, step) in flow.steps.iter().enumerate().filter(|(_, step)| step.navigated) {
        let next = graph.neighbors(NodeIndex::new(at)).count();
        if next < 2 {
            mistakes.push(GraphMistake {
                code: "navigator-without-choice",
                path: format!("/steps/{at}/route"),
                message: format!("`{}` is to choose, and {next} steps need it", step.id),
                hint: "let two or more steps name it in `needs`".to_owned(),
            });
        }
    }
}

/// Two steps that may run at the same time must not write the same file.
fn shared_outputs(flow: &Flow, graph: &Graph, mistakes: &mut Vec<GraphMistake>) {
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
fn shared_names(flow: &Flow, mistakes: &mut Vec<GraphMistake>) {
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
fn names_before_use(flow: &Flow, index: &BTreeMap<StepId, StepIx>, graph: &Graph, mistakes: &mut Vec<GraphMistake>) {
    let mut look = |at: usize, key: &str, expr: &Expr, own: bool| {
        let before = super::region::ancestors(graph, StepIx::of(at));
        for name in expr.reads().steps.keys() {
            let Some(&named) = StepId::new(name).ok().and_then(|id| index.get(&id)) else { continue };
            if before.binary_search(&named).is_err() || (named.at() == at && !own) {
                mistakes.push(GraphMistake {
                    code: "asks-too-early",
                    path: format!("/steps/{at}/{key}"),
                    message: format!("`{}` asks about `{name}`, which need not be over by then", flow.steps[at].id),
                    hint: format!("add `{name}` to the needs of `{}`", flow.steps[at].id),
                });
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

/// For each step, which of its texts some expression or template asks for. What nobody asks for is not kept.
fn kept_texts(flow: &Flow, index: &BTreeMap<StepId, StepIx>) -> Vec<Keep> {
    let mut keep = vec![Keep::default(); flow.steps.len()];
    for (own, reads) in readers(flow) {
        if reads.steps_dynamic {
            return vec![Keep::ALL; flow.steps.len()];
        }
        for (step, fields) in &reads.steps {
            if let Some(at) = StepId::new(step).ok().and_then(|id| index.get(&id)) {
                fields.iter().for_each(|field| keep[at.at()].field(*field));
            }
        }
        if let Some(at) = own {
            reads.step.iter().for_each(|field| keep[at].field(*field));
        }
    }
    keep
}

/// Every text of the flow that can ask for a step's result, with the step it stands in.
fn readers(flow: &Flow) -> Vec<(Option<usize>, &Reads)> {
    fn of_ask(ask: &Ask) -> impl Iterator<Item = &Reads> {
        let texts = std::iter::once(&ask.question).chain(&ask.evidence).map(Template::reads);
        texts.chain(ask.when.as_ref().map(Expr::reads))
    }
    let mut found: Vec<(Option<usize>, &Reads)> = Vec::new();
    for (at, step) in flow.steps.iter().enumerate() {
        let until = step.ends_loop.as_ref().and_then(|ends| ends.until.as_ref());
        let list = step.for_each.as_ref().map(|each| &each.list);
        let exprs = [step.when.as_ref(), list, step.escalate.as_ref().map(|one| &one.when), until];
        let mut own: Vec<&Reads> = exprs.into_iter().flatten().map(Expr::reads).collect();
        own.extend(step.escalate.iter().filter_map(|one| one.question.as_ref()).map(Template::reads));
        own.extend(step.approve.iter().flat_map(of_ask));
        match &step.verb {
            Verb::Exec { argv } => own.extend(argv.iter().map(Template::reads)),
            Verb::Ask(ask) => own.extend(of_ask(ask)),
            Verb::Render { template, .. } => own.push(template.reads()),
            Verb::Flow { with, .. } => own.extend(with.values().filter_map(|value| match value {
                WithValue::Template(template) => Some(template.reads()),
                WithValue::Value(_) => None,
            })),
            Verb::Run { .. } | Verb::Agent(_) | Verb::Snapshot { .. } | Verb::Compare { .. } => {}
        }
        found.extend(own.into_iter().map(|reads| (Some(at), reads)));
    }
    for done in &flow.done {
        found.extend(done.when.iter().map(|when| (None, when.reads())));
        match &done.test {
            DoneTest::That(expr) => found.push((None, expr.reads())),
            DoneTest::Ask(ask) => found.extend(of_ask(ask).map(|reads| (None, reads))),
        }
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
