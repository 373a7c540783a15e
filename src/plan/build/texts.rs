//! What later steps will ask for of a step; what nobody asks for is not kept.
//! In: the flow and its graph. Out: for each step, what is kept of it.

use std::collections::BTreeMap;

use crate::{
    id::StepId,
    plan::region::{Graph, StepIx, ancestors},
    spec::{
        Expr, Flow, Reads, StepField, Template, Verb,
        flow::{Ask, DoneTest, WithValue},
    },
};

/// What later steps ask for of a step, beyond how it ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    pub stdout: bool,
    pub stderr: bool,
    pub json: bool,
    pub handoff: bool,
    /// What was measured of it, also when it succeeded: a navigator comes after it.
    pub figures: bool,
}

impl Keep {
    fn texts(&mut self) {
        (self.stdout, self.stderr, self.json, self.handoff) = (true, true, true, true);
    }

    fn field(&mut self, field: StepField) {
        match field {
            StepField::Stdout => self.stdout = true,
            StepField::Stderr => self.stderr = true,
            StepField::Json => self.json = true,
            StepField::Handoff => self.handoff = true,
            StepField::Status | StepField::Passed | StepField::ExitCode | StepField::Iteration => {}
            StepField::Skipped | StepField::Choice | StepField::Note | StepField::Error | StepField::Measured => {}
        }
    }
}

/// For each step, which of its texts some expression or template asks for, and whether its figures are looked at.
pub(super) fn kept_texts(flow: &Flow, index: &BTreeMap<StepId, StepIx>, graph: &Graph) -> Vec<Keep> {
    let mut keep = vec![Keep::default(); flow.steps.len()];
    for (at, _) in flow.steps.iter().enumerate().filter(|(_, step)| step.navigates.is_some()) {
        ancestors(graph, StepIx::of(at)).into_iter().for_each(|before| keep[before.at()].figures = true);
    }
    for (own, reads) in readers(flow) {
        if reads.steps_dynamic {
            keep.iter_mut().for_each(Keep::texts);
            return keep;
        }
        for (step, fields) in &reads.steps {
            if let Some(at) = index.get(step.as_str()) {
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
            Verb::Run { .. } | Verb::Agent(_) | Verb::Snapshot { .. } | Verb::Compare { .. } | Verb::Scan(_) => {}
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
