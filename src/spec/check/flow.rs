//! A whole flow, and the catalog of detours.
//! In: `FlowText`, `DetoursText`. Out: `Flow`, `Detour`s; `None` where anything is wrong with them.
//! Never: fewer findings because there were others before.

use std::{collections::BTreeSet, sync::Arc};

use crate::id::{FlowKey, Sha256};

use super::super::{
    Diagnostic, Expr, Length, Names, Part, StepField,
    flow::{Detour, DetourWhen, Done, DoneTest, Flow, Limits, Step},
    text::{CharterText, DefaultsText, DetourText, DetoursText, DoneText, FlowText, LimitsText, StepText},
};
use super::{Check, digest, step::Around};

/// Checks the flow that was read from the file with the stem `key`.
pub(in super::super) fn flow(check: &mut Check<'_>, key: &FlowKey, text: &FlowText) -> Option<Flow> {
    if &text.flow != key {
        let diagnostic = Diagnostic::error("flow-not-file", format!("the flow is called `{}`, its file `{key}.yaml`", text.flow));
        check.say("/flow", Part::Value, diagnostic.hint(format!("write `flow: {key}`, or rename the file")));
    }
    check.params(&text.params);
    check.paths("/read_first", &text.read_first);
    check.requirements(text);
    for (at, name) in text.secrets.iter().enumerate() {
        check.env_name(&format!("/secrets/{at}"), Part::Value, name);
    }
    check.delays("/defaults/retry", text.defaults.retry.as_ref());
    let limits = check.limits(&text.limits);
    let ids = check.ids("/steps", &text.steps);
    check.step_names("/steps", &text.steps, &ids);
    check.snapshots("/steps", &text.steps);
    check.rollbacks("/steps", &text.steps, &text.defaults);
    check.unused_defaults(&text.steps, &text.defaults);
    let names = Names {
        params: Some(Arc::new(text.params.keys().map(ToString::to_string).collect())),
        steps: Arc::new(ids),
        others: BTreeSet::new(),
        early: false,
        frozen: check.shelf.is_frozen(),
    };
    let none = CharterText::default();
    let shared = Shared {
        names: &names,
        defaults: &text.defaults,
        secrets: &text.secrets,
        charter: text.charter.as_ref().unwrap_or(&none),
    };
    let steps = check.steps("/steps", &text.steps, &shared);
    let done = check.done(&text.done, &names);
    if check.found.iter().any(|finding| finding.diagnostic.is_error()) {
        return None;
    }
    let source = check.places.source.text.to_string();
    Some(Flow {
        key: key.clone(),
        title: text.title.clone().unwrap_or_else(|| key.to_string()),
        charter: text.charter.clone().unwrap_or_default(),
        role: text.role.clone(),
        params: text.params.clone(),
        requires: text.requires.clone(),
        read_first: text.read_first.clone(),
        limits,
        jobs: text.jobs,
        secrets: text.secrets.clone(),
        steps,
        done,
        sha256: Sha256::of(source.as_bytes()),
        source,
        places: check.places.clone(),
    })
}

/// Checks the catalog of detours.
pub(in super::super) fn detours(check: &mut Check<'_>, text: &DetoursText) -> Option<Vec<Detour>> {
    let mut all: Vec<Detour> = Vec::new();
    let mut seen = BTreeSet::new();
    for (at, text) in text.detours.iter().enumerate() {
        let pointer = format!("/detours/{at}");
        if !seen.insert(&text.id) {
            let diagnostic = Diagnostic::error("duplicate-id", format!("the detour `{}` is already there", text.id));
            check.say(&format!("{pointer}/id"), Part::Value, diagnostic.hint("give each detour its own id"));
        }
        all.extend(check.detour(&pointer, text));
    }
    (all.len() == text.detours.len() && check.found.iter().all(|finding| !finding.diagnostic.is_error())).then_some(all)
}

/// What a flow says for all of its steps.
#[derive(Clone, Copy)]
struct Shared<'a> {
    names: &'a Names,
    defaults: &'a DefaultsText,
    secrets: &'a [String],
    charter: &'a CharterText,
}

impl Check<'_> {
    fn steps(&mut self, pointer: &str, texts: &[StepText], shared: &Shared<'_>) -> Vec<Arc<Step>> {
        let Shared { names, defaults, secrets, charter } = *shared;
        let mut steps = Vec::with_capacity(texts.len());
        for (at, text) in texts.iter().enumerate() {
            if self.full() {
                break;
            }
            let above = at.checked_sub(1).map(|above| &texts[above].id);
            let around = Around { names, defaults, secrets, charter, above, proved: names.params.is_none() };
            steps.extend(self.step(&format!("{pointer}/{at}"), text, &around).map(Arc::new));
        }
        steps
    }

    fn requirements(&mut self, text: &FlowText) {
        for (at, name) in text.requires.env.iter().enumerate() {
            self.env_name(&format!("/requires/env/{at}"), Part::Value, name);
        }
        for (at, path) in text.requires.files.iter().enumerate() {
            self.path(&format!("/requires/files/{at}"), path);
        }
        for (at, program) in text.requires.commands.iter().enumerate() {
            if program.trim().is_empty() || program.contains(char::is_whitespace) {
                let diagnostic = Diagnostic::error("bad-name", format!("`{program}` is not the name of a program"));
                self.say(
                    &format!("/requires/commands/{at}"),
                    Part::Value,
                    diagnostic.hint("write the program's name alone: git"),
                );
            }
        }
    }

    fn limits(&mut self, text: &LimitsText) -> Limits {
        Limits {
            wall_ms_max: text.wall.map(Length::as_ms),
            steps_max: text.steps,
            tokens_max: text.tokens,
            usd_max: text.usd,
            turns_max: text.turns,
            on_unknown_cost: text.on_unknown_cost,
        }
    }

    fn done(&mut self, texts: &[DoneText], names: &Names) -> Vec<Done> {
        let mut all: Vec<Done> = Vec::new();
        let mut seen = BTreeSet::new();
        for (at, text) in texts.iter().enumerate() {
            let pointer = format!("/done/{at}");
            if !seen.insert(&text.id) {
                let diagnostic = Diagnostic::error("duplicate-id", format!("`{}` is already in `done`", text.id));
                self.say(&format!("{pointer}/id"), Part::Value, diagnostic.hint("give each line its own id"));
            }
            let when = text.when.as_ref().and_then(|when| self.condition(&format!("{pointer}/when"), when, names));
            let test = self.done_test(&pointer, text, names);
            all.extend(test.map(|test| Done { id: text.id.clone(), when, test }));
        }
        all
    }

    fn done_test(&mut self, pointer: &str, text: &DoneText, names: &Names) -> Option<DoneTest> {
        match (&text.that, &text.ask) {
            (Some(that), None) => self.condition(&format!("{pointer}/that"), that, names).map(DoneTest::That),
            (None, Some(ask)) => {
                let names = names.clone().with(&["run", "flow"]);
                if !ask.form.is_empty() {
                    let diagnostic = Diagnostic::error("key-without-effect", "nothing comes after `done` that could read a form");
                    self.say(
                        &format!("{pointer}/ask/form"),
                        Part::Key,
                        diagnostic.hint("ask in a step, and test its answer here"),
                    );
                }
                self.has_a_yes(&format!("{pointer}/ask/options"), ask);
                self.ask(&format!("{pointer}/ask"), ask, &names).map(DoneTest::Ask)
            }
            (None, None) => {
                let diagnostic = Diagnostic::error("no-verb", format!("`{}` tests nothing", text.id));
                self.say(
                    &format!("{pointer}/id"),
                    Part::Value,
                    diagnostic.hint("add `that: steps.smoke.passed` or `ask: {question: …}`"),
                );
                None
            }
            (Some(_), Some(_)) => {
                let diagnostic = Diagnostic::error("two-verbs", format!("`{}` has both `that` and `ask`", text.id));
                self.say(&format!("{pointer}/ask"), Part::Key, diagnostic.hint("make two lines of it"));
                None
            }
        }
    }

    fn detour(&mut self, pointer: &str, text: &DetourText) -> Option<Detour> {
        let before = self.found.len();
        let ids = self.ids(&format!("{pointer}/steps"), &text.steps);
        self.chain(&format!("{pointer}/steps"), &text.steps);
        self.snapshots(&format!("{pointer}/steps"), &text.steps);
        self.shell(&format!("{pointer}/verify"), &text.verify);
        let names = Names { steps: Arc::new(ids), frozen: self.shelf.is_frozen(), ..Names::default() };
        let when = self.detour_when(&format!("{pointer}/when"), text, &names);
        let (defaults, charter) = (DefaultsText::default(), CharterText::default());
        let shared = Shared { names: &names, defaults: &defaults, secrets: &[], charter: &charter };
        let steps = self.steps(&format!("{pointer}/steps"), &text.steps, &shared);
        if self.found[before..].iter().any(|finding| finding.diagnostic.is_error()) {
            return None;
        }
        Some(Detour {
            id: text.id.clone(),
            title: text.title.clone().unwrap_or_else(|| text.id.to_string()),
            when: when?,
            sha256: digest(&[&serde_json::to_vec(text).unwrap_or_default()]),
            steps,
            verify: text.verify.clone(),
            entries_max: text.max.unwrap_or(2),
        })
    }

    /// A detour is a chain: what would make a graph of it is refused.
    fn chain(&mut self, pointer: &str, steps: &[StepText]) {
        for (at, step) in steps.iter().enumerate() {
            let graph = [
                ("needs", step.needs.is_some()),
                ("join", step.join.is_some()),
                ("loop", step.r#loop.is_some()),
                ("for_each", step.for_each.is_some()),
                ("route", step.route.is_some()),
            ];
            for (key, _) in graph.into_iter().filter(|(_, written)| *written) {
                let diagnostic = Diagnostic::error(
                    "key-without-effect",
                    format!("`{key}` is not read in a detour: its steps run one after the other"),
                );
                self.say(&format!("{pointer}/{at}/{key}"), Part::Key, diagnostic.hint("remove it"));
            }
        }
    }

    /// What a step printed is kept where its own flow asks for it; a detour is asked in every flow.
    fn printed(&mut self, pointer: &str, expr: &Expr) {
        let texts = [StepField::Stdout, StepField::Stderr, StepField::Json];
        let Some(field) = texts.iter().find(|field| expr.reads().step.contains(field)) else { return };
        if self.shelf.is_frozen() {
            return;
        }
        let message = format!("a detour does not see `step.{}`: what a step printed is not kept for it", field.word());
        let hint = "write `when: {error: …}`, a regular expression on the error, or use what is `measured`";
        self.say(pointer, Part::Value, Diagnostic::error("unknown-field", message).hint(hint));
    }

    fn detour_when(&mut self, pointer: &str, text: &DetourText, names: &Names) -> Option<DetourWhen> {
        let when = &text.when;
        match (&when.signature, &when.error, &when.measured) {
            (Some(signature), None, None) => Some(DetourWhen::Signature(signature.clone())),
            (None, Some(error), None) => self.regex(&format!("{pointer}/error"), error).map(DetourWhen::Error),
            (None, None, Some(measured)) => {
                // Its own steps have not run when it is entered.
                let names = Names { steps: Arc::default(), ..names.clone() }.with(&["step", "measured", "iteration"]);
                let expr = self.condition(&format!("{pointer}/measured"), measured, &names)?;
                self.printed(&format!("{pointer}/measured"), &expr);
                Some(DetourWhen::Measured(expr))
            }
            _ => {
                let diagnostic = Diagnostic::error(
                    "detour-when",
                    format!("the detour `{}` must have exactly one of `signature`, `error` and `measured`", text.id),
                );
                self.say(
                    pointer,
                    Part::Key,
                    diagnostic.hint("write when it is entered: `when: {error: \"ModuleNotFoundError\"}`"),
                );
                None
            }
        }
    }
}
