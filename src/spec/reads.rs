//! What a whole flow asks of its steps, so that only that is kept of them.
//! In: a checked flow or step. Out: the `Reads` of all its expressions and templates. Never: an agent's prompt (it names no steps).

use super::{
    Expr, Reads, Template,
    flow::{Ask, DoneTest, Flow, Step, Teach, Verb, WithValue},
    text::EngineText,
};

impl Reads {
    /// Everything that `other` asks for, too.
    pub fn merge(&mut self, other: &Self) {
        for (id, fields) in &other.steps {
            self.steps.entry(id.clone()).or_default().extend(fields);
        }
        self.steps_dynamic |= other.steps_dynamic;
        self.step.extend(&other.step);
        self.tops.extend(other.tops.iter().cloned());
    }

    fn of(exprs: Vec<&Expr>, templates: Vec<&Template>) -> Self {
        let mut all = Self::default();
        exprs.into_iter().for_each(|expr| all.merge(expr.reads()));
        templates.into_iter().for_each(|template| all.merge(template.reads()));
        all
    }
}

impl Flow {
    /// What its steps and its `done` ask for.
    pub fn reads(&self) -> Reads {
        let mut all = Reads::default();
        self.steps.iter().for_each(|step| all.merge(&step.reads()));
        for done in &self.done {
            let (mut exprs, mut templates) = (Vec::from_iter(&done.when), Vec::new());
            match &done.test {
                DoneTest::That(that) => exprs.push(that),
                DoneTest::Ask(ask) => parts(ask, &mut exprs, &mut templates),
            }
            all.merge(&Reads::of(exprs, templates));
        }
        all
    }
}

impl Step {
    /// It promises what needs no fence: it runs no command, or none but those that an observing agent of ours is not given.
    pub fn held_without_fence(&self) -> bool {
        match &self.verb {
            Verb::Agent(agent) => match agent.engine {
                // A program is told to only read; one that cannot be told so is refused before the flow starts.
                EngineText::Openai | EngineText::Claude | EngineText::Codex | EngineText::Cli | EngineText::Stub => {
                    self.verify.is_empty()
                }
                EngineText::Replay => false,
            },
            Verb::Snapshot { commands, .. } => commands.is_empty(),
            Verb::Ask(_) | Verb::Flow { .. } | Verb::Compare { .. } | Verb::Scan(_) => true,
            Verb::Render { .. } => self.verify.is_empty(),
            Verb::Run { .. } | Verb::Exec { .. } => false,
        }
    }

    /// What its expressions and templates ask for.
    pub fn reads(&self) -> Reads {
        let mut exprs = Vec::from_iter(&self.when);
        let mut templates = Vec::new();
        exprs.extend(self.for_each.as_ref().map(|for_each| &for_each.list));
        exprs.extend(&self.expect.json);
        exprs.extend(self.ends_loop.as_ref().and_then(|ends| ends.until.as_ref()));
        if let Some(escalate) = &self.escalate {
            exprs.push(&escalate.when);
            templates.extend(&escalate.question);
        }
        if let Some(ask) = &self.approve {
            parts(ask, &mut exprs, &mut templates);
        }
        match &self.verb {
            Verb::Exec { argv } => templates.extend(argv),
            Verb::Agent(agent) => {
                let Teach { objective, inputs, outputs, behavior, success, when_stuck } = &agent.teach;
                templates.extend(objective);
                [inputs, outputs, behavior, success, when_stuck].into_iter().for_each(|texts| templates.extend(texts));
            }
            Verb::Ask(ask) => parts(ask, &mut exprs, &mut templates),
            Verb::Flow { with, .. } => templates.extend(with.values().filter_map(|value| match value {
                WithValue::Template(template) => Some(template),
                WithValue::Value(_) => None,
            })),
            Verb::Render { template, .. } => templates.push(template),
            Verb::Run { .. } | Verb::Snapshot { .. } | Verb::Compare { .. } | Verb::Scan(_) => {}
        }
        Reads::of(exprs, templates)
    }
}

fn parts<'a>(ask: &'a Ask, exprs: &mut Vec<&'a Expr>, templates: &mut Vec<&'a Template>) {
    exprs.extend(&ask.when);
    templates.push(&ask.question);
    templates.extend(&ask.evidence);
}
