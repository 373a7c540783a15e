//! The scent trail as the kernel sees it: what agents of this run decided before, and what contradicts it.
//! In: the state, and what a step says it decided. Out: earlier decisions; concerns where one is turned over in silence.
//! Never: meaning guessed from prose. Two decisions are about the same thing when they name the same subject.

use crate::{
    record::{At, Concern, Envelope},
    spec::Severity,
};

use super::state::{Slot, State};

/// More than that before the colon is a sentence and no subject.
const SUBJECT_CHARS_MAX: usize = 60;
/// Words by which a decision says that it knows the earlier one.
const REPLACES: [&str; 3] = ["instead of", "replaces", "overrides"];

/// What agents handed over in this run, with where: the results that count now, in the order of flows and steps.
pub fn handoffs(state: &State) -> impl Iterator<Item = (At, &Envelope)> {
    state.frames.values().flat_map(|frame| {
        let said = |slot: Slot| Some((frame.at(slot), frame.state(slot)?.result.as_deref()?.handoff.as_deref()?));
        let steps = frame.plan.steps.iter().filter_map(|planned| frame.plan.find(planned.spec.id.as_str()));
        let items = frame.items.keys().map(|(step, item)| Slot { step: *step, item: Some(*item) });
        steps.map(Slot::from).chain(items).filter_map(said).collect::<Vec<_>>()
    })
}

/// `subject: what was decided`, as the handoff asks for it.
fn parts(decision: &str) -> Option<(String, String)> {
    let (subject, choice) = decision.split_once(':')?;
    let folded = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let (subject, choice) = (folded(subject), folded(choice));
    let named = !subject.is_empty() && !choice.is_empty() && subject.chars().count() <= SUBJECT_CHARS_MAX;
    named.then(|| (subject, choice.trim_end_matches('.').to_owned()))
}

/// A concern for each decision that turns over an earlier one of another step without saying so.
pub(super) fn conflicts(state: &State, own: &At, decisions: &[String]) -> Vec<Concern> {
    let said: Vec<(&String, String, String)> = decisions
        .iter()
        .filter(|text| !REPLACES.iter().any(|word| text.to_lowercase().contains(word)))
        .filter_map(|text| parts(text).map(|(subject, choice)| (text, subject, choice)))
        .collect();
    if said.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (at, envelope) in handoffs(state).filter(|(at, _)| at != own) {
        for earlier in &envelope.summary.key_decisions {
            let Some((subject, choice)) = parts(earlier) else { continue };
            for (text, _, _) in said.iter().filter(|(_, own, other)| *own == subject && *other != choice) {
                found.push(Concern {
                    severity: Severity::Medium,
                    description: format!("conflict: `{text}` contradicts `{earlier}`, which step {at} decided"),
                    location: None,
                    recommendation: Some("say `instead of` where the change is meant, or keep the earlier decision".to_owned()),
                });
            }
        }
    }
    found
}
