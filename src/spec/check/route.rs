//! A step that chooses what comes next: what it may be, and what it may put in.
//! In: its `route` and `inject`. Out: findings, and what it may do. Never: the catalog of detours (see `injections`), the
//! graph (see `plan`).

use std::collections::BTreeSet;

use super::super::{
    Diagnostic, Effects, Part,
    charter::Excluded,
    flow::Navigates,
    text::{CharterText, InjectText, StepText},
};
use super::{Check, Missing};

impl Check<'_> {
    pub(super) fn route(&mut self, pointer: &str, text: &StepText, charter: &CharterText) -> Option<Navigates> {
        if text.route.is_none() {
            if text.inject.is_some() {
                let diagnostic = Diagnostic::error("key-without-effect", "`inject` is for a step with `route: navigator`");
                self.say(&format!("{pointer}/inject"), Part::Key, diagnostic.hint("add `route: navigator`, or remove it"));
            }
            return None;
        }
        self.chooser(pointer, text);
        let Some(inject) = text.inject.as_deref() else { return Some(Navigates::default()) };
        self.inject(&format!("{pointer}/inject"), inject, charter);
        Some(Navigates { flows: inject.flows.clone(), detours: inject.detours.clone(), injections_max: inject.max.unwrap_or(1) })
    }

    /// Whoever chooses does nothing else, and a choice that does not come is asked of a person.
    fn chooser(&mut self, pointer: &str, text: &StepText) {
        let mut wrong = |key: &str, message: &str, hint: &str| {
            self.say(&format!("{pointer}/{key}"), Part::Key, Diagnostic::error("navigator", message).hint(hint));
        };
        if text.agent.is_none() {
            let hint = "add a step after this one: `{id: which-way, agent: navigator, route: navigator}`, and let the next steps \
                        need it";
            return wrong("route", "`route: navigator` is for a step that an agent performs: its answer is the choice", hint);
        }
        let asked = "a step that chooses asks a person when no choice comes";
        let makes = "a step that chooses makes nothing else";
        let refused = [
            ("loop", text.r#loop.is_some(), "a step that ends a loop is routed by the loop", "let a step after it choose"),
            ("for_each", text.for_each.is_some(), "each item would choose for all", "let a step after it choose"),
            ("escalate", text.escalate.is_some(), asked, "put `escalate` on the step before it"),
            ("on_failure", text.on_failure.is_some(), asked, "remove it"),
            ("effects", text.effects == Some(Effects::Once), makes, "remove it"),
            ("outputs", !text.outputs.is_empty(), makes, "let a step before it write the file"),
            ("verify", !text.verify.is_empty(), makes, "let a step before it verify, so that its figures are seen"),
        ];
        for (key, _, message, hint) in refused.into_iter().filter(|(_, written, ..)| *written) {
            wrong(key, message, hint);
        }
    }

    fn inject(&mut self, pointer: &str, text: &InjectText, charter: &CharterText) {
        if text.flows.is_empty() && text.detours.is_empty() {
            let diagnostic = Diagnostic::error("key-without-effect", "`inject` names nothing that may be put in");
            self.say(pointer, Part::Key, diagnostic.hint("write `inject: {flows: [hotfix]}`, or remove it"));
        }
        for (at, flow) in text.flows.iter().enumerate() {
            if let Err(Missing::Absent(message, hint)) = self.shelf.has_flow(flow) {
                let diagnostic = Diagnostic::error("unknown-flow", message).maybe_hint(hint);
                self.say(&format!("{pointer}/flows/{at}"), Part::Value, diagnostic);
            }
        }
        let flows = text.flows.iter().enumerate().map(|(at, flow)| (format!("{pointer}/flows/{at}"), flow.as_str()));
        let detours = text.detours.iter().enumerate().map(|(at, detour)| (format!("{pointer}/detours/{at}"), detour.as_str()));
        let mut seen = BTreeSet::new();
        for (below, name) in flows.chain(detours) {
            // Both would work in the same directory of the run.
            if !seen.insert(name) {
                let diagnostic = Diagnostic::error("duplicate-id", format!("`{name}` already stands in `inject`"));
                self.say(&below, Part::Value, diagnostic.hint("remove it, or rename the flow"));
            }
            let hint = "take it out of `inject`, or out of `non_goals`";
            match charter.speaks_of(name) {
                None => {}
                Some(Excluded::ByName(goal)) => {
                    let message = format!("the charter keeps `{name}` out: \"{goal}\"");
                    self.say(&below, Part::Value, Diagnostic::error("charter", message).hint(hint));
                }
                Some(Excluded::Perhaps(goal)) => {
                    let message = format!("a non-goal of the charter speaks of `{name}`: \"{goal}\"");
                    self.say(&below, Part::Value, Diagnostic::warning("charter", message).hint(hint));
                }
            }
        }
    }
}
