//! Steps that a person said were done: a word in the place of a measure, and told as one.
//! In: an execution. Out: whose word it is, and how they know. Never: a duration, a check, a VERIFIED of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    kernel::State,
    record::{At, EngineWord, Fact},
    spec::Verb,
};

use super::{
    view::{Execution, RunView},
    words::{clean, first_line},
};

/// Who said that a step is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MarkedDone {
    pub by: String,
    /// How they know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl MarkedDone {
    /// A step that ended so. A question that is a step has an answer, and is no such thing.
    pub fn of(state: &State, fact: &Fact) -> Option<Self> {
        let Fact::StepEnded { at, proof, kept: Some(kept), .. } = fact else { return None };
        let frame = state.frame(&at.flow).filter(|_| proof.engine == EngineWord::Human)?;
        if frame.slot(&at.step).is_some_and(|slot| matches!(frame.plan.step(slot.step).spec.verb, Verb::Ask(_))) {
            return None;
        }
        let said = kept.json.as_ref()?;
        let word = |name: &str| said.get(name)?.as_str().map(clean);
        let marked = word("choice").as_deref() == Some("mark-done");
        marked.then(|| Self { by: word("by").unwrap_or_default(), note: word("note") })
    }

    pub fn words(&self) -> String {
        format!("marked done by {}", self.by)
    }

    /// With the note.
    pub fn told(&self) -> String {
        let note = self.note.as_deref().map(|note| format!(": {}", first_line(note))).unwrap_or_default();
        format!("{}{note}", self.words())
    }
}

pub(super) fn marked_done(view: &RunView, execution: &Execution) -> Option<MarkedDone> {
    MarkedDone::of(&view.state, execution.ended.as_ref()?.1.as_ref())
}

/// The same of the execution that counts.
pub(in crate::inspect) fn counts_by_word(view: &RunView, at: &At) -> Option<MarkedDone> {
    marked_done(view, view.current(at)?)
}
