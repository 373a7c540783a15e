//! The front matter of an agent file as people write it.
//! In: YAML between two lines of hyphens. Out: the same, typed. Never: a key of another program refused: it is kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
