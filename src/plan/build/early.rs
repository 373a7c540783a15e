//! Texts that ask about a step before it is over: a question would show an empty place where its answer should stand.
//! In: a plan. Out: mistakes. Never: the conditions of `order`, which may not even ask about the round before.

use crate::{
    plan::region::{StepIx, ancestors},
    spec::{
        Expr, Reads, Step, Template, Verb,
        flow::{Ask, Teach, WithValue},
    },
};

use super::{GraphMistake, Plan};

impl Plan {
    /// Every text of a step that asks about a step which need not be over by then. In a loop it may ask about the round before.
    pub(in crate::plan) fn texts_too_early(&self) -> Vec<GraphMistake> {
        let mut mistakes = Vec::new();
        for (at, planned) in self.steps.iter().enumerate() {
            let (own, texts) = (StepIx::of(at), texts(&planned.spec));
            if texts.iter().all(|(_, reads)| reads.steps.is_empty()) {
                continue;
            }
            let before = ancestors(&self.graph, own);
            let over = |named: StepIx| named != own && before.binary_search(&named).is_ok();
            let around = |named: StepIx| self.loops.iter().any(|one| one.body.contains(&own) && one.body.contains(&named));
            let id = &planned.spec.id;
            for (key, reads) in texts {
                for (name, named) in reads.steps.keys().filter_map(|name| Some((name, self.find(name)?))) {
                    if !over(named) && !around(named) {
                        mistakes.push(GraphMistake::too_early(id, name, format!("/steps/{at}/{key}")));
                    }
                }
            }
        }
        mistakes
    }
}

impl GraphMistake {
    /// The step asks about another one, or itself, that need not be over by then.
    pub(super) fn too_early(id: &crate::id::StepId, name: &str, path: String) -> Self {
        let own = id.as_str() == name;
        let message = if own {
            format!("`{id}` asks about itself, and is not over by then")
        } else {
            format!("`{id}` asks about `{name}`, which need not be over by then")
        };
        let hint = if own {
            "name a step that comes before it; what it does itself is known to `escalate.when`, `loop.until` and the steps after it".to_owned()
        } else {
            format!("add `{name}` to the needs of `{id}`")
        };
        Self { code: "asks-too-early", path, message, hint }
    }
}

/// Everything that is worked out before the step is over, by its key. What is asked when it has ended is not among it.
fn texts(step: &Step) -> Vec<(String, &Reads)> {
    let mut found: Vec<(String, &Reads)> = Vec::new();
    found.extend(step.expect.json.iter().map(|json| ("expect/json".to_owned(), json.reads())));
    if let Some(ask) = &step.approve {
        // `approve.when` is a condition, and `order` has looked at it.
        found.extend(asked("approve", ask));
    }
    match &step.verb {
        Verb::Exec { argv } => found.extend(argv.iter().enumerate().map(|(nth, part)| (format!("exec/{nth}"), part.reads()))),
        Verb::Agent(agent) => {
            let Teach { objective, inputs, outputs, behavior, success, when_stuck } = &agent.teach;
            let lists = [inputs, outputs, behavior, success, when_stuck].into_iter().flatten();
            found.extend(objective.iter().chain(lists).map(|text| ("teach".to_owned(), text.reads())));
        }
        Verb::Ask(ask) => {
            found.extend(asked("ask", ask));
            found.extend(ask.when.as_ref().map(Expr::reads).map(|reads| ("ask/when".to_owned(), reads)));
        }
        Verb::Flow { with, .. } => found.extend(with.iter().filter_map(|(name, value)| match value {
            WithValue::Template(template) => Some((format!("with/{name}"), template.reads())),
            WithValue::Value(_) => None,
        })),
        Verb::Render { template, .. } => found.push(("render".to_owned(), template.reads())),
        Verb::Run { .. } | Verb::Snapshot { .. } | Verb::Compare { .. } | Verb::Scan(_) => {}
    }
    found
}

fn asked<'a>(key: &'a str, ask: &'a Ask) -> impl Iterator<Item = (String, &'a Reads)> {
    let evidence = ask.evidence.iter().map(Template::reads).enumerate();
    let evidence = evidence.map(move |(nth, reads)| (format!("{key}/evidence/{nth}"), reads));
    std::iter::once((format!("{key}/question"), ask.question.reads())).chain(evidence)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::{
        id::FlowKey,
        plan::Book,
        spec::{Library, Loader},
    };

    fn library(steps: &str) -> Arc<Library> {
        let sub = "flow: sub\nparams: {p: {type: string}}\nsteps: [{id: a, run: x}]";
        let files = [
            ("flows/main.yaml".to_owned(), format!("flow: main\nsteps:\n{steps}\n")),
            ("flows/sub.yaml".to_owned(), sub.to_owned()),
            ("templates/t.hbs".to_owned(), "{{steps.z.stdout}}".to_owned()),
        ];
        let loaded = Loader::in_memory(files).load_library(&FlowKey::new("main").unwrap());
        Arc::new(loaded.unwrap_or_else(|found| panic!("{steps}: {}", found.render(false))).value)
    }

    fn told(steps: &str) -> Vec<String> {
        let found = Book::build(&library(steps)).err().unwrap_or_default();
        found.into_iter().map(|(_, one)| format!("{} {}: {} ({})", one.code, one.path, one.message, one.hint)).collect()
    }

    #[test]
    fn no_text_asks_about_a_step_that_need_not_be_over() {
        for (step, key) in [
            ("run: x, approve: {question: 'Deploy {{steps.z.stdout}}?'}", "approve/question"),
            ("run: x, approve: {question: Go?, evidence: [x, '{{steps.z.stdout}}']}", "approve/evidence/1"),
            ("ask: {question: 'Deploy {{steps.z.stdout}}?'}", "ask/question"),
            ("exec: [echo, '{{#if steps.z.passed}}yes{{/if}}']", "exec/1"),
            ("flow: sub, with: {p: '{{steps.z.stdout}}'}", "with/p"),
            ("render: {template: templates/t.hbs, to: out}", "render"),
            ("run: x, expect: {json: 'json.n == steps.z.json.n'}", "expect/json"),
        ] {
            let says = format!(
                "asks-too-early /steps/0/{key}: `a` asks about `z`, which need not be over by then (add `z` to the needs of `a`)"
            );
            assert_eq!(told(&format!("  - {{id: a, {step}}}\n  - {{id: z, run: x}}")), [says], "{step}");
            assert_eq!(told(&format!("  - {{id: z, run: x}}\n  - {{id: a, {step}}}")), [""; 0], "{step}");
            // A run that has begun with it goes on.
            assert!(Book::of_frozen(&library(&format!("  - {{id: a, {step}}}\n  - {{id: z, run: x}}"))).is_ok());
        }
    }

    #[test]
    fn a_text_may_ask_about_the_round_before_and_a_question_about_what_ended() {
        let around = "  - {id: w, exec: [echo, '{{steps.j.stdout}}']}\n  - {id: j, run: x, loop: {to: w, max: 2}}";
        assert_eq!(told(around), [""; 0]);
        let ended = "  - {id: a, run: x, escalate: {when: step.passed, question: 'It said {{steps.a.stdout}}. Well?'}}";
        assert_eq!(told(ended), [""; 0]);
    }

    #[test]
    fn a_step_that_asks_about_itself_is_not_told_to_need_itself() {
        for step in ["exec: [echo, '{{steps.a.stdout}}']", "run: x, when: steps.a.passed"] {
            let told = told(&format!("  - {{id: a, {step}}}"));
            assert!(told.len() == 1 && told[0].contains("`a` asks about itself") && !told[0].contains("needs of"), "{told:?}");
        }
    }
}
