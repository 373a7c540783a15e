//! What a picture shows of a plan, whatever its language: nodes with their signs, needs, loops.

use crate::{
    plan::{Plan, PlannedStep, StepIx},
    spec::{Verb, flow::Join},
};

use super::{Mark, Marks};

/// What a node looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Command,
    Agent,
    Person,
    SubFlow,
    Builtin,
}

impl Shape {
    pub fn word(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Agent => "agent",
            Self::Person => "person",
            Self::SubFlow => "subflow",
            Self::Builtin => "builtin",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub id: String,
    pub shape: Shape,
    /// `run`, `agent critic`, `flow deploy`.
    pub verb: String,
    pub title: Option<String>,
    pub mark: Option<Mark>,
    /// A person approves it before it runs; on a condition or always.
    pub approval: Option<Approval>,
    pub when: Option<String>,
    /// `each place`.
    pub each: Option<String>,
    /// `any of 3`, where not all needs have to be met.
    pub join: Option<String>,
    /// What a navigator chooses from: `chooses 1 of 3`, and what it may put in.
    pub choice: Vec<String>,
    /// What ran inside it.
    pub inside: Vec<String>,
    /// It must not be repeated without a person's word.
    pub once: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Approval {
    Always,
    Sometimes,
}

impl Approval {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Always => "approval",
            Self::Sometimes => "approval?",
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Back {
    pub last: usize,
    pub first: usize,
    pub iterations_max: u32,
    /// The round that it is in.
    pub round: Option<u32>,
}

impl Back {
    pub fn label(&self) -> String {
        match self.round {
            Some(round) => format!("round {round}, ≤ {}", self.iterations_max),
            None => format!("≤ {}", self.iterations_max),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Sketch {
    pub title: String,
    pub nodes: Vec<Node>,
    /// From, to.
    pub needs: Vec<(usize, usize)>,
    pub loops: Vec<Back>,
}

impl Sketch {
    pub fn new(plan: &Plan, marks: &Marks) -> Self {
        let nodes = plan.steps.iter().map(|step| node(step, marks)).collect();
        let at = |step: &StepIx| step.at();
        let needs = plan.steps.iter().enumerate().flat_map(|(to, step)| step.needs.iter().map(move |from| (at(from), to)));
        let loops = plan.loops.iter().map(|one| Back {
            last: one.last.at(),
            first: one.first.at(),
            iterations_max: one.iterations_max,
            round: marks.rounds.get(&plan.step(one.last).spec.id).copied(),
        });
        Self { title: plan.flow.title.clone(), nodes, needs: needs.collect(), loops: loops.collect() }
    }
}

fn node(step: &PlannedStep, marks: &Marks) -> Node {
    let spec = &step.spec;
    let (shape, verb) = match &spec.verb {
        Verb::Run { .. } => (Shape::Command, "run".to_owned()),
        Verb::Exec { .. } => (Shape::Command, "exec".to_owned()),
        Verb::Agent(agent) => (Shape::Agent, format!("agent {}", agent.agent)),
        Verb::Ask(ask) if ask.to.is_empty() => (Shape::Person, "ask".to_owned()),
        Verb::Ask(ask) => {
            let roles: Vec<&str> = ask.to.iter().map(|role| role.0.as_str()).collect();
            (Shape::Person, format!("ask {}", roles.join(", ")))
        }
        Verb::Flow { flow, .. } => (Shape::SubFlow, format!("flow {flow}")),
        Verb::Snapshot { name, .. } => (Shape::Builtin, format!("snapshot {name}")),
        Verb::Compare { before, after, .. } => (Shape::Builtin, format!("compare {before} / {after}")),
        Verb::Render { .. } => (Shape::Builtin, "render".to_owned()),
        Verb::Scan(_) => (Shape::Builtin, "scan".to_owned()),
    };
    let needs = step.needs.len();
    let join = match spec.needs.join {
        Join::All => None,
        Join::AtLeast(1) if needs > 1 => Some(format!("any of {needs}")),
        Join::AtLeast(n) if (n as usize) < needs => Some(format!("{n} of {needs}")),
        Join::AtLeast(_) => None,
    };
    Node {
        id: spec.id.to_string(),
        shape,
        verb,
        title: spec.title.clone(),
        mark: marks.steps.get(&spec.id).copied(),
        approval: spec.approve.as_ref().map(|ask| if ask.when.is_some() { Approval::Sometimes } else { Approval::Always }),
        when: spec.when.as_ref().map(|when| when.text().to_owned()),
        each: spec.for_each.as_ref().map(|each| format!("each {}", each.name)),
        join,
        choice: choice(step),
        inside: inside(marks.inside.get(&spec.id).map(Vec::as_slice).unwrap_or_default()),
        once: spec.effects == crate::spec::Effects::Once,
    }
}

/// More is told by the list beside the picture.
const INSIDE_MAX: usize = 3;

fn inside(all: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = all.iter().take(INSIDE_MAX).cloned().collect();
    if all.len() > INSIDE_MAX {
        lines.push(format!("and {} more inside", all.len() - INSIDE_MAX));
    }
    lines
}

fn choice(step: &PlannedStep) -> Vec<String> {
    let Some(navigates) = &step.spec.navigates else { return Vec::new() };
    let mut lines = vec![format!("chooses 1 of {}", step.dependents.len())];
    let flows = navigates.flows.iter().map(|flow| format!("flow:{flow}"));
    let all: Vec<String> = flows.chain(navigates.detours.iter().map(|detour| format!("detour:{detour}"))).collect();
    if !all.is_empty() {
        lines.push(format!("may put in {}, at most {}", all.join(", "), navigates.injections_max));
    }
    lines
}

/// Cut to so many characters, on one line.
pub(super) fn short(text: &str, chars_max: usize) -> String {
    let one: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).collect();
    if one.chars().count() <= chars_max {
        return one;
    }
    let cut: String = one.chars().take(chars_max.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}
