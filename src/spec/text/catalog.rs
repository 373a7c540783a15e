//! What stands beside flows: the catalog of known fixes, and the front matter of an agent's file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::DetourId;

use super::StepText;

/// `flows/detours.yaml`: the catalog of known fixes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DetoursText {
    /// Known fixes; the first that fits is taken.
    #[schemars(length(max = 200))]
    pub detours: Vec<DetourText>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DetourText {
    pub id: DetourId,
    /// One line on what it mends.
    pub title: Option<String>,
    pub when: DetourWhenText,
    /// The fix, in order. `needs` is not read here: each step follows the one above.
    #[schemars(length(min = 1, max = 50))]
    pub steps: Vec<StepText>,
    /// Shell text whose exit 0 says that the fix took.
    pub verify: String,
    /// Entries per step of a flow; left out, 2.
    #[schemars(range(min = 1, max = 20))]
    pub max: Option<u32>,
}

/// What enters a detour; exactly one of the three.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DetourWhenText {
    /// A failure signature, as receipts show it.
    pub signature: Option<String>,
    /// A regular expression over the error and the end of standard error.
    pub error: Option<String>,
    /// CEL over the step just ended.
    pub measured: Option<String>,
}

/// The front matter of an agent file, as Claude Code writes it. Keys that are not ours are kept.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AgentText {
    /// The agent's name: the same as the file's stem, by which flows call it.
    pub name: Option<String>,
    /// When to use it, in one sentence.
    pub description: String,
    /// The tools it may use: a list, or names separated by commas; left out, all.
    pub tools: Option<ToolsText>,
    /// The tools it may not use.
    #[serde(rename = "disallowedTools")]
    pub disallowed_tools: Option<ToolsText>,
    /// A model's name or tier.
    pub model: Option<String>,
    /// Answers in one execution.
    #[serde(rename = "maxTurns")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_turns: Option<u32>,
}

/// A list of tools, or their names separated by commas.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ToolsText(pub serde_json::Value);

impl JsonSchema for ToolsText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ToolsText".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A list of tools, or their names separated by commas.",
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
        })
    }
}
