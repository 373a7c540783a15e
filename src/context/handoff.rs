//! The handoff: what an agent is asked for when its work is done, and how its answer is read.
//! In: the text of an answer. Out: a valid `Draft`, or the sentence that says what is wrong with it.
//! Never: one of several objects picked by chance, a draft repaired by guessing.

use std::sync::LazyLock;

use serde_json::Value;

use crate::record::Draft;

/// A handoff is a summary; what is longer belongs into an artifact.
pub const DRAFT_BYTES_MAX: usize = 64 * 1024;

/// The name under which the schema goes to a server.
pub const SCHEMA_NAME: &str = "handoff";

/// The JSON Schema of a draft, from the Rust type.
pub fn schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| schemars::schema_for!(Draft).to_value());
    &SCHEMA
}

/// What the fields mean. Said once, in the prompt, so that the agent knows from the beginning what it will be asked.
pub const MEANING: &str = "\
The handoff is one JSON object:
- `status`: VERIFIED if the task is done and you have checked it; UNVERIFIED if it is not done or not checked; BLOCKED if \
something is missing that you cannot get (say what in `concerns`).
- `summary`: `what_i_did`, `what_i_found`, `key_decisions` (a list, each as `subject: what was \
decided`; where it changes an earlier one, say `instead of`), and `evidence` with `artifacts_produced` (paths of files \
that you wrote or changed), `commands_run`, `measurements`.
- `concerns`: a list of `severity` (HIGH, MEDIUM or LOW), `description`, and where it helps `location` and `recommendation`.
- `assumptions`: a list of `assumption`, `why`, `impact_if_wrong`.
- `routing`: where it matters `can_further_iteration_help` (true or false), `failure_signature`, `reason`.
What you say is compared with what is measured: files on disk, commands that ran, figures of tests. A claim that does not \
hold is recorded as such, so say UNVERIFIED rather than hope.
";

/// How a conversation with tools ends, for the prompt.
pub fn ending_by_question() -> String {
    format!(
        "Work until the task is done or you are stuck. Then answer once without calling a tool. You will be asked for your \
         handoff after that.\n{MEANING}"
    )
}

/// Before the directory of a flow's artifacts, which is another one in each run.
pub(super) const ARTIFACTS_AT: &str = "Paths that start with `artifacts/` stand for files below `";

/// How the work of a program ends, for the prompt: it is told once, and its last answer is taken.
pub(super) fn ending_with_answer(artifacts: &str) -> String {
    format!(
        "{ARTIFACTS_AT}{artifacts}/`; read and write them there, and name them as \
         `artifacts/…`. Work until the task is done or you are stuck. Your last answer is your handoff: one JSON object by the \
         schema below, and nothing around it.\n{MEANING}The schema:\n{}\n",
        schema()
    )
}

/// The question for the handoff.
pub fn question() -> String {
    "Your work on this step ends here. Give your handoff now: one JSON object by the schema below, and nothing else.\n".to_owned()
        + &schema().to_string()
}

/// The question after an answer that was no handoff.
pub fn repair(why: &str) -> String {
    format!("That is not a valid handoff: {why}. Give the whole object again, corrected, and nothing else.")
}

/// Reads an answer: the object alone, or the only object in it.
///
/// # Errors
/// A sentence for the agent: what is wrong with its answer.
pub fn read(answer: &str) -> Result<Draft, String> {
    let text = object(answer.trim())?;
    if text.len() > DRAFT_BYTES_MAX {
        return Err(format!("it has {} bytes; at most {DRAFT_BYTES_MAX} are read", text.len()));
    }
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// The text of the one JSON object in an answer: all of it, the only fenced block, or what stands between the first
/// and the last brace.
pub(super) fn object(answer: &str) -> Result<&str, String> {
    if answer.is_empty() {
        return Err("the answer is empty".to_owned());
    }
    if answer.starts_with('{') && answer.ends_with('}') {
        return Ok(answer);
    }
    let fenced: Vec<&str> = answer.split("```").skip(1).step_by(2).collect();
    match fenced.as_slice() {
        [one] => return Ok(one.trim_start_matches(char::is_alphanumeric).trim()),
        [] => {}
        many => return Err(format!("it holds {} fenced blocks; give one object", many.len())),
    }
    match (answer.find('{'), answer.rfind('}')) {
        (Some(from), Some(to)) if from < to => Ok(&answer[from..=to]),
        _ => Err("it holds no JSON object".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Status;

    #[test]
    fn an_object_is_read_alone_fenced_or_among_words() {
        for answer in [
            r#"{"status": "VERIFIED"}"#,
            "```json\n{\"status\": \"VERIFIED\"}\n```",
            "Here you are:\n```\n{\"status\": \"VERIFIED\"}\n```\nDone.",
            "My handoff is {\"status\": \"VERIFIED\"} as asked.",
        ] {
            assert_eq!(read(answer).map(|draft| draft.status), Ok(Status::Verified), "{answer}");
        }
    }

    #[test]
    fn what_is_no_handoff_is_refused_with_a_sentence() {
        let why = |answer: &str| read(answer).unwrap_err();
        assert_eq!(why(""), "the answer is empty");
        assert_eq!(why("VERIFIED"), "it holds no JSON object");
        assert!(why(r#"{"status": "GOOD"}"#).contains("unknown variant `GOOD`"));
        assert!(why(r#"{"summary": {}}"#).contains("missing field `status`"));
        assert!(why(r#"{"status": "VERIFIED", "measured": {}}"#).contains("unknown field `measured`"));
        assert!(why("```\n{\"status\":\"VERIFIED\"}\n```\n```\n{\"status\":\"BLOCKED\"}\n```").contains("2 fenced blocks"));
        assert!(why(r#"{"status": "BLOCKED"} or {"status": "VERIFIED"}"#).contains("trailing"));
        let long = format!(r#"{{"status": "VERIFIED", "summary": {{"what_i_did": "{}"}}}}"#, "x".repeat(DRAFT_BYTES_MAX));
        assert!(why(&long).contains("at most"));
    }

    #[test]
    fn the_schema_knows_the_words() {
        let text = schema().to_string();
        for word in ["VERIFIED", "HIGH", "what_i_did", "can_further_iteration_help"] {
            assert!(text.contains(word), "{word}");
        }
    }
}
