//! Names of steps and snapshots that steps use: each must be there, and be there once.
//! In: the steps as they were written. Out: findings. Never: an order judged (that is `plan`).

use std::collections::{BTreeMap, BTreeSet};

use crate::id::StepId;

use super::super::{
    Diagnostic, OnFailure, Part,
    diagnostic::{did_you_mean, one_of},
    text::{DefaultsText, StepText},
};
use super::Check;

impl Check<'_> {
    /// Every step's id, once.
    pub(super) fn ids(&mut self, pointer: &str, steps: &[StepText]) -> BTreeSet<String> {
        let mut seen: BTreeMap<&StepId, usize> = BTreeMap::new();
        for (at, step) in steps.iter().enumerate() {
            let Some(first) = seen.get(&step.id).copied() else {
                seen.insert(&step.id, at);
                continue;
            };
            let line = self.places.place(&format!("{pointer}/{first}/id"), Part::Value).line;
            let message = format!("the step id `{}` is already used in line {line}", step.id);
            self.say(
                &format!("{pointer}/{at}/id"),
                Part::Value,
                Diagnostic::error("duplicate-id", message).hint("give each step its own id"),
            );
        }
        seen.into_keys().map(ToString::to_string).collect()
    }

    /// `needs` and `loop.to`.
    pub(super) fn step_names(&mut self, pointer: &str, steps: &[StepText], ids: &BTreeSet<String>) {
        for (at, step) in steps.iter().enumerate() {
            if self.full() {
                return;
            }
            let mut named = BTreeSet::new();
            for (nth, need) in step.needs.iter().flatten().enumerate() {
                let below = format!("{pointer}/{at}/needs/{nth}");
                if need == &step.id {
                    let diagnostic = Diagnostic::error("cycle", format!("`{need}` needs itself"));
                    self.say(&below, Part::Value, diagnostic.hint("remove it; to repeat a step, use `loop`"));
                } else if !named.insert(need) {
                    let diagnostic = Diagnostic::error("duplicate-need", format!("`{need}` is already in `needs`"));
                    self.say(&below, Part::Value, diagnostic.hint("remove it"));
                } else {
                    self.step_name(&below, need, ids);
                }
            }
            if let Some(text) = &step.r#loop {
                self.step_name(&format!("{pointer}/{at}/loop/to"), &text.to, ids);
            }
        }
    }

    fn step_name(&mut self, pointer: &str, name: &StepId, ids: &BTreeSet<String>) {
        if !ids.contains(name.as_str()) {
            let hint = did_you_mean(name.as_str(), ids.iter().map(String::as_str))
                .unwrap_or_else(|| format!("the steps are {}", one_of(ids.iter().map(String::as_str))));
            self.say(pointer, Part::Value, Diagnostic::error("unknown-step", format!("there is no step `{name}`")).hint(hint));
        }
    }

    /// `compare.before` and `compare.after` name snapshots of this flow, and each snapshot is taken by one step.
    pub(super) fn snapshots(&mut self, pointer: &str, steps: &[StepText]) {
        let mut taken: BTreeMap<&str, &StepId> = BTreeMap::new();
        for (at, step) in steps.iter().enumerate() {
            let Some(snapshot) = &step.snapshot else { continue };
            if let Some(first) = taken.insert(snapshot.name.as_str(), &step.id) {
                let message = format!("the snapshot `{}` is already taken by the step `{first}`", snapshot.name);
                let diagnostic =
                    Diagnostic::error("duplicate-snapshot", message).hint("give it another name: pre, post, after-rollback");
                self.say(&format!("{pointer}/{at}/snapshot/name"), Part::Value, diagnostic);
            }
        }
        for (at, step) in steps.iter().enumerate() {
            let Some(compare) = &step.compare else { continue };
            for (key, name) in [("before", &compare.before), ("after", &compare.after)] {
                if !taken.contains_key(name.as_str()) {
                    let hint = did_you_mean(name.as_str(), taken.keys().copied()).unwrap_or_else(|| match taken.len() {
                        0 => format!("add a step above: `snapshot: {{name: {name}, files: […]}}`"),
                        _ => format!("the snapshots are {}", one_of(taken.keys().copied())),
                    });
                    let diagnostic = Diagnostic::error("unknown-snapshot", format!("no step takes the snapshot `{name}`"));
                    self.say(&format!("{pointer}/{at}/compare/{key}"), Part::Value, diagnostic.hint(hint));
                }
            }
            if compare.before == compare.after {
                let diagnostic =
                    Diagnostic::error("compare-with-itself", format!("`{}` is compared with itself", compare.before));
                self.say(
                    &format!("{pointer}/{at}/compare/after"),
                    Part::Value,
                    diagnostic.hint("name the snapshot that was taken later"),
                );
            }
        }
    }

    /// `on_failure: rollback` takes back what has an `undo`; with none it would only stop.
    pub(super) fn rollbacks(&mut self, pointer: &str, steps: &[StepText], defaults: &DefaultsText) {
        // What a flow inside did is taken back by the undos that it has.
        if steps.iter().any(|step| step.undo.is_some() || step.flow.is_some()) {
            return;
        }
        let wants = |on_failure: Option<OnFailure>| on_failure == Some(OnFailure::Rollback);
        let place = match steps.iter().position(|step| wants(step.on_failure)) {
            Some(at) => format!("{pointer}/{at}/on_failure"),
            None if wants(defaults.on_failure) => "/defaults/on_failure".to_owned(),
            None => return,
        };
        let diagnostic =
            Diagnostic::warning("rollback-without-undo", "`rollback` has nothing to take back: no step has an `undo`");
        self.say(&place, Part::Value, diagnostic.hint("give the changing step `undo: ./apply.sh --revert`"));
    }

    /// A default that no step reads.
    pub(super) fn unused_defaults(&mut self, steps: &[StepText], defaults: &DefaultsText) {
        let agents = steps.iter().any(|step| step.agent.is_some());
        for (key, written) in [("engine", defaults.engine.is_some()), ("model", defaults.model.is_some())] {
            if written && !agents {
                let diagnostic =
                    Diagnostic::warning("key-without-effect", format!("`defaults.{key}` is for agent steps, and there is none"));
                self.say(&format!("/defaults/{key}"), Part::Key, diagnostic.hint("remove it"));
            }
        }
    }
}
