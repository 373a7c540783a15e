//! Why a step was passed over, waits, or starts anew, and what stopped a run: closed lists that stand in facts.
//! In and out: words of the journal. Never: a reason that is free text.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// `when` was false.
    When,
    /// A step that it names in `needs` was skipped.
    NeedSkipped,
    /// `--from` or `--until` left it out.
    Scope,
    /// A person said so.
    Person,
    /// Its `join` can no longer be met.
    Unreachable,
    /// The navigator took another way.
    NotChosen,
    /// It would have changed something, or asked somebody, and the run only observes.
    ObserveOnly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WaitReason {
    Retry,
    Poll,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SupersedeReason {
    From,
    Retry,
    PushBack,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StopCause {
    Sigint,
    Sigterm,
    Cancel,
}
