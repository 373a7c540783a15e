//! Where a navigator may send a flow: one of its steps, or work that is put in before it chooses again.
//! In and out: `fix`, `flow:hotfix`, `detour:lint-fix`; the same word in decisions, as an option of a question, to a model.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{BadName, DetourId, FlowKey, FramePath, StepId};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Way {
    Step(StepId),
    Inject(Injection),
}

/// Work that the flow's author allowed to be put in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Injection {
    Flow(FlowKey),
    /// The steps of a known fix, whatever its `when` says.
    Detour(DetourId),
}

/// What was put in, and where it works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Injected {
    pub what: Injection,
    /// The how manieth injection of its flow in this run.
    pub number: u32,
    pub into: FramePath,
    /// Its steps.
    pub nodes: Vec<StepId>,
}

impl Injection {
    /// The flow's or the detour's own name.
    pub fn name(&self) -> &str {
        match self {
            Self::Flow(flow) => flow.as_str(),
            Self::Detour(detour) => detour.as_str(),
        }
    }
}

impl fmt::Display for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flow(flow) => write!(f, "flow:{flow}"),
            Self::Detour(detour) => write!(f, "detour:{detour}"),
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(step) => step.fmt(f),
            Self::Inject(injection) => injection.fmt(f),
        }
    }
}

impl FromStr for Way {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        Ok(match text.split_once(':') {
            Some(("flow", name)) => Self::Inject(Injection::Flow(FlowKey::new(name)?)),
            Some(("detour", name)) => Self::Inject(Injection::Detour(DetourId::new(name)?)),
            Some(_) | None => Self::Step(StepId::new(text)?),
        })
    }
}

impl TryFrom<String> for Way {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl TryFrom<String> for Injection {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        match text.split_once(':') {
            Some(("detour", name)) => DetourId::new(name).map(Self::Detour),
            Some(("flow", name)) => FlowKey::new(name).map(Self::Flow),
            // Without its kind it is no flow: the rule of flow keys says so.
            Some(_) | None => FlowKey::new(&format!("{text}:")).map(Self::Flow),
        }
    }
}

impl From<Way> for String {
    fn from(way: Way) -> String {
        way.to_string()
    }
}

impl From<Injection> for String {
    fn from(injection: Injection) -> String {
        injection.to_string()
    }
}

impl JsonSchema for Way {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Way".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A step of the flow, or work put in: `flow:NAME`, `detour:NAME`.",
            "type": "string",
            "pattern": "^((flow|detour):)?[a-z][a-z0-9]*(-[a-z0-9]+)*$"
        })
    }
}

impl JsonSchema for Injection {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Injection".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "`flow:NAME` or `detour:NAME`.",
            "type": "string",
            "pattern": "^(flow|detour):[a-z][a-z0-9]*(-[a-z0-9]+)*$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_one_word_on_disk_and_reads_back() {
        for text in ["fix", "flow:hotfix", "detour:lint-fix"] {
            let way: Way = text.parse().unwrap();
            let json = serde_json::to_string(&way).unwrap();
            assert_eq!((json.as_str(), serde_json::from_str::<Way>(&json).unwrap()), (format!("\"{text}\"").as_str(), way));
        }
        for text in ["", "flow:", "step:fix", "flow:Hot Fix", "a:b:c"] {
            assert!(text.parse::<Way>().is_err(), "{text}");
        }
        assert!(serde_json::from_str::<Injection>("\"hotfix\"").is_err());
    }
}
