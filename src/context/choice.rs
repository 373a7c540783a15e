//! What an agent is asked for at the end: its handoff, or, of a navigator, one of the ways that are open.
//! In: the ways. Out: the question, its schema, and the answer read against both. Never: an answer that is no way taken
//! for the nearest one.

use serde_json::{Value, json};

use crate::record::{Draft, DraftRouting, Injection, Status, Summary, Way};

use super::handoff;

/// What a navigator is told beyond figures of the steps before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    pub ways: Vec<Offer>,
    /// What it put in before, and what came of it.
    pub put_in: Vec<PutIn>,
}

/// One way that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub way: Way,
    pub title: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PutIn {
    pub what: Injection,
    pub measured: Value,
    /// Where its decisions lie, relative to RUN_BASE.
    pub path: String,
}

/// What is asked for at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    Handoff,
    /// One of these.
    Choice(Vec<Way>),
}

/// A navigator's answer.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    next: String,
    reason: String,
    #[serde(default)]
    confidence: Option<f64>,
    #[serde(default)]
    proposal: Option<String>,
}

impl Form {
    /// The name under which the schema goes to a server.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Handoff => handoff::SCHEMA_NAME,
            Self::Choice(_) => "choice",
        }
    }

    pub fn schema(&self) -> Value {
        match self {
            Self::Handoff => handoff::schema().clone(),
            Self::Choice(ways) => json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["next", "reason", "confidence", "proposal"],
                "properties": {
                    "next": {"type": "string", "enum": ways},
                    "reason": {"type": "string"},
                    "confidence": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
                    "proposal": {"type": ["string", "null"]},
                },
            }),
        }
    }

    /// How a conversation ends in which tools may be called first, for the prompt.
    pub fn ending(&self) -> String {
        match self {
            Self::Handoff => handoff::ending_by_question(),
            Self::Choice(ways) => format!(
                "Choose which way the flow takes: {}. The figures above were measured; what nobody measured is not there. You are \
                 asked for one JSON object: `next` (the way, exactly as it is written here), `reason` (one sentence that names \
                 the figures), `confidence` (0 to 1), `proposal` (a step that the flow lacks, in words, or null; nothing is done \
                 about it before a person has read it). If no way is right, say so in `reason` with a `confidence` of 0, and a \
                 person will be asked.\n",
                listed(ways)
            ),
        }
    }

    /// How the work of a program ends, which is not asked at its end. `artifacts`: the directory of the flow's artifacts.
    pub fn ending_at_once(&self, artifacts: &str) -> String {
        match self {
            Self::Handoff => handoff::ending_with_answer(artifacts),
            Self::Choice(_) => format!("{}{}\n", self.ending(), self.question()),
        }
    }

    /// The question at the end.
    pub fn question(&self) -> String {
        match self {
            Self::Handoff => handoff::question(),
            Self::Choice(_) => {
                format!("Give your choice now: one JSON object by this schema, and nothing else.\n{}", self.schema())
            }
        }
    }

    /// The question after an answer that could not be read.
    pub fn repair(&self, why: &str) -> String {
        match self {
            Self::Handoff => handoff::repair(why),
            Self::Choice(_) => format!("That is not a choice: {why}. Give the whole object again, corrected, and nothing else."),
        }
    }

    /// # Errors
    /// A sentence for the agent: what is wrong with its answer.
    pub fn read(&self, answer: &str) -> Result<Draft, String> {
        let Self::Choice(ways) = self else { return handoff::read(answer) };
        let text = handoff::object(answer.trim())?;
        if text.len() > handoff::DRAFT_BYTES_MAX {
            return Err(format!("it has {} bytes; at most {} are read", text.len(), handoff::DRAFT_BYTES_MAX));
        }
        let chosen: Chosen = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if !ways.iter().any(|way| way.to_string() == chosen.next) {
            let shown: String = chosen.next.chars().take(80).collect();
            return Err(format!("`{shown}` is none of {}", listed(ways)));
        }
        if chosen.confidence.is_some_and(|sure| !(0.0..=1.0).contains(&sure)) {
            return Err("`confidence` goes from 0 to 1".to_owned());
        }
        let unsure = chosen.confidence == Some(0.0);
        let routing = DraftRouting {
            next_step_suggestion: (!unsure).then_some(chosen.next),
            reason: chosen.reason.clone(),
            confidence: chosen.confidence,
            proposal: chosen.proposal,
            ..DraftRouting::default()
        };
        let summary = Summary { what_i_found: chosen.reason, ..Summary::default() };
        // It has checked nothing itself; what it says of the figures stands beside them.
        Ok(Draft { status: Status::Verified, summary, concerns: Vec::new(), assumptions: Vec::new(), routing })
    }
}

fn listed(ways: &[Way]) -> String {
    ways.iter().map(Way::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form {
        Form::Choice(["fix", "flow:hotfix"].map(|way| way.parse().unwrap()).to_vec())
    }

    fn read(next: &str, confidence: &str) -> Result<Draft, String> {
        form().read(&format!(r#"{{"next": "{next}", "reason": "3 failed", "confidence": {confidence}, "proposal": null}}"#))
    }

    #[test]
    fn a_choice_is_one_of_the_ways_or_a_sentence_that_says_why_not() {
        let chosen = read("flow:hotfix", "0.5").unwrap().routing;
        assert_eq!((chosen.next_step_suggestion.as_deref(), chosen.confidence), (Some("flow:hotfix"), Some(0.5)));
        for (next, confidence, why) in [
            ("hotfix", "0.5", "`hotfix` is none of fix, flow:hotfix"),
            ("fix or flow:hotfix", "0.5", "none of"),
            ("fix", "1.5", "`confidence` goes from 0 to 1"),
            ("fix", "\"high\"", "invalid type"),
        ] {
            let said = read(next, confidence).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
        for (answer, why) in [("fix", "no JSON object"), (r#"{"next": "fix", "reason": "", "goto": "end"}"#, "unknown field")] {
            let said = form().read(answer).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn who_is_not_sure_at_all_has_not_chosen() {
        let said = read("fix", "0").unwrap().routing;
        assert_eq!((said.next_step_suggestion, said.reason.as_str()), (None, "3 failed"));
    }

    #[test]
    fn the_schema_closes_the_choice() {
        let schema = jsonschema::validator_for(&form().schema()).unwrap();
        let answer = |next: &str| json!({"next": next, "reason": "", "confidence": null, "proposal": null});
        assert!(schema.is_valid(&answer("fix")) && !schema.is_valid(&answer("end")));
    }
}
